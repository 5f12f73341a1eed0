//! Violations: upstream's words, and the fields that cause them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use jsonptr::Pointer;

use super::checks::Check;
use crate::facts::{ContainerFacts, ContainerList};
use crate::objects::{Template, below};
use crate::rules::Rule;
use crate::yaml::Value;

/// A violation of one check by a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The id of the check, such as `runAsNonRoot`.
    pub check: &'static str,
    /// The rule for it.
    pub rule: &'static Rule,
    /// Upstream's reason, such as `runAsNonRoot != true`.
    pub reason: &'static str,
    /// Upstream's detail: the server's message is `reason (detail), reason (detail)`.
    pub detail: String,
    /// Every field that causes it, in the order of the check; never empty.
    pub culprits: Vec<Culprit>,
}

impl Violation {
    /// The words of the server for reports. Each finding has them, so a detail that lists thousands of fields is cut.
    pub fn words(&self) -> Arc<str> {
        const LONGEST: usize = 1000;
        let (reason, detail) = (self.reason, &self.detail);
        if detail.len() <= LONGEST {
            return [reason, " (", detail, ")"].concat().into();
        }
        let mut end = LONGEST;
        while !detail.is_char_boundary(end) {
            end -= 1;
        }
        [reason, " (", &detail[..end], "…)"].concat().into()
    }
}

/// The part of a pod with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The pod spec.
    Pod,
    /// The metadata of the pod or of its template.
    Metadata,
    /// A container.
    Container {
        /// Its list.
        list: ContainerList,
        /// Its index in that list.
        index: usize,
    },
}

/// The path of a field below a part of a pod; most are those of the standards, and need not be made.
pub type Leaf = Cow<'static, Pointer>;

/// The path of a field.
pub(super) const fn leaf(path: &'static str) -> Leaf {
    Cow::Borrowed(Pointer::from_static(path))
}

/// A path that is made from keys and indices.
pub(super) fn made(field: &[&str]) -> Leaf {
    below(Pointer::root(), field.iter().copied()).into()
}

/// A field that causes a violation.
#[derive(Clone, Debug, PartialEq)]
pub struct Culprit {
    /// The part of the pod.
    pub at: At,
    /// The field below it, which may be missing.
    pub field: Leaf,
    /// The forbidden value as upstream prints it: `80`, `NET_ADMIN`, `hostPath`. `None` if the field is missing or the
    /// check has no values.
    pub found: Option<String>,
    /// The value that fixes it, if one fits every pod.
    pub fix: Option<Value>,
}

impl Culprit {
    /// What is wrong, without the part and the expected value; `field` are the tokens of its field.
    pub fn describe(
        &self,
        violation: &Violation,
        field: &[&str],
        template: &Template<'_>,
    ) -> Cow<'static, str> {
        let words = match (violation.check, field) {
            ("privileged", _) => "it is privileged",
            ("windowsHostProcess", _) => "it is a HostProcess container",
            ("runAsUser", _) => "it runs as user 0",
            (_, ["securityContext", "capabilities", "drop"]) => {
                "it does not drop the capability ALL"
            }
            _ => return Cow::Owned(self.describe_value(violation, field, template)),
        };
        Cow::Borrowed(words)
    }

    fn describe_value(
        &self,
        violation: &Violation,
        field: &[&str],
        template: &Template<'_>,
    ) -> String {
        let found = self.found.as_deref().unwrap_or_default();
        match (violation.check, field) {
            ("hostNamespaces", [name]) => format!("{name} is true"),
            ("hostPathVolumes" | "restrictedVolumes", [_, index, ..]) => {
                let index = index.parse().unwrap_or_default();
                let volume = template.volumes().nth(index);
                let name = volume.and_then(|volume| volume.text_at(["name"]));
                let name = name.unwrap_or_default();
                format!("the volume \"{name}\" has the type {found}")
            }
            ("sysctls", _) => format!("the sysctl {found} is not in the safe set"),
            ("hostPorts", _) => format!("it uses hostPort {found}"),
            ("hostProbesAndHostLifecycle", _) => {
                format!("a probe or lifecycle hook names the host {found}")
            }
            (_, ["securityContext", "capabilities", "add", _]) => {
                format!("it adds the capability {found}")
            }
            (_, ["securityContext", "capabilities", "add"]) => {
                format!("it adds the capabilities {found}")
            }
            (_, ["securityContext", "seLinuxOptions", name]) => {
                let is = if *name == "type" { found } else { "set" };
                format!("seLinuxOptions.{name} is {is}")
            }
            (_, ["annotations", ..]) => format!("it has the annotation {found}"),
            (_, ["securityContext", name, ..]) => match &self.found {
                Some(found) => [name, " is ", found].concat(),
                None => [name, " is not set"].concat(),
            },
            _ => violation.reason.to_owned(),
        }
    }
}

/// The result of a check's function; see [`Violation`].
#[derive(Debug)]
pub(super) struct Forbidden {
    pub(super) reason: &'static str,
    pub(super) detail: String,
    pub(super) culprits: Vec<Culprit>,
}

impl Forbidden {
    pub(super) fn by(self, check: &Check) -> Violation {
        Violation {
            check: check.id,
            rule: check.rule,
            reason: self.reason,
            detail: self.detail,
            culprits: self.culprits,
        }
    }
}

/// Collects the culprits in a pod; allocates nothing for a valid pod.
#[derive(Debug, Default)]
pub(super) struct Wrong<'f> {
    pod: bool,
    names: Vec<&'f str>,
    pub(super) culprits: Vec<Culprit>,
}

impl<'f> Wrong<'f> {
    pub(super) fn is_empty(&self) -> bool {
        self.culprits.is_empty()
    }

    /// Adds a field of the pod spec.
    pub(super) fn pod(&mut self, field: Leaf, found: Option<&str>, fix: Option<Value>) {
        self.pod = true;
        self.push(At::Pod, field, found, fix);
    }

    /// Adds an annotation of the pod.
    pub(super) fn annotation(&mut self, key: &str, value: &str) {
        // Upstream prints values with Go's `%q`.
        let found = format!("{key}={}", go_quoted(value));
        let field = made(&["annotations", key]);
        self.push(At::Metadata, field, Some(&found), None);
    }

    /// Adds a field of a container; consecutive fields list its name once.
    pub(super) fn container(
        &mut self,
        container: &'f ContainerFacts<'_>,
        field: Leaf,
        found: Option<&str>,
        fix: Option<Value>,
    ) {
        let at = At::Container {
            list: container.list,
            index: container.index,
        };
        if self.culprits.last().is_none_or(|last| last.at != at) {
            self.names.push(&container.name);
        }
        self.push(at, field, found, fix);
    }

    fn push(&mut self, at: At, field: Leaf, found: Option<&str>, fix: Option<Value>) {
        self.culprits.push(Culprit {
            at,
            field,
            found: found.map(str::to_owned),
            fix,
        });
    }

    /// `container "a"`, `containers "a", "b"`.
    pub(super) fn containers(&self) -> String {
        let noun = plural(self.names.len(), "container", "containers");
        [noun, " ", &quoted(self.names.iter())].concat()
    }

    /// The sorted names of the containers, without duplicates.
    pub(super) fn sorted_names(&self) -> BTreeSet<&'f str> {
        self.names.iter().copied().collect()
    }

    /// The number of containers.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// `pod and containers "a", "b"`, or one of both.
    pub(super) fn setters(&self) -> String {
        let pod = self.pod.then(|| "pod".to_owned());
        let containers = (!self.names.is_empty()).then(|| self.containers());
        let setters: Vec<String> = pod.into_iter().chain(containers).collect();
        setters.join(" and ")
    }

    /// The sorted forbidden values, without duplicates.
    pub(super) fn found(&self) -> BTreeSet<&str> {
        let found = self.culprits.iter();
        found.filter_map(|it| it.found.as_deref()).collect()
    }

    /// The result with upstream's words, if there are culprits.
    pub(super) fn forbid(
        self,
        reason: &'static str,
        detail: impl FnOnce(&Self) -> String,
    ) -> Option<Forbidden> {
        if self.is_empty() {
            return None;
        }
        let detail = detail(&self);
        Some(self.forbidden(reason, detail))
    }

    /// The result with upstream's words.
    pub(super) fn forbidden(self, reason: &'static str, detail: String) -> Forbidden {
        Forbidden {
            reason,
            detail,
            culprits: self.culprits,
        }
    }
}

/// `"a", "b"`, without escapes (`joinQuote` in `policy/helpers.go`).
pub(super) fn quoted(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut text = String::new();
    for item in items {
        text.push_str(if text.is_empty() { "\"" } else { ", \"" });
        text.push_str(item.as_ref());
        text.push('"');
    }
    text
}

/// `pluralize` in `policy/helpers.go`.
pub(super) fn plural(count: usize, one: &'static str, more: &'static str) -> &'static str {
    if count == 1 { one } else { more }
}

/// `strconv.Quote` of Go.
fn go_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        let escaped: Cow<'_, str> = match character {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\x07' => "\\a".into(),
            '\x08' => "\\b".into(),
            '\x0c' => "\\f".into(),
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            '\x0b' => "\\v".into(),
            it if is_printable(it) => it.to_string().into(),
            it if u32::from(it) < 0x80 => format!("\\x{:02x}", u32::from(it)).into(),
            it if u32::from(it) < 0x1_0000 => format!("\\u{:04x}", u32::from(it)).into(),
            it => format!("\\U{:08x}", u32::from(it)).into(),
        };
        quoted.push_str(&escaped);
    }
    quoted.push('"');
    quoted
}

/// `strconv.IsPrint` of Go. Rust escapes the same characters, except for combining marks at the start of a string.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let after_another = ['a', character];
    let text: String = after_another.iter().collect();
    text.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_in_go() {
        let quoted = |text| go_quoted(text);
        assert_eq!(quoted("unconfined"), r#""unconfined""#);
        assert_eq!(quoted("a\"b\\c\n\x01\x7f"), r#""a\"b\\c\n\x01\x7f""#);
        assert_eq!(quoted("é'e\u{301}\u{200b}"), "\"é'e\u{301}\\u200b\"");
    }
}

//! What a check forbids: upstream's words, and where it lies.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jsonptr::PointerBuf;

use super::checks::Check;
use crate::facts::{ContainerFacts, ContainerList};
use crate::objects::Template;
use crate::rules::Rule;
use crate::yaml::Value;

/// What one check forbids in a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// The id of the check, such as `runAsNonRoot`.
    pub check: &'static str,
    /// The rule that it breaks.
    pub rule: &'static Rule,
    /// Upstream's reason, such as `runAsNonRoot != true`.
    pub reason: &'static str,
    /// Upstream's detail: the server's message is `reason (detail), reason (detail)`.
    pub detail: String,
    /// Every field that is a cause of it, in the order in which the check looks at them; never empty.
    pub culprits: Vec<Culprit>,
}

/// The part of a pod that a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The pod spec.
    Pod,
    /// The metadata of the pod or of its template.
    Metadata,
    /// One of its containers.
    Container {
        /// The list that it is in.
        list: ContainerList,
        /// Its place in that list.
        index: usize,
    },
}

/// A field that is the cause of a violation.
#[derive(Clone, Debug, PartialEq)]
pub struct Culprit {
    /// The part of the pod.
    pub at: At,
    /// The field below it; it may be one that is missing.
    pub field: PointerBuf,
    /// What it says and must not, as upstream writes it: `80`, `NET_ADMIN`, `hostPath`. `None` where it is missing, and
    /// where the check's id says it all.
    pub found: Option<String>,
    /// The value that mends it, where there is one that suits every pod.
    pub mend: Option<Value>,
}

impl Culprit {
    /// What is wrong, for people: without the part, and without what is expected. `field` are the tokens of its own.
    pub fn describe(
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
                format!("the volume \"{name}\" is a {found}")
            }
            ("sysctls", _) => format!("the sysctl {found} is not among the safe ones"),
            ("hostPorts", _) => format!("it takes the port {found} of its node"),
            ("hostProbesAndHostLifecycle", _) => {
                format!("a probe or lifecycle hook names the host {found}")
            }
            ("privileged", _) => "it is privileged".to_owned(),
            ("windowsHostProcess", _) => "it is a process of its node".to_owned(),
            ("runAsUser", _) => "it runs as user 0".to_owned(),
            (_, ["securityContext", "capabilities", "add", _]) => {
                format!("it adds the capability {found}")
            }
            (_, ["securityContext", "capabilities", "drop"]) => {
                "it does not drop the capability ALL".to_owned()
            }
            (_, ["securityContext", "seLinuxOptions", name]) => {
                let is = if *name == "type" { found } else { "set" };
                format!("seLinuxOptions.{name} is {is}")
            }
            (_, ["annotations", ..]) => format!("its annotation {found}"),
            (_, ["securityContext", name, ..]) => match &self.found {
                Some(found) => [name, " is ", found].concat(),
                None => [name, " is not set"].concat(),
            },
            _ => violation.reason.to_owned(),
        }
    }
}

/// What a check's function answers; see [`Violation`].
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

/// Collects what is wrong in a pod. Nothing is allocated as long as nothing is.
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

    /// Notes a field of the pod spec.
    pub(super) fn pod(&mut self, field: &[&str], found: Option<&str>, mend: Option<Value>) {
        self.pod = true;
        self.push(At::Pod, field, found, mend);
    }

    /// Notes an annotation of the pod.
    pub(super) fn annotation(&mut self, key: &str, value: &str) {
        // Upstream prints values with Go's `%q`.
        let found = format!("{key}={}", go_quoted(value));
        self.push(At::Metadata, &["annotations", key], Some(&found), None);
    }

    /// Notes a field of a container. Its name is listed once, however many of its fields are noted in a row.
    pub(super) fn container(
        &mut self,
        container: &'f ContainerFacts<'_>,
        field: &[&str],
        found: Option<&str>,
        mend: Option<Value>,
    ) {
        let at = At::Container {
            list: container.list,
            index: container.index,
        };
        if self.culprits.last().is_none_or(|last| last.at != at) {
            self.names.push(&container.name);
        }
        self.push(at, field, found, mend);
    }

    fn push(&mut self, at: At, field: &[&str], found: Option<&str>, mend: Option<Value>) {
        self.culprits.push(Culprit {
            at,
            field: PointerBuf::from_tokens(field.iter().copied()),
            found: found.map(str::to_owned),
            mend,
        });
    }

    /// `container "a"`, `containers "a", "b"`.
    pub(super) fn containers(&self) -> String {
        let noun = plural(self.names.len(), "container", "containers");
        format!("{noun} {}", quoted(self.names.iter()))
    }

    /// The names of the containers, sorted, each once.
    pub(super) fn sorted_names(&self) -> BTreeSet<&'f str> {
        self.names.iter().copied().collect()
    }

    /// How many containers there are.
    pub(super) fn count(&self) -> usize {
        self.names.len()
    }

    /// `pod and containers "a", "b"`, or what there is of it.
    pub(super) fn setters(&self) -> String {
        let pod = self.pod.then(|| "pod".to_owned());
        let containers = (!self.names.is_empty()).then(|| self.containers());
        let setters: Vec<String> = pod.into_iter().chain(containers).collect();
        setters.join(" and ")
    }

    /// What was found, sorted, each once.
    pub(super) fn found(&self) -> BTreeSet<&str> {
        let found = self.culprits.iter();
        found.filter_map(|it| it.found.as_deref()).collect()
    }

    /// Closes the collection.
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
    let items = items.into_iter();
    let items: Vec<String> = items.map(|it| format!("\"{}\"", it.as_ref())).collect();
    items.join(", ")
}

/// `pluralize` in `policy/helpers.go`.
pub(super) fn plural(count: usize, one: &'static str, more: &'static str) -> &'static str {
    if count == 1 { one } else { more }
}

/// A text as Go's `strconv.Quote` writes it.
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

/// As Go's `strconv.IsPrint`. Rust asks the same of what it escapes, but for marks at the beginning of a text.
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
    fn texts_are_quoted_as_go_quotes_them() {
        let quoted = |text| go_quoted(text);
        assert_eq!(quoted("unconfined"), r#""unconfined""#);
        assert_eq!(quoted("a\"b\\c\n\x01\x7f"), r#""a\"b\\c\n\x01\x7f""#);
        assert_eq!(quoted("é'e\u{301}\u{200b}"), "\"é'e\u{301}\\u200b\"");
    }
}

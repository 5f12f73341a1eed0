//! `fitout explain`: why a field of an object has its value, or what a rule means.

use clap::{Args, ValueEnum};
use fitout::VOCABULARY;
use fitout::config::{Config, FunctionConfig};
use fitout::explain::{ExplainedField, Explanation, explain, name_of_item, unmanaged};
use fitout::finding::Part;
use fitout::problem::{did_you_mean, suggestion};
use fitout::read::Resource;
use fitout::report::Explained;
use fitout::rules::{Rule, When};
use fitout::text::Text;
use fitout::yaml::Node;
use jsonptr::PointerBuf;

use super::config_text::ConfigText;
use super::files::{Choice, Reader};
use super::inputs::{Manifests, config_of, decoded, failure};
use super::kustomize::Build;
use super::output::Output;
use super::{Color, Failure, SUCCESS, Source, UNREADABLE, Verbosity, WRONG_USE, embedded};

/// Explain why the fields of an object have their values, or what a rule means
///
/// With a FIELD it shows the value, the settings that decide with their lines, the profiles that do not apply and why, the values
/// in the other environments, and where to change it. Without one it lists the fields that the config sets or could set. A FIELD is
/// a path or a part of one: `spec.template.spec.containers[web].resources.limits.memory`, `web:limits.memory`, `securityContext`.
#[derive(Debug, Args)]
#[command(mut_arg("filenames", |it| it.num_args(1).required_unless_present("subject")))]
pub(super) struct Explain {
    /// An object as in kubectl, such as deployment/web or Deployment.apps/web; or a rule, such as FIT-RES002
    #[arg(value_name = "RESOURCE|RULE")]
    subject: String,
    /// A field of the object
    #[arg(value_name = "FIELD")]
    field: Option<String>,
    /// The namespace of the object
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Format of the explanation
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Form,
    /// Also list all profiles that do not apply
    #[arg(short, long)]
    verbose: bool,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// The format of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Explain {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        if let Some(rule) = self.rule()? {
            return self.explain_rule(rule);
        }
        if let Some(directory) = &self.source.overlay.kustomization {
            return self.explain_in_overlay(directory);
        }
        if self.source.filenames.is_empty() {
            let message = format_args!("error: no manifests given for {}", self.subject);
            return Err(Failure::new(WRONG_USE, message).note(
                "  = help: name the files or the overlay: `fitout explain deployment/web -f base -e production`",
            ));
        }
        let verbosity = &self.verbosity();
        let unreadable = |problems| failure(&problems, verbosity, UNREADABLE);
        let choice = Choice {
            patterns: &self.source.patterns,
            reader: Reader::Editor,
        };
        let configs = self.source.configs(verbosity)?;
        let manifests = Manifests::read(&self.source.filenames, choice, verbosity)?;
        let resources = manifests.resources().map_err(unreadable)?;
        let index = self.find(&resources)?;
        for text in &configs {
            let function_config = text.function_config(verbosity)?;
            let config = config_of(&function_config, verbosity)?;
            let object = (&*resources, None, index);
            let read = || text.function_config(verbosity);
            let elsewhere = self.elsewhere(read, &config.environment, object)?;
            self.print(&config, object, &elsewhere, &text.name)?;
        }
        Ok(SUCCESS)
    }

    fn verbosity(&self) -> Verbosity {
        Verbosity::with_color(self.color)
    }

    /// Explains an object of the build of an overlay, as the function sees it.
    fn explain_in_overlay(&self, directory: &std::path::Path) -> Result<u8, Failure> {
        let verbosity = &self.verbosity();
        for chosen in self.source.chosen(verbosity)? {
            self.explain_build(directory, chosen.as_ref())?;
        }
        Ok(SUCCESS)
    }

    fn explain_build(
        &self,
        directory: &std::path::Path,
        chosen: Option<&ConfigText>,
    ) -> Result<(), Failure> {
        let verbosity = &self.verbosity();
        let overlay = &self.source.overlay;
        let inputs = Build::run(overlay, directory, chosen, true, WRONG_USE)?.inputs;
        let (mut is_found, mut missing) = (false, None);
        Build::each(&inputs, directory, chosen, verbosity, |input| {
            let resources = &input.list.resources;
            let index = match self.find(resources) {
                Ok(index) => index,
                // Another function of the overlay may have it.
                Err(failure) => {
                    missing.get_or_insert(failure);
                    return Ok(());
                }
            };
            is_found = true;
            let own = || {
                FunctionConfig::of_list(input.node).map_err(|it| failure(&it, verbosity, WRONG_USE))
            };
            let function_config = || match chosen {
                Some(chosen) => chosen.function_config(verbosity),
                None => own(),
            };
            let object = (&**resources, Some(input.node), index);
            let own_name = &input.config.environment;
            let elsewhere = self.elsewhere(function_config, own_name, object)?;
            let name = chosen.map_or("the config of the overlay", |it| &it.name);
            self.print(input.config, object, &elsewhere, name)?;
            Ok(())
        })?;
        match missing.filter(|_| !is_found) {
            Some(failure) => Err(failure),
            None if is_found => Ok(()),
            None => Err(Failure::new(
                WRONG_USE,
                format_args!("error: {} does not run fitout", directory.display()),
            )),
        }
    }

    /// The explanations with the other environments of a config.
    fn elsewhere<'c>(
        &self,
        read: impl Fn() -> Result<FunctionConfig<'c>, Failure>,
        own: &str,
        (resources, node, index): (&[Resource<'_>], Option<Node<'_>>, usize),
    ) -> Result<Vec<(String, Explanation)>, Failure> {
        let names = read()?.environments().into_iter().filter(|it| it != own);
        names
            .map(|name| {
                let mut other = read()?;
                other.choose(name.as_str());
                let config = decoded(&other, &self.verbosity())?;
                let explained = explain(&config, resources, node, index);
                let unreadable = |it| failure(&it, &self.verbosity(), UNREADABLE);
                Ok((name, explained.map_err(unreadable)?))
            })
            .collect()
    }

    fn print(
        &self,
        config: &Config<'_>,
        (resources, node, index): (&[Resource<'_>], Option<Node<'_>>, usize),
        elsewhere: &[(String, Explanation)],
        config_name: &str,
    ) -> Result<u8, Failure> {
        let explanation = explain(config, resources, node, index);
        let mut explanation =
            explanation.map_err(|problems| failure(&problems, &self.verbosity(), UNREADABLE))?;
        let resource = &resources[index];
        let shown = match &self.field {
            None => (0..explanation.fields.len()).collect(),
            Some(field) => chosen(field, resource, &mut explanation)?,
        };
        let explained = Explained {
            environment: &config.environment,
            resource,
            explanation: &explanation,
            shown,
            elsewhere,
            config: config_name,
            is_verbose: self.verbose,
        };
        match (self.output, &self.field) {
            (Form::Json, _) => Output::data(&explained.to_json())?,
            (Form::Text, None) => {
                let mut text = explained.overview();
                let settable = explanation.fields.iter().find(|it| !it.steps.is_empty());
                if let Some(field) = settable {
                    let path = match &field.part {
                        Part::Container { name, .. } => format!("{name}:{}", field.short_path),
                        _ => field.short_path.clone(),
                    };
                    let subject = &self.subject;
                    text.line(format_args!(
                        "For the settings behind a field, add it: fitout explain {subject} {path} …"
                    ));
                }
                Output::report(&text)?;
            }
            (Form::Text, Some(_)) => Output::report(&explained.details())?,
        }
        Ok(SUCCESS)
    }

    /// The object that the arguments name.
    fn find(&self, resources: &[Resource<'_>]) -> Result<usize, Failure> {
        let (kind, name) = match self.subject.split_once('/') {
            Some((kind, name)) => (Some(kind), name),
            None => (None, self.subject.as_str()),
        };
        let is_kind = |it: &Resource<'_>| kind.is_none_or(|kind| names_kind(kind, it));
        let is_in = |it: &Resource<'_>| {
            let wanted = self.namespace.as_ref();
            wanted.is_none_or(|wanted| it.namespace.as_deref().unwrap_or("default") == wanted)
        };
        let of_kind = || resources.iter().enumerate().filter(|(_, it)| is_kind(it));
        let found: Vec<usize> = of_kind()
            .filter(|(_, it)| {
                is_in(it) && (it.name == name || it.previous_names().iter().any(|it| it == name))
            })
            .map(|(index, _)| index)
            .collect();
        let subject = &self.subject;
        match found.as_slice() {
            [only] => Ok(*only),
            [] => {
                let place = self
                    .namespace
                    .as_ref()
                    .map_or(String::new(), |it| format!(" in the namespace {it}"));
                let message = format_args!("error: there is no {subject}{place} in the manifests");
                let failure = Failure::new(WRONG_USE, message);
                if of_kind().next().is_none() {
                    let kinds = || resources.iter().map(|it| &*it.kind);
                    let kind = kind
                        .unwrap_or_default()
                        .split('.')
                        .next()
                        .unwrap_or_default();
                    let short = SHORT_NAMES
                        .iter()
                        .filter(|(_, of)| kinds().any(|it| it == *of));
                    let words = kinds().chain(short.map(|(short, _)| *short));
                    let help = suggestion(kind, words).unwrap_or_else(|| {
                        let kinds: std::collections::BTreeSet<&str> = kinds().collect();
                        let kinds: Vec<&str> = kinds.into_iter().take(MOST).collect();
                        format!("the kinds are {}", kinds.join(", "))
                    });
                    return Err(failure.note(format_args!("  = help: {help}")));
                }
                let names = || {
                    of_kind()
                        .filter(|(_, it)| is_in(it))
                        .map(|(_, it)| &*it.name)
                };
                let of_other_kind = resources.iter().find(|it| it.name == name && is_in(it));
                let of_other_namespace = of_kind().find(|(_, it)| it.name == name);
                let help = match (
                    of_other_namespace,
                    of_other_kind,
                    did_you_mean(name, names()),
                ) {
                    (Some((_, it)), ..) => format!("there is {}", it.display_name()),
                    (None, Some(it), _) => format!("there is {}", it.display_name()),
                    (None, None, Some(nearest)) => {
                        format!("did you mean `{}`?", replace_name(subject, nearest))
                    }
                    (None, None, None) => {
                        let mut names: Vec<&str> = names().collect();
                        names.sort_unstable();
                        names.dedup();
                        let left = names.len().saturating_sub(MOST);
                        names.truncate(MOST);
                        let more = if left > 0 {
                            format!(" and {left} more")
                        } else {
                            String::new()
                        };
                        format!("the names are {}{more}", names.join(", "))
                    }
                };
                Err(failure.note(format_args!("  = help: {help}")))
            }
            several => {
                let message = format_args!("error: {subject} names {} objects", several.len());
                let mut failure = Failure::new(WRONG_USE, message);
                for index in several.iter().take(MOST) {
                    let resource = &resources[*index];
                    let file = resource.origin.path.as_deref().unwrap_or_default();
                    let line = resource.node.position().line;
                    let (name, api) = (resource.display_name(), &resource.api_version);
                    failure = failure.note(format_args!("  --> {file}:{line}  {name} ({api})"));
                }
                Err(failure.note("  = help: choose one with its kind and group (`Deployment.apps/web`), with -n, or with fewer files"))
            }
        }
    }

    /// The rule that the arguments name, if they do not name an object.
    fn rule(&self) -> Result<Option<&'static Rule>, Failure> {
        let upper = self.subject.to_uppercase();
        let mut rules = VOCABULARY.rules();
        let is_it = |it: &&Rule| {
            let id = it.id.to_uppercase();
            id == upper || id.strip_prefix("FIT-") == Some(&upper)
        };
        let found = rules.find(is_it);
        if found.is_some() || !upper.starts_with("FIT-") || self.subject.contains('/') {
            return Ok(found);
        }
        let subject = &self.subject;
        let help = suggestion(&upper, VOCABULARY.rules().map(|it| it.id));
        let help = help.unwrap_or_else(|| "docs/checks.md lists all rules".to_owned());
        let message = format_args!("error: there is no rule `{subject}`");
        Err(Failure::new(WRONG_USE, message).note(format_args!("  = help: {help}")))
    }

    /// Prints the page of a rule.
    fn explain_rule(&self, rule: &Rule) -> Result<u8, Failure> {
        let page = without_links(&embedded::text(&format!("docs/rules/{}.md", rule.id))?);
        match self.output {
            Form::Text => Output::report(&Text::of_program(&page))?,
            Form::Json => {
                let when = match rule.when {
                    When::Always => "always",
                    When::OnCheck => "on-check",
                    When::OnRequest => "on-request",
                    When::OnCompare => "on-compare",
                };
                let json = serde_json::json!({
                    "apiVersion": fitout::report::API_VERSION,
                    "kind": "Rule",
                    "rule": rule.id,
                    "severity": rule.severity.as_str(),
                    "when": when,
                    "meaning": rule.meaning,
                    "otherTools": rule.peers,
                    "page": page,
                });
                Output::data(&fitout::text::json(&json))?;
            }
        }
        Ok(SUCCESS)
    }
}

/// How many candidates a message lists.
const MOST: usize = 10;

/// The short names of kubectl.
const SHORT_NAMES: [(&str, &str); 23] = [
    ("cj", "CronJob"),
    ("cm", "ConfigMap"),
    ("crd", "CustomResourceDefinition"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("ep", "Endpoints"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("ing", "Ingress"),
    ("limits", "LimitRange"),
    ("netpol", "NetworkPolicy"),
    ("no", "Node"),
    ("ns", "Namespace"),
    ("pc", "PriorityClass"),
    ("pdb", "PodDisruptionBudget"),
    ("po", "Pod"),
    ("pv", "PersistentVolume"),
    ("pvc", "PersistentVolumeClaim"),
    ("quota", "ResourceQuota"),
    ("rc", "ReplicationController"),
    ("rs", "ReplicaSet"),
    ("sa", "ServiceAccount"),
    ("sts", "StatefulSet"),
    ("svc", "Service"),
];

/// Whether `deploy`, `deployments`, `Deployment.apps` or `deployment.v1.apps` names the kind of an object.
fn names_kind(written: &str, resource: &Resource<'_>) -> bool {
    let (kind, group) = match written.split_once('.') {
        Some((kind, group)) => (kind.to_lowercase(), Some(group.to_lowercase())),
        None => (written.to_lowercase(), None),
    };
    let (version, of) = (resource.version(), resource.group());
    let is_group = group.is_none_or(|group| group == of || group == format!("{version}.{of}"));
    let name = resource.kind.to_lowercase();
    let plural = match name.as_bytes() {
        [.., before, b'y'] if !b"aeiou".contains(before) => {
            format!("{}ies", &name[..name.len() - 1])
        }
        [.., b's' | b'x'] | [.., b'c' | b's', b'h'] => format!("{name}es"),
        _ => format!("{name}s"),
    };
    let is_short = SHORT_NAMES
        .iter()
        .any(|(short, of)| *short == kind && *of == resource.kind);
    is_group && (kind == name || kind == plural || is_short)
}

/// `deploy/web` with another name.
fn replace_name(subject: &str, name: &str) -> String {
    match subject.split_once('/') {
        Some((kind, _)) => format!("{kind}/{name}"),
        None => name.to_owned(),
    }
}

/// Markdown without the targets of links.
fn without_links(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("](") {
        let (start, end) = (before.rfind('['), after.find(')'));
        match (start, end) {
            (Some(start), Some(end)) if !before[start..].contains('\n') => {
                text.push_str(&before[..start]);
                text.push_str(&before[start + 1..]);
                rest = &after[end + 1..];
            }
            _ => {
                text.push_str(before);
                text.push_str("](");
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// The fields that an argument names; a field that no section sets is added.
fn chosen(
    written: &str,
    resource: &Resource<'_>,
    explanation: &mut Explanation,
) -> Result<Vec<usize>, Failure> {
    let (container, path) = match written.split_once(':') {
        Some((container, path)) if !container.contains(['.', '[', '/']) => (Some(container), path),
        _ => (None, written),
    };
    let wanted = tokens(path);
    // The longest match is the one that is meant: the whole path, then its beginning, then a part of it.
    let mut best: (u8, Vec<usize>) = (0, Vec::new());
    for (index, field) in explanation.fields.iter().enumerate() {
        if container.is_some_and(|it| !is_of_container(it, field)) {
            continue;
        }
        let rank = rank(
            &wanted,
            &tokens(&field.path),
            &tokens(field.pointer.as_str()),
        );
        match rank.cmp(&best.0) {
            std::cmp::Ordering::Greater => best = (rank, vec![index]),
            std::cmp::Ordering::Equal if rank > 0 => best.1.push(index),
            _ => {}
        }
    }
    if best.0 > 0 {
        return Ok(best.1);
    }
    let whole = match container {
        None => Some(wanted.clone()),
        Some(container) => {
            let mut fields = explanation.fields.iter();
            let field = fields.find(|it| is_of_container(container, it));
            field.map(|field| {
                let mut whole = tokens(field.pointer.as_str());
                whole.truncate(whole.len() - tokens(&field.short_path).len());
                whole.extend_from_slice(&wanted);
                whole
            })
        }
    };
    let in_manifest = whole.and_then(|it| in_manifest(&it, resource));
    if let Some(field) = in_manifest.and_then(|it| unmanaged(resource, it)) {
        explanation.fields.push(field);
        return Ok(vec![explanation.fields.len() - 1]);
    }
    let name = resource.display_name();
    let message = format_args!(
        "error: {name} has no field `{written}` that is set or that the config could set"
    );
    let failure = Failure::new(WRONG_USE, message);
    let paths = || explanation.fields.iter().map(|it| it.path.as_str());
    // People mostly write the end of a path.
    let count = wanted.len().max(1);
    let ends = paths().map(|path| {
        let mut starts = path.rmatch_indices('.').map(|(at, _)| at + 1);
        starts.nth(count - 1).map_or(path, |start| &path[start..])
    });
    let help = match did_you_mean(path, paths().chain(ends)) {
        Some(nearest) => {
            let container = container.map_or(String::new(), |it| format!("{it}:"));
            format!("did you mean `{container}{nearest}`?")
        }
        None => format!("`fitout explain` without a field lists the fields of {name}"),
    };
    Err(failure.note(format_args!("  = help: {help}")))
}

fn is_of_container(container: &str, field: &ExplainedField) -> bool {
    matches!(&field.part, Part::Container { name, .. } if name == container)
}

/// How well a path names a field: 4 for the whole path, 3 for its beginning, 2 for its end, 1 for another part.
fn rank(wanted: &[String], named: &[String], numbered: &[String]) -> u8 {
    let is_key =
        |at: usize, key: &String| named.get(at) == Some(key) || numbered.get(at) == Some(key);
    let count = named.len();
    if wanted.is_empty() || wanted.len() > count {
        return 0;
    }
    let is_at = |start: usize| {
        wanted
            .iter()
            .enumerate()
            .all(|(at, key)| is_key(start + at, key))
    };
    let last = count - wanted.len();
    match (is_at(0), last) {
        (true, 0) => 4,
        (true, _) => 3,
        (false, _) if is_at(last) => 2,
        (false, _) if (1..last).any(is_at) => 1,
        _ => 0,
    }
}

/// The keys of a path: `a.b[c].d`, `a.b["c.d"]`, `a.b[name=c]` or `/a/b/0`.
fn tokens(path: &str) -> Vec<String> {
    if let Some(path) = path.strip_prefix('/') {
        let tokens = path.split('/');
        return tokens
            .map(|it| it.replace("~1", "/").replace("~0", "~"))
            .collect();
    }
    let mut tokens = Vec::new();
    let mut key = String::new();
    let mut rest = path.trim_start_matches(['.', '$']);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '.' => tokens.extend((!key.is_empty()).then(|| std::mem::take(&mut key))),
            '[' => {
                tokens.extend((!key.is_empty()).then(|| std::mem::take(&mut key)));
                let (inside, after) = rest.split_once(']').unwrap_or((rest, ""));
                let inside = inside.trim_start_matches("name=").trim_matches(['"', '\'']);
                tokens.push(inside.to_owned());
                rest = after;
            }
            c => key.push(c),
        }
    }
    tokens.extend((!key.is_empty()).then_some(key));
    tokens
}

/// The pointer of a path in the manifest, where items of lists go by name or number.
fn in_manifest(wanted: &[String], resource: &Resource<'_>) -> Option<PointerBuf> {
    let mut node = resource.node;
    let mut pointer = PointerBuf::new();
    for key in wanted {
        let (next, token) = if node.is_sequence() {
            let is_named = |item: &Node<'_>| name_of_item(*item).as_deref() == Some(key.as_str());
            let index = node
                .items()
                .position(|item| is_named(&item))
                .or_else(|| key.parse().ok())?;
            (node.item(index)?, index.to_string())
        } else {
            (node.get(key)?, key.clone())
        };
        pointer.push_back(jsonptr::Token::new(token));
        node = next;
    }
    (!wanted.is_empty()).then_some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_people_write_them() {
        let keys = ["spec", "containers", "web", "resources"];
        for path in [
            "spec.containers[web].resources",
            ".spec.containers[name=web].resources",
            "spec.containers[\"web\"].resources",
            "/spec/containers/web/resources",
        ] {
            assert_eq!(tokens(path), keys, "{path}");
        }
        assert_eq!(
            tokens("metadata.annotations[\"a.b/c\"]"),
            ["metadata", "annotations", "a.b/c"]
        );
        assert_eq!(tokens(""), [""; 0]);
    }

    #[test]
    fn the_whole_path_counts_most() {
        let field = tokens("spec.containers[web].resources.limits.memory");
        let numbered = tokens("/spec/containers/0/resources/limits/memory");
        let rank = |path: &str| rank(&tokens(path), &field, &numbered);
        assert_eq!(rank("spec.containers[0].resources.limits.memory"), 4);
        assert_eq!(rank("spec.containers[web].resources"), 3);
        assert_eq!(rank("limits.memory"), 2);
        assert_eq!(rank("limits"), 1);
        assert_eq!(rank("limits.cpu"), 0);
    }

    #[test]
    fn links_are_their_texts() {
        assert_eq!(
            without_links("see [the check](a.md#b), [x]"),
            "see the check, [x]"
        );
    }
}

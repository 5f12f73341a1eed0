//! Runs one check at one version on a template in YAML.

use super::Check;
use crate::facts::PodFacts;
use crate::kubernetes::Version;
use crate::pod_security::violation::{At, Forbidden};
use crate::problem::field_path;
use crate::yaml::{Stream, Value};

fn forbidden(check: &Check, minor: u32, template: &str) -> Option<Forbidden> {
    let stream = Stream::parse(template).expect("YAML");
    let root = stream.documents().next().expect("a document").root();
    let spec = root.get("spec").expect("a spec");
    let pod = PodFacts::new(spec, root.get("metadata"), false);
    check.at(Version::of_minor(minor)).and_then(|it| it(&pod))
}

/// The detail for a template; empty if it is allowed.
pub(super) fn of_template(check: &Check, minor: u32, template: &str) -> String {
    let forbidden = forbidden(check, minor, template);
    forbidden.map(|it| it.detail).unwrap_or_default()
}

/// The detail for a pod spec; empty if it is allowed.
pub(super) fn of_spec(check: &Check, minor: u32, spec: &str) -> String {
    of_template(check, minor, &format!("spec: {spec}"))
}

/// The detail for the only container `a` of a pod.
pub(super) fn of_container(check: &Check, minor: u32, container: &str) -> String {
    let container = container.trim_start_matches('{');
    of_spec(
        check,
        minor,
        &format!("{{containers: [{{name: a, {container}]}}"),
    )
}

/// The culprits in a pod spec, each with the value that fixes it.
pub(super) fn culprits(check: &Check, minor: u32, spec: &str) -> Vec<String> {
    let forbidden = forbidden(check, minor, &format!("spec: {spec}"));
    let found = forbidden.into_iter().flat_map(|it| it.culprits);
    let lines = found.map(|culprit| {
        let at = match culprit.at {
            At::Pod => String::new(),
            At::Metadata => "metadata.".to_owned(),
            At::Container { list, index } => format!("{}[{index}].", list.as_str()),
        };
        let fix = culprit.fix.as_ref().map(Value::to_string);
        let fix = fix.map(|it| format!(" = {it}")).unwrap_or_default();
        format!("{at}{}{fix}", field_path(&culprit.field))
    });
    lines.collect()
}

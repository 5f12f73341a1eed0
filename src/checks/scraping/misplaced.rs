//! FIT-PRM007: scrape annotations where no reader looks.

use super::super::Scene;
use super::MISPLACED;
use crate::finding::{Finding, Subject};
use crate::problem::field_path;
use crate::select::Selected;
use crate::text::few;
use crate::transformers::Scope;
use crate::transformers::prometheus::Prometheus;
use crate::yaml::{Node, Value};

/// Scrape annotations of a workload whose pods have none: a frequent mistake.
pub(super) fn misplaced(scene: &Scene<'_>, selected: &Selected<'_, '_>) -> Vec<Finding> {
    let resource = selected.target.resource;
    let is_workload = matches!(resource.group(), "apps" | "batch" | "argoproj.io")
        || resource.kind == "ReplicationController";
    let [template] = selected.target.templates.as_slice() else {
        return Vec::new();
    };
    if !is_workload || selected.skips("prometheus") {
        return Vec::new();
    }
    let default = Prometheus::default();
    let scope = Scope::of(&scene.transformers.prometheus, scene.selection, selected);
    let section = scope.section();
    let settings = section.as_ref().map_or(&default, |it| &it.settings);
    let word = |key: &str, value: &str| {
        let own = settings.word(key, value);
        own.or_else(|| settings.others_word(key, value).map(|it| it.0))
    };
    let said = |annotations: Option<Node<'_>>| {
        let entries = annotations.into_iter().flat_map(Node::entries);
        let said = entries.filter_map(|(key, value)| {
            let (key, value) = (key.text()?, value.text()?);
            word(&key, &value).map(|_| (key.into_owned(), value.into_owned()))
        });
        said.collect::<Vec<_>>()
    };
    let places: [&[&str]; 2] = [
        &["metadata", "annotations"],
        &["spec", "jobTemplate", "metadata", "annotations"],
    ];
    let at = |path: &[&str]| resource.node.at(path.iter().copied());
    let mut found = places.into_iter().map(|path| (path, said(at(path))));
    let Some((path, found)) = found.find(|(_, found)| !found.is_empty()) else {
        return Vec::new();
    };
    if !said(template.node.at(["metadata", "annotations"])).is_empty() {
        return Vec::new();
    }
    let (key, value) = &found[0];
    let keys: Vec<String> = found.iter().map(|(key, _)| key.clone()).collect();
    let keys = few(&keys).unwrap_or_default();
    let (are, them) = match found.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    let kind = if path[0] == "metadata" {
        &resource.kind
    } else {
        "Job"
    };
    let message = format!(
        "{keys} {are} on a {kind}, where no reader looks: scrape annotations belong to pods or Services"
    );
    let field: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
    let to = template.pod_metadata.at(&["annotations"]);
    let finding = Finding::new(&MISPLACED, message)
        .about(&Subject::object(), &field)
        .current(Some(Value::from(value.as_str())))
        .help(format!("move {them} to {}", field_path(&to)));
    vec![finding]
}

//! What CustomResourceDefinitions refuse in objects of their kinds.

use std::borrow::Cow;

use kustomize_krm_types::Severity;

use super::super::Scene;
use super::field::of_field;
use super::{DEPRECATED, LEFT_OUT, NOT_SERVED, meant_by};
use crate::finding::{Finding, Subject};
use crate::hashing::{HashMap, HashSet};
use crate::kubernetes::schema::{self, Fault};
use crate::problem::one_of;
use crate::rules::Rule;
use crate::sorting;
use crate::yaml::{Node, Stream};

/// Keys of schemas that are left to the API server.
const LEFT: [&str; 6] = [
    "x-kubernetes-validations:", "allOf:", "anyOf:", "oneOf:", " not:", " format:",
];

/// A CustomResourceDefinition, and its index if it is in the input.
type Definition<'s> = (Option<usize>, Node<'s>);

/// The definitions of the input, and of the files that the config names, by group and kind.
fn definitions<'s>(scene: &Scene<'s>) -> HashMap<(Cow<'s, str>, Cow<'s, str>), Definition<'s>> {
    let files = scene.config.definitions.iter().flat_map(Stream::documents);
    let files = files.flat_map(|it| {
        let root = it.root();
        let is_list = root.text_at(["kind"]).is_some_and(|it| it == "List");
        let items = root.items_at(["items"]).filter(move |_| is_list);
        items.chain((!is_list).then_some(root))
    });
    let input = scene.objects().resources.iter().enumerate();
    let input = input.map(|(index, it)| (Some(index), it.node));
    let all = files.map(|node| (None, node)).chain(input);
    all.filter_map(|(index, node)| {
        let text = |path: &[&str]| node.text_at(path.iter().copied());
        let is_definition = text(&["kind"])? == "CustomResourceDefinition"
            && text(&["apiVersion"])? == "apiextensions.k8s.io/v1"
            && node.at(["spec", "versions"]).is_some();
        let name = (text(&["spec", "group"])?, text(&["spec", "names", "kind"])?);
        is_definition.then_some((name, (index, node)))
    })
    .collect()
}

/// What CustomResourceDefinitions refuse in objects of their kinds.
pub(super) fn of_custom(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !scene.config.validate_only {
        return findings;
    }
    if scene.config.definitions.is_empty() && !scene.config.checks.definitions.is_empty() {
        let message =
            "a KRM function reads no files, so what `checks.definitions` names does not count here";
        let finding = Finding::new(&LEFT_OUT, message);
        findings.push(
            finding.help("run `fitout check`, or list the definitions under `resources` as well"),
        );
    }
    let definitions = definitions(scene);
    if definitions.is_empty() {
        return findings;
    }
    let objects = scene.objects();
    let mut kinds_of: HashMap<&str, Vec<&str>> = HashMap::default();
    for (group, kind) in definitions.keys() {
        kinds_of.entry(group).or_default().push(kind);
    }
    let mut custom = schema::Custom::default();
    let mut left = HashMap::default();
    for selected in &scene.selection.selected {
        let resource = selected.target.resource;
        let Some((group, version)) = resource.api_version.split_once('/') else {
            continue;
        };
        let key = (Cow::Borrowed(group), resource.kind.clone());
        let Some(definition) = definitions.get(&key) else {
            // Other kinds of the group may be defined elsewhere.
            let kinds = kinds_of.get(group).map_or(&[][..], Vec::as_slice);
            let near = kinds.iter().copied();
            let near = objects.did_you_mean(&resource.kind, near, kinds.len());
            if let Some(near) = near {
                let message = format!("no CustomResourceDefinition has the kind {}", resource.kind);
                let finding = Finding::graded(&NOT_SERVED, Severity::Warning, message);
                let finding = finding.about(&Subject::object(), &["kind"]);
                let help = format!("did you mean `{near}`?");
                findings.push(finding.help(help).of(selected.index));
            }
            continue;
        };
        let node = definition.1;
        let mut report = |it: Finding| findings.push(it.of(selected.index));
        let about = |rule: &'static Rule, message: String| {
            Finding::new(rule, message).about(&Subject::object(), &["apiVersion"])
        };
        let versions = || {
            node.at(["spec", "versions"])
                .into_iter()
                .flat_map(Node::items)
        };
        let served = || versions().filter(|it| it.bool_at(["served"]) != Some(false));
        let Some(of) = served().find(|it| it.text_at(["name"]).as_deref() == Some(version)) else {
            let names: Vec<_> = served().filter_map(|it| it.text_at(["name"])).collect();
            let names: Vec<&str> = names.iter().map(|it| &**it).collect();
            let message = format!("its CustomResourceDefinition does not serve {version}");
            let finding = about(&NOT_SERVED, message);
            report(match names.is_empty() {
                true => finding,
                false => finding.help(format!("the versions are {}", one_of(&names))),
            });
            continue;
        };
        if of.bool_at(["deprecated"]) == Some(true) {
            let kind = &resource.kind;
            let message = format!("{} {kind} is deprecated", resource.api_version);
            report(about(&DEPRECATED, message));
        }
        let keeps_all = node
            .at(["spec"])
            .and_then(|it| it.bool_at(["preserveUnknownFields"]));
        let Some(root) = of.at(["schema", "openAPIV3Schema"]) else {
            continue;
        };
        let mut violations = custom.violations(root, resource.node);
        let meant: HashSet<_> = violations.iter().filter_map(meant_by).collect();
        violations.retain(|it| !meant.contains(&it.path));
        for it in violations {
            let is_kept = keeps_all == Some(true) && matches!(it.fault, Fault::Unknown { .. });
            if !is_kept {
                report(of_field(it, 0, true));
            }
        }
        left.insert(std::ptr::from_ref(definition), definition);
    }
    let is_left = |node: Node<'_>| {
        let text = &node.stream().text()[node.span()];
        LEFT.iter().any(|key| text.contains(key))
    };
    let mut left: Vec<_> = left.into_values().copied().collect();
    left.retain(|(_, node)| is_left(*node));
    sorting::sort_by_key(&mut left, |(index, node)| (*index, node.span().start));
    if let Some((index, _)) = left.first() {
        let others = match left.len() - 1 {
            0 => String::new(),
            1 => " and of another one".to_owned(),
            others => format!(" and of {others} others"),
        };
        let message = format!(
            "only the API server evaluates x-kubernetes-validations (CEL), allOf, anyOf, oneOf, not and formats of this definition{others}"
        );
        let finding = Finding::new(&LEFT_OUT, message);
        findings.push(match index {
            Some(index) => finding.of(*index),
            None => finding,
        });
    }
    findings
}

//! Patches: objects that are a part of another one, and must not be taken for whole ones.
//!
//! Sources: the directives of strategic merge patches in `k8s.io/apimachinery/pkg/util/strategicpatch`, and the fields that
//! `pkg/apis/{apps,batch,core}/validation` of Kubernetes require.

use std::collections::HashSet;

use super::index::{Objects, SkipReason};
use super::target::Target;
use crate::read::Resource;
use crate::yaml::Node;

/// Keys that only patches have, without their `$`; those that end in `/` are followed by the name of a field.
const DIRECTIVES: [&str; 4] = [
    "patch", "retainKeys", "setElementOrder/", "deleteFromPrimitiveList/",
];

/// Groups of the kinds whose containers all need an image.
const GROUPS: [&str; 5] = ["", "apps", "batch", "apps.kruise.io", "argoproj.io"];

/// Why an object is a patch; `None` if it may be whole.
pub fn why_patch(target: &Target<'_>) -> Option<String> {
    let resource = target.resource;
    if let Some(directive) = directive(resource) {
        return Some(format!("it has the directive `{directive}`"));
    }
    let templates = target.templates.iter();
    let whole = templates.filter(|it| it.is_whole() && !it.has_more_containers);
    let mut containers = whole.flat_map(|it| &it.containers);
    let has_selector = has(resource, "selector");
    if GROUPS.contains(&resource.group())
        && !has_selector
        && containers.any(|container| !has_image(container.node))
    {
        let why = match resource.kind.as_ref() {
            "Pod" | "PodTemplate" | "Job" | "CronJob" => "a container has no image",
            _ => "a container has no image, and there is no selector",
        };
        return Some(why.to_owned());
    }
    let has_claims_only = target.templates.is_empty() && !target.claims.is_empty();
    let is_patch = resource.group() == "apps" && has_claims_only && !has_selector;
    is_patch.then(|| "it has claim templates, but no pod template and no selector".to_owned())
}

/// Whether an object is left out as a patch. `check` leaves out only what the API server would refuse as a whole object.
pub fn patch_reason(target: &Target<'_>, validate_only: bool) -> Option<SkipReason> {
    let is_patch = why_patch(target).is_some() && !(validate_only && is_whole(target.resource));
    is_patch.then_some(SkipReason::Patch)
}

/// Whether what looks like a patch is a whole object with a mistake: pods, jobs and ReplicationControllers need no selector
/// that a patch could lack, and nothing in the input has an image for them.
pub fn is_mistake(objects: &Objects<'_>, target: &Target<'_>) -> bool {
    let resource = target.resource;
    let kinds = [
        "Pod", "PodTemplate", "ReplicationController", "Job", "CronJob",
    ];
    if !kinds.contains(&&*resource.kind) || !resource.is_typed() || directive(resource).is_some() {
        return false;
    }
    !objects.has_other(resource, is_whole)
}

/// Whether an object has pods, and every field that the API server requires of one with pods.
pub fn is_whole(resource: &Resource<'_>) -> bool {
    let Ok(target) = Target::of(resource, &[], &[]) else {
        return true;
    };
    let templates = &target.templates;
    let mut containers = templates.iter().flat_map(|it| &it.containers);
    if templates.is_empty() {
        return target.undeclared_containers().any(|it| starts(it.node));
    }
    // Where one image is the action of a template, the other containers start.
    containers.clone().any(|it| starts(it.node))
        && containers.all(|it| has_image(it.node))
        && match (resource.group(), resource.kind.as_ref()) {
            ("apps", _) => has(resource, "selector"),
            ("batch", "CronJob") => has(resource, "schedule"),
            ("batch", "Job") => templates[0].spec.get("restartPolicy").is_some(),
            _ => true,
        }
}

fn has(resource: &Resource<'_>, field: &str) -> bool {
    resource.node.at(["spec", field]).is_some()
}

fn has_image(container: Node<'_>) -> bool {
    container
        .text_at(["image"])
        .is_some_and(|it| !it.is_empty())
}

/// Whether the image of a container is not a name that a template still has to make, from which none starts.
fn starts(container: Node<'_>) -> bool {
    let image = container.text_at(["image"]);
    !image.is_some_and(|image| image.contains("{{"))
}

/// The first directive in an object.
fn directive(resource: &Resource<'_>) -> Option<String> {
    let text = &resource.node.stream().text()[resource.node.span()];
    // Almost no object has one, so the text decides first whether to look. In double quotes `$` can be escaped.
    let is_near = |at: usize| {
        let mut rest = ["$", "\\u0024", "\\x24", "\\U00000024"].iter();
        let rest = rest.find_map(|dollar| text[at..].strip_prefix(dollar));
        rest.is_some_and(|rest| DIRECTIVES.iter().any(|it| rest.starts_with(it)))
    };
    let mut candidates = memchr::memchr2_iter(b'$', b'\\', text.as_bytes());
    if !candidates.any(is_near) {
        return None;
    }
    let mut seen = HashSet::new();
    let mut open = vec![resource.node];
    while let Some(node) = open.pop() {
        if !seen.insert(node.id()) {
            continue;
        }
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            let name = key.strip_prefix('$').unwrap_or_default();
            let is_directive = |it: &str| match it.ends_with('/') {
                true => name.starts_with(it),
                false => name == it,
            };
            if DIRECTIVES.iter().any(|it| is_directive(it)) {
                return Some(key.into_owned());
            }
            open.push(value);
        }
        open.extend(node.items());
    }
    None
}

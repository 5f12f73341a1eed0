//! What an apply of the changes does to objects that exist in a cluster: pods restart, or the API server rejects the change.

use kustomize_krm_types::ResourceIdentifier;
use serde::Serialize;

use super::{Report, counted, name_of, plural, reference};
use crate::edit::Change;
use crate::finding::Part;
use crate::objects::OnChange;
use crate::problem::field_path;
use crate::read::Resource;
use crate::text::Text;

/// The changed objects by what happens when the change is applied; each is in one list.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Effects {
    /// Their pods are replaced.
    #[cfg_attr(test, schemars(with = "Vec<super::ResourceRef>"))]
    restarts: Vec<ResourceIdentifier>,
    /// Their pods are replaced when someone deletes them, because their update strategy is OnDelete.
    #[cfg_attr(test, schemars(with = "Vec<super::ResourceRef>"))]
    restarts_on_delete: Vec<ResourceIdentifier>,
    /// Running pods stay; pods that start later have the changes.
    #[cfg_attr(test, schemars(with = "Vec<super::ResourceRef>"))]
    next_run: Vec<ResourceIdentifier>,
    /// The API server rejects the change if the object exists.
    immutable: Vec<Immutable>,
    /// The indices of the objects, by list.
    #[serde(skip)]
    objects: [Vec<usize>; 4],
}

/// An object with changes that the API server rejects if it exists.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Immutable {
    #[cfg_attr(test, schemars(with = "super::ResourceRef"))]
    resource_ref: ResourceIdentifier,
    /// The first of the fields that cannot change.
    field: String,
    /// Their number.
    fields: usize,
}

impl Effects {
    /// The effects of changes, which are in the order of the objects.
    pub(super) fn of(changes: &[Change], resources: &[Resource<'_>]) -> Effects {
        let mut effects = Effects::default();
        for changes in changes.chunk_by(|a, b| a.resource == b.resource) {
            let resource = &resources[changes[0].resource];
            let (object, name) = (changes[0].resource, reference(resource));
            // Only the metadata of a pod can change.
            let is_pod = resource.group().is_empty() && resource.kind == "Pod";
            let is_rejected = |change: &&Change| {
                let is_spec = is_pod && change.subject.part != Part::Object;
                change.immutable
                    || is_spec
                        && change
                            .pointer()
                            .first()
                            .is_some_and(|it| it.decoded() == "spec")
            };
            let mut rejected = changes.iter().filter(is_rejected);
            let has = |effect| changes.iter().any(|it| it.subject.on_change == effect);
            if let Some(first) = rejected.next() {
                effects.objects[3].push(object);
                effects.immutable.push(Immutable {
                    resource_ref: name,
                    field: field_path(&first.pointer()),
                    fields: 1 + rejected.count(),
                });
            } else if has(OnChange::Rollout) {
                let strategy = resource.node.text_at(["spec", "updateStrategy", "type"]);
                let (list, at) = match strategy.as_deref() {
                    Some("OnDelete") => (&mut effects.restarts_on_delete, 1),
                    _ => (&mut effects.restarts, 0),
                };
                list.push(name);
                effects.objects[at].push(object);
            } else if has(OnChange::NextRun) {
                effects.next_run.push(name);
                effects.objects[2].push(object);
            }
        }
        effects
    }

    /// The indices of the objects in each list.
    pub(super) fn objects(&self) -> &[Vec<usize>; 4] {
        &self.objects
    }

    /// Whether no object has an effect.
    pub(super) fn is_empty(&self) -> bool {
        self.restarts.is_empty()
            && self.restarts_on_delete.is_empty()
            && self.next_run.is_empty()
            && self.immutable.is_empty()
    }
}

/// What an apply does, in one line; with the objects, if `all`.
pub fn effects(report: &Report, all: bool) -> Text {
    let (effects, mut text) = (&report.on_apply, Text::default());
    let rejected = effects.immutable.iter().map(|it| &it.resource_ref);
    let lists: [(&str, &str, Vec<&ResourceIdentifier>); 4] = [
        ("restarts", "restart", effects.restarts.iter().collect()),
        (
            "restarts when its pods are deleted",
            "restart when their pods are deleted (OnDelete)",
            effects.restarts_on_delete.iter().collect(),
        ),
        (
            "changes with its next pods",
            "change with their next pods",
            effects.next_run.iter().collect(),
        ),
        (
            "is rejected if it exists, because the fields are immutable",
            "are rejected if they exist, because the fields are immutable",
            rejected.collect(),
        ),
    ];
    let mut parts = Vec::new();
    for (one, many, objects) in &lists {
        if !objects.is_empty() {
            let kinds = counted(objects.iter().map(|it| it.kind.as_str()));
            let verb = if objects.len() == 1 { one } else { many };
            parts.push(format!(
                "{}{kinds} {verb}",
                plural(objects.len(), "object", "objects")
            ));
        }
    }
    if parts.is_empty() {
        return text;
    }
    text.line(format_args!("On apply  {}", parts.join("; ")));
    if all {
        for (one, _, objects) in lists.iter().take(3) {
            for object in objects {
                text.line(format_args!("  {}: {one}", name_of(object)));
            }
        }
        for it in &effects.immutable {
            let more = match it.fields {
                1 => String::new(),
                fields => format!(" and {} more", fields - 1),
            };
            text.line(format_args!(
                "  {}: is rejected if it exists: {}{more}",
                name_of(&it.resource_ref),
                it.field
            ));
        }
    }
    text
}

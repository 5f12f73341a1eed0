//! Step 7: the edits become text. Everything else is copied.

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Result as KrmResult;

use crate::edit::Change;
use crate::problem::{Place, Problem, Problems};
use crate::read::{Resource, ResourceList};
use crate::yaml::{Change as YamlChange, Edit, Refusal, Stream, Value};

/// The ResourceList with its items edited and results added, as one text.
///
/// # Errors
/// `FIT-INP003` when an edit cannot be made without touching what it must not touch.
pub fn resource_list(
    list: &ResourceList<'_>,
    changes: &[Change],
    results: &[KrmResult],
) -> Result<String, Problems> {
    let (mut edits, of_changes) = to_edits(changes, &list.resources);
    let drops = list.bookkeeping_to_drop();
    edits.extend(drops.into_iter().map(|(node, pointer)| Edit {
        root: node.id(),
        pointer,
        change: YamlChange::Remove,
    }));
    if !results.is_empty() {
        let mut values: Vec<Value> = list
            .root
            .items_at(["results"])
            .filter_map(|node| node.value().ok())
            .collect();
        values.extend(
            results
                .iter()
                .map(|result| serde_json::to_value(result).map_or(Value::Null, Value::from)),
        );
        let pointer = jsonptr::PointerBuf::from_tokens(["results"]);
        edits.push(Edit {
            root: list.root.id(),
            pointer,
            change: YamlChange::Set(Value::Sequence(values)),
        });
    }
    let stream = list.root.stream();
    stream.edit(&edits).map_err(|refusal| {
        let change = of_changes.get(refusal.edit).map(|index| &changes[*index]);
        refused(&refusal, change, &list.resources, stream).into()
    })
}

/// What a validator answers kustomize with when nothing is wrong.
///
/// kustomize throws away what validators put out, but fails when it sees its objects come back, because it has changed
/// their annotations itself (issue 5036). Without them it passes; and were the config listed under `transformers` by
/// mistake, what is left is an object that every cluster refuses, where nothing at all would be an empty build.
pub fn passed_validation() -> String {
    let marker = format!(
        "- apiVersion: {}\n  kind: CheckConfigUsedAsTransformer\n  metadata:\n    name: move-this-config-to-validators\n",
        crate::config::API_VERSION
    );
    format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{marker}")
}

/// One text with the changes that lie in it.
///
/// # Errors
/// As [`resource_list`].
pub fn text(
    stream: &Stream,
    changes: &[Change],
    resources: &[Resource<'_>],
) -> Result<String, Problem> {
    let (edits, of_changes) = to_edits(changes, resources);
    stream.edit(&edits).map_err(|refusal| {
        let change = of_changes.get(refusal.edit).map(|index| &changes[*index]);
        refused(&refusal, change, resources, stream)
    })
}

/// The edits that changes come to, and for each the index of its change.
fn to_edits(changes: &[Change], resources: &[Resource<'_>]) -> (Vec<Edit>, Vec<usize>) {
    let (mut edits, mut of_changes, mut first) = (Vec::new(), Vec::new(), 0);
    for changes_of_one in changes.chunk_by(|a, b| a.resource == b.resource) {
        let resource = &resources[changes_of_one[0].resource];
        let removed = removed(changes_of_one, resource);
        // Where an emptied map goes, what was in it needs no edit of its own.
        let mut gone: Vec<&Pointer> = Vec::new();
        for (index, change) in changes_of_one.iter().enumerate() {
            let (pointer, change) = match &change.proposed {
                Some(value) => {
                    let mut pointer = change.pointer();
                    if change.appends {
                        pointer.pop_back();
                        pointer.push_back("-");
                    }
                    (pointer, YamlChange::Set(value.clone()))
                }
                None => {
                    let pointer = change.pointer();
                    let Some(outermost) = removed.iter().find(|it| pointer.starts_with(it)) else {
                        continue;
                    };
                    if gone.contains(&outermost.as_ptr()) {
                        continue;
                    }
                    gone.push(outermost);
                    (outermost.clone(), YamlChange::Remove)
                }
            };
            let root = resource.node.id();
            edits.push(Edit {
                root,
                pointer,
                change,
            });
            of_changes.push(first + index);
        }
        first += changes_of_one.len();
    }
    (edits, of_changes)
}

/// What goes when the changes of one object are made: the removed leaves, and instead of them the
/// maps around that hold nothing else, up to the part that each leaf belongs to.
fn removed(changes: &[Change], resource: &Resource<'_>) -> Vec<PointerBuf> {
    let mut removed: Vec<PointerBuf> = Vec::new();
    let is_filled = |map: &Pointer| {
        let kept = changes.iter().filter(|change| change.proposed.is_some());
        kept.map(Change::pointer).any(|at| at.starts_with(map))
    };
    for change in changes.iter().filter(|change| change.proposed.is_none()) {
        let pointer = change.pointer();
        removed.push(pointer.clone());
        let mut at: &Pointer = &pointer;
        while let Some(map) = at
            .parent()
            .filter(|map| map.len() > change.subject.path.len())
        {
            let Some(node) = resource.node.pointer(map).filter(|_| !is_filled(map)) else {
                break;
            };
            let goes = |key: &str| removed.contains(&map.with_trailing_token(key));
            let keys: Vec<_> = node.entries().map(|(key, _)| key.text()).collect();
            if !node.is_map() || !keys.iter().flatten().all(|key| goes(key)) {
                break;
            }
            removed.retain(|inner| !inner.starts_with(map));
            removed.push(map.to_owned());
            at = map;
        }
    }
    removed
}

fn refused(
    refusal: &Refusal,
    change: Option<&Change>,
    resources: &[Resource<'_>],
    stream: &Stream,
) -> Problem {
    let problem = Problem::new(
        "FIT-INP003",
        format!("cannot be edited safely: {}", refusal.message),
    );
    let Some(change) = change else {
        return problem;
    };
    let resource = &resources[change.resource];
    let file = resource
        .origin
        .path
        .as_deref()
        .filter(|_| resource.origin.has_lines);
    problem
        .at(Place::at(stream, refusal.offset..refusal.offset, file))
        .subject(resource.display_name())
        .field(crate::problem::field_path(&change.pointer()))
        .help("nothing was written; write that part of the manifest more plainly, or leave the object out with `fitout.dev/skip: \"true\"`")
}

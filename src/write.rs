//! Step 7: writes edits into the text, and copies everything else.

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Result as KrmResult;

use crate::edit::Change;
use crate::problem::{Place, Problem, Problems};
use crate::read::{Host, Resource, ResourceList};
use crate::yaml::{Change as YamlChange, Edit, Footers, Refusal, Stream, Value};

/// The ResourceList with its items edited and results added, as one text.
///
/// # Errors
/// `FIT-INP003` if an edit cannot be made without changing other text, and `FIT-INP010` for objects that are encrypted or
/// signed as a whole.
pub fn resource_list(
    list: &ResourceList<'_>,
    changes: &[Change],
    results: &[KrmResult],
) -> Result<String, Problems> {
    refuse_sealed(changes, &list.resources)?;
    let (mut edits, of_changes) = to_edits(changes, &list.resources);
    let drops = list.bookkeeping_to_drop();
    edits.extend(drops.into_iter().map(|(node, pointer)| Edit {
        root: node.id(),
        pointer,
        change: YamlChange::Remove,
    }));
    if !results.is_empty() {
        let existing = list.root.items_at(["results"]);
        let existing = existing.filter_map(|node| node.value().ok());
        let to_value =
            |result| serde_json::to_value::<&KrmResult>(result).map_or(Value::Null, Value::from);
        let values = existing.chain(results.iter().map(to_value)).collect();
        let pointer = PointerBuf::from_tokens(["results"]);
        edits.push(Edit {
            root: list.root.id(),
            pointer,
            change: YamlChange::Set(Value::Sequence(values)),
        });
    }
    let stream = list.root.stream();
    let footers = match list.host {
        Host::Kpt => Footers::OfTheEntryAbove,
        _ => Footers::AtTheEnd,
    };
    stream.edit_with(&edits, footers).map_err(|refusal| {
        let change = of_changes.get(refusal.edit).map(|index| &changes[*index]);
        refused(&refusal, change, &list.resources, stream).into()
    })
}

/// The output of a validator that passes in kustomize.
///
/// kustomize discards the output of validators, but fails if the output has the objects, because it has changed their
/// annotations itself (issue 5036). So they are left out. If the config is listed under `transformers` by mistake, the
/// output is an object that every cluster rejects, instead of an empty build.
pub fn passed_validation() -> String {
    let marker = format!(
        "- apiVersion: {}\n  kind: CheckConfigUsedAsTransformer\n  metadata:\n    name: move-this-config-to-validators\n",
        crate::config::API_VERSION
    );
    format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{marker}")
}

/// One text with its changes.
///
/// # Errors
/// As [`resource_list`].
pub fn text(
    stream: &Stream,
    changes: &[Change],
    resources: &[Resource<'_>],
) -> Result<String, Problems> {
    refuse_sealed(changes, resources)?;
    let (edits, of_changes) = to_edits(changes, resources);
    stream.edit(&edits).map_err(|refusal| {
        let change = of_changes.get(refusal.edit).map(|index| &changes[*index]);
        refused(&refusal, change, resources, stream).into()
    })
}

/// Objects that are encrypted or signed as a whole and would change.
fn refuse_sealed(changes: &[Change], resources: &[Resource<'_>]) -> Result<(), Problems> {
    let of_one = changes.chunk_by(|a, b| a.resource == b.resource);
    let problems = of_one.filter_map(|changes| {
        let leaves: Vec<PointerBuf> = changes.iter().map(Change::pointer).collect();
        resources[changes[0].resource].refuses(leaves.iter().map(AsRef::as_ref))
    });
    let problems: Vec<Problem> = problems.collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Problems(problems)),
    }
}

/// The edits for changes, and the index of the change for each edit.
fn to_edits(changes: &[Change], resources: &[Resource<'_>]) -> (Vec<Edit>, Vec<usize>) {
    let (mut edits, mut of_changes, mut first) = (Vec::new(), Vec::new(), 0);
    for changes_of_one in changes.chunk_by(|a, b| a.resource == b.resource) {
        let resource = &resources[changes_of_one[0].resource];
        let removed = removed(changes_of_one, resource);
        // Removing an emptied map removes its leaves too.
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

/// The nodes that changes of one object remove: leaves, or the outermost maps below their part that become empty.
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
        let is_below_part = |map: &&Pointer| map.len() > change.subject.path.len();
        while let Some(map) = at.parent().filter(is_below_part) {
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
    let span = refusal.offset..refusal.offset;
    problem
        .at(Place::at(stream, span, resource.origin.readable_path()))
        .subject(resource.display_name())
        .field(crate::problem::field_path(&change.pointer()))
        .help("no output was written; simplify the YAML there, or leave the object out with `exclude` in the config")
}

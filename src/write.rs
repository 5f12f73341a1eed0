//! Step 7: writes edits into the text, and copies everything else.

use std::collections::{HashMap, HashSet};

use jsonptr::{Pointer, PointerBuf};
use kustomize_krm_types::Result as KrmResult;

use crate::edit::Change;
use crate::problem::{Place, Problem, Problems};
use crate::read::{Resource, ResourceList};
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
    let footers = match list.is_numbered() {
        true => Footers::OfTheEntryAbove,
        false => Footers::AtTheEnd,
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
        let mut gone: HashSet<PointerBuf> = HashSet::new();
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
                    let around = std::iter::successors(Some(pointer.as_ptr()), |it| it.parent());
                    let outermost = around.filter(|it| removed.contains(*it)).last();
                    let Some(outermost) = outermost.map(Pointer::to_owned) else {
                        continue;
                    };
                    if !gone.insert(outermost.clone()) {
                        continue;
                    }
                    (outermost, YamlChange::Remove)
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

/// The nodes that changes of one object remove: leaves, and the maps below their part that become empty.
fn removed(changes: &[Change], resource: &Resource<'_>) -> HashSet<PointerBuf> {
    let mut removed = HashSet::new();
    if changes.iter().all(|change| change.proposed.is_some()) {
        return removed;
    }
    // What is written, and everything around it.
    let mut filled: HashSet<PointerBuf> = HashSet::new();
    for change in changes.iter().filter(|change| change.proposed.is_some()) {
        let pointer = change.pointer();
        let mut at = Some(pointer.as_ptr());
        while let Some(map) = at.filter(|map| filled.insert(map.to_buf())) {
            at = map.parent();
        }
    }
    // The number of keys that maps still have.
    let mut left: HashMap<PointerBuf, usize> = HashMap::new();
    for change in changes.iter().filter(|change| change.proposed.is_none()) {
        let mut at = change.pointer();
        while removed.insert(at.clone()) {
            let Some((map, key)) = at.split_back() else {
                break;
            };
            let is_below_part = map.len() > change.subject.path.len();
            let node = resource.node.pointer(map).filter(|node| node.is_map());
            let Some(node) = node.filter(|_| is_below_part && !filled.contains(map)) else {
                break;
            };
            let keys = || node.entries().filter(|(key, _)| key.text().is_some());
            let left = left.entry(map.to_buf()).or_insert_with(|| keys().count());
            if node.get_local(&key.decoded()).is_some() {
                *left = left.saturating_sub(1);
            }
            if *left > 0 {
                break;
            }
            at = map.to_buf();
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

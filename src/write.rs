//! Step 7: writes edits into the text, and copies everything else.

use std::borrow::Cow;

use jsonptr::{Pointer, PointerBuf};

use crate::edit::Change;
use crate::hashing::{HashMap, HashSet};
use crate::problem::{Place, Problem, Problems};
use crate::read::{Resource, ResourceList};
use crate::yaml::{Behind, Edited, Footers, Lines, Refusal, Replacement, Request, Stream, Value};

/// The ResourceList with its items edited and results added, as one text.
///
/// # Errors
/// `FIT-INP003` if an edit cannot be made without changing other text, and `FIT-INP009` for objects that are encrypted or
/// signed as a whole.
pub fn resource_list<'a>(
    list: &ResourceList<'a>,
    changes: &[Change],
    results: Option<&'a Results<'a>>,
) -> Result<Edited<'a>, Problems> {
    refuse_sealed(changes, &list.resources)?;
    let (mut edits, of_changes) = to_edits(changes, &list.resources);
    let drops = list.bookkeeping_to_drop();
    edits.extend(drops.into_iter().map(|(node, pointer)| Request {
        object: 0,
        root: node.id(),
        pointer: Cow::Owned(pointer),
        appends: false,
        value: None,
    }));
    let stream = list.root.stream();
    let footers = match list.is_numbered() {
        true => Footers::OfTheEntryAbove,
        false => Footers::AtTheEnd,
    };
    let mut behind = None;
    if let Some(results) = results {
        match list.root.takes_behind(RESULTS) {
            true => {
                behind = Some(Behind {
                    map: list.root.id(),
                    write: results,
                });
            }
            false => {
                let existing = list.root.items_at([RESULTS]);
                let existing = existing.filter_map(|node| node.value().ok());
                let values = existing.chain(values_of(results)).collect();
                edits.push(Request {
                    object: usize::MAX,
                    root: list.root.id(),
                    pointer: Cow::Owned(PointerBuf::from_tokens([RESULTS])),
                    appends: false,
                    value: Some(Cow::Owned(Value::Sequence(values))),
                });
            }
        }
    }
    stream
        .edit_with(&edits, footers, behind)
        .map_err(|refusal| {
            let change = of_changes.get(refusal.edit).map(|index| &changes[*index]);
            refused(&refusal, change, &list.resources, stream).into()
        })
}

const RESULTS: &str = "results";

/// Writes the results with their key.
pub type Results<'r> = dyn Fn(&mut Lines<'_>) + 'r;

/// The results as values, for a list that has some or is not in block style.
fn values_of(results: &Results<'_>) -> Vec<Value> {
    let mut text = String::new();
    let mut push = |part: &str| text.push_str(part);
    let mut lines = Lines::new(&mut push);
    results(&mut lines);
    lines.finish();
    let stream = Stream::parse_any_keys(text);
    let read = |stream: &Stream| {
        let root = stream.documents().next()?.root();
        let values = root.items_at([RESULTS]).map(|item| item.value().ok());
        values.collect()
    };
    let values: Option<Vec<Value>> = stream.ok().as_ref().and_then(read);
    debug_assert!(values.is_some(), "results are YAML");
    values.unwrap_or_default()
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
    stream
        .edit_with(&edits, Footers::AtTheEnd, None)
        .map(Edited::into_text)
        .map_err(|refusal| {
            let change = of_changes.get(refusal.edit).map(|index| &changes[*index]);
            refused(&refusal, change, resources, stream).into()
        })
}

/// The bytes of one text that its changes replace, for reports that show them.
///
/// # Errors
/// As [`text`].
pub fn replacements(
    stream: &Stream,
    changes: &[Change],
    resources: &[Resource<'_>],
) -> Result<Vec<Replacement>, Problems> {
    refuse_sealed(changes, resources)?;
    let (edits, _) = to_edits(changes, resources);
    let refused = |refusal| refused(&refusal, None, resources, stream).into();
    stream.splices(&edits).map_err(refused)
}

/// Objects that are encrypted or signed as a whole and would change.
fn refuse_sealed(changes: &[Change], resources: &[Resource<'_>]) -> Result<(), Problems> {
    let of_one = changes.chunk_by(|a, b| a.resource == b.resource);
    let problems = of_one.filter_map(|changes| {
        resources[changes[0].resource].refuses(changes.iter().map(Change::pointer))
    });
    let problems: Vec<Problem> = problems.collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Problems(problems)),
    }
}

/// The edits for changes, and the index of the change for each edit.
fn to_edits<'c>(
    changes: &'c [Change],
    resources: &[Resource<'_>],
) -> (Vec<Request<'c>>, Vec<usize>) {
    let mut edits = Vec::with_capacity(changes.len());
    let (mut of_changes, mut first) = (Vec::with_capacity(changes.len()), 0);
    for changes_of_one in changes.chunk_by(|a, b| a.resource == b.resource) {
        let resource = &resources[changes_of_one[0].resource];
        let removed = removed(changes_of_one, resource);
        // Removing an emptied map removes its leaves too.
        let mut gone: HashSet<PointerBuf> = HashSet::default();
        for (index, change) in changes_of_one.iter().enumerate() {
            let mut edit = Request {
                object: change.resource,
                root: resource.node.id(),
                pointer: Cow::Borrowed(&change.leaf),
                appends: change.appends,
                value: change.proposed.as_deref().map(Cow::Borrowed),
            };
            match (&change.proposed, change.part) {
                // Nothing goes, so the part stays where it is.
                (Some(_), Some(part)) if removed.is_empty() => edit.root = part,
                (Some(_), _) => edit.pointer = Cow::Owned(change.pointer()),
                (None, _) => {
                    let pointer = change.pointer();
                    let around = std::iter::successors(Some(pointer.as_ptr()), |it| it.parent());
                    let outermost = around.filter(|it| removed.contains(*it)).last();
                    let Some(outermost) = outermost.map(Pointer::to_owned) else {
                        continue;
                    };
                    if !gone.insert(outermost.clone()) {
                        continue;
                    }
                    edit.pointer = Cow::Owned(outermost);
                    edit.appends = false;
                }
            }
            edits.push(edit);
            of_changes.push(first + index);
        }
        first += changes_of_one.len();
    }
    (edits, of_changes)
}

/// The nodes that changes of one object remove: leaves, and the maps below their part that become empty.
fn removed(changes: &[Change], resource: &Resource<'_>) -> HashSet<PointerBuf> {
    let mut removed = HashSet::default();
    if changes.iter().all(|change| change.proposed.is_some()) {
        return removed;
    }
    // What is written, and everything around it.
    let mut filled: HashSet<PointerBuf> = HashSet::default();
    for change in changes.iter().filter(|change| change.proposed.is_some()) {
        let pointer = change.pointer();
        let mut at = Some(pointer.as_ptr());
        while let Some(map) = at.filter(|map| filled.insert(map.to_buf())) {
            at = map.parent();
        }
    }
    // The number of keys that maps still have.
    let mut left: HashMap<PointerBuf, usize> = HashMap::default();
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
        .at(Place::at(stream, span, resource.origin.readable_path().as_deref()))
        .subject(resource.display_name())
        .field(crate::problem::field_path(&change.pointer()))
        .help("no output was written; simplify the YAML there, or leave the object out with `exclude` in the config")
}

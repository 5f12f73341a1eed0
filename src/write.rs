//! Step 7: the edits become text. Everything else is copied.

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
    let mut edits: Vec<Edit> = changes
        .iter()
        .map(|change| to_edit(change, &list.resources))
        .collect();
    let drops = list.bookkeeping_to_drop();
    edits.extend(drops.into_iter().map(|(node, pointer)| Edit {
        root: node.id(),
        pointer,
        change: YamlChange::Remove,
    }));
    if !results.is_empty() {
        let mut values: Vec<Value> = list
            .root
            .get("results")
            .map(|earlier| earlier.items().collect::<Vec<_>>())
            .unwrap_or_default()
            .iter()
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
    stream
        .edit(&edits)
        .map_err(|refusal| refused(&refusal, changes, &list.resources, stream).into())
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
    let edits: Vec<Edit> = changes
        .iter()
        .map(|change| to_edit(change, resources))
        .collect();
    stream
        .edit(&edits)
        .map_err(|refusal| refused(&refusal, changes, resources, stream))
}

fn to_edit(change: &Change, resources: &[Resource<'_>]) -> Edit {
    let mut pointer = change.pointer.clone();
    if change.appends {
        pointer.pop_back();
        pointer.push_back("-");
    }
    Edit {
        root: resources[change.resource].node.id(),
        pointer,
        change: YamlChange::Set(change.proposed.clone()),
    }
}

fn refused(
    refusal: &Refusal,
    changes: &[Change],
    resources: &[Resource<'_>],
    stream: &Stream,
) -> Problem {
    let problem = Problem::new(
        "FIT-INP003",
        format!("cannot be edited safely: {}", refusal.message),
    );
    let Some(change) = changes.get(refusal.edit) else {
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
        .field(crate::edit::field_path(&change.pointer))
        .help("nothing was written; write that part of the manifest more plainly, or leave the object out with `fitout.dev/skip: \"true\"`")
}

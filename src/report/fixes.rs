//! What each replacement of bytes is for.

use super::{FileText, Fix, resources_of};
use crate::edit::Change;
use crate::problem::field_path;
use crate::read::Resource;
use crate::secrets::Secrets;
use crate::yaml::Stream;

/// Adds to the replacements of a text the fields that they change, and the Secrets of the text. `after`: the text with the
/// replacements.
pub(super) fn assign(
    changes: &[Change],
    resources: &[Resource<'_>],
    index: usize,
    file: &mut FileText<'_>,
    after: &Stream,
) {
    let Some(last) = file.fixes.len().checked_sub(1) else {
        return;
    };
    let first = resources.partition_point(|it| it.text < index);
    let Some(old) = resources.get(first).filter(|it| it.text == index) else {
        return;
    };
    file.hidden = Secrets::of(old.node.stream()).spans().to_vec();
    let roots = resources_of(after);
    // The ends of the replacements in the text before and after.
    let mut ends = Vec::with_capacity(file.fixes.len());
    let (mut gone, mut added) = (0, 0);
    for Fix { replacement, .. } in &file.fixes {
        gone += replacement.span.len();
        added += replacement.text.len();
        ends.push((replacement.span.end, replacement.span.end + added - gone));
    }
    let from = changes.partition_point(|it| it.resource < first);
    for change in &changes[from..] {
        let Some(root) = roots.get(change.resource - first) else {
            break;
        };
        let pointer = change.pointer();
        let at = match &change.proposed {
            Some(_) => root.pointer(&pointer).map(|node| {
                let start = node.span().start;
                ends.partition_point(|(_, end)| *end <= start)
            }),
            None => resources[change.resource]
                .node
                .pointer(&pointer)
                .map(|node| {
                    let start = node.span().start;
                    ends.partition_point(|(end, _)| *end <= start)
                }),
        };
        let field = (change.resource, field_path(&pointer));
        file.fixes[at.unwrap_or(last).min(last)].fields.push(field);
    }
}

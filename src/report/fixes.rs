//! What each replacement of bytes is for, and which are made together.

use jsonptr::Pointer;

use super::{FileText, Fix, resources_of};
use crate::edit::Change;
use crate::hashing::{HashMap, HashSet};
use crate::problem::field_path;
use crate::read::Resource;
use crate::secrets::Secrets;
use crate::yaml::{Groups, Stream, Value};

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
    let mut ties = Ties::default();
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
        let fix = &mut file.fixes[at.unwrap_or(last).min(last)];
        fix.fields.push(field);
        ties.add(change, fix.replacement.group);
    }
    ties.finish(&mut file.fixes);
}

/// The groups of the replacements, in which are also those that only Kubernetes needs together.
#[derive(Default)]
struct Ties {
    groups: Groups,
    /// A group for the name of each volume, and for the path of each container.
    known: HashMap<(usize, String), u32>,
}

impl Ties {
    /// A mount without its volume is refused, and a program whose file system is read-only may need the mounts.
    fn add(&mut self, change: &Change, group: u32) {
        let list = change.leaf.parent().and_then(Pointer::last);
        let is_in = |name| change.appends && list.as_ref().is_some_and(|it| it.decoded() == name);
        let is_mount = is_in("volumeMounts");
        if (is_mount || is_in("volumes"))
            && let Some(Value::Mapping(entries)) = change.proposed.as_deref()
            && let Some((_, name)) = entries.iter().find(|(key, _)| key == "name")
            && let Some(name) = name.as_str()
        {
            self.tie((change.resource, name.to_owned()), group);
        }
        let is_read_only = || *change.leaf.as_ptr() == *"/securityContext/readOnlyRootFilesystem";
        if is_mount || is_read_only() {
            let container = change.subject.path.as_str().to_owned();
            self.tie((change.resource, container), group);
        }
    }

    fn tie(&mut self, key: (usize, String), group: u32) {
        let first = *self.known.entry(key).or_insert(group);
        self.groups.join(first, group);
    }

    /// Gives each replacement the number of its group. What is for no field, such as a comment that moves, belongs to what
    /// precedes it.
    fn finish(mut self, fixes: &mut [Fix]) {
        let mut before = None;
        let mut known: HashSet<u32> = HashSet::default();
        for fix in fixes.iter().filter(|it| !it.fields.is_empty()) {
            let group = self.groups.of(fix.replacement.group);
            known.insert(group);
            before = before.or(Some(group));
        }
        for fix in fixes.iter() {
            let group = self.groups.of(fix.replacement.group);
            if let Some(before) = before.filter(|_| !known.contains(&group)) {
                self.groups.join(group, before);
                known.insert(self.groups.of(group));
            }
            before = before.map(|_| self.groups.of(group));
        }
        for fix in fixes {
            fix.replacement.group = self.groups.of(fix.replacement.group);
        }
    }
}

//! The proof of an edit that only adds lines: no more is read than these lines.
//!
//! The fast parser reads from line to line. What it knows at the start of a line is which block collections are open. Lines
//! are put in where one of them ends, at its column: they close what is open inside it, and add to it. What follows them
//! was behind its end before, so it closes whatever the new lines open, and meets the state that it met before. All else
//! is read as it was.
//!
//! That holds if, for each place,
//! - it is the start of a line behind the end of the collection, with only blank lines and comments between, or behind a key
//!   whose `{}` or `[]` goes,
//! - the lines are read, by the same parser at the same depth, as one collection of the same kind at the same column, with
//!   just the children that the plan adds,
//! - no marker of a document and nothing that the fast parser leaves to the general one is in the lines, and
//! - of the lines that follow each other without content between, each can only close what the ones before opened.
//!
//! Anything else is read again as a whole. A test changes splices at random and compares the two.

use super::super::super::tree::{Kind, NONE, PROPS};
use super::super::emit::Splice;
use super::super::patch::Patch;
use super::proofs::{Proofs, Read};
use super::{Plan, Stream};

/// Offsets are `u32`.
const MAX_LEN: usize = u32::MAX as usize / 2;

/// Lines that a splice puts in, as they were read.
#[derive(Clone, Copy)]
struct Lines {
    place: usize,
    read: Read,
}

/// Whether it is certain that a document with these splices, and no others, reads back as planned. Their text is in `buffer`.
pub(in super::super) fn proves<'e>(
    plan: &Plan<'e>,
    document: usize,
    splices: &[Splice],
    buffer: &str,
    proofs: &mut Proofs<'e>,
) -> bool {
    let old = plan.stream;
    let patches = plan.patches.in_order();
    let adding = splices.iter().filter(|splice| !splice.text.is_empty());
    let mut nodes: Vec<u32> = adding.map(|splice| splice.node).collect();
    nodes.sort_unstable();
    let changed = patches.iter().filter(|(_, patch)| !patch.is_empty());
    let is_local = old.tree.documents[document].fast
        && old.text().len().max(buffer.len()) < MAX_LEN
        && changed.map(|(id, _)| *id).eq(nodes)
        && patches.iter().all(|(_, patch)| only_adds(patch));
    if splices.is_empty() {
        return patches.iter().all(|(_, patch)| patch.is_empty());
    }
    if !is_local {
        return false;
    }
    // The key that has just lost its `{}`.
    let mut cleared = None;
    let mut before: Option<Lines> = None;
    for splice in splices {
        if splice.text.is_empty() {
            if cleared.replace(splice.node).is_some() || !clears(old, splice) {
                return false;
            }
            continue;
        }
        let is_flow = old.tree.at(splice.node).kind.is_flow();
        if cleared.take() != is_flow.then_some(splice.node) {
            return false;
        }
        let Some(read) = proofs.read(plan, splice, buffer) else {
            return false;
        };
        let lines = Lines {
            place: splice.start,
            read,
        };
        let is_behind = |before: &Lines| {
            !is_blank(&old.text()[before.place..lines.place]) || lines.close(before)
        };
        if !lines.are_in_place(old, splice) || !before.as_ref().is_none_or(is_behind) {
            return false;
        }
        before = Some(lines);
    }
    cleared.is_none()
}

/// Whether a splice only takes away the `{}` or `[]` behind a key.
fn clears(old: &Stream, splice: &Splice) -> bool {
    let data = old.tree.at(splice.node);
    let (text, bytes) = (old.text(), old.text().as_bytes());
    let is_empty = data.kind.is_flow() && matches!(&text[data.range()], "{}" | "[]");
    is_empty
        && !data.has(PROPS)
        && data.parent != NONE
        && old.tree.at(data.parent).kind == Kind::BlockMap
        && splice.end == data.end()
        && splice.start.checked_sub(1).map(|at| bytes[at]) == Some(b':')
        && bytes[splice.start..data.start as usize]
            .iter()
            .all(|c| *c == b' ')
        && matches!(bytes.get(splice.end), Some(b' ' | b'\n' | b'\r'))
}

fn only_adds(patch: &Patch<'_>) -> bool {
    patch.replaced.is_none() && patch.removed.is_empty() && !patch.detached
}

/// Whether a text, from the end of a value on, is nothing but blank lines and comments.
fn is_blank(text: &str) -> bool {
    let mut rest = text.bytes();
    match rest.find(|c| !matches!(c, b' ' | b'\r' | b'\n')) {
        None => true,
        Some(b'#') => text.lines().all(|line| {
            let line = line.trim_matches([' ', '\r']);
            line.is_empty() || line.starts_with('#')
        }),
        Some(_) => false,
    }
}

impl Lines {
    /// Whether these lines can be behind others: they close all that those open, and not what they belong to themselves.
    fn close(&self, before: &Lines) -> bool {
        let (own, before) = (self.read, before.read);
        let is_outside = own.column < before.column;
        // Items may stand in the column of their key.
        let is_around = own.column == before.column
            && before.kind == Kind::BlockSequence
            && own.kind == Kind::BlockMap;
        is_outside || is_around
    }

    /// Whether a splice puts them at the end of their collection, and changes nothing else.
    fn are_in_place(&self, old: &Stream, splice: &Splice) -> bool {
        let is_behind = || {
            let before = self.place.checked_sub(1)?;
            let behind = old.text().get(old.tree.end(splice.node)..self.place)?;
            Some(old.text().as_bytes()[before] == b'\n' && is_blank(behind))
        };
        splice.start == splice.end
            && is_behind() == Some(true)
            && self.read.is_at_column(old, splice.node)
    }
}

impl Read {
    /// Whether such lines belong to a collection, or are below the key that has lost its `{}`.
    fn is_at_column(&self, old: &Stream, id: u32) -> bool {
        let column_of = |id: u32| {
            let start = old.tree.at(id).start as usize;
            start - old.line_start(start)
        };
        let data = old.tree.at(id);
        match data.kind.is_flow() {
            false => self.kind == data.kind && self.column == column_of(id),
            // Items may stand in the column of their key.
            true => {
                self.column >= column_of(data.parent) + usize::from(self.kind == Kind::BlockMap)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::{Footers, Request, Value, emit};
    use super::*;
    use std::borrow::Cow;
    use std::fmt::Write;

    fn request(root: u32, pointer: &'static str, value: Value) -> Request<'static> {
        Request {
            object: 0,
            root: super::super::NodeId(root),
            pointer: Cow::Borrowed(jsonptr::Pointer::from_static(pointer)),
            appends: false,
            value: Some(Cow::Owned(value)),
        }
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
            self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % n
        }

        fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
            texts[self.below(texts.len())]
        }
    }

    /// Lines of a map or a list at a column; the first is where the text ends.
    fn block(random: &mut Random, column: usize, depth: usize, out: &mut String) {
        let is_map = random.below(3) > 0;
        for i in 0..=random.below(3) {
            if i > 0 {
                if random.below(4) == 0 {
                    let by = random.below(8);
                    let _ = writeln!(out, "{:by$}{}", "", random.of(&["# comment", "", "#"]));
                }
                let _ = write!(out, "{:column$}", "");
            }
            match is_map {
                true => {
                    let _ = write!(out, "k{i}:");
                }
                false => out.push('-'),
            }
            match random.below(8) {
                0..=2 if depth < 4 => {
                    let by = random.below(4);
                    match !is_map && random.below(2) == 0 {
                        true => {
                            out.push(' ');
                            block(random, column + 2, depth + 1, out);
                        }
                        false => {
                            let _ = write!(out, "\n{:1$}", "", column + by);
                            block(random, column + by, depth + 1, out);
                        }
                    }
                }
                3 => {
                    let header = random.of(&["|", ">-", "|+", "|2"]);
                    let _ = writeln!(out, " {header}\n{:1$}text", "", column + 2);
                    out.push_str(random.of(&["", "\n", "   \n"]));
                }
                4 => {
                    let _ = writeln!(out, " several\n{:1$}lines", "", column + 1);
                }
                _ => {
                    const VALUES: [&str; 11] = [
                        "", " v", " 'q'", " \"q\" # comment", " {a: 1}", " []", " {}",
                        "  {}  # comment", " # comment", " a#b", "  1",
                    ];
                    let _ = writeln!(out, "{}", random.of(&VALUES));
                }
            }
        }
    }

    fn value(random: &mut Random) -> Value {
        let text = random.of(&["x", "true", "- a", "a: b", "# c", ""]);
        match random.below(5) {
            0 => Value::Quoted(text.into()),
            1 => Value::Mapping(vec![("a".into(), text.into()), ("b".into(), 1.into())]),
            2 => Value::Sequence(vec![text.into(), "y".into()]),
            3 => Value::Mapping(vec![("a".into(), Value::Sequence(vec![text.into()]))]),
            _ => text.into(),
        }
    }

    /// Changes a character, a place or the order of splices.
    fn spoil(
        random: &mut Random,
        text: &str,
        splices: &[Splice],
        buffer: &str,
    ) -> (Vec<Splice>, String) {
        let (mut list, mut buffer) = (splices.to_vec(), buffer.to_owned());
        let at = random.below(list.len());
        match random.below(4) {
            0 => {
                let lines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
                let place = match random.below(4) {
                    0 => random.below(text.len() + 1),
                    _ => lines[random.below(lines.len())],
                };
                if list[at].start == list[at].end {
                    (list[at].start, list[at].end) = (place, place);
                }
                list.sort_by_key(|it| it.start);
            }
            1 => {
                let other = random.below(list.len());
                let own = list[at].text.clone();
                list[at].text = std::mem::replace(&mut list[other].text, own);
            }
            kind => {
                let place = random.below(buffer.len());
                let new = random.of(&[
                    " ", "-", ":", "#", "\n", "|", "'", "\"", "{", "&", "\t", ".", "- ", "  ", "x",
                    "---\n", "",
                ]);
                let old = usize::from(kind == 2 || new.is_empty());
                buffer.replace_range(place..place + old, new);
                let moved = |it: usize| match it > place {
                    true => it + new.len() - old,
                    false => it,
                };
                for splice in &mut list {
                    splice.text = moved(splice.text.start)..moved(splice.text.end);
                }
            }
        }
        (list, buffer)
    }

    /// The edits of most manifests are proven, so that they cost little.
    #[test]
    fn additions_to_a_list_of_objects_are_proven() {
        let text = "\
items:
- kind: Pod
  spec:
    containers:
    - name: a
      resources: {}
    - name: b
      resources: {} # none
      ports:
      - containerPort: 1
  # The end.
- kind: Pod
  spec: {}
";
        let stream = Stream::parse(text).unwrap();
        let pointers = [
            "/items/0/spec/containers/0/securityContext/a",
            "/items/0/spec/containers/0/resources/limits/cpu",
            "/items/0/spec/containers/1/resources/limits",
            "/items/0/spec/containers/1/ports/-",
            "/items/0/spec/securityContext",
            "/items/0/metadata/name",
            "/items/1/spec/a/b",
            "/results",
        ];
        let edits: Vec<_> = pointers
            .iter()
            .map(|pointer| request(0, pointer, "x".into()))
            .collect();
        for lists in [false, true] {
            let mut plan = Plan::new(&stream, 0, stream.nodes_of(0));
            plan.lists = lists;
            for (number, edit) in edits.iter().enumerate() {
                plan.apply(number, edit).unwrap();
            }
            let (mut splices, mut written) = <(emit::Splices, emit::Written<'_>)>::default();
            let (span, nodes) = (stream.document_span(0), stream.nodes_of(0));
            let into = (&mut splices, &mut written);
            emit::emit(&plan, span, nodes, Footers::AtTheEnd, None, into).unwrap();
            let (list, buffer) = (&splices.list, splices.buffer.as_str());
            assert!(stream.reads_back(&plan, 0, list, buffer));
            let proofs = &mut Proofs::default();
            assert!(proves(&plan, 0, list, buffer, proofs), "{buffer}");
            assert!(proves(&plan, 0, list, buffer, proofs), "{buffer}");
        }
    }

    #[test]
    fn what_is_proven_reads_back_as_planned() {
        let mut random = Random(7);
        let (mut proven, mut still_proven, mut wrong) = (0, 0, 0);
        // The variable of tests/fuzzing.rs; many documents take minutes.
        let is_thorough = std::env::var_os("FITOUT_SEEDS").is_some();
        for _ in 0..if is_thorough { 30_000 } else { 800 } {
            let mut text = String::new();
            block(&mut random, 0, 0, &mut text);
            let Ok(stream) = Stream::parse(text.clone()) else {
                continue;
            };
            let ids: Vec<u32> = (0..stream.tree.nodes.len() as u32).collect();
            let blocks = ids
                .into_iter()
                .filter(|id| stream.tree.at(*id).kind.is_collection());
            let blocks: Vec<u32> = blocks.collect();
            if blocks.is_empty() {
                continue;
            }
            let edits = 0..=random.below(3);
            let edits = edits.map(|_| {
                let id = blocks[random.below(blocks.len())];
                let pointer = match stream.tree.at(id).kind {
                    Kind::BlockMap | Kind::FlowMap => random.of(&["/new", "/other", "/new/deep"]),
                    _ => "/-",
                };
                request(id, pointer, value(&mut random))
            });
            let edits: Vec<Request<'_>> = edits.collect();
            let mut plan = Plan::new(&stream, 0, stream.nodes_of(0));
            plan.lists = random.below(3) > 0;
            let mut numbered = edits.iter().enumerate();
            let planned = numbered.try_for_each(|(number, edit)| plan.apply(number, edit));
            let (mut splices, mut written) = <(emit::Splices, emit::Written<'_>)>::default();
            let (span, nodes) = (stream.document_span(0), stream.nodes_of(0));
            let into = (&mut splices, &mut written);
            let emitted = planned
                .and_then(|()| emit::emit(&plan, span, nodes, Footers::AtTheEnd, None, into));
            if emitted.is_err() || splices.list.is_empty() {
                continue;
            }
            let (list, buffer) = (&splices.list, splices.buffer.as_str());
            // Of the same lines, what was proven first counts later too.
            let proofs = &mut Proofs::default();
            if proves(&plan, 0, list, buffer, proofs) {
                proven += 1;
                assert!(stream.reads_back(&plan, 0, list, buffer), "{text}");
            }
            for _ in 0..20 {
                let (list, buffer) = spoil(&mut random, &text, list, buffer);
                if list.windows(2).any(|pair| pair[0].end > pair[1].start) {
                    continue;
                }
                let is_right = stream.reads_back(&plan, 0, &list, &buffer);
                wrong += usize::from(!is_right);
                if proves(&plan, 0, &list, &buffer, proofs) {
                    still_proven += 1;
                    let (new, _) = stream.splice(&list, &buffer);
                    assert!(is_right, "{text}\nedited:\n{new}");
                }
            }
        }
        assert!(
            proven > 100 && still_proven > 100 && wrong > 100,
            "{proven} {still_proven} {wrong}"
        );
    }
}

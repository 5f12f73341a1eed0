//! The edits of a document, planned for some objects at a time.

use super::emit::{self, Splice, Splices, Written};
use super::guard;
use super::plan::Plan;
use super::{Footers, Known, NodeId, Request, Stream};

impl Stream {
    /// Plans the edits of a document object by object, which takes less memory, if they only add lines, all are proven, and
    /// those of one object precede those of the next. Otherwise nothing has changed.
    pub(super) fn plan_in_parts<'e>(
        &'e self,
        document: usize,
        places: &[(usize, usize)],
        edits: &'e [Request<'_>],
        (footers, behind): (Footers, Option<NodeId>),
        splices: &mut Splices,
        (written, proofs): Known<'_, 'e>,
    ) -> bool {
        // Tests have small documents.
        const MANY: usize = if cfg!(debug_assertions) { 2 } else { 256 };
        let edit_of = |place: &(usize, usize)| &edits[place.1];
        let only_sets = places.iter().all(|it| edit_of(it).value.is_some());
        if places.is_empty() || !only_sets || !self.shares_nothing() {
            return false;
        }
        let before = (splices.list.len(), splices.buffer.len());
        let mut rest = places;
        let mut is_planned = true;
        while is_planned && !rest.is_empty() {
            let many = rest.len().min(MANY);
            let object = edit_of(&rest[many - 1]).object;
            let behind_it = rest[many..]
                .iter()
                .position(|it| edit_of(it).object != object);
            let (part, others) = rest.split_at(behind_it.map_or(rest.len(), |at| many + at));
            rest = others;
            let is_last = rest.is_empty();
            let behind = behind.filter(|_| is_last);
            let part = part.iter().map(|it| (it.1, edit_of(it)));
            let part: Vec<(usize, &Request<'_>)> = part.collect();
            is_planned = self.plan_part(
                document,
                &part,
                (footers, behind),
                splices,
                (written, proofs),
            );
        }
        if !is_planned {
            splices.list.truncate(before.0);
            splices.buffer.truncate(before.1);
            splices.behind = None;
            *written = Written::default();
        }
        // Where assertions run, both plans are made.
        debug_assert!(
            !is_planned
                || self.is_as_whole(
                    document,
                    (places, edits),
                    footers,
                    behind,
                    before.0,
                    splices
                )
        );
        is_planned
    }

    /// Whether these splices are those of one plan, and the text reads back as it intends.
    fn is_as_whole(
        &self,
        document: usize,
        (places, edits): (&[(usize, usize)], &[Request<'_>]),
        footers: Footers,
        behind: Option<NodeId>,
        first: usize,
        splices: &Splices,
    ) -> bool {
        let nodes = self.nodes_of(document);
        let mut plan = Plan::new(self, document, nodes.clone());
        let mut numbers = places.iter().map(|(_, number)| *number);
        let mut whole = Splices::default();
        let into = (&mut whole, &mut Written::default());
        let span = self.document_span(document);
        let is_planned = numbers.all(|it| plan.apply(it, &edits[it]).is_ok())
            && emit::emit(&plan, span, nodes, footers, behind, into).is_ok();
        let own = &splices.list[first..];
        let is_same = |(a, b): (&Splice, &Splice)| {
            (a.start, a.end) == (b.start, b.end)
                && splices.buffer[a.text.clone()] == whole.buffer[b.text.clone()]
        };
        is_planned
            && own.len() == whole.list.len()
            && own.iter().zip(&whole.list).all(is_same)
            && splices.behind.map(|it| it.at()) == whole.behind.map(|it| it.at())
            && self.reads_back(&plan, document, own, &splices.buffer)
    }

    fn plan_part<'e>(
        &'e self,
        document: usize,
        edits: &[(usize, &'e Request<'_>)],
        (footers, behind): (Footers, Option<NodeId>),
        splices: &mut Splices,
        (written, proofs): Known<'_, 'e>,
    ) -> bool {
        let roots = || edits.iter().map(|(_, edit)| edit.root.0);
        let mut distinct: Vec<u32> = roots().collect();
        distinct.dedup();
        let ends = distinct.iter().map(|root| self.tree.end_of_subtree(*root));
        let nodes = roots().min().unwrap_or_default()..ends.max().unwrap_or_default();
        let mut plan = Plan::new(self, document, nodes);
        plan.lists = true;
        let first = splices.list.len();
        let mut numbered = edits.iter();
        let (span, all) = (self.document_span(document), self.nodes_of(document));
        let is_planned = numbered.all(|(number, edit)| plan.apply(*number, edit).is_ok())
            && emit::emit(&plan, span, all, footers, behind, (splices, written)).is_ok();
        let (others, own) = splices.list.split_at(if is_planned { first } else { 0 });
        // Nothing of one part is at a place of another: so they are in order, and independent.
        let is_behind = match (others.last(), own.first()) {
            (Some(other), Some(own)) => other.start.max(other.end) < own.start,
            _ => true,
        };
        is_planned && is_behind && guard::proves(&plan, document, own, &splices.buffer, proofs)
    }
}

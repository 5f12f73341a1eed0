//! Why an edit is refused.

use crate::yaml::stream::{Position, Stream};
use std::fmt;

/// An edit that was refused, so there is no new text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Which edit: its index in the list given.
    pub edit: usize,
    /// Why, with line numbers.
    pub message: String,
    /// Where the obstacle is: byte offset.
    pub offset: usize,
    /// Where the obstacle is: line and column.
    pub position: Position,
    /// Why, for counting.
    pub reason: RefusalReason,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
}

impl std::error::Error for Refusal {}

/// The kinds of [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The path goes through a scalar, or to an index that the sequence does not have.
    NoSuchPlace,
    /// The place is shared through an anchor, alias or merge.
    Shared,
    /// The node has a tag, and a new value could contradict it.
    Tagged,
    /// An explicit `? ` key, a key without a colon or a pair without braces.
    OddEntry,
    /// Tabs, or another layout the editor does not write next to.
    Layout,
    /// Removing the entry would remove a comment that is not clearly its own.
    Comment,
    /// An earlier edit of the same call replaced or removed the root of this one.
    Overlap,
    /// The edited text did not read back as intended.
    Guard,
}

impl RefusalReason {
    /// A stable name in snake_case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalReason::NoSuchPlace => "no_such_place",
            RefusalReason::Shared => "shared",
            RefusalReason::Tagged => "tagged",
            RefusalReason::OddEntry => "odd_entry",
            RefusalReason::Layout => "layout",
            RefusalReason::Comment => "comment",
            RefusalReason::Overlap => "overlap",
            RefusalReason::Guard => "guard",
        }
    }
}

impl Refusal {
    pub(super) fn new(
        stream: &Stream,
        edit: usize,
        reason: RefusalReason,
        offset: usize,
        message: String,
    ) -> Self {
        Refusal {
            edit,
            message,
            offset,
            position: stream.position(offset),
            reason,
        }
    }
}

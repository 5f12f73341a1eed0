//! Changing values: what can be asked for, and what is answered when it cannot be done.

use super::stream::{Position, Stream};
use super::tree::NodeId;
use super::value::Value;
use jsonptr::PointerBuf;
use std::fmt;

/// One change, at a place below a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The node the pointer starts from, for example one resource of a list.
    pub root: NodeId,
    /// RFC 6901. A last token `-` on a sequence appends; so does `-` on a missing or null value,
    /// which becomes a sequence. Other missing parents become maps.
    pub pointer: PointerBuf,
    /// What happens there.
    pub change: Change,
}

/// What an [`Edit`] does at its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The place holds this value afterwards, with its parents made where they are missing.
    Set(Value),
    /// The entry or item is gone afterwards. Nothing happens where there is none.
    Remove,
}

/// An edit that was not done, so no text was made at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Which edit: its index in the list given.
    pub edit: usize,
    /// Why, in plain words, with the line numbers that help.
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
    /// A map on the way has a key twice, so readers disagree on what it holds.
    DuplicateKey,
    /// The way leads through a scalar, or to an index that a sequence does not have.
    NoSuchPlace,
    /// An anchor, alias or merge stands in the way of changing only this one place.
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
            RefusalReason::DuplicateKey => "duplicate_key",
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

impl Stream {
    /// The text with all edits done, in the order given. Bytes that no edit concerns stay as they
    /// are; without edits the text is the same.
    ///
    /// # Errors
    /// A [`Refusal`] for the first edit that cannot be done safely. Nothing is done by halves.
    pub fn edit(&self, edits: &[Edit]) -> Result<String, Refusal> {
        match edits.first() {
            None => Ok(self.text().to_string()),
            Some(_) => Err(Refusal {
                edit: 0,
                message: "editing is not built yet".to_string(),
                offset: 0,
                position: self.position(0),
                reason: RefusalReason::Guard,
            }),
        }
    }
}

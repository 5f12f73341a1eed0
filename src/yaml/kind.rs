//! How nodes are written.

/// How a node is written in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Nothing at all: the value of `key:` or of a lone `-`.
    Empty,
    /// An unquoted scalar.
    Plain,
    /// A scalar in single quotes.
    Single,
    /// A scalar in double quotes.
    Double,
    /// A block scalar that keeps its lines (`|`).
    Literal,
    /// A block scalar that folds its lines (`>`).
    Folded,
    /// A reference to an anchored node (`*name`).
    Alias,
    /// A map written with one entry per line.
    BlockMap,
    /// A sequence written with one `-` per item.
    BlockSequence,
    /// A map in braces, or a single pair inside a flow sequence.
    FlowMap,
    /// A sequence in brackets.
    FlowSequence,
}

impl Kind {
    #[inline]
    pub(super) fn is_map(self) -> bool {
        matches!(self, Kind::BlockMap | Kind::FlowMap)
    }

    pub(super) fn is_sequence(self) -> bool {
        matches!(self, Kind::BlockSequence | Kind::FlowSequence)
    }

    pub(super) fn is_collection(self) -> bool {
        self.is_map() || self.is_sequence()
    }

    pub(super) fn is_flow(self) -> bool {
        matches!(self, Kind::FlowMap | Kind::FlowSequence)
    }

    pub(super) fn is_block_collection(self) -> bool {
        matches!(self, Kind::BlockMap | Kind::BlockSequence)
    }

    pub(super) fn is_block_scalar(self) -> bool {
        matches!(self, Kind::Literal | Kind::Folded)
    }

    pub(super) fn is_scalar(self) -> bool {
        !self.is_collection() && self != Kind::Alias
    }
}

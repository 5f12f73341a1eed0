//! Lossless YAML: read a text, ask it questions, change single values, get the same text back.
//!
//! ```text
//!  text ── split ──> chunks ──┬─ fast ─┐
//!                             └─ full ─┴─> tree (byte ranges) ── node: get, scalar, value
//!                                            │
//!  edits ── plan ──> overlay over the tree ──┴─ emit ──> splices ──> new text
//!                       └──────────────── guard: parse again, compare ──┘
//! ```
//!
//! A tree never owns text and is never written out: an edit is a few bytes put in or taken out
//! between bytes that stay. So comments, blank lines, quoting and order survive because nothing
//! touches them. What an edit means is planned on the tree, and the new text is parsed again and
//! compared with the plan; where they differ, there is a [`Refusal`] and no text.
//!
//! Scalars are typed as `sigs.k8s.io/yaml` types them, since that is what kubectl and the API
//! server's clients read; strings are written so that it and kyaml (kustomize) read them alike.
//!
//! ```
//! use fitout::yaml::{Change, Edit, Stream};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = "# the shop\nspec:\n  replicas: 1   # for now\n";
//! let stream = Stream::parse(text)?;
//! assert_eq!(stream.edit(&[])?, text);
//!
//! let root = stream.documents().next().ok_or("no document")?.root();
//! let edit = Edit {
//!     root: root.id(),
//!     pointer: "/spec/replicas".try_into()?,
//!     change: Change::Set(3.into()),
//! };
//! assert_eq!(stream.edit(&[edit])?, "# the shop\nspec:\n  replicas: 3   # for now\n");
//! # Ok(())
//! # }
//! ```

mod decode;
mod describe;
mod edit;
mod error;
mod expand;
mod fast;
mod forms;
mod full;
mod join;
mod kind;
mod node;
mod pointer;
mod scalar;
mod split;
mod stream;
mod strict;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod wide;

pub use describe::{SCALAR_TEXT, text_of_scalar};
pub use edit::{
    Behind, Change, Edit, Edited, Footers, Groups, Lines, Refusal, RefusalReason, Replacement,
    Request,
};
pub use error::{Fault, SyntaxError};
pub use join::join;
pub use node::{Keys, Node, Table};
pub use pointer::{push_token, tokens, unescaped};
pub use scalar::Scalar;
pub(crate) use scalar::integer;
pub use stream::{Document, Position, Stream};
pub use tree::{Kind, NodeId};
pub(crate) use tree::{are_same, digest};
pub use value::{TooLarge, Value};

//! Facts about pods and claims, before and after the edits.
//!
//! [`PodFacts`] are read once from [`View`]s. A [`View`] through an [`Overlay`] shows a node as the edits will leave it, so
//! the same reader serves both.

mod amounts;
mod claims;
mod context;
mod overlay;
mod pod;
mod storage;
mod variables;
mod view;

pub use amounts::{Amounts, Declared, HALVES, Half, PodAmounts, QosClass};
pub use claims::class_of;
pub use context::{Context, SeLinux};
pub use overlay::{Overlay, Place};
pub use pod::{ContainerFacts, ContainerList, Field, PodFacts, PodField, Volume};
pub use storage::{Access, MOUNT, Mount, Storage, is_unexecutable, is_unreadable};
pub use variables::{Variable, variable};
pub use view::View;

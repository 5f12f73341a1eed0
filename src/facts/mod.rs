//! Facts: what is known of a pod, as it is and as it will be.
//!
//! [`PodFacts`] are read once from [`View`]s. A view of a node with an [`Overlay`] is the node as edits will make it, so one
//! reader, and with it one check, serves "it is wrong" and "it will still be wrong".

mod amounts;
mod overlay;
mod pod;
mod view;

pub use amounts::{Declared, Half, PodAmounts, QosClass};
pub use overlay::{Overlay, Place};
pub use pod::{ContainerFacts, ContainerList, Context, PodFacts, SeLinux, Volume};
pub use view::View;

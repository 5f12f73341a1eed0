//! Step 2: the `functionConfig` becomes a [`Config`].
//!
//! [`decode`] checks the shape first: unknown fields, types, patterns and quantities. The general sections, each profile, and
//! the environment's settings for either are separate layers. [`Sections::merged`] merges the layers that apply to an object
//! or a container, and [`Section::decision`] returns the layer that decides a leaf.

mod amount;
mod authors;
mod checks;
mod config_map;
pub mod decode;
mod document;
mod effective;
mod environments;
mod exemption;
mod general;
mod index;
mod leaf_index;
mod modes;
mod places;
mod print;
mod section;
mod sections;
mod selector;
mod settings;
mod view;
mod vocabulary;

pub use amount::{Amount, Factor};
pub use authors::{Authors, NeedsReason, is_rule};
pub use checks::{Checks, FailOn, InputScope};
pub use document::{API_VERSION, FunctionConfig, KIND};
pub use effective::{Leaf, show_scales};
pub use exemption::{Exemption, is_reason, leaf_of};
#[cfg(test)]
pub(crate) use general::schemas;
pub use general::{ChangesReport, Profile};
pub use index::{Exclusions, SelectorIndex};
pub use leaf_index::LeafIndex;
pub use modes::{covers, is_mode_path_or_above, mode_path};
pub use places::{Patch, Sources, Text};
pub use print::self_contained;
pub(crate) use section::fields;
pub use section::{ExemptLeaves, FieldOf, FieldRow, Objection, Pass, Section, Settings};
pub use sections::{Sections, check_section};
pub use selector::{ContainerSelector, Match, Near, Selector};
pub use settings::{Config, Unbuilt};
pub use view::{Layer, LayerId, View};
pub use vocabulary::{SectionRow, Vocabulary};

//! Step 2: the `functionConfig` becomes a [`Config`].
//!
//! Shape first (unknown fields, types, patterns, quantities; see [`decode`]), then meaning. The texts
//! of the general sections, of each profile, and of what the environment sets differently in either stay apart as layers; [`Sections::merged`] merges
//! those that apply to an object or a container, and [`Section::decision`] answers who decided a leaf.

mod amount;
mod checks;
mod config_map;
pub mod decode;
mod document;
mod effective;
mod environments;
mod exemption;
mod general;
mod places;
mod print;
mod section;
mod selector;
mod view;
mod vocabulary;

pub use amount::{Amount, Factor};
pub use checks::{Checks, FailOn};
pub use document::{API_VERSION, Config, FunctionConfig, KIND};
pub use effective::Leaf;
pub use exemption::{Exemption, leaf_of};
pub use general::{ChangesReport, Profile};
pub use places::{Patch, Sources, Text};
pub use print::self_contained;
pub use section::{
    ExemptLeaves, Objection, Pass, Section, Sections, Settings, check_section, covers,
    is_mode_path_or_above, mode_path,
};
pub use selector::{ContainerSelector, Match, Near, Selector};
pub use view::{Layer, LayerId, View};
pub use vocabulary::{SectionRow, Vocabulary};

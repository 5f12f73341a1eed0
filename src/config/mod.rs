//! Step 2: the `functionConfig` becomes a [`Config`].
//!
//! Shape first (unknown fields, types, patterns, quantities; see [`decode`]), then meaning. The texts
//! of the general sections and of each profile stay apart as layers; [`Sections::merged`] merges
//! those that apply to an object or a container, and [`Section::decision`] answers who decided a leaf.

mod checks;
mod config_map;
pub mod decode;
mod document;
mod section;
mod view;

pub use checks::{Checks, FailOn};
pub use document::{
    API_VERSION, ChangesReport, Config, FunctionConfig, KIND, KubernetesVersion, Mode, Profile,
    text_of_scalar,
};
pub use section::{
    Decision, Section, Sections, Waived, check_section, covers, is_mode_path_or_above, mode_path,
};
pub use view::{Layer, LayerId, View};

//! What Kubernetes defines and fitout only reads: quantities, label selectors, versions and levels, days and name
//! patterns. Knows nothing of fitout.

mod date;
pub mod label_selector;
mod pattern;
pub mod quantity;
mod version;

pub use date::Date;
pub use label_selector::{LabelSelector, LabelSelectorError};
pub use pattern::{Glob, Pattern};
pub use quantity::{Format, Quantity, QuantityError, Scale};
pub use version::{Level, Standard, Version, minor_version};

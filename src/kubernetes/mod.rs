//! Types of Kubernetes and its tools, independent of fitout: quantities, label selectors, versions, levels, dates and name
//! patterns.

mod date;
pub mod label_selector;
pub mod names;
mod pattern;
pub mod quantity;
pub mod schema;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod version;

pub use date::Date;
pub use label_selector::{LabelSelector, LabelSelectorError};
pub use pattern::{Glob, Pattern, bounded};
pub use quantity::{Format, Quantity, QuantityError, Scale};
pub use version::{Level, Standard, Version, minor_version};

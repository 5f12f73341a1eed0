//! What objects are, and what they say of one another.
//!
//! A [`Target`] is an object with its pod templates, containers and claims, wherever its kind keeps them. [`Around`],
//! [`Accounts`] and [`Objects`] are the references between objects: selectors, names and accounts.

mod accounts;
mod claims;
mod labels;
mod layout;
mod names;
mod places;
mod related;
mod target;
mod template;
mod walk;

pub use accounts::{Accounts, DEFAULT as DEFAULT_ACCOUNT, account_of};
pub use claims::{Claim, ClaimForm, ClaimKind, ClaimSpecs};
pub use names::Objects;
pub use places::{Form, OnChange, PodSpecs, is_known_kind, workload_kind};
pub use related::{Around, Autoscaler, Monitor, Pods, Service, is_one_namespace};
pub use target::{Target, annotation, is_sidecar};
pub use template::{Container, ContainerType, Template};
pub use walk::{below, expected};

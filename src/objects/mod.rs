//! What objects contain, and how they refer to each other.
//!
//! A [`Target`] is an object with its pod templates, containers and claims, wherever its kind has them. [`Objects`] is the
//! index of all objects, with the references between them: selectors, names and accounts.

mod accounts;
mod claims;
mod container;
mod index;
mod labels;
mod layout;
mod limit_range;
mod monitors;
mod names;
mod namespaces;
mod partial;
mod places;
mod ports;
mod related;
mod scaling;
mod search;
mod subject;
mod target;
mod template;
mod token_use;
mod undeclared;
mod walk;

pub use accounts::{AUTOMOUNT, Accounts, DEFAULT as DEFAULT_ACCOUNT, TokenNeed, account_of};
pub use claims::{Claim, ClaimForm, ClaimKind, ClaimSpecs, LEGACY_CLASS};
pub use container::{ByNode, Container, ContainerType};
pub(crate) use index::reasons;
pub use index::{Classification, Objects, SkipReason};
pub use limit_range::{LimitRangeItem, LimitType};
pub use monitors::{Monitor, Namespaces, Selects};
pub use names::NameIndex;
pub use namespaces::Demands;
pub use partial::{is_mistake, is_whole, patch_reason, why_patch};
pub use places::{Form, OnChange, PodSpecs, is_known_kind, workload_kind};
pub use ports::{Declared, PortRef, Ports, TargetPort, protocol};
pub use related::{Front, Pods, Related, Service};
pub use scaling::Autoscaler;
pub use search::{
    CLUSTERS_NAMESPACE, DeclaredPorts, MonitorSearch, NoMatch, PodSearch, SelectedPods,
};
pub use subject::{Part, Subject};
pub use target::{Target, annotation};
pub use template::Template;
pub use undeclared::{Gap, Undeclared, UndeclaredPods};
pub use walk::{below, expected};

//! Step 3: which objects, containers and claims the config speaks of, and where they live.

mod accounts;
mod around;
mod exemptions;
mod labels;
mod namespaces;
mod objects;
mod selection;
mod selector;
mod targets;

pub use accounts::{Accounts, DEFAULT as DEFAULT_ACCOUNT, account_of};
pub use around::{Around, Autoscaler, Monitor, Pods, Service, is_one_namespace};
pub use exemptions::{
    Date, EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL, Exemption, Waiver, WaiverSource, leaf_of,
};
pub use namespaces::{Demands, Standard, demands};
pub use objects::Objects;
pub use selection::{Containers, PROFILE, ProfileUse, SKIP, Selected, Selection};
pub use selector::{ContainerSelector, Glob, Match, Near, Pattern, Selector};
pub use targets::{
    Claim, ClaimForm, ClaimKind, ClaimSpecs, Container, ContainerType, Form, OnChange, PodSpecs,
    Target, Template, below, expected, is_known_kind, is_sidecar, workload_kind,
};

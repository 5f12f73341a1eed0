//! Step 3: which objects, containers and claims the config selects.

mod exemptions;
mod selection;
#[cfg(test)]
pub(crate) mod testing;

pub use exemptions::{AppliedExemption, EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL, Source};
pub use selection::{Containers, PROFILE, ProfileUse, SKIP, Selected, Selection};

//! Step 3: which objects, containers and claims the config selects.

mod authors;
mod exemptions;
mod selection;
#[cfg(test)]
pub(crate) mod testing;

pub use authors::{
    ANNOTATIONS, Author, EXEMPT, EXEMPT_REASON, EXEMPT_UNTIL, Ignored, PROFILE, SKIP, SKIP_REASON,
    Why,
};
pub use exemptions::{AppliedExemption, Exemptions, Source};
pub use selection::{Containers, ProfileUse, Selected, Selection};

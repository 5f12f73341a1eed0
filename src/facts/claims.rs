//! Facts about claims.

use super::view::View;
use crate::objects::{Claim, LEGACY_CLASS};

/// The class of a claim; the control plane prefers the legacy annotation to the field.
pub fn class_of(claim: &Claim<'_>, view: View<'_>) -> Option<String> {
    let legacy = view.text_at(["metadata", "annotations", LEGACY_CLASS]);
    let class = legacy.or_else(|| view.text_at(claim.field(&Claim::CLASS)?))?;
    Some(class.into_owned())
}

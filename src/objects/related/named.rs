//! What pods and claims refer to by name: claims, volumes and classes; and the limits and quotas of their namespaces.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{Called, Related};
use crate::objects::claims::{Claim, ClaimKind};
use crate::objects::limit_range::LimitRangeItem;
use crate::objects::names::all_names;
use crate::read::Resource;
use crate::yaml::Node;

/// Up to this many amounts, the LimitRanges of a pod are not counted as work.
const USUAL_AMOUNTS: usize = 256;

impl<'a> Related<'a> {
    pub(super) fn add_claim(
        &mut self,
        index: usize,
        resource: &'a Resource<'a>,
        claim: &Claim<'a>,
    ) {
        match claim.kind {
            ClaimKind::Object => {
                for name in all_names(resource) {
                    let claim = (index, resource.node);
                    let called = self.claims.entry(name).or_insert_with(|| Called {
                        first: claim,
                        by_namespace: HashMap::new(),
                    });
                    let here = called.by_namespace.entry(resource.namespace.as_deref());
                    here.or_insert(claim);
                }
            }
            ClaimKind::Template => {
                for name in all_names(resource) {
                    let made = self.made_claims.entry(format!("{}-{name}", claim.name));
                    made.or_default().insert(resource.namespace.as_deref());
                }
            }
            // The names of these are not predictable, or nothing else refers to them.
            ClaimKind::Ephemeral | ClaimKind::Custom => {}
        }
    }

    /// The PersistentVolumeClaim that pods of an object reference by name, with its index.
    pub fn claim(&self, of: &Resource<'_>, name: &str) -> Option<(usize, Node<'a>)> {
        let Called {
            first,
            by_namespace,
        } = self.claims.get(name)?;
        let found = match of.namespace.as_deref() {
            None => [Some(first), None],
            namespace => [by_namespace.get(&namespace), by_namespace.get(&None)],
        };
        let found = found.into_iter().flatten();
        found.min_by_key(|(index, _)| *index).copied()
    }

    /// The StorageClass with this name.
    pub fn storage_class(&self, name: &str) -> Option<Node<'a>> {
        self.storage_classes.get(name).copied()
    }

    /// The PersistentVolume with this name.
    pub fn persistent_volume(&self, name: &str) -> Option<Node<'a>> {
        self.persistent_volumes.get(name).copied()
    }

    /// The PersistentVolume that is reserved for a claim in the namespace of an object.
    pub fn persistent_volume_of(&self, of: &Resource<'_>, claim: &str) -> Option<Node<'a>> {
        if self.reserved_volumes.is_empty() {
            return None;
        }
        let namespace = of.namespace.as_deref().unwrap_or_default();
        let claim = (Cow::Borrowed(namespace), Cow::Borrowed(claim));
        self.reserved_volumes.get(&claim).copied()
    }

    /// The RuntimeClass with this name.
    pub fn runtime_class(&self, name: &str) -> Option<Node<'a>> {
        self.runtime_classes.get(name).copied()
    }

    /// The LimitRange items of an object's namespace, for a number of its containers; none if that is too much work. Unlike
    /// elsewhere, an object without a namespace only matches LimitRanges without one.
    pub fn limits_of<'s>(
        &'s self,
        of: &'s Resource<'_>,
        containers: usize,
    ) -> &'s [LimitRangeItem<'a>] {
        let Some(limits) = self.limits.get(&of.namespace.as_deref()) else {
            return &[];
        };
        // Each costs more than the comparison of a label. What is usual costs nothing.
        let work = (containers * limits.amounts).saturating_sub(USUAL_AMOUNTS);
        match self.work.take(8 * work) {
            true => &limits.items,
            false => &[],
        }
    }

    /// Every ResourceQuota, with its index among the objects.
    pub fn quotas(&self) -> &[(usize, &'a Resource<'a>)] {
        &self.quotas
    }

    /// The ResourceQuotas of an object's namespace, as in [`Related::limits_of`].
    pub fn quotas_of<'s>(&'s self, of: &'s Resource<'_>) -> &'s [&'s Resource<'a>] {
        let quotas = self.quotas_of.get(&of.namespace.as_deref());
        quotas.map_or(&[], Vec::as_slice)
    }

    /// Whether a StatefulSet in the input creates a claim of this name.
    pub fn makes_claim(&self, of: &Resource<'_>, name: &str) -> bool {
        let Some((name, number)) = name.rsplit_once('-') else {
            return false;
        };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let is_here = |made: &HashSet<Option<&str>>| {
            let namespace = of.namespace.as_deref();
            namespace.is_none() || made.contains(&namespace) || made.contains(&None)
        };
        is_number && self.made_claims.get(name).is_some_and(is_here)
    }
}

//! `storage`: the storage class, size and access modes of claims.
//!
//! Fits PersistentVolumeClaims, the claim templates of StatefulSets, and generic ephemeral volumes.
//! An absent class means the cluster's default, an empty one means no provisioning; both differ, and
//! only absence is filled. Sizes only grow, unless the mode `Bound` or `sizePolicy: Exact` asks for
//! less, which is told. Claims that are bound to a volume by hand are left alone.
//!
//! ```yaml
//! # before                                  # after
//! spec:                                     spec:
//!   accessModes: [ReadWriteOnce]              accessModes: [ReadWriteOnce]
//!   resources: {requests: {storage: 10Gi}}    resources: {requests: {storage: 10Gi}}
//!                                             storageClassName: fast
//! ```

mod claim;
mod class;
mod retention;
mod size;

use std::cell::Cell;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{Scope, Transformer};
use crate::config::{Amount, Factor, Objection, Section, Settings};
use crate::edit::Edits;
use crate::finding::Mode;
use crate::kubernetes::{Glob, Quantity};
use crate::objects::SkipReason;
use crate::problem::{Problem, suggestion};
use crate::rules::Rule;

use claim::Fitting;

/// What claims ask of the cluster's storage.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Storage {
    /// The class; the empty text asks for no provisioning.
    storage_class_name: Option<String>,
    /// Classes of other clusters and what they are called here, in every mode that writes; the empty text as a key stands
    /// for an empty class, not for an absent one.
    map: BTreeMap<String, String>,
    /// What happens to a class that a claim names by the annotation of old, `volume.beta.kubernetes.io/storage-class`,
    /// which wins over the field. `Convert` when absent. Claim templates of StatefulSets keep theirs.
    legacy_annotation: LegacyAnnotation,
    /// The size of every claim, or sizes by claim name (with `*` and `?`).
    size: Option<Size>,
    /// Whether `Override` may make an author's size smaller.
    size_policy: SizePolicy,
    /// A factor for the sizes configured here, never the author's, rounded up to 1Mi (1M for decimal sizes). One below 1
    /// has an effect with `sizePolicy: Exact` only.
    scale: Option<Factor>,
    /// The largest size: none above it is written, and the mode `Bound` brings an author's down to it.
    max: Option<Amount>,
    /// Written where the author asks for none.
    access_modes: Option<Vec<String>>,
    /// The VolumeAttributesClass; written from Kubernetes 1.34.
    volume_attributes_class_name: Option<String>,
    /// What becomes of the claims that a StatefulSet made; written from Kubernetes 1.27.
    retention: Retention,
    /// Names of the claims that this is for (with `*` and `?`); all when absent.
    claims: Option<Vec<Glob>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum LegacyAnnotation {
    /// It becomes the field, with the same class: the one change of it that the API server allows.
    #[default]
    Convert,
    /// It stays.
    Keep,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum SizePolicy {
    /// Never below the author's size.
    #[default]
    GrowOnly,
    /// As configured.
    Exact,
}

/// `persistentVolumeClaimRetentionPolicy` of StatefulSets.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Retention {
    /// When the StatefulSet is deleted.
    when_deleted: Option<Policy>,
    /// When a replica is taken away.
    when_scaled: Option<Policy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Policy {
    /// The claims stay.
    Retain,
    /// The claims go, and with most classes their volumes.
    Delete,
}

/// One size, or sizes by claim name in the order in which they are tried.
#[derive(Debug)]
enum Size {
    All(Quantity),
    ByName(Vec<(Glob, String, Quantity)>),
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Size;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a quantity, or quantities by claim name")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Size, A::Error> {
                let sizes: BTreeMap<String, Amount> =
                    Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                let by_name = sizes.into_iter().map(|(name, Amount(size))| {
                    let glob = Glob::from(name.clone());
                    Ok((glob, name, size))
                });
                by_name.collect::<Result<_, _>>().map(Size::ByName)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Size, E> {
                let text: serde::de::value::StrDeserializer<'_, E> =
                    serde::de::IntoDeserializer::into_deserializer(text);
                Amount::deserialize(text).map(|Amount(size)| Size::All(size))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Size, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Size, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What Kubernetes knows (`supportedAccessModes` in kubernetes `pkg/apis/core/validation/validation.go`).
const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", EXCLUSIVE];

/// The access mode that stands alone.
const EXCLUSIVE: &str = "ReadWriteOncePod";

impl Settings for Storage {
    const MODE_PATHS: &'static [&'static str] = &[
        "storageClassName",
        "size",
        "size.*",
        "accessModes",
        "volumeAttributesClassName",
        "retention",
        "retention.whenDeleted",
        "retention.whenScaled",
    ];
    const BOUNDED: &'static [&'static str] = &["size", "size.*"];
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("FIT-STO001", "storageClassName"),
        ("FIT-STO002", "size"),
        ("FIT-STO003", "storageClassName"),
        ("FIT-STO007", "size"),
    ];

    fn check(&self) -> Vec<Objection> {
        let mut objections = self.check_sizes();
        objections.extend(self.check_access_modes());
        objections.extend(self.check_classes());
        objections
    }
}

impl Transformer for Storage {
    const FINDS: &'static [Rule] = &[
        class::AGAINST_LEGACY,
        class::RESTORED,
        retention::OF_OPERATOR,
        claim::BOUND,
    ];

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(section) = scope.section() else {
            return Ok(());
        };
        let target = scope.target();
        let is_told = Cell::new(false);
        for claim in &target.claims {
            let fitting = Fitting {
                resource: target.resource,
                claim,
                section: &section,
                is_told: &is_told,
            };
            if fitting.is_selected() {
                fitting.fit(edits)?;
            } else {
                edits.leave_out(&claim.subject, SkipReason::NotSelected);
            }
        }
        retention::fit(target, &section, edits)?;
        Ok(())
    }
}

impl Storage {
    /// Whether the section is for a claim of this name.
    pub fn is_for(&self, claim: &str) -> bool {
        let claims = self.claims.as_ref();
        claims.is_none_or(|globs| globs.iter().any(|glob| glob.matches(claim)))
    }

    /// Whether it is for every claim.
    pub fn is_for_all_claims(&self) -> bool {
        self.claims.is_none()
    }

    /// Whether it has a class for claims.
    pub fn names_class(&self) -> bool {
        self.storage_class_name.is_some()
    }

    fn check_sizes(&self) -> Vec<Objection> {
        let mut sizes: Vec<(String, Quantity)> = match &self.size {
            None => Vec::new(),
            Some(Size::All(size)) => vec![("size".to_owned(), *size)],
            Some(Size::ByName(sizes)) => sizes
                .iter()
                .map(|(_, name, size)| (format!("size.{name}"), *size))
                .collect(),
        };
        sizes.extend(self.max.map(|Amount(max)| ("max".to_owned(), max)));
        let zeros = sizes.into_iter().filter(|(_, size)| size.is_zero());
        let objections = zeros.map(|(path, size)| {
            Objection::new(
                path,
                format!("a claim of size {size} is refused by the API server"),
                "write a size above zero, such as 10Gi",
            )
        });
        objections.collect()
    }

    fn check_access_modes(&self) -> Option<Objection> {
        let modes = self.access_modes.as_ref()?;
        let unknown = modes
            .iter()
            .find(|mode| !ACCESS_MODES.contains(&mode.as_str()));
        let known = || format!("known: {}", ACCESS_MODES.join(", "));
        let (message, help) = if let Some(unknown) = unknown {
            let help = suggestion(unknown, ACCESS_MODES).unwrap_or_else(known);
            (format!("`{unknown}` is no access mode"), help)
        } else if modes.is_empty() {
            let message = "a claim without an access mode is refused by the API server";
            (message.to_owned(), known())
        } else if modes.len() > 1 && modes.iter().any(|mode| mode == EXCLUSIVE) {
            let message = format!("{EXCLUSIVE} goes with no other access mode");
            (message, "leave the others out".to_owned())
        } else {
            return None;
        };
        Some(Objection::new("accessModes", message, help))
    }

    fn check_classes(&self) -> Vec<Objection> {
        let chains = self
            .map
            .iter()
            .filter(|(from, to)| from != to && self.map.get(*to).is_some_and(|next| next != *to));
        let mut objections: Vec<Objection> = chains
            .map(|(from, to)| {
                Objection::new(
                    format!("map.{from}"),
                    format!("`{to}` is renamed itself, so `{from}` would have another name after each run"),
                    "map each class to what it is called in the cluster",
                )
            })
            .collect();
        if self.volume_attributes_class_name.as_deref() == Some("") {
            objections.push(Objection::new(
                "volumeAttributesClassName",
                "an empty class takes away the one that a claim has, which the API server refuses",
                "leave it out",
            ));
        }
        objections
    }

    /// What a class is called in this cluster. Profiles may make chains of names; their end is meant, and of a circle the
    /// name itself.
    fn name_here<'s>(&'s self, class: &'s str) -> &'s str {
        let mut name = class;
        for _ in 0..self.map.len() {
            match self.map.get(name) {
                Some(next) if next != name => name = next,
                _ => return name,
            }
        }
        if self.map.get(name).is_none_or(|next| next == name) {
            name
        } else {
            class
        }
    }
}

/// Whether the fields of a leaf are to be deleted: by the mode of a setting that is there, or by name in `modes`.
fn is_removed(section: &Section<'_, Storage>, leaf: &str, is_configured: bool) -> bool {
    let is_meant = is_configured || section.removed_by(leaf).is_some();
    section.mode(leaf) == Mode::Remove && is_meant
}

/// The minor version that fields are written for: the oldest that fitout knows where the config names none.
fn minor_version(section: &Section<'_, Storage>) -> u32 {
    section
        .kubernetes_version()
        .map_or(25, |version| version.minor())
}

//! `storage`: storage class, size and access modes of PersistentVolumeClaims.
//!
//! Applies to PersistentVolumeClaims, claim templates of StatefulSets, and generic ephemeral volumes. An absent class means
//! the cluster's default class and an empty class means no dynamic provisioning, so only an absent class is set. Sizes only
//! grow, unless mode `Bound` or `sizePolicy: Exact` makes them smaller, which a finding reports. Claims that are manually
//! bound to a volume are not changed.
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
use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{Scope, Transformer};
use crate::config::{Amount, Factor, FieldRow, Objection, Section, Settings, fields};
use crate::edit::Edits;
use crate::finding::Mode;
use crate::kubernetes::names::is_subdomain;
use crate::kubernetes::{Glob, Quantity};
use crate::objects::SkipReason;
use crate::problem::{Problem, suggestion};
use crate::rules::Rule;

use crate::sorting;
use claim::Fitting;

/// Settings of PersistentVolumeClaims.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Storage {
    /// The storage class; an empty string means no dynamic provisioning.
    storage_class_name: Option<String>,
    /// Names of classes in other clusters and their names in this cluster, applied in every mode that writes. An empty key
    /// is the empty class, not an absent one.
    map: BTreeMap<String, String>,
    /// What to do with the legacy annotation `volume.beta.kubernetes.io/storage-class`, which wins over the field. Defaults
    /// to `Convert`. Claim templates of StatefulSets keep the annotation.
    legacy_annotation: LegacyAnnotation,
    /// The size of every claim, or sizes by claim name (with `*` and `?`). Of those that match, a name wins over patterns, and
    /// then the pattern with more letters.
    size: Option<Size>,
    /// Whether mode `Override` may make an author's size smaller.
    size_policy: SizePolicy,
    /// A factor for the sizes configured here, not for the author's. The product is rounded up to 1Mi (1M for decimal
    /// sizes). A factor below 1 has an effect only with `sizePolicy: Exact`.
    scale: Option<Factor>,
    /// The largest size. No larger size is set, and mode `Bound` lowers an author's size to it.
    max: Option<Amount>,
    /// The access modes.
    access_modes: Option<Vec<String>>,
    /// The VolumeAttributesClass. Needs Kubernetes 1.34.
    volume_attributes_class_name: Option<String>,
    /// Whether the claims of a StatefulSet are kept or deleted. Needs Kubernetes 1.27.
    retention: Retention,
    /// Names of the claims that the section applies to (with `*` and `?`); all when absent.
    claims: Option<Vec<Glob>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum LegacyAnnotation {
    /// Move the class to the field: the only change of the annotation that the API server allows.
    #[default]
    Convert,
    /// Keep the annotation.
    Keep,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum SizePolicy {
    /// Set no size below the author's.
    #[default]
    GrowOnly,
    /// Set the configured size.
    Exact,
}

/// `persistentVolumeClaimRetentionPolicy` of StatefulSets.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
struct Retention {
    /// When the StatefulSet is deleted.
    when_deleted: Option<Policy>,
    /// When the StatefulSet is scaled down.
    when_scaled: Option<Policy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Policy {
    /// Keep the claims.
    Retain,
    /// Delete the claims, and with most classes their volumes.
    Delete,
}

/// One size, or sizes by claim name, in the order in which they are matched: a name before patterns, and a pattern with more
/// letters before one with fewer.
#[derive(Debug)]
enum Size {
    All(Quantity),
    ByName(Vec<(Glob, String, Quantity)>),
}

#[cfg(test)]
schema!(Size, {
    "type": ["string", "number", "object"], "additionalProperties": {"type": ["string", "number"]}
});

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
                    (glob, name, size)
                });
                let mut by_name: Vec<_> = by_name.collect();
                sorting::sort_by_key(&mut by_name, |(_, name, _)| {
                    let is_open = |c: &char| matches!(c, '*' | '?');
                    let open = name.chars().filter(is_open).count();
                    (open > 0, Reverse(name.chars().count() - open))
                });
                Ok(Size::ByName(by_name))
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

/// Valid access modes (`supportedAccessModes` in kubernetes `pkg/apis/core/validation/validation.go`).
const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", EXCLUSIVE];

/// The access mode that cannot be combined with others.
const EXCLUSIVE: &str = "ReadWriteOncePod";

impl Settings for Storage {
    const MODE_PATHS: &'static [&'static str] = &[
        "storageClassName", "size", "size.*", "accessModes", "volumeAttributesClassName",
        "retention", "retention.whenDeleted", "retention.whenScaled",
    ];
    const BOUNDED: &'static [&'static str] = &["size", "size.*"];
    const FIELDS: &'static [FieldRow] = fields! {
        Claims "storageClassName" ["storageClassName"] ["map", "claims", "legacyAnnotation"];
        Claims "resources.requests.storage" ["size"] ["scale", "max", "sizePolicy", "claims"];
        Claims "accessModes" ["accessModes"] ["claims"];
        Claims "volumeAttributesClassName" ["volumeAttributesClassName"] ["claims"];
        Objects "spec.persistentVolumeClaimRetentionPolicy.whenDeleted" ["retention.whenDeleted"] [];
        Objects "spec.persistentVolumeClaimRetentionPolicy.whenScaled" ["retention.whenScaled"] [];
    };
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
        let is_noted = Cell::new(false);
        for claim in &target.claims {
            let fitting = Fitting {
                resource: target.resource,
                claim,
                section: &section,
                is_noted: &is_noted,
            };
            if fitting.is_selected() {
                fitting.fit(edits)?;
            } else {
                edits.leave_out(&claim.subject, SkipReason::NotSelected);
            }
        }
        retention::fit(target, &section, edits)
    }
}

impl Storage {
    /// Whether the section applies to a claim with this name.
    pub fn is_for(&self, claim: &str) -> bool {
        let claims = self.claims.as_ref();
        claims.is_none_or(|globs| globs.iter().any(|glob| glob.matches(claim)))
    }

    /// Whether the section applies to every claim.
    pub fn is_for_all_claims(&self) -> bool {
        self.claims.is_none()
    }

    /// Whether the config sets a storage class.
    pub fn names_class(&self) -> bool {
        self.storage_class_name.is_some()
    }

    fn check_sizes(&self) -> Vec<Objection> {
        let mut sizes: Vec<(String, Quantity)> = match &self.size {
            None => Vec::new(),
            Some(Size::All(size)) => vec![("size".to_owned(), *size)],
            Some(Size::ByName(sizes)) => {
                let sizes = sizes.iter();
                sizes
                    .map(|(_, name, size)| (format!("size.{name}"), *size))
                    .collect()
            }
        };
        sizes.extend(self.max.map(|Amount(max)| ("max".to_owned(), max)));
        let zeros = sizes.into_iter().filter(|(_, size)| size.is_zero());
        let objections = zeros.map(|(path, size)| {
            let message = format!("the API server rejects a claim of size {size}");
            Objection::new(path, message, "write a size above zero, such as 10Gi")
        });
        objections.collect()
    }

    fn check_access_modes(&self) -> Option<Objection> {
        let modes = self.access_modes.as_ref()?;
        let unknown = modes.iter().find(|it| !ACCESS_MODES.contains(&it.as_str()));
        let known = || format!("known: {}", ACCESS_MODES.join(", "));
        let (message, help) = if let Some(unknown) = unknown {
            let help = suggestion(unknown, ACCESS_MODES).unwrap_or_else(known);
            (format!("`{unknown}` is not an access mode"), help)
        } else if modes.is_empty() {
            let message = "the API server rejects a claim without an access mode";
            (message.to_owned(), known())
        } else if modes.len() > 1 && modes.iter().any(|mode| mode == EXCLUSIVE) {
            let message = format!("{EXCLUSIVE} cannot be combined with other access modes");
            (message, "remove the others".to_owned())
        } else {
            return None;
        };
        Some(Objection::new("accessModes", message, help))
    }

    fn check_classes(&self) -> Vec<Objection> {
        let is_renamed = |name: &String| self.map.get(name).is_some_and(|next| next != name);
        let mut objections = Vec::new();
        for (from, to) in self
            .map
            .iter()
            .filter(|(from, to)| from != to && is_renamed(to))
        {
            let message =
                format!("`{to}` is itself a key of `map`, so each run would rename `{from}` again");
            let help = "map each class to its name in the cluster";
            objections.push(Objection::new(format!("map.{from}"), message, help));
        }
        let classes = self.map.iter().flat_map(|(from, to)| {
            let path = format!("map.{from}");
            [(path.clone(), from), (path, to)]
        });
        let own = self.storage_class_name.iter();
        let own = own.map(|class| ("storageClassName".to_owned(), class));
        let of_attributes = self.volume_attributes_class_name.iter();
        let of_attributes =
            of_attributes.map(|class| ("volumeAttributesClassName".to_owned(), class));
        for (path, class) in classes.chain(own).chain(of_attributes) {
            if !class.is_empty() && !is_subdomain(class) {
                let message = format!("`{class}` cannot be the name of a class");
                let help = "write the name of a class in the cluster: lower-case letters, digits, `-` and `.`";
                objections.push(Objection::new(path, message, help));
            }
        }
        if self.volume_attributes_class_name.as_deref() == Some("") {
            let message =
                "the API server rejects an empty class, which would remove the claim's class";
            let help = "remove the setting";
            objections.push(Objection::new("volumeAttributesClassName", message, help));
        }
        objections
    }

    /// The name of a class in this cluster. Merged profiles can form a chain, which is followed to its end; in a cycle the
    /// class keeps its name.
    fn name_here<'s>(&'s self, class: &'s str) -> &'s str {
        let mut name = class;
        for _ in 0..self.map.len() {
            match self.map.get(name) {
                Some(next) if next != name => name = next,
                _ => return name,
            }
        }
        match self.map.get(name) {
            Some(next) if next != name => class,
            _ => name,
        }
    }
}

/// Whether the fields of a leaf are deleted: the leaf has a setting with the mode `Remove`, or `modes` names it.
fn is_removed(section: &Section<'_, Storage>, leaf: &str, is_configured: bool) -> bool {
    section.mode(leaf) == Mode::Remove && (is_configured || section.removed_by(leaf).is_some())
}

/// The minor version of the cluster; the oldest supported one if the config has none.
fn minor_version(section: &Section<'_, Storage>) -> u32 {
    section
        .kubernetes_version()
        .map_or(25, |version| version.minor())
}

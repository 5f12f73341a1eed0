//! `storage`: the storage class, size and access modes of claims.
//!
//! Fits PersistentVolumeClaims, the claim templates of StatefulSets, and generic ephemeral volumes.
//! An absent class means the cluster's default, an empty one means no provisioning; both differ, and
//! only absence is filled. Sizes only grow. Claims that are bound to a volume by hand are left alone.
//!
//! ```yaml
//! # before                                  # after
//! spec:                                     spec:
//!   accessModes: [ReadWriteOnce]              accessModes: [ReadWriteOnce]
//!   resources: {requests: {storage: 10Gi}}    resources: {requests: {storage: 10Gi}}
//!                                             storageClassName: fast
//! ```

use std::collections::BTreeMap;

use kustomize_krm_types::Severity;
use serde::{Deserialize, Deserializer};

use super::resources::{Amount, read_quantity};
use super::{Objection, Scope, Transformer};
use crate::config::{Mode, Section};
use crate::edit::{Answer, Edits, Finding, Meaning, Proposal, Subject};
use crate::problem::Problem;
use crate::quantity::Quantity;
use crate::read::Resource;
use crate::select::{Claim, ClaimKind, Glob, below, expected};
use crate::yaml::{Node, Value};

/// What claims ask of the cluster's storage.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Storage {
    /// The class; the empty text asks for no provisioning.
    storage_class_name: Option<String>,
    /// The size of every claim, or sizes by claim name (with `*` and `?`).
    size: Option<Size>,
    /// Whether `Override` may make an author's size smaller.
    size_policy: SizePolicy,
    /// Written where the author asks for none.
    access_modes: Option<Vec<String>>,
    /// Names of the claims that this is for (with `*` and `?`); all when absent.
    claims: Option<Vec<Glob>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum SizePolicy {
    /// Never below the author's size.
    #[default]
    GrowOnly,
    /// As configured.
    Exact,
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
                    let glob = Glob::try_from(name.clone()).map_err(serde::de::Error::custom)?;
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

/// The way in which claims named their class before the field (Kubernetes 1.6); where it stands, the
/// control plane prefers it (`GetPersistentVolumeClaimClass` in k8s.io/component-helpers).
const LEGACY_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

impl Transformer for Storage {
    const MODE_PATHS: &'static [&'static str] =
        &["storageClassName", "size", "size.*", "accessModes"];

    fn check(&self) -> Vec<Objection> {
        let sizes: Vec<(String, Quantity)> = match &self.size {
            None => Vec::new(),
            Some(Size::All(size)) => vec![("size".to_owned(), *size)],
            Some(Size::ByName(sizes)) => sizes
                .iter()
                .map(|(_, name, size)| (format!("size.{name}"), *size))
                .collect(),
        };
        sizes
            .into_iter()
            .filter(|(_, size)| size.is_zero())
            .map(|(path, size)| {
                Objection::new(
                    path,
                    format!("a claim of size {size} is refused by the API server"),
                    "write a size above zero, such as 10Gi".to_owned(),
                )
            })
            .collect()
    }

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(section) = scope.section() else {
            return Ok(());
        };
        for claim in &scope.target().claims {
            let fitting = Fitting {
                resource: scope.target().resource,
                claim,
                section: &section,
                subject: Subject::claim(claim),
            };
            if fitting.is_selected() {
                fitting.fit(edits)?;
            }
        }
        Ok(())
    }
}

struct Fitting<'f, 'a> {
    resource: &'f Resource<'a>,
    claim: &'f Claim<'a>,
    section: &'f Section<'f, Storage>,
    subject: Subject,
}

impl<'a> Fitting<'_, 'a> {
    fn settings(&self) -> &Storage {
        &self.section.settings
    }

    fn is_selected(&self) -> bool {
        self.settings()
            .claims
            .as_ref()
            .is_none_or(|globs| globs.iter().any(|glob| glob.matches(&self.claim.name)))
    }

    fn spec(&self, field: &str) -> Option<Node<'a>> {
        self.claim.get(&[field])
    }

    fn fit(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        for part in ["spec", "metadata"] {
            if let Some(node) = self
                .claim
                .node
                .get(part)
                .filter(|node| !node.is_null() && !node.is_map())
            {
                return Err(expected(
                    self.resource,
                    node,
                    "a mapping",
                    &below(&self.claim.path, [part]),
                ));
            }
        }
        if self.spec("volumeName").is_some() || self.spec("selector").is_some() {
            self.leave_bound(edits);
            return Ok(());
        }
        self.fit_access_modes(edits)?;
        self.fit_size(edits)?;
        self.fit_class(edits)
    }

    /// A claim that names its volume is bound by hand: another class would never bind.
    fn leave_bound(&self, edits: &mut Edits<'_>) {
        let Some(class) = &self.settings().storage_class_name else {
            return;
        };
        let current = self.spec("storageClassName").and_then(|node| node.text());
        if self.section.mode("storageClassName") != Mode::Override
            || current.as_deref() == Some(class)
        {
            return;
        }
        let message = format!(
            "claim \"{}\" is bound to its volume by hand, so its class cannot become {class}",
            self.claim.name
        );
        let finding = Finding::new("storage", Severity::Error, message)
            .about(&self.subject, &self.field(&["storageClassName"]))
            .current(current.map(|class| Value::from(class.into_owned())))
            .decided_by(self.section.decision("storageClassName"))
            .help("leave the claim out with `claims`, or use mode Ensure for it");
        edits.find(finding);
    }

    fn fit_access_modes(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(modes) = &self.settings().access_modes else {
            return Ok(());
        };
        let mode = self.section.mode("accessModes");
        let authors = self.spec("accessModes");
        let is_empty = |node: Node<'_>| node.is_sequence() && node.items().next().is_none();
        if authors.is_some_and(|node| !is_empty(node)) && mode == Mode::Ensure {
            return Ok(());
        }
        let value = Value::Sequence(
            modes
                .iter()
                .map(|mode| Value::from(mode.as_str()))
                .collect(),
        );
        // The API server refuses an empty list as it does none.
        if authors.is_some_and(is_empty) && mode != Mode::Off && !modes.is_empty() {
            edits.repair(Proposal {
                subject: &self.subject,
                field: &self.field(&["accessModes"]),
                value,
                decision: self.section.decision("accessModes"),
                meaning: Meaning::Literal,
                note: None,
            })?;
            if !matches!(self.claim.kind, ClaimKind::Ephemeral | ClaimKind::Custom) {
                edits.mark_immutable();
            }
            return Ok(());
        }
        self.set(
            &["accessModes"],
            "accessModes",
            value,
            Meaning::Literal,
            edits,
        )
    }

    fn fit_size(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let (leaf, size) = match &self.settings().size {
            None => return Ok(()),
            Some(Size::All(size)) => ("size".to_owned(), *size),
            Some(Size::ByName(sizes)) => match sizes
                .iter()
                .find(|(glob, ..)| glob.matches(&self.claim.name))
            {
                None => return Ok(()),
                Some((_, name, size)) => (format!("size.{name}"), *size),
            },
        };
        if self.section.mode(&leaf) == Mode::Off {
            return Ok(());
        }
        let of_spec = ["resources", "requests", "storage"];
        let field = self.field(&of_spec);
        if let Some(node) = self.claim.get(&of_spec) {
            let author = read_quantity(self.resource, node, || self.subject.at(&field))?;
            let shrinks = size < author && self.section.mode(&leaf) == Mode::Override;
            if shrinks && self.settings().size_policy == SizePolicy::GrowOnly {
                return Ok(());
            }
            if shrinks {
                let message = format!(
                    "claim \"{}\" shrinks from {author} to {size}, which no existing claim can",
                    self.claim.name
                );
                let finding = Finding::new("FIT-STO002", Severity::Warning, message);
                edits.find(
                    finding
                        .about(&self.subject, &field)
                        .decided_by(self.section.decision(&leaf)),
                );
            }
        }
        self.set(
            &of_spec,
            &leaf,
            Value::from(size.to_string()),
            Meaning::Quantity,
            edits,
        )
    }

    fn fit_class(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(class) = &self.settings().storage_class_name else {
            return Ok(());
        };
        if let Some(legacy) = self.legacy_class() {
            self.keep_legacy(&legacy, class, edits);
            return Ok(());
        }
        let restores = self
            .spec("dataSource")
            .or_else(|| self.spec("dataSourceRef"))
            .is_some();
        let is_looked_at = self.section.mode("storageClassName") != Mode::Off;
        if restores && is_looked_at && self.settings().claims.is_none() {
            let message = format!(
                "claim \"{}\" is filled from another volume, whose class must fit; its class is left as it is",
                self.claim.name
            );
            let finding = Finding::new("storage", Severity::Info, message)
                .about(&self.subject, &self.field(&["storageClassName"]));
            edits.find(finding.help("name the claim under `claims` to set it all the same"));
            return Ok(());
        }
        self.set(
            &["storageClassName"],
            "storageClassName",
            Value::from(class.as_str()),
            Meaning::Text,
            edits,
        )
    }

    fn legacy_class(&self) -> Option<String> {
        let annotations = self.claim.node.get("metadata")?.get("annotations")?;
        annotations.get(LEGACY_CLASS)?.text().map(Into::into)
    }

    fn keep_legacy(&self, legacy: &str, class: &str, edits: &mut Edits<'_>) {
        if legacy == class || self.section.mode("storageClassName") != Mode::Override {
            return;
        }
        let message = format!(
            "claim \"{}\" names its class {legacy} in an annotation, which wins over the field; it cannot become {class}",
            self.claim.name
        );
        let finding = Finding::new("FIT-STO003", Severity::Error, message)
            .about(&self.subject, &["metadata", "annotations", LEGACY_CLASS])
            .current(Some(Value::from(legacy)))
            .proposed(class)
            .decided_by(self.section.decision("storageClassName"))
            .help("remove the annotation from the manifest");
        edits.find(finding);
    }

    /// Where this claim has a field of a PersistentVolumeClaimSpec.
    fn field<'s>(&'s self, of_spec: &[&'s str]) -> Vec<&'s str> {
        self.claim.field(of_spec).unwrap_or_default()
    }

    /// Sets a field of a PersistentVolumeClaimSpec, where this claim has it.
    fn set(
        &self,
        of_spec: &[&str],
        leaf: &str,
        value: Value,
        meaning: Meaning,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let Some(field) = self.claim.field(of_spec) else {
            return Ok(());
        };
        let decision = self.section.decision(leaf);
        let answer = edits.set(Proposal {
            subject: &self.subject,
            field: &field,
            value,
            decision,
            meaning,
            note: None,
        })?;
        // A claim's class and modes are fixed when it is made, and a StatefulSet's templates for good
        // (`ValidatePersistentVolumeClaimUpdate`, `ValidateStatefulSetUpdate`); a claim's size may grow.
        let fixed = match self.claim.kind {
            ClaimKind::Template => true,
            ClaimKind::Object => !leaf.starts_with("size"),
            // What an operator makes of a change is its own affair.
            ClaimKind::Ephemeral | ClaimKind::Custom => false,
        };
        if fixed && matches!(answer, Answer::Edited) {
            edits.mark_immutable();
        }
        Ok(())
    }
}

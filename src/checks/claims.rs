//! FIT-STO001, FIT-STO002, FIT-STO005 and FIT-STO007: claims that get no volume, or not the one that their pods need.
//!
//! With the edits of the config, these are claims without a class, claims that shrink or grow although an existing claim
//! cannot, and ReadWriteOnce claims that two pods would share. FIT-REF004 reports claims that are not in the
//! input. The section `storage` selects the claims. The mode `Off` of a field also turns off the rule about it.

use std::cell::OnceCell;

use jsonptr::PointerBuf;

use super::{Check, Find, Scene};
use crate::config::Section;
use crate::edit::Change;
use crate::facts::{View, class_of};
use crate::finding::{Finding, Mode};
use crate::hashing::HashMap;
use crate::objects::{Claim, ClaimKind};
use crate::read::Resource;
use crate::rules::rules;
use crate::select::Selected;
use crate::transformers::Scope;
use crate::transformers::storage::Storage;

rules! {
    RULES;
    NO_CLASS: "FIT-STO001" Warning Always "a claim without a storage class";
    SHRINKS: "FIT-STO002" Warning Always "a claim that shrinks";
    SHARED: "FIT-STO005" Warning Always "a claim for one node that several pods would share";
    CANNOT_GROW: "FIT-STO007" Warning Always "a claim that grows although its class does not allow expansion";
}

pub(super) const CHECK: Check = Check {
    name: "claims",
    rules: RULES,
    find: &[Find::Object(|scene, selected| {
        let target = selected.target;
        let has_some = !target.claims.is_empty() || !target.templates.is_empty();
        if !has_some || selected.skips("storage") {
            return Vec::new();
        }
        let sections = &scene.transformers.storage;
        let scope = Scope::of(sections, scene.selection, selected);
        let Some(section) = scope.section() else {
            return Vec::new();
        };
        let mut findings = of_claims(scene, selected, &section);
        findings.extend(of_pods(scene, selected, &section));
        findings
    })],
};

/// The changes of an object, by their paths for the few claims with a finding.
struct Changes<'f> {
    all: &'f [Change],
    by_path: OnceCell<HashMap<PointerBuf, &'f Change>>,
}

impl<'f> Changes<'f> {
    fn at(&self, path: &PointerBuf) -> Option<&'f Change> {
        let by_path = || self.all.iter().map(|it| (it.pointer(), it)).collect();
        self.by_path.get_or_init(by_path).get(path).copied()
    }
}

/// The claims that an object creates.
fn of_claims(
    scene: &Scene<'_>,
    selected: &Selected<'_, '_>,
    section: &Section<'_, Storage>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let claims = &selected.target.claims;
    if claims.is_empty() {
        return findings;
    }
    let edits = scene.after(selected.index);
    let changes = Changes {
        all: scene.changes_of(selected.index),
        by_path: OnceCell::new(),
    };
    for claim in claims.iter().filter(|it| section.settings.is_for(&it.name)) {
        let after = edits.view_of(claim.node, &claim.subject);
        findings.extend(misses_class(claim, after, section));
        findings.extend(resizes(scene, &changes, claim, after));
    }
    findings
}

/// A claim that relies on the cluster's default class, which the input does not show.
fn misses_class(
    claim: &Claim<'_>,
    after: View<'_>,
    section: &Section<'_, Storage>,
) -> Option<Finding> {
    let field = claim.field(&Claim::CLASS)?;
    let has = |key: &str| {
        let field = claim.field(&[key]);
        field.is_some_and(|field| after.at(field).is_some())
    };
    let volume = claim.field(&["volumeName"]);
    let volume = volume.and_then(|field| after.at(field)).map(View::text);
    let is_bound = volume.is_some_and(|name| !name.is_empty()) || has("selector");
    let restores = has("dataSource") || has("dataSourceRef");
    let is_named = class_of(claim, after).is_some() || section.settings.names_class();
    let is_intended = matches!(section.mode(Claim::CLASS[0]), Mode::Off | Mode::Remove);
    if is_bound || is_named || is_intended || restores && section.settings.is_for_all_claims() {
        return None;
    }
    let message = format!(
        "claim \"{}\" has no storage class: it gets the cluster's default class, and stays Pending if there is none",
        claim.name
    );
    let finding = Finding::new(&NO_CLASS, message)
        .about(&claim.subject, &field)
        .decided_by(section.decision(Claim::CLASS[0]));
    Some(finding.help(
        "set `storage.storageClassName`; to use the default class, set `modes: {storageClassName: Off}`",
    ))
}

/// A claim whose size changes in a way that the API server rejects for an existing claim.
///
/// A size may shrink only to undo a failed expansion, never below the present capacity. It may grow only if the class allows
/// it (`validatePVCExpansion` of the admission plugin `PersistentVolumeClaimResize` in kubernetes
/// `plugin/pkg/admission/storage/persistentvolume/resize/admission.go`). Classes that are not in the input are skipped.
fn resizes(
    scene: &Scene<'_>,
    changes: &Changes<'_>,
    claim: &Claim<'_>,
    after: View<'_>,
) -> Option<Finding> {
    let field = claim.field(&Claim::SIZE)?;
    let from = View::of(claim.node).at(field.iter().copied())?.quantity()?;
    let to = after.at(field.iter().copied())?.quantity()?;
    let name = &claim.name;
    let finding = if to < from {
        let message = format!(
            "claim \"{name}\" shrinks from {from} to {to}, but an existing claim cannot shrink"
        );
        Finding::new(&SHRINKS, message)
    } else if to > from && claim.kind != ClaimKind::Ephemeral {
        // Ephemeral claims are created with each pod.
        let class = class_of(claim, after)?;
        let settings = scene.objects().related.storage_class(&class)?;
        if settings.bool_at(["allowVolumeExpansion"]) == Some(true) {
            return None;
        }
        let message = format!(
            "claim \"{name}\" grows from {from} to {to}, but the class {class} does not allow an existing claim to grow"
        );
        Finding::new(&CANNOT_GROW, message)
            .help("set `allowVolumeExpansion: true` on the StorageClass if its driver supports it, or create a new claim")
    } else {
        return None;
    };
    let finding = finding.about(&claim.subject, &field);
    let change = finding.pointer.as_ref().and_then(|it| changes.at(it));
    Some(match change {
        Some(change) => finding.decided_by(change.decision.clone()),
        None => finding,
    })
}

/// The claims that the pods of an object reference.
fn of_pods(
    scene: &Scene<'_>,
    selected: &Selected<'_, '_>,
    section: &Section<'_, Storage>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let resource = selected.target.resource;
    let related = &scene.objects().related;
    for template in &selected.target.templates {
        for (index, volume) in template.volumes().enumerate() {
            let name = volume.text_at(["persistentVolumeClaim", "claimName"]);
            let Some(name) = name.filter(|name| section.settings.is_for(name)) else {
                continue;
            };
            let index = index.to_string();
            let field = ["volumes", &index, "persistentVolumeClaim", "claimName"];
            let Some((object, claim)) = related.claim(resource, &name) else {
                continue;
            };
            let edits = scene.after(object);
            let claim = edits.view(claim, jsonptr::Pointer::root());
            let is_shared = section.mode("accessModes") != Mode::Off && is_for_one_node(claim);
            if let Some(why) = is_shared.then(|| shares(resource)).flatten() {
                let message =
                    format!("claim \"{name}\" can be used on one node at a time, but {why}");
                let finding = Finding::new(&SHARED, message)
                    .about(&template.pod, &field)
                    .decided_by(section.decision("accessModes"))
                    .help("request ReadWriteMany from a class that supports it, or run one replica with the strategy Recreate");
                findings.push(finding);
            }
        }
    }
    findings
}

/// Why two pods of a workload would use a claim at the same time.
fn shares(resource: &Resource<'_>) -> Option<String> {
    let spec = resource.node.at(["spec"])?;
    let replicas: Option<u32> = spec.int_at(["replicas"]);
    if resource.kind == "DaemonSet" {
        return Some("every node runs a pod of this DaemonSet".to_owned());
    }
    if let Some(replicas) = replicas.filter(|replicas| *replicas > 1) {
        return Some(format!("{replicas} replicas share it"));
    }
    let kind = spec.text_at(["strategy", "type"]);
    let surge = spec.text_at(["strategy", "rollingUpdate", "maxSurge"]);
    // The default strategy of a Deployment is a rolling update with a surge (`SetDefaults_Deployment` in kubernetes
    // `pkg/apis/apps/v1/defaults.go`).
    let rolls = resource.group() == "apps"
        && resource.kind == "Deployment"
        && kind.is_none_or(|kind| kind == "RollingUpdate")
        && replicas != Some(0)
        && !matches!(surge.as_deref(), Some("0" | "0%"));
    rolls.then(|| "a rolling update starts the new pod before the old one stops".to_owned())
}

/// Whether all access modes of a claim are limited to one node.
fn is_for_one_node(claim: View<'_>) -> bool {
    let modes = claim.items_at(["spec", "accessModes"]);
    let mut modes = modes.map(View::text).peekable();
    let is_for_one = |mode: &str| matches!(mode, "ReadWriteOnce" | "ReadWriteOncePod");
    modes.peek().is_some() && modes.all(|mode| is_for_one(&mode))
}

//! FIT-STO001, FIT-STO002 and FIT-STO005 to FIT-STO007: claims that get no volume, or another one than their pods need.
//!
//! All of them are judged as they will be: a claim without a class, one that shrinks or grows although no existing claim
//! can, a ReadWriteOnce claim that two pods would share, and one that pods name and nobody brings. The section `storage`
//! says of which claims, and `modes` switches a judgement off together with the field that it is about.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::config::Section;
use crate::facts::View;
use crate::finding::{Finding, Mode};
use crate::objects::{Claim, ClaimKind, LEGACY_CLASS};
use crate::read::Resource;
use crate::rules::{Rule, rule};
use crate::select::Selected;
use crate::transformers::Scope;
use crate::transformers::storage::Storage;
use crate::yaml::Value;

const NO_CLASS: Rule = rule("FIT-STO001", Severity::Warning, "a claim without a class");
const SHRINKS: Rule = rule("FIT-STO002", Severity::Warning, "a claim that shrinks");
const SHARED: Rule = rule(
    "FIT-STO005",
    Severity::Warning,
    "a claim for one node that pods on several would use",
);
const MISSING: Rule = rule(
    "FIT-STO006",
    Severity::Info,
    "a claim that pods name and nobody brings",
);
const CANNOT_GROW: Rule = rule(
    "FIT-STO007",
    Severity::Warning,
    "a claim that grows although its class does not let it",
);

pub(super) const CHECK: Check = Check {
    name: "claims",
    rules: &[NO_CLASS, SHRINKS, SHARED, MISSING, CANNOT_GROW],
    find: Find::Objects(|scene| {
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            let target = selected.target;
            let has_some = !target.claims.is_empty() || !target.templates.is_empty();
            if !has_some || selected.skips("storage") {
                continue;
            }
            let sections = &scene.transformers.storage;
            let scope = Scope::of(sections, scene.selection, selected);
            let Some(section) = scope.section() else {
                continue;
            };
            let mut found = of_claims(scene, selected, &section);
            found.extend(of_pods(scene, selected, &section));
            findings.extend(found.into_iter().map(|it| it.of(selected.index)));
        }
        findings
    }),
};

/// What is wrong with the claims that an object makes.
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
    for claim in claims.iter().filter(|it| section.settings.is_for(&it.name)) {
        let after = edits.view(claim.node, &claim.subject.path);
        findings.extend(misses_class(claim, after, section));
        findings.extend(resizes(scene, selected, claim, after));
    }
    findings
}

/// An absent class is the cluster's default, which nobody here sees.
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
    let is_bound = has("volumeName") || has("selector");
    let restores = has("dataSource") || has("dataSourceRef");
    let is_named = class_of(claim, after).is_some() || section.settings.names_class();
    let is_meant = matches!(section.mode(Claim::CLASS[0]), Mode::Off | Mode::Remove);
    if is_bound || is_named || is_meant || restores && section.settings.is_for_all_claims() {
        return None;
    }
    let message = format!(
        "claim \"{}\" names no class, so it gets the cluster's default, and waits for ever where there is none",
        claim.name
    );
    let finding = Finding::new(&NO_CLASS, message)
        .about(&claim.subject, &field)
        .decided_by(section.decision(Claim::CLASS[0]));
    Some(finding.help(
        "set `storage.storageClassName`; if the default is meant, say `modes: {storageClassName: Off}`",
    ))
}

/// The API server lets a size go down only to end an expansion that failed, and never below what there is. It goes up only
/// where the class lets it (`validatePVCExpansion` of the admission plugin `PersistentVolumeClaimResize` in kubernetes
/// `plugin/pkg/admission/storage/persistentvolume/resize/admission.go`). Of a class that is not among the objects nothing is
/// known.
fn resizes(
    scene: &Scene<'_>,
    selected: &Selected<'_, '_>,
    claim: &Claim<'_>,
    after: View<'_>,
) -> Option<Finding> {
    let field = claim.field(&Claim::SIZE)?;
    let from = View::of(claim.node).at(field.iter().copied())?.quantity()?;
    let to = after.at(field.iter().copied())?.quantity()?;
    let name = &claim.name;
    let finding = if to < from {
        let message =
            format!("claim \"{name}\" shrinks from {from} to {to}, which no existing claim can");
        Finding::new(&SHRINKS, message)
    } else if to > from && claim.kind != ClaimKind::Ephemeral {
        // Ephemeral claims are made anew with each pod.
        let class = class_of(claim, after)?;
        let settings = scene.objects().related.storage_class(&class)?;
        if settings.bool_at(["allowVolumeExpansion"]) == Some(true) {
            return None;
        }
        let message = format!(
            "claim \"{name}\" grows from {from} to {to}, which the class {class} does not let an existing claim do"
        );
        Finding::new(&CANNOT_GROW, message)
            .help("set `allowVolumeExpansion: true` on the StorageClass if its driver can, or make a new claim")
    } else {
        return None;
    };
    let finding = finding.about(&claim.subject, &field);
    let mut changes = scene.changes_of(selected.index).iter();
    let change = changes.find(|it| Some(it.pointer()) == finding.pointer);
    Some(match change {
        Some(change) => finding.decided_by(change.decision.clone()),
        None => finding,
    })
}

/// The class that a claim names: where the annotation of old stands, the control plane prefers it.
fn class_of(claim: &Claim<'_>, view: View<'_>) -> Option<String> {
    let legacy = view.text_at(["metadata", "annotations", LEGACY_CLASS]);
    let class = legacy.or_else(|| view.text_at(claim.field(&Claim::CLASS)?))?;
    Some(class.into_owned())
}

/// What is wrong with the claims that the pods of an object name.
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
            let found = match related.claim(resource, &name) {
                Some((object, claim)) => {
                    let edits = scene.after(object);
                    let claim = edits.view(claim, jsonptr::Pointer::root());
                    let is_shared =
                        section.mode("accessModes") != Mode::Off && is_for_one_node(claim);
                    let why = is_shared.then(|| shares(resource)).flatten();
                    why.map(|why| {
                        let message =
                            format!("claim \"{name}\" is for one node at a time, and {why}");
                        Finding::new(&SHARED, message)
                            .decided_by(section.decision("accessModes"))
                            .help("ask for ReadWriteMany of a class that has it, or run one replica with the strategy Recreate")
                    })
                }
                None => {
                    let is_missing = section.mode(Claim::CLASS[0]) != Mode::Off
                        && !related.makes_claim(resource, &name);
                    is_missing.then(|| {
                        let message = format!(
                            "claim \"{name}\" is not among the objects, so it has to be in the cluster already"
                        );
                        Finding::new(&MISSING, message)
                            .current(Some(Value::from(name.as_ref())))
                            .decided_by(section.decision(Claim::CLASS[0]))
                    })
                }
            };
            findings.extend(found.map(|it| it.about(&template.pod, &field)));
        }
    }
    findings
}

/// Why two pods of a workload would use a claim at the same time, if they would.
fn shares(resource: &Resource<'_>) -> Option<String> {
    let spec = resource.node.at(["spec"])?;
    let replicas: Option<u32> = spec.int_at(["replicas"]);
    if resource.kind == "DaemonSet" {
        return Some("every node has a pod of this DaemonSet".to_owned());
    }
    if let Some(replicas) = replicas.filter(|replicas| *replicas > 1) {
        return Some(format!("{replicas} replicas share it"));
    }
    let kind = spec.text_at(["strategy", "type"]);
    let surge = spec.text_at(["strategy", "rollingUpdate", "maxSurge"]);
    // Without a word of its author a Deployment rolls, with a pod more than it has replicas
    // (`SetDefaults_Deployment` in kubernetes `pkg/apis/apps/v1/defaults.go`).
    let rolls = resource.group() == "apps"
        && resource.kind == "Deployment"
        && kind.is_none_or(|kind| kind == "RollingUpdate")
        && replicas != Some(0)
        && !matches!(surge.as_deref(), Some("0" | "0%"));
    rolls.then(|| "a rolling update starts the new pod before the old one has ended".to_owned())
}

/// Whether all access modes of a claim are for one node.
fn is_for_one_node(claim: View<'_>) -> bool {
    let modes = claim.items_at(["spec", "accessModes"]);
    let mut modes = modes.map(View::text).peekable();
    let is_for_one = |mode: &str| matches!(mode, "ReadWriteOnce" | "ReadWriteOncePod");
    modes.peek().is_some() && modes.all(|mode| is_for_one(&mode))
}

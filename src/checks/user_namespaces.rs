//! FIT-SEC017, FIT-SEC018 and FIT-SEC020: pods without the user namespace that the config asks for or their other fields
//! need, and ids that it does not have.
//!
//! With `hostUsers: false`, root in a container is an unprivileged user of the node. A `hostUsers: true` in the manifest stays
//! unless the mode is `Override`, and is then reported. The API server rejects `hostUsers: false` together with other
//! namespaces of the node and with block devices, and an unmasked `/proc` without it. Before Kubernetes 1.33 it drops both
//! fields instead.
//!
//! A user namespace has the ids from 0 to 65535, unless `userNamespaces.idsPerPod` in the kubelet's configuration says more.
//! The runtime cannot start a program with another user or group.
//!
//! Sources: the page "User Namespaces" of the Kubernetes documentation; `validateHostUsers` and `ValidateSecurityContext` in
//! kubernetes `pkg/apis/core/validation/validation.go`, whose conditions are the same from 1.34 to 1.37; 1.33 has no condition
//! about devices.

use super::{Check, Find, Pod};
use crate::facts::{Field, PodField, View};
use crate::finding::{Finding, Mode};
use crate::kubernetes::Version;
use crate::objects::Subject;
use crate::rules::rules;
use crate::yaml::Value;

rules! {
    RULES;
    SHARED: "FIT-SEC017" Warning Always "`hostUsers: true` in the manifest, although the config says false";
    REJECTED: "FIT-SEC018" Error Always
        "fields that the API server rejects with or without a user namespace of the pod's own";
    UNMAPPED: "FIT-SEC020" Warning Always
        "a user or group above 65535 in a pod with a user namespace of its own";
}

const FIELD: &str = "hostUsers";

/// The minor versions in which the API server has `hostUsers` and unmasked mounts, and in which it looks at devices.
const SINCE: u32 = 33;
const DEVICES_SINCE: u32 = 34;

/// The last id of a user namespace, if the kubelet's configuration does not change it.
const LAST_ID: i128 = 65_535;

/// The fields with ids in security contexts of pods; those of containers have the first two.
const IDS: [&str; 4] = ["runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"];

pub(super) const CHECK: Check = Check {
    name: "userNamespaces",
    rules: RULES,
    find: &[Find::Pods(|pod| {
        let mut findings = rejected(pod);
        findings.extend(shared(pod));
        findings
    })],
};

/// The author's `true` that the config does not replace.
fn shared(pod: &Pod<'_, '_>) -> Option<Finding> {
    let section = pod.security_context()?.section()?;
    let is_kept = matches!(section.mode(FIELD), Mode::Ensure | Mode::Bound);
    let is_possible = section.kubernetes_version()?.minor() >= SINCE && !pod.template.is_windows;
    let is_asked = section.settings.wants_own_users() && is_kept && is_possible;
    if !is_asked || pod.after().host_users != Some(true) {
        return None;
    }
    let subject = &pod.template.pod;
    let message = format!(
        "{}: hostUsers is true, so its root user is the root user of the node, although the config says false",
        subject.part
    );
    let finding = Finding::new(&SHARED, message)
        .about(subject, &[FIELD])
        .current(Some(Value::from(true)))
        .proposed(false)
        .decided_by(section.decision(FIELD))
        .help("remove it from the manifest, set the mode of this field to Override, or exempt the object with a reason");
    Some(finding)
}

/// Combinations that the API server rejects.
fn rejected(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let facts = pod.after();
    let version = pod.scene.config.kubernetes_version;
    let minor = version.unwrap_or(Version::LATEST).minor();
    let mut findings = Vec::new();
    let is_asked = || {
        let scope = pod.security_context();
        pod.scene.config.validate_only || scope.is_some_and(|scope| scope.section().is_some())
    };
    let is_linux = pod.template.is_whole() && !pod.template.is_windows;
    if minor < SINCE || !is_linux || !is_asked() {
        return findings;
    }
    let has_own = facts.host_users == Some(false);
    let subject = &pod.template.pod;
    if has_own {
        findings.extend(unmapped(subject, facts.spec));
        let containers = pod.containers();
        findings.extend(containers.flat_map(|(it, facts)| unmapped(&it.subject, facts.view)));
    }
    let host = PodField::HOST;
    for field in host.into_iter().filter(|it| has_own && facts.is_true(*it)) {
        let field = field.key();
        let message = format!(
            "{}: the API server rejects {field}: true together with hostUsers: false",
            subject.part
        );
        let finding = Finding::new(&REJECTED, message)
            .about(subject, &[field])
            .current(Some(Value::from(true)));
        findings.push(finding.help("remove one of the two"));
    }
    for (container, facts) in pod.containers() {
        let subject = &container.subject;
        let has_devices = facts.items(Field::VolumeDevices).next().is_some();
        if has_own && minor >= DEVICES_SINCE && has_devices {
            let message = format!(
                "{}: the API server rejects volumeDevices together with hostUsers: false",
                subject.part
            );
            let finding = Finding::new(&REJECTED, message).about(subject, &["volumeDevices"]);
            findings
                .push(finding.help("remove one of the two, or mount the volume as a file system"));
        }
        if !has_own && facts.context.proc_mount.as_deref() == Some("Unmasked") {
            let message = format!(
                "{}: the API server rejects procMount: Unmasked without hostUsers: false",
                subject.part
            );
            let finding = Finding::new(&REJECTED, message)
                .about(subject, &["securityContext", "procMount"])
                .current(Some(Value::from("Unmasked")))
                .leaf("securityContext.procMount");
            let shares = host.into_iter().find(|it| pod.after().is_true(*it));
            findings.push(finding.help(match shares {
                None => "set `hostUsers: false` for the pod, or remove procMount".to_owned(),
                Some(field) => format!(
                    "remove procMount: `hostUsers: false` is not possible with {}: true",
                    field.key()
                ),
            }));
        }
    }
    findings
}

/// The ids in a security context that a user namespace does not have.
fn unmapped<'a>(subject: &'a Subject, owner: View<'a>) -> impl Iterator<Item = Finding> + use<'a> {
    IDS.into_iter().filter_map(move |field| {
        let written = owner.at(["securityContext", field])?;
        let ids = std::iter::once(written).chain(written.items());
        let id = ids.filter_map(View::int).find(|id| *id > LAST_ID)?;
        let message = format!(
            "{}: {field} is {id}, but a pod with hostUsers: false has only the ids up to {LAST_ID}, unless the kubelet's \
             configuration has a larger idsPerPod; it does not start",
            subject.part
        );
        let finding = Finding::new(&UNMAPPED, message)
            .about(subject, &["securityContext", field])
            .help("choose a smaller id, or do not set `hostUsers: false` for the pod");
        Some(finding)
    })
}

//! FIT-SEC013 and FIT-SEC014: volumes that a container may be unable to use, because it does not run as root.
//!
//! A new claim belongs to root. The kubelet gives it to the `fsGroup`, which `securityContext` sets to the group or the number
//! of the user; if neither is known, it is not set. Directories of the node (`hostPath`) and of file servers keep their
//! owners, so a user that the catalogue or the config sets may not be able to write there. Init containers that change owners
//! must run as root. OpenShift assigns the group.

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::config::Section;
use crate::facts::{
    Access, ContainerFacts, Field, MOUNT, Storage, View, is_unexecutable, is_unreadable,
};
use crate::finding::{Finding, Mode};
use crate::objects::Container;
use crate::rules::rules;
use crate::transformers::security_context::{SecurityContext, changes_owners};

rules! {
    RULES;
    FOREIGN: "FIT-SEC013" Warning Always "a volume that a container without root may be unable to use";
    CHOWN: "FIT-SEC014" Warning Always "an init container that changes owners and does not run as root";
}

const FS_GROUP: &str = "pod.fsGroup";

pub(super) const CHECK: Check = Check {
    name: "volumeOwners",
    rules: RULES,
    find: &[Find::Pods(|pod| {
        let Some(scope) = pod.security_context().filter(|_| !pod.template.is_windows) else {
            return Vec::new();
        };
        let is_due = |it: &Section<'_, SecurityContext>| {
            it.settings.is_restricted() && !it.settings.is_on_openshift()
        };
        let storage = pod.storage();
        let section = scope.section().filter(|section| is_due(section));
        let workspaces = section
            .as_ref()
            .and_then(|section| workspaces(pod, section));
        if storage.is_empty() {
            return workspaces.into_iter().collect();
        }
        let claims = section.and_then(|section| without_group(pod, &section, storage));
        let containers = pod.containers().flat_map(|(container, facts)| {
            let section = scope
                .section_for(container)
                .filter(|section| is_due(section));
            let section = section.filter(|_| is_changed(pod, container));
            section
                .into_iter()
                .flat_map(|section| {
                    let owned = of_owners(pod, &section, storage, (container, facts));
                    owned
                        .into_iter()
                        .chain(closed(pod, &section, storage, (container, facts)))
                        .chain(chown(&section, storage, (container, facts)))
                })
                .collect::<Vec<_>>()
        });
        let of_pod = workspaces.into_iter().chain(claims);
        of_pod.chain(containers).collect()
    })],
};

/// Whether a container that may run as root in the manifest cannot after the edits.
fn is_changed(pod: &Pod<'_, '_>, container: &Container<'_>) -> bool {
    pod.after().is_non_root(container) && !pod.before().is_non_root(container)
}

/// Workspaces of Tekton that steps without root write to: whether a run binds them to a claim, and which `fsGroup` it has, is
/// not known to the task.
fn workspaces(pod: &Pod<'_, '_>, section: &Section<'_, SecurityContext>) -> Option<Finding> {
    let mut names = pod.template.workspaces().filter_map(|it| {
        let is_writable = it.bool_at(["readOnly"]) != Some(true);
        it.text_at(["name"]).filter(|_| is_writable)
    });
    let name = names.next()?;
    let is_off = matches!(section.mode(FS_GROUP), Mode::Off | Mode::Remove);
    let mut containers = pod.template.containers.iter();
    if is_off || !containers.any(|it| is_changed(pod, it)) {
        return None;
    }
    let message = format!(
        "pod: its steps do not run as root, and may be unable to write to the workspace \"{name}\" where a run binds it to \
         a claim without an fsGroup"
    );
    let finding = Finding::new(&FOREIGN, message)
        .about(&pod.template.pod, &["workspaces"])
        .decided_by(section.decision(FS_GROUP))
        .help(
            "set fsGroup in `podTemplate.securityContext` of the TaskRuns, in `taskRunTemplate.podTemplate.securityContext` of \
             the PipelineRuns, or in Tekton's `default-pod-template`",
        );
    Some(finding)
}

/// Claims in pods without an `fsGroup`.
fn without_group(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    storage: &Storage<'_>,
) -> Option<Finding> {
    let (template, after) = (pod.template, pod.after());
    let has_group = after.spec.at(["securityContext", "fsGroup"]).is_some();
    let is_off = matches!(section.mode(FS_GROUP), Mode::Off | Mode::Remove);
    if has_group || is_off {
        return None;
    }
    let of_claims = |facts: &ContainerFacts<'_>| {
        let mounts = storage.mounts(facts.get(Field::VolumeMounts));
        let claims = mounts.filter(|mount| mount.access == Access::Group);
        claims
            .map(|mount| mount.volume.into_owned())
            .collect::<Vec<String>>()
    };
    let mut claims: Vec<String> = Vec::new();
    let mut is_new = false;
    for (container, facts) in pod.containers() {
        let user = after.user_of(facts);
        let mut mounted = of_claims(facts);
        mounted.retain(|volume| !pod.is_given(storage, volume, user));
        if mounted.is_empty() {
            continue;
        }
        if after.is_non_root(container) {
            is_new |= !pod.before().is_non_root(container);
            claims.extend(mounted);
        }
    }
    claims.sort_unstable();
    claims.dedup();
    let claims: Vec<String> = claims.iter().map(|it| format!("\"{it}\"")).collect();
    if claims.is_empty() {
        return None;
    }
    // An author who sets a user other than root has probably prepared the volumes for it.
    let severity = if is_new {
        Severity::Warning
    } else {
        Severity::Info
    };
    let message = format!(
        "pod: it does not run as root, and no fsGroup is set: it may be unable to write to {}",
        claims.join(" and ")
    );
    let finding = Finding::graded(&FOREIGN, severity, message)
        .about(&template.pod, &["securityContext", "fsGroup"])
        .decided_by(section.decision(FS_GROUP))
        .help(match template.has_field("securityContext") {
            false => "Knative sets no fsGroup: use a storage class whose volumes everyone can write to, or an emptyDir",
            true => {
                "set `securityContext.pod.fsGroup` in a profile for these pods (any number, such as that of the image's \
                 user), or fsGroup in the manifest"
            }
        });
    Some(finding)
}

/// Mounts that root can read or execute, and the container's user cannot: files with a closed mode, directories below the
/// home of root, and logs and sockets of the node.
fn closed(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    storage: &Storage<'_>,
    (container, facts): (&Container<'_>, &ContainerFacts<'_>),
) -> Vec<Finding> {
    let subject = &container.subject;
    let found = |index: usize, what: String, help: &str| {
        let message = format!("{}: it does not run as root, and {what}", subject.part);
        Finding::new(&FOREIGN, message)
            .about(subject, &["volumeMounts", &index.to_string()])
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help(help.to_owned())
    };
    let spec = pod.after().spec;
    let has_group = || spec.at(["securityContext", "fsGroup"]).is_some();
    let mut findings = Vec::new();
    for (index, mount) in facts.items(Field::VolumeMounts).enumerate() {
        let [name, path, read_only] = mount.pick(&MOUNT);
        let [volume, path] = [name, path].map(|it| it.map(View::text).unwrap_or_default());
        if let Some(mode) = storage.closed_mode(&volume) {
            if is_unreadable(mode) && !has_group() {
                let what = format!(
                    "the files of \"{volume}\" have the mode 0{mode:o} and belong to root: it cannot read them"
                );
                findings.push(found(index, what,
                "set `securityContext.pod.fsGroup` in a profile for these pods: the kubelet lets that group read the \
                 files; or set their mode to 0444",
            ));
            } else if is_unexecutable(mode) {
                let what = format!(
                    "the files of \"{volume}\" have the mode 0{mode:o} and belong to root: it cannot execute them"
                );
                findings.push(found(
                    index,
                    what,
                    "set `defaultMode: 0555` for the volume, or run them with a shell",
                ));
            }
        }
        if path.trim_end_matches('/') == "/root" || path.starts_with("/root/") {
            let what =
                format!("\"{volume}\" is mounted at {path}: most images let only root into /root");
            findings.push(found(index, what,
                "mount it elsewhere and set HOME to that directory, or set `runAsUser: 0` and `runAsNonRoot: false` in \
                 the manifest",
            ));
        }
        let is_read_only = read_only.and_then(View::bool) == Some(true);
        let is_closed =
            |path: &str| path.ends_with(".sock") || CLOSED.iter().any(|it| path.starts_with(it));
        let host = storage.host_path(&volume);
        if let Some(host) = host.filter(|host| is_read_only && is_closed(host)) {
            let what = format!(
                "\"{volume}\" is {host} of the node, which usually only root or a group of the node can read"
            );
            findings.push(found(index, what,
                "add the number of that group to `supplementalGroups` in a profile for these pods, or set `runAsUser: 0` \
                 and `runAsNonRoot: false` in the manifest",
            ));
        }
    }
    findings
}

/// Directories of the node whose files are usually closed.
const CLOSED: [&str; 6] = [
    "/var/log", "/var/lib/docker", "/var/lib/kubelet", "/var/lib/containerd", "/etc/kubernetes",
    "/run/log",
];

/// Directories of the node and of file servers that belong to another user.
fn of_owners(
    pod: &Pod<'_, '_>,
    section: &Section<'_, SecurityContext>,
    storage: &Storage<'_>,
    (container, facts): (&Container<'_>, &ContainerFacts<'_>),
) -> Option<Finding> {
    // If the image decides, it also did before.
    let user = pod.after().user_of(facts)?;
    let mounts = storage.mounts(facts.get(Field::VolumeMounts));
    let owned = mounts.filter_map(|mount| match mount.access {
        Access::Owner(source) => Some(format!("\"{}\" ({source})", mount.volume)),
        _ => None,
    });
    let owned: Vec<String> = owned.collect();
    if owned.is_empty() {
        return None;
    }
    let subject = &container.subject;
    let message = format!(
        "{}: it runs as user {user}, who may be unable to write to {}: its files keep their owner, whatever the fsGroup",
        subject.part,
        owned.join(" and ")
    );
    let finding = Finding::new(&FOREIGN, message)
        .about(subject, &["securityContext", "runAsUser"])
        .decided_by(section.decision("pod.runAsUser"))
        .help(format!(
            "give the directory to user {user} outside of the cluster, mount a claim, or set runAsUser in the manifest"
        ));
    Some(finding)
}

/// An init container that changes the owners of a volume.
fn chown(
    section: &Section<'_, SecurityContext>,
    storage: &Storage<'_>,
    (container, facts): (&Container<'_>, &ContainerFacts<'_>),
) -> Option<Finding> {
    let mount = storage.mounts(facts.get(Field::VolumeMounts)).next();
    let mount = mount.filter(|_| changes_owners(container))?;
    let subject = &container.subject;
    let message = format!(
        "{}: its command changes owners or modes in \"{}\", which fails because it does not run as root",
        subject.part, mount.volume
    );
    let finding = Finding::new(&CHOWN, message)
        .about(subject, &["securityContext", "runAsUser"])
        .decided_by(section.decision("pod.runAsNonRoot"))
        .help("remove it if it is for a claim: the fsGroup makes it writable; else set `runAsUser: 0` and \
               `runAsNonRoot: false` for it in the manifest, and add the capabilities CHOWN and FOWNER in a profile");
    Some(finding)
}

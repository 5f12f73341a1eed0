//! `securityContext`: what pods and containers may do on their node.
//!
//! With the profile `restricted` (the default) it writes what the Pod Security Standards ask for at
//! that level, a read-only root filesystem, and the writable mounts without which that would break
//! pods. With `baseline` and `privileged` it writes only what the config says.
//!
//! Fields that exist for pods and for containers (`runAsNonRoot`, `runAsUser`, `runAsGroup`,
//! `seccompProfile`, `appArmorProfile`) go to the pod, or with `placement: Container` to each
//! container. What the author set stays (mode `Ensure`), with a finding where it is weaker. A pair
//! that the API server refuses, or that a kubelet would not start, is never completed:
//! `allowPrivilegeEscalation: false` beside `privileged: true`, `runAsNonRoot` beside user 0.
//!
//! Where neither says a user, and where an image writes, the catalogue of images is asked
//! (`src/catalogue/images.yaml` and the config's `catalogue`).
//!
//! Sources: `ValidateSecurityContext` in kubernetes `pkg/apis/core/validation/validation.go`, the
//! fields' own docs in k8s.io/api `core/v1/types.go`, and `policy/check_*.go` in
//! k8s.io/pod-security-admission.
//!
//! ```yaml
//! # before                                  # after
//! spec:                                     spec:
//!   containers:                               containers:
//!   - name: web                               - name: web
//!     image: web:1                              image: web:1
//!                                               securityContext:
//!                                                 allowPrivilegeEscalation: false
//!                                                 capabilities:
//!                                                   drop:
//!                                                   - ALL
//!                                                 readOnlyRootFilesystem: true
//!                                               volumeMounts:
//!                                               - name: fitout-web-tmp
//!                                                 mountPath: /tmp
//! ```

mod check;
mod container;
mod known;
mod leaves;
mod legacy;
mod pod;
mod user;
mod volumes;
mod wanted;
mod writable;

use std::cell::OnceCell;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use kustomize_krm_types::Severity;
use serde::Deserialize;

use super::{Scope, Transformer};
use crate::catalogue::{Entry, Known};
use crate::config::{Objection, Section, Settings, covers};
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Mode, Subject};
use crate::kubernetes::{Level, Standard, Version};
use crate::objects::{Container, ContainerType, Template};
use crate::problem::Problem;
use crate::rules::{Rule, rule};
use crate::yaml::{Node, Value};
pub use check::spelling;
use container::ContainerFitting;
pub use legacy::is_annotated;
use pod::PodFitting;
pub use wanted::SYS_ADMIN;
use wanted::{Wanted, wanted};
use writable::WritablePath;

/// What pods and containers may do.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// The Pod Security Standard whose settings are the defaults of the fields below.
    profile: Level,
    /// The version of the standard, `"1.34"` or `latest`; the cluster's when absent.
    version: Option<Version>,
    /// Where fields go that pods and containers have both.
    placement: Placement,
    /// Fields of the pod's security context, as in Kubernetes. Restricted: `runAsNonRoot: true` and the seccomp profile
    /// `RuntimeDefault`; where a claim is mounted and `runAsGroup` is set, `fsGroup` is that group, changed
    /// `OnRootMismatch`.
    pod: core::PodSecurityContext,
    /// Fields of each container's security context, as in Kubernetes. Restricted: `allowPrivilegeEscalation: false`,
    /// `capabilities.drop: [ALL]`, `readOnlyRootFilesystem: true`.
    container: core::SecurityContext,
    /// Paths that stay writable under a read-only root filesystem: `path`, and optionally `sizeLimit` (64Mi),
    /// `medium: Memory`, and `container` (a name, with `*` and `?`). General section and profiles add up.
    writable_paths: Vec<WritablePath>,
    /// Do without the writable `/tmp` that a read-only root filesystem gets.
    no_tmp: bool,
    /// Whether pods get a token for the Kubernetes API; `Auto` for restricted when absent.
    automount_service_account_token: Option<Automount>,
    /// Whether the users of pods are those of their node; `false` keeps them apart, from Kubernetes 1.33 on.
    host_users: Option<bool>,
    /// Whether containers get environment variables of each Service.
    enable_service_links: Option<bool>,
    /// Pods run on OpenShift, which chooses user and groups: no `runAsUser`, `runAsGroup` and `fsGroup` are written.
    openshift: bool,
    /// What follows from the settings, worked out once for all the objects that share them.
    #[serde(skip)]
    wanted: OnceCell<[Vec<Wanted>; 2]>,
    #[serde(skip)]
    known: Known,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum Placement {
    #[default]
    Pod,
    Container,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Automount {
    /// No pod gets one.
    Never,
    /// Pods get one only if their author says so, or their ServiceAccount has been given rights.
    Auto,
    /// As it is.
    Keep,
}

impl SecurityContext {
    /// The level and, where one is named, the version of the Pod Security Standards.
    pub fn standard(&self) -> (Level, Option<Version>) {
        (self.profile, self.version)
    }
}

impl Section<'_, SecurityContext> {
    /// Whether the config sets a field for containers and not only, or not at all, for pods.
    fn sets_for_container(&self, name: &str) -> bool {
        let wanted = self.settings.wanted_for_container();
        wanted
            .iter()
            .any(|wanted| wanted.name == name && self.mode(&wanted.leaf) != Mode::Off)
    }

    /// Whether the mode takes a field away: one that the config names in `modes`, or has a value for.
    fn removes(&self, name: &str, leaf: &str, is_wanted: bool) -> bool {
        let is_named = || self.removed().any(|path| covers(path, name));
        self.mode(leaf) == Mode::Remove && (is_wanted || is_named())
    }

    /// Whether the config has a value for a field of pods or containers.
    pub fn wants(&self, name: &str) -> bool {
        let settings = &self.settings;
        let mut pod = settings.wanted_for_pod().iter();
        let mut container = settings.wanted_for_container().iter();
        pod.any(|it| it.name == name) || container.any(|it| it.name == name)
    }

    /// The standard that pods have to meet.
    pub fn standard(&self) -> Standard {
        let version = self.settings.version.or(self.kubernetes_version());
        Standard {
            level: self.settings.profile,
            version: version.unwrap_or(Version::LATEST),
        }
    }

    /// The paths of a container that stay writable under a read-only root filesystem.
    fn writable_paths(
        &self,
        template: &Template<'_>,
        container: &Container<'_>,
    ) -> Vec<writable::Wanted> {
        let settings = &self.settings;
        // Ephemeral containers may bring no volumes, and Windows has no read-only root.
        let may_have_volumes = template.has_field("volumes") && !template.is_windows;
        if container.container_type == ContainerType::Ephemeral || !may_have_volumes {
            return Vec::new();
        }
        let tmp = settings.wants_read_only_root()
            && self.mode("container.readOnlyRootFilesystem") != Mode::Off
            && !settings.no_tmp;
        let mut paths = writable::paths_for(&settings.writable_paths, tmp, &container.name);
        // Where an image writes is its entrypoint's doing, which a command of the author's replaces.
        let has_command = author(Some(container.node), "command").is_some();
        let has_catalogue =
            settings.wants_read_only_root() && settings.is_restricted() && !has_command;
        let is_off = self.mode("container.readOnlyRootFilesystem") == Mode::Off;
        if let (true, false, Some((image, entry))) =
            (has_catalogue, is_off, self.known_of(container))
        {
            writable::add_known(&mut paths, &image, entry);
        }
        paths
    }

    /// The image of a container, and what is known of it.
    pub fn known_of(&self, container: &Container<'_>) -> Option<(String, &Entry)> {
        let image = container.node.text_at(["image"])?;
        let entry = self.settings.known.entry_for(self.catalogue(), &image)?;
        Some((image.into_owned(), entry))
    }
}

impl Settings for SecurityContext {
    const MODE_PATHS: &'static [&'static str] = wanted::MODE_PATHS;
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "FIT-PSS-allowPrivilegeEscalation",
            "allowPrivilegeEscalation",
        ),
        ("FIT-PSS-appArmorProfile", "appArmorProfile"),
        ("FIT-PSS-capabilities_restricted", "capabilities"),
        ("FIT-PSS-runAsNonRoot", "runAsNonRoot"),
        ("FIT-PSS-seccompProfile_restricted", "seccompProfile"),
        ("FIT-SEC002", "readOnlyRootFilesystem"),
        ("FIT-SEC003", "automountServiceAccountToken"),
    ];
    const CONTAINER_KEYS: &'static [&'static str] = &["container", "writablePaths", "noTmp"];
    const NOT_REMOVED: &'static [(&'static str, &'static str)] = &[(
        "writablePaths",
        "a mount may be another program's by now: `Off` adds none, and those that are there are taken out of the manifest",
    )];
    const MERGED_LISTS: &'static [&'static str] = &["container.capabilities.add", "writablePaths"];

    const DEFAULTS_FROM: Option<&'static str> = Some("profile");

    fn check(&self) -> Vec<Objection> {
        self.objections()
    }
}

/// What would be written if the rest of the pod allowed it.
const REFUSED: Rule = rule(
    "FIT-SEC001",
    Severity::Error,
    "a security setting that would stop the program, or that the API server refuses",
);

/// What Knative has not.
const UNKNOWN_TO_KNATIVE: Rule = rule(
    "FIT-SEC008",
    Severity::Warning,
    "a field that this kind of pod may not have",
);

impl Transformer for SecurityContext {
    const FINDS: &'static [Rule] = &[REFUSED, volumes::UNWRITABLE, UNKNOWN_TO_KNATIVE];

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        fit_account(scope, edits)?;
        let mut templates = scope.target().templates.iter();
        templates.try_for_each(|template| fit(scope, template, edits))
    }
}

/// The API group of Knative's serverless workloads.
const KNATIVE: &str = "serving.knative.dev";

/// Takes the token from the ServiceAccount of all pods that name none, which nobody means when giving rights.
fn fit_account(
    scope: &Scope<'_, '_, SecurityContext>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let resource = scope.target().resource;
    let is_default = resource.kind == "ServiceAccount"
        && resource.group().is_empty()
        && resource.name == "default";
    let Some(section) = scope.section().filter(|_| is_default) else {
        return Ok(());
    };
    match section.settings.automount() {
        Automount::Keep => return Ok(()),
        Automount::Auto if scope.accounts().decide(resource) => return Ok(()),
        Automount::Auto | Automount::Never => {}
    }
    forbid_token(&Subject::object(), &section, edits)
}

/// Has the token not mounted, by a ServiceAccount or by a pod, which have the field alike.
fn forbid_token(
    subject: &Arc<Subject>,
    section: &Section<'_, SecurityContext>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    edits.set(Proposal {
        subject,
        field: &["automountServiceAccountToken"],
        value: Value::from(false),
        decision: section.decision("automountServiceAccountToken"),
        meaning: Meaning::Literal,
        note: None,
    })?;
    Ok(())
}

/// Fits the pods of one template.
fn fit<'r>(
    scope: &Scope<'r, '_, SecurityContext>,
    template: &'r Template<'r>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    check::check_types(scope.target().resource, template)?;
    let before = edits.count();
    let pod = PodFitting {
        scope,
        template,
        subject: template.pod.clone(),
        is_knative: scope.target().resource.group() == KNATIVE,
    };
    let section = scope.section();
    let containers: Vec<_> = template
        .containers
        .iter()
        .filter_map(|container| {
            let section = scope.section_for(container)?;
            let paths = section.writable_paths(template, container);
            Some((container, section, paths))
        })
        .collect();
    let fittings = containers.iter().map(|(container, section, paths)| {
        let fitting = ContainerFitting {
            section,
            template,
            container,
            subject: container.subject.clone(),
            is_knative: pod.is_knative,
        };
        (fitting, paths.as_slice())
    });
    let fittings: Vec<_> = fittings.collect();
    // Whether `runAsNonRoot` may be set depends on the users, so that they come first.
    if let Some(section) = &section {
        pod.fit_users(section, edits)?;
    }
    for (fitting, _) in &fittings {
        fitting.fit_user(edits)?;
    }
    if let Some(section) = &section {
        pod.fit_pod(section, edits)?;
        pod.fit_token(section, edits)?;
    }
    let wanted = fittings.iter();
    let wanted = wanted.map(|(fitting, paths)| (fitting.container, *paths));
    let mut volumes = volumes::Volumes::of(scope.target(), template, wanted);
    for (fitting, paths) in &fittings {
        if fitting.fit(edits)? {
            let resource = scope.target().resource;
            volumes.mount(fitting, resource, &pod.subject, paths, edits)?;
        }
    }
    // Fields come from several places; they are written in the order in which the API server prints them.
    edits.sort_names(before, "/securityContext/");
    Ok(())
}

/// What a security context constraint of OpenShift gives pods, from the ranges of their namespace.
const GIVEN_BY_OPENSHIFT: [&str; 4] = ["runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy"];

impl SecurityContext {
    /// Whether the defaults are those of the level restricted.
    pub fn is_restricted(&self) -> bool {
        self.profile == Level::Restricted
    }

    /// What shall be with pods' tokens.
    fn automount(&self) -> Automount {
        let default = match self.is_restricted() {
            true => Automount::Auto,
            false => Automount::Keep,
        };
        self.automount_service_account_token.unwrap_or(default)
    }

    /// Whether OpenShift chooses users and groups.
    pub fn is_on_openshift(&self) -> bool {
        self.openshift
    }

    /// Whether root filesystems shall be read-only.
    pub fn wants_read_only_root(&self) -> bool {
        self.container
            .read_only_root_filesystem
            .unwrap_or(self.is_restricted())
    }

    /// The fields of the pod's security context, those of the profile first.
    fn wanted_for_pod(&self) -> &[Wanted] {
        &self.wanted()[0]
    }

    /// The fields of each container's security context, those of the profile first.
    fn wanted_for_container(&self) -> &[Wanted] {
        &self.wanted()[1]
    }

    fn wanted(&self) -> &[Vec<Wanted>; 2] {
        self.wanted.get_or_init(|| {
            let mut pod = core::PodSecurityContext::default();
            let mut container = core::SecurityContext::default();
            if self.is_restricted() {
                let type_ = "RuntimeDefault".to_owned();
                pod.run_as_non_root = Some(true);
                pod.seccomp_profile = Some(core::SeccompProfile {
                    type_,
                    ..Default::default()
                });
                let drop = Some(vec!["ALL".to_owned()]);
                container.allow_privilege_escalation = Some(false);
                container.read_only_root_filesystem = Some(true);
                container.capabilities = Some(core::Capabilities {
                    drop,
                    ..Default::default()
                });
            }
            let mut all = [
                wanted(&pod, &self.pod, "pod"),
                wanted(&container, &self.container, "container"),
            ];
            if self.openshift {
                let is_given = |it: &Wanted| GIVEN_BY_OPENSHIFT.contains(&it.name.as_str());
                all.iter_mut().for_each(|of| of.retain(|it| !is_given(it)));
            }
            all
        })
    }
}

/// A field that an author has set in a security context.
fn author<'a>(context: Option<Node<'a>>, name: &str) -> Option<Node<'a>> {
    let node = context?.at([name])?;
    (!(node.is_map() && node.len() == 0)).then_some(node)
}

/// What an author has set of a container's own security context, in the container or in what it inherits.
fn authors_own<'a>(container: &Container<'a>, name: &str) -> Option<Node<'a>> {
    container.first(|of| author(of.at(["securityContext"]), name))
}

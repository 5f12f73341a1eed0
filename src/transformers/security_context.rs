//! `securityContext`: security contexts that meet a Pod Security Standard, `restricted` by default.
//!
//! With the profile `restricted` it sets everything that the standard requires at that level. With `baseline` and `privileged`
//! it sets only the fields in the config.
//!
//! A read-only root filesystem is not part of the standard and stops programs that write elsewhere than in volumes. With
//! `restricted` it is set, with writable mounts such as `/tmp`, where the catalogue has all paths of the image
//! (`pathsAreComplete`), the container has neither a command of its own nor a postStart hook, and its arguments, variables
//! and `workingDir` name no other path in which it could write; where `writablePaths` has an entry for the container; and
//! where the config sets `container.readOnlyRootFilesystem`. FIT-SEC004 reports other images, each once.
//!
//! Fields that both pods and containers have (`runAsNonRoot`, `runAsUser`, `runAsGroup`, `seccompProfile`,
//! `appArmorProfile`) are set for the pod, or with `placement: Container` for each container. With mode `Ensure` the
//! author's values stay, and a finding reports those that are weaker. A combination that the API server rejects or that
//! cannot start is never written: `allowPrivilegeEscalation: false` with `privileged: true`, or `runAsNonRoot` with user 0.
//!
//! The catalogue of images (`src/catalogue/images.yaml` and the config's `catalogue`) provides users that the author does not
//! set, and the paths that images write to. `pod.runAsUser` and `pod.runAsGroup` of the config apply to images without a user
//! in the catalogue; with the mode `Override`, or in `container`, they apply to all.
//!
//! A container that is not root can write to a claim only if it belongs to the pod's `fsGroup`. It is set to the group, else to
//! the number of the user, unless an init container changes the owner as root; also where a volume has files that only root can read. If the image needs a private directory
//! (`ownDirectory`) and that is the root of an emptyDir, its variable is set to a directory below, with the mode of
//! `ownDirectory` in `modes`.
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
//! ```

mod author;
mod check;
mod container;
mod group;
mod known;
mod leaves;
mod legacy;
mod own_directory;
mod paths;
mod pod;
mod user;
mod volumes;
mod wanted;
mod writable;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use kustomize_krm_types::Severity;
use serde::Deserialize;

use super::{Scope, Transformer};
use crate::catalogue::{Entry, Known};
use crate::config::{FieldRow, Objection, Section, Settings, covers};
use crate::edit::{Edits, Knowledge, Proposal};
use crate::finding::{Finding, Mode, Subject};
use crate::kubernetes::{Level, Standard, Version};
use crate::objects::{AUTOMOUNT, Container, DEFAULT_ACCOUNT, Template, TokenNeed};
use crate::problem::Problem;
use crate::rules::{Rule, rules};
use crate::sorting;
use crate::yaml::{Node, Value};
use author::{Authored, Contained, Pod};
pub use check::spelling;
use container::ContainerFitting;
pub use group::{changes_owners, gives_to};
pub use legacy::is_annotated;
pub use paths::UnknownPaths;
use pod::PodFitting;
pub use wanted::SYS_ADMIN;
use wanted::{Wanted, wanted};
use writable::WritablePath;

/// Security contexts of pods and containers.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// The level of the Pod Security Standards that the defaults of the fields below meet.
    profile: Level,
    /// The version of the standard, such as `"1.34"` or `latest`. Defaults to the cluster's version.
    version: Option<Version>,
    /// Where to set fields that both pods and containers have.
    placement: Placement,
    /// Fields of the pod's security context, as in Kubernetes. Defaults with `restricted`: `runAsNonRoot: true` and the
    /// seccomp profile `RuntimeDefault`. If a container that is not root can write to a claim, also `fsGroup` with its group,
    /// else with the number of its user, and `fsGroupChangePolicy: OnRootMismatch`. `runAsUser` and `runAsGroup` apply to
    /// images without a user in the catalogue; with the mode `Override` to all.
    #[cfg_attr(test, schemars(with = "bool"))]
    pod: core::PodSecurityContext,
    /// Fields of each container's security context, as in Kubernetes. Defaults with `restricted`:
    /// `allowPrivilegeEscalation: false`, `capabilities.drop: [ALL]` (with `capabilities.add: [NET_BIND_SERVICE]` where the
    /// catalogue says that the image needs it, and for root with a port below 1024), and `readOnlyRootFilesystem: true` where it is known
    /// where the container writes.
    #[cfg_attr(test, schemars(with = "bool"))]
    container: core::SecurityContext,
    /// Paths that stay writable under a read-only root filesystem: `path`, and optionally `sizeLimit` (default 64Mi; `/tmp` and paths of the catalogue have none),
    /// `medium: Memory`, and `container` (a name, with `*` and `?`). Paths from profiles are added to the general ones.
    writable_paths: Vec<WritablePath>,
    /// Do not mount a writable `/tmp` under a read-only root filesystem.
    no_tmp: bool,
    /// Whether pods get a token for the Kubernetes API. Defaults to `Auto` with `restricted`, else to `Keep`.
    automount_service_account_token: Option<Automount>,
    /// Whether pods share the user namespace of the node. `false` needs Kubernetes 1.33.
    host_users: Option<bool>,
    /// Whether containers get environment variables for each Service.
    enable_service_links: Option<bool>,
    /// Pods run on OpenShift, which assigns users and groups: `runAsUser`, `runAsGroup` and `fsGroup` are not set.
    openshift: bool,
    /// The resulting fields of pods and of containers, computed once.
    #[serde(skip)]
    wanted: OnceCell<[Vec<Wanted>; 2]>,
    #[serde(skip)]
    known: Known,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Placement {
    #[default]
    Pod,
    Container,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Automount {
    /// No pod gets a token.
    Never,
    /// Pods get no token if nothing in the input needs it: their ServiceAccount is `default` or in the input, nothing there
    /// grants it rights, and no program, injector or cloud identity in the pods is known to use it. Where the account is not
    /// in the input the token stays, with a warning.
    Auto,
    /// The field is not changed.
    Keep,
}

impl SecurityContext {
    /// The level and, where one is named, the version of the Pod Security Standards.
    pub fn standard(&self) -> (Level, Option<Version>) {
        (self.profile, self.version)
    }
}

impl Section<'_, SecurityContext> {
    /// Whether the config sets a field in `container`.
    fn sets_for_container(&self, name: &str) -> bool {
        let mut wanted = self.wanted_for_container().iter();
        wanted.any(|wanted| wanted.name == name && wanted.mode != Mode::Off)
    }

    /// Whether the mode deletes a field: one that `modes` names, or that the config has a value for.
    fn removes(&self, name: &str, leaf: &str, is_wanted: bool) -> bool {
        let is_named = || self.removed().any(|path| covers(path, name));
        self.mode(leaf) == Mode::Remove && (is_wanted || is_named())
    }

    /// Whether the config has a value for a field of pods or containers.
    pub fn wants(&self, name: &str) -> bool {
        let mut pod = self.wanted_for_pod().iter();
        let mut container = self.wanted_for_container().iter();
        pod.any(|it| it.name == name) || container.any(|it| it.name == name)
    }

    /// The standard that pods must meet.
    pub fn standard(&self) -> Standard {
        let version = self.settings.version.or(self.kubernetes_version());
        Standard {
            level: self.settings.profile,
            version: version.unwrap_or(Version::LATEST),
        }
    }

    /// The image of a container, and its entry in the catalogue.
    pub fn known_of<'n>(&self, container: &Container<'n>) -> Option<(Cow<'n, str>, &Entry)> {
        let entry = self.entry_of(container)?;
        Some((container.image(), entry))
    }

    /// The entry of a container's image in the catalogue.
    fn entry_of(&self, container: &Container<'_>) -> Option<&Entry> {
        container.entry(&self.settings.known, self.catalogue())
    }

    /// The wanted fields of the pod's security context, those of the profile first.
    fn wanted_for_pod(&self) -> &[Wanted] {
        &self.wanted()[0]
    }

    /// The wanted fields of each container's security context, in the order in which they are set.
    fn wanted_for_container(&self) -> &[Wanted] {
        &self.wanted()[1]
    }

    fn wanted(&self) -> &[Vec<Wanted>; 2] {
        self.settings.wanted.get_or_init(|| {
            let mut pod = core::PodSecurityContext::default();
            let mut container = core::SecurityContext::default();
            if self.settings.is_restricted() {
                pod.run_as_non_root = Some(true);
                pod.seccomp_profile = Some(core::SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    ..Default::default()
                });
                container.allow_privilege_escalation = Some(false);
                container.read_only_root_filesystem = Some(true);
                container.capabilities = Some(core::Capabilities {
                    drop: Some(vec!["ALL".to_owned()]),
                    ..Default::default()
                });
            }
            let mut all = [
                wanted(&pod, &self.settings.pod, self, "pod"),
                wanted(&container, &self.settings.container, self, "container"),
            ];
            if self.settings.openshift {
                let is_given = |it: &Wanted| GIVEN_BY_OPENSHIFT.contains(&it.name);
                all.iter_mut().for_each(|of| of.retain(|it| !is_given(it)));
            }
            // Whether it can be set depends on the other fields.
            sorting::sort_by_key(&mut all[1], |it| it.name == "allowPrivilegeEscalation");
            all
        })
    }
}

impl Settings for SecurityContext {
    const MODE_PATHS: &'static [&'static str] = wanted::MODE_PATHS;
    const FIELDS: &'static [FieldRow] = wanted::FIELDS;
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
        ("FIT-SEC003", AUTOMOUNT),
        ("FIT-SA002", AUTOMOUNT),
    ];
    const CONTAINER_KEYS: &'static [&'static str] = &["container", "writablePaths", "noTmp"];
    const NOT_REMOVED: &'static [(&'static str, &'static str)] = &[(
        "writablePaths",
        "another program may use the mount by now: set `Off` to add none, and remove existing mounts from the manifest",
    )];
    const MERGED_LISTS: &'static [&'static str] = &["container.capabilities.add", "writablePaths"];

    const DEFAULTS_FROM: Option<&'static str> = Some("profile");

    fn check(&self) -> Vec<Objection> {
        self.objections()
    }
}

rules! {
    _;
    /// A configured value that conflicts with the rest of the pod.
    REFUSED: "FIT-SEC001" Error Always
        "a security setting that is not set, because the pod could not start or the API server rejects it";
    /// A field that Knative does not have.
    UNKNOWN_TO_KNATIVE: "FIT-SEC008" Warning Always "a field that pods of this kind cannot have";
}

impl Transformer for SecurityContext {
    const FINDS: &'static [Rule] = &[REFUSED, volumes::UNWRITABLE, UNKNOWN_TO_KNATIVE];

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        fit_account(scope, edits)?;
        let mut templates = scope.target().templates.iter();
        templates.try_for_each(|template| fit(scope, template, edits))
    }
}

/// Disables the token of the default ServiceAccount, which every pod without a `serviceAccountName` would get.
fn fit_account(
    scope: &Scope<'_, '_, SecurityContext>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let resource = scope.target().resource;
    let is_default = resource.kind == "ServiceAccount"
        && resource.group().is_empty()
        && resource.name == DEFAULT_ACCOUNT;
    let Some(section) = scope.section().filter(|_| is_default) else {
        return Ok(());
    };
    let knowledge = match section.settings.automount() {
        Automount::Keep => return Ok(()),
        Automount::Auto => {
            let (objects, known) = (scope.objects(), &section.settings.known);
            let accounts = &objects.accounts;
            match accounts.need_of_default(resource, objects, known, section.catalogue()) {
                TokenNeed::Nothing(reason) => Knowledge::input(reason),
                _ => return Ok(()),
            }
        }
        Automount::Never => Knowledge::config(NEVER),
    };
    forbid_token(&Subject::object(), &section, knowledge, edits)
}

/// Why a token is taken away that may be used.
const NEVER: &str = "the config says that these pods never get a token";

/// Disables the token of a ServiceAccount or a pod; both have the same field.
fn forbid_token(
    subject: &Arc<Subject>,
    section: &Section<'_, SecurityContext>,
    knowledge: Knowledge,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let decision = section.decision(AUTOMOUNT);
    let proposal = Proposal::new(subject, &[AUTOMOUNT], Value::from(false), decision);
    edits.set(proposal.known(knowledge))?;
    Ok(())
}

/// Sets the fields of one template.
fn fit<'r>(
    scope: &Scope<'r, '_, SecurityContext>,
    template: &'r Template<'r>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let before = edits.count();
    let contained = |container| Contained {
        author: Authored::of(container),
        section: scope.section_for(container),
    };
    let containers: Vec<_> = template.containers.iter().map(contained).collect();
    let pod = PodFitting {
        scope,
        pod: Pod::of(scope, template),
        containers: &containers,
    };
    let section = scope.section();
    let fittings = containers.iter().filter_map(|it| {
        let section = it.section.as_deref()?;
        let fitting = ContainerFitting::of(&pod.pod, section, &it.author);
        Some((fitting, section.writable_paths(&pod.pod, &it.author)))
    });
    let fittings: Vec<_> = fittings.collect();
    // Whether `runAsNonRoot` can be set depends on the users, so they come first.
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
    for (fitting, _) in &fittings {
        fitting.fit_own_directory((scope.target(), scope.related()), edits)?;
    }
    let mut volumes = None;
    for (fitting, paths) in &fittings {
        fitting.fit(edits)?;
        if !paths.is_empty() && fitting.is_read_only(edits) {
            let volumes = volumes.get_or_insert_with(|| {
                let wanted = fittings.iter();
                let wanted = wanted.map(|(it, paths)| (it.container, paths.as_slice()));
                volumes::Volumes::of(scope.target(), template, wanted)
            });
            volumes.mount(fitting, paths, edits)?;
        }
    }
    // The fields above are set in the order in which they depend on one another; the API server prints them sorted.
    edits.sort_names(before, "/securityContext/");
    Ok(())
}

/// The fields that a security context constraint of OpenShift assigns, from the ranges of the namespace.
const GIVEN_BY_OPENSHIFT: [&str; 4] = ["runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy"];

impl SecurityContext {
    /// Whether the defaults are those of the level restricted.
    pub fn is_restricted(&self) -> bool {
        self.profile == Level::Restricted
    }

    /// Whether pods get a token.
    fn automount(&self) -> Automount {
        let default = match self.is_restricted() {
            true => Automount::Auto,
            false => Automount::Keep,
        };
        self.automount_service_account_token.unwrap_or(default)
    }

    /// Whether pods lose a token that nothing in the input needs.
    pub fn decides_about_tokens(&self) -> bool {
        self.automount() == Automount::Auto
    }

    /// The built-in catalogue of images.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Whether OpenShift assigns users and groups.
    pub fn is_on_openshift(&self) -> bool {
        self.openshift
    }

    /// Whether the config gives pods a user namespace of their own.
    pub fn wants_own_users(&self) -> bool {
        self.host_users == Some(false)
    }

    /// Whether the config makes root filesystems read-only.
    pub fn wants_read_only_root(&self) -> bool {
        let configured = self.container.read_only_root_filesystem;
        configured.unwrap_or(self.is_restricted())
    }
}

/// A finding about a wanted field that is not set.
fn not_set(
    rule: &'static Rule,
    subject: &Subject,
    wanted: &Wanted,
    section: &Section<'_, SecurityContext>,
    reason: &str,
) -> Finding {
    Finding::graded(
        rule,
        Severity::Warning,
        format!("{}: {reason}", subject.part),
    )
    .about(subject, &wanted.path)
    .decided_by(section.decision(&wanted.leaf))
}

fn not_in_knative(
    subject: &Subject,
    wanted: &Wanted,
    section: &Section<'_, SecurityContext>,
) -> Finding {
    let reason = format!("did not set {}: Knative rejects it", wanted.name);
    not_set(&UNKNOWN_TO_KNATIVE, subject, wanted, section, &reason)
        .help("set the mode of this field to Off in a profile for Knative")
}

fn too_young(
    subject: &Subject,
    wanted: &Wanted,
    since: u32,
    section: &Section<'_, SecurityContext>,
) -> Finding {
    Finding::too_young(wanted.name, since, section.decision(&wanted.leaf))
        .about(subject, &wanted.path)
}

/// Whether a container runs another program than its image does: entrypoints run a shell that is given as an argument.
pub fn has_command(container: &Container<'_>) -> bool {
    let first = container.items("args").next().and_then(Node::text);
    let is_shell = first.is_some_and(|first| {
        let program = first.rsplit('/').next().unwrap_or_default();
        matches!(program, "sh" | "bash" | "ash" | "dash")
    });
    is_shell || container.items("command").next().is_some()
}

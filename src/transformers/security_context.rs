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

mod writable;

use k8s_openapi::api::core::v1 as core;
use kustomize_krm_types::Severity;
use serde::{Deserialize, Serialize};

use super::{Scope, Transformer};
use crate::config::{Mode, Section};
use crate::edit::{Answer, Edits, Finding, Meaning, Proposal, Subject};
use crate::problem::Problem;
use crate::read::Resource;
use crate::select::{Container, ContainerType, Target, Template, below, expected};
use crate::yaml::{Node, Scalar, Value};
use writable::WritablePath;

/// What pods and containers may do.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecurityContext {
    /// The Pod Security Standard whose settings are the defaults of the fields below.
    profile: Profile,
    /// The version of the standard, `"1.34"` or `latest`; the cluster's when absent.
    version: Option<StandardVersion>,
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
}

/// The levels of the Pod Security Standards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Profile {
    Privileged,
    Baseline,
    #[default]
    Restricted,
}

/// A version of the standard.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct StandardVersion;

impl TryFrom<String> for StandardVersion {
    type Error = String;

    fn try_from(text: String) -> Result<StandardVersion, String> {
        let minor = text
            .strip_prefix("1.")
            .is_some_and(|minor| minor.parse::<u32>().is_ok());
        let problem = || {
            format!("`{text}` is neither a Kubernetes minor version such as \"1.34\" nor `latest`")
        };
        (minor || text == "latest")
            .then_some(StandardVersion)
            .ok_or_else(problem)
    }
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

/// Fields that pods and containers have both; the container's wins.
const SHARED: [&str; 5] = [
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "seccompProfile",
    "appArmorProfile",
];

/// Fields that Windows pods may have; the API server refuses the others for them (`PodSpec.OS`).
const WINDOWS_FIELDS: [&str; 2] = ["runAsNonRoot", "windowsOptions"];

/// Fields younger than 1.25, which is what is written for when the config names no version.
const SINCE_MINOR: [(&str, u32); 3] = [
    ("appArmorProfile", 30),
    ("supplementalGroupsPolicy", 31),
    ("seLinuxChangePolicy", 32),
];

/// One field that shall be so: its path in the security context, its leaf in the config, its value.
#[derive(Clone, Debug)]
struct Wanted {
    field: &'static [&'static str],
    name: String,
    leaf: String,
    value: Value,
}

impl Transformer for SecurityContext {
    const MODE_PATHS: &'static [&'static str] = &[
        "runAsNonRoot",
        "runAsUser",
        "runAsGroup",
        "seccompProfile",
        "appArmorProfile",
        "seLinuxOptions",
        "windowsOptions",
        "fsGroup",
        "fsGroupChangePolicy",
        "supplementalGroups",
        "supplementalGroupsPolicy",
        "sysctls",
        "seLinuxChangePolicy",
        "allowPrivilegeEscalation",
        "capabilities",
        "privileged",
        "procMount",
        "readOnlyRootFilesystem",
        "writablePaths",
        "automountServiceAccountToken",
    ];
    const CONTAINER_KEYS: &'static [&'static str] = &["container", "writablePaths", "noTmp"];
    const MERGED_LISTS: &'static [&'static str] = &["container.capabilities.add", "writablePaths"];

    const DEFAULTS_FROM: Option<&'static str> = Some("profile");

    fn check(&self) -> Vec<(String, String, String)> {
        let mut problems = Vec::new();
        let refused = |path: &str, message: &str, help: &str| {
            (path.to_owned(), message.to_owned(), help.to_owned())
        };
        if self.container.privileged == Some(true)
            && self.container.allow_privilege_escalation == Some(false)
        {
            let message =
                "the API server refuses `privileged: true` with `allowPrivilegeEscalation: false`";
            problems.push(refused(
                "container.privileged",
                message,
                "drop one of the two",
            ));
        }
        let non_root = self
            .pod
            .run_as_non_root
            .unwrap_or(self.profile == Profile::Restricted);
        if self.pod.run_as_user == Some(0) && non_root {
            let message = "no container starts as user 0 with `runAsNonRoot: true`";
            problems.push(refused(
                "pod.runAsUser",
                message,
                "choose another user, or set `runAsNonRoot: false`",
            ));
        }
        problems.extend(writable::check(&self.writable_paths));
        problems
    }

    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let Some(template) = &scope.target().template else {
            return Ok(());
        };
        check_types(scope.target().resource, template)?;
        let pod = PodFitting {
            scope,
            template,
            subject: Subject::pod(template),
        };
        if let Some(section) = scope.section() {
            pod.fit_pod(&section, edits)?;
            pod.fit_token(&section, edits)?;
        }
        let mut volumes = writable::Volumes::of(scope.target(), template);
        for container in &template.containers {
            let Some(section) = scope.section_for(container) else {
                continue;
            };
            let fitting = ContainerFitting {
                section: &section,
                template,
                container,
                subject: Subject::container(template, container),
            };
            let read_only = fitting.fit(edits)?;
            if read_only
                && container.container_type != ContainerType::Ephemeral
                && !template.is_windows
            {
                let tmp = section.settings.wants_read_only_root() && !section.settings.no_tmp;
                let paths =
                    writable::paths_for(&section.settings.writable_paths, tmp, &container.name);
                volumes.mount(
                    &fitting,
                    scope.target().resource,
                    &pod.subject,
                    paths,
                    edits,
                )?;
            }
        }
        Ok(())
    }
}

impl SecurityContext {
    fn is_restricted(&self) -> bool {
        self.profile == Profile::Restricted
    }

    fn wants_read_only_root(&self) -> bool {
        self.container
            .read_only_root_filesystem
            .unwrap_or(self.is_restricted())
    }

    /// The fields of the pod's security context, those of the profile first.
    fn wanted_for_pod(&self) -> Vec<Wanted> {
        let mut defaults = core::PodSecurityContext::default();
        if self.is_restricted() {
            defaults.run_as_non_root = Some(true);
            defaults.seccomp_profile = Some(core::SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..Default::default()
            });
        }
        wanted(&defaults, &self.pod, "pod")
    }

    /// The fields of each container's security context, those of the profile first.
    fn wanted_for_container(&self) -> Vec<Wanted> {
        let mut defaults = core::SecurityContext::default();
        if self.is_restricted() {
            defaults.allow_privilege_escalation = Some(false);
            defaults.read_only_root_filesystem = Some(true);
            let drop = Some(vec!["ALL".to_owned()]);
            defaults.capabilities = Some(core::Capabilities {
                drop,
                ..Default::default()
            });
        }
        wanted(&defaults, &self.container, "container")
    }
}

/// The fields of a typed security context, the configured ones over the defaults, as they are
/// written: each field as a whole, but the two lists of `capabilities` apart.
fn wanted(defaults: &impl Serialize, configured: &impl Serialize, context: &str) -> Vec<Wanted> {
    let mut fields: Vec<(String, Value)> = Vec::new();
    for layer in [to_value(defaults), to_value(configured)] {
        let Value::Mapping(entries) = layer else {
            continue;
        };
        for (name, value) in entries.into_iter().flat_map(split_capabilities) {
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => fields.push((name, value)),
            }
        }
    }
    let wanted = fields.into_iter().map(|(name, value)| {
        let field: &'static [&'static str] = match name.as_str() {
            "capabilities.add" => &["capabilities", "add"],
            "capabilities.drop" => &["capabilities", "drop"],
            _ => &[],
        };
        Wanted {
            field,
            leaf: format!("{context}.{name}"),
            name,
            value,
        }
    });
    wanted.collect()
}

fn split_capabilities((name, value): (String, Value)) -> Vec<(String, Value)> {
    match (name.as_str(), value) {
        ("capabilities", Value::Mapping(lists)) => lists
            .into_iter()
            .map(|(list, value)| (format!("capabilities.{list}"), value))
            .collect(),
        (_, value) => vec![(name, value)],
    }
}

fn to_value(typed: &impl Serialize) -> Value {
    // Kubernetes types serialise to plain JSON; there is no case in which this fails.
    serde_json::to_value(typed).map_or(Value::Null, Value::from)
}

impl Wanted {
    fn path<'w>(&'w self, prefix: &[&'w str]) -> Vec<&'w str> {
        let mut path = prefix.to_vec();
        if self.field.is_empty() {
            path.push(&self.name);
        } else {
            path.extend(self.field);
        }
        path
    }

    fn is_shared(&self) -> bool {
        SHARED.contains(&self.name.as_str())
    }

    /// Why the field cannot be written for these pods, if so.
    fn is_too_young(&self, section: &Section<'_, SecurityContext>) -> Option<u32> {
        let (_, since) = SINCE_MINOR.iter().find(|(name, _)| *name == self.name)?;
        let minor = section
            .kubernetes_version()
            .map_or(25, |version| version.minor);
        (minor < *since).then_some(*since)
    }
}

/// Fields whose value must be true or false, and those that must be a number, wherever they stand.
const TYPED: [(&str, &str); 7] = [
    ("runAsNonRoot", "true or false"),
    ("allowPrivilegeEscalation", "true or false"),
    ("privileged", "true or false"),
    ("readOnlyRootFilesystem", "true or false"),
    ("runAsUser", "a whole number"),
    ("runAsGroup", "a whole number"),
    ("fsGroup", "a whole number"),
];

/// Refuses author's values of a wrong type, which would be taken for something they are not.
fn check_types(resource: &Resource<'_>, template: &Template<'_>) -> Result<(), Problem> {
    let containers = template.containers.iter();
    let contexts = containers.map(|container| {
        (
            container.node.get("securityContext"),
            container.at(["securityContext"]),
        )
    });
    let pod = (
        template.spec.get("securityContext"),
        template.at(["spec", "securityContext"]),
    );
    for (context, path) in contexts.chain([pod]) {
        let Some(context) = context.filter(|context| !context.is_null()) else {
            continue;
        };
        if !context.is_map() {
            return Err(expected(resource, context, "a mapping", &path));
        }
        for (name, what) in TYPED {
            let Some(node) = author(Some(context), name) else {
                continue;
            };
            let fits = match node.scalar() {
                Some(Scalar::Bool(_)) => what == "true or false",
                // The API server takes 1000.0 for 1000.
                Some(Scalar::Int(_) | Scalar::Float(_)) => what == "a whole number",
                _ => false,
            };
            if !fits {
                return Err(expected(resource, node, what, &below(&path, [name])));
            }
        }
    }
    Ok(())
}

/// A field that an author has set in a security context.
fn author<'a>(context: Option<Node<'a>>, name: &str) -> Option<Node<'a>> {
    context?
        .get(name)
        .filter(|node| !(node.is_null() || node.is_map() && node.len() == 0))
}

struct PodFitting<'f, 'r, 'c> {
    scope: &'f Scope<'r, 'c, SecurityContext>,
    template: &'f Template<'r>,
    subject: Subject,
}

impl<'a> PodFitting<'_, 'a, '_> {
    fn context(&self) -> Option<Node<'a>> {
        self.template.spec.get("securityContext")
    }

    fn fit_pod(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let settings = &section.settings;
        let mut wanted = settings.wanted_for_pod();
        wanted.extend(self.wanted_group(section, &wanted));
        for wanted in wanted {
            if self.template.is_windows && !WINDOWS_FIELDS.contains(&wanted.name.as_str()) {
                continue;
            }
            if let Some(since) = wanted.is_too_young(section) {
                edits.find(self.too_young(&wanted, since, section));
                continue;
            }
            if wanted.is_shared() {
                self.fit_shared(section, &wanted, edits)?;
            } else {
                self.set(
                    &self.subject,
                    &["spec", "securityContext"],
                    &wanted,
                    section,
                    edits,
                )?;
            }
        }
        if settings.is_restricted() {
            self.ask_for_user(section, edits);
        }
        Ok(())
    }

    /// Puts a field that pods and containers have both where it belongs: to the pod, unless the
    /// config asks for containers or it would stop one of them from starting.
    fn fit_shared(
        &self,
        section: &Section<'_, SecurityContext>,
        wanted: &Wanted,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let non_root = wanted.name == "runAsNonRoot" && wanted.value == Value::from(true);
        let root = |container: &Container<'a>| non_root && self.runs_as_root(section, container);
        let containers = || self.template.containers.iter();
        for container in containers().filter(|container| root(container)) {
            edits.find(self.starts_as_root(container, section));
        }
        let per_container =
            section.settings.placement == Placement::Container || containers().any(root);
        if !per_container
            && !containers().all(|container| {
                author(container.node.get("securityContext"), &wanted.name).is_some()
            })
        {
            self.set(
                &self.subject,
                &["spec", "securityContext"],
                wanted,
                section,
                edits,
            )?;
        }
        let overrides = section.mode(&wanted.leaf) == Mode::Override;
        for container in containers().filter(|container| !root(container)) {
            let own = author(container.node.get("securityContext"), &wanted.name);
            let subject = Subject::container(self.template, container);
            match own {
                // The container's own value beats the pod's, so it is looked at in every mode.
                Some(_) => self.set(&subject, &["securityContext"], wanted, section, edits)?,
                None if per_container
                    && (overrides || author(self.context(), &wanted.name).is_none()) =>
                {
                    self.set(&subject, &["securityContext"], wanted, section, edits)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn set(
        &self,
        subject: &Subject,
        prefix: &[&str],
        wanted: &Wanted,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        set_field(subject, &wanted.path(prefix), wanted, section, edits)
    }

    /// The user that the author gave a container for certain; configured ones do not count.
    fn author_user(&self, container: &Container<'a>) -> Option<Node<'a>> {
        author(container.node.get("securityContext"), "runAsUser")
            .or_else(|| author(self.context(), "runAsUser"))
    }

    fn runs_as_root(
        &self,
        section: &Section<'_, SecurityContext>,
        container: &Container<'a>,
    ) -> bool {
        let overridden = section.settings.pod.run_as_user.is_some()
            && section.mode("pod.runAsUser") == Mode::Override;
        !overridden
            && self
                .author_user(container)
                .and_then(|node| node.text())
                .as_deref()
                == Some("0")
    }

    fn starts_as_root(
        &self,
        container: &Container<'a>,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let subject = Subject::container(self.template, container);
        let message = format!(
            "{}: its author has it run as user 0, so runAsNonRoot is not set: it would not start",
            subject.part
        );
        Finding::new("FIT-SEC001", Severity::Warning, message)
            .about(&subject, &["securityContext", "runAsUser"])
            .current(
                self.author_user(container)
                    .and_then(|node| node.value().ok()),
            )
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help("give it another user, or let the config override `runAsUser` for it")
    }

    /// The group that owns a mounted claim's files: without it a process that is not root cannot
    /// write to a fresh volume.
    fn wanted_group(
        &self,
        section: &Section<'_, SecurityContext>,
        wanted: &[Wanted],
    ) -> Vec<Wanted> {
        let configured = |name: &str| {
            wanted
                .iter()
                .find(|wanted| wanted.name == name)
                .map(|wanted| wanted.value.clone())
        };
        let group = author(self.context(), "runAsGroup")
            .and_then(|node| node.value().ok())
            .or_else(|| configured("runAsGroup"));
        let (true, true, Some(group)) =
            (section.settings.is_restricted(), self.mounts_claim(), group)
        else {
            return Vec::new();
        };
        let make = |name: &str, value: Value| Wanted {
            field: &[],
            name: name.to_owned(),
            leaf: format!("pod.{name}"),
            value,
        };
        let wanted = [
            make("fsGroup", group),
            make("fsGroupChangePolicy", Value::from("OnRootMismatch")),
        ];
        wanted
            .into_iter()
            .filter(|wanted| configured(&wanted.name).is_none())
            .collect()
    }

    fn mounts_claim(&self) -> bool {
        let is_claim = |volume: Node<'_>| {
            volume
                .get("persistentVolumeClaim")
                .or_else(|| volume.get("ephemeral"))
                .is_some()
        };
        self.template.volumes().any(is_claim) || has_claim_templates(self.scope.target())
    }

    /// `runAsNonRoot` without a number: images whose user is a name, or root, will not start.
    fn ask_for_user(&self, section: &Section<'_, SecurityContext>, edits: &mut Edits<'_>) {
        let settings = &section.settings;
        let configured =
            settings.pod.run_as_user.is_some() || settings.container.run_as_user.is_some();
        if configured || self.template.is_windows || section.mode("pod.runAsNonRoot") == Mode::Off {
            return;
        }
        let without: Vec<String> = self
            .template
            .containers
            .iter()
            .filter(|container| self.author_user(container).is_none())
            .map(|container| format!("\"{}\"", container.name))
            .collect();
        if without.is_empty() {
            return;
        }
        let message = format!(
            "no user is known for {}: if the image's user is root or a name, runAsNonRoot keeps it from starting",
            without.join(", ")
        );
        let finding = Finding::new("FIT-SEC004", Severity::Warning, message)
            .about(&self.subject, &["spec", "securityContext", "runAsUser"])
            .decided_by(section.decision("pod.runAsNonRoot"))
            .help(
                "set `securityContext.pod.runAsUser` in the config, or the number in the manifest",
            );
        edits.find(finding);
    }

    fn too_young(
        &self,
        wanted: &Wanted,
        since: u32,
        section: &Section<'_, SecurityContext>,
    ) -> Finding {
        let message = format!(
            "{} exists since Kubernetes 1.{since} and is not written for this cluster",
            wanted.name
        );
        Finding::new("securityContext", Severity::Warning, message)
            .about(&self.subject, &["spec", "securityContext", &wanted.name])
            .decided_by(section.decision(&wanted.leaf))
            .help(format!(
                "set `kubernetesVersion: \"1.{since}\"` or later if the cluster has it"
            ))
    }

    fn fit_token(
        &self,
        section: &Section<'_, SecurityContext>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let default = if section.settings.is_restricted() {
            Automount::Auto
        } else {
            Automount::Keep
        };
        match section
            .settings
            .automount_service_account_token
            .unwrap_or(default)
        {
            Automount::Keep => return Ok(()),
            Automount::Auto
                if self
                    .scope
                    .accounts()
                    .decide_for(self.scope.target().resource, self.template) =>
            {
                return Ok(());
            }
            Automount::Auto | Automount::Never => {}
        }
        edits.set(Proposal {
            subject: &self.subject,
            field: &["spec", "automountServiceAccountToken"],
            value: Value::from(false),
            decision: section.decision("automountServiceAccountToken"),
            meaning: Meaning::Literal,
            note: None,
        })?;
        Ok(())
    }
}

fn has_claim_templates(target: &Target<'_>) -> bool {
    target
        .claims
        .iter()
        .any(|claim| claim.kind == crate::select::ClaimKind::Template)
}

struct ContainerFitting<'f, 'a> {
    section: &'f Section<'f, SecurityContext>,
    template: &'f Template<'a>,
    container: &'f Container<'a>,
    subject: Subject,
}

impl<'a> ContainerFitting<'_, 'a> {
    fn context(&self) -> Option<Node<'a>> {
        self.container.node.get("securityContext")
    }

    /// Fits the container's own security context; answers whether its root filesystem is read-only then.
    fn fit(&self, edits: &mut Edits<'_>) -> Result<bool, Problem> {
        for wanted in self.section.settings.wanted_for_container() {
            if self.template.is_windows && !WINDOWS_FIELDS.contains(&wanted.name.as_str()) {
                continue;
            }
            if wanted.name == "allowPrivilegeEscalation"
                && wanted.value == Value::from(false)
                && let Some(reason) = self.needs_escalation()
            {
                edits.find(self.keeps_escalation(reason));
                continue;
            }
            set_field(
                &self.subject,
                &wanted.path(&["securityContext"]),
                &wanted,
                self.section,
                edits,
            )?;
        }
        Ok(self.has_read_only_root())
    }

    /// The setting beside which the API server refuses `allowPrivilegeEscalation: false`.
    fn needs_escalation(&self) -> Option<&'static str> {
        let privileged = self.section.settings.container.privileged;
        let author = author(self.context(), "privileged")
            .and_then(|node| node.text())
            .map(|text| text == "true");
        let overrides = self.section.mode("container.privileged") == Mode::Override;
        let effective = if overrides {
            privileged.or(author)
        } else {
            author.or(privileged)
        };
        if effective == Some(true) {
            return Some("privileged: true");
        }
        let adds = author_list(self.context()?.get("capabilities")?.get("add")?);
        adds.iter()
            .any(|name| name == "CAP_SYS_ADMIN")
            .then_some("capabilities.add: [CAP_SYS_ADMIN]")
    }

    fn keeps_escalation(&self, reason: &str) -> Finding {
        let message = format!(
            "{}: {reason}; the API server refuses allowPrivilegeEscalation: false beside it, so it is not set",
            self.subject.part
        );
        Finding::new("FIT-SEC001", Severity::Warning, message)
            .about(&self.subject, &["securityContext", "allowPrivilegeEscalation"])
            .decided_by(self.section.decision("container.allowPrivilegeEscalation"))
            .help("a container that needs this belongs into a namespace that enforces the level privileged")
    }

    fn has_read_only_root(&self) -> bool {
        let own = author(self.context(), "readOnlyRootFilesystem")
            .and_then(|node| node.text())
            .map(|text| text == "true");
        let wanted = self.section.settings.wants_read_only_root();
        match self.section.mode("container.readOnlyRootFilesystem") {
            Mode::Ensure => own.unwrap_or(wanted),
            Mode::Override => wanted || own == Some(true),
            Mode::Off => own == Some(true),
        }
    }
}

fn author_list(list: Node<'_>) -> Vec<String> {
    list.items()
        .filter_map(|item| item.text())
        .map(Into::into)
        .collect()
}

/// Sets a field of a security context, and says so where the author's own value is weaker and stays.
fn set_field(
    subject: &Subject,
    path: &[&str],
    wanted: &Wanted,
    section: &Section<'_, SecurityContext>,
    edits: &mut Edits<'_>,
) -> Result<(), Problem> {
    let answer = edits.set(Proposal {
        subject,
        field: path,
        value: wanted.value.clone(),
        decision: section.decision(&wanted.leaf),
        meaning: Meaning::Literal,
        note: None,
    })?;
    if let (Answer::Kept(node), true) = (answer, section.settings.is_restricted())
        && let Some(id) = weaker(&wanted.name, node)
    {
        let message = format!(
            "{}: its author set {} to {}, which stays",
            subject.part,
            path[1..].join("."),
            one_line(node)
        );
        let finding = Finding::new(id, Severity::Warning, message)
            .about(subject, path)
            .current(node.value().ok())
            .proposed(wanted.value.clone())
            .decided_by(section.decision(&wanted.leaf))
            .help("change the manifest, or set the mode of this field to Override");
        edits.find(finding);
    }
    Ok(())
}

fn one_line(node: Node<'_>) -> String {
    node.value()
        .map_or_else(|_| node.raw().to_owned(), |value| value.to_string())
}

/// The check that an author's value fails at the level restricted, if it does.
fn weaker(name: &str, node: Node<'_>) -> Option<&'static str> {
    let text = node.text();
    match name {
        "runAsNonRoot" => (text.as_deref() != Some("true")).then_some("FIT-PSS-runAsNonRoot"),
        "allowPrivilegeEscalation" => {
            (text.as_deref() != Some("false")).then_some("FIT-PSS-allowPrivilegeEscalation")
        }
        "readOnlyRootFilesystem" => (text.as_deref() != Some("true")).then_some("FIT-SEC002"),
        "capabilities.drop" => (!author_list(node).iter().any(|name| name == "ALL"))
            .then_some("FIT-PSS-capabilities_restricted"),
        "seccompProfile" => {
            let kind = node.get("type").and_then(|kind| kind.text());
            let is_restricted = matches!(kind.as_deref(), Some("RuntimeDefault" | "Localhost"));
            (!is_restricted).then_some("FIT-PSS-seccompProfile_restricted")
        }
        _ => None,
    }
}

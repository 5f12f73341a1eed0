//! FIT-SCH001 to FIT-SCH008: what the API server of the target version refuses or drops before it looks at any value.
//!
//! `kubectl apply` refuses a misspelt field, and clients without validation ignore it silently. A version of a
//! kind that the cluster does not serve cannot be applied at all. Fields of feature gates that are off are dropped silently.
//!
//! The kinds and fields of Kubernetes 1.25 to 1.37 are known; `kubernetesVersion` chooses, and without it the newest version
//! counts. Other kinds are not checked here.
//!
//! Source: `api/openapi-spec` and `pkg/generated/openapi` of each release of Kubernetes, see
//! `src/kubernetes/schema/kubernetes.txt`.

use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::kubernetes::schema::{self, Fault, KindRow, Versions, Violation};
use crate::problem::{did_you_mean, one_of, suggestion};
use crate::read::Resource;
use crate::rules::{Rule, When, rule};
use crate::secrets;
use crate::select::Selected;

const UNKNOWN: Rule = Rule {
    id: "FIT-SCH001",
    severity: Severity::Error,
    when: When::Always,
    meaning: "a field that Kubernetes does not have; on apply only next to one that is written",
    peers: "kubeconform -strict",
};
const MISSING: Rule = error("FIT-SCH002", "a required field is missing", "kubeconform");
const VALUE: Rule = error(
    "FIT-SCH003",
    "a value that the field does not accept",
    "kubeconform",
);
const DUPLICATE: Rule = error(
    "FIT-SCH004",
    "two items of a list have the same key",
    "kube-linter duplicate-env-var",
);
const NOT_SERVED: Rule = error(
    "FIT-SCH005",
    "a kind that the target version of Kubernetes does not serve",
    "kube-score stable-version; kubent",
);
const OTHER_VERSION: Rule = error(
    "FIT-SCH006",
    "a field that only other versions of Kubernetes have",
    "kubeconform -strict",
);
const GATED: Rule = Rule {
    severity: Severity::Warning,
    ..error(
        "FIT-SCH007",
        "a field that the API server drops, because its feature gate is off by default",
        "",
    )
};
const DEPRECATED: Rule = Rule {
    severity: Severity::Warning,
    ..error(
        "FIT-SCH008",
        "a deprecated version of a kind",
        "kubent; pluto",
    )
};

const fn error(id: &'static str, meaning: &'static str, peers: &'static str) -> Rule {
    Rule {
        when: When::OnCheck,
        peers,
        ..rule(id, Severity::Error, meaning)
    }
}

pub(super) const CHECK: Check = Check {
    name: "schema",
    rules: &[
        UNKNOWN,
        MISSING,
        VALUE,
        DUPLICATE,
        NOT_SERVED,
        OTHER_VERSION,
        GATED,
        DEPRECATED,
    ],
    find: &[Find::Object(of_object)],
};

/// Lists whose duplicates the API server itself refuses. It accepts those of other lists, and only server-side apply does not.
const REFUSED: [&str; 12] = [
    "claims",
    "containers",
    "ephemeralContainers",
    "initContainers",
    "resizePolicy",
    "resourceClaims",
    "schedulingGates",
    "topologySpreadConstraints",
    "volumeDevices",
    "volumeMounts",
    "volumes",
    "webhooks",
];

/// Files of kustomize and kubectl with these apiVersions and kinds look like objects.
fn is_of_tools(version: &str, kind: &str) -> bool {
    version == "builtin" || version == "v1" && kind == "Config"
}

fn of_object<'s>(scene: &Scene<'s>, selected: &'s Selected<'s, 's>) -> Vec<Finding> {
    let resource = selected.target.resource;
    let is_check = scene.config.validate_only;
    if !is_check && !resource.has_unknown_fields {
        return Vec::new();
    }
    let configured = scene.config.kubernetes_version.map(|it| it.minor());
    let all = Versions::ALL;
    let minor = configured.map_or(all.until, |it| it.try_into().unwrap_or(all.until));
    let minor = minor.clamp(all.since, all.until);
    let mut findings = Vec::new();
    if let Some(finding) = is_check.then(|| of_kind(resource, minor)).flatten() {
        let is_refused = *finding.rule == NOT_SERVED;
        findings.push(finding);
        if is_refused {
            return findings;
        }
    }
    let Some(fields) = schema::fields_of(&resource.api_version, &resource.kind) else {
        return findings;
    };
    let violations = fields.violations(resource.node, minor);
    let is_reported =
        |it: &Violation<'_>| is_check || is_next_to_a_change(scene, selected.index, it);
    let violations = violations.into_iter().filter(is_reported);
    findings.extend(violations.map(|it| of_field(it, minor)));
    findings
}

/// Whether a field is misspelt for one that is written.
fn is_next_to_a_change(scene: &Scene<'_>, object: usize, violation: &Violation<'_>) -> bool {
    let Fault::Unknown { name, known } = &violation.fault else {
        return false;
    };
    let Some(meant) = did_you_mean(name, known.iter().copied()) else {
        return false;
    };
    let mut meant_at = violation.path.clone();
    meant_at.pop_back();
    meant_at.push_back(meant);
    let mut changes = scene.changes_of(object).iter();
    changes.any(|it| it.pointer().starts_with(&meant_at))
}

/// What is wrong with the kind and its version.
fn of_kind(resource: &Resource<'_>, minor: u8) -> Option<Finding> {
    let (version, kind) = (&*resource.api_version, &*resource.kind);
    let rows = schema::rows_of(kind);
    let of_version: Vec<_> = rows.iter().filter(|it| it.api_version == version).collect();
    let served = |row: &&KindRow| row.of.is_some() && row.versions.has(minor) && !row.is_off;
    let current = of_version
        .iter()
        .find(|row| row.of.is_some() && row.versions.has(minor));
    let about = |rule: &'static Rule, message: String| {
        Finding::new(rule, message)
            .about(&Subject::object(), &["apiVersion"])
            .current(
                resource
                    .node
                    .at(["apiVersion"])
                    .and_then(|it| it.value().ok()),
            )
    };
    let instead = || {
        let replaced = of_version.iter().rev().find_map(|row| row.replaced);
        let replaced = replaced.map(str::to_owned).or_else(|| {
            let other = rows.iter().rev().find(served)?;
            Some(format!("{} {kind}", other.api_version))
        });
        replaced.map(|it| format!("use {it}"))
    };
    let with_help = |finding: Finding, help: Option<String>| match help {
        Some(help) => finding.help(help),
        None => finding,
    };
    match (current, of_version.last()) {
        (Some(row), _) if row.is_off => {
            let message = format!(
                "Kubernetes 1.{minor} does not serve {version} {kind}, unless the API server enables it"
            );
            Some(with_help(about(&NOT_SERVED, message), instead()))
        }
        (Some(row), _) => {
            let since = row.deprecated.filter(|since| *since <= minor)?;
            let until = match row.removed {
                Some(until) => format!(", and Kubernetes 1.{until} does not serve it any more"),
                None => String::new(),
            };
            let message =
                format!("{version} {kind} is deprecated since Kubernetes 1.{since}{until}");
            Some(with_help(about(&DEPRECATED, message), instead()))
        }
        (None, Some(row)) => {
            let reason = match row.removed.filter(|removed| *removed <= minor) {
                Some(removed) => {
                    format!("Kubernetes 1.{removed} and later do not serve {version} {kind}")
                }
                None if row.versions.since > minor => format!(
                    "Kubernetes 1.{minor} does not serve {version} {kind}, which exists since 1.{}",
                    row.versions.since
                ),
                None => format!("Kubernetes 1.{minor} does not serve {version} {kind}"),
            };
            Some(with_help(about(&NOT_SERVED, reason), instead()))
        }
        (None, None) => {
            // Only a group of Kubernetes itself is known completely.
            let group = |version: &str| match version.split_once('/') {
                Some((group, _)) => group.to_owned(),
                None if version == "v1" => String::new(),
                None => version.to_owned(),
            };
            if is_of_tools(version, kind) {
                return None;
            }
            let own = group(version);
            let in_group: Vec<_> = schema::kinds()
                .filter(|it| group(it.api_version) == own)
                .collect();
            if in_group.is_empty() {
                return None;
            }
            let message = format!("Kubernetes 1.{minor} has no {version} {kind}");
            let near = || suggestion(kind, in_group.iter().map(|it| it.kind));
            Some(with_help(
                about(&NOT_SERVED, message),
                instead().or_else(near),
            ))
        }
    }
}

fn of_field(violation: Violation<'_>, minor: u8) -> Finding {
    let Violation { node, path, fault } = violation;
    let tokens: Vec<String> = path.tokens().map(|it| it.decoded().into_owned()).collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let is_missing = matches!(fault, Fault::Missing(_));
    let field = tokens.last().copied().unwrap_or_default();
    let finding = match fault {
        Fault::Unknown { name, known } => {
            let finding = Finding::new(&UNKNOWN, format!("unknown field `{name}`"));
            match suggestion(&name, known.iter().copied()) {
                Some(help) => finding.help(help),
                None if known.len() <= 8 => {
                    finding.help(format!("the fields here are {}", one_of(&known)))
                }
                None => finding,
            }
        }
        Fault::OtherVersions(versions) => {
            let message = match versions.since > minor {
                true => format!(
                    "{field} requires Kubernetes 1.{}, and the target is 1.{minor}",
                    versions.since
                ),
                false => format!(
                    "Kubernetes 1.{} is the last version that has {field}, and the target is 1.{minor}",
                    versions.until
                ),
            };
            Finding::new(&OTHER_VERSION, message)
        }
        Fault::Missing(name) => {
            Finding::new(&MISSING, format!("the required field `{name}` is missing"))
        }
        Fault::Value(values) => {
            let text = node.text().unwrap_or_default();
            let found = match secrets::is_hidden(node) {
                true => "this value".to_owned(),
                false => format!("`{text}`"),
            };
            let finding = Finding::new(&VALUE, format!("{found} is not {}", one_of(&values)));
            match suggestion(&text, values.iter().copied()) {
                Some(help) => finding.help(help),
                None => finding,
            }
        }
        Fault::Duplicate { keys, first } => {
            let list = tokens.iter().rev().nth(1).copied().unwrap_or_default();
            let keys = match keys.is_empty() {
                true => "value".to_owned(),
                false => keys.join(" and "),
            };
            let message = format!("item {first} of `{list}` has the same {keys}");
            let is_of_service = tokens.starts_with(&["spec", "ports"]);
            match is_of_service || REFUSED.contains(&list) {
                true => Finding::new(&DUPLICATE, message),
                false => Finding::graded(
                    &DUPLICATE,
                    Severity::Warning,
                    format!("{message}, which server-side apply refuses"),
                ),
            }
        }
        Fault::Gated(gates) => Finding::new(
            &GATED,
            format!(
                "Kubernetes 1.{minor} drops {field} without the feature gate {gates}, which is off by default"
            ),
        ),
    };
    let current = (!is_missing && node.is_scalar())
        .then(|| node.value().ok())
        .flatten();
    finding.about(&Subject::object(), &tokens).current(current)
}

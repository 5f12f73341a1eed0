//! FIT-SCH001 to FIT-SCH010, and FIT-VAL001 to FIT-VAL003: what the API server of the target version refuses or drops in a
//! field, whatever its other fields are.
//!
//! `kubectl apply` refuses a misspelt field, and clients without validation ignore it silently. A version of a
//! kind that the cluster does not serve cannot be applied at all. Fields of feature gates that are off are dropped silently.
//!
//! The kinds and fields of Kubernetes 1.25 to 1.37 are known; `kubernetesVersion` chooses, and without it the newest version
//! counts. Kinds of CustomResourceDefinitions in the input, or in files that `checks.definitions` of the config names, have the
//! structural schemas of these; other kinds are not checked here. A KRM function has no files: it notes that they do not count.
//!
//! FIT-VAL050 to FIT-VAL062 are what validation refuses beyond that: fields that exclude or need each other, forms and ranges of
//! values. `src/kubernetes/schema/validation.txt` has them as rows. What the API server takes all the same, and only a
//! controller refuses later, is a warning.
//!
//! Source: `api/openapi-spec` and `pkg/generated/openapi` of each release of Kubernetes, see
//! `src/kubernetes/schema/kubernetes.txt`.

mod custom;
mod field;
mod kind;

use std::collections::HashSet;

use jsonptr::PointerBuf;
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::kubernetes::schema::{self, Fault, Versions, Violation};
use crate::problem::did_you_mean;
use crate::read::Resource;
use crate::rules::rules;
use crate::select::Selected;
use custom::of_custom;
use field::of_field;
use kind::of_kind;

rules! {
    RULES;
    UNKNOWN: "FIT-SCH001" Error Always
        "a field that Kubernetes does not have; on apply only next to one that is written" ("kubeconform -strict");
    MISSING: "FIT-SCH002" Error OnCheck "a required field is missing" ("kubeconform");
    VALUE: "FIT-SCH003" Error OnCheck "a value that the field does not accept" ("kubeconform");
    DUPLICATE: "FIT-SCH004" Error OnCheck "two items of a list have the same key" ("kube-linter duplicate-env-var");
    NOT_SERVED: "FIT-SCH005" Error OnCheck
        "a kind that the target version of Kubernetes does not serve" ("kube-score stable-version; kubent");
    OTHER_VERSION: "FIT-SCH006" Error OnCheck "a field that only other versions of Kubernetes have" ("kubeconform -strict");
    GATED: "FIT-SCH007" Warning OnCheck "a field that the API server drops, because its feature gate is off by default";
    DEPRECATED: "FIT-SCH008" Warning OnCheck "a deprecated version of a kind" ("kubent; pluto");
    LEFT_OUT: "FIT-SCH009" Info OnCheck
        "what a CustomResourceDefinition asks that only the API server evaluates: rules in CEL, `allOf`, `anyOf`, `oneOf`, `not`, formats";
    WARNED: "FIT-SCH010" Warning OnCheck "what the API server takes with a warning";
    SERVICE: "FIT-VAL050" Error OnCheck "a Service that the API server refuses";
    ENDPOINTS: "FIT-VAL051" Error OnCheck "endpoints that the API server refuses";
    INGRESS: "FIT-VAL052" Error OnCheck "an Ingress or IngressClass that the API server refuses";
    NETWORK_POLICY: "FIT-VAL053" Error OnCheck "a NetworkPolicy that the API server refuses";
    AUTOSCALER: "FIT-VAL054" Error OnCheck "an autoscaler that the API server refuses";
    DISRUPTION_BUDGET: "FIT-VAL055" Error OnCheck "a PodDisruptionBudget that the API server refuses";
    DATA: "FIT-VAL056" Error OnCheck "a ConfigMap or Secret that the API server refuses";
    STORAGE: "FIT-VAL057" Error OnCheck "storage that the API server refuses";
    ROLE: "FIT-VAL058" Error OnCheck "a role or binding that the API server refuses";
    LIMIT: "FIT-VAL059" Error OnCheck "a LimitRange or ResourceQuota that the API server refuses";
    ADMISSION: "FIT-VAL060" Error OnCheck "a webhook or admission policy that the API server refuses";
    DEFINITION: "FIT-VAL061" Error OnCheck "a CustomResourceDefinition that the API server refuses";
    OTHER: "FIT-VAL062" Error OnCheck "another object that the API server refuses";
    RANGE: "FIT-VAL001" Error OnCheck "a number or a size that the API server refuses";
    FORMAT: "FIT-VAL002" Error OnCheck "a name or another text of a form that the API server refuses";
    CHOICE: "FIT-VAL003" Error OnCheck "fields that exclude or need each other";
}

pub(super) const CHECK: Check = Check {
    name: "schema",
    rules: RULES,
    find: &[
        Find::Object(of_object),
        Find::Comparing(&Find::Scene(of_custom)),
    ],
};

/// For so many unknown fields of one object, it is searched where they belong.
const MOST_SEARCHES: usize = 20;

const SPEC: &jsonptr::Pointer = jsonptr::Pointer::from_static("/spec");

/// Whether it is an object of a kind that a CustomResourceDefinition defines, and not a file of a tool.
fn is_custom(resource: &Resource<'_>) -> bool {
    let group = resource.group();
    group.contains('.') && !group.ends_with("config.k8s.io") && group != "config.kubernetes.io"
}

fn of_object<'s>(scene: &Scene<'s>, selected: &'s Selected<'s, 's>) -> Vec<Finding> {
    let resource = selected.target.resource;
    let is_check = scene.config.validate_only;
    let is_changed = || !scene.changes_of(selected.index).is_empty();
    if !(is_check || resource.has_unknown_fields && is_changed()) {
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
    let violations = match schema::fields_of(&resource.api_version, &resource.kind) {
        Some(fields) => fields.violations(resource.node, minor),
        None if is_check && is_custom(resource) => {
            let metadata = resource.node.get("metadata").filter(|it| it.is_map());
            let of = |it| schema::violations_of_metadata(it, minor);
            metadata.map(of).unwrap_or_default()
        }
        None => return findings,
    };
    let is_reported =
        |it: &Violation<'_>| is_check || is_next_to_a_change(scene, selected.index, it);
    let mut violations: Vec<_> = violations.into_iter().filter(is_reported).collect();
    // What is misspelt is not missing as well.
    let meant: HashSet<_> = violations.iter().filter_map(meant_by).collect();
    violations.retain(|it| !meant.contains(&it.path));
    // What lacks fields that another object of its kind and name has is a patch of that one.
    let missing: Vec<&str> = violations.iter().filter_map(missing_in_spec).collect();
    if !missing.is_empty() && is_patch(scene, resource, &missing) {
        violations.retain(|it| missing_in_spec(it).is_none());
        let message = "another object of this kind and name has the required fields that are missing here, so this is taken for a patch; the API server refuses it as a whole object";
        let finding = Finding::graded(&MISSING, Severity::Info, message);
        findings.push(finding.about(&Subject::object(), &["spec"]));
    }
    let fields = schema::fields_of(&resource.api_version, &resource.kind);
    let mut searches = MOST_SEARCHES;
    let of = |it: Violation<'_>| {
        let is_searched = matches!(it.fault, Fault::Unknown { .. }) && searches > 0;
        searches -= usize::from(is_searched);
        let fields = fields.filter(|_| is_searched);
        let place = fields.and_then(|of| belongs_to(of, &it, minor));
        let mut finding = of_field(it, minor, false);
        finding.help = finding
            .help
            .take_if(|it| place.is_none() || it.starts_with("did"))
            .or(place.map(Into::into));
        finding
    };
    findings.extend(violations.into_iter().map(of));
    findings
}

/// Where a field belongs that its mapping does not have.
fn belongs_to(of: &'static schema::Object, it: &Violation<'_>, minor: u8) -> Option<String> {
    let Fault::Unknown { name, known } = &it.fault else {
        return None;
    };
    let tokens = it
        .path
        .parent()?
        .tokens()
        .map(|it| it.decoded().into_owned());
    let tokens: Vec<String> = tokens.collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    if known.contains(&"matchLabels") {
        return Some("labels belong in `matchLabels`".to_owned());
    }
    if known.contains(&"limits") && !matches!(&**name, "limits" | "requests") {
        return Some("amounts belong in `requests` and `limits`".to_owned());
    }
    let place = of.place_of(&tokens, name, minor)?;
    Some(format!("`{name}` is a field of `{place}`"))
}

/// The name of a field of the spec that is missing.
fn missing_in_spec<'a>(violation: &Violation<'a>) -> Option<&'a str> {
    match violation.fault {
        Fault::Missing(name) if violation.path.parent() == Some(SPEC) => Some(name),
        _ => None,
    }
}

/// Whether another object of its kind and name has these fields of the spec.
fn is_patch(scene: &Scene<'_>, resource: &Resource<'_>, missing: &[&str]) -> bool {
    let has = |other: &Resource<'_>, name: &&str| other.node.at(["spec", name]).is_some();
    let is_whole = |other: &Resource<'_>| missing.iter().all(|name| has(other, name));
    scene.objects().has_other(resource, is_whole)
}

/// The field that a misspelt one stands for.
fn meant_by(violation: &Violation<'_>) -> Option<PointerBuf> {
    let Fault::Unknown { name, known } = &violation.fault else {
        return None;
    };
    let meant = did_you_mean(name, known.iter().copied())?;
    let mut path = violation.path.clone();
    path.pop_back();
    path.push_back(meant);
    Some(path)
}

/// Whether a field is misspelt for one that is written.
fn is_next_to_a_change(scene: &Scene<'_>, object: usize, violation: &Violation<'_>) -> bool {
    let Some(meant_at) = meant_by(violation) else {
        return false;
    };
    let mut changes = scene.changes_of(object).iter();
    changes.any(|it| it.pointer().starts_with(&meant_at))
}

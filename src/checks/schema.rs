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
use crate::rules::{Rule, When, error_on_check};
use crate::select::Selected;
use custom::of_custom;
use field::of_field;
use kind::of_kind;

const UNKNOWN: Rule = Rule {
    id: "FIT-SCH001",
    severity: Severity::Error,
    when: When::Always,
    meaning: "a field that Kubernetes does not have; on apply only next to one that is written",
    peers: "kubeconform -strict",
};
const MISSING: Rule = error_on_check("FIT-SCH002", "a required field is missing", "kubeconform");
const VALUE: Rule = error_on_check(
    "FIT-SCH003",
    "a value that the field does not accept",
    "kubeconform",
);
const DUPLICATE: Rule = error_on_check(
    "FIT-SCH004",
    "two items of a list have the same key",
    "kube-linter duplicate-env-var",
);
const NOT_SERVED: Rule = error_on_check(
    "FIT-SCH005",
    "a kind that the target version of Kubernetes does not serve",
    "kube-score stable-version; kubent",
);
const OTHER_VERSION: Rule = error_on_check(
    "FIT-SCH006",
    "a field that only other versions of Kubernetes have",
    "kubeconform -strict",
);
const GATED: Rule = Rule {
    severity: Severity::Warning,
    ..error_on_check(
        "FIT-SCH007",
        "a field that the API server drops, because its feature gate is off by default",
        "",
    )
};
const DEPRECATED: Rule = Rule {
    severity: Severity::Warning,
    ..error_on_check(
        "FIT-SCH008",
        "a deprecated version of a kind",
        "kubent; pluto",
    )
};

const LEFT_OUT: Rule = Rule {
    severity: Severity::Info,
    ..error_on_check(
        "FIT-SCH009",
        "what a CustomResourceDefinition asks that only the API server evaluates: rules in CEL, `allOf`, `anyOf`, `oneOf`, `not`, formats",
        "",
    )
};
const WARNED: Rule = Rule {
    severity: Severity::Warning,
    ..error_on_check("FIT-SCH010", "what the API server takes with a warning", "")
};
const RANGE: Rule = error_on_check(
    "FIT-VAL001",
    "a number or a size that the API server refuses",
    "",
);
const FORMAT: Rule = error_on_check(
    "FIT-VAL002",
    "a name or another text of a form that the API server refuses",
    "",
);
const CHOICE: Rule = error_on_check("FIT-VAL003", "fields that exclude or need each other", "");

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
        LEFT_OUT,
        WARNED,
        error_on_check("FIT-VAL050", "a Service that the API server refuses", ""),
        error_on_check("FIT-VAL051", "endpoints that the API server refuses", ""),
        error_on_check(
            "FIT-VAL052",
            "an Ingress or IngressClass that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL053",
            "a NetworkPolicy that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL054",
            "an autoscaler that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL055",
            "a PodDisruptionBudget that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL056",
            "a ConfigMap or Secret that the API server refuses",
            "",
        ),
        error_on_check("FIT-VAL057", "storage that the API server refuses", ""),
        error_on_check(
            "FIT-VAL058",
            "a role or binding that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL059",
            "a LimitRange or ResourceQuota that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL060",
            "a webhook or admission policy that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL061",
            "a CustomResourceDefinition that the API server refuses",
            "",
        ),
        error_on_check(
            "FIT-VAL062",
            "another object that the API server refuses",
            "",
        ),
        RANGE,
        FORMAT,
        CHOICE,
    ],
    find: &[Find::Object(of_object), Find::Scene(of_custom)],
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
            .or(place);
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

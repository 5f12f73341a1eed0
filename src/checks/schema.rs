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

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use jsonptr::PointerBuf;
use kustomize_krm_types::Severity;

use super::{Check, Find, Scene};
use crate::finding::{Finding, Subject};
use crate::kubernetes::schema::{self, Fault, KindRow, Refusal, Versions, Violation};
use crate::problem::{did_you_mean, one_of, suggestion};
use crate::read::Resource;
use crate::rules::{Rule, When, error_on_check};
use crate::secrets;
use crate::select::Selected;
use crate::yaml::{Node, Stream};

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

/// The rule of what validation refuses: that of its number, or of the kind of the fault. A value outside of an enum always has
/// the same rule, whether it is the schema's or validation's.
fn rule_of(number: &str, why: &Refusal) -> &'static Rule {
    let of_kind = match why {
        Refusal::OneOf(_) => return &VALUE,
        Refusal::Range(_) | Refusal::Size(_) => &RANGE,
        Refusal::Format(_) => &FORMAT,
        Refusal::Words(_) | Refusal::NotAmong { .. } => &CHOICE,
    };
    let mut rules = CHECK.rules.iter();
    let numbered = |it: &&Rule| it.id.strip_prefix("FIT-VAL") == Some(number);
    rules.find(numbered).unwrap_or(of_kind)
}

/// Keys of schemas that are left to the API server.
const LEFT: [&str; 6] = [
    "x-kubernetes-validations:",
    "allOf:",
    "anyOf:",
    "oneOf:",
    " not:",
    " format:",
];

/// For so many unknown fields of one object, it is searched where they belong.
const MOST_SEARCHES: usize = 20;

/// The mode 0777 of a file.
const MOST_MODE: i64 = 0o777;

/// How many of the values that a field accepts a message names.
const MOST_NAMED: usize = 16;

const SPEC: &jsonptr::Pointer = jsonptr::Pointer::from_static("/spec");

/// Files of kustomize and kubectl with these apiVersions and kinds look like objects.
fn is_of_tools(version: &str, kind: &str) -> bool {
    version == "builtin" || version == "v1" && kind == "Config"
}

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

/// A CustomResourceDefinition, and its index if it is in the input.
type Definition<'s> = (Option<usize>, Node<'s>);

/// The definitions of the input, and of the files that the config names, by group and kind.
fn definitions<'s>(scene: &Scene<'s>) -> HashMap<(Cow<'s, str>, Cow<'s, str>), Definition<'s>> {
    let files = scene.config.definitions.iter().flat_map(Stream::documents);
    let files = files.flat_map(|it| {
        let root = it.root();
        let is_list = root.text_at(["kind"]).is_some_and(|it| it == "List");
        let items = root.items_at(["items"]).filter(move |_| is_list);
        items.chain((!is_list).then_some(root))
    });
    let input = scene.objects().resources.iter().enumerate();
    let input = input.map(|(index, it)| (Some(index), it.node));
    let all = files.map(|node| (None, node)).chain(input);
    all.filter_map(|(index, node)| {
        let text = |path: &[&str]| node.text_at(path.iter().copied());
        let is_definition = text(&["kind"])? == "CustomResourceDefinition"
            && text(&["apiVersion"])? == "apiextensions.k8s.io/v1"
            && node.at(["spec", "versions"]).is_some();
        let name = (text(&["spec", "group"])?, text(&["spec", "names", "kind"])?);
        is_definition.then_some((name, (index, node)))
    })
    .collect()
}

/// What CustomResourceDefinitions refuse in objects of their kinds.
fn of_custom(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !scene.config.validate_only {
        return findings;
    }
    if scene.config.definitions.is_empty() && !scene.config.checks.definitions.is_empty() {
        let message =
            "a KRM function reads no files, so what `checks.definitions` names does not count here";
        let finding = Finding::new(&LEFT_OUT, message);
        findings.push(
            finding.help("run `fitout check`, or list the definitions under `resources` as well"),
        );
    }
    let definitions = definitions(scene);
    if definitions.is_empty() {
        return findings;
    }
    let objects = scene.objects();
    let mut kinds_of: HashMap<&str, Vec<&str>> = HashMap::new();
    for (group, kind) in definitions.keys() {
        kinds_of.entry(group).or_default().push(kind);
    }
    let mut custom = schema::Custom::default();
    let mut left = HashMap::new();
    for selected in &scene.selection.selected {
        let resource = selected.target.resource;
        let Some((group, version)) = resource.api_version.split_once('/') else {
            continue;
        };
        let key = (Cow::Borrowed(group), resource.kind.clone());
        let Some(definition) = definitions.get(&key) else {
            // Other kinds of the group may be defined elsewhere.
            let kinds = kinds_of.get(group).map_or(&[][..], Vec::as_slice);
            let near = kinds.iter().copied();
            let near = objects.did_you_mean(&resource.kind, near, kinds.len());
            if let Some(near) = near {
                let message = format!("no CustomResourceDefinition has the kind {}", resource.kind);
                let finding = Finding::graded(&NOT_SERVED, Severity::Warning, message);
                let finding = finding.about(&Subject::object(), &["kind"]);
                let help = format!("did you mean `{near}`?");
                findings.push(finding.help(help).of(selected.index));
            }
            continue;
        };
        let node = definition.1;
        let mut report = |it: Finding| findings.push(it.of(selected.index));
        let about = |rule: &'static Rule, message: String| {
            Finding::new(rule, message).about(&Subject::object(), &["apiVersion"])
        };
        let versions = || {
            node.at(["spec", "versions"])
                .into_iter()
                .flat_map(Node::items)
        };
        let served = || versions().filter(|it| it.bool_at(["served"]) != Some(false));
        let Some(of) = served().find(|it| it.text_at(["name"]).as_deref() == Some(version)) else {
            let names: Vec<_> = served().filter_map(|it| it.text_at(["name"])).collect();
            let names: Vec<&str> = names.iter().map(|it| &**it).collect();
            let message = format!("its CustomResourceDefinition does not serve {version}");
            let finding = about(&NOT_SERVED, message);
            report(match names.is_empty() {
                true => finding,
                false => finding.help(format!("the versions are {}", one_of(&names))),
            });
            continue;
        };
        if of.bool_at(["deprecated"]) == Some(true) {
            let kind = &resource.kind;
            let message = format!("{} {kind} is deprecated", resource.api_version);
            report(about(&DEPRECATED, message));
        }
        let keeps_all = node
            .at(["spec"])
            .and_then(|it| it.bool_at(["preserveUnknownFields"]));
        let Some(root) = of.at(["schema", "openAPIV3Schema"]) else {
            continue;
        };
        let mut violations = custom.violations(root, resource.node);
        let meant: HashSet<_> = violations.iter().filter_map(meant_by).collect();
        violations.retain(|it| !meant.contains(&it.path));
        for it in violations {
            let is_kept = keeps_all == Some(true) && matches!(it.fault, Fault::Unknown { .. });
            if !is_kept {
                report(of_field(it, 0, true));
            }
        }
        left.insert(std::ptr::from_ref(definition), definition);
    }
    let is_left = |node: Node<'_>| {
        let text = &node.stream().text()[node.span()];
        LEFT.iter().any(|key| text.contains(key))
    };
    let mut left: Vec<_> = left.into_values().copied().collect();
    left.retain(|(_, node)| is_left(*node));
    left.sort_by_key(|(index, node)| (*index, node.span().start));
    if let Some((index, _)) = left.first() {
        let others = match left.len() - 1 {
            0 => String::new(),
            1 => " and of another one".to_owned(),
            others => format!(" and of {others} others"),
        };
        let message = format!(
            "only the API server evaluates x-kubernetes-validations (CEL), allOf, anyOf, oneOf, not and formats of this definition{others}"
        );
        let finding = Finding::new(&LEFT_OUT, message);
        findings.push(match index {
            Some(index) => finding.of(*index),
            None => finding,
        });
    }
    findings
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
                // A group without a dot is Kubernetes' own; others are of CustomResourceDefinitions.
                let other = || suggestion(version, schema::kinds().map(|it| it.api_version));
                if version.is_empty() || own.contains('.') || rows.is_empty() {
                    return None;
                }
                let message = format!("Kubernetes has no API group `{own}`");
                return Some(with_help(
                    about(&NOT_SERVED, message),
                    instead().or_else(other),
                ));
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

fn of_field(violation: Violation<'_>, minor: u8, is_custom: bool) -> Finding {
    let Violation {
        node,
        path,
        fault,
        late,
    } = violation;
    let tokens: Vec<String> = path.tokens().map(|it| it.decoded().into_owned()).collect();
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let is_missing = matches!(fault, Fault::Missing(_));
    let field = tokens.last().copied().unwrap_or_default();
    let mut finding = match fault {
        Fault::Unknown { name, known } => {
            let finding = Finding::new(&UNKNOWN, format!("unknown field `{name}`"));
            match suggestion(&name, known.iter().copied()) {
                Some(help) => finding.help(help),
                None if known.len() == 1 => {
                    finding.help(format!("the only field here is {}", one_of(&known)))
                }
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
        Fault::OfDefinition { expected, found } => {
            let found = found.unwrap_or_else(|| secrets::described(node));
            Finding::new(&VALUE, format!("expected {expected}, found {found}"))
        }
        Fault::Value(values) => not_one_of(&VALUE, node, &values, ""),
        Fault::Duplicate {
            keys,
            first,
            is_refused,
        } => {
            let list = tokens.iter().rev().nth(1).copied().unwrap_or_default();
            let keys = match keys.is_empty() {
                true => "value".to_owned(),
                false => keys.join(" and "),
            };
            let message = format!("item {first} of `{list}` has the same {keys}");
            match is_custom || is_refused {
                true => Finding::new(&DUPLICATE, message),
                false => Finding::graded(
                    &DUPLICATE,
                    Severity::Warning,
                    format!("{message}, which server-side apply refuses"),
                ),
            }
        }
        Fault::Refused {
            number,
            why,
            when,
            key,
        } => refused(node, rule_of(number, &why), why, &when, key.as_deref()),
        Fault::Warned(words) => Finding::new(&WARNED, format!("`{field}`: {words}")),
        Fault::Gated(gates) => Finding::new(
            &GATED,
            format!(
                "Kubernetes 1.{minor} drops {field} without the feature gate {gates}, which is off by default"
            ),
        ),
    };
    if let Some(late) = late {
        finding.severity = Severity::Warning;
        finding.help.get_or_insert_with(|| late.to_owned().into());
    }
    let current = (!is_missing && node.is_scalar())
        .then(|| node.value().ok())
        .flatten();
    finding.about(&Subject::object(), &tokens).current(current)
}

/// A value as messages name it.
fn shown(node: Node<'_>, text: &str) -> String {
    match secrets::is_hidden(node) {
        true => "this value".to_owned(),
        false => format!("`{text}`"),
    }
}

fn not_one_of(rule: &'static Rule, node: Node<'_>, values: &[&str], when: &str) -> Finding {
    let text = node.text().unwrap_or_default();
    let found = shown(node, &text);
    let named = match values.len() > MOST_NAMED {
        true => format!("one of `{}`, …", values[..MOST_NAMED].join("`, `")),
        false => one_of(values),
    };
    let finding = Finding::new(rule, format!("{found} is not {named}{when}"));
    match suggestion(&text, values.iter().copied()) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// A value that the API server refuses.
fn refused(
    node: Node<'_>,
    rule: &'static Rule,
    why: Refusal,
    when: &str,
    key: Option<&str>,
) -> Finding {
    let text = match key {
        Some(key) => Cow::Borrowed(key),
        None => node.text().unwrap_or_default(),
    };
    let found = match key {
        Some(key) => format!("`{key}`"),
        None => shown(node, &text),
    };
    match why {
        Refusal::Words(words) => Finding::new(rule, format!("{words}{when}")),
        Refusal::OneOf(values) => not_one_of(rule, node, &values, when),
        Refusal::NotAmong { known, place } => {
            let finding = Finding::new(rule, format!("{found} is not in {place}{when}"));
            match suggestion(&text, known.iter().map(String::as_str)) {
                Some(help) => finding.help(help),
                None => finding,
            }
        }
        Refusal::Range(range) => {
            let message = format!("{found} is refused: it must be {}{when}", between(range));
            let finding = Finding::new(rule, message);
            let is_octal = text.len() == 3 && text.bytes().all(|c| matches!(c, b'0'..=b'7'));
            match node.int() {
                Some(_) if range.most == MOST_MODE && is_octal => finding.help(format!(
                    "an octal number begins with 0: did you mean `0{text}`?"
                )),
                Some(value) => finding.help(format!("the nearest is {}", range.nearest(value))),
                None => finding,
            }
        }
        Refusal::Size(range) => {
            let (found, what) = match node.is_scalar() {
                true => (found.as_str(), "characters"),
                false => ("the list", "items"),
            };
            let what = match range.most {
                1 => what.trim_end_matches('s'),
                i64::MAX if range.least == 1 => what.trim_end_matches('s'),
                _ => what,
            };
            let message = format!("{found} must have {} {what}{when}", between(range));
            Finding::new(rule, message)
        }
        Refusal::Format(format) => {
            let finding = Finding::new(rule, format!("{found} is not {}", format.words));
            let nearest = format.nearest(&text).filter(|_| found.starts_with('`'));
            match nearest {
                Some(nearest) => finding.help(format!("did you mean `{nearest}`?")),
                None => finding,
            }
        }
    }
}

fn between(range: schema::Range) -> String {
    match (range.least, range.most) {
        (least, i64::MAX) => format!("at least {least}"),
        (i64::MIN | 0, most) => format!("at most {most}"),
        (least, most) if least == most => format!("{least}"),
        (least, most) => format!("from {least} to {most}"),
    }
}

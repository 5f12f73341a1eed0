//! The four questions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Finding;
use super::cluster::{Cluster, Scratch};
use super::render::{Object, Render, dotted, group, title};

/// Prefix of the labels by which a namespace refuses pods; `warn` and `audit` refuse none.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// What of a kind's `spec` may change; all else stays as it was made. The API server names only these, not the field
/// that was changed. From kubernetes `pkg/apis/apps/validation` and `pkg/apis/core/validation`.
const MUTABLE: [(&str, &str, &[&str]); 2] = [
    (
        "apps",
        "StatefulSet",
        &[
            "minReadySeconds",
            "ordinals",
            "persistentVolumeClaimRetentionPolicy",
            "replicas",
            "revisionHistoryLimit",
            "template",
            "updateStrategy",
        ],
    ),
    (
        "",
        "PersistentVolumeClaim",
        &["resources", "volumeAttributesClassName"],
    ),
];

/// Provisioners whose volumes pods on several nodes mount at once, by the end of their names: operators put their namespace before
/// it. No StorageClass says which access modes it provides.
const SHARED_STORAGE: [&str; 16] = [
    "azure-file",
    "blob.csi.azure.com",
    "cephfs.csi.ceph.com",
    "csi.juicefs.com",
    "driver.longhorn.io",
    "efs.csi.aws.com",
    "file.csi.azure.com",
    "filestore.csi.storage.gke.io",
    "fsx.csi.aws.com",
    "fsx.openzfs.csi.aws.com",
    "gcsfuse.csi.storage.gke.io",
    "lustre.csi.storage.gke.io",
    "nfs.csi.k8s.io",
    "nfs-subdir-external-provisioner",
    "seaweedfs-csi-driver",
    "smb.csi.k8s.io",
];

/// Kinds that the cluster does not know. They are asked nothing else; all others have their namespace afterwards.
pub(super) fn kinds(
    cluster: &Cluster,
    render: &mut Render,
    default_namespace: &str,
) -> anyhow::Result<Vec<Finding>> {
    let versions: BTreeSet<String> = render
        .objects
        .iter()
        .map(|it| it.api_version.clone())
        .collect();
    let mut known = BTreeMap::new();
    for version in versions {
        for (kind, is_namespaced) in kinds_of(cluster, &version)? {
            known.insert((version.clone(), kind), is_namespaced);
        }
    }
    // A definition that comes with the render is there by the time of its objects.
    let defined: BTreeSet<(String, String)> = render
        .of_kind("apiextensions.k8s.io", "CustomResourceDefinition")
        .map(|it| {
            (
                text(it.at("/spec/group")).to_owned(),
                text(it.at("/spec/names/kind")).to_owned(),
            )
        })
        .collect();
    let mut findings = Vec::new();
    let mut unknown = BTreeMap::<(String, String), Vec<String>>::new();
    render.objects.retain_mut(|object| {
        let kind = (object.api_version.clone(), object.kind.clone());
        match known.get(&kind) {
            Some(true) => {
                let namespace = object.namespace.get_or_insert(default_namespace.to_owned());
                object.value["metadata"]["namespace"] = Value::from(namespace.clone());
            }
            Some(false) => object.namespace = None,
            None if defined.contains(&(object.group().to_owned(), object.kind.clone())) => {}
            None => unknown
                .entry(kind.clone())
                .or_default()
                .push(object.title()),
        }
        known.contains_key(&kind)
    });
    for ((api_version, kind), objects) in unknown {
        findings.push(Finding {
            object: objects.join(", "),
            field: "apiVersion, kind".into(),
            what: format!("the cluster has no {kind} of {api_version}{}", served(cluster, &api_version)?),
            is_warning: false,
            remedy: "install the operator that brings its CustomResourceDefinition first, or leave the object out; a version that the cluster serves may differ in fields".into(),
        });
    }
    Ok(findings)
}

/// The kinds of a group's version, and whether they live in namespaces; none when the cluster lacks the version.
fn kinds_of(cluster: &Cluster, api_version: &str) -> anyhow::Result<Vec<(String, bool)>> {
    let root = if api_version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    let answer = cluster.kubectl(&["get", "--raw", &format!("{root}/{api_version}")], "")?;
    if !answer.ok {
        let is_missing = answer.stderr.contains("NotFound") || answer.stderr.contains("not find");
        anyhow::ensure!(is_missing, "{api_version}: {}", answer.stderr.trim());
        return Ok(Vec::new());
    }
    let list: Value = serde_json::from_str(&answer.stdout)?;
    let resources = list["resources"].as_array().into_iter().flatten();
    // `deployments/scale` and its like are no objects of their own.
    let objects = resources.filter(|it| !text(&it["name"]).contains('/'));
    Ok(objects
        .map(|it| (text(&it["kind"]).to_owned(), it["namespaced"] == true))
        .collect())
}

/// `; it serves v1beta1`, when the group is there in other versions.
fn served(cluster: &Cluster, api_version: &str) -> anyhow::Result<String> {
    let group = group(api_version);
    let answer = cluster.kubectl(&["get", "--raw", &format!("/apis/{group}")], "")?;
    if group.is_empty() || !answer.ok {
        return Ok(String::new());
    }
    let list: Value = serde_json::from_str(&answer.stdout)?;
    let versions = list["versions"].as_array().into_iter().flatten();
    let versions: Vec<&str> = versions.map(|it| text(&it["version"])).collect();
    Ok(format!("; of {group} it serves {}", versions.join(", ")))
}

/// Claims that would stay Pending: their class is not there, or may not provide volumes that pods on several nodes share.
pub(super) fn storage_classes(cluster: &Cluster, render: &Render) -> anyhow::Result<Vec<Finding>> {
    if render.objects.iter().all(|object| object.claims.is_empty()) {
        return Ok(Vec::new());
    }
    const DEFAULT: &str = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
    let live = cluster.get(&["storageclasses,persistentvolumes"], "")?;
    let live: Vec<&Value> = live["items"].as_array().into_iter().flatten().collect();
    let rendered = render.of_kind("storage.k8s.io", "StorageClass");
    let classes: Vec<&Value> = live
        .iter()
        .copied()
        .filter(|it| it["kind"] == "StorageClass")
        .chain(rendered.map(|it| &it.value))
        .collect();
    let names: BTreeSet<&str> = classes
        .iter()
        .map(|it| text(&it["metadata"]["name"]))
        .collect();
    // Volumes that a person made may share a class that no object stands for.
    let by_hand: BTreeSet<&str> = live
        .iter()
        .filter(|it| it["kind"] == "PersistentVolume")
        .map(|it| text(&it["spec"]["storageClassName"]))
        .collect();
    let default = classes
        .iter()
        .find(|it| it.pointer(DEFAULT).is_some_and(|value| value == "true"))
        .map(|it| text(&it["metadata"]["name"]));
    let has = names.iter().copied().collect::<Vec<_>>().join(", ");

    let mut findings = Vec::new();
    for object in &render.objects {
        for claim in &object.claims {
            let field = format!("{}/spec/storageClassName", claim.path);
            let class = object.at(&field).as_str().or(default);
            let what = match class {
                // The claim takes a volume without a class, and no class at all.
                Some("") => continue,
                Some(class) if names.contains(class) || by_hand.contains(class) => {
                    findings.extend(not_shared(object, &claim.path, class, &classes, &live));
                    continue;
                }
                Some(class) => {
                    format!("the cluster has no storage class {class:?}; it has: {has}")
                }
                None => format!("no class is named, and the cluster has no default; it has: {has}"),
            };
            findings.push(Finding {
                object: object.title(),
                field: dotted(&field),
                what,
                is_warning: false,
                remedy: "name one of these in spec.storage.storageClassName of the environment's config, or create the class; the claim stays Pending until then".into(),
            });
        }
    }
    Ok(findings)
}

/// A warning about a claim for pods on several nodes, unless its class is known to provide such volumes, or one is there.
fn not_shared(
    object: &Object,
    claim: &str,
    class: &str,
    classes: &[&Value],
    live: &[&Value],
) -> Option<Finding> {
    let field = format!("{claim}/spec/accessModes");
    let is_shared = |modes: &Value| {
        let mut modes = modes.as_array().into_iter().flatten();
        modes.any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
    };
    if !is_shared(object.at(&field)) {
        return None;
    }
    let of_class = classes.iter().find(|it| it["metadata"]["name"] == class);
    let provisioner = of_class.map_or("", |it| text(&it["provisioner"]));
    let is_known = SHARED_STORAGE.iter().any(|known| {
        let before = provisioner.strip_suffix(known);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['.', '/']))
    });
    let mut volumes = live
        .iter()
        .filter(|it| it["kind"] == "PersistentVolume" && it["spec"]["storageClassName"] == class);
    if is_known || volumes.any(|it| is_shared(&it["spec"]["accessModes"])) {
        return None;
    }
    let by = if provisioner.is_empty() {
        "no provisioner".to_owned()
    } else {
        format!("provisioner {provisioner}")
    };
    Some(Finding {
        object: object.title(),
        field: dotted(&field),
        what: format!("the storage class {class:?} has {by}, which is not known to provide ReadWriteMany"),
        is_warning: true,
        remedy: "check that it does, or name a class for shared storage (NFS, CephFS, EFS, Filestore, Azure Files) in a profile for this claim; on block storage the claim stays Pending".into(),
    })
}

/// Pods that their namespace would refuse, as it will be labelled after the apply.
pub(super) fn pods(cluster: &Cluster, render: &Render) -> anyhow::Result<Vec<Finding>> {
    let mut by_labels = BTreeMap::<String, (Value, Vec<&Object>)>::new();
    let mut labels_of = BTreeMap::new();
    for object in render.objects.iter().filter(|it| it.template.is_some()) {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let labels = match labels_of.get(namespace) {
            Some(labels) => labels,
            None => {
                let labels = enforced(cluster, render, namespace)?;
                labels_of.entry(namespace).or_insert(labels)
            }
        };
        let same = by_labels.entry(labels.to_string());
        same.or_insert_with(|| (labels.clone(), Vec::new()))
            .1
            .push(object);
    }
    let mut findings = Vec::new();
    for (labels, objects) in by_labels.values() {
        let scratch = Scratch::new(cluster, labels)?;
        findings.extend(refused(cluster, render, &scratch, objects)?);
    }
    Ok(findings)
}

/// The labels that a namespace has, with those that the render would give it.
fn enforced(cluster: &Cluster, render: &Render, namespace: &str) -> anyhow::Result<Value> {
    let live = cluster.get(&["namespace", namespace], "")?;
    let rendered = render
        .of_kind("", "Namespace")
        .find(|it| it.name == namespace);
    let all = [Some(&live), rendered.map(|it| &it.value)];
    let labels: Map<String, Value> = all
        .into_iter()
        .flatten()
        .filter_map(|it| it["metadata"]["labels"].as_object())
        .flatten()
        .filter(|(name, _)| name.starts_with(ENFORCE))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(Value::from(labels))
}

fn refused(
    cluster: &Cluster,
    render: &Render,
    scratch: &Scratch,
    objects: &[&Object],
) -> anyhow::Result<Vec<Finding>> {
    let name = |index: usize| format!("fitout-preflight-pod-{index}");
    let numbered = objects.iter().enumerate();
    let pods: Vec<Value> = numbered
        .map(|(index, object)| pod(render, object, &name(index)))
        .collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods}).to_string();
    let create = ["create", "--dry-run=server", "--validate=false", "-f", "-"];
    let answer = cluster.kubectl(&[&create[..], &["-n", &scratch.name]].concat(), &list)?;
    let mut findings = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let name = name(index);
        let made = format!("pod/{name} ");
        if answer.stdout.lines().any(|line| line.starts_with(&made)) {
            continue;
        }
        let said = said_of(&answer.stderr, &name).unwrap_or(answer.stderr.trim().to_owned());
        let security = said.find("violates PodSecurity");
        let (what, remedy) = match security {
            Some(start) => (
                format!("its namespace would refuse the pods: {}", &said[start..]),
                format!(
                    "run `fitout apply` on them with securityContext.profile: restricted, or lower the namespace's label {ENFORCE}"
                ),
            ),
            None => (
                format!("the API server would refuse the pods: {said}"),
                "change what it names".into(),
            ),
        };
        let path = object.template.as_deref().unwrap_or_default();
        findings.push(Finding {
            object: object.title(),
            field: dotted(&format!("{path}/spec")),
            what,
            is_warning: false,
            remedy,
        });
    }
    Ok(findings)
}

/// The first pod of a template, as far as its namespace has a say in it.
fn pod(render: &Render, object: &Object, name: &str) -> Value {
    let template = object.at(object.template.as_deref().unwrap_or_default());
    let mut spec = template["spec"].clone();
    if let Some(spec) = spec.as_object_mut() {
        // The account may come with the render; the scratch namespace has only its own.
        spec.remove("serviceAccountName");
        spec.remove("serviceAccount");
        let comes_with = |kind: &str, name: &Value| {
            render
                .objects
                .iter()
                .any(|it| it.kind == kind && *name == it.name)
        };
        for (field, kind) in [
            ("priorityClassName", "PriorityClass"),
            ("runtimeClassName", "RuntimeClass"),
        ] {
            if spec.get(field).is_some_and(|name| comes_with(kind, name)) {
                spec.remove(field);
            }
        }
        let claims = object.claims.iter().filter(|claim| claim.is_template);
        let volumes = claims.map(
            |claim| json!({"name": claim.name, "persistentVolumeClaim": {"claimName": claim.name}}),
        );
        let volumes: Vec<Value> = volumes.collect();
        if !volumes.is_empty() {
            let all = spec.entry("volumes").or_insert_with(|| json!([]));
            if let Some(all) = all.as_array_mut() {
                all.extend(volumes);
            }
        }
    }
    let of_template = &template["metadata"];
    let metadata = json!({"name": name, "labels": of_template["labels"], "annotations": of_template["annotations"]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// What kubectl says of one object: its line, and those below it that begin no other message.
fn said_of(stderr: &str, name: &str) -> Option<String> {
    let quoted = format!("\"{name}\"");
    let mut lines = stderr.lines().skip_while(|line| !line.contains(&quoted));
    let first = lines.next()?.trim();
    let more = lines.take_while(|line| line.starts_with(['*', ' ']));
    let all: Vec<&str> = std::iter::once(first)
        .chain(more.map(str::trim_end))
        .collect();
    Some(all.join("\n"))
}

/// Changes to objects of the cluster that the API server would refuse.
pub(super) fn changes(cluster: &Cluster, render: &Render) -> anyhow::Result<Vec<Finding>> {
    let named: Vec<&Object> = render
        .objects
        .iter()
        .filter(|it| !it.name.is_empty())
        .collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let live = cluster.get(&["-f", "-"], &list(named.iter().copied()))?;
    let live: BTreeMap<String, &Value> = match &live {
        Value::Null => return Ok(Vec::new()),
        live if live["kind"] == "List" => live["items"].as_array().into_iter().flatten().collect(),
        live => vec![live],
    }
    .into_iter()
    .map(|it| (title_of(it), it))
    .collect();
    let there: Vec<&Object> = named
        .into_iter()
        .filter(|it| live.contains_key(&it.title()))
        .collect();
    if there.is_empty() || apply(cluster, &list(there.iter().copied()))?.is_none() {
        return Ok(Vec::new());
    }
    // Something is refused; one by one it is plain which.
    let mut findings = Vec::new();
    for object in there {
        if let Some(said) = apply(cluster, &object.value.to_string())? {
            let fields = live
                .get(&object.title())
                .map_or(Vec::new(), |live| differences(object, live));
            findings.push(refusal(object, &fields, &said));
        }
    }
    Ok(findings)
}

/// What the API server has against it, if anything.
fn apply(cluster: &Cluster, text: &str) -> anyhow::Result<Option<String>> {
    // Who owns which field is another question, which `kubectl apply` asks itself.
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=false",
        "-f",
        "-",
    ];
    let answer = cluster.kubectl(&apply, text)?;
    let said = answer
        .stderr
        .lines()
        .filter(|line| !line.starts_with("Warning:"));
    Ok((!answer.ok).then(|| said.collect::<Vec<_>>().join("\n")))
}

fn refusal(object: &Object, fields: &[(String, String)], said: &str) -> Finding {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    let (field, mut what) = match fields {
        [] => (field_in(said), String::new()),
        fields => {
            let paths: Vec<&str> = fields.iter().map(|(path, _)| path.as_str()).collect();
            let changes: Vec<&str> = fields.iter().map(|(_, change)| change.as_str()).collect();
            (paths.join(", "), format!("{}; ", changes.join(", ")))
        }
    };
    what += &format!("the API server would refuse the change: {}", brief(said));
    let remedy = match object.kind.as_str() {
        "StatefulSet" => format!(
            "`kubectl -n {namespace} delete statefulset {} --cascade=orphan` and apply: pods and claims stay as they are; how the data gets into new claims is in docs/promotion.md",
            object.name
        ),
        "PersistentVolumeClaim" => {
            "a claim stays what it was made as: how the data gets into a new one is in docs/promotion.md".into()
        }
        "Job" => format!("`kubectl -n {namespace} delete job {}` and apply: a Job runs once", object.name),
        _ => "keep what the cluster has, or delete the object and apply it anew".into(),
    };
    Finding {
        object: object.title(),
        field,
        what,
        is_warning: false,
        remedy,
    }
}

/// What the API server says, without the values of whole objects and the diffs of them that it says with it.
fn brief(said: &str) -> String {
    const VALUE: &str = "Invalid value: ";
    let lines = said
        .trim()
        .lines()
        .take_while(|line| !line.starts_with("@@"));
    let mut rest = lines.collect::<Vec<_>>().join("\n");
    let mut brief = String::new();
    while let Some((before, value)) = rest.split_once(VALUE) {
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Value>();
        let is_long = matches!(values.next(), Some(Ok(Value::Object(_) | Value::Array(_))));
        let end = if is_long { values.byte_offset() } else { 0 };
        brief += before;
        brief += VALUE;
        brief += if is_long { "…" } else { "" };
        rest = value[end..].to_owned();
    }
    brief + &rest
}

/// `spec.selector` of `… is invalid: spec.selector: Invalid value: …`.
fn field_in(said: &str) -> String {
    let reason = said.split_once("is invalid: ").map_or(said, |(_, it)| it);
    let field = reason.trim_start_matches(['*', ' ', '\n']).split(": ");
    let field = field.into_iter().next().unwrap_or_default();
    let is_path = !field.is_empty() && !field.contains(' ');
    if is_path {
        field.into()
    } else {
        "the object".into()
    }
}

/// Leaves of what may not change that the render has in another way than the cluster.
fn differences(object: &Object, live: &Value) -> Vec<(String, String)> {
    let mutable = MUTABLE
        .iter()
        .find(|(group, kind, _)| object.group() == *group && object.kind == *kind);
    let Some((_, _, mutable)) = mutable else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, value) in object.at("/spec").as_object().into_iter().flatten() {
        if !mutable.contains(&name.as_str()) {
            compare(
                &format!("/spec/{name}"),
                value,
                &live["spec"][name],
                &mut found,
            );
        }
    }
    found
}

/// Only what the render sets: everything else is a default of the API server's.
fn compare(path: &str, ours: &Value, live: &Value, found: &mut Vec<(String, String)>) {
    match (ours, live) {
        (Value::Object(ours), Value::Object(live)) => {
            for (name, value) in ours {
                let live = live.get(name).unwrap_or(&Value::Null);
                let token = name.replace('~', "~0").replace('/', "~1");
                compare(&format!("{path}/{token}"), value, live, found);
            }
        }
        (Value::Array(ours), Value::Array(live)) if ours.len() == live.len() => {
            for (index, (ours, live)) in ours.iter().zip(live).enumerate() {
                compare(&format!("{path}/{index}"), ours, live, found);
            }
        }
        _ if ours == live => {}
        _ => found.push((
            dotted(path),
            format!("the cluster has {live}, the render {ours}"),
        )),
    }
}

fn list<'a>(objects: impl Iterator<Item = &'a Object>) -> String {
    let items: Vec<&Value> = objects.map(|it| &it.value).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn title_of(object: &Value) -> String {
    let metadata = &object["metadata"];
    let namespace = metadata["namespace"].as_str();
    title(text(&object["kind"]), namespace, text(&metadata["name"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

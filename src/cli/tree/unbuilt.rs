//! What kustomize makes of objects that the files of a kustomization do not show: only a build has it.
//!
//! Files with patches are named in a note. What counts here is written into the kustomization itself, or is not here at all.

use std::path::Path;

use fitout::config::Unbuilt;
use fitout::yaml::{Node, Stream};
use jsonptr::PointerBuf;
use kustomize_krm_types::{FunctionSpec, annotations};

use super::plugins::{Plugins, is_fitout};
use super::{RESOURCES, fields, items, text, texts};

/// Kinds without pods, which patches mostly name without a group. A Service of Knative has pods in its template.
const WITHOUT_PODS: [&str; 61] = [
    "APIService",
    "AuthorizationPolicy",
    "CSIDriver",
    "CSINode",
    "Certificate",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterSecretStore",
    "ConfigMap",
    "ControllerRevision",
    "CustomResourceDefinition",
    "DestinationRule",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "ExternalSecret",
    "Fitout",
    "FlowSchema",
    "GRPCRoute",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "IngressRoute",
    "Issuer",
    "Lease",
    "LimitRange",
    "Middleware",
    "MutatingWebhookConfiguration",
    "Namespace",
    "NetworkPolicy",
    "Node",
    "PeerAuthentication",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodMonitor",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "PrometheusRule",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "Secret",
    "SecretStore",
    "ServersTransport",
    "Service",
    "ServiceAccount",
    "ServiceEntry",
    "ServiceMonitor",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VirtualService",
    "VolumeAttachment",
    "VolumeSnapshotClass",
];

/// Built-in generators of objects without pods.
const GENERATORS: [&str; 3] = [
    "ConfigMapGenerator", "IAMPolicyGenerator", "SecretGenerator",
];

/// How kustomize knows that an entry of `resources` is a repository of git, or a file on the web (`parseHostSpec` in
/// `api/internal/git/repospec.go`).
const REMOTE: [&str; 7] = [
    "file://", "gh:", "git::", "github.com", "http://", "https://", "ssh://",
];

/// Built-in transformers of fields that do not matter, where they are the usual ones: labels, annotations, names, images,
/// numbers of replicas and the order.
const TRANSFORMERS: [&str; 10] = [
    "AnnotationsTransformer", "HashTransformer", "ImageTagTransformer", "LabelTransformer",
    "LegacyOrderTransformer", "NamespaceTransformer", "PrefixTransformer",
    "ReplicaCountTransformer", "SortOrderTransformer", "SuffixTransformer",
];

/// In labels and annotations that matter: profiles of programs, and levels of namespaces.
const MARKS: [&str; 3] = [
    "apparmor.security", "pod-security.kubernetes.io", "seccomp.security",
];

/// What a build of a kustomization adds and changes: at most one of each.
pub(super) fn unbuilt(root: Node<'_>, folder: &Path, plugins: &mut Plugins<'_>) -> Vec<Unbuilt> {
    let mut found = Found::default();
    for list in RESOURCES {
        let own = fields(root, list).filter(|it| it.is_scalar());
        for (at, entry) in own.chain(items(root, list)).enumerate() {
            if entry.text().is_some_and(|it| is_remote(&it)) {
                found.add(Some(Effect::Adds), list, Some(at), entry, "");
            }
        }
    }
    for list in ["helmCharts", "helmChartInflationGenerator"] {
        if let Some(first) = items(root, list).next() {
            let rest = fields(root, list).map(source).collect::<String>();
            found.add(Some(Effect::Adds), list, None, first, &rest);
        }
    }
    for list in ["generators", "transformers"] {
        for (at, entry) in items(root, list).enumerate() {
            let plugin = plugins.of(&entry.text().unwrap_or_default(), folder);
            let effect = match list {
                "generators" => plugin.generates,
                _ => plugin.transforms,
            };
            found.add(effect, list, Some(at), entry, &plugin.text);
        }
    }
    for list in ["patches", "patchesJson6902", "patchesStrategicMerge"] {
        for (at, entry) in items(root, list).enumerate() {
            found.add(of_patch(entry, &["patch"]), list, Some(at), entry, "");
        }
    }
    for (at, entry) in items(root, "replacements").enumerate() {
        found.add(of_replacement(entry), "replacements", Some(at), entry, "");
    }
    for (at, entry) in items(root, "labels").enumerate() {
        let of_fields = of_field_specs(entry, &["fields", "fieldSpecs"]);
        found.add(
            of_fields.max(of_marks(entry)),
            "labels",
            Some(at),
            entry,
            "",
        );
    }
    for list in ["commonLabels", "commonAnnotations"] {
        for entry in fields(root, list) {
            found.add(of_marks(entry), list, None, entry, "");
        }
    }
    for (at, entry) in items(root, "configurations").enumerate() {
        let file = plugins.file(&entry.text().unwrap_or_default(), folder);
        let text = file.as_ref().map_or("", Stream::text);
        found.add(
            of_configuration(file.as_ref()),
            "configurations",
            Some(at),
            entry,
            text,
        );
    }
    found.0.into_iter().flatten().collect()
}

/// What a build does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// It changes pods.
    Changes,
    /// It has more objects, or another kind of an object.
    Adds,
}

#[derive(Default)]
struct Found([Option<Unbuilt>; 2]);

impl Found {
    /// `more`: text that decides and is not in the entry.
    fn add(
        &mut self,
        effect: Option<Effect>,
        list: &str,
        at: Option<usize>,
        entry: Node<'_>,
        more: &str,
    ) {
        let Some(effect) = effect else { return };
        let adds = effect == Effect::Adds;
        let new = || Unbuilt {
            adds,
            file: "".into(),
            position: entry.position(),
            fields: Vec::new(),
            text: String::new(),
        };
        let unbuilt = self.0[usize::from(!adds)].get_or_insert_with(new);
        let at = at.map_or(String::new(), |at| format!("[{at}]"));
        unbuilt.fields.push(format!("{list}{at}"));
        unbuilt.text += source(entry);
        unbuilt.text += more;
    }
}

fn source(node: Node<'_>) -> &str {
    &node.stream().text()[node.span()]
}

fn is_remote(entry: &str) -> bool {
    let entry = entry.to_ascii_lowercase();
    // `user@host:path` and `user@github.com/path`, as of scp.
    let host = entry.split('/').next().unwrap_or_default();
    let (_, of_user) = host.split_once('@').unwrap_or_default();
    of_user.contains([':', '.'])
        || entry.contains("_git/")
        || REMOTE.iter().any(|it| entry.starts_with(it))
}

/// What a generator does.
pub(super) fn of_generator(object: Node<'_>) -> Option<Effect> {
    let is_builtin = object.text_at(["apiVersion"]).as_deref() == Some("builtin");
    let kind = object.text_at(["kind"]).unwrap_or_default();
    (!is_builtin || !GENERATORS.contains(&&*kind)).then_some(Effect::Adds)
}

/// What a transformer does. fitout is what a check asks about.
pub(super) fn of_transformer(object: Node<'_>) -> Option<Effect> {
    let version = object.text_at(["apiVersion"]).unwrap_or_default();
    let kind = object.text_at(["kind"]).unwrap_or_default();
    match &*kind {
        _ if version != "builtin" => (!runs_fitout(object)).then_some(Effect::Changes),
        kind if kind.starts_with("Patch") => {
            of_patch(object, &["patch", "jsonOp", "patches", "paths"])
        }
        "ReplacementTransformer" => items(object, "replacements")
            .filter_map(of_replacement)
            .max(),
        kind if TRANSFORMERS.contains(&kind) => {
            of_field_specs(object, &["fieldSpecs"]).max(of_marks(object))
        }
        _ => Some(Effect::Changes),
    }
}

/// Whether a functionConfig is one of fitout, and runs no other program.
fn runs_fitout(object: Node<'_>) -> bool {
    let version = object.text_at(["apiVersion"]).unwrap_or_default();
    let is_config =
        version.starts_with("fitout.dev/") && object.text_at(["kind"]).as_deref() == Some("Fitout");
    let annotation = object.text_at(["metadata", "annotations", annotations::FUNCTION]);
    let spec = annotation.map(|it| serde_yaml::from_str::<FunctionSpec>(&it));
    is_config
        && match spec {
            None => true,
            Some(Ok(FunctionSpec {
                container, exec, ..
            })) => {
                let image = container.map(|it| it.image);
                let mut programs = image.into_iter().chain(exec.map(|it| it.path));
                programs.all(|it| is_fitout(&it))
            }
            Some(Err(_)) => false,
        }
}

/// What an entry of `replacements` does.
fn of_replacement(entry: Node<'_>) -> Option<Effect> {
    if fields(entry, "path").any(|it| !it.is_null()) {
        return Some(Effect::Changes);
    }
    let effects = items(entry, "targets").filter_map(|target| {
        let select = fields(target, "select").find(|it| it.is_map());
        let has_pods = has_pods(select.and_then(|it| text(it, "kind")).as_deref());
        let paths = texts(target, "fieldPaths").into_iter();
        let effects = paths.filter_map(|path| {
            let path: Vec<&str> = path.split('.').collect();
            of_field(&path, has_pods)
        });
        effects.max()
    });
    effects.max()
}

/// What the fields do that labels and the like are also written to.
fn of_field_specs(entry: Node<'_>, lists: &[&'static str]) -> Option<Effect> {
    let specs = lists.iter().flat_map(|list| items(entry, list));
    let effects = specs.filter_map(|spec| {
        let path = text(spec, "path").unwrap_or_default();
        let path: Vec<&str> = path.split('/').collect();
        match path.as_slice() {
            [
                "spec",
                ..,
                "metadata",
                "labels" | "annotations" | "name" | "namespace",
            ]
            | ["spec", .., "matchLabels"] => None,
            path => of_field(path, has_pods(text(spec, "kind").as_deref())),
        }
    });
    effects.max()
}

/// What a file does that says which fields labels and the like are written to.
fn of_configuration(file: Option<&Stream>) -> Option<Effect> {
    // What cannot be read may be anything.
    let Some(file) = file else {
        return Some(Effect::Changes);
    };
    let lists = [
        "commonLabels", "commonAnnotations", "labels", "templateLabels", "images", "namePrefix",
        "nameSuffix", "namespace", "replicas",
    ];
    let documents = file.documents().map(|it| it.root());
    let effects = documents.map(|it| of_field_specs(it, &lists));
    effects.max().flatten()
}

/// What labels and annotations do.
fn of_marks(entry: Node<'_>) -> Option<Effect> {
    has_mark(source(entry)).then_some(Effect::Changes)
}

fn has_mark(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// Whether objects of a kind, or of a pattern of kinds, may have pods.
fn has_pods(kind: Option<&str>) -> bool {
    let mut kinds = kind.unwrap_or_default().split('|');
    !kinds.all(|it| WITHOUT_PODS.contains(&it))
}

/// What it does to write to a field.
fn of_field(path: &[&str], has_pods: bool) -> Option<Effect> {
    match path {
        [] | [""] => Some(Effect::Adds),
        [field] if is_type(field) => Some(Effect::Adds),
        ["metadata", ..] | ["spec", "replicas" | "selector", ..] => None,
        // As `images`.
        [.., list, "image"] | [.., list, _, "image"] if list.contains("ontainers") => None,
        [_, "template", ..] => Some(Effect::Changes),
        _ => has_pods.then_some(Effect::Changes),
    }
}

/// What an entry of patches does, if it is written out. An entry of `patchesStrategicMerge` is the patch or its file.
fn of_patch(entry: Node<'_>, keys: &[&'static str]) -> Option<Effect> {
    let mut options = fields(entry, "options").flat_map(|it| fields(it, "allowKindChange"));
    if options.any(|it| it.bool() == Some(true)) {
        return Some(Effect::Adds);
    }
    let target = fields(entry, "target").find(|it| it.is_map());
    let inline = keys.iter().flat_map(|key| fields(entry, key));
    let inline = inline.flat_map(|it| std::iter::once(it).chain(it.items()));
    let inline = inline.chain(entry.is_scalar().then_some(entry));
    let effects = inline
        .filter_map(Node::text)
        .map(|text| match Stream::parse(text) {
            Ok(patch) => {
                let effects = patch.documents().map(|it| of_text(it.root(), target));
                effects.max().flatten()
            }
            // What cannot be read may be anything.
            Err(_) => Some(Effect::Changes),
        });
    effects.max().flatten()
}

fn is_type(field: &str) -> bool {
    ["apiVersion", "kind"].contains(&field)
}

/// What the text of a patch does: a JSON patch, which also changes kinds, or a strategic merge patch.
fn of_text(patch: Node<'_>, target: Option<Node<'_>>) -> Option<Effect> {
    let kind = match target {
        Some(target) => text(target, "kind"),
        None => patch.text_at(["kind"]),
    };
    let has_pods = has_pods(kind.as_deref());
    let marked = has_mark(source(patch)).then_some(Effect::Changes);
    let operations = patch
        .items()
        .filter(|it| it.text_at(["op"]).as_deref() != Some("test"));
    let operations = operations.filter_map(|operation| {
        let is_move = operation.text_at(["op"]).as_deref() == Some("move");
        let from = operation.text_at(["from"]).filter(|_| is_move);
        let path = operation.text_at(["path"]).unwrap_or_default();
        let effects = from.into_iter().chain([path]).filter_map(|path| {
            let path = PointerBuf::parse(path.into_owned()).unwrap_or_default();
            let tokens: Vec<_> = path.tokens().map(|it| it.decoded().into_owned()).collect();
            let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
            of_field(&tokens, has_pods)
        });
        effects.max()
    });
    let is_deletion = patch.text_at(["$patch"]).as_deref() == Some("delete");
    let entries = patch.entries().filter(|_| !is_deletion);
    let merged = entries.filter_map(|(key, value)| {
        let key = key.text().unwrap_or_default();
        let below = value.entries().filter_map(|(below, _)| below.text());
        let below: Vec<_> = below.collect();
        match below.is_empty() {
            // It names the object.
            _ if is_type(&key) || key == "$patch" => None,
            true => of_field(&[&key], has_pods),
            false => below
                .iter()
                .filter_map(|it| of_field(&[&key, it], has_pods))
                .max(),
        }
    });
    operations.chain(merged).max().max(marked)
}

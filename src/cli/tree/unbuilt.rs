//! What kustomize makes of objects that the files of a kustomization do not show: only a build has it.
//!
//! Files with patches are named in a note. What counts here is written into the kustomization itself, or is not here at all.

use std::path::Path;

use fitout::config::Unbuilt;
use fitout::yaml::{Node, Stream};
use jsonptr::PointerBuf;

use super::plugins::Plugins;
use super::{RESOURCES, fields, items, text, texts};

/// Kinds without pods, which patches mostly name without a group. A Service of Knative has pods in its template.
const WITHOUT_PODS: [&str; 32] = [
    "Certificate", "ClusterIssuer", "ClusterRole", "ClusterRoleBinding", "ConfigMap",
    "CustomResourceDefinition", "Fitout", "HTTPRoute", "HorizontalPodAutoscaler", "Ingress",
    "IngressClass", "Issuer", "LimitRange", "Namespace", "NetworkPolicy", "PersistentVolume",
    "PersistentVolumeClaim", "PodDisruptionBudget", "PodMonitor", "PriorityClass",
    "PrometheusRule", "ResourceQuota", "Role", "RoleBinding", "Secret", "SecretStore", "Service",
    "ServiceAccount", "ServiceMonitor", "StorageClass", "VirtualService", "VolumeSnapshotClass",
];

/// Built-in generators of objects without pods.
const GENERATORS: [&str; 3] = [
    "ConfigMapGenerator", "IAMPolicyGenerator", "SecretGenerator",
];

/// How kustomize knows that an entry of `resources` is a repository of git, or a file on the web (`parseHostSpec` in
/// `api/internal/git/repospec.go`).
const REMOTE: [&str; 8] = [
    "file://", "gh:", "git::", "git@", "github.com", "http://", "https://", "ssh://",
];

/// What a build of a kustomization adds and changes: at most one of each.
pub(super) fn unbuilt(root: Node<'_>, folder: &Path, plugins: &mut Plugins<'_>) -> Vec<Unbuilt> {
    let mut found = Found::default();
    for list in RESOURCES {
        let own = fields(root, list).filter(|it| it.is_scalar());
        for (at, entry) in own.chain(items(root, list)).enumerate() {
            if entry.text().is_some_and(|it| is_remote(&it)) {
                found.add(Some(Effect::Adds), list, Some(at), entry);
            }
        }
    }
    for list in ["helmCharts", "helmChartInflationGenerator"] {
        if let Some(first) = items(root, list).next() {
            found.add(Some(Effect::Adds), list, None, first);
        }
    }
    for list in ["generators", "transformers"] {
        for (at, entry) in items(root, list).enumerate() {
            let plugin = plugins.of(&entry.text().unwrap_or_default(), folder);
            let effect = match list {
                "generators" => plugin.generates,
                _ => plugin.transforms,
            };
            found.add(effect, list, Some(at), entry);
        }
    }
    for list in ["patches", "patchesJson6902", "patchesStrategicMerge"] {
        for (at, entry) in items(root, list).enumerate() {
            found.add(of_patch(entry, &["patch"]), list, Some(at), entry);
        }
    }
    let list = "replacements";
    for (at, entry) in items(root, list).enumerate() {
        let fields = items(entry, "targets").flat_map(|it| texts(it, "fieldPaths"));
        let changes_kind = fields.into_iter().any(|it| is_type(&it));
        found.add(changes_kind.then_some(Effect::Adds), list, Some(at), entry);
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
    fn add(&mut self, effect: Option<Effect>, list: &str, at: Option<usize>, entry: Node<'_>) {
        let Some(effect) = effect else { return };
        let adds = effect == Effect::Adds;
        let new = || Unbuilt {
            adds,
            file: "".into(),
            position: entry.position(),
            fields: Vec::new(),
        };
        let unbuilt = self.0[usize::from(!adds)].get_or_insert_with(new);
        let at = at.map_or(String::new(), |at| format!("[{at}]"));
        unbuilt.fields.push(format!("{list}{at}"));
    }
}

fn is_remote(entry: &str) -> bool {
    let entry = entry.to_ascii_lowercase();
    // `user@host:path`, as of scp.
    let host = entry.split('/').next().unwrap_or_default();
    let is_of_scp = host
        .split_once('@')
        .is_some_and(|(_, host)| host.contains(':'));
    is_of_scp || entry.contains("_git/") || REMOTE.iter().any(|it| entry.starts_with(it))
}

/// What a generator does.
pub(super) fn of_generator(object: Node<'_>) -> Option<Effect> {
    let is_builtin = object.text_at(["apiVersion"]).as_deref() == Some("builtin");
    let kind = object.text_at(["kind"]).unwrap_or_default();
    (!is_builtin || !GENERATORS.contains(&&*kind)).then_some(Effect::Adds)
}

/// What a transformer does. Those of labels, names, images and numbers of replicas do not matter, and fitout is what a check
/// asks about.
pub(super) fn of_transformer(object: Node<'_>) -> Option<Effect> {
    let version = object.text_at(["apiVersion"]).unwrap_or_default();
    let kind = object.text_at(["kind"]).unwrap_or_default();
    let matters = match &*version {
        "builtin" if kind.starts_with("Patch") => {
            return of_patch(object, &["patch", "jsonOp", "patches"]);
        }
        "builtin" => kind == "ValueAddTransformer",
        version => !version.starts_with("fitout.dev/"),
    };
    matters.then_some(Effect::Changes)
}

/// What an entry of patches does, if it is written out. An entry of `patchesStrategicMerge` is the patch or its file.
fn of_patch(entry: Node<'_>, keys: &[&'static str]) -> Option<Effect> {
    let mut options = fields(entry, "options").flat_map(|it| fields(it, "allowKindChange"));
    if options.any(|it| it.bool() == Some(true)) {
        return Some(Effect::Adds);
    }
    let target = fields(entry, "target").find(|it| it.is_map());
    let inline = keys.iter().flat_map(|key| fields(entry, key));
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
    // The kind of a target is a pattern.
    let mut kinds = kind.as_deref().unwrap_or_default().split('|');
    let has_pods = !kinds.all(|it| WITHOUT_PODS.contains(&it));
    let at = |path: &[&str]| match path {
        ["metadata", ..] | ["spec", "replicas"] => None,
        [_, "template", ..] => Some(Effect::Changes),
        _ => has_pods.then_some(Effect::Changes),
    };
    let operations = patch
        .items()
        .filter(|it| it.text_at(["op"]).as_deref() != Some("test"));
    let operations = operations.map(|operation| {
        let path = operation.text_at(["path"]).unwrap_or_default();
        let path = PointerBuf::parse(path.into_owned()).unwrap_or_default();
        let tokens: Vec<_> = path.tokens().map(|it| it.decoded().into_owned()).collect();
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        match tokens.as_slice() {
            [] => Some(Effect::Adds),
            [field] if is_type(field) => Some(Effect::Adds),
            path => at(path),
        }
    });
    let is_deletion = patch.text_at(["$patch"]).as_deref() == Some("delete");
    let entries = patch.entries().filter(|_| !is_deletion);
    let merged = entries.map(|(key, value)| {
        let key = key.text().unwrap_or_default();
        let below = value.entries().filter_map(|(below, _)| below.text());
        let below: Vec<_> = below.collect();
        match below.is_empty() {
            _ if is_type(&key) || key == "$patch" => None,
            true => at(&[&key]),
            false => below.iter().filter_map(|it| at(&[&key, it])).max(),
        }
    });
    operations.chain(merged).max().flatten()
}

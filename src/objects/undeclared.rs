//! Pods in kinds that fitout does not know, detected by lists of containers with names and images.

use std::collections::HashSet;

use super::places::{Form, is_known_kind};
use crate::read::Resource;
use crate::yaml::Node;

/// Groups and kinds with mappings that look like pods but are not: examples in schemas, patterns in policies, history of
/// controllers, and patches of prometheus-operator.
const NO_PODS: [(&str, &str); 5] = [
    ("apiextensions.k8s.io", ""),
    ("admissionregistration.k8s.io", ""),
    ("kyverno.io", ""),
    ("monitoring.coreos.com", ""),
    ("apps", "ControllerRevision"),
];

/// Keys that distinguish containers from other mappings with a name and an image.
const OF_CONTAINERS: [&str; 8] = [
    "command",
    "args",
    "script",
    "env",
    "volumeMounts",
    "resources",
    "computeResources",
    "securityContext",
];

/// The maximum of places reported for one object.
const MAX_REPORTED: usize = 8;

/// A place that looks like pods or containers, in the syntax of `podSpecs`.
#[derive(Debug, PartialEq, Eq)]
pub struct UndeclaredPods {
    path: String,
    /// What is at the path.
    pub form: Form,
}

impl UndeclaredPods {
    fn new(path: &str) -> UndeclaredPods {
        match path.strip_suffix("/spec") {
            Some(template) => UndeclaredPods {
                path: template.to_owned(),
                form: Form::Template,
            },
            None => UndeclaredPods {
                path: path.to_owned(),
                form: Form::PodSpec,
            },
        }
    }

    /// The path of the pods or containers.
    pub fn full_path(&self) -> String {
        match self.form {
            Form::Template => format!("{}/spec", self.path),
            Form::PodSpec | Form::Containers => self.path.clone(),
        }
    }

    /// The entry of `podSpecs` that declares them.
    pub fn declaration(&self, resource: &Resource<'_>) -> String {
        let form = match self.form {
            Form::Template => "",
            Form::PodSpec => ", form: PodSpec",
            Form::Containers => ", form: Containers",
        };
        // The path is quoted because of `[` and `*`.
        format!(
            "{{group: {}, kind: {}, path: \"{}\"{form}}}",
            if resource.group().is_empty() {
                "\"\""
            } else {
                resource.group()
            },
            resource.kind,
            self.path
        )
    }
}

/// Whether an object of an unknown kind may hold pods. This is only a search for `image` and aliases in the object's text,
/// because most objects have neither.
pub fn may_hold_pods(resource: &Resource<'_>) -> bool {
    let group = resource.group();
    let is_kind =
        |(g, kind): &(&str, &str)| group == *g && (kind.is_empty() || resource.kind == *kind);
    if NO_PODS.iter().any(is_kind) || is_known_kind(resource) {
        return false;
    }
    let text = resource.node.raw().as_bytes();
    let has = |words: &str| memchr::memmem::find(text, words.as_bytes()).is_some();
    has("image") || has("*")
}

/// The places of an object that look like pods. Each node is visited once, even if it has aliases.
pub fn pods_in(resource: &Resource<'_>) -> Vec<UndeclaredPods> {
    let mut found: Vec<UndeclaredPods> = Vec::new();
    let mut seen = HashSet::new();
    let mut open: Vec<(String, Node<'_>)> = Vec::new();
    open.push((String::new(), resource.node));
    while let Some((path, node)) = open.pop().filter(|_| found.len() < MAX_REPORTED) {
        if !seen.insert(node.id()) {
            continue;
        }
        if !path.is_empty() && has_containers(node) {
            let pods = UndeclaredPods::new(&path);
            if !found.contains(&pods) {
                found.push(pods);
            }
            continue;
        }
        let first = open.len();
        for (key, value) in node.entries() {
            let key = key.text().unwrap_or_default();
            let is_own = path.is_empty() && ["metadata", "status"].contains(&key.as_ref());
            // A path cannot contain these keys.
            if is_own || key.is_empty() || key.contains(['/', '*', '[', ']', '"', '\\']) {
                continue;
            }
            let path = match path.as_str() {
                "" => key.into_owned(),
                path => format!("{path}/{key}"),
            };
            if value.is_map() {
                open.push((path, value));
            } else if are_containers(value) {
                let path = format!("{path}[]");
                let form = Form::Containers;
                let containers = UndeclaredPods { path, form };
                if !found.contains(&containers) {
                    found.push(containers);
                }
            } else {
                let items = value.items().filter(|item| item.is_map());
                open.extend(items.map(|item| (format!("{path}[]"), item)));
            }
        }
        // Nodes are popped from the end.
        open[first..].reverse();
    }
    found
}

/// Whether a mapping holds a list of containers, each with a name and an image.
fn has_containers(node: Node<'_>) -> bool {
    node.get("containers").is_some_and(are_named_images)
}

/// Whether a list under another key holds containers: many lists have names and images, but few also have container
/// fields.
fn are_containers(list: Node<'_>) -> bool {
    let runs = |item: Node<'_>| OF_CONTAINERS.iter().any(|key| item.get(key).is_some());
    are_named_images(list) && list.items().any(runs)
}

fn are_named_images(list: Node<'_>) -> bool {
    let is_text =
        |node: Option<Node<'_>>| node.is_some_and(|node| node.is_scalar() && !node.is_null());
    let is_image = |node: Node<'_>| is_text(node.get("name")) && is_text(node.get("image"));
    list.is_sequence() && !list.is_empty_collection() && list.items().all(is_image)
}

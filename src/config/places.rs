//! The file and line of each node of a config. For a config that kustomize passes on, that is the file that kustomize read,
//! or the patch that changed it.

use std::sync::Arc;

use crate::hashing::HashMap;
use crate::problem::Place;
use crate::yaml::{Node, NodeId, Position, Stream, Value};

/// A file and its text.
#[derive(Debug)]
pub struct Text {
    /// The path of the file, as shown in messages.
    pub name: String,
    /// Its text.
    pub stream: Stream,
}

/// A value that a patch of a kustomization sets.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Its path of keys and indices from the root of the resource; `-` is the end of a list.
    pub path: Vec<String>,
    /// The value; `None` if the patch removes it.
    pub value: Option<serde_json::Value>,
    /// The path of the file with the patch, as shown in messages.
    pub file: String,
    /// The position in the file.
    pub position: Position,
}

/// The files that kustomize may have read a config from.
#[derive(Debug, Default)]
pub struct Sources {
    /// Files with configs.
    pub configs: Vec<Text>,
    /// The patches of all kustomizations, the outermost first, which kustomize applies last.
    pub patches: Vec<Patch>,
}

/// Maps the nodes of a config to their place.
#[derive(Debug, Default)]
pub(super) enum Places<'a> {
    /// Unknown: a host re-encodes the config, so its line numbers are wrong. Messages show the path of the field instead.
    #[default]
    Unknown,
    /// In this file, with this text. The texts inside a ConfigMap have no line numbers.
    File(Arc<str>, &'a Stream),
    /// In the files that kustomize built it from.
    Built(Built<'a>),
}

/// The places of the nodes that kustomize passed on.
#[derive(Debug)]
pub(super) struct Built<'a> {
    file: Arc<str>,
    passed: &'a Stream,
    /// Nodes with the same value as in the file.
    same: HashMap<NodeId, Node<'a>>,
    /// Nodes that a patch changed or added.
    patched: HashMap<NodeId, (Arc<str>, Position)>,
}

impl<'a> Places<'a> {
    /// The places of the nodes of a config that kustomize built; unknown if it comes from none of the files.
    pub(super) fn of_built(passed: Node<'a>, sources: &'a Sources) -> Places<'a> {
        let has_same_name = |root: &Node<'_>| {
            let is_same = |path: &[&str]| {
                let path = || path.iter().copied();
                root.text_at(path()) == passed.text_at(path())
            };
            is_same(&["kind"]) && is_same(&["metadata", "name"])
        };
        let roots = sources.configs.iter().flat_map(|text| {
            let roots = text.stream.documents().map(|document| document.root());
            roots.map(move |root| (text.name.as_str(), root))
        });
        let compared = roots
            .filter(|(_, root)| has_same_name(root))
            .map(|(file, root)| Comparison::of(passed, root, file));
        let Some(nearest) = compared.min_by_key(|it| it.changed.len()) else {
            return Places::Unknown;
        };
        let patched = nearest.changed.into_iter().filter_map(|(node, path)| {
            let patch = patch_of(&sources.patches, &path, node)?;
            Some((node.id(), (Arc::from(patch.file.as_str()), patch.position)))
        });
        Places::Built(Built {
            file: Arc::from(nearest.file),
            passed: passed.stream(),
            patched: patched.collect(),
            same: nearest.same,
        })
    }

    /// The file and the position of a node.
    pub(super) fn of(&self, node: Node<'_>) -> Option<(Arc<str>, Position)> {
        match self {
            Places::File(file, stream) if std::ptr::eq(*stream, node.stream()) => {
                Some((Arc::clone(file), node.position()))
            }
            Places::Built(built) if std::ptr::eq(built.passed, node.stream()) => {
                let same = built.same.get(&node.id());
                let same = same.map(|node| (Arc::clone(&built.file), node.position()));
                same.or_else(|| built.patched.get(&node.id()).cloned())
            }
            _ => None,
        }
    }

    /// The place of a node, with an excerpt of the file.
    pub(super) fn place(&self, node: Node<'_>) -> Option<Place> {
        if let Places::Built(built) = self
            && std::ptr::eq(built.passed, node.stream())
        {
            if let Some(node) = built.same.get(&node.id()) {
                return Some(Place::of(*node, Some(&built.file)));
            }
            let (file, position) = built.patched.get(&node.id())?;
            return Some(Place {
                file: Some(file.to_string()),
                position: *position,
                excerpt: String::new(),
                excerpt_line: position.line,
                span: 0..0,
            });
        }
        let (file, _) = self.of(node)?;
        Some(Place::of(node, Some(&file)))
    }
}

/// A config that kustomize passed on, compared with one in a file.
struct Comparison<'a> {
    file: &'a str,
    same: HashMap<NodeId, Node<'a>>,
    /// Keys and values that are not in the file, and their paths.
    changed: Vec<(Node<'a>, Vec<String>)>,
}

impl<'a> Comparison<'a> {
    fn of(passed: Node<'a>, written: Node<'a>, file: &'a str) -> Comparison<'a> {
        let mut comparison = Comparison {
            file,
            same: HashMap::default(),
            changed: Vec::new(),
        };
        comparison.compare(passed, written, &mut Vec::new());
        comparison
    }

    fn compare(&mut self, passed: Node<'a>, written: Node<'a>, path: &mut Vec<String>) {
        if passed.is_map() && written.is_map() {
            self.same.insert(passed.id(), written);
            for (key, value) in passed.entries() {
                let name = key.text().unwrap_or_default();
                path.push(name.to_string());
                let mut entries = written.entries();
                match entries.find(|(key, _)| key.text().as_ref() == Some(&name)) {
                    Some((written_key, written)) => {
                        self.same.insert(key.id(), written_key);
                        self.compare(value, written, path);
                    }
                    None => {
                        self.changed.push((key, path.clone()));
                        self.note_changed(value, path);
                    }
                }
                path.pop();
            }
        } else if passed.is_sequence() && written.is_sequence() {
            self.same.insert(passed.id(), written);
            for (index, item) in passed.items().enumerate() {
                path.push(index.to_string());
                match counterpart(item, index, written) {
                    Some(written) => self.compare(item, written, path),
                    None => self.note_changed(item, path),
                }
                path.pop();
            }
        } else if is_equal(passed, written) {
            self.same.insert(passed.id(), written);
        } else {
            self.note_changed(passed, path);
        }
    }

    fn note_changed(&mut self, node: Node<'a>, path: &mut Vec<String>) {
        self.changed.push((node, path.clone()));
        for (key, value) in node.entries() {
            path.push(key.text().unwrap_or_default().into_owned());
            self.changed.push((key, path.clone()));
            self.note_changed(value, path);
            path.pop();
        }
        for (index, item) in node.items().enumerate() {
            path.push(index.to_string());
            self.note_changed(item, path);
            path.pop();
        }
    }
}

fn is_equal(a: Node<'_>, b: Node<'_>) -> bool {
    a.value().unwrap_or(Value::Null) == b.value().unwrap_or(Value::Null)
}

/// The item in the file's list for an item that kustomize passed on: by name, else by value, else by index.
fn counterpart<'a>(item: Node<'a>, index: usize, written: Node<'a>) -> Option<Node<'a>> {
    match item.text_at(["name"]) {
        Some(name) => {
            let mut items = written.items();
            items.find(|it| it.text_at(["name"]).as_ref() == Some(&name))
        }
        None => {
            let mut items = written.items();
            let equal = items.find(|it| is_equal(*it, item));
            equal.or_else(|| written.item(index))
        }
    }
}

/// The patch that a value comes from. A patch that sets exactly this value comes before one of a field around it, and that
/// before one of a field inside it.
fn patch_of<'p>(patches: &'p [Patch], path: &[String], node: Node<'_>) -> Option<&'p Patch> {
    let is_step = |(patched, step): (&String, &String)| {
        patched == step || (patched == "-" && step.parse::<usize>().is_ok())
    };
    let leads = |patch: &&Patch| patch.path.iter().zip(path).all(is_step);
    let value = node
        .value()
        .ok()
        .and_then(|it| serde_json::to_value(it).ok());
    let holds = |patch: &&Patch| {
        let Some(rest) = path.get(patch.path.len()..) else {
            return false;
        };
        let mut held = patch.value.as_ref();
        for step in rest {
            held = held.and_then(|held| match held {
                serde_json::Value::Array(items) => items.get(step.parse::<usize>().ok()?),
                other => other.get(step),
            });
        }
        held == value.as_ref()
    };
    let exact = patches.iter().filter(leads).find(holds);
    let around = || {
        let mut around = patches.iter().filter(leads);
        around.find(|patch| patch.path.len() <= path.len())
    };
    exact.or_else(around).or_else(|| patches.iter().find(leads))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const WRITTEN: &str = "kind: Fitout
metadata: {name: all}
spec:
  storage: # of all claims
    storageClassName: fast
    accessModes: [ReadWriteOnce]
  profiles:
  - name: b
    select: {kind: Job}
  - name: a
    select: {}
";

    /// As kustomize passes it on: sorted, without comments, with a class and a profile patched in.
    const PASSED: &str = "kind: Fitout
metadata:
  name: all
spec:
  profiles:
  - name: new
    select:
      kind: Pod
  - name: a
    select: {}
  - name: b
    select:
      kind: Job
  storage:
    accessModes:
    - ReadWriteOnce
    storageClassName: gold
";

    fn patch(path: &str, value: serde_json::Value, line: usize) -> Patch {
        Patch {
            path: path.split('/').map(str::to_owned).collect(),
            value: Some(value),
            file: "kustomization.yaml".to_owned(),
            position: Position { line, column: 1 },
        }
    }

    #[test]
    fn lines_are_those_of_the_file_or_of_the_patch() {
        let other = Text {
            name: "other.yaml".to_owned(),
            stream: Stream::parse(WRITTEN.replace("name: all", "name: other")).unwrap(),
        };
        let own = Text {
            name: "fitout.yaml".to_owned(),
            stream: Stream::parse(WRITTEN).unwrap(),
        };
        let new = serde_json::json!({"name": "new", "select": {"kind": "Pod"}});
        let sources = Sources {
            configs: vec![other, own],
            patches: vec![
                patch("spec/storage/storageClassName", "silver".into(), 3),
                patch("spec/storage/storageClassName", "gold".into(), 5),
                patch("spec/profiles/-", new, 9),
            ],
        };
        let passed = Stream::parse(PASSED).unwrap();
        let root = passed.documents().next().unwrap().root();
        let places = Places::of_built(root, &sources);
        let line = |path: &str| {
            let node = root.pointer(jsonptr::Pointer::parse(path).unwrap());
            let (file, position) = places.of(node.unwrap()).unwrap();
            (file.to_string(), position.line)
        };
        let in_file = |line| ("fitout.yaml".to_owned(), line);
        let in_patch = |line| ("kustomization.yaml".to_owned(), line);
        assert_eq!(line("/spec/storage"), in_file(5));
        assert_eq!(line("/spec/storage/accessModes/0"), in_file(6));
        assert_eq!(line("/spec/storage/storageClassName"), in_patch(5));
        assert_eq!(line("/spec/profiles/1/name"), in_file(10));
        assert_eq!(line("/spec/profiles/2/select/kind"), in_file(9));
        assert_eq!(line("/spec/profiles/0/select/kind"), in_patch(9));
        let nothing = Sources::default();
        let unknown = Places::of_built(root, &nothing);
        assert!(unknown.of(root).is_none());
    }
}

//! The files that an overlay is made of, as kustomize would find them: which function it would leave out without a word,
//! and which file a config comes from.
//!
//! A function whose annotation has the form `exec:` runs only with `--enable-exec`, which `-k` does not give and kubectl does
//! not have; without it kustomize leaves the function out, with exit code 0. So they are looked for, and named. And
//! kustomize hands a config over re-encoded, without the lines that a person could look up; so its file is looked for too.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use fitout::config::KIND;
use fitout::yaml::{Node, Stream};
use kustomize_krm_types::{FunctionSpec, annotations};
use serde::Deserialize;

use super::inputs::ConfigText;

/// Fields of a kustomization that lead to other files and folders.
const LISTS: [&str; 6] = [
    "resources",
    "bases",
    "components",
    "transformers",
    "validators",
    "generators",
];

/// Names under which kustomize finds a kustomization.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The files below an overlay that ask for a function as an executable.
pub(super) fn executables(directory: &Path) -> Vec<PathBuf> {
    let mut search = Search::default();
    search.visit_folder(directory);
    search.executables
}

/// The config that kustomize hands over, from the file that it was read from; nothing where a patch has changed it since.
pub(super) fn config_file(directory: &Path, handed: Node<'_>) -> Option<ConfigText> {
    let spec = |root: Node<'_>| serde_json::to_value(root.get("spec")?.value().ok()?).ok();
    let wanted = spec(handed)?;
    let mut search = Search::default();
    search.visit_folder(directory);
    let texts = search.configs.into_iter().filter_map(|file| {
        let stream = read(&file)?;
        let name = file.to_string_lossy().into_owned();
        Some(ConfigText { name, stream })
    });
    texts.into_iter().find(|text| {
        let mut roots = text.stream.documents().map(|document| document.root());
        roots.next().and_then(spec).as_ref() == Some(&wanted) && roots.next().is_none()
    })
}

/// The files in any overlay of a folder that ask for a function as an executable.
pub(super) fn executables_below(folder: &Path) -> Vec<PathBuf> {
    let mut search = Search::default();
    let mut walk = ignore::WalkBuilder::new(folder);
    let walk = walk.require_git(false).sort_by_file_path(Path::cmp);
    for entry in walk.build().flatten() {
        let path = entry.path();
        let is_kustomization = path
            .file_name()
            .is_some_and(|name| NAMES.iter().any(|known| name == *known));
        if let Some(folder) = path.parent().filter(|_| is_kustomization) {
            search.visit_folder(folder.strip_prefix(".").unwrap_or(folder));
        }
    }
    search.executables
}

#[derive(Default)]
struct Search {
    seen: HashSet<PathBuf>,
    /// Files that ask for a function as an executable.
    executables: Vec<PathBuf>,
    /// Files with a config of ours.
    configs: Vec<PathBuf>,
}

impl Search {
    fn visit_folder(&mut self, folder: &Path) {
        let is_new = self
            .seen
            .insert(folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
        let Some(file) = NAMES
            .iter()
            .map(|name| folder.join(name))
            .find(|file| file.is_file() && is_new)
        else {
            return;
        };
        let Some(stream) = read(&file) else { return };
        for root in stream.documents().map(|document| document.root()) {
            if patches_in_an_executable(root) {
                self.executables.push(file.clone());
            }
            for entry in LISTS
                .iter()
                .flat_map(|list| root.items_at([list]))
                .filter_map(Node::text)
            {
                let path = joined(folder, &entry);
                if path.is_dir() {
                    self.visit_folder(&path);
                } else if path.is_file() {
                    self.visit_file(&path);
                } else if let Ok(inline) = Stream::parse(entry) {
                    self.note_functions(&inline, &file);
                }
            }
        }
    }

    fn visit_file(&mut self, file: &Path) {
        if let Some(stream) = read(file) {
            self.note_functions(&stream, file);
            let is_config = |root: Node<'_>| root.text_at(["kind"]).as_deref() == Some(KIND);
            if stream
                .documents()
                .any(|document| is_config(document.root()))
            {
                self.configs.push(file.to_owned());
            }
        }
    }

    fn note_functions(&mut self, stream: &Stream, file: &Path) {
        let is_executable = |root: Node<'_>| {
            let function = root.text_at(["metadata", "annotations", annotations::FUNCTION]);
            function.is_some_and(|function| is_executable(&function))
        };
        if stream
            .documents()
            .any(|document| is_executable(document.root()))
        {
            self.executables.push(file.to_owned());
        }
    }
}

/// A path below a folder, with each `..` taken back where that is plain.
fn joined(folder: &Path, entry: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in Path::new(entry).components() {
        match part {
            Component::ParentDir
                if matches!(path.components().next_back(), Some(Component::Normal(_))) =>
            {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path
}

fn read(file: &Path) -> Option<Stream> {
    Stream::from_bytes(std::fs::read(file).ok()?).ok()
}

/// Whether a kustomization patches a function's annotation into the form `exec:`.
fn patches_in_an_executable(kustomization: Node<'_>) -> bool {
    let patches = kustomization.items_at(["patches"]);
    let texts = patches.filter_map(|patch| patch.text_at(["patch"]));
    texts.into_iter().any(|patch| {
        let operations: Vec<Operation> = serde_yaml::from_str(&patch).unwrap_or_default();
        let is_function =
            |operation: &&Operation| operation.path.ends_with("config.kubernetes.io~1function");
        let value = |operation: &Operation| operation.value.as_ref()?.as_str().map(is_executable);
        operations
            .iter()
            .filter(is_function)
            .any(|operation| value(operation) == Some(true))
    })
}

/// An operation of a JSON patch (RFC 6902), as far as it matters here.
#[derive(Debug, Deserialize)]
struct Operation {
    path: String,
    value: Option<serde_yaml::Value>,
}

/// Whether a function's annotation asks for an executable; of both forms kustomize takes the container.
fn is_executable(annotation: &str) -> bool {
    let function: Option<FunctionSpec> = serde_yaml::from_str(annotation).ok();
    function.is_some_and(|function| function.exec.is_some() && function.container.is_none())
}

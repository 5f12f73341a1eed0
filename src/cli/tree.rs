//! The files that an overlay is made of, as kustomize would find them: which function it would leave out without a word,
//! and which file a config comes from.
//!
//! A function whose annotation has the form `exec:` runs only with `--enable-exec`, which `-k` does not give and kubectl does
//! not have; without it kustomize leaves the function out, with exit code 0. So they are looked for, and named. And
//! kustomize hands a config over re-encoded, without the lines that a person could look up; so its file is looked for too,
//! and the patches that change it on the way.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use fitout::config::{KIND, Patch, Sources, Text};
use fitout::yaml::{Kind, Node, Position, Stream};
use jsonptr::PointerBuf;
use kustomize_krm_types::{FunctionSpec, annotations};

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

/// The files that the configs of an overlay may come from, and what is patched in them.
pub(super) fn sources(directory: &Path) -> Sources {
    let mut search = Search::default();
    search.visit_folder(directory);
    let text = |file: PathBuf| {
        let stream = read(&file)?;
        let name = file.to_string_lossy().into_owned();
        Some(Text { name, stream })
    };
    Sources {
        configs: search.configs.into_iter().filter_map(text).collect(),
        patches: search.patches,
    }
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
    /// What kustomizations patch, the outermost first.
    patches: Vec<Patch>,
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
            let patches = patches_of(root, folder, &file);
            if patches.iter().any(is_executable_patched_in) {
                self.executables.push(file.clone());
            }
            self.patches.extend(patches);
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

/// The values that a kustomization patches into its resources.
fn patches_of(kustomization: Node<'_>, folder: &Path, file: &Path) -> Vec<Patch> {
    let lists = ["patches", "patchesJson6902", "patchesStrategicMerge"];
    let entries = lists.iter().flat_map(|list| kustomization.items_at([list]));
    let mut patches = Vec::new();
    for entry in entries {
        // An entry of patchesStrategicMerge is itself a patch or its file.
        let inline = entry.get("patch").or(entry.is_scalar().then_some(entry));
        let path = entry.text_at(["path"]).or_else(|| entry.text());
        let file_of_patch = path.map(|path| joined(folder, &path));
        let file_of_patch = file_of_patch.filter(|file| file.is_file());
        if let Some((file, stream)) = file_of_patch.and_then(|it| Some((it.clone(), read(&it)?))) {
            collect_patches(&stream, &file, |position| position, &mut patches);
        } else if let Some(inline) = inline
            && let Some(stream) = inline.text().and_then(|text| Stream::parse(text).ok())
        {
            let start = inline.position();
            let has_lines = [Kind::Literal, Kind::Folded].contains(&inline.kind());
            let position = |inner: Position| match has_lines {
                true => Position {
                    line: start.line + inner.line,
                    column: 1,
                },
                false => start,
            };
            collect_patches(&stream, file, position, &mut patches);
        }
    }
    patches
}

/// The values in a patch: of its operations (RFC 6902), or what a strategic merge patch sets.
fn collect_patches(
    patch: &Stream,
    file: &Path,
    position: impl Fn(Position) -> Position,
    patches: &mut Vec<Patch>,
) {
    let json = |node: Node<'_>| serde_json::to_value(node.value().ok()?).ok();
    let mut add = |path: Vec<String>, value, node: Node<'_>| {
        patches.push(Patch {
            path,
            value,
            file: file.to_string_lossy().into_owned(),
            position: position(node.position()),
        });
    };
    for root in patch.documents().map(|document| document.root()) {
        for operation in root.items() {
            let path = operation.text_at(["path"]).unwrap_or_default();
            if let Ok(path) = PointerBuf::parse(path.into_owned()) {
                let tokens = path.tokens().map(|token| token.decoded().into_owned());
                let value = operation.get("value").and_then(json);
                add(tokens.collect(), value, operation);
            }
        }
        let mut open = vec![(Vec::new(), root, root)];
        while let Some((path, key, node)) = open.pop() {
            if !node.is_map() {
                if !path.is_empty() {
                    add(path, json(node), key);
                }
                continue;
            }
            for (key, value) in node.entries() {
                let name = key.text().unwrap_or_default().into_owned();
                let path = path.iter().cloned().chain([name]).collect();
                open.push((path, key, value));
            }
        }
    }
}

/// Whether a patch gives a function's annotation the form `exec:`.
fn is_executable_patched_in(patch: &Patch) -> bool {
    let value = patch.value.as_ref().and_then(serde_json::Value::as_str);
    patch.path.last().map(String::as_str) == Some(annotations::FUNCTION)
        && value.is_some_and(is_executable)
}

/// Whether a function's annotation asks for an executable; of both forms kustomize takes the container.
fn is_executable(annotation: &str) -> bool {
    let function: Option<FunctionSpec> = serde_yaml::from_str(annotation).ok();
    function.is_some_and(|function| function.exec.is_some() && function.container.is_none())
}

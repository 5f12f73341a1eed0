//! Finds the files of an overlay as kustomize does: executable functions that kustomize would skip, and the files of configs.
//!
//! A function with the annotation `exec:` runs only with `--enable-exec`, which `-k` does not pass and kubectl does not have.
//! Without it kustomize skips the function and exits with 0. kustomize also re-encodes configs, so their line numbers come
//! from the files and patches that are found here.

mod fields;
mod named;
mod plugins;
mod reading;
mod unbuilt;

use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use fitout::config::{KIND, Patch, Sources, Text};
use fitout::sorting;
use fitout::yaml::{Kind, Node, Position, Stream};
use jsonptr::PointerBuf;
use kustomize_krm_types::{FunctionSpec, annotations};

pub(super) use fields::{fields, items, text, texts};
pub(super) use named::{Named, View};
pub(super) use plugins::is_fitout;
pub(super) use reading::{read, read_text};

/// Fields of a kustomization that list files and folders of objects.
pub(super) const RESOURCES: [&str; 3] = ["resources", "bases", "components"];

/// Fields of a kustomization that list files and folders of functions.
pub(super) const FUNCTIONS: [&str; 3] = ["transformers", "validators", "generators"];

/// File names of a kustomization.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The number of files and folders that a search looks at before it gives up.
const MAX_LOOKED_AT: usize = 10_000;

/// Whether this is the name of a kustomization.
pub(super) fn is_kustomization(name: &OsStr) -> bool {
    NAMES.iter().any(|known| name == *known)
}

/// The kustomization of a folder.
pub(super) fn kustomization_in(folder: &Path) -> Option<PathBuf> {
    let mut files = kustomizations_of(folder);
    files.find(|file| file.is_file())
}

/// Where the kustomization of a folder can be.
pub(super) fn kustomizations_of(folder: &Path) -> impl Iterator<Item = PathBuf> {
    NAMES.iter().map(|name| folder.join(name))
}

/// Whether a folder is a Helm chart: Helm requires these two fields.
pub(super) fn is_chart(folder: &Path) -> bool {
    read(&folder.join("Chart.yaml")).is_some_and(|it| is_of_chart(&it))
}

/// Whether this is the `Chart.yaml` of a Helm chart.
pub(super) fn is_of_chart(stream: &Stream) -> bool {
    let mut roots = stream.documents().map(|document| document.root());
    let has = |root: Node<'_>, key| root.text_at([key]).is_some_and(|text| !text.is_empty());
    roots.any(|root| has(root, "apiVersion") && has(root, "name"))
}

/// The folder that searches from a canonical folder do not leave: the root of its repository, or the folder with `fn-config/`,
/// or the working directory.
pub(super) fn root_of(folder: &Path) -> PathBuf {
    if let Some(root) = folder.ancestors().find(|it| is_project(it)) {
        return root.to_owned();
    }
    let working = std::env::current_dir().and_then(|it| it.canonicalize());
    match working {
        Ok(working) if folder.starts_with(&working) => working,
        _ => folder.to_owned(),
    }
}

fn is_project(folder: &Path) -> bool {
    folder.join(".git").exists() || folder.join("fn-config").is_dir()
}

/// The files of an overlay that configure an executable function.
pub(super) fn executables(directory: &Path) -> Vec<PathBuf> {
    let mut search = Search::from(directory);
    search.visit_folder(directory);
    search.executables
}

/// The config files of an overlay, and all patches.
pub(super) fn sources(directory: &Path) -> Sources {
    let mut search = Search::from(directory);
    search.visit_folder(directory);
    Sources {
        configs: search.configs,
        patches: search.patches,
    }
}

/// The files of all overlays in a folder that configure an executable function.
pub(super) fn executables_below(folder: &Path) -> Vec<PathBuf> {
    let mut search = Search::from(folder);
    for file in kustomizations_below(folder) {
        let folder = file.parent().unwrap_or(Path::new(""));
        search.visit_folder(folder.strip_prefix(".").unwrap_or(folder));
    }
    search.executables
}

/// Whether there is a kustomization in a folder or below it, besides those of the configs.
pub(super) fn has_kustomizations(folder: &Path) -> bool {
    let files = kustomizations_below(folder);
    let is_of_config = |it: &PathBuf| it.components().any(|it| it.as_os_str() == "fn-config");
    files.iter().any(|it| !is_of_config(it))
}

/// The kustomizations in a folder and those below it, the uppermost first. Hidden folders and links are left out.
pub(super) fn kustomizations_below(folder: &Path) -> Vec<PathBuf> {
    files_below(folder, is_kustomization)
}

/// The files with these names in a folder and those below it, the uppermost first. Hidden folders and links are left out.
pub(super) fn files_below(folder: &Path, is_named: impl Fn(&OsStr) -> bool) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = VecDeque::from([folder.to_owned()]);
    let mut looked_at = 0;
    while let Some(folder) = folders.pop_front().filter(|_| looked_at < MAX_LOOKED_AT) {
        let entries = match folder.as_os_str().is_empty() {
            true => std::fs::read_dir("."),
            false => std::fs::read_dir(&folder),
        };
        let entries = entries.into_iter().flatten().flatten();
        let entries = entries.inspect(|_| looked_at += 1);
        let (mut here, mut below) = (Vec::new(), Vec::new());
        for entry in entries {
            let name = entry.file_name();
            let is_visible = !name.as_encoded_bytes().starts_with(b".");
            match entry.file_type() {
                Ok(it) if it.is_dir() && is_visible => below.push(folder.join(name)),
                Ok(it) if !it.is_dir() && is_named(&name) => here.push(folder.join(name)),
                _ => {}
            }
        }
        sorting::sort(&mut here);
        files.extend(here.into_iter().filter(|it| it.is_file()));
        sorting::sort(&mut below);
        folders.extend(below);
    }
    files
}

/// The kustomizations that can name the files of a canonical folder: those above it, and those of its repository, unless that
/// is among `searched`.
pub(super) fn kustomizations_around(
    folder: &Path,
    searched: &mut HashSet<PathBuf>,
) -> Vec<PathBuf> {
    let root = root_of(folder);
    let within = folder.ancestors().take_while(|it| it.starts_with(&root));
    let mut files: Vec<PathBuf> = within.filter_map(kustomization_in).collect();
    if is_project(&root) && searched.insert(root.clone()) {
        files.extend(kustomizations_below(&root));
    }
    files
}

#[derive(Default)]
struct Search {
    /// The folder that the search does not leave.
    root: PathBuf,
    seen: HashSet<PathBuf>,
    /// Files that configure an executable function.
    executables: Vec<PathBuf>,
    /// Files with a fitout config.
    configs: Vec<Text>,
    /// The patches of all kustomizations, the outermost first.
    patches: Vec<Patch>,
}

impl Search {
    fn from(folder: &Path) -> Search {
        let root = folder.canonicalize().map(|folder| root_of(&folder));
        Search {
            root: root.unwrap_or_default(),
            ..Search::default()
        }
    }

    /// Whether a file or folder is in the tree and was not visited before, however it is spelt.
    fn is_new(&mut self, path: &Path) -> bool {
        let canonical = path.canonicalize().ok();
        let inside = canonical.filter(|path| path.starts_with(&self.root));
        inside.is_some_and(|path| self.seen.len() < MAX_LOOKED_AT && self.seen.insert(path))
    }

    fn visit_folder(&mut self, folder: &Path) {
        if !self.is_new(folder) {
            return;
        }
        let Some(file) = kustomization_in(folder) else {
            return;
        };
        let Some(stream) = read(&file) else { return };
        for root in stream.documents().map(|document| document.root()) {
            let patches = patches_of(root, folder, &file, |file| self.is_new(file));
            if patches.iter().any(is_executable_patched_in) {
                self.executables.push(file.clone());
            }
            self.patches.extend(patches);
            let lists = RESOURCES.iter().chain(&FUNCTIONS);
            for entry in lists
                .flat_map(|list| items(root, list))
                .filter_map(Node::text)
            {
                let path = joined(folder, &entry);
                if path.is_dir() {
                    self.visit_folder(&path);
                } else if path.exists() {
                    self.visit_file(path);
                } else if let Ok(inline) = Stream::parse(entry) {
                    self.note_functions(&inline, &file);
                }
            }
        }
    }

    fn visit_file(&mut self, file: PathBuf) {
        if !self.is_new(&file) {
            return;
        }
        let Some(stream) = read(&file) else { return };
        self.note_functions(&stream, &file);
        let is_config = |root: Node<'_>| root.text_at(["kind"]).as_deref() == Some(KIND);
        let mut roots = stream.documents().map(|document| document.root());
        if roots.any(is_config) {
            let name = file.to_string_lossy().into_owned();
            drop(roots);
            self.configs.push(Text { name, stream });
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

/// What a kustomization builds on, and whether it is a part of others.
pub(super) struct Kustomization {
    pub(super) folder: PathBuf,
    /// The folders under `resources`, `bases` and `components`.
    pub(super) folders: Vec<PathBuf>,
    pub(super) is_component: bool,
    /// Whether it lists something under `transformers`.
    pub(super) has_transformers: bool,
    /// Whether it has bases that are not here, or charts.
    pub(super) has_more: bool,
}

impl Kustomization {
    pub(super) fn read(file: &Path) -> Option<Kustomization> {
        let stream = read(file)?;
        let root = stream.documents().next()?.root();
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let entries = RESOURCES.iter().flat_map(|list| items(root, list));
        let paths: Vec<PathBuf> = entries
            .filter_map(Node::text)
            .map(|entry| joined(&folder, &entry))
            .collect();
        let has = |list| items(root, list).next().is_some();
        Some(Kustomization {
            has_more: has("helmCharts") || has("generators") || paths.iter().any(|it| !it.exists()),
            folders: paths.into_iter().filter(|it| it.is_dir()).collect(),
            is_component: text(root, "kind").as_deref() == Some("Component"),
            has_transformers: has("transformers"),
            folder,
        })
    }
}

/// A path below a folder, with each `..` resolved if a folder name precedes it.
pub(super) fn joined(folder: &Path, entry: &str) -> PathBuf {
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

/// The values that the patches of a kustomization set.
pub(super) fn patches_of(
    kustomization: Node<'_>,
    folder: &Path,
    file: &Path,
    mut is_new: impl FnMut(&Path) -> bool,
) -> Vec<Patch> {
    let lists = ["patches", "patchesJson6902", "patchesStrategicMerge"];
    let entries = lists.iter().flat_map(|list| items(kustomization, list));
    let mut patches = Vec::new();
    for entry in entries {
        // An entry of patchesStrategicMerge is the patch or its file.
        let inline = fields(entry, "patch")
            .next()
            .or(entry.is_scalar().then_some(entry));
        let path = text(entry, "path").or_else(|| entry.text());
        let file_of_patch = path.map(|path| joined(folder, &path));
        let file_of_patch = file_of_patch.filter(|file| is_new(file));
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

/// The values that a JSON patch (RFC 6902) or a strategic merge patch sets.
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

/// Whether a patch sets a function annotation with `exec:`.
fn is_executable_patched_in(patch: &Patch) -> bool {
    let value = patch.value.as_ref().and_then(serde_json::Value::as_str);
    patch.path.last().map(String::as_str) == Some(annotations::FUNCTION)
        && value.is_some_and(is_executable)
}

/// Whether a function annotation configures an executable; kustomize prefers the container if it has both.
fn is_executable(annotation: &str) -> bool {
    let function: Option<FunctionSpec> = serde_yaml::from_str(annotation).ok();
    function.is_some_and(|function| function.exec.is_some() && function.container.is_none())
}

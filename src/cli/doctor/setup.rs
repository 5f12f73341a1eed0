//! Looks at the kustomizations, Kptfiles, charts and configs of a folder, for what would not run fitout.

mod functions;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use fitout::config::{self, KIND, Patch};
use fitout::text::Text;
use fitout::yaml::{Node, Stream};
use kustomize_krm_types::annotations;
use serde::Serialize;

use super::super::config_text::ConfigText;
use super::super::inputs::shown;
use super::super::tree::{self, FUNCTIONS, RESOURCES, joined, kustomization_in, patches_of, read};
use super::super::{Color, Verbosity};
use fitout::sorting;

/// Something about the folder.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Observation {
    /// Problems come first.
    level: Level,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    help: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Problem,
    Note,
}

impl Observation {
    pub(super) fn is_problem(&self) -> bool {
        self.level == Level::Problem
    }

    pub(super) fn write(&self, text: &mut Text) {
        let level = match self.level {
            Level::Problem => "! problem",
            Level::Note => "  note",
        };
        text.line(format_args!("{level}: {}", self.message));
        let line = self.line.map_or(String::new(), |line| format!(":{line}"));
        text.line(format_args!("    --> {}{line}", self.path));
        if !self.help.is_empty() {
            text.line(format_args!("    = help: {}", self.help));
        }
    }
}

/// A config that a kustomization lists as a function, as the patches on the way leave it.
struct Function {
    /// The kustomization that lists it, whose folder relative paths begin at.
    kustomization: PathBuf,
    line: usize,
    /// `transformers`, `validators` or `generators`.
    list: &'static str,
    file: PathBuf,
    annotation: Option<String>,
    mode: Option<String>,
}

/// Observes a folder.
pub(super) fn observe(folder: &Path) -> Vec<Observation> {
    // Paths in messages are as short as the user's.
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    let mut setup = Setup::default();
    let files = tree::files_below(folder, |_| true);
    for file in files.iter().filter(|it| named(it, tree::is_kustomization)) {
        setup.read_kustomization(file);
    }
    for function in std::mem::take(&mut setup.functions) {
        setup.check_function(&function);
    }
    for file in &files {
        if named(file, |name| name == "Kptfile") {
            setup.check_kptfile(file);
        } else if named(file, |name| name == "Chart.yaml") {
            setup.note_chart(file);
        } else if is_yaml(file) {
            setup.check_config(file);
        }
    }
    setup.note_others();
    setup.note_overlays_without();
    sorting::sort(&mut setup.observations);
    setup.observations.dedup();
    setup.observations
}

fn named(file: &Path, is: impl Fn(&OsStr) -> bool) -> bool {
    file.file_name().is_some_and(is)
}

fn is_yaml(file: &Path) -> bool {
    let extension = file.extension();
    extension.is_some_and(|it| it == "yaml" || it == "yml")
}

/// Whether -e finds a config in this place: `fn-config/NAME/fitout.yaml` or `fn-config/fitout.yaml`.
fn is_found_by_name(file: &Path) -> bool {
    let mut folders = file.ancestors().skip(1).take(2);
    file.ends_with("fitout.yaml") && folders.any(|it| it.ends_with("fn-config"))
}

fn is_config(root: Node<'_>) -> bool {
    let version = root.text_at(["apiVersion"]).unwrap_or_default();
    root.text_at(["kind"]).as_deref() == Some(KIND) && version == config::API_VERSION
}

#[derive(Default)]
struct Setup {
    observations: Vec<Observation>,
    functions: Vec<Function>,
    /// The folders that each folder of a kustomization builds on, and whether it is a component.
    overlays: Vec<(PathBuf, Vec<PathBuf>, bool)>,
    /// The folders whose kustomization lists a config of fitout.
    fitted: HashSet<PathBuf>,
    /// The configs that something lists.
    listed: HashSet<PathBuf>,
    /// Configs that nothing lists, in a place where -e does not look.
    others: Vec<PathBuf>,
}

impl Setup {
    fn add(
        &mut self,
        level: Level,
        (file, line): (&Path, Option<usize>),
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.observations.push(Observation {
            level,
            path: shown(file),
            line,
            message: message.into(),
            help: help.into(),
        });
    }

    fn read_kustomization(&mut self, file: &Path) {
        let Some(stream) = read(file) else { return };
        let folder = file.parent().unwrap_or(Path::new(""));
        let (mut built_on, mut is_component) = (Vec::new(), false);
        for root in stream.documents().map(|it| it.root()) {
            is_component |= tree::text(root, "kind").as_deref() == Some("Component");
            for entry in RESOURCES.iter().flat_map(|list| tree::items(root, list)) {
                let path = entry.text().map(|it| joined(folder, &it));
                built_on.extend(path.and_then(|it| it.canonicalize().ok()));
            }
            for list in FUNCTIONS {
                for entry in tree::items(root, list) {
                    let before = self.functions.len();
                    self.read_function(entry, list, file, folder);
                    if self.functions.len() > before {
                        self.fitted.extend(folder_of(folder));
                    }
                }
            }
        }
        if let Some(folder) = folder_of(folder) {
            self.overlays.push((folder, built_on, is_component));
        }
    }

    /// The configs of an entry of `transformers`: a file, a folder with a kustomization, or a text.
    fn read_function(&mut self, entry: Node<'_>, list: &'static str, file: &Path, folder: &Path) {
        let Some(text) = entry.text() else { return };
        let path = joined(folder, &text);
        let mut found = Vec::new();
        if path.exists() {
            collect(&path, &[], &mut HashSet::new(), &mut found);
        } else if let Ok(stream) = Stream::parse(text) {
            found.extend(configs_in(&stream, file, &[]));
        }
        for (config, annotation, mode) in found {
            self.listed.extend(config.canonicalize());
            self.functions.push(Function {
                kustomization: file.to_owned(),
                line: entry.position().line,
                list,
                file: config,
                annotation,
                mode,
            });
        }
    }

    fn note_chart(&mut self, file: &Path) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let is_part = folder
            .ancestors()
            .skip(1)
            .any(|it| it.join("Chart.yaml").is_file());
        if tree::is_chart(folder) && !is_part {
            let message =
                "Helm applies this chart without fitout, unless each command has --post-renderer";
            let help = "`fitout helm-plugin install`, then `--post-renderer fitout`";
            self.add(Level::Note, (file, None), message, help);
        }
    }

    /// Whether a config can be read, and is listed anywhere.
    fn check_config(&mut self, file: &Path) {
        let Some(stream) = read(file) else { return };
        let mut roots = stream.documents().map(|it| it.root());
        if !roots.any(is_config) {
            return;
        }
        drop(roots);
        let is_listed = file
            .canonicalize()
            .is_ok_and(|it| self.listed.contains(&it));
        if !is_listed && !is_found_by_name(file) {
            self.others.push(file.to_owned());
            return;
        }
        let verbosity = Verbosity::with_color(Color::Never);
        let problems = match ConfigText::of(file, &verbosity) {
            Ok(text) => text.mistakes(&verbosity),
            Err(failure) => failure.problems,
        };
        for problem in problems {
            let place = problem.place.as_ref();
            let line = place.map(|place| place.position.line);
            let message = format!("[{}] {}", problem.id, problem.message);
            self.add(
                Level::Problem,
                (file, line),
                message,
                problem.help.unwrap_or_default(),
            );
        }
        if !is_listed && !self.overlays.is_empty() {
            let message =
                "no kustomization lists this config: only the command line uses it, with -e";
            self.add(Level::Note, (file, None), message, "");
        }
    }

    /// Configs that only -c can name.
    fn note_others(&mut self) {
        let Some(first) = self.others.first().cloned() else {
            return;
        };
        let message = match self.others.len() - 1 {
            0 => "nothing lists this config: only -c uses it".to_owned(),
            more => format!("nothing lists this config and {more} more: only -c uses them"),
        };
        self.add(Level::Note, (&first, None), message, "");
    }

    /// Overlays whose build is not fitted, where others are.
    fn note_overlays_without(&mut self) {
        if self.fitted.is_empty() {
            return;
        }
        let overlays = std::mem::take(&mut self.overlays);
        let by_folder: HashMap<&Path, &[PathBuf]> = overlays
            .iter()
            .map(|(folder, built_on, _)| (folder.as_path(), built_on.as_slice()))
            .collect();
        // What others build on is not built by itself.
        let parts: BTreeSet<&PathBuf> = overlays.iter().flat_map(|it| &it.1).collect();
        let working = std::env::current_dir().unwrap_or_default();
        for (folder, _, is_component) in &overlays {
            if *is_component || parts.contains(folder) {
                continue;
            }
            let (mut open, mut seen) = (vec![folder.as_path()], HashSet::new());
            let (mut is_fitted, mut has_objects) = (false, false);
            while let Some(path) = open.pop() {
                if !seen.insert(path) {
                    continue;
                }
                is_fitted |= self.fitted.contains(path);
                has_objects |= path.is_file() && !self.listed.contains(path);
                let below = by_folder.get(path).copied().unwrap_or_default();
                open.extend(below.iter().map(PathBuf::as_path));
            }
            if !is_fitted && has_objects {
                let file = kustomization_in(folder).unwrap_or_else(|| folder.clone());
                let file = file.strip_prefix(&working).unwrap_or(&file).to_owned();
                let message = "this build does not run fitout: neither it nor what it builds on lists a config";
                let help = "list a config under `transformers`";
                self.add(Level::Note, (&file, None), message, help);
            }
        }
    }
}

fn folder_of(folder: &Path) -> Option<PathBuf> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    folder.canonicalize().ok()
}

/// A config, its annotation and its mode.
type Config = (PathBuf, Option<String>, Option<String>);

/// The configs of a file, or of a kustomization and what it builds on. `patches` are those of the kustomizations around it, the
/// outermost first.
fn collect(path: &Path, patches: &[Patch], seen: &mut HashSet<PathBuf>, found: &mut Vec<Config>) {
    let is_new = path.canonicalize().is_ok_and(|it| seen.insert(it));
    if !is_new {
        return;
    }
    if path.is_file() {
        let stream = read(path);
        found.extend(stream.iter().flat_map(|it| configs_in(it, path, patches)));
        return;
    }
    let Some((file, stream)) = kustomization_in(path).and_then(|it| Some((it.clone(), read(&it)?)))
    else {
        return;
    };
    for root in stream.documents().map(|it| it.root()) {
        let own = patches_of(root, path, &file, |_| true);
        let all: Vec<Patch> = patches.iter().cloned().chain(own).collect();
        for entry in RESOURCES.iter().flat_map(|list| tree::items(root, list)) {
            if let Some(entry) = entry.text() {
                collect(&joined(path, &entry), &all, seen, found);
            }
        }
    }
}

fn configs_in<'a>(
    stream: &'a Stream,
    file: &'a Path,
    patches: &'a [Patch],
) -> impl Iterator<Item = Config> + 'a {
    let roots = stream.documents().map(|it| it.root());
    let annotation = ["metadata", "annotations", annotations::FUNCTION];
    let own = move |root: Node<'_>, path: &[&str]| {
        root.text_at(path.iter().copied()).map(|it| it.into_owned())
    };
    let is_ours = move |root: &Node<'_>| {
        let names_fitout = || own(*root, &annotation).is_some_and(|it| it.contains("fitout"));
        is_config(*root) || root.text_at(["kind"]).as_deref() == Some("ConfigMap") && names_fitout()
    };
    roots.filter(is_ours).map(move |root| {
        let value = |path: &[&str]| {
            let patch = patches.iter().find(|it| it.path == path);
            match patch {
                Some(patch) => patch.value.as_ref()?.as_str().map(str::to_owned),
                None => own(root, path),
            }
        };
        (
            file.to_owned(),
            value(&annotation),
            value(&["spec", "mode"]),
        )
    })
}

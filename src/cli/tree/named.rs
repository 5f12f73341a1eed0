//! The files that kustomizations name.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use fitout::config::Unbuilt;
use fitout::report::FileReason;
use fitout::yaml::{Node, Stream};

use super::plugins::Plugins;
use super::unbuilt::unbuilt;
use super::{FUNCTIONS, RESOURCES, fields, items, joined, read, text, texts};

/// Files as they are, or as they were.
#[derive(Clone, Copy)]
pub(in crate::cli) struct View<'v> {
    pub(in crate::cli) read: &'v dyn Fn(&Path) -> Option<Stream>,
    /// The path of a file without links.
    pub(in crate::cli) locate: &'v dyn Fn(&Path) -> Option<PathBuf>,
}

/// The files that kustomizations name, by their canonical path. kustomize applies only `resources` as they are.
#[derive(Debug, Default)]
pub(in crate::cli) struct Named {
    resources: HashSet<PathBuf>,
    others: HashMap<PathBuf, FileReason>,
    /// The ConfigMaps and Secrets that they generate.
    pub(in crate::cli) generated: fitout::hashing::HashSet<String>,
    /// What only a build has, by kustomization.
    unbuilt: HashMap<PathBuf, Vec<Unbuilt>>,
}

impl Named {
    /// The files that these kustomizations name.
    pub(in crate::cli) fn by(kustomizations: &[PathBuf]) -> Named {
        Named::seen(
            kustomizations,
            View {
                read: &read,
                locate: &|file| file.canonicalize().ok(),
            },
        )
    }

    /// The same for files in a view.
    pub(in crate::cli) fn seen(kustomizations: &[PathBuf], view: View<'_>) -> Named {
        let mut named = Named::default();
        let mut seen = HashSet::new();
        let mut plugins = Plugins::seen(view);
        for file in kustomizations {
            let located = (view.locate)(file).filter(|file| seen.insert(file.clone()));
            if let Some((located, stream)) = located.and_then(|it| Some((it, (view.read)(file)?))) {
                let folder = file.parent().unwrap_or(Path::new(""));
                for document in stream.documents() {
                    named.add(document.root(), folder, view, &mut plugins);
                    let unbuilt = unbuilt(document.root(), folder, &mut plugins);
                    named
                        .unbuilt
                        .entry(located.clone())
                        .or_default()
                        .extend(unbuilt);
                }
            }
        }
        named
    }

    /// Why a file is not a file of objects; `None` if it may be.
    pub(in crate::cli) fn reason(&self, file: &Path) -> Option<FileReason> {
        let reason = self.others.get(file).copied();
        reason.filter(|_| !self.resources.contains(file))
    }

    /// Whether a file is named under `resources`.
    pub(in crate::cli) fn is_resource(&self, file: &Path) -> bool {
        self.resources.contains(file)
    }

    /// What only builds of these kustomizations have; each has its path for messages, and its canonical one.
    pub(in crate::cli) fn unbuilt(&self, files: &[(String, PathBuf)]) -> Vec<Unbuilt> {
        let mut seen = HashSet::new();
        let files = files.iter().filter(|(_, path)| seen.insert(path));
        let found = files.flat_map(|(name, path)| {
            let found = self.unbuilt.get(path).into_iter().flatten().cloned();
            found.map(|it| Unbuilt {
                file: name.as_str().into(),
                ..it
            })
        });
        found.collect()
    }

    fn add(&mut self, root: Node<'_>, folder: &Path, view: View<'_>, plugins: &mut Plugins<'_>) {
        let file = |entry: &str| (view.locate)(&joined(folder, entry));
        for list in RESOURCES {
            let files = texts(root, list);
            self.resources
                .extend(files.iter().filter_map(|it| file(it)));
        }
        let mut others = Vec::new();
        let mut add = |entries: Vec<String>, reason: FileReason| {
            others.extend(entries.into_iter().map(|entry| (entry, reason)));
        };
        // Before kustomize 5 a patch under `patches` could be only a file.
        for list in ["patchesStrategicMerge", "patches"] {
            add(texts(root, list), FileReason::Patch);
        }
        for (list, key, reason) in [
            ("patches", "path", FileReason::Patch),
            ("patchesJson6902", "path", FileReason::Patch),
            ("replacements", "path", FileReason::Package),
            ("helmCharts", "valuesFile", FileReason::Package),
            ("helmCharts", "additionalValuesFiles", FileReason::Package),
            ("helmChartInflationGenerator", "values", FileReason::Package),
        ] {
            for entry in items(root, list) {
                add(texts(entry, key), reason);
            }
        }
        for list in ["configMapGenerator", "secretGenerator"] {
            for generator in items(root, list) {
                self.generated
                    .extend(text(generator, "name").map(Cow::into_owned));
                for key in ["files", "envs", "env"] {
                    add(texts(generator, key), FileReason::Package);
                }
            }
        }
        for list in FUNCTIONS.iter().chain(&["configurations", "crds"]) {
            add(texts(root, list), FileReason::Package);
        }
        for openapi in fields(root, "openapi") {
            add(texts(openapi, "path"), FileReason::Package);
        }
        others.extend(plugins.entries(root, folder));
        for (entry, reason) in others {
            // A generator can rename a file: `key=file`.
            let entry = entry.rsplit_once('=').map_or(entry.as_str(), |it| it.1);
            if let Some(file) = file(entry) {
                let known = self.others.entry(file).or_insert(reason);
                // Who lists a file twice most likely means the patch.
                *known = (*known).max(reason);
            }
        }
    }
}

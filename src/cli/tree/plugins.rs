//! The files that the built-in plugins of kustomizations name, such as the patch of a `PatchTransformer`.
//!
//! An entry of `transformers` is the plugin itself, its file, or a folder with a kustomization that builds it. The paths in a
//! plugin are relative to the kustomization that lists it (`configureExternalTransformers` in kustomize
//! `api/internal/target/kusttarget.go`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use fitout::report::FileReason;
use fitout::yaml::{Node, Stream};

use super::unbuilt::{Effect, of_generator, of_transformer};
use super::{FUNCTIONS, RESOURCES, View, items, joined, kustomizations_of, texts};

/// More kustomizations below one another are not followed: they may be a circle.
const DEEPEST: usize = 16;

/// Whether an image or a program is fitout.
pub(in crate::cli) fn is_fitout(program: &str) -> bool {
    let program = program.split([' ', '@']).next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    name.split(':').next() == Some("fitout")
}

/// What the plugins of an entry name and do.
#[derive(Default)]
pub(super) struct Plugin {
    /// The entries that they name, with the reasons why these files have no objects to fit.
    files: Vec<(String, FileReason)>,
    /// What they do in `generators`. What cannot be read may be anything.
    pub(super) generates: Option<Effect>,
    /// What they do in `transformers`.
    pub(super) transforms: Option<Effect>,
    /// Their text, if it is not that of the entry.
    pub(super) text: String,
}

/// The plugins of the entries of kustomizations. Most overlays have the same ones, which are read once.
pub(super) struct Plugins<'v> {
    view: View<'v>,
    known: HashMap<PathBuf, Rc<Plugin>>,
}

impl<'v> Plugins<'v> {
    pub(super) fn seen(view: View<'v>) -> Plugins<'v> {
        Plugins {
            view,
            known: HashMap::new(),
        }
    }

    /// The entries that the plugins of a kustomization in a folder name.
    pub(super) fn entries(
        &mut self,
        kustomization: Node<'_>,
        folder: &Path,
    ) -> Vec<(String, FileReason)> {
        let entries = FUNCTIONS.iter().flat_map(|list| texts(kustomization, list));
        let files = entries.flat_map(|entry| self.of(&entry, folder).files.clone());
        files.collect()
    }

    /// The text of a file that a kustomization names.
    pub(super) fn file(&self, entry: &str, folder: &Path) -> Option<Stream> {
        (self.view.read)(&joined(folder, entry))
    }

    /// The plugins of an entry.
    pub(super) fn of(&mut self, entry: &str, folder: &Path) -> Rc<Plugin> {
        if inline(entry).is_some() {
            return Rc::new(self.read(entry, folder));
        }
        let path = joined(folder, entry);
        if let Some(known) = self.known.get(&path) {
            return Rc::clone(known);
        }
        let plugin = Rc::new(self.read(entry, folder));
        self.known.insert(path, Rc::clone(&plugin));
        plugin
    }

    fn read(&self, entry: &str, folder: &Path) -> Plugin {
        let mut plugin = Plugin::default();
        let mut is_read = false;
        each_object(entry, (folder, self.view), DEEPEST, &mut |object| {
            is_read = true;
            plugin.text += &object.stream().text()[object.span()];
            if object.text_at(["apiVersion"]).as_deref() == Some("builtin") {
                add(object, &mut plugin.files);
            }
            plugin.generates = plugin.generates.max(of_generator(object));
            plugin.transforms = plugin.transforms.max(of_transformer(object));
        });
        if !is_read {
            plugin.generates = Some(Effect::Adds);
            plugin.transforms = Some(Effect::Changes);
        }
        plugin
    }
}

/// An entry that is the object itself.
fn inline(entry: &str) -> Option<Stream> {
    let stream = Stream::parse(entry.to_owned()).ok();
    stream.filter(|it| it.documents().any(|it| it.root().is_map()))
}

/// Calls `look` with each object of an entry of `transformers` or `resources`.
fn each_object(
    entry: &str,
    (folder, view): (&Path, View<'_>),
    depth: usize,
    look: &mut impl FnMut(Node<'_>),
) {
    let path = joined(folder, entry);
    if let Some(stream) = inline(entry).or_else(|| (view.read)(&path)) {
        stream.documents().for_each(|it| look(it.root()));
        return;
    }
    let mut files = kustomizations_of(&path);
    let kustomization = files.find_map(|file| (view.read)(&file));
    let Some((kustomization, depth)) = kustomization.zip(depth.checked_sub(1)) else {
        return;
    };
    for document in kustomization.documents() {
        let lists = RESOURCES.iter();
        for entry in lists.flat_map(|list| texts(document.root(), list)) {
            each_object(&entry, (&path, view), depth, look);
        }
    }
}

fn add(plugin: Node<'_>, entries: &mut Vec<(String, FileReason)>) {
    let kind = plugin.text_at(["kind"]).unwrap_or_default();
    let reason = match kind.starts_with("Patch") {
        true => FileReason::Patch,
        false => FileReason::Package,
    };
    let replacements = items(plugin, "replacements");
    for of in std::iter::once(plugin).chain(replacements) {
        for key in [
            "path", "paths", "files", "envs", "env", "valuesFile", "additionalValuesFiles",
        ] {
            entries.extend(texts(of, key).into_iter().map(|entry| (entry, reason)));
        }
    }
}

//! The files that the built-in plugins of kustomizations name, such as the patch of a `PatchTransformer`.
//!
//! An entry of `transformers` is the plugin itself, its file, or a folder with a kustomization that builds it. The paths in a
//! plugin are relative to the kustomization that lists it (`configureExternalTransformers` in kustomize
//! `api/internal/target/kusttarget.go`).

use std::path::Path;

use fitout::report::FileReason;
use fitout::yaml::{Node, Stream};

use super::{FUNCTIONS, RESOURCES, View, items, joined, kustomizations_of, texts};

/// More kustomizations below one another are not followed: they may be a circle.
pub(super) const DEEPEST: usize = 16;

/// The entries that the plugins of a kustomization in a folder name, with the reasons why these files have no objects to fit.
pub(super) fn entries(
    kustomization: Node<'_>,
    folder: &Path,
    view: View<'_>,
) -> Vec<(String, FileReason)> {
    let mut entries = Vec::new();
    let lists = FUNCTIONS.iter();
    for entry in lists.flat_map(|list| texts(kustomization, list)) {
        each_object(&entry, (folder, view), DEEPEST, &mut |object| {
            if object.text_at(["apiVersion"]).as_deref() == Some("builtin") {
                add(object, &mut entries);
            }
        });
    }
    entries
}

/// Calls `look` with each object of an entry of `transformers` or `resources`.
pub(super) fn each_object(
    entry: &str,
    (folder, view): (&Path, View<'_>),
    depth: usize,
    look: &mut impl FnMut(Node<'_>),
) {
    let inline = Stream::parse(entry.to_owned()).ok();
    let inline = inline.filter(|it| it.documents().any(|it| it.root().is_map()));
    let path = joined(folder, entry);
    if let Some(stream) = inline.or_else(|| (view.read)(&path)) {
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

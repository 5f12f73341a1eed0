//! The modes of a section's fields, and the paths that name them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::finding::Mode;

/// The fields that every section has.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub(super) struct Modes {
    pub(super) mode: Option<Mode>,
    pub(super) modes: BTreeMap<String, Mode>,
}

/// The names of the fields of [`Modes`].
pub(super) const MODE_KEYS: &[&str] = &["mode", "modes"];

/// Whether a path is that of a leaf or of a field above it.
pub fn covers(path: &str, leaf: &str) -> bool {
    leaf.strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The path of a leaf as in `modes`: without the type of container or the kind of context.
pub fn mode_path(leaf: &str) -> &str {
    let contexts = [
        "containers.", "initContainers.", "sidecars.", "pod.", "container.",
    ];
    contexts
        .iter()
        .find_map(|context| leaf.strip_prefix(context))
        .unwrap_or(leaf)
}

/// Whether a path is one of the known paths.
pub(super) fn is_mode_path(known: &[&str], path: &str) -> bool {
    known.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => path
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty()),
        None => path == *known,
    })
}

/// Whether a path is one of the known paths, or above one.
pub fn is_mode_path_or_above(known: &[&str], path: &str) -> bool {
    is_mode_path(known, path) || known.iter().any(|known| covers(path, known))
}

//! The facts of an entry, and what is invalid in one.

use std::sync::Arc;

use serde::Deserialize;

use super::clean;
use crate::kubernetes::Glob;
use crate::yaml::Position;

/// Facts about an image.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The repository without its registry, such as `apache/kafka` (with `*` and `?`). Required.
    pub image: Glob,
    /// The tags (with `*` and `?`); all when absent, including images without a tag.
    #[serde(default)]
    pub tag: Option<Glob>,
    /// The id of the user that owns the image's files.
    #[serde(default)]
    pub run_as_user: Option<i64>,
    /// The id of the user's group.
    #[serde(default)]
    pub run_as_group: Option<i64>,
    /// Whether the image starts as root and needs that.
    #[serde(default)]
    pub starts_as_root: bool,
    /// Whether the image also runs as any other user.
    #[serde(default)]
    pub any_user: bool,
    /// Paths that it writes to, except `/tmp` and its volumes, and that have no files of the image.
    #[serde(default)]
    pub writable_paths: Vec<String>,
    /// Paths that it writes to and that have files of the image, which an empty volume would hide.
    #[serde(default)]
    pub hides: Vec<String>,
    /// Whether `writable_paths` and `hides` are all paths that it writes to, except `/tmp` and its volumes.
    #[serde(default)]
    pub paths_are_complete: bool,
    /// Whether it uses the Kubernetes API, so that its pods keep their token.
    #[serde(default)]
    pub uses_api: bool,
    /// Capabilities that its program needs: the kernel refuses to start a file with capabilities that may not be had.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The port of its metrics; it applies if the container declares the port, or no port.
    #[serde(default)]
    pub metrics_port: Option<u16>,
    /// The path of its metrics. Defaults to `/metrics`.
    #[serde(default)]
    pub metrics_path: Option<String>,
    /// The directory that only its user may access.
    #[serde(default)]
    pub own_directory: Option<OwnDirectory>,
    /// What moves a path that it writes to: an argument, a variable, or a mount that makes it write there.
    #[serde(default)]
    pub moved_by: Vec<OwnDirectory>,
    /// The source of the values. Built-in entries without a source were not verified and have only paths.
    #[serde(default)]
    pub source: Option<String>,
    /// Where the config has it; `None` for a built-in entry.
    #[serde(skip)]
    pub written: Option<Arc<Written>>,
}

/// Where a config has an entry.
#[derive(Debug)]
pub struct Written {
    /// `spec.catalogue[0]`.
    pub field: String,
    /// The file and the position, if they are known.
    pub place: Option<(Arc<str>, Position)>,
}

/// A directory that must not be the root of a volume, because the kubelet gives the `fsGroup` access to that.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OwnDirectory {
    /// The environment variable with the path; in `movedBy` also an argument (`--dir`) or a mount (`/dir`).
    pub variable: String,
    /// The default path.
    pub path: String,
}

/// Valid ids of users and groups other than 0 (`IsValidUserID` in apimachinery).
const IDS: std::ops::RangeInclusive<i64> = 1..=2_147_483_647;

impl Entry {
    /// Invalid keys of an entry in the config, each with a message and a help.
    pub fn faults(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut faults = Vec::new();
        let mut fault = |key, message: String, help| faults.push((key, message, help));
        let image = self.image.as_str();
        let registry = image.split_once('/').map(|(first, _)| first);
        if image.is_empty() || image.contains(char::is_whitespace) {
            let help = "write its repository, such as `apache/kafka`";
            fault("image", format!("`{image}` is not an image"), help);
        } else if image.contains(['@', ':']) {
            let help = "write only the repository, and set `tag`";
            fault("image", format!("`{image}` is not only a repository"), help);
        } else if registry.is_some_and(|it| it.contains('.') || it == "localhost") {
            let help = "remove the registry: an entry applies to every registry";
            fault("image", format!("`{image}` starts with a registry"), help);
        }
        let is_invalid = |tag: &&str| tag.is_empty() || tag.contains(['/', ':', '@', ' ']);
        if let Some(tag) = self.tag.as_ref().map(Glob::as_str).filter(is_invalid) {
            let help = "write a tag such as \"17-alpine\", with `*` and `?`";
            fault("tag", format!("`{tag}` is not a tag"), help);
        }
        if let Some(id) = self.run_as_user.filter(|id| !IDS.contains(id)) {
            let help =
                "write a number from 1 to 2147483647, or remove it for an image that needs root";
            let message = format!("{id} is not the id of a user other than root");
            fault("runAsUser", message, help);
        }
        if self.starts_as_root && (self.run_as_user.is_some() || self.any_user) {
            let help = "remove it, or remove `runAsUser` and `anyUser`";
            let message = "the image runs as another user".to_owned();
            fault("startsAsRoot", message, help);
        }
        if let Some(id) = self.run_as_group.filter(|id| *id != 0 && !IDS.contains(id)) {
            let help = "write a number from 0 to 2147483647";
            fault("runAsGroup", format!("{id} is not the id of a group"), help);
        }
        let is_name = |name: &&String| {
            let mut chars = name.chars();
            !name.starts_with("CAP_") && chars.all(|c| c.is_ascii_uppercase() || c == '_')
        };
        if let Some(name) = self.capabilities.iter().find(|name| !is_name(name)) {
            let help = "write names in upper case and without CAP_, such as NET_BIND_SERVICE";
            fault(
                "capabilities",
                format!("`{name}` is not a capability"),
                help,
            );
        }
        const PATH: &str = "write an absolute path other than `/`, without `..` and `:`";
        let lists = [
            ("writablePaths", &self.writable_paths),
            ("hides", &self.hides),
        ];
        for (key, paths) in lists {
            if let Some(path) = paths.iter().find(|path| clean(path).is_none()) {
                fault(key, format!("`{path}` cannot be mounted"), PATH);
            }
        }
        let is_writable = |path: &&String| self.writable_paths.contains(path);
        if let Some(path) = self.hides.iter().find(is_writable) {
            let help = "remove it from one of them: a volume would hide files of the image";
            let message = format!("`{path}` is also in `writablePaths`");
            fault("hides", message, help);
        }
        let is_moved = |it: &&OwnDirectory| it.variable.is_empty() || clean(&it.path).is_none();
        if let Some(moved) = self.moved_by.iter().find(is_moved) {
            fault(
                "movedBy",
                format!("`{}` is not a directory", moved.path),
                PATH,
            );
        }
        if let Some(own) = &self.own_directory {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if own.variable.is_empty() || !own.variable.chars().all(is_name) {
                let message = format!(
                    "`{}` is not the name of an environment variable",
                    own.variable
                );
                let help = "write only the name of the variable, such as PGDATA";
                fault("ownDirectory", message, help);
            } else if clean(&own.path).is_none() {
                fault(
                    "ownDirectory",
                    format!("`{}` is not a directory", own.path),
                    PATH,
                );
            }
        }
        let is_empty = self.run_as_user.is_none()
            && self.run_as_group.is_none()
            && !self.any_user
            && !self.starts_as_root
            && !self.uses_api
            && self.capabilities.is_empty()
            && !self.paths_are_complete
            && self.metrics_port.is_none()
            && self.own_directory.is_none()
            && self.moved_by.is_empty()
            && lists.iter().all(|(_, paths)| paths.is_empty());
        if is_empty {
            let help = "add `runAsUser`, `writablePaths`, `usesApi` or another key";
            fault("image", "the entry has only an image".to_owned(), help);
        }
        faults
    }
}

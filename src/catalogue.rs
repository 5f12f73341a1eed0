//! The catalogue of images: their users, writable paths and metrics ports.
//!
//! `catalogue/images.yaml` has the built-in entries; entries in the config come first. A value from the catalogue is used
//! only where neither the manifest nor the config has one, and its reason names the catalogue.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::kubernetes::Glob;

/// Facts about an image.
#[derive(Debug, Deserialize)]
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
    /// Whether it writes to no other paths, besides `/tmp` and its volumes.
    #[serde(default)]
    pub paths_are_complete: bool,
    /// Whether it uses the Kubernetes API, so that its pods keep their token.
    #[serde(default)]
    pub uses_api: bool,
    /// The port of its metrics; it applies if the container declares the port.
    #[serde(default)]
    pub metrics_port: Option<u16>,
    /// The path of its metrics. Defaults to `/metrics`.
    #[serde(default)]
    pub metrics_path: Option<String>,
    /// The directory that only its user may access.
    #[serde(default)]
    pub own_directory: Option<OwnDirectory>,
    /// The source of the values. Built-in entries without a source were not verified and have only paths.
    #[serde(default)]
    pub source: Option<String>,
}

/// A directory that must not be the root of a volume, because the kubelet gives the `fsGroup` access to that.
#[derive(Debug, Deserialize)]
pub struct OwnDirectory {
    /// The environment variable with the path.
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
            && !self.paths_are_complete
            && !self.uses_api
            && self.metrics_port.is_none()
            && self.own_directory.is_none()
            && lists.iter().all(|(_, paths)| paths.is_empty());
        if is_empty {
            let help = "add `runAsUser`, `writablePaths`, `usesApi` or another key";
            fault("image", "the entry has only an image".to_owned(), help);
        }
        faults
    }
}

/// The built-in entries.
fn built_in() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    // A test checks that the file is valid.
    ENTRIES.get_or_init(|| {
        serde_yaml::from_str(include_str!("catalogue/images.yaml")).unwrap_or_default()
    })
}

/// A cache of lookups, because many containers have the same image.
#[derive(Debug, Default)]
pub struct Known {
    by_image: RefCell<HashMap<String, Option<usize>>>,
    /// The image that was asked about last.
    last: RefCell<(String, Option<usize>)>,
}

impl Known {
    /// The first entry for an image: of `own`, which must be the same in every call, then of the built-in ones.
    pub fn entry_for<'e>(&self, own: &'e [Entry], image: &str) -> Option<&'e Entry> {
        // The same container is asked about several times in a row.
        let is_last = self.last.borrow().0 == image;
        if !is_last {
            let known = self.by_image.borrow().get(image).copied();
            let index = known.unwrap_or_else(|| {
                let index = index_for(own, image);
                self.by_image.borrow_mut().insert(image.to_owned(), index);
                index
            });
            self.last.replace((image.to_owned(), index));
        }
        let index = self.last.borrow().1;
        own.iter().chain(built_in()).nth(index?)
    }
}

/// The index of the first entry for an image, in `own` followed by the built-in entries.
fn index_for(own: &[Entry], image: &str) -> Option<usize> {
    let (repository, tag) = parts(image);
    let is_for = |entry: &Entry| {
        let has_tag = |glob: &Glob| tag.is_some_and(|tag| glob.matches(tag));
        entry.image.matches(repository) && entry.tag.as_ref().is_none_or(has_tag)
    };
    own.iter().chain(built_in()).position(is_for)
}

/// The repository of an image without its registry, and its tag
/// (`ParseNormalizedNamed` in `reference/normalize.go` of distribution).
fn parts(image: &str) -> (&str, Option<&str>) {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ if image.contains('@') => (name, None),
        _ => (name, Some("latest")),
    };
    let is_registry = |first: &str| first.contains(['.', ':']) || first == "localhost";
    let repository = match path.split_once('/') {
        Some((first, rest)) if is_registry(first) => rest,
        _ => path,
    };
    let repository = repository.strip_prefix("library/").unwrap_or(repository);
    (repository, tag)
}

/// The repository of an image without its registry, as entries have it.
pub fn repository(image: &str) -> &str {
    parts(image).0
}

/// A path without doubled and trailing slashes; `None` for one that cannot be mounted.
pub(crate) fn clean(path: &str) -> Option<String> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(':');
    if let Some(rest) = path.strip_prefix('/')
        && rest.split('/').all(is_plain)
    {
        return Some(path.to_owned());
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let is_bad =
        !path.starts_with('/') || path.contains(':') || parts.contains(&"..") || parts.is_empty();
    (!is_bad).then(|| format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_cleaned() {
        assert_eq!(clean("/tmp/").as_deref(), Some("/tmp"));
        assert_eq!(clean("//var//./run").as_deref(), Some("/var/run"));
        assert_eq!(clean("tmp"), None);
        assert_eq!(clean("/a/../b"), None);
        assert_eq!(clean("/"), None);
    }

    #[test]
    fn the_file_can_be_read() {
        let entries: Result<Vec<Entry>, _> =
            serde_yaml::from_str(include_str!("catalogue/images.yaml"));
        assert!(entries.is_ok_and(|entries| !entries.is_empty()));
    }

    #[test]
    fn built_in_entries_are_valid_and_unverified_ones_have_no_ids() {
        for entry in built_in() {
            let has_numbers = entry.run_as_user.or(entry.run_as_group).is_some();
            let is_verified = has_numbers || entry.paths_are_complete;
            assert!(entry.source.is_some() || !is_verified, "{entry:?}");
            assert_eq!(entry.faults(), [], "{entry:?}");
        }
    }

    #[test]
    fn an_image_is_known_by_its_repository_and_variant() {
        let known = Known::default();
        let user = |image: &str| known.entry_for(&[], image).and_then(|it| it.run_as_user);
        assert_eq!(user("postgres:17"), Some(999));
        assert_eq!(user("docker.io/library/postgres:17-alpine"), Some(70));
        assert_eq!(user("localhost:5000/postgres"), Some(999));
        assert_eq!(user("postgres:17-alpine@sha256:abc"), Some(70));
        assert_eq!(user("postgres:18-alpine3.24"), Some(70));
        assert_eq!(user("bitnamilegacy/postgresql:16"), Some(1001));
        // This entry was not verified, so it has no user.
        assert_eq!(user("bitnami/redis:7"), None);
        assert_eq!(user("postgres@sha256:abc"), None);
        assert_eq!(user("example.com/my/postgres:17"), None);
    }
}

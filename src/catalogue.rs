//! What is known of images: which user they are made for, where they write, and where their metrics are.
//!
//! `catalogue/images.yaml` holds it; a config adds entries of its own, which come first. It is used where neither
//! the author nor the config says anything, and what comes of it names it as the reason.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::kubernetes::Glob;

/// What is known of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The repository without its registry, such as `apache/kafka`, with `*` and `?`. Required.
    pub image: Glob,
    /// Which tags, with `*` and `?`; all, and images without one, when absent.
    #[serde(default)]
    pub tag: Option<Glob>,
    /// The number of the user that the image's files belong to.
    #[serde(default)]
    pub run_as_user: Option<i64>,
    /// The number of its group.
    #[serde(default)]
    pub run_as_group: Option<i64>,
    /// Whether it runs as any other user as well.
    #[serde(default)]
    pub any_user: bool,
    /// Where it writes, beside `/tmp` and its volumes, and the image has no files.
    #[serde(default)]
    pub writable_paths: Vec<String>,
    /// Where it writes and the image has files, which an empty volume would hide.
    #[serde(default)]
    pub hides: Vec<String>,
    /// Whether it talks to the Kubernetes API, so that its pods keep their token.
    #[serde(default)]
    pub uses_api: bool,
    /// The port that its metrics are read from; it counts where a container declares it.
    #[serde(default)]
    pub metrics_port: Option<u16>,
    /// The path of the metrics at that port; `/metrics` when absent.
    #[serde(default)]
    pub metrics_path: Option<String>,
    /// The directory that its program wants for itself, with no rights for a group.
    #[serde(default)]
    pub own_directory: Option<OwnDirectory>,
    /// Where the figures come from. fitout's own entries without it were not checked, and say paths alone.
    #[serde(default)]
    pub source: Option<String>,
}

/// A directory that must not be the root of a volume, because the kubelet opens that to the `fsGroup`.
#[derive(Debug, Deserialize)]
pub struct OwnDirectory {
    /// The environment variable that names it.
    pub variable: String,
    /// Where it is without that.
    pub path: String,
}

/// Numbers that users and groups may have, beside 0 (`IsValidUserID` in apimachinery).
const IDS: std::ops::RangeInclusive<i64> = 1..=2_147_483_647;

impl Entry {
    /// What is wrong with an entry of a config's own: the key, and what is expected there.
    pub fn faults(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut faults = Vec::new();
        let image = self.image.as_str();
        let registry = image.split_once('/').map(|(first, _)| first);
        if image.is_empty() || image.contains(char::is_whitespace) {
            let help = "write its repository, such as `apache/kafka`";
            faults.push(("image", format!("`{image}` is no image"), help));
        } else if image.contains(['@', ':']) {
            let help = "write the repository alone, and the tag as `tag`";
            faults.push((
                "image",
                format!("`{image}` has more than a repository"),
                help,
            ));
        } else if registry.is_some_and(|it| it.contains('.') || it == "localhost") {
            let help = "leave the registry out: an image is the same one in every registry";
            faults.push(("image", format!("`{image}` begins with a registry"), help));
        }
        let is_no_tag = |tag: &str| tag.is_empty() || tag.contains(['/', ':', '@', ' ']);
        if let Some(tag) = self
            .tag
            .as_ref()
            .map(Glob::as_str)
            .filter(|it| is_no_tag(it))
        {
            let help = "write a tag such as \"17-alpine\", with `*` and `?`";
            faults.push(("tag", format!("`{tag}` is no tag"), help));
        }
        let root =
            "numbers go from 1 to 2147483647; for an image that needs root, leave the number out";
        let group = "numbers go from 0 to 2147483647";
        if let Some(id) = self.run_as_user.filter(|id| !IDS.contains(id)) {
            let message = format!("{id} is not the number of a user other than root");
            faults.push(("runAsUser", message, root));
        }
        if let Some(id) = self.run_as_group.filter(|id| *id != 0 && !IDS.contains(id)) {
            faults.push((
                "runAsGroup",
                format!("{id} is not the number of a group"),
                group,
            ));
        }
        let lists = [
            ("writablePaths", &self.writable_paths),
            ("hides", &self.hides),
        ];
        for (key, paths) in lists {
            if let Some(path) = paths.iter().find(|path| clean(path).is_none()) {
                let help = "write an absolute path without `..` and `:`, below the root";
                faults.push((key, format!("`{path}` cannot be mounted"), help));
            }
        }
        let both = self
            .hides
            .iter()
            .find(|it| self.writable_paths.contains(it));
        if let Some(path) = both {
            let help = "leave it in one: a volume over files of the image hides them";
            faults.push((
                "hides",
                format!("`{path}` is in `writablePaths` as well"),
                help,
            ));
        }
        if let Some(own) = &self.own_directory {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if own.variable.is_empty() || !own.variable.chars().all(is_name) {
                let message = format!("`{}` is no environment variable", own.variable);
                let help = "write the name of the variable alone, such as PGDATA";
                faults.push(("ownDirectory", message, help));
            } else if clean(&own.path).is_none() {
                let message = format!("`{}` is no directory", own.path);
                let help = "write an absolute path without `..` and `:`, below the root";
                faults.push(("ownDirectory", message, help));
            }
        }
        let says = self.run_as_user.is_some()
            || self.run_as_group.is_some()
            || self.any_user
            || self.uses_api
            || self.metrics_port.is_some()
            || self.own_directory.is_some()
            || lists.iter().any(|(_, paths)| !paths.is_empty());
        if !says {
            let help = "add `runAsUser`, `writablePaths`, `usesApi` or another of its keys";
            faults.push((
                "image",
                "the entry says nothing of its image".to_owned(),
                help,
            ));
        }
        faults
    }
}

/// What is known without a config.
fn built_in() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    // A test holds that the file can be read.
    ENTRIES.get_or_init(|| {
        serde_yaml::from_str(include_str!("catalogue/images.yaml")).unwrap_or_default()
    })
}

/// What was looked up already: containers of one image are many.
#[derive(Debug, Default)]
pub struct Known {
    by_image: RefCell<HashMap<String, Option<usize>>>,
    /// The image that was asked about last.
    last: RefCell<(String, Option<usize>)>,
}

impl Known {
    /// The first entry for an image, of a config's own, which must always be the same, and then of fitout's.
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

/// The place of the first entry for an image, of a config's own and then of those that come with fitout.
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
    fn what_was_not_checked_says_no_numbers_and_nothing_is_wrong() {
        for entry in built_in() {
            let has_numbers = entry.run_as_user.or(entry.run_as_group).is_some();
            assert!(entry.source.is_some() || !has_numbers, "{entry:?}");
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
        // What was not checked says no user.
        assert_eq!(user("bitnami/redis:7"), None);
        assert_eq!(user("postgres@sha256:abc"), None);
        assert_eq!(user("example.com/my/postgres:17"), None);
    }
}

//! What is known of images: which user they are made for, where they write, and where their metrics are.
//!
//! `catalogue/images.yaml` holds it; a config adds entries of its own, which come first. It is used where neither
//! the author nor the config says anything, and what comes of it names it as the reason.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::select::Glob;

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
pub struct Known(RefCell<HashMap<String, Option<usize>>>);

impl Known {
    /// The first entry for an image, of a config's own, which must always be the same, and then of fitout's.
    pub fn entry_for<'e>(&self, own: &'e [Entry], image: &str) -> Option<&'e Entry> {
        let known = self.0.borrow().get(image).copied();
        let index = known.unwrap_or_else(|| {
            let index = index_for(own, image);
            self.0.borrow_mut().insert(image.to_owned(), index);
            index
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_can_be_read() {
        let entries: Result<Vec<Entry>, _> =
            serde_yaml::from_str(include_str!("catalogue/images.yaml"));
        assert!(entries.is_ok_and(|entries| !entries.is_empty()));
    }

    #[test]
    fn an_image_is_known_by_its_repository_and_variant() {
        let known = Known::default();
        let user = |image: &str| known.entry_for(&[], image).and_then(|it| it.run_as_user);
        assert_eq!(user("postgres:17"), Some(999));
        assert_eq!(user("docker.io/library/postgres:17-alpine"), Some(70));
        assert_eq!(user("localhost:5000/postgres"), Some(999));
        assert_eq!(user("postgres:17-alpine@sha256:abc"), Some(70));
        assert_eq!(user("postgres@sha256:abc"), None);
        assert_eq!(user("example.com/my/postgres:17"), None);
    }
}

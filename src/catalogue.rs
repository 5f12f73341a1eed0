//! The catalogue of images: their users, writable paths and metrics ports.
//!
//! `catalogue/images.yaml` has the built-in entries, one on each line; entries in the config come first. A value from the
//! catalogue is used only where neither the manifest nor the config has one, and its reason names the catalogue.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Deserialize;

use crate::hashing::HashMap;
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

/// The built-in entries. Each is decoded when an image first needs it, because most runs need few.
struct BuiltIn {
    rows: Vec<(&'static str, OnceLock<Entry>)>,
    /// The rows for each last part of a repository, which is never a pattern.
    by_name: HashMap<&'static str, Vec<usize>>,
}

/// The repository of an image without its registry, as entries have it.
pub fn repository(image: &str) -> &str {
    Image::of(image).repository
}

/// The image without its digest, and the digest.
pub fn without_digest(image: &str) -> (&str, Option<&str>) {
    let parts = image.split_once('@');
    parts.map_or((image, None), |(image, digest)| (image, Some(digest)))
}

/// The image without its tag, and the tag. The colon of a port is before a slash.
pub fn without_tag(image: &str) -> (&str, Option<&str>) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

/// The built-in entry for an image, and the heading that it is under in the catalogue.
pub fn kind_of(image: &str) -> Option<(&'static Entry, &'static str)> {
    let known = BuiltIn::get();
    let index = known.position(&Image::of(image))?;
    let mut heading = "";
    let mut rows = 0;
    for line in IMAGES.lines() {
        heading = line.strip_prefix("## ").unwrap_or(heading);
        rows += usize::from(line.starts_with(ROW));
        if rows > index {
            break;
        }
    }
    Some((known.entry(index)?, heading))
}

/// `catalogue/images.yaml` without comments and sources.
const IMAGES: &str = include_str!(concat!(env!("OUT_DIR"), "/images.yaml"));

/// What each line of an entry begins with.
const ROW: &str = "- {image: ";

impl BuiltIn {
    fn get() -> &'static BuiltIn {
        static BUILT_IN: OnceLock<BuiltIn> = OnceLock::new();
        BUILT_IN.get_or_init(|| {
            let rows: Vec<_> = IMAGES
                .lines()
                .filter(|line| line.starts_with(ROW))
                .map(|line| (line, OnceLock::new()))
                .collect();
            let mut by_name: HashMap<_, Vec<usize>> =
                HashMap::with_capacity_and_hasher(rows.len(), Default::default());
            for (index, (line, _)) in rows.iter().enumerate() {
                let image = line[ROW.len()..].split([',', '}']).next().unwrap_or("");
                let name = last_part(image.trim_matches('"'));
                by_name.entry(name).or_default().push(index);
            }
            BuiltIn { rows, by_name }
        })
    }

    fn entry(&self, index: usize) -> Option<&Entry> {
        let (line, entry) = self.rows.get(index)?;
        // A test decodes every row, so the empty entry is never used.
        Some(entry.get_or_init(|| serde_yaml::from_str(&line[2..]).unwrap_or_default()))
    }

    /// The index of the first entry for an image.
    fn position(&self, image: &Image<'_>) -> Option<usize> {
        let is_for = |index: &&usize| {
            let entry = self.entry(**index);
            entry.is_some_and(|entry| image.is_of(entry) && !image.is_namesake(entry))
        };
        let named = self.by_name.get(last_part(image.repository))?;
        named.iter().find(is_for).copied()
    }
}

/// The entry at an index in `own` followed by the built-in entries.
pub fn entry_at(own: &[Entry], index: usize) -> Option<&Entry> {
    own.get(index)
        .or_else(|| BuiltIn::get().entry(index - own.len()))
}

/// A cache of lookups, because many containers have the same image.
#[derive(Debug, Default)]
pub struct Known {
    by_image: Mutex<HashMap<String, Option<usize>>>,
    own: OnceLock<Names>,
}

impl Known {
    /// The first entry for an image: of `own`, which must be the same in every call, then of the built-in ones.
    pub fn entry_for<'e>(&self, own: &'e [Entry], image: &str) -> Option<&'e Entry> {
        entry_at(own, self.index_of(own, image)?)
    }

    fn by_image(&self) -> MutexGuard<'_, HashMap<String, Option<usize>>> {
        self.by_image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its index, for [`entry_at`].
    pub fn index_of(&self, own: &[Entry], image: &str) -> Option<usize> {
        let known = self.by_image().get(image).copied();
        known.unwrap_or_else(|| {
            let index = self.index_for(own, image);
            self.by_image().insert(image.to_owned(), index);
            index
        })
    }

    /// The index of the first entry for an image, in `own` followed by the built-in entries.
    fn index_for(&self, own: &[Entry], image: &str) -> Option<usize> {
        let image = Image::of(image);
        let names = self.own.get_or_init(|| Names::of(own));
        let candidates = names.candidates(last_part(image.repository));
        let of_config = candidates.filter(|index| image.is_of(&own[*index])).min();
        of_config.or_else(|| Some(own.len() + BuiltIn::get().position(&image)?))
    }
}

/// The config's entries by the last part of their repository.
#[derive(Debug)]
struct Names {
    by_name: HashMap<String, Vec<usize>>,
    /// Those whose last part is a pattern.
    patterns: Vec<usize>,
}

impl Names {
    fn of(entries: &[Entry]) -> Names {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::default();
        let mut patterns = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let name = last_part(entry.image.as_str());
            match name.contains(['*', '?']) {
                true => patterns.push(index),
                false => by_name.entry(name.to_owned()).or_default().push(index),
            }
        }
        Names { by_name, patterns }
    }

    fn candidates(&self, name: &str) -> impl Iterator<Item = usize> {
        let named = self.by_name.get(name).into_iter().flatten();
        named.chain(&self.patterns).copied()
    }
}

/// The last part of a repository, which its mirrors keep.
fn last_part(repository: &str) -> &str {
    repository.rsplit('/').next().unwrap_or(repository)
}

/// Registries in which an image without an owner is not that of Docker Hub with its name.
const OTHER_REGISTRIES: [&str; 3] = ["k8s.gcr.io", "mcr.microsoft.com", "registry.k8s.io"];
/// The images without an owner that the catalogue knows in them.
const THEIRS: [&str; 2] = ["coredns", "etcd"];

/// An image, read as `ParseNormalizedNamed` does (`reference/normalize.go` of distribution).
struct Image<'i> {
    /// Its repository without its registry.
    repository: &'i str,
    /// The registry or the folder that has it.
    owner: &'i str,
    tag: Option<&'i str>,
}

impl<'i> Image<'i> {
    fn of(image: &'i str) -> Image<'i> {
        let (name, digest) = without_digest(image);
        let (path, tag) = without_tag(name);
        let tag = tag.or(digest.is_none().then_some("latest"));
        let repository = match path.split_once('/') {
            Some((first, rest)) if is_registry(first) => rest,
            _ => path,
        };
        let owner = path.rsplit_once('/').map_or("", |(owner, _)| owner);
        Image {
            repository,
            owner: last_part(owner),
            tag,
        }
    }

    /// Whether this has only the name in common with an official image of Docker Hub: `registry.k8s.io/redis`.
    fn is_namesake(&self, entry: &Entry) -> bool {
        let official = entry.image.as_str();
        OTHER_REGISTRIES.contains(&self.owner)
            && !official.contains('/')
            && !THEIRS.contains(&official)
    }

    fn is_of(&self, entry: &Entry) -> bool {
        let has_tag = |glob: &Glob| self.tag.is_some_and(|tag| glob.matches(tag));
        self.names().any(|name| entry.image.matches(name)) && entry.tag.as_ref().is_none_or(has_tag)
    }

    /// The repositories that this may be a mirror of, because mirrors put folders in front of the name: the repository
    /// itself, and the ends of it with an owner. An official image has no owner, so it is one where the folder in front of
    /// it is of Docker Hub: `library`, the address of a registry, or a name such as `dockerhub-cache`.
    fn names(&self) -> impl Iterator<Item = &'i str> {
        let repository = self.repository;
        let ends = repository.match_indices('/').filter_map(move |(slash, _)| {
            let (before, name) = (&repository[..slash], &repository[slash + 1..]);
            (name.contains('/') || is_docker_hub(last_part(before))).then_some(name)
        });
        std::iter::once(repository).chain(ends)
    }
}

/// Whether the first part of an image is a registry, and not a folder of Docker Hub.
fn is_registry(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

fn is_docker_hub(folder: &str) -> bool {
    let of_hub = |part: &str| part.replace(['-', '_'], "").contains("dockerhub");
    folder == "library" || is_registry(folder) || of_hub(folder)
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

/// Whether a cleaned path is another one or below it.
pub(crate) fn is_within(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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

    const FILE: &str = include_str!("catalogue/images.yaml");

    /// The built-in entries, in the order of the file.
    fn built_in() -> impl Iterator<Item = &'static Entry> {
        let known = BuiltIn::get();
        (0..known.rows.len()).filter_map(|index| known.entry(index))
    }

    /// A line that cannot be decoded would be an entry without an image.
    #[test]
    fn every_line_is_an_entry_with_known_keys() {
        let is_row = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let lines: Vec<&str> = FILE.lines().filter(is_row).collect();
        assert!(lines.len() >= 200, "{}", lines.len());
        for line in &lines {
            assert!(line.starts_with(ROW) && line.ends_with('}'), "{line}");
            let entry: Result<Entry, _> = serde_yaml::from_str(&line[2..]);
            assert!(entry.is_ok(), "{entry:?}: {line}");
            let keys: HashMap<String, serde_yaml::Value> =
                serde_yaml::from_str(&line[2..]).unwrap_or_default();
            const KEYS: [&str; 16] = [
                "image",
                "tag",
                "runAsUser",
                "runAsGroup",
                "startsAsRoot",
                "anyUser",
                "writablePaths",
                "hides",
                "pathsAreComplete",
                "usesApi",
                "capabilities",
                "metricsPort",
                "metricsPath",
                "ownDirectory",
                "movedBy",
                "source",
            ];
            let unknown: Vec<_> = keys
                .keys()
                .filter(|key| !KEYS.contains(&key.as_str()))
                .collect();
            assert!(unknown.is_empty(), "{unknown:?} in {line}");
        }
        let all: Vec<Entry> = serde_yaml::from_str(FILE).unwrap_or_default();
        assert_eq!(all.len(), lines.len());
        assert_eq!(built_in().count(), lines.len());
    }

    #[test]
    fn built_in_entries_are_valid() {
        for entry in built_in() {
            assert_eq!(entry.faults(), [], "{entry:?}");
            let needs_user = entry.any_user || entry.run_as_group.is_some();
            assert!(!needs_user || entry.run_as_user.is_some(), "{entry:?}");
            assert!(
                entry.metrics_path.is_none() || entry.metrics_port.is_some(),
                "{entry:?}"
            );
            assert!(
                !last_part(entry.image.as_str()).contains(['*', '?']),
                "{entry:?}"
            );
        }
    }

    /// `owner/repository@commit path path; owner/repository@commit path`
    #[test]
    fn every_entry_names_the_files_and_versions_that_it_comes_from() {
        for line in FILE.lines().filter(|line| line.starts_with(ROW)) {
            let entry: Entry = serde_yaml::from_str(&line[2..]).unwrap_or_default();
            for source in entry.source.as_deref().unwrap_or_default().split("; ") {
                let mut words = source.split(' ');
                let repository = words.next().unwrap_or_default();
                let (repository, commit) = repository.split_once('@').unwrap_or_default();
                let is_commit = commit.len() == 12 && commit.chars().all(|c| c.is_ascii_hexdigit());
                let is_repository = repository.split('/').count() == 2;
                let paths: Vec<&str> = words.collect();
                let is_path = |path: &&str| !path.is_empty() && !path.starts_with('/');
                let has_paths = !paths.is_empty() && paths.iter().all(is_path);
                assert!(is_commit && is_repository && has_paths, "{entry:?}");
            }
        }
    }

    #[test]
    fn entries_are_sorted_by_repository_in_their_sections() {
        for section in FILE.split("\n## ").skip(1) {
            let rows = section.lines().filter_map(|line| line.strip_prefix(ROW));
            let images: Vec<&str> = rows.filter_map(|row| row.split(',').next()).collect();
            assert!(images.is_sorted(), "{section}");
        }
    }

    /// An entry is of use if an image with an example of its tags gets it, and not an earlier one.
    #[test]
    fn no_entry_is_hidden_by_an_earlier_one() {
        for (index, entry) in built_in().enumerate() {
            let image = entry.image.as_str().replace('*', "");
            let tag = entry.tag.as_ref().map_or("*", Glob::as_str);
            let tag = match tag.replace('*', "").replace('?', "1") {
                tag if tag.is_empty() => "1.2".to_owned(),
                tag => tag,
            };
            for image in [
                format!("{image}:{tag}"),
                format!("a.example/b/{image}:{tag}"),
            ] {
                let is_official = !entry.image.as_str().contains('/');
                if image.starts_with("a.example") && is_official {
                    assert_eq!(Known::default().index_for(&[], &image), None, "{image}");
                } else {
                    assert_eq!(
                        Known::default().index_for(&[], &image),
                        Some(index),
                        "{image}: {entry:?}"
                    );
                }
            }
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
        assert_eq!(user("influxdb:1.12"), Some(1500));
        assert_eq!(user("influxdb:2.7-alpine"), Some(1000));
        assert_eq!(user("influxdb:1.8"), None);
        assert_eq!(user("postgres@sha256:abc"), None);
        assert_eq!(user("registry.k8s.io/redis:v1"), None);
        assert_eq!(user("mirror.example/registry.k8s.io/redis:v1"), None);
        assert_eq!(
            user("registry.k8s.io/metrics-server/metrics-server:v0.8.0"),
            user("metrics-server/metrics-server")
        );
    }

    #[test]
    fn mirrors_put_folders_in_front_of_the_repository() {
        let known = Known::default();
        let of = |image: &str| {
            let entry = known.entry_for(&[], image);
            entry.map(|entry| entry.image.as_str().to_owned())
        };
        for mirror in [
            "mysql",
            "library/mysql",
            "docker.io/mysql",
            "docker.io/library/mysql",
            "index.docker.io/library/mysql",
            "public.ecr.aws/docker/library/mysql",
            "mirror.gcr.io/library/mysql",
            "localhost:5000/mysql",
            "harbor.local/library/mysql",
            "harbor.local/dockerhub/library/mysql",
            "harbor.local/dockerhub/mysql",
            "harbor.local/cache/docker-hub/mysql",
            "registry.local:5000/docker_hub_proxy/mysql",
            "registry.local/docker.io/mysql",
            "registry.local/docker.io/library/mysql",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/mysql",
            "europe-docker.pkg.dev/project/remote/library/mysql",
        ] {
            for tag in ["", ":8.4", ":8.4@sha256:abc", "@sha256:abc"] {
                let image = format!("{mirror}{tag}");
                assert_eq!(of(&image).as_deref(), Some("mysql"), "{image}");
            }
        }
        for (mirror, image) in [
            ("quay.io/prometheus/prometheus:v3", "prometheus/prometheus"),
            (
                "harbor.local/quay/prometheus/prometheus:v3",
                "prometheus/prometheus",
            ),
            ("harbor.local/a/b/grafana/grafana:12", "grafana/grafana"),
            ("grafana/grafana", "grafana/grafana"),
            ("ghcr.io/dexidp/dex:v2", "dexidp/dex"),
            (
                "docker.elastic.co/elasticsearch/elasticsearch:9",
                "elasticsearch/elasticsearch",
            ),
            (
                "registry.k8s.io/sig-storage/csi-resizer:v2",
                "sig-storage/csi-resizer",
            ),
            ("registry.k8s.io/etcd:3.6", "etcd"),
            ("registry.k8s.io/coredns/coredns:v1.13", "coredns/coredns"),
            (
                "harbor.local/mirror/bitnamilegacy/mongodb:8",
                "bitnami*/mongodb",
            ),
        ] {
            assert_eq!(of(mirror).as_deref(), Some(image), "{mirror}");
        }
        // An image of someone else that has the name of an official one.
        for image in [
            "example.com/my/mysql:8.4",
            "my/mysql:8.4",
            "example.com/libraries/mysql",
            "mysqld",
            "grafana",
            "my-grafana/grafana",
        ] {
            assert_eq!(of(image), None, "{image}");
        }
    }

    #[test]
    fn entries_of_the_config_come_first_and_match_mirrors() {
        let entry = |image: &str| Entry {
            image: Glob::from(image.to_owned()),
            run_as_user: Some(7),
            ..Entry::default()
        };
        let own = [entry("acme/*"), entry("postgres")];
        let user = |image: &str| {
            let known = Known::default();
            known.entry_for(&own, image).and_then(|it| it.run_as_user)
        };
        assert_eq!(user("acme/shop:1"), Some(7));
        assert_eq!(user("harbor.local/mirror/acme/shop:1"), Some(7));
        assert_eq!(user("postgres:17"), Some(7));
        assert_eq!(user("harbor.local/dockerhub/postgres:17"), Some(7));
        assert_eq!(user("mongo:8"), Some(999));
        assert_eq!(user("example.com/shop:1"), None);
    }
}

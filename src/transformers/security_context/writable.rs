//! The paths that stay writable under a read-only root filesystem: the configured ones, `/tmp`, and what the catalogue of
//! images knows.

use serde::Deserialize;

use crate::catalogue::{Entry, clean};
use crate::config::{Amount, Objection};
use crate::kubernetes::Glob;
use crate::yaml::Value;

/// A path that must stay writable.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WritablePath {
    /// Absolute path in the container.
    path: String,
    /// The most that it may hold; 64Mi when absent.
    #[serde(default)]
    size_limit: Option<Amount>,
    /// `Memory` keeps it in memory, where it counts against the container's limit.
    #[serde(default)]
    medium: Option<Medium>,
    /// Which containers need it, by name (with `*` and `?`); all when absent.
    #[serde(default)]
    container: Option<Glob>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Medium {
    Memory,
}

const DEFAULT_SIZE: &str = "64Mi";

/// Files that the kubelet or the runtime mounts into every container, writable whatever the root filesystem is.
const PROVIDED_FILES: [&str; 4] = [
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/dev/termination-log",
];

/// The shared memory that the runtime mounts; another one takes its place only where its size is asked for.
const SHARED_MEMORY: &str = "/dev/shm";

/// Filesystems of the kernel, which no volume can take the place of.
const OF_KERNEL: [&str; 3] = ["/dev", "/proc", "/sys"];

/// What is wrong with the configured paths.
pub(super) fn check(paths: &[WritablePath]) -> Vec<Objection> {
    let is_bad = |path: &WritablePath| match clean(&path.path) {
        Some(path) => OF_KERNEL.iter().any(|it| {
            path.strip_prefix(it)
                .is_some_and(|rest| rest.is_empty() || *it != "/dev" && rest.starts_with('/'))
        }),
        None => true,
    };
    let bad = paths.iter().enumerate().filter(|(_, path)| is_bad(path));
    let help = "write an absolute path without `..` and `:`, below the root and not of the kernel (/dev, /proc, /sys)"
        .to_owned();
    bad.map(|(index, path)| {
        Objection::new(
            format!("writablePaths[{index}]"),
            format!("`{}` cannot be mounted", path.path),
            help.clone(),
        )
    })
    .collect()
}

/// A path to be mounted in one container.
pub(super) struct Wanted {
    pub(super) path: String,
    size: String,
    medium: Option<Medium>,
    pub(super) is_configured: bool,
    /// The image of which the catalogue knows that it writes there.
    pub(super) image: Option<String>,
    /// The image has files there, which a mount would hide.
    pub(super) hides: bool,
}

/// The paths of one container; of two settings for one path the later wins.
pub(super) fn paths_for(configured: &[WritablePath], tmp: bool, container: &str) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    if tmp {
        wanted.push(Wanted {
            path: "/tmp".to_owned(),
            size: DEFAULT_SIZE.to_owned(),
            medium: None,
            is_configured: false,
            image: None,
            hides: false,
        });
    }
    for setting in configured.iter().filter(|setting| {
        setting
            .container
            .as_ref()
            .is_none_or(|glob| glob.matches(container))
    }) {
        let Some(path) = clean(&setting.path) else {
            continue;
        };
        let size = setting
            .size_limit
            .map_or_else(|| DEFAULT_SIZE.to_owned(), |Amount(size)| size.to_string());
        wanted.retain(|known| known.path != path);
        wanted.push(Wanted {
            path,
            size,
            medium: setting.medium,
            is_configured: true,
            image: None,
            hides: false,
        });
    }
    wanted
}

/// Adds the paths that the catalogue has for an image, where nothing else is said of them.
pub(super) fn add_known(paths: &mut Vec<Wanted>, image: &str, entry: &Entry) {
    let writable = entry.writable_paths.iter().map(|path| (path, false));
    let hidden = entry.hides.iter().map(|path| (path, true));
    for (path, hides) in writable.chain(hidden) {
        let Some(path) = clean(path).filter(|path| paths.iter().all(|it| it.path != *path)) else {
            continue;
        };
        paths.push(Wanted {
            path,
            size: DEFAULT_SIZE.to_owned(),
            medium: None,
            is_configured: false,
            image: Some(image.to_owned()),
            hides,
        });
    }
}

impl Wanted {
    /// Whether the path is there and writable without a mount, by the kubelet's or the runtime's doing.
    pub(super) fn is_provided(&self, termination_message: Option<&str>) -> bool {
        let is_plain_memory = self.path == SHARED_MEMORY && self.medium.is_none();
        let is_file = PROVIDED_FILES.contains(&self.path.as_str());
        is_plain_memory || is_file || termination_message == Some(self.path.as_str())
    }

    pub(super) fn volume(&self, name: &str) -> Value {
        let medium = self
            .medium
            .map(|Medium::Memory| ("medium", Value::from("Memory")));
        let size = ("sizeLimit", Value::from(self.size.as_str()));
        let empty_dir = mapping(medium.into_iter().chain([size]));
        mapping([("name", Value::from(name)), ("emptyDir", empty_dir)])
    }
}

pub(super) fn mapping<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    Value::Mapping(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

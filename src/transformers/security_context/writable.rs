//! The paths that stay writable under a read-only root filesystem: configured ones, `/tmp`, and those in the catalogue of
//! images.

use serde::Deserialize;

use crate::catalogue::{Entry, clean};
use crate::config::{Amount, Objection};
use crate::kubernetes::Glob;
use crate::yaml::Value;

/// A path that must stay writable.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(super) struct WritablePath {
    /// Absolute path in the container.
    path: String,
    /// The size limit of the volume; 64Mi when absent.
    #[serde(default)]
    size_limit: Option<Amount>,
    /// `Memory` for a volume in memory, which counts against the container's limit.
    #[serde(default)]
    medium: Option<Medium>,
    /// The containers that need it, by name (with `*` and `?`); all when absent.
    #[serde(default)]
    container: Option<Glob>,
}

impl WritablePath {
    fn is_for(&self, container: &str) -> bool {
        let glob = self.container.as_ref();
        glob.is_none_or(|glob| glob.matches(container))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Medium {
    Memory,
}

/// The limit of configured paths. Others have none: a pod above its limit is evicted, and nothing says how much it writes.
const DEFAULT_SIZE: &str = "64Mi";

/// Files that the kubelet or the runtime mounts into every container, writable even under a read-only root filesystem.
const PROVIDED_FILES: [&str; 4] = [
    "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/termination-log",
];

/// The shared memory that the runtime mounts. Only a volume in memory replaces it, because its size is configured.
const SHARED_MEMORY: &str = "/dev/shm";

/// Filesystems of the kernel, which no volume can replace.
const OF_KERNEL: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Invalid configured paths.
pub(super) fn check(paths: &[WritablePath]) -> Vec<Objection> {
    let is_bad = |path: &WritablePath| match clean(&path.path) {
        Some(path) => OF_KERNEL.iter().any(|it| {
            path.strip_prefix(it)
                .is_some_and(|rest| rest.is_empty() || *it != "/dev" && rest.starts_with('/'))
        }),
        None => true,
    };
    let bad = paths.iter().enumerate().filter(|(_, path)| is_bad(path));
    bad.map(|(index, path)| {
        Objection::new(
            format!("writablePaths[{index}]"),
            format!("`{}` cannot be mounted", path.path),
            "write an absolute path without `..` and `:`, other than `/` and not in /dev, /proc or /sys",
        )
    })
    .collect()
}

/// A path to mount in one container.
pub(super) struct Wanted {
    pub(super) path: String,
    size: Option<String>,
    medium: Option<Medium>,
    pub(super) is_configured: bool,
    /// The image that writes there according to the catalogue.
    pub(super) image: Option<String>,
    /// Whether the image has files there, which a mount would hide.
    pub(super) hides: bool,
}

/// Whether the config lists paths for a container.
pub(super) fn are_listed(configured: &[WritablePath], container: &str) -> bool {
    configured.iter().any(|path| path.is_for(container))
}

/// The paths of one container. If two settings have the same path, the later one wins.
pub(super) fn paths_for(configured: &[WritablePath], tmp: bool, container: &str) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    if tmp {
        wanted.push(Wanted::at("/tmp".to_owned()));
    }
    for setting in configured.iter().filter(|it| it.is_for(container)) {
        let Some(path) = clean(&setting.path) else {
            continue;
        };
        wanted.retain(|known| known.path != path);
        let default = Wanted::at(path);
        wanted.push(Wanted {
            size: Some(match setting.size_limit {
                Some(Amount(size)) => size.to_string(),
                None => DEFAULT_SIZE.to_owned(),
            }),
            medium: setting.medium,
            is_configured: true,
            ..default
        });
    }
    wanted
}

/// Adds the paths that the catalogue has for an image, unless they are already in the list.
pub(super) fn add_known(paths: &mut Vec<Wanted>, image: &str, entry: &Entry) {
    let writable = entry.writable_paths.iter().map(|path| (path, false));
    let hidden = entry.hides.iter().map(|path| (path, true));
    for (path, hides) in writable.chain(hidden) {
        let Some(path) = clean(path).filter(|path| paths.iter().all(|it| it.path != *path)) else {
            continue;
        };
        paths.push(Wanted {
            image: Some(image.to_owned()),
            hides,
            ..Wanted::at(path)
        });
    }
}

impl Wanted {
    fn at(path: String) -> Wanted {
        Wanted {
            path,
            size: None,
            medium: None,
            is_configured: false,
            image: None,
            hides: false,
        }
    }

    /// Whether the kubelet or the runtime provides the path, writable without a mount.
    pub(super) fn is_provided(&self, termination_message: Option<&str>) -> bool {
        let is_plain_memory = self.path == SHARED_MEMORY && self.medium.is_none();
        let is_file = PROVIDED_FILES.contains(&self.path.as_str());
        is_plain_memory || is_file || termination_message == Some(self.path.as_str())
    }

    pub(super) fn volume(&self, name: &str) -> Value {
        let medium = self
            .medium
            .map(|Medium::Memory| ("medium", Value::from("Memory")));
        let size = self.size.as_deref();
        let size = size.map(|size| ("sizeLimit", Value::from(size)));
        let empty_dir = mapping(medium.into_iter().chain(size));
        mapping([("name", Value::from(name)), ("emptyDir", empty_dir)])
    }
}

pub(super) fn mapping<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let entries = entries.into_iter();
    Value::Mapping(
        entries
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

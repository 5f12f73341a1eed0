//! Where containers write: what stays writable under a read-only root filesystem, and whether all of it is known.

use std::borrow::Cow;

use super::author::{Authored, Pod};
use super::{SecurityContext, has_command, volumes, writable};
use crate::catalogue::{Entry, clean, is_within, mounted_at};
use crate::config::Section;
use crate::edit::Knowledge;
use crate::finding::Mode;
use crate::objects::{Container, ContainerType};
use crate::yaml::Node;

/// Why it is not known that a container runs with a read-only root filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownPaths {
    /// The catalogue does not have all paths of the image.
    Image,
    /// The container has a command of its own.
    Command,
    /// The container has a command that runs when it has started.
    Hook,
    /// Its arguments, variables or working directory name this path, where the program may write.
    Named(String),
    /// The image writes to this path and has files there.
    Hides(String),
}

impl UnknownPaths {
    /// Whether an entry of the catalogue could say it: other containers of the image have other commands and arguments.
    pub fn is_of_image(&self) -> bool {
        matches!(self, UnknownPaths::Image | UnknownPaths::Hides(_))
    }
}

impl Section<'_, SecurityContext> {
    /// The paths of a container that stay writable under a read-only root filesystem.
    pub(super) fn writable_paths(
        &self,
        pod: &Pod<'_, '_>,
        author: &Authored<'_, '_>,
    ) -> Vec<writable::Wanted> {
        let (settings, container) = (&self.settings, author.container);
        // Ephemeral containers cannot add volumes, and Windows has no read-only root filesystem.
        let may_have_volumes = pod.has_volumes && !pod.template.is_windows;
        if container.container_type == ContainerType::Ephemeral || !may_have_volumes {
            return Vec::new();
        }
        let authors = || author.author("readOnlyRootFilesystem")?.bool();
        let is_read_only = settings.wants_read_only_root()
            && self.mode("container.readOnlyRootFilesystem") != Mode::Off
            && (self.may_be_read_only(container) || authors() == Some(true));
        let tmp = is_read_only && !settings.no_tmp;
        let mut paths = writable::paths_for(&settings.writable_paths, tmp, &container.name);
        // The image's entrypoint writes to these paths, and a command replaces the entrypoint.
        if is_read_only
            && settings.is_restricted()
            && let Some((image, entry)) = self.known_of(container)
            && !has_command(container)
        {
            writable::add_known(&mut paths, &image, entry);
        }
        paths
    }

    /// Whether the config or the catalogue says where a container writes, so that its root filesystem can be read-only.
    pub fn may_be_read_only(&self, container: &Container<'_>) -> bool {
        self.unknown_paths(container).is_none()
    }

    /// Whether the root filesystem of a container would be read-only if it were known where it writes.
    pub fn needs_paths(&self, container: &Container<'_>) -> bool {
        self.settings.wants_read_only_root()
            && self.mode("container.readOnlyRootFilesystem") != Mode::Off
            && !self.may_be_read_only(container)
    }

    /// What shows where a container writes, unless the config sets the field.
    pub(super) fn known_paths(&self, container: &Container<'_>) -> Option<Knowledge> {
        if self.unknown_paths(container).is_some() {
            return None;
        }
        match self
            .known_of(container)
            .filter(|(_, it)| it.paths_are_complete)
        {
            _ if self.lists_paths(container) => Some(Knowledge::config(
                "`writablePaths` has the paths of the container",
            )),
            Some((image, entry)) => Some(Knowledge::catalogue(
                entry,
                format!("the catalogue of images has all paths of {image}"),
            )),
            None => None,
        }
    }

    /// Whether `writablePaths` has an entry for a container.
    fn lists_paths(&self, container: &Container<'_>) -> bool {
        let mode = self.mode("writablePaths");
        !matches!(mode, Mode::Off | Mode::Remove | Mode::Bound)
            && writable::are_listed(&self.settings.writable_paths, &container.name)
    }

    /// Why it is not known that a container runs with a read-only root filesystem.
    pub fn unknown_paths(&self, container: &Container<'_>) -> Option<UnknownPaths> {
        let settings = &self.settings;
        let is_asked = settings.container.read_only_root_filesystem.is_some();
        if is_asked || self.lists_paths(container) {
            return None;
        }
        let known = self.entry_of(container);
        let Some(entry) = known.filter(|entry| entry.paths_are_complete) else {
            return Some(UnknownPaths::Image);
        };
        let mut hidden = entry.hides.iter().filter_map(|path| clean(path));
        match hidden.find(|path| !volumes::mounts_around(container, path)) {
            _ if has_command(container) => Some(UnknownPaths::Command),
            _ if hook(container, "postStart").next().is_some() => Some(UnknownPaths::Hook),
            Some(path) => Some(UnknownPaths::Hides(path)),
            None => named_path(container, entry, settings).map(UnknownPaths::Named),
        }
    }
}

/// Where programs without rights of root write nothing, or what the kubelet mounts.
const READ: [&str; 11] = [
    "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run/secrets", "/sbin", "/sys", "/usr",
    "/var/run/secrets",
];

/// Parts of the names of arguments and variables whose paths are parts of addresses: `--web.telemetry-path=/metrics`.
const OF_ADDRESSES: [&str; 8] = [
    "endpoint", "health", "metric", "prefix", "probe", "route", "telemetry", "url",
];

/// The same, where they are not within other words such as `security`.
const WORDS_OF_ADDRESSES: [&str; 4] = ["live", "ping", "ready", "uri"];

/// The command that a container runs when it has started (`postStart`) or before it is stopped (`preStop`).
fn hook<'a>(container: &Container<'a>, name: &str) -> impl Iterator<Item = Node<'a>> + use<'a> {
    let command = container.node.at(["lifecycle", name, "exec", "command"]);
    command.into_iter().flat_map(Node::items)
}

/// A path that an argument, a variable or the working directory names, and of which neither the catalogue nor a mount says
/// that it is writable. The paths of an image in the catalogue are those of its program as the image starts it; `--logpath`
/// or `-c log_directory=…` adds others, and in another working directory it writes what it names relative to it.
fn named_path(
    container: &Container<'_>,
    entry: &Entry,
    settings: &SecurityContext,
) -> Option<String> {
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"].into_iter();
    let probes = probes.filter_map(|it| container.node.at([it, "exec", "command"]));
    // Most only read.
    let probes = probes.flat_map(Node::items);
    let probes = probes.filter(|it| it.text().is_some_and(|it| writes(&it)));
    let hooks = hook(container, "preStop").chain(probes);
    let texts = container.items("args").chain(hooks).filter_map(Node::text);
    let words = texts.flat_map(|it| it.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let arguments: Vec<String> = words.collect();
    let before = std::iter::once("").chain(arguments.iter().map(String::as_str));
    let arguments = before.zip(&arguments).map(|(flag, word)| {
        let (name, value) = word.split_once('=').unwrap_or((flag, word));
        (name.to_owned(), value.to_owned())
    });
    let variables = container.items("env").filter_map(|it| {
        let text = |key| it.text_at([key]).map(Cow::into_owned);
        Some((text("name")?, text("value")?))
    });
    let directory = container.node.text_at(["workingDir"]).map(Cow::into_owned);
    let directory = directory.filter(|it| !it.is_empty());
    let is_known = |path: &str| {
        let moved = entry.moved_by.iter().chain(&entry.own_directory);
        let known = moved.map(|it| &it.path).chain(&entry.writable_paths);
        let mut known = known.filter_map(|it| clean(it));
        let mut read = READ.into_iter().chain((!settings.no_tmp).then_some("/tmp"));
        read.any(|it| is_within(path, it))
            || known.any(|it| is_within(path, &it))
            || volumes::mounted_paths(container).any(|it| is_within(path, &it))
    };
    // A relative path that leaves the directory; those below it are the program's own.
    let leaves = |part: &str| part.split('/').any(|it| it == "..");
    let named = |part: &str| match part.find('/') {
        // A short option may have its value behind it: `-k/tmp`.
        Some(2) if part.starts_with('-') => mounted_at(&part[2..]),
        Some(0) => mounted_at(part),
        // What a variable says is not known.
        Some(_) if part.starts_with('$') => Some(part.to_owned()),
        Some(_) if leaves(part) => match &directory {
            Some(directory) => mounted_at(&format!("{directory}/{part}")),
            None => Some(part.to_owned()),
        },
        _ => None,
    };
    let found = arguments.chain(variables).flat_map(|(name, value)| {
        let is_address = value.contains("://");
        let is_of_address = is_of_address(&name);
        let parts = value.split(|it: char| "=,;:\"'>[]{}".contains(it));
        let parts = parts.filter(|it| !(is_of_address || is_address && it.starts_with("//")));
        parts.filter_map(named).collect::<Vec<String>>()
    });
    let mut found = directory
        .iter()
        .filter_map(|it| mounted_at(it))
        .chain(found);
    found.find(|path| !is_known(path))
}

/// Whether the path of an argument or a variable is part of an address.
fn is_of_address(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|it: char| !it.is_ascii_alphanumeric());
    OF_ADDRESSES.iter().any(|it| name.contains(it))
        || words.any(|it| WORDS_OF_ADDRESSES.contains(&it))
}

/// Whether a script of a probe writes files.
fn writes(script: &str) -> bool {
    let mut words = script.split_whitespace();
    script.contains('>') || words.any(|it| matches!(it, "mkdir" | "mktemp" | "tee" | "touch"))
}

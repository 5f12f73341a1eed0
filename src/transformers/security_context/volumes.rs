//! The writable mounts that a read-only root filesystem needs.
//!
//! Each path of each container gets its own emptyDir, because containers must not share files that only one of them wrote
//! before. Paths are cleaned before they are compared: the API server compares them as text and would accept both `/tmp` and
//! `/tmp/`, which collide at run time.

use kustomize_krm_types::Severity;

use super::container::ContainerFitting;
use super::writable::{Wanted, mapping};
use crate::catalogue::{is_within, mounted_at};
use crate::edit::{Edits, Knowledge, Proposal};
use crate::finding::{Finding, Mode};
use crate::hashing::{HashMap, HashSet};
use crate::objects::{Container, Target, Template};
use crate::problem::Problem;
use crate::rules::rules;
use crate::yaml::{Node, Value};

rules! {
    pub(super) _;
    UNWRITABLE: "FIT-SEC006" Error Always "a path that must be writable and cannot be made writable";
}

/// The prefix of the names of added volumes.
const PREFIX: &str = "fitout-";

/// The longest name that a volume may have (a DNS label).
const LONGEST_NAME: usize = 63;

/// The volumes of a pod, including those that this run adds.
pub(super) struct Volumes {
    /// By name, the first source and whether all are emptyDirs.
    known: HashMap<String, (Source, bool)>,
    /// Names of volumes and where they are mounted.
    mounted: HashMap<String, HashSet<Place>>,
    /// Names without a hash, and the places that would get them.
    wanted: HashMap<String, HashSet<Place>>,
}

/// A container and a path in it.
type Place = (String, String);

/// Whether a volume is writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    EmptyDir,
    Writable,
    ReadOnly,
    /// A file, socket or device of the node, which has no paths below it.
    File,
}

/// Whether the author mounts something below a path, and so has seen to the image's files there.
fn mounts_below(fitting: &ContainerFitting<'_, '_>, path: &str) -> bool {
    let mut paths = mounted_paths(fitting.container);
    paths.any(|at| is_below(&at, path))
}

/// Whether the author mounts something at a path, above it or below it.
pub(super) fn mounts_around(container: &Container<'_>, path: &str) -> bool {
    let mut paths = mounted_paths(container);
    paths.any(|at| is_within(&at, path) || is_within(path, &at))
}

/// Where the author mounts something.
pub(super) fn mounted_paths(container: &Container<'_>) -> impl Iterator<Item = String> {
    let mounts = container.items("volumeMounts");
    mounts.filter_map(|mount| mounted_at(&mount.text_at(["mountPath"])?))
}

/// Whether a cleaned path is below another one.
fn is_below(path: &str, above: &str) -> bool {
    path != above && is_within(path, above)
}

/// How a container's mounts cover a path.
enum Cover {
    Writable,
    ReadOnly(String),
    /// A block device has the path, so nothing can be mounted there.
    Device,
    None,
}

impl Volumes {
    /// The volumes of a pod whose containers want these paths.
    pub(super) fn of<'w>(
        target: &Target<'_>,
        template: &Template<'_>,
        wanted: impl Iterator<Item = (&'w Container<'w>, &'w [Wanted])>,
    ) -> Volumes {
        let name = |volume: Node<'_>| volume.text_at(["name"]).unwrap_or_default().into_owned();
        let of_template = template.volumes().map(|it| (name(it), source_of(it)));
        let claims = target.claims.iter();
        let claims = claims.map(|claim| (claim.name.to_string(), Source::Writable));
        let mut known: HashMap<String, (Source, bool)> = HashMap::default();
        for (name, source) in of_template.chain(claims) {
            let (_, are_empty_dirs) = known.entry(name).or_insert((source, true));
            *are_empty_dirs &= source == Source::EmptyDir;
        }
        let mut mounted: HashMap<String, HashSet<Place>> = HashMap::default();
        for container in &template.containers {
            for mount in container.node.items_at(["volumeMounts"]) {
                let (name, path) = (mount.text_at(["name"]), mount.text_at(["mountPath"]));
                let (Some(name), Some(path)) = (name, path) else {
                    continue;
                };
                let path = mounted_at(&path).unwrap_or_else(|| path.into_owned());
                let places = mounted.entry(name.into_owned()).or_default();
                places.insert((name_of(container), path));
            }
        }
        let mut by_name: HashMap<String, HashSet<Place>> = HashMap::default();
        for (container, paths) in wanted {
            for path in paths {
                let place = (name_of(container), path.path.clone());
                by_name.entry(plain_name(&place)).or_default().insert(place);
            }
        }
        Volumes {
            known,
            mounted,
            wanted: by_name,
        }
    }

    /// Mounts an emptyDir at each path that the container cannot write to.
    pub(super) fn mount(
        &mut self,
        fitting: &ContainerFitting<'_, '_>,
        paths: &[Wanted],
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        // The mode of `writablePaths` does not apply to `/tmp` and paths from the catalogue: they come with the read-only root.
        let mode = fitting.section.mode("writablePaths");
        let is_off = matches!(mode, Mode::Off | Mode::Remove | Mode::Bound);
        let provided = provided_file(fitting);
        for wanted in paths {
            if is_off && wanted.is_configured || wanted.is_provided(provided.as_deref()) {
                continue;
            }
            match self.cover(fitting, &wanted.path) {
                Cover::Writable => {}
                Cover::Device => edits.find(is_a_device(fitting, wanted)),
                // The author who mounts something there has seen to the image's files.
                Cover::ReadOnly(_) if wanted.image.is_some() => {}
                Cover::None if wanted.hides && mounts_below(fitting, &wanted.path) => {}
                Cover::None if wanted.hides => edits.find(would_hide(fitting, wanted)),
                Cover::ReadOnly(by) => edits.find(stays_read_only(fitting, wanted, &by)),
                Cover::None => self.add(fitting, wanted, edits)?,
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        fitting: &ContainerFitting<'_, '_>,
        wanted: &Wanted,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let leaf = match wanted.is_configured {
            true => "writablePaths",
            false => "container.readOnlyRootFilesystem",
        };
        let decision = fitting.section.decision(leaf);
        let place = (name_of(fitting.container), wanted.path.clone());
        let name = self.name_for(&place);
        if !self.known.contains_key(&name) {
            let (pod, volume) = (&fitting.pod.template.pod, wanted.volume(&name));
            edits.append(Proposal::new(pod, &["volumes"], volume, decision.clone()))?;
            self.known.insert(name.clone(), (Source::EmptyDir, true));
        }
        let mount = [("name", name.as_str()), ("mountPath", &wanted.path)];
        let mount = mapping(mount.map(|(key, value)| (key, Value::from(value))));
        let of_image = wanted.image.as_ref();
        let knowledge = match of_image.and_then(|_| fitting.section.known_of(fitting.container)) {
            None => Knowledge::input("the root filesystem is read-only"),
            Some((image, entry)) => Knowledge::catalogue(
                entry,
                format!(
                    "the root filesystem is read-only, and {image} writes there according to the catalogue of images"
                ),
            ),
        };
        let subject = &fitting.container.subject;
        let proposal = Proposal::new(subject, &["volumeMounts"], mount, decision);
        edits.append(proposal.known(knowledge))?;
        self.mounted.entry(name).or_default().insert(place);
        Ok(())
    }

    fn cover(&self, fitting: &ContainerFitting<'_, '_>, path: &str) -> Cover {
        let container = fitting.container;
        let mut devices = container.node.items_at(["volumeDevices"]);
        let path_of = |device: Node<'_>| mounted_at(&device.text_at(["devicePath"])?);
        if devices.any(|device| path_of(device).as_deref() == Some(path)) {
            return Cover::Device;
        }
        let mounts = container.items("volumeMounts");
        let mounts = mounts.chain(fitting.pod.template.workspaces());
        let mut nearest: Option<(usize, Cover)> = None;
        for mount in mounts {
            let text = |key: &str| mount.text_at([key]).unwrap_or_default();
            let Some(mounted) = mounted_at(&text("mountPath")) else {
                continue;
            };
            let is_at = mounted == path;
            let is_above = is_below(path, &mounted);
            let length = nearest.as_ref().map_or(0, |(length, _)| *length);
            if (!is_at && !is_above) || length > mounted.len() {
                continue;
            }
            let source = self.known.get(text("name").as_ref());
            let source = source.map_or(Source::Writable, |(source, _)| *source);
            let read_only = mount.bool_at(["readOnly"]) == Some(true) || source == Source::ReadOnly;
            let what = || format!("the mount of \"{}\" at {mounted}", text("name"));
            // The kubelet creates a missing subPath as a directory, so paths below the mount are covered.
            let cover = match source {
                _ if read_only => Cover::ReadOnly(what()),
                Source::File if is_above => Cover::ReadOnly(format!("{}, a file,", what())),
                _ => Cover::Writable,
            };
            nearest = Some((mounted.len(), cover));
        }
        nearest.map_or(Cover::None, |(_, cover)| cover)
    }

    /// `fitout-<container>-<path>` as a DNS label. If two places would get the same name, both get a hash, whichever comes
    /// first.
    fn name_for(&self, place: &Place) -> String {
        let plain = plain_name(place);
        let is_exact =
            place.1.is_ascii() && !slug(&place.0).is_empty() && !slug(&place.1).is_empty();
        let is_only = is_nowhere_else(&self.wanted, &plain, place);
        if is_exact && is_only && plain.len() <= LONGEST_NAME && self.is_free(&plain, place) {
            return plain;
        }
        let mut salt = String::new();
        loop {
            let (container, path) = place;
            let hash = fnv1a(&format!("{container}\0{path}{salt}")) & 0x00ff_ffff;
            let hash = format!("{hash:06x}");
            let kept: String = plain.chars().take(LONGEST_NAME - 1 - hash.len()).collect();
            let name = format!("{}-{hash}", kept.trim_end_matches('-'));
            if self.is_free(&name, place) {
                return name;
            }
            salt.push('\0');
        }
    }

    /// Whether no volume has the name, or only an emptyDir that is mounted nowhere else.
    fn is_free(&self, name: &str, place: &Place) -> bool {
        let known = self.known.get(name);
        known.is_none_or(|(_, are_empty_dirs)| *are_empty_dirs)
            && is_nowhere_else(&self.mounted, name, place)
    }
}

/// Whether a name has no other place than this one.
fn is_nowhere_else(places: &HashMap<String, HashSet<Place>>, name: &str, place: &Place) -> bool {
    let mut places = places.get(name).into_iter().flatten();
    places.all(|other| other == place)
}

fn plain_name((container, path): &Place) -> String {
    format!("{PREFIX}{}-{}", slug(container), slug(path))
}

/// A container's name, or its index where it has none.
fn name_of(container: &Container<'_>) -> String {
    match container.name.as_ref() {
        "" => {
            let index = container.subject.path.tokens().last();
            index.map_or_else(String::new, |token| token.decoded().into_owned())
        }
        name => name.to_owned(),
    }
}

fn source_of(volume: Node<'_>) -> Source {
    let has = |key: &str| volume.at([key]).is_some();
    let sources = ["configMap", "secret", "projected", "downwardAPI", "image"];
    let is_read_only = sources.iter().any(|key| has(key));
    // Claims, nfs, iscsi, csi and others can be read-only as a whole.
    let is_set = |(_, source): (Node<'_>, Node<'_>)| source.bool_at(["readOnly"]) == Some(true);
    let type_ = volume.text_at(["hostPath", "type"]);
    let is_file = |type_: &str| !type_.is_empty() && !type_.starts_with("Directory");
    if is_read_only || volume.entries().any(is_set) {
        Source::ReadOnly
    } else if type_.as_deref().is_some_and(is_file) {
        Source::File
    // `emptyDir: null` is an emptyDir too.
    } else if volume.get("emptyDir").is_some() {
        Source::EmptyDir
    } else {
        Source::Writable
    }
}

/// The termination log that the kubelet mounts, if its path is not the default.
fn provided_file(fitting: &ContainerFitting<'_, '_>) -> Option<String> {
    mounted_at(&fitting.container.node.text_at(["terminationMessagePath"])?)
}

fn is_a_device(fitting: &ContainerFitting<'_, '_>, wanted: &Wanted) -> Finding {
    let reason = format!(
        "{} must be writable, but a block device has that path, and the API server rejects a mount there",
        wanted.path
    );
    unwritable(
        fitting,
        Severity::Error,
        "volumeDevices",
        "writablePaths",
        &reason,
    )
    .help(
        "give the device another path, or remove the path from `writablePaths` for this container",
    )
}

fn would_hide(fitting: &ContainerFitting<'_, '_>, wanted: &Wanted) -> Finding {
    let reason = format!(
        "nothing is mounted at {}: according to the catalogue of images, {} writes there and has files there, which an empty volume would hide",
        wanted.path,
        wanted.image.as_deref().unwrap_or_default(),
    );
    let leaf = "container.readOnlyRootFilesystem";
    unwritable(fitting, Severity::Warning, "volumeMounts", leaf, &reason)
        .help("mount the files there, or give this container a writable root filesystem")
}

fn stays_read_only(fitting: &ContainerFitting<'_, '_>, wanted: &Wanted, by: &str) -> Finding {
    let severity = match wanted.is_configured {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let reason = format!("{} must be writable, but {by} is not", wanted.path);
    unwritable(fitting, severity, "volumeMounts", "writablePaths", &reason)
        .help("mount that elsewhere, or remove the path from `writablePaths` for this container")
}

fn unwritable(
    fitting: &ContainerFitting<'_, '_>,
    severity: Severity,
    field: &str,
    leaf: &str,
    reason: &str,
) -> Finding {
    let subject = &fitting.container.subject;
    Finding::graded(&UNWRITABLE, severity, format!("{}: {reason}", subject.part))
        .about(subject, &[field])
        .decided_by(fitting.section.decision(leaf))
}

fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// FNV-1a, which needs no state and gives the same name on every machine.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_dns_labels() {
        assert_eq!(slug("/var/run/postgresql"), "var-run-postgresql");
        assert_eq!(slug("/etc/App_1.d/"), "etc-app-1-d");
    }
}

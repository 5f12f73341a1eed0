//! The writable mounts that a read-only root filesystem needs.
//!
//! Each path gets an emptyDir of its own container: one shared by two would join what the containers
//! trust. Paths are compared cleaned, because the API server compares them as text and would let
//! `/tmp` and `/tmp/` collide at run time.

use std::sync::Arc;

use kustomize_krm_types::Severity;

use super::container::ContainerFitting;
use super::writable::{Wanted, mapping};
use crate::catalogue::clean;
use crate::edit::{Edits, Meaning, Proposal};
use crate::finding::{Finding, Mode, Subject};
use crate::objects::{Container, Target, Template, expected};
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules::{Rule, rule};
use crate::yaml::{Node, Value};

pub(super) const UNWRITABLE: Rule = rule(
    "FIT-SEC006",
    Severity::Error,
    "a path that has to be writable and cannot be",
);

/// What the names of our volumes begin with.
const PREFIX: &str = "fitout-";

/// The longest name that a volume may have (a DNS label).
const LONGEST_NAME: usize = 63;

/// The volumes of a pod, with those that are being added.
pub(super) struct Volumes {
    known: Vec<(String, Source)>,
    /// Names of volumes and where they are mounted, by the author or by us.
    mounted: Vec<(String, Place)>,
    /// Names without a hash, and the places that they would be for.
    asked: Vec<(String, Place)>,
}

/// A container and a path in it.
type Place = (String, String);

/// What a volume is, as far as writing to it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    EmptyDir,
    Writable,
    ReadOnly,
    /// A single file, socket or device of the node, below which nothing can be.
    File,
}

/// Whether the author mounts something below a path, and so knows what the image does there.
fn mounts_below(fitting: &ContainerFitting<'_, '_>, path: &str) -> bool {
    let mounts = fitting.container.items("volumeMounts");
    let mut paths = mounts.filter_map(|mount| {
        let at = mount.text_at(["mountPath"])?;
        clean(&at)
    });
    paths.any(|at| {
        at.strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// How a container's mounts cover a path.
enum Cover {
    Writable,
    ReadOnly(String),
    /// A block device has the path: no other mount can.
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
        let mut known: Vec<(String, Source)> = template
            .volumes()
            .map(|volume| (name(volume), source_of(volume)))
            .collect();
        known.extend(
            target
                .claims
                .iter()
                .map(|claim| (claim.name.to_string(), Source::Writable)),
        );
        let mut mounted = Vec::new();
        for container in &template.containers {
            for mount in container.node.items_at(["volumeMounts"]) {
                let (name, path) = (mount.text_at(["name"]), mount.text_at(["mountPath"]));
                let (Some(name), Some(path)) = (name, path) else {
                    continue;
                };
                let path = clean(&path).unwrap_or_else(|| path.into_owned());
                mounted.push((name.into_owned(), (name_of(container), path)));
            }
        }
        let asked = wanted.flat_map(|(container, paths)| {
            let places = paths
                .iter()
                .map(|path| (name_of(container), path.path.clone()));
            places.map(|place| (plain_name(&place), place))
        });
        Volumes {
            known,
            mounted,
            asked: asked.collect(),
        }
    }

    /// Mounts each path that the container cannot write to yet.
    pub(super) fn mount(
        &mut self,
        fitting: &ContainerFitting<'_, '_>,
        resource: &Resource<'_>,
        pod: &Arc<Subject>,
        paths: &[Wanted],
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        // `/tmp` and what the catalogue knows belong to the read-only root filesystem, and are there with it.
        let mode = fitting.section.mode("writablePaths");
        let is_off = matches!(mode, Mode::Off | Mode::Remove | Mode::Bound);
        let provided = provided_file(fitting);
        for wanted in paths {
            if is_off && wanted.is_configured || wanted.is_provided(provided.as_deref()) {
                continue;
            }
            // `/tmp` is there because of the read-only root; nobody asked for it by name.
            let leaf = if wanted.is_configured {
                "writablePaths"
            } else {
                "container.readOnlyRootFilesystem"
            };
            let decision = fitting.section.decision(leaf);
            match self.cover(fitting, resource, &wanted.path)? {
                Cover::Writable => {}
                Cover::Device => edits.find(is_a_device(fitting, wanted)),
                // Who mounts something there knows what the image does with it.
                Cover::ReadOnly(_) if wanted.image.is_some() => {}
                Cover::None if wanted.hides && mounts_below(fitting, &wanted.path) => {}
                Cover::None if wanted.hides => edits.find(would_hide(fitting, wanted)),
                Cover::ReadOnly(by) => edits.find(stays_read_only(fitting, wanted, &by)),
                Cover::None => {
                    let place = (name_of(fitting.container), wanted.path.clone());
                    let name = self.name_for(&place);
                    if !self.known.iter().any(|(known, _)| *known == name) {
                        let proposal = Proposal {
                            subject: pod,
                            field: &["volumes"],
                            value: wanted.volume(&name),
                            decision: decision.clone(),
                            meaning: Meaning::Literal,
                            note: None,
                        };
                        edits.append(proposal)?;
                        self.known.push((name.clone(), Source::EmptyDir));
                    }
                    self.mounted.push((name.clone(), place));
                    let mount = [("name", name.as_str()), ("mountPath", &wanted.path)];
                    edits.append(Proposal {
                        subject: &fitting.subject,
                        field: &["volumeMounts"],
                        value: mapping(mount.map(|(key, value)| (key, Value::from(value)))),
                        decision: decision.clone(),
                        meaning: Meaning::Literal,
                        note: Some(match &wanted.image {
                            None => "the root filesystem is read-only".to_owned(),
                            Some(image) => format!(
                                "the root filesystem is read-only, and by the catalogue of images {image} writes there"
                            ),
                        }),
                    })?;
                }
            }
        }
        Ok(())
    }

    fn cover(
        &self,
        fitting: &ContainerFitting<'_, '_>,
        resource: &Resource<'_>,
        path: &str,
    ) -> Result<Cover, Problem> {
        let container = fitting.container;
        let mut devices = container.node.items_at(["volumeDevices"]);
        let path_of = |device: Node<'_>| clean(&device.text_at(["devicePath"])?);
        if devices.any(|device| path_of(device).as_deref() == Some(path)) {
            return Ok(Cover::Device);
        }
        let mounts = container.items("volumeMounts");
        let mounts = mounts.chain(fitting.template.workspaces());
        let mut nearest: Option<(usize, Cover)> = None;
        for (index, mount) in mounts.enumerate() {
            if !mount.is_map() {
                return Err(expected(
                    resource,
                    mount,
                    "a mapping",
                    &container.subject.at(&["volumeMounts", &index.to_string()]),
                ));
            }
            let text = |key: &str| mount.text_at([key]).unwrap_or_default();
            let Some(mounted) = clean(&text("mountPath")) else {
                continue;
            };
            let is_at = mounted == path;
            let is_above = path
                .strip_prefix(mounted.as_str())
                .is_some_and(|rest| rest.starts_with('/'));
            if (!is_at && !is_above)
                || nearest
                    .as_ref()
                    .is_some_and(|(length, _)| *length > mounted.len())
            {
                continue;
            }
            let source = self
                .known
                .iter()
                .find(|(name, _)| *name == text("name"))
                .map_or(Source::Writable, |(_, source)| *source);
            let read_only = mount.bool_at(["readOnly"]) == Some(true) || source == Source::ReadOnly;
            let what = || format!("the mount of \"{}\" at {mounted}", text("name"));
            // The kubelet makes a directory of a subPath that is not there; what lies below it is covered.
            let cover = if read_only {
                Cover::ReadOnly(what())
            } else if source == Source::File && is_above {
                Cover::ReadOnly(format!("{}, a file,", what()))
            } else {
                Cover::Writable
            };
            nearest = Some((mounted.len(), cover));
        }
        Ok(nearest.map_or(Cover::None, |(_, cover)| cover))
    }

    /// `fitout-<container>-<path>`, as a DNS label that is for this place alone. Where that could mean
    /// two places, each gets a hash, whichever comes first.
    fn name_for(&self, place: &Place) -> String {
        let plain = plain_name(place);
        let says_all =
            place.1.is_ascii() && !slug(&place.0).is_empty() && !slug(&place.1).is_empty();
        let is_only = self
            .asked
            .iter()
            .all(|(name, asking)| *name != plain || asking == place);
        if says_all && is_only && plain.len() <= LONGEST_NAME && self.is_free(&plain, place) {
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

    /// Whether no volume has the name, or one of ours that is mounted nowhere else.
    fn is_free(&self, name: &str, place: &Place) -> bool {
        let mut known = self.known.iter().filter(|(known, _)| known == name);
        known.all(|(_, source)| *source == Source::EmptyDir)
            && self
                .mounted
                .iter()
                .all(|(mounted, at)| mounted != name || at == place)
    }
}

fn plain_name((container, path): &Place) -> String {
    format!("{PREFIX}{}-{}", slug(container), slug(path))
}

/// A container's name; the API server refuses those without one, but ours need one all the same.
fn name_of(container: &Container<'_>) -> String {
    match container.name.as_ref() {
        "" => container
            .subject
            .path
            .tokens()
            .last()
            .map_or_else(String::new, |token| token.decoded().into_owned()),
        name => name.to_owned(),
    }
}

fn source_of(volume: Node<'_>) -> Source {
    let has = |key: &str| volume.at([key]).is_some();
    // An emptyDir without settings is written `emptyDir: {}`, or null, or not at all.
    let is_read_only = ["configMap", "secret", "projected", "downwardAPI", "image"]
        .iter()
        .any(|key| has(key));
    // Claims, nfs, iscsi, csi and others can be read-only as a whole.
    let says_so = |(_, source): (Node<'_>, Node<'_>)| source.bool_at(["readOnly"]) == Some(true);
    let type_ = volume.text_at(["hostPath", "type"]);
    let is_file = |type_: &str| !type_.is_empty() && !type_.starts_with("Directory");
    if is_read_only || volume.entries().any(says_so) {
        Source::ReadOnly
    } else if type_.as_deref().is_some_and(is_file) {
        Source::File
    } else if volume.get("emptyDir").is_some() {
        Source::EmptyDir
    } else {
        Source::Writable
    }
}

/// The file that the kubelet mounts for the container's last words, where it is not the usual one.
fn provided_file(fitting: &ContainerFitting<'_, '_>) -> Option<String> {
    clean(&fitting.container.node.text_at(["terminationMessagePath"])?)
}

fn is_a_device(fitting: &ContainerFitting<'_, '_>, wanted: &Wanted) -> Finding {
    let message = format!(
        "{}: {} must be writable, but a block device has that path, and the API server refuses a mount beside it",
        fitting.subject.part, wanted.path
    );
    Finding::new(&UNWRITABLE, message)
        .about(&fitting.subject, &["volumeDevices"])
        .decided_by(fitting.section.decision("writablePaths"))
        .help("give the device another path, or take the path out of `writablePaths` for this container")
}

fn would_hide(fitting: &ContainerFitting<'_, '_>, wanted: &Wanted) -> Finding {
    let message = format!(
        "{}: by the catalogue of images {} writes to {}, where it has files that an empty volume would hide; nothing is mounted there",
        fitting.subject.part,
        wanted.image.as_deref().unwrap_or_default(),
        wanted.path
    );
    Finding::graded(&UNWRITABLE, Severity::Warning, message)
        .about(&fitting.subject, &["volumeMounts"])
        .decided_by(fitting.section.decision("container.readOnlyRootFilesystem"))
        .help("mount its files there, or let this container have a writable root filesystem")
}

fn stays_read_only(fitting: &ContainerFitting<'_, '_>, wanted: &Wanted, by: &str) -> Finding {
    let severity = if wanted.is_configured {
        Severity::Error
    } else {
        Severity::Warning
    };
    let message = format!(
        "{}: {} must be writable, but {by} is not",
        fitting.subject.part, wanted.path
    );
    Finding::graded(&UNWRITABLE, severity, message)
        .about(&fitting.subject, &["volumeMounts"])
        .decided_by(fitting.section.decision("writablePaths"))
        .help("mount that elsewhere, or take the path out of `writablePaths` for this container")
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

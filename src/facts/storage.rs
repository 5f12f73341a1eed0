//! Who can write to the volumes that containers mount.
//!
//! A new volume belongs to root. The kubelet makes an emptyDir writable for everyone, and gives claims and volumes of block
//! devices to the `fsGroup` of the pod (`SetUp` of the plugins in kubernetes `pkg/volume`). It does not change the owner of
//! directories of the node and of file servers, and inline CSI volumes depend on their driver.

use std::borrow::Cow;

use super::view::View;
use crate::catalogue::mounted_at;
use crate::hashing::HashMap;
use crate::objects::{ClaimKind, Related, Target};
use crate::yaml::Keys;

/// Who can write to a volume, apart from root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Everyone,
    /// The `fsGroup`.
    Group,
    /// The owner that the volume has outside of the cluster; this is its source.
    Owner(&'static str),
    /// No one.
    NoOne,
}

/// Sources that cannot be written.
const READ_ONLY: [&str; 5] = ["configMap", "secret", "projected", "downwardAPI", "image"];

/// Sources whose files keep their owner.
const OWNED: [&str; 7] = [
    "hostPath", "nfs", "csi", "cephfs", "glusterfs", "azureFile", "quobyte",
];

/// The fields of a volume: its name, `hostPath`, those of [`READ_ONLY`], two for claims, and the others of [`OWNED`].
const VOLUME: Keys<15> = Keys::new([
    "name", "hostPath", "configMap", "secret", "projected", "downwardAPI", "image",
    "persistentVolumeClaim", "ephemeral", "nfs", "csi", "cephfs", "glusterfs", "azureFile",
    "quobyte",
]);

type Fields<'a> = [Option<View<'a>>; 15];

/// The volumes of a pod, by name.
#[derive(Debug)]
pub struct Storage<'a> {
    volumes: HashMap<Cow<'a, str>, Volume<'a>>,
    /// Whether someone can write to one of them.
    is_writable: bool,
}

#[derive(Debug)]
struct Volume<'a> {
    access: Access,
    /// The mode of the files that others may do least with.
    mode: Option<i128>,
    host: Option<Cow<'a, str>>,
}

/// A writable mount of a container.
#[derive(Debug)]
pub struct Mount<'a> {
    /// The name of the volume.
    pub volume: Cow<'a, str>,
    /// Who can write to it.
    pub access: Access,
    at: Option<View<'a>>,
}

impl Mount<'_> {
    /// Where it is in the container.
    pub fn path(&self) -> String {
        let path = self.at.map(View::text).unwrap_or_default();
        mounted_at(&path).unwrap_or_else(|| "/".to_owned())
    }
}

/// The fields of a mount.
pub const MOUNT: Keys<3> = Keys::new(["name", "mountPath", "readOnly"]);

impl<'a> Storage<'a> {
    /// The volumes of a pod spec of an object.
    pub fn of(spec: View<'a>, target: &'a Target<'_>, related: &Related<'_>) -> Storage<'a> {
        let mut volumes: HashMap<_, Volume<'_>> = HashMap::default();
        for volume in spec.items_at(["volumes"]) {
            let fields = volume.pick(&VOLUME);
            let [name, host, ..] = fields;
            let name = name.map(View::text).unwrap_or_default();
            let access = access(volume, &fields, target, related);
            let known = volumes.entry(name).or_insert_with(|| Volume {
                access,
                mode: None,
                host: host.and_then(|it| it.text_at(["path"])),
            });
            known.access = access;
            known.mode = least_mode(&fields).or(known.mode);
        }
        let claims = target.claims.iter();
        for claim in claims.filter(|claim| claim.kind == ClaimKind::Template) {
            let modes = claim.node.at(["spec"]).map(View::of);
            let access = match modes.is_some_and(is_read_only_claim) {
                true => Access::NoOne,
                false => Access::Group,
            };
            // A claim template takes the place of a volume with its name.
            let name = Cow::Borrowed(claim.name.as_ref());
            let (mode, host) = (None, None);
            let claim = Volume { access, mode, host };
            volumes.entry(name).or_insert(claim).access = access;
        }
        let mut all = volumes.values();
        Storage {
            is_writable: all.any(|it| it.access != Access::NoOne),
            volumes,
        }
    }

    /// Whether there are no volumes.
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty()
    }

    /// The mode of the files of a volume if it keeps others than root from reading or executing them: the kubelet makes root
    /// their owner. It gives the `fsGroup` read access, but does not let it execute them (`changeFilePermission` in kubernetes
    /// `pkg/volume/volume_linux.go`).
    pub fn closed_mode(&self, volume: &str) -> Option<i128> {
        let mode = self.volumes.get(volume)?.mode?;
        (is_unreadable(mode) || is_unexecutable(mode)).then_some(mode)
    }

    /// The path of a volume on the node.
    pub fn host_path(&self, volume: &str) -> Option<&str> {
        self.volumes.get(volume)?.host.as_deref()
    }

    /// The writable mounts of a container, of its `volumeMounts`.
    pub fn mounts(&self, mounts: Option<View<'a>>) -> impl Iterator<Item = Mount<'a>> {
        let mounts = mounts.filter(|_| self.is_writable);
        let mounts = mounts.into_iter().flat_map(View::items);
        mounts.filter_map(|mount| {
            let [name, at, read_only] = mount.pick(&MOUNT);
            let volume = name?.text();
            let access = self.volumes.get(&volume)?.access;
            let is_read_only = read_only.and_then(View::bool) == Some(true);
            (access != Access::NoOne && !is_read_only).then_some(Mount { volume, access, at })
        })
    }
}

/// Whether only the owner and the `fsGroup` read files of a mode.
pub fn is_unreadable(mode: i128) -> bool {
    mode & 0o004 == 0
}

/// Whether only the owner executes files of a mode.
pub fn is_unexecutable(mode: i128) -> bool {
    mode & 0o101 == 0o100
}

/// The mode of the files of a volume that others may do least with.
fn least_mode([_, _, fields @ ..]: &Fields<'_>) -> Option<i128> {
    let source = fields[..READ_ONLY.len()].iter().flatten().next()?;
    let default = source.get("defaultMode").and_then(View::int);
    let parts = source.items_at(["sources"]);
    let parts = parts.flat_map(|part| part.entries().map(|(_, it)| it).collect::<Vec<_>>());
    let items = [*source].into_iter().chain(parts);
    let items = items.flat_map(|of| of.items_at(["items"]).collect::<Vec<_>>());
    let modes = items.filter_map(|item| item.get("mode").and_then(View::int));
    let rank = |mode: &i128| (!is_unreadable(*mode), !is_unexecutable(*mode));
    default.into_iter().chain(modes).min_by_key(rank)
}

/// Who can write to a volume of a pod.
fn access(
    volume: View<'_>,
    fields: &Fields<'_>,
    target: &Target<'_>,
    related: &Related<'_>,
) -> Access {
    let [_, host, others @ ..] = fields;
    let (read_only, others) = others.split_at(READ_ONLY.len());
    if read_only.iter().any(Option::is_some) {
        return Access::NoOne;
    }
    let [claim, ephemeral, owned @ ..] = others else {
        return Access::Group;
    };
    let mut sources = volume.entries();
    if sources.any(|(_, source)| source.get("readOnly").and_then(View::bool) == Some(true)) {
        return Access::NoOne;
    }
    if let Some(name) = claim.and_then(|it| it.text_at(["claimName"])) {
        return of_claim(&name, target, related);
    }
    if let Some(spec) = ephemeral.and_then(|it| it.at(["volumeClaimTemplate", "spec"])) {
        return match is_read_only_claim(spec) {
            true => Access::NoOne,
            false => Access::Group,
        };
    }
    let owned = [host].into_iter().chain(owned).zip(OWNED);
    let mut owned = owned.filter_map(|(it, source)| it.is_some().then_some(source));
    if let Some(source) = owned.next() {
        return Access::Owner(source);
    }
    let is_empty_dir = volume
        .entries()
        .all(|(key, _)| matches!(&*key, "name" | "emptyDir"));
    match is_empty_dir {
        true => Access::Everyone,
        false => Access::Group,
    }
}

/// Who can write to the volume of a claim; the claim and its volume may be in the input.
fn of_claim(name: &str, target: &Target<'_>, related: &Related<'_>) -> Access {
    let claim = related
        .claim(target.resource, name)
        .map(|(_, node)| View::of(node));
    let spec = claim.and_then(|it| it.get("spec"));
    if spec.is_some_and(is_read_only_claim) {
        return Access::NoOne;
    }
    let bound = spec.and_then(|spec| related.persistent_volume(&spec.text_at(["volumeName"])?));
    let bound = bound.or_else(|| related.persistent_volume_of(target.resource, name));
    let volume = bound.and_then(|node| View::of(node).get("spec"));
    let source = volume.and_then(|volume| {
        let mut owned = OWNED.into_iter().filter(|key| *key != "csi");
        owned.find(|key| volume.get(key).is_some())
    });
    source.map_or(Access::Group, Access::Owner)
}

/// Whether a claim can only be mounted read-only.
fn is_read_only_claim(spec: View<'_>) -> bool {
    let mut modes = spec.items_at(["accessModes"]).map(View::text).peekable();
    modes.peek().is_some() && modes.all(|mode| mode == "ReadOnlyMany")
}

//! The volumes of a pod, as kubelet prepares them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::pod::{Pod, list, text};
use crate::hosts::bench::Ran;

pub(super) struct Volumes {
    folder: TempDir,
    image: String,
}

impl Volumes {
    /// A folder for each volume. Root owns them, so a container prepares them: the test itself needs no rights.
    pub(super) fn of(pod: &Pod, image: &str) -> Volumes {
        let volumes = Volumes {
            folder: tempfile::Builder::new()
                .prefix("fitout-start-")
                .tempdir()
                .unwrap(),
            image: image.to_owned(),
        };
        let mut script = "set -e\ncd /volumes\n".to_owned();
        let mut make = |name: &str, mode: &str, rest: &str| {
            script.push_str(&format!(
                "mkdir -p {name}\nchown 0:0 {name}\nchmod {mode} {name}\n{rest}\n"
            ));
        };
        // A claim is a new disk with ext4: root owns it, and it has a directory that only root reads.
        let disk = |name: &str| format!("mkdir -m 700 {name}/lost+found");
        // What kubelet's SetVolumeOwnership does.
        let owned = |name: &str, bits: &str| match pod.fs_group() {
            Some(group) => format!(
                "chgrp -R {group} {name}\nchmod -R {bits} {name}\nfind {name} -type d -exec chmod g+s {{}} +"
            ),
            None => String::new(),
        };
        for name in &pod.own_claims {
            make(
                name,
                "755",
                &format!("{}\n{}", disk(name), owned(name, "ug+rwX")),
            );
        }
        for volume in list(&pod.spec["volumes"]) {
            let name = text(&volume["name"]);
            if volume["emptyDir"].is_object() {
                make(&name, "777", &owned(&name, "ug+rwX"));
            } else if volume["persistentVolumeClaim"].is_object() {
                make(
                    &name,
                    "755",
                    &format!("{}\n{}", disk(&name), owned(&name, "ug+rwX")),
                );
            } else if let Some((kind, key)) = [("ConfigMap", "name"), ("Secret", "secretName")]
                .into_iter()
                .find(|(kind, _)| volume[source(kind)].is_object())
            {
                let data = pod.data_of(kind, &volume[source(kind)][key]);
                let folder = volumes.folder.path().join(&name);
                fs::create_dir(&folder).unwrap();
                for (file, content) in data {
                    fs::write(folder.join(file), content).unwrap();
                }
                let files = format!("chown -R 0:0 {name}\nchmod 644 {name}/*\n");
                make(&name, "755", &format!("{files}{}", owned(&name, "ug+rX")));
            } else {
                assert!(volume["hostPath"].is_object(), "no such volume: {volume}");
            }
        }
        volumes.as_root(&script);
        volumes
    }

    fn as_root(&self, script: &str) {
        let mut command = Command::new("docker");
        command
            .args(["run", "--rm", "-i", "--network", "none", "--user", "0"])
            .arg(format!("-v={}:/volumes", self.folder.path().display()))
            .args(["--entrypoint", "/bin/sh", &self.image, "-s"]);
        Ran::of(command, script.to_owned(), script.as_bytes()).succeeded();
    }

    /// The arguments of `docker run` for the mounts of the pod's container.
    pub(super) fn mounts(&self, pod: &Pod) -> Vec<String> {
        let mounts = list(&pod.container()["volumeMounts"]);
        let argument = |mount: &Value| {
            let volume = list(&pod.spec["volumes"])
                .iter()
                .find(|it| it["name"] == mount["name"]);
            let of_config =
                volume.is_some_and(|it| it["configMap"].is_object() || it["secret"].is_object());
            let folder = match volume.and_then(|it| it["hostPath"]["path"].as_str()) {
                Some(path) => PathBuf::from(path),
                None => self.folder.path().join(text(&mount["name"])),
            };
            let from = match mount["subPath"].as_str() {
                Some(path) => sub_path(&folder, path, self),
                None => folder,
            };
            let read_only = if of_config || mount["readOnly"] == true {
                ",readonly"
            } else {
                ""
            };
            let to = text(&mount["mountPath"]);
            format!(
                "--mount=type=bind,src={},dst={to}{read_only}",
                from.display()
            )
        };
        mounts.iter().map(argument).collect()
    }

    /// The emptyDirs that hold more than their limit, for which kubelet would evict the pod.
    pub(super) fn over_limit(&self, pod: &Pod) -> Vec<String> {
        let over = |volume: &Value| {
            let limit = volume["emptyDir"]["sizeLimit"].as_str()?;
            let name = text(&volume["name"]);
            let mut command = Command::new("du");
            command.arg("-sk").arg(self.folder.path().join(&name));
            let used = Ran::of(command, format!("du {name}"), b"").stdout;
            let used: u64 = used.split_whitespace().next()?.parse().ok()?;
            (used > kibibytes(limit)).then(|| format!("{name} holds {used}Ki of {limit}"))
        };
        list(&pod.spec["volumes"]).iter().filter_map(over).collect()
    }
}

impl Drop for Volumes {
    fn drop(&mut self) {
        self.as_root("find /volumes -mindepth 1 -delete");
    }
}

/// The field of a volume with the content of this kind.
fn source(kind: &str) -> &'static str {
    if kind == "Secret" {
        "secret"
    } else {
        "configMap"
    }
}

/// Kubelet creates a sub path that does not exist, with the owner and the mode of the volume.
fn sub_path(folder: &Path, path: &str, volumes: &Volumes) -> PathBuf {
    let name = folder.file_name().unwrap().to_str().unwrap();
    volumes.as_root(&format!(
        "cd /volumes/{name}\n[ -e {path} ] || {{ mkdir -p {path}; chown --reference=. {path}; chmod --reference=. {path}; }}"
    ));
    folder.join(path)
}

/// A quantity of memory in KiB.
pub(super) fn kibibytes(quantity: &str) -> u64 {
    let (number, unit) = quantity.split_at(quantity.len() - 2);
    let factor = match unit {
        "Ki" => 1,
        "Mi" => 1 << 10,
        "Gi" => 1 << 20,
        _ => panic!("the test does not know the quantity {quantity}"),
    };
    number.parse::<u64>().unwrap() * factor
}

//! The private directory of a program, moved below the root of an emptyDir.
//!
//! PostgreSQL and others change the mode of their data directory, which only its owner may do, and the root of a volume
//! belongs to root. An emptyDir is new with every pod, so a move loses no data. For other volumes FIT-SEC012 reports it.

use super::container::ContainerFitting;
use super::user::id_of;
use super::writable::mapping;
use crate::catalogue::{clean, mounted_at};
use crate::edit::{Edits, Knowledge, Proposal};
use crate::facts::{Access, Storage, View};
use crate::finding::Mode;
use crate::objects::{Related, Target};
use crate::problem::Problem;
use crate::yaml::{Node, Value};

/// The setting whose mode decides.
const LEAF: &str = "ownDirectory";

impl ContainerFitting<'_, '_> {
    /// Sets the variable of the directory, where nothing else uses the volume.
    pub(super) fn fit_own_directory(
        &self,
        (target, related): (&Target<'_>, &Related<'_>),
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let settings = &self.section.settings;
        let is_due = settings.is_restricted()
            && !settings.openshift
            && matches!(self.section.mode(LEAF), Mode::Ensure | Mode::Override);
        let Some((image, entry)) = self.section.known_of(self.container).filter(|_| is_due) else {
            return Ok(());
        };
        let Some(own) = &entry.own_directory else {
            return Ok(());
        };
        let sets =
            |variable: Node<'_>| variable.text_at(["name"]).as_deref() == Some(&own.variable);
        let may_be_set = self.container.items("env").any(sets)
            || self.container.items("envFrom").next().is_some();
        let user = id_of(self.pod, self.author, "runAsUser", edits);
        let Some(path) = clean(&own.path).filter(|_| !may_be_set && user.is_some()) else {
            return Ok(());
        };
        if user == Some(Value::from(0_i64)) {
            return Ok(());
        }
        let template = self.pod.template;
        let storage = Storage::of(View::of(template.spec), target, related);
        let mut mounts = storage.mounts(View::of(self.container.node).get("volumeMounts"));
        let Some(mount) = mounts.find(|it| it.path() == path && it.access == Access::Everyone)
        else {
            return Ok(());
        };
        let containers = template.containers.iter();
        let all = containers.flat_map(|it| it.items("volumeMounts"));
        let of_volume = all.filter(|it| it.text_at(["name"]) == Some(mount.volume.clone()));
        let has_below = self.container.items("volumeMounts").any(|it| {
            let below = it.text_at(["mountPath"]).and_then(|it| mounted_at(&it));
            below.is_some_and(|it| it.starts_with(&format!("{path}/")))
        });
        if has_below || of_volume.count() > 1 {
            return Ok(());
        }
        let value = [
            ("name", own.variable.as_str()),
            ("value", &format!("{path}/data")),
        ]
        .map(|(key, value)| (key, Value::from(value)));
        let note = format!(
            "{image} needs a directory of its own according to the catalogue of images, and the root of \"{}\" belongs to root",
            mount.volume
        );
        let decision = self.section.decision(LEAF);
        let subject = &self.container.subject;
        let proposal = Proposal::new(subject, &["env"], mapping(value), decision);
        edits.append(proposal.known(Knowledge::catalogue(entry, note)))
    }
}

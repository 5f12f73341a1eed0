//! The resize policies of one container (`resizePolicy`).

use std::rc::Rc;
use std::sync::Arc;

use super::{Resources, removal};
use crate::config::Section;
use crate::edit::{Edits, Proposal};
use crate::finding::{Decision, Finding, Mode};
use crate::objects::{Container, ContainerType, Template};
use crate::problem::Problem;
use crate::read::Resource;
use crate::rules::rules;
use crate::transformers::KNATIVE;
use crate::yaml::{Node, Value};

rules! {
    pub(super) _;
    IMPOSSIBLE: "FIT-RES020" Warning Always
        "a configured resize policy that is not set, because the API server rejects it or it has no effect";
}

const KEY: &str = "resizePolicy";

/// The first minor version of Kubernetes in which resizing in place is on by default.
const SINCE: u32 = 33;

/// What the kubelet does with a running container whose amounts change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Restart {
    /// The container keeps running, and gets the new amount.
    NotRequired,
    /// The container is restarted: for programs that read the amount only when they start, such as a JVM with its heap.
    RestartContainer,
}

/// Resize policies of containers.
#[derive(Debug, Default, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub(super) struct ResizePolicy {
    /// When requests and limits of CPU change.
    cpu: Option<Restart>,
    /// When requests and limits of memory change.
    memory: Option<Restart>,
}

/// One container and its section.
pub(super) struct Resizing<'f, 'a> {
    pub(super) resource: &'f Resource<'a>,
    pub(super) template: &'f Template<'a>,
    pub(super) container: &'f Container<'a>,
    pub(super) section: &'f Rc<Section<'f, Resources>>,
}

impl<'a> Resizing<'_, 'a> {
    /// Sets or deletes the container's policies, each resource on its own. Init containers that complete cannot be resized,
    /// and only whole pods have the field.
    pub(super) fn fit(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let policy = &self.section.settings.resize_policy;
        let lasts = matches!(
            self.container.container_type,
            ContainerType::Container | ContainerType::Sidecar
        );
        if !lasts || !self.template.is_whole() {
            return Ok(());
        }
        let mut removed = Vec::new();
        for (name, wanted) in [("cpu", policy.cpu), ("memory", policy.memory)] {
            if wanted.is_none() && !self.section.may_remove() {
                continue;
            }
            let leaf = [KEY, ".", name].concat();
            let item = self.item(name);
            match (self.section.mode(&leaf), wanted) {
                (Mode::Remove, _) => {
                    let setting = wanted.map(|_| leaf.clone());
                    let decision = removal(self.section, &leaf, setting);
                    removed.extend(item.zip(decision).map(|((place, _), it)| (place, it)));
                }
                (Mode::Ensure | Mode::Override, Some(wanted)) => {
                    let decision = self.section.decision(&leaf);
                    self.set(name, wanted, item, decision, edits)?;
                }
                _ => {}
            }
        }
        self.remove(removed, edits)
    }

    /// The author's policies.
    fn items(&self) -> impl Iterator<Item = Node<'a>> {
        self.container.node.items_at([KEY])
    }

    /// The author's policy for a resource, and its place in the list.
    fn item(&self, name: &str) -> Option<(usize, Node<'a>)> {
        let is_for = |it: &Node<'_>| it.text_at(["resourceName"]).as_deref() == Some(name);
        self.items().enumerate().find(|(_, it)| is_for(it))
    }

    fn set(
        &self,
        name: &'static str,
        wanted: Restart,
        item: Option<(usize, Node<'a>)>,
        decision: Arc<Decision>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let value = format!("{wanted:?}");
        let present = item.and_then(|(_, node)| node.text_at(["restartPolicy"]));
        let is_kept = present.is_some() && decision.mode != Mode::Override;
        let stays = is_kept || present.as_deref() == Some(&*value);
        let subject = &self.container.subject;
        if !stays && self.version() < SINCE {
            edits.find(Finding::too_young(KEY, SINCE, decision).about(subject, &[KEY]));
            return Ok(());
        }
        if let Some((what, help)) = self.obstacle(wanted).filter(|_| !stays) {
            let message = format!(
                "{}: did not set the resize policy of {name} to {value}: {what}",
                subject.part
            );
            let finding = Finding::new(&IMPOSSIBLE, message).about(subject, &[KEY]);
            edits.find(finding.decided_by(decision).help(help));
            return Ok(());
        }
        let text = |key: &str, text: &str| (key.to_owned(), Value::from(text));
        match item {
            Some((place, _)) => {
                let place = place.to_string();
                let field = [KEY, &place, "restartPolicy"];
                edits.set(Proposal::new(subject, &field, Value::from(value), decision))?;
            }
            None => {
                let item = [text("resourceName", name), text("restartPolicy", &value)];
                let item = Value::Mapping(item.into());
                edits.append(Proposal::new(subject, &[KEY], item, decision))?;
            }
        }
        Ok(())
    }

    /// Deletes policies by their places, and the list if nothing stays.
    fn remove(
        &self,
        removed: Vec<(usize, Arc<Decision>)>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let is_all = self.items().count() == removed.len();
        for (place, decision) in removed {
            let place = place.to_string();
            let (all, one) = ([KEY], [KEY, &place]);
            let field = if is_all { &all[..] } else { &one[..] };
            let subject = &self.container.subject;
            edits.remove(Proposal::new(subject, field, Value::Null, decision))?;
            if is_all {
                break;
            }
        }
        Ok(())
    }

    fn version(&self) -> u32 {
        self.section.kubernetes_version().map_or(0, |it| it.minor())
    }

    /// Why a policy is not set (`validateResizePolicy` and `ValidatePodResize` in kubernetes
    /// `pkg/apis/core/validation/validation.go`), and what to do about it.
    fn obstacle(&self, wanted: Restart) -> Option<(&'static str, &'static str)> {
        let restarts = self.template.spec.text_at(["restartPolicy"]);
        if self.resource.group() == KNATIVE {
            return Some((
                "Knative rejects it",
                "set `modes: {resizePolicy: Off}` in a profile for Knative",
            ));
        }
        if self.template.is_windows {
            return Some((
                "Windows pods cannot be resized",
                "set `modes: {resizePolicy: Off}` in a profile for Windows",
            ));
        }
        let is_rejected =
            wanted == Restart::RestartContainer && restarts.as_deref() == Some("Never");
        is_rejected.then_some((
            "the API server rejects it in pods with restartPolicy: Never",
            "set NotRequired for them in a profile",
        ))
    }
}

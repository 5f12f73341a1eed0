//! What scales what, as several checks ask.

use std::borrow::Cow;

use super::index::Objects;
use crate::read::Resource;
use crate::yaml::Node;

/// A HorizontalPodAutoscaler, or KEDA's ScaledObject, which makes one.
pub struct Scaler<'s> {
    /// Its index among all objects.
    pub index: usize,
    /// The autoscaler.
    pub resource: &'s Resource<'s>,
    /// What it says that it scales.
    pub reference: Node<'s>,
    /// The group of that, if it is said.
    pub group: String,
    /// Its kind.
    pub kind: Cow<'s, str>,
    /// Its name.
    pub name: Cow<'s, str>,
    /// The objects that this may be.
    pub targets: Vec<(usize, &'s Resource<'s>)>,
    /// The fewest replicas that it keeps.
    pub least: i64,
}

impl<'s> Scaler<'s> {
    /// All autoscalers.
    pub fn all(objects: &Objects<'s>) -> Vec<Scaler<'s>> {
        let all = objects.resources.iter().enumerate();
        all.filter_map(|(index, resource)| Scaler::of(objects, index, resource))
            .collect()
    }

    fn of(objects: &Objects<'s>, index: usize, resource: &'s Resource<'s>) -> Option<Scaler<'s>> {
        let (default, least) = match (resource.group(), resource.kind.as_ref()) {
            ("autoscaling", "HorizontalPodAutoscaler") => (["", ""], ("minReplicas", 1)),
            ("keda.sh", "ScaledObject") => (["apps/v1", "Deployment"], ("minReplicaCount", 0)),
            _ => return None,
        };
        let reference = resource.node.at(["spec", "scaleTargetRef"])?;
        let text = |key, default| {
            let text = reference.text_at([key]);
            text.unwrap_or(Cow::Borrowed(default))
        };
        let version = text("apiVersion", default[0]);
        let group = version.split_once('/').map_or("", |it| it.0).to_owned();
        let (kind, name) = (text("kind", default[1]), text("name", ""));
        let is_meant = |it: &Resource<'s>| it.kind == kind && it.group() == group;
        let namespace = resource.namespace.as_deref();
        let targets = objects.referred(resource, &name, namespace, is_meant);
        let (key, default) = least;
        let least = resource.node.int_at(["spec", key]);
        Some(Scaler {
            index,
            resource,
            reference,
            group,
            kind,
            name,
            targets,
            least: least.unwrap_or(default),
        })
    }
}

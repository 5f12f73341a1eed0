//! Autoscalers and their targets.

use std::borrow::Cow;

use super::index::Objects;
use crate::read::Resource;
use crate::yaml::Node;

/// A HorizontalPodAutoscaler, a VerticalPodAutoscaler, or KEDA's ScaledObject, which creates the former.
#[derive(Debug)]
pub struct Autoscaler<'a> {
    /// Its index among all objects.
    pub index: usize,
    /// The autoscaler.
    pub resource: &'a Resource<'a>,
    /// Its target reference.
    pub reference: Node<'a>,
    /// The group in the reference.
    pub group: String,
    /// The kind in the reference.
    pub kind: Cow<'a, str>,
    /// The name in the reference.
    pub name: Cow<'a, str>,
    /// The objects that the reference may resolve to.
    pub targets: Vec<(usize, &'a Resource<'a>)>,
    /// The minimum and maximum of replicas; `None` if it scales the amounts of pods, not their number.
    pub replicas: Option<(i64, i64)>,
}

impl<'a> Autoscaler<'a> {
    /// The object as an autoscaler, if it is one.
    pub(super) fn of(
        objects: &Objects<'a>,
        index: usize,
        resource: &'a Resource<'a>,
    ) -> Option<Autoscaler<'a>> {
        let number = |key, default| resource.node.int_at(["spec", key]).unwrap_or(default);
        let (field, default, replicas) = match (resource.group(), resource.kind.as_ref()) {
            ("autoscaling", "HorizontalPodAutoscaler") => {
                let replicas = (number("minReplicas", 1), number("maxReplicas", 1));
                ("scaleTargetRef", ["", ""], Some(replicas))
            }
            ("keda.sh", "ScaledObject") => {
                let replicas = (number("minReplicaCount", 0), number("maxReplicaCount", 100));
                ("scaleTargetRef", ["apps/v1", "Deployment"], Some(replicas))
            }
            ("autoscaling.k8s.io", "VerticalPodAutoscaler") => ("targetRef", ["", ""], None),
            _ => return None,
        };
        let reference = resource.node.at(["spec", field])?;
        let text = |key, default| {
            let text = reference.text_at([key]);
            text.unwrap_or(Cow::Borrowed(default))
        };
        let version = text("apiVersion", default[0]);
        let group = version.split_once('/').map_or("", |it| it.0).to_owned();
        let (kind, name) = (text("kind", default[1]), text("name", ""));
        let matches = |it: &Resource<'a>| it.group() == group;
        let namespace = resource.namespace.as_deref();
        let targets = objects.referred(resource, (&kind, &name), namespace, matches);
        Some(Autoscaler {
            index,
            resource,
            reference,
            group,
            kind,
            name,
            targets,
            replicas,
        })
    }
}

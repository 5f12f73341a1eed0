//! Whether a pod talks to the Kubernetes API, as far as the manifests tell.

use crate::read::Resource;
use crate::select::{Target, Template};
use crate::yaml::Node;

impl Target<'_> {
    /// Whether the pod needs its ServiceAccount's token: a binding among the objects in hand gives
    /// that account rights, or its author has already decided about the token there.
    ///
    /// References are compared as they are written: kustomize hands out the names before its
    /// prefixes on both sides.
    pub(super) fn uses_the_api(&self, template: &Template<'_>, resources: &[Resource<'_>]) -> bool {
        let named = template
            .spec
            .get("serviceAccountName")
            .or_else(|| template.spec.get("serviceAccount"));
        let account = named
            .and_then(|name| name.text())
            .filter(|name| !name.is_empty());
        let account = account.as_deref().unwrap_or("default");
        let namespace = self.resource.namespace.as_deref();
        resources
            .iter()
            .any(|resource| match resource.kind.as_ref() {
                "RoleBinding" | "ClusterRoleBinding" => binds(resource, account, namespace),
                "ServiceAccount" => decides(resource, account, namespace),
                _ => false,
            })
    }
}

fn binds(binding: &Resource<'_>, account: &str, namespace: Option<&str>) -> bool {
    let subjects = binding
        .node
        .get("subjects")
        .into_iter()
        .flat_map(Node::items);
    subjects.into_iter().any(|subject| {
        let text = |key: &str| subject.get(key).and_then(|value| value.text());
        let subject_namespace = text("namespace");
        let same_namespace = match (subject_namespace.as_deref(), namespace) {
            (Some(subject), Some(pod)) => subject == pod,
            _ => true,
        };
        text("kind").as_deref() == Some("ServiceAccount")
            && text("name").as_deref() == Some(account)
            && same_namespace
    })
}

fn decides(object: &Resource<'_>, account: &str, namespace: Option<&str>) -> bool {
    let is_it =
        object.name == account || object.previous_names().iter().any(|name| name == account);
    let here = object
        .namespace
        .as_deref()
        .is_none_or(|found| namespace.is_none_or(|wanted| wanted == found));
    is_it
        && here
        && object
            .node
            .get("automountServiceAccountToken")
            .is_some_and(|node| !node.is_null())
}

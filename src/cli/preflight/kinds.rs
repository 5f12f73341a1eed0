//! Which kinds of the render the cluster does not serve.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use super::cluster::Cluster;
use super::render::{Render, group, text};

/// Reports objects of kinds that the cluster does not serve, and removes them from the render. Sets the namespace of the rest.
pub(super) fn find(
    cluster: &Cluster,
    render: &mut Render,
    default_namespace: &str,
) -> anyhow::Result<Vec<Finding>> {
    let versions: BTreeSet<String> = render
        .objects
        .iter()
        .map(|it| it.api_version.clone())
        .collect();
    let mut known = BTreeMap::new();
    for version in versions {
        for (kind, is_namespaced) in kinds_of(cluster, &version)? {
            known.insert((version.clone(), kind), is_namespaced);
        }
    }
    // A CustomResourceDefinition in the render is applied before its objects.
    let defined: BTreeSet<(String, String)> = render
        .of_kind("apiextensions.k8s.io", "CustomResourceDefinition")
        .map(|it| {
            (
                text(it.at("/spec/group")).to_owned(),
                text(it.at("/spec/names/kind")).to_owned(),
            )
        })
        .collect();
    let mut findings = Vec::new();
    let mut unknown = BTreeMap::<(String, String), Vec<String>>::new();
    render.objects.retain_mut(|object| {
        let kind = (object.api_version.clone(), object.kind.clone());
        match known.get(&kind) {
            Some(true) => {
                let namespace = object.namespace.get_or_insert(default_namespace.to_owned());
                object.value["metadata"]["namespace"] = Value::from(namespace.clone());
            }
            Some(false) => object.namespace = None,
            None if defined.contains(&(object.group().to_owned(), object.kind.clone())) => {}
            None => unknown
                .entry(kind.clone())
                .or_default()
                .push(object.title()),
        }
        known.contains_key(&kind)
    });
    for ((api_version, kind), objects) in unknown {
        findings.push(Finding {
            object: objects.join(", "),
            field: "apiVersion, kind".into(),
            what: format!("the cluster does not serve kind {kind} of {api_version}{}", served(cluster, &api_version)?),
            is_warning: false,
            remedy: "install the operator with its CustomResourceDefinition first, or omit the object; other versions that the cluster serves may have other fields".into(),
        });
    }
    Ok(findings)
}

/// The kinds of a group version, and whether they are namespaced; none if the cluster does not serve the version.
fn kinds_of(cluster: &Cluster, api_version: &str) -> anyhow::Result<Vec<(String, bool)>> {
    let root = if api_version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    let answer = cluster.kubectl(&["get", "--raw", &format!("{root}/{api_version}")], "")?;
    if !answer.ok {
        let is_missing = answer.stderr.contains("NotFound") || answer.stderr.contains("not find");
        anyhow::ensure!(is_missing, "{api_version}: {}", answer.stderr.trim());
        return Ok(Vec::new());
    }
    let list: Value = serde_json::from_str(&answer.stdout)?;
    let resources = list["resources"].as_array().into_iter().flatten();
    // `deployments/scale` and the like are subresources.
    let objects = resources.filter(|it| !text(&it["name"]).contains('/'));
    Ok(objects
        .map(|it| (text(&it["kind"]).to_owned(), it["namespaced"] == true))
        .collect())
}

/// `; of batch it serves v1`, if the cluster serves other versions of the group.
fn served(cluster: &Cluster, api_version: &str) -> anyhow::Result<String> {
    let group = group(api_version);
    let answer = cluster.kubectl(&["get", "--raw", &format!("/apis/{group}")], "")?;
    if group.is_empty() || !answer.ok {
        return Ok(String::new());
    }
    let list: Value = serde_json::from_str(&answer.stdout)?;
    let versions = list["versions"].as_array().into_iter().flatten();
    let versions: Vec<&str> = versions.map(|it| text(&it["version"])).collect();
    Ok(format!("; of {group} it serves {}", versions.join(", ")))
}

//! `spec.environments`: the settings of single environments.
//!
//! The settings of an environment are a layer directly above `spec`, and those that it has for a profile are a layer directly
//! above that profile.

use std::borrow::Cow;

use super::decode::Fault;
use super::settings::NamedLayer;
use super::view::{Layer, View};
use crate::hashing::HashMap;
use crate::kubernetes::names::is_label;
use crate::problem::did_you_mean;
use crate::yaml::Node;

/// Lists to which an environment appends its items. Profiles of the same name are merged.
pub(super) const APPENDED: &[&str] = &["profiles", "podSpecs", "claims", "catalogue", "exemptions"];

/// The names of the environments in the general layers, in order.
pub(super) fn described(general: &[NamedLayer<'_>]) -> Vec<String> {
    let mut names = Vec::new();
    for named in general {
        for (key, _) in named.layer.node.entries_at(["environments"]) {
            let name = key.text().unwrap_or_default().into_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// The layers of an environment, which go above the general layers.
pub(super) fn layers_of<'a>(general: &[NamedLayer<'a>], environment: &str) -> Vec<NamedLayer<'a>> {
    let mut layers = Vec::new();
    for named in general {
        let node = named.layer.node.get("environments");
        let node = node.and_then(|node| node.get(environment));
        if let Some(node) = node.filter(|node| node.is_map()) {
            layers.push(NamedLayer {
                layer: Layer {
                    node,
                    id: general.len() + layers.len(),
                    ..named.layer
                },
                path: format!("{}.environments.{environment}", named.path),
                profile: None,
                part_of: None,
            });
        }
    }
    layers
}

/// The layers of each profile, lowest first.
pub(super) fn profiles<'a>(list: &View<'a>, layers: &[NamedLayer<'_>]) -> Vec<Vec<View<'a>>> {
    let mut profiles: Vec<Vec<View<'a>>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::default();
    for item in list.items() {
        let layer = item.top().id;
        let name = item.top().node.text_at(["name"]).map(Cow::into_owned);
        let first = name.map(|name| *known.entry(name).or_insert(profiles.len()));
        let is_of_environment = layers[layer].path != "spec";
        match first
            .filter(|_| is_of_environment)
            .and_then(|at| profiles.get_mut(at))
        {
            Some(parts) if parts.len() == 1 && parts[0].top().id != layer => parts.push(item),
            _ => profiles.push(vec![item]),
        }
    }
    profiles
}

/// Faults of the environments that decoding one of them does not find.
pub(super) fn faults<'a>(general: &[NamedLayer<'a>]) -> Vec<Fault<'a>> {
    let mut faults = Vec::new();
    for Layer {
        node,
        id,
        strings_only,
    } in general.iter().map(|named| named.layer)
    {
        for (key, value) in node.entries_at(["environments"]) {
            let name = key.text().unwrap_or_default();
            let mut fault = |id_of_rule, message, help: &str, at: Node<'a>, path: String| {
                faults.push(Fault {
                    id: id_of_rule,
                    message,
                    help: (!help.is_empty()).then(|| help.to_owned()),
                    layer: Some(Layer {
                        node: at,
                        id,
                        strings_only,
                    }),
                    path,
                });
            };
            let path = format!("environments.{name}");
            if !is_label(&name) {
                fault(
                    "FIT-CFG003",
                    format!("`{name}` is not a valid name of an environment"),
                    "use at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends",
                    key,
                    path.clone(),
                );
            }
            if !value.is_map() && !value.is_null() {
                let message = format!("expected a mapping, found {}", value.describe());
                fault("FIT-CFG002", message, "", value, path.clone());
            }
            for (inner, _) in value.entries() {
                let Some(name) = inner.text() else { continue };
                if ["environment", "environments"].contains(&name.as_ref()) {
                    fault(
                        "FIT-CFG001",
                        format!("an environment cannot set `{name}`"),
                        "set it in `spec`",
                        inner,
                        format!("{path}.{name}"),
                    );
                }
            }
        }
    }
    faults
}

/// The help for a missing or unknown environment.
pub(super) fn help(chosen: &str, described: &[String]) -> String {
    let known = format!("the environments are {}", described.join(", "));
    match did_you_mean(chosen, described.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`? {known}"),
        None => known,
    }
}

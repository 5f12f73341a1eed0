//! `spec.environments`: what single environments set differently.
//!
//! What an environment sets is a layer of its own, directly above the layer that it is laid over: above `spec`, and, for a
//! profile that it names, above that profile.

use super::decode::Fault;
use super::document::NamedLayer;
use super::view::{Layer, View};
use crate::problem::did_you_mean;
use crate::yaml::Node;

/// Lists whose items add up: those of the environment follow the general ones. Profiles are further merged by name.
pub(super) const APPENDED: &[&str] = &["profiles", "podSpecs", "claims", "catalogue", "exemptions"];

/// The names of the environments that the general layers describe, in their order.
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

/// What an environment lays over the general layers.
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

/// The parts of profiles, each list the layers of one profile, lowest first.
pub(super) fn profiles<'a>(list: &View<'a>, layers: &[NamedLayer<'_>]) -> Vec<Vec<View<'a>>> {
    let mut profiles: Vec<Vec<View<'a>>> = Vec::new();
    for item in list.items() {
        let (layer, name) = (item.top().id, item.top().node.text_at(["name"]));
        let is_laid_over = |parts: &&mut Vec<View<'a>>| {
            let [only] = parts.as_slice() else {
                return false;
            };
            name.is_some() && only.top().id != layer && only.top().node.text_at(["name"]) == name
        };
        let is_of_environment = layers[layer].path != "spec";
        match profiles.iter_mut().find(is_laid_over) {
            Some(parts) if is_of_environment => parts.push(item),
            _ => profiles.push(vec![item]),
        }
    }
    profiles
}

/// What is wrong with the environments that no decoding of one of them would find.
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
            if !is_dns_label(&name) {
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

/// The way out when no environment, or an unknown one, is chosen.
pub(super) fn help(chosen: &str, described: &[String]) -> String {
    let known = format!("the environments are {}", described.join(", "));
    match did_you_mean(chosen, described.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`? {known}"),
        None => known,
    }
}

/// Whether a name is a label of RFC 1123, as names of namespaces are.
fn is_dns_label(name: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|c| is_word(*c) || *c == b'-')
        && [bytes[0], bytes[bytes.len() - 1]].into_iter().all(is_word)
}

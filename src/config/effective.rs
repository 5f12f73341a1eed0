//! The effective config of one environment, leaf by leaf, with the line that decides each.

use std::sync::Arc;

use super::FailOn;
use super::environments::APPENDED;
use super::modes::{covers, mode_path};
use super::settings::{Config, join};
use super::view::{LayerId, View};
use crate::hashing::HashSet;
use crate::yaml::{Node, Position, Value};

/// A leaf of the config and what decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its path below that part of the config: `storage.storageClassName`.
    pub path: String,
    /// Its value, on one line.
    pub value: String,
    /// The part of the config that sets it: `spec.environments.production`.
    pub layer: String,
    /// The file with the line, if it is known.
    pub file: Option<Arc<str>>,
    /// The line and column.
    pub position: Option<Position>,
}

/// Adds the factors of sections to the values that they scale, by the path of the section's scale and of its amounts.
pub fn show_scales(leaves: &mut [Leaf], of_all: &[Leaf]) {
    let is_in = |path: &str, list: &str| {
        path.strip_prefix(list)
            .is_some_and(|it| it.starts_with('.'))
    };
    let scale_of = |path: &str| {
        if path == "storage.size" || is_in(path, "storage.size") {
            return Some("storage.scale".to_owned());
        }
        let amounts = ["containers", "initContainers", "sidecars", "podLevel"];
        let (list, amount) = path.strip_prefix("resources.")?.split_once('.')?;
        let (_, name) = amount.split_once('.')?;
        amounts
            .contains(&list)
            .then(|| format!("resources.scale.{name}"))
    };
    for leaf in leaves {
        let scale = scale_of(&leaf.path);
        let scale = scale.and_then(|path| of_all.iter().rfind(|it| it.path == path));
        if let Some(scale) = scale.filter(|it| it.value != "null" && leaf.value != "null") {
            leaf.value = format!("{} × {}", leaf.value, scale.value);
        }
    }
}

impl Config<'_> {
    /// The findings that fail a run of the function. Where it edits, these are errors: nothing is written then.
    pub fn fail_on(&self) -> FailOn {
        match self.validate_only {
            true => self.checks.fail_on,
            false => FailOn::Error,
        }
    }

    /// The leaves of `spec`, without profiles and environments.
    pub fn general_leaves(&self) -> Vec<Leaf> {
        let layers: Vec<LayerId> = self.general_layers().collect();
        let mut leaves = self.leaves_of(&layers, APPENDED);
        let is_own = |leaf: &Leaf| {
            let words = ["environment", "environments", "profiles"];
            !words.iter().any(|word| super::covers(word, &leaf.path))
                && !leaf.path.starts_with("profiles[")
        };
        leaves.retain(is_own);
        leaves
    }

    /// The fields that another config sets differently, in the order of this one.
    pub fn differences(&self, other: &Config<'_>) -> Vec<String> {
        let leaves = |config: &Config<'_>| -> Vec<(String, String)> {
            let general = config.general_leaves().into_iter();
            let general = general.filter(|leaf| leaf.path != "mode");
            let general = general.map(|leaf| (format!("spec.{}", leaf.path), leaf.value));
            let of_profile = config.profiles.iter().flat_map(|profile| {
                let leaves = config.profile_leaves(profile.layer).into_iter();
                let path = |leaf: &Leaf| format!("profile {}: {}", profile.name, leaf.path);
                leaves.map(move |leaf| (path(&leaf), leaf.value))
            });
            let mut all: Vec<_> = general.chain(of_profile).collect();
            all.insert(
                0,
                ("spec.environment".to_owned(), config.environment.clone()),
            );
            all
        };
        let (mine, others) = (leaves(self), leaves(other));
        let mut differing: Vec<String> = Vec::new();
        for (these, those) in [(&mine, &others), (&others, &mine)] {
            let those: HashSet<_> = those.iter().collect();
            let missing = these.iter().filter(|leaf| !those.contains(leaf));
            differing.extend(missing.map(|leaf| leaf.0.clone()));
        }
        let mut seen = HashSet::default();
        differing.retain(|path| seen.insert(path.clone()));
        differing
    }

    /// The leaves of a profile.
    pub fn profile_leaves(&self, profile: LayerId) -> Vec<Leaf> {
        let mut leaves = self.leaves_of(&[profile], &[]);
        leaves.retain(|leaf| leaf.path != "name");
        leaves
    }

    /// The leaves of the sections that result from these layers, lowest first.
    pub fn section_leaves(&self, layers: &[LayerId]) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        for section in self.vocabulary.sections {
            let nodes = self.section_layers(layers, section.name);
            if let Some(view) = View::new(nodes, section.name, section.merged_lists) {
                self.collect(&view, &mut leaves);
            }
        }
        leaves
    }

    /// What each of these layers sets at a path of a section, lowest first, as it is written.
    pub fn each_setting(&self, layers: &[LayerId], section: &str, path: &str) -> Vec<Leaf> {
        let layers = self.section_layers(layers, section).into_iter();
        let set = layers.filter_map(|layer| Some((layer.id, at(layer.node, path)?)));
        let leaf = |(layer, node)| self.leaf(layer, &join(section, path), node);
        set.map(leaf).collect()
    }

    /// The modes that these layers set for a leaf of a section, lowest first.
    pub fn each_mode(&self, layers: &[LayerId], section: &str, leaf: &str) -> Vec<Leaf> {
        let mut found = Vec::new();
        for layer in self.section_layers(layers, section) {
            let own = layer.node.get("mode").map(|mode| ("mode".to_owned(), mode));
            let named = layer.node.entries_at(["modes"]).filter_map(|(key, mode)| {
                let key = key.text()?;
                covers(&key, mode_path(leaf)).then(|| (format!("modes.{key}"), mode))
            });
            let leaf = |(path, node): (String, _)| self.leaf(layer.id, &join(section, &path), node);
            found.extend(own.into_iter().chain(named).map(leaf));
        }
        found
    }

    /// A leaf with its whole path in the config.
    fn leaf(&self, layer: LayerId, path: &str, node: Node<'_>) -> Leaf {
        let (file, position) = self.place_of(node).unzip();
        let layer = &self.layers[layer];
        Leaf {
            path: join(&layer.path, path),
            value: one_line(node),
            layer: layer.profile.clone().unwrap_or_else(|| layer.path.clone()),
            file,
            position,
        }
    }

    fn leaves_of(&self, layers: &[LayerId], merged_lists: &'static [&'static str]) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        let nodes = self.with_parts(layers).collect();
        if let Some(view) = View::new(nodes, "", merged_lists) {
            self.collect(&view, &mut leaves);
        }
        leaves
    }

    fn collect(&self, view: &View<'_>, leaves: &mut Vec<Leaf>) {
        let top = view.top();
        let leaf = |path: &str, layer: LayerId, node: Node<'_>| {
            let (file, position) = self.place_of(node).unzip();
            Leaf {
                path: path.trim_start_matches('.').to_owned(),
                value: one_line(node),
                layer: self.layers[layer].path.clone(),
                file,
                position,
            }
        };
        if view.adds_up() {
            let items = view.items().into_iter();
            leaves.extend(items.map(|item| leaf(item.path(), item.top().id, item.top().node)));
            return;
        }
        if !top.node.is_map() || top.node.len() == 0 {
            leaves.push(leaf(view.path(), top.id, top.node));
            return;
        }
        for name in view.keys().iter().filter_map(|key| key.node.text()) {
            match view.get(&name) {
                Some(below) => self.collect(&below, leaves),
                None => {
                    // A null that removes a value is a decision, too.
                    let layers = view.layers().iter().rev();
                    let null = layers
                        .filter_map(|it| Some((it.id, it.node.get(&name)?)))
                        .next();
                    let path = join(view.path(), &name);
                    leaves.extend(null.map(|(layer, node)| leaf(&path, layer, node)));
                }
            }
        }
    }
}

/// The node at a path of keys joined by dots, where keys can contain dots.
fn at<'a>(node: Node<'a>, path: &str) -> Option<Node<'a>> {
    node.get(path).or_else(|| {
        let (key, rest) = path.split_once('.')?;
        at(node.get(key)?, rest)
    })
}

fn one_line(node: Node<'_>) -> String {
    match node.text() {
        _ if node.is_null() => "null".to_owned(),
        Some(text) if node.is_scalar() && !text.trim().is_empty() && !text.contains('\n') => {
            text.into_owned()
        }
        _ => node.value().unwrap_or(Value::Null).to_string(),
    }
}

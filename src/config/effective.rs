//! The effective config of one environment, leaf by leaf, with the line that decides each.

use std::sync::Arc;

use super::document::{Config, join};
use super::environments::APPENDED;
use super::view::{LayerId, View};
use crate::yaml::{Node, Position, Value};

/// A leaf of the config and what decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its path below the part of the config: `storage.storageClassName`.
    pub path: String,
    /// Its value, on one line.
    pub value: String,
    /// The part of the config that sets it: `spec.environments.production`.
    pub layer: String,
    /// The file with the line, where it is one that a person can open.
    pub file: Option<Arc<str>>,
    /// The line and column.
    pub position: Option<Position>,
}

impl Config<'_> {
    /// The leaves of the general part, without its sections where `sections` is false.
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

    fn leaves_of(&self, layers: &[LayerId], merged_lists: &'static [&'static str]) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        let nodes = self.with_parts(layers).collect();
        if let Some(view) = View::new(nodes, "", merged_lists) {
            self.collect(&view, &mut leaves);
        }
        leaves
    }

    fn collect(&self, view: &View<'_>, leaves: &mut Vec<Leaf>) {
        let (top, mut leaf) = (view.top(), |path: &str, layer: LayerId, node: Node<'_>| {
            let (file, position) = self.place_of(node).unzip();
            leaves.push(Leaf {
                path: path.to_owned(),
                value: one_line(node),
                layer: self.layers[layer].path.clone(),
                file,
                position,
            });
        });
        if view.adds_up() {
            for item in view.items() {
                leaf(item.path(), item.top().id, item.top().node);
            }
        } else if !top.node.is_map() || top.node.len() == 0 {
            leaf(view.path(), top.id, top.node);
        } else {
            for name in view.keys().iter().filter_map(|key| key.text()) {
                match view.get(&name) {
                    Some(below) => self.collect(&below, leaves),
                    None => {
                        // What a layer takes away is decided as well.
                        let layers = view.layers().iter().rev();
                        let mut nulls = layers.filter_map(|it| Some((it.id, it.node.get(&name)?)));
                        if let Some((layer, node)) = nulls.next() {
                            let (file, position) = self.place_of(node).unzip();
                            leaves.push(Leaf {
                                path: join(view.path(), &name).trim_start_matches('.').to_owned(),
                                value: "null".to_owned(),
                                layer: self.layers[layer].path.clone(),
                                file,
                                position,
                            });
                        }
                    }
                }
            }
        }
    }
}

fn one_line(node: Node<'_>) -> String {
    match node.text() {
        Some(text) if node.is_scalar() && !text.trim().is_empty() && !text.contains('\n') => {
            text.into_owned()
        }
        _ => node.value().unwrap_or(Value::Null).to_string(),
    }
}

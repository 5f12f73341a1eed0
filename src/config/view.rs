//! Several layers of config read as one: the general section at the bottom, the matching profiles above it, and the
//! environment's settings directly above each of them.
//!
//! Merging needs no code per type. A [`View`] is the same path in every layer, lowest first, and a lookup of a key looks it
//! up in all of them. Maps merge leaf by leaf. For scalars and lists the highest layer wins. `null` removes the values of the
//! layers below. The view also knows which layer won, so provenance needs no extra work.

use crate::hashing::HashSet;
use crate::yaml::Node;

/// One layer of the config: the general section, a profile, or an environment's part of either.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The node at this path in the layer's text.
    pub node: Node<'a>,
    /// The index of the layer in the config.
    pub id: LayerId,
    /// All values are strings (the keys of a ConfigMap), so each is read as the type of its field.
    pub strings_only: bool,
}

/// The index of a layer in a config.
pub type LayerId = usize;

/// The same path in one or more layers, lowest precedence first. Never empty.
#[derive(Clone, Debug)]
pub struct View<'a> {
    layers: Vec<Layer<'a>>,
    merged_lists: &'static [&'static str],
    path: String,
    /// The length of the path at which the layers start.
    start: usize,
}

impl<'a> View<'a> {
    /// The view of layers that all start at `path`; `None` if no layer sets anything.
    ///
    /// `merged_lists` are the paths (below `path`) of lists whose items are appended. Other lists replace one another.
    pub fn new(
        layers: Vec<Layer<'a>>,
        path: &str,
        merged_lists: &'static [&'static str],
    ) -> Option<View<'a>> {
        let layers = effective(layers)?;
        Some(View {
            layers,
            merged_lists,
            path: path.to_owned(),
            start: path.len(),
        })
    }

    /// The path in the config, without the prefix of a layer.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The layer that decides the value.
    pub fn top(&self) -> Layer<'a> {
        self.layers[self.layers.len() - 1]
    }

    /// All layers that set something here, lowest first.
    pub fn layers(&self) -> &[Layer<'a>] {
        &self.layers
    }

    /// The view of the value of `key`; `None` if no layer sets it, or the highest one sets it to null.
    pub fn get(&self, key: &str) -> Option<View<'a>> {
        let below = self.layers.iter().filter_map(|layer| {
            Some(Layer {
                node: layer.node.get(key)?,
                ..*layer
            })
        });
        let layers = effective(below.collect())?;
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Some(View {
            layers,
            merged_lists: self.merged_lists,
            path,
            start: self.start,
        })
    }

    /// The view at a path of keys joined by dots. Keys can contain dots (`extra.example.com/team`), so the rest of the path
    /// is tried as one key first.
    pub fn at(&self, path: &str) -> Option<View<'a>> {
        self.get(path).or_else(|| {
            let (key, rest) = path.split_once('.')?;
            self.get(key)?.at(rest)
        })
    }

    /// The keys of all layers, lowest layer first, each as a node of its layer.
    pub fn keys(&self) -> Vec<Layer<'a>> {
        let mut known = HashSet::default();
        let keys = self.layers.iter().flat_map(|layer| {
            let entries = layer.node.entries();
            entries.map(|(node, _)| Layer { node, ..*layer })
        });
        keys.filter(|key| known.insert(key.node.text())).collect()
    }

    /// Whether this is a list to which each layer appends its items.
    pub fn adds_up(&self) -> bool {
        let below = self.path[self.start..].trim_start_matches('.');
        self.merged_lists.contains(&below)
    }

    /// The items of the list at `key`; none if it is not set.
    pub fn items_of(&self, key: &str) -> Vec<View<'a>> {
        self.get(key).map_or(Vec::new(), |list| list.items())
    }

    /// The items of a list: those of the deciding layer, or of all layers if they are appended.
    pub fn items(&self) -> Vec<View<'a>> {
        let from = if self.adds_up() {
            0
        } else {
            self.layers.len() - 1
        };
        let items = self.layers[from..].iter().flat_map(|layer| {
            let items = layer.node.items().enumerate();
            items.map(|(index, node)| (index, Layer { node, ..*layer }))
        });
        // The path has the item's index in its own layer, where a reader can find it.
        let view = |(index, layer): (usize, Layer<'a>)| {
            let path = format!("{}[{index}]", self.path);
            View {
                layers: vec![layer],
                merged_lists: &[],
                start: path.len(),
                path,
            }
        };
        items.map(view).collect()
    }
}

/// Drops the layers below a null, and those whose node has a different kind than the highest one.
fn effective(layers: Vec<Layer<'_>>) -> Option<Vec<Layer<'_>>> {
    let after_null = layers
        .iter()
        .rposition(|layer| layer.node.is_null())
        .map_or(0, |null| null + 1);
    let top = layers.last()?.node;
    let same_kind = |layer: &Layer<'_>| {
        layer.node.is_map() == top.is_map() && layer.node.is_sequence() == top.is_sequence()
    };
    let kept: Vec<Layer<'_>> = layers.into_iter().skip(after_null).collect();
    let from = kept
        .iter()
        .rposition(|layer| !same_kind(layer))
        .map_or(0, |other| other + 1);
    let kept = kept[from..].to_vec();
    (!kept.is_empty()).then_some(kept)
}

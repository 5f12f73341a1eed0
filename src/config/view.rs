//! Several layers of config seen as one: the general section below, each matching profile above, and
//! directly above each of them what the environment sets differently.
//!
//! Merging needs no code per type. A [`View`] is the same place in every layer, lowest first; looking
//! up a key looks it up in all of them. Maps merge leaf by leaf; of scalars and lists the highest
//! layer wins; `null` removes what the layers below said. The layer that wins is also the answer to
//! "who decided this?", so provenance costs nothing.

use crate::yaml::Node;

/// One text that has a say: the general section, a profile, or an environment's part of either.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The node at this place in the layer's text.
    pub node: Node<'a>,
    /// Which layer this is, as an index into the list of layers of a config.
    pub id: LayerId,
    /// The text carries strings only (a ConfigMap's keys), so each value is read as its field's type.
    pub strings_only: bool,
}

/// Index of a layer in the list of layers of a config.
pub type LayerId = usize;

/// The same place in one or more layers, lowest precedence first. Never empty.
#[derive(Clone, Debug)]
pub struct View<'a> {
    layers: Vec<Layer<'a>>,
    merged_lists: &'static [&'static str],
    path: String,
    /// The length of the path at which the layers start.
    start: usize,
}

impl<'a> View<'a> {
    /// The view of layers whose paths all start at `path`; `None` when no layer says anything.
    ///
    /// `merged_lists` names the lists (by path below `path`) whose items add up over the layers, where
    /// other lists replace one another.
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

    /// The path of this place, in the config's own words and without any layer's prefix.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The layer that decides this place.
    pub fn top(&self) -> Layer<'a> {
        self.layers[self.layers.len() - 1]
    }

    /// All layers that say something here, lowest first.
    pub fn layers(&self) -> &[Layer<'a>] {
        &self.layers
    }

    /// The place below under `key`; `None` when no layer sets it, or the highest that names it says null.
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

    /// The place below at a path of keys joined by dots. Keys may hold dots themselves
    /// (`extra.example.com/team`), so what is left of the path is tried as one key first.
    pub fn at(&self, path: &str) -> Option<View<'a>> {
        self.get(path).or_else(|| {
            let (key, rest) = path.split_once('.')?;
            self.get(key)?.at(rest)
        })
    }

    /// The keys that any layer has here, in the order in which they are met, lowest layer first.
    pub fn keys(&self) -> Vec<Node<'a>> {
        let mut keys: Vec<Node<'a>> = Vec::new();
        for (key, _) in self.layers.iter().flat_map(|layer| layer.node.entries()) {
            if !keys.iter().any(|known| known.text() == key.text()) {
                keys.push(key);
            }
        }
        keys
    }

    /// The layer that one of the [`View::keys`] is written in.
    pub fn layer_of_key(&self, key: Node<'a>) -> Layer<'a> {
        let has_key = |layer: &&Layer<'a>| {
            let mut keys = layer.node.entries().map(|(key, _)| key);
            keys.any(|it| it.id() == key.id() && std::ptr::eq(it.stream(), key.stream()))
        };
        *self
            .layers
            .iter()
            .find(has_key)
            .unwrap_or(&self.layers[self.layers.len() - 1])
    }

    /// Whether this is a list whose items add up over the layers.
    pub fn adds_up(&self) -> bool {
        let below = self.path[self.start..].trim_start_matches('.');
        self.merged_lists.contains(&below)
    }

    /// The items of a list: the deciding layer's, or those of all layers where this list adds up.
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
        // A person finds an item by its index in the list that it was written in.
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

/// Drops what does not count: everything below a null, and everything below a change of kind.
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

//! What YAML allows, and Kubernetes' readers refuse or read differently.
//!
//! Measured with `sigs.k8s.io/yaml` 1.6.0 (kubectl, Helm, Argo CD, the API server) and kyaml 0.21.2 (kustomize, kpt):
//!
//! - Of equal keys, the last one counts for `sigs.k8s.io/yaml`; kyaml and the API server's strict validation refuse the
//!   map. Keys are equal if their JSON keys are: `1`, `"1"` and `0x1` are one key.
//! - A plain key is typed for `sigs.k8s.io/yaml`: `y` and `0x1` are the keys `true` and `1` to it. No field has such a name,
//!   and here, as for kyaml, a key is its text.
//! - A key before a `<<` that has the same key loses for `sigs.k8s.io/yaml` and wins for kyaml. After the `<<`, it wins
//!   for both.
//! - `!!binary` gives a key or a value the decoded text, `!name!` gives other tags its meaning, and a tagged
//!   `<<` merges for some readers only.
//! - A key that is a map, a list or null cannot be JSON.
//! - A text whose aliases stand for far more than the text has ("excessive aliasing") is refused.
//!
//! The check is a part of reading, so no map has two values for a key, and work on a text is linear in its size.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::error::{Fault, Syntax};
use super::full::MAX_DEPTH;
use super::node::core_tag;
use super::scalar::{self, Scalar};
use super::tree::{KEY, Kind, NONE, ODD, PROPS, Tree};
use super::{Node, Stream};

/// How many nodes the aliases of a text may stand for: this many, and [`PER_NODE`] for each node of the text.
const MAX_EXPANDED: u64 = 100_000;
const PER_NODE: u64 = 10;

/// YAML's own tags that leave the text of a value as it is.
const CORE_TAGS: [&str; 7] = ["bool", "float", "int", "map", "null", "seq", "str"];

/// Maps with more keys than this are compared with a hash map.
const FEW: usize = 12;

/// Refuses a text whose aliases stand for too many nodes, or nest too deep.
///
/// Nodes are numbered in the order of the text, and an alias follows all that it stands for. So one pass suffices.
pub(super) fn limit_aliases(tree: &Tree) -> Result<(), Syntax> {
    if tree.aliases.is_empty() {
        return Ok(());
    }
    let limit = MAX_EXPANDED + PER_NODE * tree.nodes.len() as u64;
    // For each node: how many nodes the text before it stands for, its level, and the deepest level at or below it.
    let mut before: Vec<u64> = Vec::with_capacity(tree.nodes.len() + 1);
    let mut levels: Vec<usize> = Vec::with_capacity(tree.nodes.len());
    let mut deepest: Vec<usize> = Vec::with_capacity(tree.nodes.len());
    let (mut total, mut aliased) = (0, 0);
    for (id, data) in tree.nodes.iter().enumerate() {
        before.push(total);
        let level = match data.parent {
            NONE => 0,
            parent => levels[parent as usize] + 1,
        };
        levels.push(level);
        let (mut size, mut depth) = (1, level);
        if data.kind == Kind::Alias {
            let target = tree.target(id as u32);
            let end = tree.end_of_subtree(target) as usize;
            let target = target as usize;
            size = before.get(end).copied().unwrap_or(total) - before[target];
            aliased += size;
            if aliased > limit {
                let message = format!(
                    "up to this alias, the aliases of the text stand for more than {limit} values: write fewer aliases"
                );
                return Err(Syntax::new(data.start as usize, message).of(Fault::Expansion));
            }
            // The nodes below the target are not more than those that the alias stands for.
            let below = deepest[target..end].iter().max();
            depth = level + below.copied().unwrap_or_default() - levels[target];
            if depth > MAX_DEPTH {
                let message =
                    format!("with its aliases, this is nested deeper than {MAX_DEPTH} levels");
                return Err(Syntax::new(data.start as usize, message).of(Fault::Expansion));
            }
        }
        deepest.push(depth);
        total += size;
    }
    Ok(())
}

impl Stream {
    /// Refuses the first map with keys that Kubernetes' readers refuse or read differently.
    pub(super) fn check_keys(&self) -> Result<(), Syntax> {
        if !self.tree.props.is_empty() {
            self.check_tags()?;
        }
        for id in &self.tree.unsure {
            let map = Node::new(self, *id);
            if !map.has_few_distinct_keys() {
                map.check_keys()?;
            }
        }
        Ok(())
    }
}

impl Stream {
    /// The values in a map, if it is the data of a ConfigMap or a Secret, which nothing here reads.
    fn config_data(&self, data: u32) -> HashSet<u32> {
        let object = self.tree.at(data).parent;
        if object == NONE {
            return HashSet::new();
        }
        let mut entries = self.tree.entries(object);
        let key = entries.find(|(_, value)| *value == data);
        let key = key.map(|(key, _)| Node::new(self, key));
        let name = key.and_then(Node::text).unwrap_or_default();
        let kind = Node::new(self, object).get("kind").and_then(Node::text);
        let is_data = ["data", "stringData", "binaryData"].contains(&name.as_ref())
            && ["ConfigMap", "Secret"].contains(&kind.unwrap_or_default().as_ref());
        let values = self.tree.entries(data).filter(|_| is_data);
        values.map(|(_, value)| value).collect()
    }

    /// Refuses tags that give a scalar another text, such as `!!binary`, or that not all readers follow.
    fn check_tags(&self) -> Result<(), Syntax> {
        let with_props = self.tree.nodes.iter().enumerate();
        let with_props = with_props.filter(|(_, data)| data.has(PROPS));
        // The map that was looked at last.
        let mut known = (NONE, HashSet::new());
        for (id, data) in with_props {
            let node = Node::new(self, id as u32);
            let Some(tag) = node.tag() else {
                continue;
            };
            let is_read_alike = match core_tag(tag) {
                Some("merge") => node.merges(),
                Some("binary") if data.parent == NONE => false,
                Some("binary") => {
                    if known.0 != data.parent {
                        known = (data.parent, self.config_data(data.parent));
                    }
                    known.1.contains(&(id as u32))
                }
                // kubectl reads only a number as a number, and so on.
                Some("bool" | "float" | "int" | "null") if node.kind().is_scalar() => {
                    !matches!(node.scalar(), Some(Scalar::Text(_)))
                }
                Some(core) => CORE_TAGS.contains(&core),
                // kubectl merges `! "<<"`.
                None if tag == "!" => node.text().as_deref() != Some("<<"),
                None => {
                    let verbatim = tag.strip_prefix("!<").and_then(|tag| tag.strip_suffix('>'));
                    let name = verbatim.unwrap_or(tag).get(1..);
                    !name.unwrap_or("!").contains(['!', '<', '%'])
                }
            };
            if !is_read_alike {
                let message = format!("the tag `{tag}`, which gives the value another meaning");
                return Err(Syntax::new(node.span().start, message).of(Fault::Disputed));
            }
        }
        Ok(())
    }
}

impl<'a> Node<'a> {
    /// Whether the map has a few keys that are strings and differ: most maps, and the fast answer.
    #[inline]
    fn has_few_distinct_keys(self) -> bool {
        let tree = &self.stream().tree;
        // Equal keys have equal digests, and nearly all others do not.
        let mut digests = [0; FEW];
        let mut keys = tree.entries(self.id().0).enumerate();
        let are_distinct = keys.all(|(at, (key, _))| {
            let data = tree.at(key);
            let is_new = at < FEW && data.has(KEY) && !digests[..at].contains(&data.digest());
            if is_new {
                digests[at] = data.digest();
            }
            is_new && scalar::is_certain_string(&self.stream().text().as_bytes()[data.range()])
        });
        are_distinct || self.has_few_distinct_names()
    }

    fn has_few_distinct_names(self) -> bool {
        let data = self.stream().tree.at(self.id().0);
        let mut seen: [&str; FEW] = [""; FEW];
        for (len, (key, _)) in self.stream().tree.entries(self.id().0).enumerate() {
            match Node::new(self.stream(), key).certain_string() {
                Some(name) if len < FEW && !seen[..len].contains(&name) => seen[len] = name,
                _ => return false,
            }
        }
        // Only keys in braces and after `? ` can have several lines, which are joined.
        let may_have_lines = data.flags & ODD != 0 || data.kind.is_flow();
        !may_have_lines || !seen.iter().any(|name| name.contains('\n'))
    }

    /// The same check for maps of any size, and any keys.
    fn check_keys(self) -> Result<(), Syntax> {
        let refuse = |key: Node<'a>, message| {
            Err(Syntax::new(key.span().start, message).of(Fault::Disputed))
        };
        let mut seen: HashMap<Cow<'a, str>, Node<'a>> = HashMap::with_capacity(self.len());
        let mut merge = None;
        for (key, _) in self.local_entries() {
            let Some(text) = key.text() else {
                let hint = match key.alias_target().raw().starts_with('{') {
                    true => ": is `{{ }}` an unrendered template?",
                    false => "",
                };
                let message = format!("expected a string as key, found {}{hint}", key.describe());
                return refuse(key, message);
            };
            if key.scalar() == Some(Scalar::Null) {
                return refuse(
                    key,
                    "expected a string as key, found null: quote it".to_owned(),
                );
            }
            if key.merges() {
                if !self.merges_maps() {
                    let message = "expected a map or a list of maps to merge";
                    return refuse(key, message.to_owned());
                }
                merge = Some(key);
            }
            // kyaml compares the texts, `sigs.k8s.io/yaml` the values.
            let json = key.json_key().filter(|json| *json != text);
            for name in [Some(text), json].into_iter().flatten() {
                match seen.entry(name) {
                    Entry::Vacant(place) => {
                        place.insert(key);
                    }
                    Entry::Occupied(earlier) => {
                        return Err(Syntax::new(
                            key.span().start,
                            format!(
                                "duplicate key `{}`, first on line {}",
                                key.alias_target().raw(),
                                earlier.get().position().line
                            ),
                        )
                        .of(Fault::DuplicateKey));
                    }
                }
            }
        }
        let Some(merge) = merge else { return Ok(()) };
        for (merged, _) in self.merged_by_all() {
            let own = merged.text().and_then(|name| seen.get(&name));
            if let Some(own) = own.filter(|own| own.id() < merge.id()) {
                let message = format!(
                    "`{}` precedes a `<<` that has the same key, so kubectl reads the merged value and kustomize this one: \
                     write `<<` first",
                    own.raw()
                );
                return refuse(*own, message);
            }
        }
        Ok(())
    }

    /// Whether the first `<<` merges a map, or each map of a list; an alias of a list does not count.
    fn merges_maps(self) -> bool {
        self.merge()
            .is_some_and(|value| match value.kind().is_sequence() {
                true => value.items().all(Node::is_map),
                false => value.is_map(),
            })
    }

    /// The key in JSON, if the key is not a string.
    pub(super) fn json_key(self) -> Option<Cow<'a, str>> {
        match self.scalar()? {
            Scalar::Bool(value) => Some(value.to_string().into()),
            Scalar::Int(value) => Some(value.to_string().into()),
            Scalar::Float(value) => Some(value.to_string().into()),
            Scalar::Null | Scalar::Text(_) => None,
        }
    }
}

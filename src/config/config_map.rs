//! A ConfigMap as functionConfig, the form that kpt makes of `-- key=value` arguments.
//!
//! `data.config` is the YAML text of a `spec`; every other key is a dotted path into it and wins over
//! it. All values of a ConfigMap are strings, so each is read as its field's type.

use crate::problem::{Place, Problem, Problems};
use crate::yaml::{Node, Stream};

/// The texts inside a ConfigMap.
#[derive(Debug)]
pub(super) struct Texts {
    config: Option<Stream>,
    keys: Option<Stream>,
}

/// A key's path as a tree, to be written out as YAML.
#[derive(Debug, Default)]
struct Tree {
    value: Option<String>,
    below: Vec<(String, Tree)>,
}

impl Texts {
    pub(super) fn of(
        config_map: Node<'_>,
        place: impl Fn(Node<'_>) -> Option<Place>,
    ) -> Result<Texts, Problems> {
        let problem = |message: String, node: Node<'_>| {
            let problem = Problem::new("FIT-CFG007", message).subject("ConfigMap");
            let place = place(node).map(Box::new);
            Problems::from(Problem { place, ..problem })
        };
        let mut texts = Texts {
            config: None,
            keys: None,
        };
        let mut tree = Tree::default();
        for (key, value) in config_map.entries_at(["data"]) {
            let (Some(key_text), Some(text)) = (key.text(), value.str()) else {
                return Err(problem(
                    format!("data.{} is not a string; quote it", key.raw()),
                    value,
                ));
            };
            if key_text == "config" {
                let stream = Stream::parse(text.as_ref())
                    .map_err(|error| problem(format!("data.config is not YAML: {error}"), value))?;
                texts.config = Some(stream);
            } else {
                let clash = || {
                    problem(
                        format!("data.{key_text} is set, and so is a part of it"),
                        key,
                    )
                };
                tree.insert(&key_text, text.into_owned())
                    .ok_or_else(clash)?;
            }
        }
        if !tree.below.is_empty() {
            let written = tree.written(0);
            texts.keys = Some(Stream::parse(written).map_err(|error| {
                problem(
                    format!("the keys of data are no paths: {error}"),
                    config_map,
                )
            })?);
        }
        Ok(texts)
    }

    pub(super) fn config(&self) -> Option<Node<'_>> {
        root_of(self.config.as_ref())
    }

    pub(super) fn keys(&self) -> Option<Node<'_>> {
        root_of(self.keys.as_ref())
    }

    /// What a person calls a field that came from here.
    pub(super) fn key_of(&self, path: &str, is_key: bool, prefix: &str) -> String {
        let field = super::document::join(prefix, path);
        match (is_key, self.config.is_some()) {
            (true, _) => format!("data[\"{}\"]", field.trim_start_matches("spec.")),
            (false, true) => format!("data.config: {field}"),
            (false, false) => field,
        }
    }
}

fn root_of(stream: Option<&Stream>) -> Option<Node<'_>> {
    stream?
        .documents()
        .next()
        .map(|document| document.root())
        .filter(|root| !root.is_null())
}

impl Tree {
    /// Adds a value; `None` when its path is also the beginning of another's.
    fn insert(&mut self, path: &str, value: String) -> Option<()> {
        if self.value.is_some() {
            return None;
        }
        let (first, rest) = path
            .split_once('.')
            .map_or((path, None), |(first, rest)| (first, Some(rest)));
        let index = match self.below.iter().position(|(key, _)| key == first) {
            Some(index) => index,
            None => {
                self.below.push((first.to_owned(), Tree::default()));
                self.below.len() - 1
            }
        };
        let tree = &mut self.below[index].1;
        match rest {
            Some(rest) => tree.insert(rest, value),
            None if tree.below.is_empty() => {
                tree.value = Some(value);
                Some(())
            }
            None => None,
        }
    }

    /// The tree as YAML, every key and value double-quoted (JSON strings are YAML strings).
    fn written(&self, depth: usize) -> String {
        let mut text = String::new();
        for (key, tree) in &self.below {
            let quoted = serde_json::Value::from(key.as_str());
            text.push_str(&format!("{:width$}{quoted}:", "", width = depth * 2));
            match &tree.value {
                Some(value) => {
                    text.push_str(&format!(" {}\n", serde_json::Value::from(value.as_str())))
                }
                None => text.push_str(&format!("\n{}", tree.written(depth + 1))),
            }
        }
        text
    }
}

//! One section (`resources`, `storage`, …) as it applies to an object or a container.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;

use super::decode::{Fault, Others, decode};
use super::document::{Config, KubernetesVersion, Mode, join};
use super::view::{Layer, LayerId, View};
use crate::problem::did_you_mean;
use crate::transformers::Transformer;
use crate::yaml::Position;

/// Why a leaf gets its value: the line of the config that won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// `spec.profiles[database].resources.containers.limits.memory`; for a built-in default the
    /// section or setting that brings it.
    pub field: String,
    /// The profile that decided, if it was one.
    pub profile: Option<String>,
    /// The value is fitout's default and stands in no config.
    pub is_default: bool,
    /// How it is applied.
    pub mode: Mode,
    /// Line and column in the config file.
    pub position: Option<Position>,
}

/// The keys that every section has beside its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Modes {
    mode: Option<Mode>,
    modes: BTreeMap<String, Mode>,
}

/// Keys of [`Modes`].
const MODE_KEYS: &[&str] = &["mode", "modes"];

/// A section merged from the layers that apply.
#[derive(Debug)]
pub struct Section<'a, S> {
    /// The typed settings.
    pub settings: S,
    view: View<'a>,
    modes: Modes,
    config: &'a Config<'a>,
    decisions: RefCell<HashMap<String, Arc<Decision>>>,
}

impl<S: Transformer> Section<'_, S> {
    /// Who decided a leaf, given by its path in the section (`containers.limits.memory`), and how it
    /// is to be applied.
    pub fn decision(&self, leaf: &str) -> Arc<Decision> {
        if let Some(known) = self.decisions.borrow().get(leaf) {
            return Arc::clone(known);
        }
        let decision = Arc::new(self.decide(leaf));
        self.decisions
            .borrow_mut()
            .insert(leaf.to_owned(), Arc::clone(&decision));
        decision
    }

    /// The version of the target cluster, when the config names it.
    pub fn kubernetes_version(&self) -> Option<KubernetesVersion> {
        self.config.kubernetes_version
    }

    /// The mode of a leaf: the longest path in `modes`, else the section's, else the config's.
    pub fn mode(&self, leaf: &str) -> Mode {
        let path = mode_path(leaf);
        let covers = |prefix: &str| {
            path == prefix
                || path
                    .strip_prefix(prefix)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let named = self
            .modes
            .modes
            .iter()
            .filter(|(prefix, _)| covers(prefix))
            .max_by_key(|(prefix, _)| prefix.len());
        named
            .map(|(_, mode)| *mode)
            .or(self.modes.mode)
            .unwrap_or(self.config.mode)
    }

    fn decide(&self, leaf: &str) -> Decision {
        let mode = self.mode(leaf);
        if let Some(view) = self.view.at(leaf) {
            return self.decided_by(view.top(), view.path(), false, mode);
        }
        // A default comes with the setting that chooses among defaults, or with the section itself,
        // which the lowest layer that has it turned on.
        match S::DEFAULTS_FROM.and_then(|setting| self.view.get(setting)) {
            Some(view) => self.decided_by(view.top(), view.path(), true, mode),
            None => self.decided_by(self.view.layers()[0], self.view.path(), true, mode),
        }
    }

    fn decided_by(&self, layer: Layer<'_>, path: &str, is_default: bool, mode: Mode) -> Decision {
        let named = &self.config.layers[layer.id];
        Decision {
            field: join(&named.path, path),
            profile: named.profile.clone().filter(|_| !is_default),
            is_default,
            mode,
            position: self.config.file.is_some().then(|| layer.node.position()),
        }
    }
}

/// A leaf's path as `modes` names it: without the word that says which containers or which context.
fn mode_path(leaf: &str) -> &str {
    let contexts = [
        "containers.",
        "initContainers.",
        "sidecars.",
        "pod.",
        "container.",
    ];
    contexts
        .iter()
        .find_map(|context| leaf.strip_prefix(context))
        .unwrap_or(leaf)
}

/// Whether a transformer looks its modes up under a path.
fn is_mode_path(known: &[&str], path: &str) -> bool {
    known.iter().any(|known| match known.strip_suffix('*') {
        Some(prefix) => path
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty()),
        None => path == *known,
    })
}

/// The sections of one transformer, merged once for each combination of layers that is met.
#[derive(Debug)]
pub struct Sections<'a, S> {
    name: &'static str,
    config: &'a Config<'a>,
    known: RefCell<KnownSections<'a, S>>,
}

/// Merged sections by the layers that they were merged from; `None` where no layer has the section.
type KnownSections<'a, S> = HashMap<Vec<LayerId>, Option<Rc<Section<'a, S>>>>;

impl<'a, S: Transformer> Sections<'a, S> {
    /// The sections called `name` in a config.
    pub fn new(name: &'static str, config: &'a Config<'a>) -> Sections<'a, S> {
        Sections {
            name,
            config,
            known: RefCell::default(),
        }
    }

    /// The section that results from these layers, lowest first; `None` when none of them has it.
    pub fn merged(&self, layers: &[LayerId]) -> Option<Rc<Section<'a, S>>> {
        if let Some(known) = self.known.borrow().get(layers) {
            return known.clone();
        }
        let merged = self.merge(layers).map(Rc::new);
        self.known
            .borrow_mut()
            .insert(layers.to_vec(), merged.clone());
        merged
    }

    fn merge(&self, layers: &[LayerId]) -> Option<Section<'a, S>> {
        let view = View::new(
            self.config.section_layers(layers, self.name),
            self.name,
            S::MERGED_LISTS,
        )?;
        // Each layer was decoded on its own when the config was read, so a merged one decodes too.
        let settings = decode(&view, Others::Known(MODE_KEYS)).ok()?;
        let modes = decode(&view, Others::Anything).ok()?;
        Some(Section {
            settings,
            view,
            modes,
            config: self.config,
            decisions: RefCell::default(),
        })
    }
}

/// Decodes one layer's section called `name`, for the faults that it has.
pub fn check_section<'a, S: Transformer>(
    layer: Layer<'a>,
    name: &'static str,
    containers_only: bool,
) -> Vec<Fault<'a>> {
    let section = layer.node.get(name).map(|node| Layer { node, ..layer });
    let Some(view) = View::new(section.into_iter().collect(), name, S::MERGED_LISTS) else {
        return Vec::new();
    };
    let settings: S = match decode(&view, Others::Known(MODE_KEYS)) {
        Ok(settings) => settings,
        Err(faults) => return faults,
    };
    let modes: Modes = match decode(&view, Others::Anything) {
        Ok(modes) => modes,
        Err(faults) => return faults,
    };
    let fault = |path: &str, message: String, help: String| Fault {
        id: "FIT-CFG003",
        message,
        help: Some(help),
        layer: Some(view.at(path).map_or(view.top(), |view| view.top())),
        path: join(name, path),
    };
    let mut faults: Vec<Fault<'a>> = Vec::new();
    for path in modes.modes.keys() {
        if is_mode_path(S::MODE_PATHS, path) {
            continue;
        }
        let known = || {
            S::MODE_PATHS
                .iter()
                .copied()
                .filter(|it| !it.ends_with(".*"))
        };
        let without_context = mode_path(path);
        let meant = if is_mode_path(S::MODE_PATHS, without_context) {
            Some(without_context)
        } else {
            did_you_mean(without_context, known())
        };
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the paths are {}", S::MODE_PATHS.join(", ")),
        };
        let message = format!("no field of {name} has the path `{path}`");
        faults.push(fault("modes", message, help));
    }
    if containers_only {
        let keys = view.keys().into_iter().filter_map(|key| key.text());
        for key in keys.filter(|key| {
            !S::CONTAINER_KEYS.contains(&key.as_ref()) && !MODE_KEYS.contains(&key.as_ref())
        }) {
            let message = format!(
                "`{key}` is not a setting of single containers, and this profile selects containers"
            );
            faults.push(fault(
                &key,
                message,
                "move it to a profile without `containers`".to_owned(),
            ));
        }
    }
    faults.extend(
        settings
            .check()
            .into_iter()
            .map(|objection| fault(&objection.path, objection.message, objection.help)),
    );
    faults
}

//! A decoded config: the settings of one environment, and the layers that they come from.

use std::sync::Arc;

use super::authors::Authors;
use super::checks::Checks;
use super::exemption::Exemption;
use super::general::{ChangesReport, Profile};
use super::index::{Exclusions, SelectorIndex};
use super::places::Places;
use super::selector::Selector;
use super::view::{Layer, LayerId};
use super::vocabulary::Vocabulary;
use crate::catalogue::Entry;
use crate::finding::{Decision, Mode};
use crate::hashing::{HashMap, HashSet};
use crate::kubernetes::{Date, Version};
use crate::objects::{ClaimSpecs, PodSpecs};
use crate::yaml::{Node, Position, Stream};

/// A layer and its name in messages.
#[derive(Clone, Debug)]
pub(super) struct NamedLayer<'a> {
    pub(super) layer: Layer<'a>,
    /// `spec`, `spec.profiles[database]`, or the same below `spec.environments.production`.
    pub(super) path: String,
    pub(super) profile: Option<String>,
    /// For the environment's part of a profile: the layer of that profile, which is directly below.
    pub(super) part_of: Option<LayerId>,
}

/// What a build of a kustomization has and its files do not show.
#[derive(Clone, Debug)]
pub struct Unbuilt {
    /// Whether these are objects, and not only changes of some.
    pub adds: bool,
    /// The kustomization.
    pub file: Arc<str>,
    /// The place of the first field.
    pub position: Position,
    /// The fields, in the order of their kinds.
    pub fields: Vec<String>,
    /// Their text: what differs in it is new.
    pub text: String,
}

/// A decoded functionConfig: the settings of one environment.
#[derive(Debug)]
pub struct Config<'a> {
    /// The environment's name, shown in every result.
    pub environment: String,
    /// The target cluster's version.
    pub kubernetes_version: Option<Version>,
    /// The default mode of all fields; never `Check`.
    pub mode: Mode,
    /// Write nothing: report what would change, and run all checks.
    pub validate_only: bool,
    /// ConfigMaps and Secrets that a host says are generated from other files.
    pub generated: HashSet<String>,
    /// What builds of kustomizations near the objects have, if a command has read them instead. Those of one follow each other.
    pub unbuilt: Vec<Unbuilt>,
    /// The texts of `checks.definitions`, if a command has read them.
    pub definitions: Vec<Stream>,
    /// The settings of the checks.
    pub checks: Checks,
    /// Some field has the mode `Check`, so that its changes are reported and not written.
    pub only_checks: bool,
    /// Treat FIT-CFG004 and FIT-CFG005 as errors.
    pub strict: bool,
    /// The objects that the config applies to.
    pub select: Option<Selector>,
    /// The objects that the config does not apply to.
    pub exclude: Exclusions,
    /// How KRM results report changes.
    pub report_changes: ChangesReport,
    /// The profiles; a later one takes precedence.
    pub profiles: Vec<Profile>,
    /// The profiles by what they select.
    pub profile_index: SelectorIndex,
    /// The profiles by name.
    pub(super) profile_names: HashMap<String, usize>,
    /// Where kinds that fitout does not know contain pods.
    pub pod_specs: Vec<PodSpecs>,
    /// Where kinds that fitout does not know contain claims.
    pub claims: Vec<ClaimSpecs>,
    /// Facts about images, which take precedence over the built-in catalogue.
    pub catalogue: Vec<Entry>,
    /// Exemptions from fields and rules.
    pub exemptions: Vec<Exemption>,
    /// The exemptions by what they select, without repeated ones.
    pub exemption_index: SelectorIndex,
    /// What authors may opt out of with annotations.
    pub authors: Authors,
    /// The current date; without it no exemption expires.
    pub today: Option<Date>,
    /// The sections and rules that the config can name.
    pub vocabulary: &'static Vocabulary,
    pub(super) layers: Vec<NamedLayer<'a>>,
    pub(super) places: &'a Places<'a>,
}

impl<'a> Config<'a> {
    /// A section in some layers, lowest first, each followed by the environment's part of it.
    pub fn section_layers(&self, layers: &[LayerId], section: &str) -> Vec<Layer<'a>> {
        let below = |layer: Layer<'a>| {
            Some(Layer {
                node: layer.node.get(section)?,
                ..layer
            })
        };
        self.with_parts(layers).filter_map(below).collect()
    }

    /// Layers, each followed by the environment's part of it.
    pub(super) fn with_parts(&self, layers: &[LayerId]) -> impl Iterator<Item = Layer<'a>> {
        layers.iter().flat_map(|id| {
            let above = self.layers.get(id + 1);
            let part = above.filter(|above| above.part_of == Some(*id));
            std::iter::once(&self.layers[*id])
                .chain(part)
                .map(|named| named.layer)
        })
    }

    /// The file and position of a node of the config, if they are known.
    pub(super) fn place_of(&self, node: Node<'_>) -> Option<(Arc<str>, Position)> {
        self.places.of(node)
    }

    /// The setting at a path of a layer, with its place.
    pub(super) fn decision_at(&self, layer: Layer<'_>, path: &str) -> Decision {
        let named = &self.layers[layer.id];
        let (file, position) = self.place_of(layer.node).unzip();
        Decision {
            field: join(&named.path, path),
            profile: named.profile.clone(),
            is_default: false,
            mode: self.mode,
            file,
            position,
            leaf: String::new(),
            exemption: None,
        }
    }

    /// A setting outside of profiles and sections, where the highest layer has it.
    pub(super) fn decision_of(&self, key: &str) -> Option<Decision> {
        let general = self.layers.iter().filter(|it| it.profile.is_none());
        let mut set = general.filter_map(|it| Some((it.layer.node.get(key)?, it.layer)));
        let (node, layer) = set.next_back()?;
        Some(self.decision_at(Layer { node, ..layer }, key))
    }

    /// A profile as a setting, for findings about it.
    pub fn decision_of_profile(&self, profile: LayerId) -> Arc<Decision> {
        Arc::new(self.decision_at(self.layers[profile].layer, ""))
    }

    /// The name of a layer: its profile, or `spec`.
    pub fn name_of(&self, layer: LayerId) -> String {
        let named = &self.layers[layer];
        named.profile.clone().unwrap_or_else(|| named.path.clone())
    }

    /// The layers that apply to every object, which are below all profiles.
    pub fn general_layers(&self) -> impl Iterator<Item = LayerId> {
        let general = self.layers.iter().take_while(|it| it.profile.is_none());
        general.map(|named| named.layer.id)
    }

    /// The index of the profile with a name.
    pub fn profile(&self, name: &str) -> Option<usize> {
        self.profile_names.get(name).copied()
    }
}

/// Whether a section of a layer sets the mode `Check`.
pub(super) fn has_check(layer: &NamedLayer<'_>, names: &[&str]) -> bool {
    let is_check = |node: Node<'_>| node.text().as_deref() == Some("Check");
    let sections = names.iter().filter_map(|name| layer.layer.node.get(name));
    sections.into_iter().any(|section| {
        let mut modes = section.entries_at(["modes"]);
        section.at(["mode"]).is_some_and(is_check) || modes.any(|(_, mode)| is_check(mode))
    })
}

/// A path below another.
pub(super) fn join(prefix: &str, path: &str) -> String {
    if path.is_empty() {
        prefix.to_owned()
    } else {
        format!("{prefix}.{path}")
    }
}

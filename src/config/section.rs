//! One section (`resources`, `storage`, …) as it applies to an object or a container.

use std::cell::RefCell;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::leaf_index::LeafIndex;
use super::modes::{Modes, covers, is_mode_path, mode_path};
use super::settings::{Config, join};
use super::view::{Layer, View};
use crate::catalogue::Entry;
use crate::finding::{Decision, Mode};
use crate::hashing::ByText;
use crate::kubernetes::Version;
use crate::yaml::Value;

/// The settings of a section of the config, and what the config needs to know about it.
pub trait Settings: DeserializeOwned {
    /// The paths that `modes` can contain; `.*` at the end matches any rest.
    const MODE_PATHS: &'static [&'static str];
    /// Those of them that have a `min` and `max` for the mode `Bound`.
    const BOUNDED: &'static [&'static str] = &[];
    /// Rules about one leaf: an exemption from the rule is also one from the leaf.
    const RULES: &'static [(&'static str, &'static str)] = &[];
    /// Keys that a profile can set if it selects containers.
    const CONTAINER_KEYS: &'static [&'static str] = &[];
    /// Paths whose mode cannot be `Remove`, and what to do instead.
    const NOT_REMOVED: &'static [(&'static str, &'static str)] = &[];
    /// Lists to which profiles append their items. Other lists replace one another.
    const MERGED_LISTS: &'static [&'static str] = &[];

    /// The fields that the section can set, and the settings that each is made from.
    const FIELDS: &'static [FieldRow] = &[];

    /// The setting that chooses the section's defaults, and is shown as their reason.
    const DEFAULTS_FROM: Option<&'static str> = None;

    /// The key of an annotation of [`Settings::FIELDS`].
    fn annotation(&self, name: &str) -> String {
        Self::default_annotation(name)
    }

    /// The same, without any settings.
    fn default_annotation(name: &str) -> String {
        name.to_owned()
    }

    /// Objections to values that have the right type.
    fn check(&self) -> Vec<Objection> {
        Vec::new()
    }
}

/// A field that a section can set.
#[derive(Debug)]
pub struct FieldRow {
    /// What has the field.
    pub of: FieldOf,
    /// Its path there, with dots.
    pub path: &'static str,
    /// The settings that have its value, the most important one first. The first is also the path of its mode.
    pub settings: &'static [&'static str],
    /// The settings that change the value, or say where it applies.
    pub modifiers: &'static [&'static str],
}

/// Rows of [`Settings::FIELDS`]: what has the field, its path, the settings that have its value, and those that change it.
macro_rules! fields {
    ($($of:ident $path:literal $settings:tt $modifiers:tt;)*) => {
        &[$($crate::config::FieldRow {
            of: $crate::config::FieldOf::$of,
            path: $path,
            settings: &$settings,
            modifiers: &$modifiers,
        }),*]
    };
}
pub(crate) use fields;

/// What has a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldOf {
    /// Each container; with `containers.` in settings also those of its type.
    Containers,
    /// The spec of pods.
    Pods,
    /// The annotations of pods, or of a Service.
    Annotations,
    /// The spec of each claim.
    Claims,
    /// The object itself.
    Objects,
}

/// An invalid value of the right type in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The setting's path in the section.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// How to fix it.
    pub help: String,
    /// The path of the setting that it contradicts, which another layer of the config may set.
    pub contradicts: Option<String>,
}

impl Objection {
    /// An objection to the setting at a path.
    pub fn new(
        path: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Objection {
            path: path.into(),
            message: message.into(),
            help: help.into(),
            contradicts: None,
        }
    }

    /// The path of the setting that the value contradicts.
    #[must_use]
    pub fn contradicts(mut self, path: impl Into<String>) -> Self {
        self.contradicts = Some(path.into());
        self
    }
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pass {
    /// It is written, without checked-only and exempt leaves.
    #[default]
    Write,
    /// It shows what is not written: checked-only and exempt leaves are planned.
    Preview,
    /// It shows what differs from the config: the values of the manifest are not kept.
    Exact,
}

impl Pass {
    /// The mode in which a leaf is planned.
    pub(super) fn mode(self, written: Mode) -> Mode {
        match (self, written) {
            (Pass::Write, Mode::Check) => Mode::Off,
            (Pass::Preview, Mode::Check) => Mode::Ensure,
            (Pass::Exact, Mode::Check | Mode::Ensure) => Mode::Override,
            (_, mode) => mode,
        }
    }
}

/// The leaves of a section that exemptions cover for one object or container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExemptLeaves {
    /// The leaves that are exempt for the whole object, and those for the container.
    pub leaves: Vec<Arc<LeafIndex>>,
    /// Whether they are planned.
    pub pass: Pass,
}

/// A section merged from the layers that apply.
#[derive(Debug)]
pub struct Section<'a, S> {
    /// The typed settings.
    pub settings: S,
    pub(super) view: View<'a>,
    pub(super) modes: Modes,
    /// Settings that a profile sets to null, which removes their defaults, too.
    pub(super) nulled: Vec<String>,
    pub(super) exempt: ExemptLeaves,
    pub(super) config: &'a Config<'a>,
    /// The mode of all leaves, if it is the same for all.
    pub(super) mode_of_all: Option<Mode>,
    pub(super) decisions: RefCell<ByText<Arc<Decision>>>,
    /// The modes that were asked for.
    pub(super) known_modes: RefCell<ByText<Mode>>,
}

impl<S: Settings> Section<'_, S> {
    /// The setting that decides a leaf, given by its path in the section (`containers.limits.memory`), and the mode.
    pub fn decision(&self, leaf: &str) -> Arc<Decision> {
        if let Some(known) = self.decisions.borrow().get(leaf) {
            return Arc::clone(known);
        }
        let decision = Arc::new(self.decide(leaf));
        let mut decisions = self.decisions.borrow_mut();
        decisions.add(leaf, Arc::clone(&decision));
        decision
    }

    /// Whether a layer sets a path.
    pub fn sets(&self, path: &str) -> bool {
        self.view.at(path).is_some()
    }

    /// The mode of a leaf as the config says it, whether or not it is exempt.
    pub fn written_mode(&self, leaf: &str) -> Mode {
        self.mode_as_written(leaf)
    }

    /// The paths in `modes` with the mode `Remove`.
    pub fn removed(&self) -> impl Iterator<Item = &str> {
        let named = self.modes.modes.iter();
        named
            .filter(|(_, mode)| **mode == Mode::Remove)
            .map(|(path, _)| path.as_str())
    }

    /// The path in `modes` that removes a leaf: the longest one decides.
    pub fn removed_by(&self, leaf: &str) -> Option<&str> {
        let covering = self.removed().filter(|path| covers(path, leaf));
        covering.max_by_key(|path| path.len())
    }

    /// A decision by one setting about the leaf of another, with the mode and exemption of that leaf.
    pub fn decision_about(&self, setting: &str, leaf: &str) -> Arc<Decision> {
        self.decision_instead(setting, &self.decision(leaf))
    }

    /// The same as [`Section::decision_about`], from the decision about the leaf.
    pub fn decision_instead(&self, setting: &str, about: &Decision) -> Arc<Decision> {
        Arc::new(Decision {
            mode: about.mode,
            leaf: about.leaf.clone(),
            exemption: about.exemption,
            ..(*self.decision(setting)).clone()
        })
    }

    /// The value of a leaf with its decision, and the decision to remove one without a value; `None` if the config says
    /// nothing about it.
    pub fn requested(&self, leaf: &str, value: Option<Value>) -> Option<(Value, Arc<Decision>)> {
        match value {
            Some(value) => Some((value, self.decision(leaf))),
            None => {
                self.removed_by(leaf)?;
                Some((Value::Null, self.decision_to_remove(leaf)))
            }
        }
    }

    /// The same as [`Section::decision`], by the setting with the mode of the leaf.
    pub fn decision_of_mode(&self, leaf: &str) -> Arc<Decision> {
        let about = self.decision(leaf);
        let of_section = || self.modes.mode.map(|_| "mode".to_owned());
        let named = self
            .named_mode(leaf)
            .map(|(path, _)| format!("modes.{path}"));
        match named.or_else(of_section) {
            Some(setting) => self.decision_instead(&setting, &about),
            None => Arc::new(Decision {
                leaf: about.leaf.clone(),
                exemption: about.exemption,
                ..self.config.decision_of("mode").unwrap_or((*about).clone())
            }),
        }
    }

    /// The decision to remove a leaf.
    pub fn decision_to_remove(&self, leaf: &str) -> Arc<Decision> {
        match self.removed_by(leaf) {
            Some(path) => self.decision_about(&format!("modes.{path}"), leaf),
            None => self.decision(leaf),
        }
    }

    /// Whether any leaf can have the mode `Remove`.
    pub fn may_remove(&self) -> bool {
        let of_all = self.modes.mode.unwrap_or(self.config.mode);
        of_all == Mode::Remove || self.removed().next().is_some()
    }

    /// The version of the target cluster, if the config sets it.
    pub fn kubernetes_version(&self) -> Option<Version> {
        self.config.kubernetes_version
    }

    /// The config's catalogue of images.
    pub fn catalogue(&self) -> &[Entry] {
        &self.config.catalogue
    }

    /// The mode of a leaf for transformers: `Off` for checked-only and exempt leaves, unless this is a preview, and for
    /// `Bound` if the leaf has no bounds.
    pub fn mode(&self, leaf: &str) -> Mode {
        if let Some(mode) = self.mode_of_all {
            return mode;
        }
        if let Some(mode) = self.known_modes.borrow().get(leaf) {
            return *mode;
        }
        let mode = self.find_mode(leaf);
        self.known_modes.borrow_mut().add(leaf, mode);
        mode
    }

    /// Whether the config turns a leaf off, which is not so for checked-only and exempt leaves.
    pub fn is_off(&self, leaf: &str) -> bool {
        self.mode_as_written(leaf) == Mode::Off
    }

    /// Whether the config has the mode `Override` for a leaf, in any pass.
    pub fn is_override(&self, leaf: &str) -> bool {
        self.mode_as_written(leaf) == Mode::Override
    }

    /// Whether the plan shows what differs from the config.
    pub fn is_exact(&self) -> bool {
        self.exempt.pass == Pass::Exact
    }

    fn find_mode(&self, leaf: &str) -> Mode {
        if self.exempt.pass == Pass::Write && self.exemption(leaf).is_some() {
            return Mode::Off;
        }
        match self.exempt.pass.mode(self.mode_as_written(leaf)) {
            Mode::Bound if !is_mode_path(S::BOUNDED, mode_path(leaf)) => Mode::Off,
            mode => mode,
        }
    }

    /// The exemption that covers a leaf.
    fn exemption(&self, leaf: &str) -> Option<usize> {
        let leaf = mode_path(leaf);
        let exempt = self.exempt.leaves.iter();
        exempt.filter_map(|it| it.first(leaf)).min()
    }

    /// The mode of a leaf: the longest path in `modes`, else the section's, else the config's.
    fn mode_as_written(&self, leaf: &str) -> Mode {
        if self.nulled.iter().any(|path| covers(path, leaf)) {
            return Mode::Off;
        }
        let named = self.named_mode(leaf).map(|(_, mode)| mode);
        named.or(self.modes.mode).unwrap_or(self.config.mode)
    }

    /// The longest path in `modes` that covers a leaf, and its mode.
    fn named_mode(&self, leaf: &str) -> Option<(&str, Mode)> {
        let path = mode_path(leaf);
        let named = self.modes.modes.iter();
        let named = named.filter(|(prefix, _)| covers(prefix, path));
        let named = named.max_by_key(|(prefix, _)| prefix.len());
        named.map(|(prefix, mode)| (prefix.as_str(), *mode))
    }

    fn decide(&self, leaf: &str) -> Decision {
        let mode = match self.mode_as_written(leaf) {
            Mode::Check if self.exempt.pass == Pass::Preview => Mode::Check,
            _ => self.mode(leaf),
        };
        let decided_by = |layer, path: &str, is_default| Decision {
            leaf: join(self.view.path(), mode_path(leaf)),
            exemption: self.exemption(leaf),
            ..self.decided_by(layer, path, is_default, mode)
        };
        if let Some(view) = self.view.at(leaf) {
            return decided_by(view.top(), view.path(), false);
        }
        // A default comes from the setting that chooses the defaults, or from the lowest layer that has the section.
        match S::DEFAULTS_FROM.and_then(|setting| self.view.get(setting)) {
            Some(view) => decided_by(view.top(), view.path(), true),
            None => decided_by(self.view.layers()[0], self.view.path(), true),
        }
    }

    fn decided_by(&self, layer: Layer<'_>, path: &str, is_default: bool, mode: Mode) -> Decision {
        let decision = self.config.decision_at(layer, path);
        Decision {
            profile: decision.profile.filter(|_| !is_default),
            is_default,
            mode,
            ..decision
        }
    }
}

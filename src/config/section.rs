//! One section (`resources`, `storage`, …) as it applies to an object or a container.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::decode::{Fault, Others, decode};
use super::document::{Config, join};
use super::view::{Layer, LayerId, View};
use super::vocabulary::SectionRow;
use crate::catalogue::Entry;
use crate::finding::{Decision, Mode};
use crate::kubernetes::Version;
use crate::problem::did_you_mean;
use crate::yaml::Node;

/// The settings of a section of the config, and what else the config has to know of it.
pub trait Settings: DeserializeOwned {
    /// The paths that `modes` may hold; `.*` at the end stands for any rest.
    const MODE_PATHS: &'static [&'static str];
    /// Those of them that have a `min` and `max` to be brought between by the mode `Bound`.
    const BOUNDED: &'static [&'static str] = &[];
    /// Rules that are about one leaf: to exempt something from the rule keeps the leaf from being written.
    const RULES: &'static [(&'static str, &'static str)] = &[];
    /// Keys that a profile which selects containers may set.
    const CONTAINER_KEYS: &'static [&'static str] = &[];
    /// Paths whose mode cannot be `Remove`, and what to do instead.
    const NOT_REMOVED: &'static [(&'static str, &'static str)] = &[];
    /// Lists that add up over general section and profiles, where others replace one another.
    const MERGED_LISTS: &'static [&'static str] = &[];

    /// The setting that chooses the section's defaults, which is named as the reason for them.
    const DEFAULTS_FROM: Option<&'static str> = None;

    /// What is wrong with the settings beyond their types.
    fn check(&self) -> Vec<Objection> {
        Vec::new()
    }
}

/// Something in a section that has the right type and cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The setting's path in the section.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// How to mend it.
    pub help: String,
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
        }
    }
}

/// Whether leaves that are only checked or exempt are planned as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pass {
    /// They are not: what is planned is written.
    #[default]
    Write,
    /// They are, to see what is left undone.
    Preview,
}

/// The leaves of a section that exemptions cover for one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExemptLeaves {
    /// The leaves (or paths to them), with the index of the exemption.
    pub leaves: Vec<(String, usize)>,
    /// Whether they are planned all the same.
    pub pass: Pass,
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
    /// Settings that a profile takes away with null, so that not even a default is left of them.
    taken_away: Vec<String>,
    exempt: ExemptLeaves,
    config: &'a Config<'a>,
    /// The mode of all leaves, where none has one of its own.
    mode_of_all: Option<Mode>,
    decisions: RefCell<BTreeMap<String, Arc<Decision>>>,
}

impl<S: Settings> Section<'_, S> {
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

    /// The paths in `modes` whose fields are deleted, whether or not the section sets a value for them.
    pub fn removed(&self) -> impl Iterator<Item = &str> {
        let named = self.modes.modes.iter();
        named
            .filter(|(_, mode)| **mode == Mode::Remove)
            .map(|(path, _)| path.as_str())
    }

    /// The path in `modes` that has the fields of a leaf deleted: the longest, which is the one that decides.
    pub fn removed_by(&self, leaf: &str) -> Option<&str> {
        let covering = self.removed().filter(|path| covers(path, leaf));
        covering.max_by_key(|path| path.len())
    }

    /// A decision by one setting about the field of another: how it is applied, and what keeps it, is that one's.
    pub fn decision_about(&self, setting: &str, leaf: &str) -> Arc<Decision> {
        self.decision_instead(setting, &self.decision(leaf))
    }

    /// As [`Section::decision_about`], in the place of a decision that is at hand.
    pub fn decision_instead(&self, setting: &str, about: &Decision) -> Arc<Decision> {
        Arc::new(Decision {
            mode: about.mode,
            leaf: about.leaf.clone(),
            exemption: about.exemption,
            ..(*self.decision(setting)).clone()
        })
    }

    /// Who has the field of a leaf deleted.
    pub fn decision_to_remove(&self, leaf: &str) -> Arc<Decision> {
        match self.removed_by(leaf) {
            Some(path) => self.decision_about(&format!("modes.{path}"), leaf),
            None => self.decision(leaf),
        }
    }

    /// Whether the mode of any leaf may be `Remove`.
    pub fn may_remove(&self) -> bool {
        let of_all = self.modes.mode.unwrap_or(self.config.mode);
        of_all == Mode::Remove || self.removed().next().is_some()
    }

    /// The version of the target cluster, when the config names it.
    pub fn kubernetes_version(&self) -> Option<Version> {
        self.config.kubernetes_version
    }

    /// What the config says of images.
    pub fn catalogue(&self) -> &[Entry] {
        &self.config.catalogue
    }

    /// The mode of a leaf, as transformers act by it: a field without bounds has none to be brought between, and what
    /// is only checked or exempt is not looked at, unless this run acts as if it were written.
    pub fn mode(&self, leaf: &str) -> Mode {
        if let Some(mode) = self.mode_of_all {
            return mode;
        }
        if self.exempt.pass == Pass::Write && self.exemption(leaf).is_some() {
            return Mode::Off;
        }
        match self.mode_as_written(leaf) {
            Mode::Check if self.exempt.pass == Pass::Preview => Mode::Ensure,
            Mode::Check => Mode::Off,
            Mode::Bound if !is_mode_path(S::BOUNDED, mode_path(leaf)) => Mode::Off,
            mode => mode,
        }
    }

    /// The exemption that covers a leaf.
    fn exemption(&self, leaf: &str) -> Option<usize> {
        let leaf = mode_path(leaf);
        let mut exempt = self.exempt.leaves.iter();
        exempt
            .find(|(path, _)| covers(path, leaf))
            .map(|(_, exemption)| *exemption)
    }

    /// The mode of a leaf: the longest path in `modes`, else the section's, else the config's.
    fn mode_as_written(&self, leaf: &str) -> Mode {
        if self.taken_away.iter().any(|path| covers(path, leaf)) {
            return Mode::Off;
        }
        let path = mode_path(leaf);
        let named = self
            .modes
            .modes
            .iter()
            .filter(|(prefix, _)| covers(prefix, path))
            .max_by_key(|(prefix, _)| prefix.len());
        named
            .map(|(_, mode)| *mode)
            .or(self.modes.mode)
            .unwrap_or(self.config.mode)
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
        // A default comes with the setting that chooses among defaults, or with the section itself,
        // which the lowest layer that has it turned on.
        match S::DEFAULTS_FROM.and_then(|setting| self.view.get(setting)) {
            Some(view) => decided_by(view.top(), view.path(), true),
            None => decided_by(self.view.layers()[0], self.view.path(), true),
        }
    }

    fn decided_by(&self, layer: Layer<'_>, path: &str, is_default: bool, mode: Mode) -> Decision {
        let named = &self.config.layers[layer.id];
        let (file, position) = self.config.place_of(layer.node).unzip();
        Decision {
            field: join(&named.path, path),
            profile: named.profile.clone().filter(|_| !is_default),
            is_default,
            mode,
            file,
            position,
            leaf: String::new(),
            exemption: None,
        }
    }
}

/// Whether a path is that of a leaf, or leads to it.
pub fn covers(path: &str, leaf: &str) -> bool {
    leaf.strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The paths below a node that are null.
fn nulls(node: Node<'_>, path: &str, found: &mut Vec<String>) {
    for (key, value) in node.entries() {
        let key = key.text().unwrap_or_default();
        let path = match path {
            "" => key.into_owned(),
            path => join(path, &key),
        };
        if value.is_null() {
            found.push(path);
        } else if value.is_map() {
            nulls(value, &path, found);
        }
    }
}

/// A leaf's path as `modes` names it: without the word that says which containers or which context.
pub fn mode_path(leaf: &str) -> &str {
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

/// Whether a path is one of those that `modes` may hold, or leads to one.
pub fn is_mode_path_or_above(known: &[&str], path: &str) -> bool {
    is_mode_path(known, path) || known.iter().any(|known| covers(path, known))
}

/// The sections of one transformer, merged once for each combination of layers that is met.
#[derive(Debug)]
pub struct Sections<'a, S> {
    row: &'static SectionRow,
    config: &'a Config<'a>,
    known: RefCell<KnownSections<'a, S>>,
    /// The one that was asked for last: most objects and containers are fitted as the ones before them.
    last: RefCell<Option<LastSection<'a, S>>>,
}

/// The layers of a section of which nothing is exempt, whether it acts as if nothing were, and the section.
type LastSection<'a, S> = (Vec<LayerId>, Pass, Option<Rc<Section<'a, S>>>);

/// Merged sections by the layers that they were merged from and by what is exempt; `None` where no layer has the section.
type KnownSections<'a, S> = HashMap<(Vec<LayerId>, ExemptLeaves), Option<Rc<Section<'a, S>>>>;

impl<'a, S: Settings> Sections<'a, S> {
    /// The sections of one row in a config.
    pub fn new(row: &'static SectionRow, config: &'a Config<'a>) -> Sections<'a, S> {
        Sections {
            row,
            config,
            known: RefCell::default(),
            last: RefCell::default(),
        }
    }

    /// The name of the sections.
    pub fn name(&self) -> &'static str {
        self.row.name
    }

    /// What the config knows of the sections.
    pub fn row(&self) -> &'static SectionRow {
        self.row
    }

    /// The section that results from these layers, lowest first, with nothing exempt; `None` when none of them has it.
    pub fn plain(
        &self,
        layers: impl Iterator<Item = LayerId> + Clone,
        pass: Pass,
    ) -> Option<Rc<Section<'a, S>>> {
        if let Some((of, pass_of, section)) = &*self.last.borrow()
            && *pass_of == pass
            && layers.clone().eq(of.iter().copied())
        {
            return section.clone();
        }
        let layers: Vec<LayerId> = layers.collect();
        let leaves = Vec::new();
        let section = self.merged(layers.clone(), ExemptLeaves { leaves, pass });
        self.last.replace(Some((layers, pass, section.clone())));
        section
    }

    /// The section that results from these layers, lowest first; `None` when none of them has it.
    pub fn merged(&self, layers: Vec<LayerId>, exempt: ExemptLeaves) -> Option<Rc<Section<'a, S>>> {
        let key = (layers, exempt);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let merged = self.merge(&key.0, &key.1).map(Rc::new);
        self.known.borrow_mut().insert(key, merged.clone());
        merged
    }

    fn merge(&self, layers: &[LayerId], exempt: &ExemptLeaves) -> Option<Section<'a, S>> {
        let view = View::new(
            self.config.section_layers(layers, self.row.name),
            self.row.name,
            S::MERGED_LISTS,
        )?;
        // Each layer was decoded on its own when the config was read, so a merged one decodes too.
        let settings = decode(&view, Others::Known(MODE_KEYS)).ok()?;
        let modes: Modes = decode(&view, Others::Anything).ok()?;
        let mut taken_away = Vec::new();
        for layer in view.layers() {
            if self.config.layers[layer.id].profile.is_some() {
                nulls(layer.node, "", &mut taken_away);
            }
        }
        // A later profile may have set it again.
        taken_away.retain(|path| view.at(path).is_none());
        let is_one_for_all =
            modes.modes.is_empty() && taken_away.is_empty() && exempt.leaves.is_empty();
        let mode_of_all = match modes.mode.unwrap_or(self.config.mode) {
            _ if !is_one_for_all => None,
            // Only some leaves have bounds.
            Mode::Bound => None,
            Mode::Check if exempt.pass == Pass::Preview => Some(Mode::Ensure),
            Mode::Check => Some(Mode::Off),
            mode => Some(mode),
        };
        Some(Section {
            settings,
            view,
            modes,
            taken_away,
            exempt: exempt.clone(),
            config: self.config,
            mode_of_all,
            decisions: RefCell::default(),
        })
    }
}

/// Decodes one layer's section called `name`, for the faults that it has.
pub fn check_section<'a, S: Settings>(
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
    for (path, mode) in &modes.modes {
        let kept = S::NOT_REMOVED.iter().find(|(kept, _)| kept == path);
        if let Some((_, help)) = kept.filter(|_| *mode == Mode::Remove) {
            let message = format!("`{path}` cannot have the mode Remove");
            faults.push(fault(&format!("modes.{path}"), message, (*help).to_owned()));
        }
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

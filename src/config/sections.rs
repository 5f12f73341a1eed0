//! The sections of one transformer, merged for each combination of layers, and checked in each layer.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use super::decode::{Fault, Others, decode};
use super::modes::{MODE_KEYS, Modes, is_mode_path, is_mode_path_or_above, mode_path};
use super::section::{ExemptLeaves, Objection, Pass, Section, Settings};
use super::settings::{Config, NamedLayer, join};
use super::view::{Layer, LayerId, View};
use super::vocabulary::SectionRow;
use crate::finding::Mode;
use crate::hashing::HashMap;
use crate::problem::did_you_mean;
use crate::yaml::Node;

/// The sections of one transformer, merged once for each combination of layers.
#[derive(Debug)]
pub struct Sections<'a, S> {
    row: &'static SectionRow,
    config: &'a Config<'a>,
    known: RefCell<KnownSections<'a, S>>,
    /// The last section that was returned: most objects and containers have the same layers as the one before them.
    last: RefCell<Option<LastSection<'a, S>>>,
    are_set: OnceCell<bool>,
}

/// The layers and pass of a section without exemptions, and the section.
type LastSection<'a, S> = (Vec<LayerId>, Pass, Option<Rc<Section<'a, S>>>);

/// Merged sections by their layers and exempt leaves; `None` if no layer has the section.
type KnownSections<'a, S> = HashMap<(Vec<LayerId>, ExemptLeaves), Option<Rc<Section<'a, S>>>>;

impl<'a, S: Settings> Sections<'a, S> {
    /// The sections of one row in a config.
    pub fn new(row: &'static SectionRow, config: &'a Config<'a>) -> Sections<'a, S> {
        Sections {
            row,
            config,
            known: RefCell::default(),
            last: RefCell::default(),
            are_set: OnceCell::new(),
        }
    }

    /// The name of the sections.
    pub fn name(&self) -> &'static str {
        self.row.name
    }

    /// Whether any layer of the config has one.
    pub fn are_set(&self) -> bool {
        let has = |it: &NamedLayer<'_>| it.layer.node.get(self.row.name).is_some();
        *self
            .are_set
            .get_or_init(|| self.config.layers.iter().any(has))
    }

    /// What the config knows about the sections.
    pub fn row(&self) -> &'static SectionRow {
        self.row
    }

    /// The section merged from these layers, lowest first, without exemptions; `None` if none of them has it.
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

    /// The section merged from these layers, lowest first; `None` if none of them has it.
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
        // Each layer was decoded when the config was read, so the merged section decodes, too.
        let settings = decode(&view, Others::Known(MODE_KEYS)).ok()?;
        let modes: Modes = decode(&view, Others::Anything).ok()?;
        let mut nulled = Vec::new();
        for layer in view.layers() {
            if self.config.layers[layer.id].profile.is_some() {
                nulls(layer.node, "", &mut nulled);
            }
        }
        // A later profile can set it again.
        nulled.retain(|path| view.at(path).is_none());
        let is_uniform = modes.modes.is_empty() && nulled.is_empty() && exempt.leaves.is_empty();
        let mode_of_all = match modes.mode.unwrap_or(self.config.mode) {
            _ if !is_uniform => None,
            // Only some leaves have bounds.
            Mode::Bound => None,
            mode => Some(exempt.pass.mode(mode)),
        };
        Some(Section {
            settings,
            view,
            modes,
            nulled,
            exempt: exempt.clone(),
            config: self.config,
            mode_of_all,
            decisions: RefCell::default(),
            known_modes: RefCell::default(),
        })
    }
}

/// The faults of one layer's section `name`.
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
            if *mode == Mode::Bound && !is_mode_path_or_above(S::BOUNDED, path) {
                let message =
                    format!("`{path}` cannot have the mode Bound, because it has no bounds");
                let help = match S::BOUNDED {
                    [] => format!("no field of {name} has bounds"),
                    bounded => format!("the fields with bounds are {}", bounded.join(", ")),
                };
                faults.push(fault(&format!("modes.{path}"), message, help));
            }
            continue;
        }
        let known = || {
            S::MODE_PATHS
                .iter()
                .copied()
                .filter(|it| !it.ends_with(".*"))
        };
        let without_context = mode_path(path);
        let nearest = if is_mode_path(S::MODE_PATHS, without_context) {
            Some(without_context)
        } else {
            did_you_mean(without_context, known())
        };
        let help = match nearest {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the paths are {}", S::MODE_PATHS.join(", ")),
        };
        let message = format!("{name} has no field with the path `{path}`");
        faults.push(fault("modes", message, help));
    }
    if containers_only {
        let keys = view.keys().into_iter().filter_map(|key| key.node.text());
        for key in keys.filter(|key| {
            !S::CONTAINER_KEYS.contains(&key.as_ref()) && !MODE_KEYS.contains(&key.as_ref())
        }) {
            let message = format!(
                "`{key}` cannot be set for single containers, and this profile selects containers"
            );
            faults.push(fault(
                &key,
                message,
                "move it to a profile without `containers`".to_owned(),
            ));
        }
    }
    // What contradicts a setting of another layer, or a default that another layer can replace, is a fault of both merged.
    let is_of_layer = |it: &Objection| {
        it.contradicts
            .as_deref()
            .is_none_or(|of| view.at(of).is_some())
    };
    faults.extend(objections(&view, &settings, is_of_layer));
    faults
}

/// The faults of the section `name` that only appear when layers are merged: an environment sets a limit below the request
/// of `spec`. Without the section in `above`, the layers `below` were checked without them.
pub(super) fn check_merged<'a, S: Settings>(
    below: &[Layer<'a>],
    above: &[Layer<'a>],
    name: &'static str,
) -> Vec<Fault<'a>> {
    let section = |layer: &Layer<'a>| {
        let node = layer.node.get(name)?;
        Some(Layer { node, ..*layer })
    };
    let mut merged: Vec<Layer<'a>> = below.iter().filter_map(section).collect();
    let is_checked = merged.len();
    merged.extend(above.iter().filter_map(section));
    if merged.len() == is_checked {
        return Vec::new();
    }
    let Some(view) = View::new(merged, name, S::MERGED_LISTS) else {
        return Vec::new();
    };
    match decode::<S>(&view, Others::Known(MODE_KEYS)) {
        Ok(settings) => objections(&view, &settings, |_| true),
        // Wrong types are faults of single layers.
        Err(_) => Vec::new(),
    }
}

/// The section's objections to its values. Of two values that contradict each other, the fault is at the one that a higher
/// layer sets.
fn objections<'a, S: Settings>(
    view: &View<'a>,
    settings: &S,
    is_wanted: impl Fn(&Objection) -> bool,
) -> Vec<Fault<'a>> {
    let rank = |layer: &Layer<'a>| view.layers().iter().position(|it| it.id == layer.id);
    let placed = |objection: Objection| {
        let Objection {
            path,
            message,
            mut help,
            contradicts,
        } = objection;
        let layer_at = |path: &str| view.at(path).map_or(view.top(), |view| view.top());
        let (mut at, mut layer) = (&path, layer_at(&path));
        if let Some(other) = &contradicts {
            let of_other = layer_at(other);
            if of_other.id != layer.id {
                help.push_str("; `fitout config show` lists where each is set");
            }
            if rank(&of_other) > rank(&layer) {
                (at, layer) = (other, of_other);
            }
        }
        Fault {
            id: "FIT-CFG003",
            message,
            help: Some(help),
            layer: Some(layer),
            path: join(view.path(), at),
        }
    };
    let objections = settings.check().into_iter();
    objections.filter(is_wanted).map(placed).collect()
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

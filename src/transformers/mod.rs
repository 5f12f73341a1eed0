//! Step 4: the transformers. Each is one file here, one row in the table below, and one folder of
//! cases in `tests/cases/`.
//!
//! A transformer is its section of the config: a struct with serde, whose doc comments are the
//! reference. It reads the object, asks [`Edits`] for what shall be, and never writes.
//!
//! # Adding one
//!
//! 1. Copy the nearest file here, and change its head comment and its struct. The head says what it
//!    writes, what wins when the author has set the field, and shows a short before and after.
//! 2. Add its `mod` and `use` lines and its row. The row gives it its key in `spec` and in profiles, its rule
//!    id, its place in the order, and strict decoding with positions.
//! 3. Make `tests/cases/<key>/<what it shows>/` with `input.yaml` and `fn-config.yaml`.
//! 4. `UPDATE_GOLDEN=1 cargo test`, and read the git diff of `expected.yaml` and `results.yaml`.
//! 5. `make test lint`.
//!
//! Config key, decoding with positions, profiles, modes, `docs/config.md`, plan, JSON and results
//! follow from that.
//!
//! # What it is given
//!
//! - [`Scope::target`]: the object, its pod template with all containers, its claims.
//!   [`Scope::section`] holds the settings for the object's own fields, [`Scope::section_for`] those
//!   for one container; each is `None` where nothing in the config speaks of it.
//! - A [`Subject`](crate::finding::Subject) is the part that fields are addressed from: the object, its
//!   pods, a container, a claim.
//! - [`Edits::set`] takes a [`Proposal`](crate::edit::Proposal) for one leaf and applies the mode;
//!   [`Edits::append`] adds an item to a list; [`Edits::find`] tells what is no change.
//! - [`Section::decision`] names who decided a leaf, by its path in the section. It is what every
//!   reason in every report comes from, so name the leaf that holds the value.
//! - Values: `Value::from("…")` is quoted where YAML would read it as something else,
//!   `Value::Quoted` always, as annotations are. [`Meaning`](crate::edit::Meaning) says when a present
//!   value is as good: as a quantity, as a text, or only when equal.

pub mod prometheus;
pub mod resources;
pub mod security_context;
pub mod storage;

use std::rc::Rc;
use std::sync::Arc;

use crate::config::{Config, Section, SectionRow, Sections, Settings, Waived};
use crate::edit::Edits;
use crate::finding::Decision;
use crate::kubernetes::{Level, Version};
use crate::objects::{Accounts, Around, Container, Target};
use crate::problem::Problem;
use crate::select::{Applicable, Containers, Waiver};

use prometheus::Prometheus;
use resources::Resources;
use security_context::SecurityContext;
use storage::Storage;

/// A section of the config that fits objects out.
pub trait Transformer: Settings {
    /// Asks for everything that the section wants of one object.
    ///
    /// # Errors
    /// A value of the author's that cannot be read where it has to be.
    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem>;
}

/// The order of this table is the order of application.
macro_rules! transformers {
    ($($field:ident: $name:literal => $section:ty,)*) => {
        /// The sections of the config, which are also the rule ids of changes.
        pub const NAMES: &[&str] = &[$($name),*];

        /// What the config knows of each section.
        pub const SECTIONS: &[SectionRow] = &[$(SectionRow::of::<$section>($name)),*];

        /// All transformers with their sections, ready for any number of objects.
        pub struct Transformers<'a> {
            $($field: Sections<'a, $section>,)*
        }

        impl<'a> Transformers<'a> {
            /// The transformers of a config; those without a section do nothing.
            pub fn new(config: &'a Config<'a>) -> Transformers<'a> {
                Transformers { $($field: Sections::new(const { &SectionRow::of::<$section>($name) }, config),)* }
            }

            /// Asks every transformer what it wants of one object.
            ///
            /// # Errors
            /// The first value of the author's that cannot be read where it has to be.
            pub fn transform(&self, object: &Applicable<'_, '_>, edits: &mut Edits<'_>) -> Result<(), Problem> {
                $(
                    if !object.skipped.iter().any(|skipped| skipped == $name || skipped == "true") {
                        edits.rule($name);
                        <$section>::transform(&Scope { object, sections: &self.$field }, edits)?;
                    }
                )*
                Ok(())
            }
        }
    };
}

transformers! {
    resources: "resources" => Resources,
    security_context: "securityContext" => SecurityContext,
    prometheus: "prometheus" => Prometheus,
    storage: "storage" => Storage,
}

impl Transformers<'_> {
    /// The Pod Security level that an object's pods are fitted out for, and its version where the config names one;
    /// nothing when no `securityContext` applies to it.
    pub fn pod_security(&self, object: &Applicable<'_, '_>) -> Option<(Level, Option<Version>)> {
        let scope = Scope {
            object,
            sections: &self.security_context,
        };
        scope.section().map(|section| section.settings.standard())
    }

    /// Whether the pods of an object get resources.
    pub fn gives_resources(&self, object: &Applicable<'_, '_>) -> bool {
        let sections = &self.resources;
        let is_skipped = object.skipped.iter().any(|it| it == sections.name());
        !is_skipped && Scope { object, sections }.section().is_some()
    }
}

/// What a transformer is given: an object, and the sections that apply to it.
pub struct Scope<'r, 'c, S> {
    object: &'r Applicable<'r, 'r>,
    sections: &'r Sections<'c, S>,
}

impl<'r, 'c, S: Transformer> Scope<'r, 'c, S> {
    /// The object and what there is to fit in it.
    pub fn target(&self) -> &'r Target<'r> {
        self.object.target
    }

    /// What all objects in hand say of their ServiceAccounts.
    pub fn accounts(&self) -> &'r Accounts {
        self.object.accounts
    }

    /// What all objects in hand say of one another.
    pub fn around(&self) -> &'r Around<'r> {
        self.object.around
    }

    /// The object's index among all objects.
    pub fn index(&self) -> usize {
        self.object.index
    }

    /// The section for the object's own fields; `None` when no layer that applies to it has one.
    pub fn section(&self) -> Option<Rc<Section<'c, S>>> {
        let is_meant = self.object.containers.is_whole_object();
        is_meant
            .then(|| {
                let waives = |waiver: &Waiver<'_>| waiver.is_for_whole_object();
                self.merged(|containers| containers.is_whole_object(), waives)
            })
            .flatten()
    }

    /// The section for one container; `None` when no layer that applies to it has one.
    pub fn section_for(&self, container: &Container<'_>) -> Option<Rc<Section<'c, S>>> {
        let is_meant = self.object.containers.includes(container);
        is_meant
            .then(|| {
                let waives = |waiver: &Waiver<'_>| waiver.is_for(container);
                self.merged(|containers| containers.includes(container), waives)
            })
            .flatten()
    }

    fn merged(
        &self,
        applies: impl Fn(&Containers<'_>) -> bool + Copy,
        waives: impl Fn(&Waiver<'_>) -> bool,
    ) -> Option<Rc<Section<'c, S>>> {
        let layers = self
            .object
            .layers
            .iter()
            .filter(move |(_, containers)| applies(containers))
            .map(|(id, _)| *id);
        if self.object.waivers.is_empty() {
            return self.sections.plain(layers, self.object.as_if);
        }
        let mut waived = Waived {
            leaves: Vec::new(),
            as_if: self.object.as_if,
        };
        let waivers = self.object.waivers.iter().enumerate();
        for (index, waiver) in waivers.filter(|(_, waiver)| waives(waiver)) {
            let leaves = waiver.leaves_of(self.sections.row());
            waived
                .leaves
                .extend(leaves.map(|leaf| (leaf.to_owned(), index)));
        }
        self.sections.merged(layers.collect(), waived)
    }
}

/// The path in `modes` that has the fields of a leaf deleted: the longest, which is the one that decides.
fn removed_by<'s, S: Transformer>(section: &'s Section<'_, S>, leaf: &str) -> Option<&'s str> {
    let covering = section.removed().filter(|path| covers(path, leaf));
    covering.max_by_key(|path| path.len())
}

/// A decision by one setting about the field of another: how it is applied, and what keeps it, is that one's.
fn decision_about<S: Transformer>(
    section: &Section<'_, S>,
    setting: &str,
    leaf: &str,
) -> Arc<Decision> {
    decision_instead(section, setting, &section.decision(leaf))
}

/// As [`decision_about`], in the place of a decision that is at hand.
fn decision_instead<S: Transformer>(
    section: &Section<'_, S>,
    setting: &str,
    about: &Decision,
) -> Arc<Decision> {
    Arc::new(Decision {
        mode: about.mode,
        leaf: about.leaf.clone(),
        waiver: about.waiver,
        ..(*section.decision(setting)).clone()
    })
}

/// Who has the field of a leaf deleted.
fn decision_to_remove<S: Transformer>(section: &Section<'_, S>, leaf: &str) -> Arc<Decision> {
    match removed_by(section, leaf) {
        Some(path) => decision_about(section, &format!("modes.{path}"), leaf),
        None => section.decision(leaf),
    }
}

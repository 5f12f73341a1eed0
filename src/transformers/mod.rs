//! The transformers: each requests the desired state of one section of the config.
//!
//! A transformer is its section: a struct with serde whose doc comments are the reference. It reads the object, asks
//! [`Edits`] for what must be, and never writes. A check judges what comes out; see [`crate::checks`].
//!
//! # Adding one
//!
//! 1. Copy `example.rs`, which is compiled for tests only, and change its head comment, its struct and its leaves. The head
//!    says what is written, what wins when the author has set the field, and shows a short before and after.
//! 2. Add its `mod` and `use` lines and its row in the table below. The row gives it its key in `spec` and in profiles, its
//!    rule id, its place in the order, and strict decoding with positions.
//! 3. Make `tests/cases/<key>/<what it shows>/` with `input.yaml` and `fn-config.yaml`.
//! 4. `UPDATE_GOLDEN=1 cargo test`, and read the git diff of `expected.yaml` and `results.yaml`.
//! 5. `make test lint`.
//!
//! Config key, decoding with positions, profiles, modes, exemptions, `docs/config.md`, plan, JSON and results follow from
//! that.
//!
//! # What it works with
//!
//! - [`Scope::target`]: the object, its pod templates with all containers, its claims. [`Scope::section`] holds the settings
//!   for the object's own fields, [`Scope::section_for`] those for one container; each is `None` where the config does not
//!   apply.
//! - A [`Subject`](crate::objects::Subject) is the part that fields are addressed from: `template.pod` (the pod spec),
//!   `template.pod_metadata`, `container.subject`, `claim.subject`, or the object itself.
//! - [`Edits::set`] takes a [`Proposal`](crate::edit::Proposal) for one leaf and applies the mode; [`Edits::append`] adds an
//!   item to a list; [`Edits::find`] reports a conflict: a configured value that is not set, and why. Its rule is listed in
//!   [`Transformer::FINDS`].
//! - [`Section::decision`] names who decided a leaf, by its path in the section. Every reason in every report comes from it,
//!   so name the leaf that holds the value.
//! - Values: `Value::from("…")` is quoted where YAML would read it as something else, `Value::Quoted` always, as annotations
//!   are. [`Meaning`](crate::edit::Meaning) says when a present value is as good: as a quantity, as a text, or only when equal.
//! - Most kinds hold whole pods, some only parts of them. A field of the pod spec may be written where
//!   [`Template::has_field`](crate::objects::Template::has_field) says so; a new one is added to `fields` of the layouts that
//!   have it, in `src/objects/layout.rs`.

#[cfg(test)]
mod example;
pub mod prometheus;
pub mod resources;
pub mod security_context;
pub mod storage;
#[cfg(test)]
mod testing;

use std::rc::Rc;

use crate::config::{Config, ExemptLeaves, Pass, Section, SectionRow, Sections, Settings};
use crate::edit::Edits;
use crate::funnel::Funnel;
use crate::objects::{Accounts, Container, Related, Target};
use crate::problem::{Problem, Problems};
use crate::rules::Rule;
use crate::select::{AppliedExemption, Containers, Selected, Selection};

use prometheus::Prometheus;
use resources::Resources;
use security_context::SecurityContext;
use storage::Storage;

/// A section of the config that fits objects out.
pub trait Transformer: Settings {
    /// What it reports: conflicts that it meets while it asks.
    const FINDS: &'static [Rule] = &[];

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

        /// The rules of each.
        pub const RULES: &[&[Rule]] = &[$(<$section as Transformer>::FINDS),*];

        /// All transformers with their sections, ready for any number of objects.
        #[derive(Debug)]
        pub struct Transformers<'a> {
            $(
                /// The sections of this name.
                pub $field: Sections<'a, $section>,
            )*
        }

        impl<'a> Transformers<'a> {
            /// The transformers of a config; those without a section do nothing.
            pub fn new(config: &'a Config<'a>) -> Transformers<'a> {
                Transformers { $($field: Sections::new(const { &SectionRow::of::<$section>($name) }, config),)* }
            }

            /// Asks every transformer what it wants of one object.
            fn transform(&self, object: Object<'_>, edits: &mut Edits<'_>) -> Result<(), Problem> {
                edits.start(object.selected.index);
                $(
                    if !object.selected.skips($name) {
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
    /// Asks every transformer what it wants of every selected object.
    ///
    /// Leaves that are only checked and leaves that an exemption covers are planned a second time as if they were
    /// written: what differs is what there is to report. So nothing that is written follows from something that is not.
    ///
    /// # Errors
    /// Every object with a value that cannot be read where it has to be.
    pub fn run<'a>(
        &self,
        config: &Config<'_>,
        selection: &Selection<'_, 'a>,
        funnel: &mut Funnel<'_>,
    ) -> Result<Edits<'a>, Problems> {
        let resources = selection.objects.resources;
        let mut edits = Edits::new(resources);
        let mut problems = Vec::new();
        for selected in &selection.selected {
            let object = |pass| Object {
                selected,
                related: &selection.objects.related,
                accounts: &selection.objects.accounts,
                pass,
            };
            let first = edits.changes.len();
            problems.extend(self.transform(object(Pass::Write), &mut edits).err());
            if config.only_checks || !selected.exemptions.is_empty() {
                let mut preview = Edits::new(resources);
                problems.extend(self.transform(object(Pass::Preview), &mut preview).err());
                edits.note_checked(&preview);
                let exemption_of = |leaf: &str| selected.exemption_of(leaf, config.vocabulary);
                funnel.extend(preview.not_written(&edits.changes[first..], exemption_of));
            }
        }
        funnel.extend(std::mem::take(&mut edits.findings));
        match problems.is_empty() {
            true => Ok(edits),
            false => Err(Problems(problems)),
        }
    }
}

/// An object, and what is around it.
#[derive(Clone, Copy)]
struct Object<'r> {
    selected: &'r Selected<'r, 'r>,
    related: &'r Related<'r>,
    accounts: &'r Accounts,
    pass: Pass,
}

/// What a transformer is given: an object, and the sections that apply to it.
pub struct Scope<'r, 'c, S> {
    object: Object<'r>,
    sections: &'r Sections<'c, S>,
}

impl<'r, 'c, S: Settings> Scope<'r, 'c, S> {
    /// The scope in which a check asks what a section says of an object: what is only checked or exempt is judged as well.
    pub fn of(
        sections: &'r Sections<'c, S>,
        selection: &'r Selection<'r, '_>,
        selected: &'r Selected<'r, 'r>,
    ) -> Scope<'r, 'c, S> {
        let object = Object {
            selected,
            related: &selection.objects.related,
            accounts: &selection.objects.accounts,
            pass: Pass::Preview,
        };
        Scope { object, sections }
    }

    /// The same with what is only checked or exempt: what is then found is exempt by the setting that decided it.
    pub fn asked(
        sections: &'r Sections<'c, S>,
        config: &Config<'_>,
        selection: &'r Selection<'r, '_>,
        selected: &'r Selected<'r, 'r>,
    ) -> Scope<'r, 'c, S> {
        let mut scope = Scope::of(sections, selection, selected);
        if config.only_checks || !selected.exemptions.is_empty() {
            scope.object.pass = Pass::Preview;
        }
        scope
    }

    /// The object and what there is to fit in it.
    pub fn target(&self) -> &'r Target<'r> {
        self.object.selected.target
    }

    /// What all objects say of their ServiceAccounts.
    pub fn accounts(&self) -> &'r Accounts {
        self.object.accounts
    }

    /// What all objects say of one another.
    pub fn related(&self) -> &'r Related<'r> {
        self.object.related
    }

    /// The object's index among all objects.
    pub fn index(&self) -> usize {
        self.object.selected.index
    }

    /// The section for the object's own fields; `None` when no layer that applies to it has one.
    pub fn section(&self) -> Option<Rc<Section<'c, S>>> {
        let applies = self.object.selected.containers.is_whole_object();
        let is_exempt = |exemption: &AppliedExemption<'_>| exemption.is_for_whole_object();
        applies
            .then(|| self.merged(|containers| containers.is_whole_object(), is_exempt))
            .flatten()
    }

    /// The section for one container; `None` when no layer that applies to it has one.
    pub fn section_for(&self, container: &Container<'_>) -> Option<Rc<Section<'c, S>>> {
        let applies = self.object.selected.containers.includes(container);
        let is_exempt = |exemption: &AppliedExemption<'_>| exemption.is_for(container);
        applies
            .then(|| self.merged(|containers| containers.includes(container), is_exempt))
            .flatten()
    }

    fn merged(
        &self,
        applies: impl Fn(&Containers<'_>) -> bool + Copy,
        is_exempt: impl Fn(&AppliedExemption<'_>) -> bool,
    ) -> Option<Rc<Section<'c, S>>> {
        let Object { selected, pass, .. } = self.object;
        let layers = selected.layers.iter();
        let layers = layers.filter(move |(_, containers)| applies(containers));
        let layers = layers.map(|(id, _)| *id);
        if selected.exemptions.is_empty() {
            return self.sections.plain(layers, pass);
        }
        let exemptions = selected.exemptions.iter().enumerate();
        let leaves = exemptions
            .filter(|(_, exemption)| is_exempt(exemption))
            .flat_map(|(index, exemption)| {
                let leaves = exemption.leaves_of(self.sections.row());
                leaves.map(move |leaf| (leaf.to_owned(), index))
            });
        let leaves = leaves.collect();
        self.sections
            .merged(layers.collect(), ExemptLeaves { leaves, pass })
    }
}

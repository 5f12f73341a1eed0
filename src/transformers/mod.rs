//! The transformers: each requests the desired state of one section of the config.
//!
//! A transformer is its section: a serde struct whose doc comments are the reference. It reads the object and requests
//! [`Edits`]; it never writes. Checks evaluate the result; see [`crate::checks`].
//!
//! # Adding a transformer
//!
//! 1. Look in `tests/peers.tsv` whether another section or rule answers the same already.
//!    Copy `example.rs`, which is compiled for tests only: to `priority_class.rs` for a section `priorityClass`. Make the
//!    struct `pub`, and change the head, the settings, the leaves and the rows of `FIELDS`. The first line of the head is
//!    `` `key`: what it sets. ``, which is the row in README.md. The head says what is written, what wins when the author has
//!    set the field, and shows a short before and after, which a case can print.
//! 2. Add the `pub mod` and `use` lines, and a row to `transformers!` in this file. The row has the key in `spec` and in
//!    profiles, which is also the rule id, and its place is the order in which the transformers run: the last one, unless another
//!    section reads its fields.
//! 3. A field of the pod spec: add it to `FIELDS` in `src/objects/layout.rs`, and write it only where
//!    [`Template::has_field`](crate::objects::Template::has_field), because not every kind holds whole pods. Objects of Knative
//!    (`KNATIVE` in this file) pass that test, but Knative accepts few fields: leave them out, or report that the field is not set,
//!    as `security_context.rs` does.
//! 4. Can a wrong value stop a program that runs without the field? A user that cannot read its files can; an amount or a place to
//!    write cannot, because the config chooses it for the program. Then add the field to `STOPPING` in `src/edit/knowledge.rs` and in `tests/knowledge.rs`,
//!    otherwise to `HARMLESS` there.
//! 5. Make `tests/cases/<key>/<what-it-shows>/` with `input.yaml` and `fn-config.yaml`. On the section's page the name of the
//!    folder is the heading, and the first comment of `input.yaml` is the text. A case must show a change or a finding: put what
//!    stays next to what changes.
//! 6. Run `make golden`, and read the git diff: `expected.yaml` and `results.yaml` of the case, README.md, docs/config.md,
//!    docs/explain.md, the schema, and the new page `docs/transformers/<key>.md`. A short case can become the example of a general
//!    rule such as FIT-RUN002. While you work, `UPDATE_GOLDEN=1 cargo test --test fitout golden::` writes the cases alone.
//! 7. Run `make test lint`.
//!
//! Strict decoding with positions, profiles, modes, exemptions, plan, JSON and results need no more code.
//!
//! # What it works with
//!
//! - [`Scope::target`] is the object, with its pod templates, their containers, and its claims. [`Scope::section`] has the
//!   settings for the object's own fields, [`Scope::section_for`] those for one container; each is `None` where the config
//!   does not apply.
//! - A [`Subject`] is the part that field paths are relative to: `template.pod` (the pod spec),
//!   `template.pod_metadata`, `container.subject`, `claim.subject`, or the object itself.
//! - A row of `FIELDS` says which settings decide a field: the object that has it (`Containers`, `Pods`, …: [`FieldOf`]), its path
//!   there, which for an item of a list is that of the list, the settings that give its value, and those that change how.
//! - [`Edits::set`] takes a [`Proposal`](crate::edit::Proposal) for one leaf and applies the mode. [`Edits::append`] adds an
//!   item to a list in any mode: look for the item first, and call it for `Ensure` and `Override` only. An item that is there
//!   is one leaf, `[list, place]`; `resources/resizing.rs` is an example, also of `Remove`. [`Edits::find`] reports a conflict: a configured value that is not set, and why. List its rule in
//!   [`Transformer::FINDS`].
//! - An edit that can stop a program ([`crate::edit::can_stop`]: users, capabilities, the token, mounts, …) needs knowledge:
//!   the config sets the field, or [`Proposal::known`](crate::edit::Proposal::known) says what is known from the input or the
//!   catalogue of images. A default is not knowledge; without knowledge, nothing is written.
//! - [`Section::decision`] returns who decided a leaf, by the leaf's path in the section. Every report takes its reasons
//!   from it, so pass the leaf that holds the value. [`Section::requested`] is a value with its decision, and handles the mode
//!   `Remove` without a value.
//! - `Value::from("…")` is quoted where YAML would read it as another type; `Value::Quoted` is always quoted, as annotations
//!   are. [`Meaning`](crate::edit::Meaning) selects how a present value is compared: as a quantity, as text, or literally.

#[cfg(test)]
mod example;
pub mod prometheus;
pub mod resources;
pub mod security_context;
pub mod storage;
#[cfg(test)]
mod testing;

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use crate::config::{
    Config, ExemptLeaves, FieldOf, FieldRow, LayerId, Pass, Section, SectionRow, Sections, Settings,
};
use crate::edit::{Change, Edits};
use crate::finding::{Decision, Finding, Mode, Subject};
use crate::funnel::Funnel;
use crate::objects::{Container, ContainerType, Objects, Related, Target};
use crate::parallel;
use crate::problem::{Problem, Problems};
use crate::rules::Rule;
use crate::select::{Containers, Selected, Selection};

use prometheus::Prometheus;
use resources::Resources;
use security_context::SecurityContext;
use storage::Storage;

/// The API group of Knative's serverless workloads, whose pods may have only some fields.
const KNATIVE: &str = "serving.knative.dev";

/// A section of the config that sets fields of objects.
pub trait Transformer: Settings {
    /// The rules of the conflicts that it reports while planning.
    const FINDS: &'static [Rule] = &[];

    /// Requests all edits of the section for one object.
    ///
    /// # Errors
    /// A value in the manifest that is needed and cannot be read.
    fn transform(scope: &Scope<'_, '_, Self>, edits: &mut Edits<'_>) -> Result<(), Problem>;
}

/// Transformers run in the order of this table.
macro_rules! transformers {
    ($($field:ident: $name:literal => $section:ty,)*) => {
        /// The names of the sections, which are also the rule ids of changes.
        pub const NAMES: &[&str] = &[$($name),*];

        /// How the config decodes each section.
        pub const SECTIONS: &[SectionRow] = &[$(SectionRow::of::<$section>($name)),*];

        /// The rules of each transformer.
        pub const RULES: &[&[Rule]] = &[$(<$section as Transformer>::FINDS),*];

        /// The schema of each section.
        #[cfg(test)]
        pub(crate) fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<schemars::Schema> {
            vec![$(<$section as schemars::JsonSchema>::json_schema(generator)),*]
        }

        /// All transformers with their sections of one config.
        #[derive(Debug)]
        pub struct Transformers<'a> {
            $(
                /// The sections with this name.
                pub $field: Sections<'a, $section>,
            )*
        }

        impl<'a> Transformers<'a> {
            /// The transformers for a config; those without a section do nothing.
            pub fn new(config: &'a Config<'a>) -> Transformers<'a> {
                Transformers { $($field: Sections::new(const { &SectionRow::of::<$section>($name) }, config),)* }
            }

            /// Every field of an object that a section can set.
            pub fn fields<'r>(&self, selection: &'r Selection<'r, '_>, selected: &'r Selected<'r, 'r>) -> Vec<SettableField> {
                let object = Object { selected, objects: selection.objects, pass: Pass::Write };
                let mut found = Vec::new();
                $(fields_of(&Scope { object, sections: &self.$field }, &mut found);)*
                found
            }

            /// Requests the edits of every transformer for one object.
            fn transform(&self, object: Object<'_>, edits: &mut Edits<'_>) -> Result<(), Problem> {
                edits.start(object.selected.index);
                $(
                    if self.$field.are_set() && !object.selected.skips($name) {
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
    /// Plans the edits of every transformer for every selected object.
    ///
    /// A second pass plans leaves that are only checked or exempt as if they were written, and reports what differs. The
    /// passes are separate, so that no written edit depends on one that is not written. For an exact check, a third pass plans
    /// all leaves as if the manifest set none.
    ///
    /// # Errors
    /// One problem for each object with a value that is needed and cannot be read.
    pub fn run<'a>(
        &self,
        config: &Config<'_>,
        selection: &Selection<'_, 'a>,
        funnel: &mut Funnel<'_>,
    ) -> Result<Edits<'a>, Problems> {
        let parts = selection.objects.parts_of(selection.selected.len());
        let planned = match parts.as_slice() {
            [part] => vec![self.plan(config, selection, part.clone())],
            parts => parallel::map_all(parts.len(), &|at| {
                Transformers::new(config).plan(config, selection, parts[at].clone())
            }),
        };
        let mut all = Edits::new(selection.objects.resources);
        let mut problems = Vec::new();
        for (edits, previewed, found) in planned {
            all.extend(edits);
            funnel.extend(previewed);
            problems.extend(found);
        }
        funnel.extend(std::mem::take(&mut all.findings));
        match problems.is_empty() {
            true => Ok(all),
            false => Err(Problems(problems)),
        }
    }

    /// Plans some of the selected objects: the edits, findings about what is not written, and problems.
    fn plan<'a>(
        &self,
        config: &Config<'_>,
        selection: &Selection<'_, 'a>,
        part: Range<usize>,
    ) -> (Edits<'a>, Vec<Finding>, Vec<Problem>) {
        let resources = selection.objects.resources;
        let mut edits = Edits::new(resources);
        edits.make_room_for(part.len());
        let (mut previewed, mut problems) = (Vec::new(), Vec::new());
        for selected in &selection.selected[part] {
            let object = |pass| Object {
                selected,
                objects: selection.objects,
                pass,
            };
            let first = edits.changes.len();
            let problem = self.transform(object(Pass::Write), &mut edits).err();
            let is_readable = problem.is_none();
            problems.extend(problem);
            if config.only_checks || !selected.exemptions.is_empty() {
                let mut preview = Edits::new(resources);
                problems.extend(self.transform(object(Pass::Preview), &mut preview).err());
                edits.note_checked(&preview);
                let exemption_of = |leaf: &str| selected.exemptions.of_leaf(leaf);
                previewed.extend(preview.not_written(&edits.changes[first..], exemption_of));
            }
            if config.validate_only && config.checks.exact {
                let mut exact = Edits::new(resources);
                let problem = self.transform(object(Pass::Exact), &mut exact).err();
                // The first pass may have reported it.
                problems.extend(problem.filter(|_| is_readable));
                previewed.extend(exact.different(&edits.changes[first..]));
            }
        }
        (edits, previewed, problems)
    }

    /// The changes of one object if other layers of the config applied to it; `None` if it cannot be planned.
    pub fn changes_with(
        &self,
        selection: &Selection<'_, '_>,
        selected: &Selected<'_, '_>,
    ) -> Option<Vec<Change>> {
        let object = Object {
            selected,
            objects: selection.objects,
            pass: Pass::Write,
        };
        let mut edits = Edits::new(selection.objects.resources);
        self.transform(object, &mut edits).ok()?;
        Some(edits.changes)
    }
}

/// A field of an object that a section can set.
#[derive(Debug)]
pub struct SettableField {
    /// The section.
    pub section: &'static str,
    /// The part that has the field.
    pub subject: Arc<Subject>,
    /// The field's path below the part.
    pub field: Vec<String>,
    /// The settings that have its value, the most important one first.
    pub settings: Vec<String>,
    /// The settings that change the value.
    pub modifiers: &'static [&'static str],
    /// The layers of the config that apply to the part, lowest first.
    pub layers: Vec<LayerId>,
    /// What the section says about it; `None` if no layer that applies has the section.
    pub said: Option<Said>,
}

/// What a section says about a field.
#[derive(Debug)]
pub struct Said {
    /// The mode, as written.
    pub mode: Mode,
    /// Who decides: a setting, or what has the default.
    pub decision: Arc<Decision>,
    /// Whether a setting has a value.
    pub is_set: bool,
}

/// The part that a field belongs to.
type PartOf<'p> = (Arc<Subject>, Option<&'p Container<'p>>, Vec<String>);

fn fields_of<S: Settings>(scope: &Scope<'_, '_, S>, found: &mut Vec<SettableField>) {
    let ask = |container: Option<&Container<'_>>, settings: &[String]| {
        let section = match container {
            Some(container) => scope.section_for(container),
            None => scope.section(),
        }?;
        let set = settings.iter().find(|it| section.sets(it));
        Some(Said {
            mode: section.written_mode(&settings[0]),
            decision: section.decision(set.unwrap_or(&settings[0])),
            is_set: set.is_some(),
        })
    };
    let section = scope.section();
    let annotation = |name: &str| match &section {
        Some(section) => section.settings.annotation(name),
        None => S::default_annotation(name),
    };
    for row in S::FIELDS {
        find_fields(
            scope.object,
            scope.sections.name(),
            row,
            (&ask, &annotation),
            found,
        );
    }
}

/// Asks a section about a field of a container or another part.
type Ask<'f> = dyn Fn(Option<&Container<'_>>, &[String]) -> Option<Said> + 'f;

/// The fields of a row, in each part of an object that can have it.
fn find_fields(
    object: Object<'_>,
    section: &'static str,
    row: &'static FieldRow,
    (ask, annotation): (&Ask<'_>, &dyn Fn(&str) -> String),
    found: &mut Vec<SettableField>,
) {
    let target = object.selected.target;
    let keys = || row.path.split('.').map(str::to_owned).collect::<Vec<_>>();
    let templates = || target.templates.iter();
    let mut parts: Vec<PartOf<'_>> = Vec::new();
    match row.of {
        FieldOf::Containers => {
            for container in templates().flat_map(|it| it.containers.iter().chain(&it.made)) {
                let mut keys = keys();
                let is_amount = keys[0] == "resources";
                if is_amount {
                    container.resources_key.clone_into(&mut keys[0]);
                }
                let is_ephemeral = container.container_type == ContainerType::Ephemeral;
                if !(keys[0].is_empty() || is_amount && is_ephemeral) {
                    parts.push((Arc::clone(&container.subject), Some(container), keys));
                }
            }
        }
        FieldOf::Pods => {
            let keys = keys();
            let with = templates().filter(|it| match keys[0].as_str() {
                "resources" => it.is_whole(),
                key => it.has_field(key),
            });
            parts.extend(with.map(|it| (Arc::clone(&it.pod), None, keys.clone())));
        }
        FieldOf::Annotations => {
            let keys = vec!["annotations".to_owned(), annotation(row.path)];
            let with = templates().filter(|it| it.has_metadata);
            parts.extend(with.map(|it| (Arc::clone(&it.pod_metadata), None, keys.clone())));
            if target.templates.is_empty() && target.resource.kind == "Service" {
                parts.push((Subject::metadata(), None, keys));
            }
        }
        FieldOf::Claims => {
            let keys: Vec<&str> = row.path.split('.').collect();
            for claim in &target.claims {
                let field = claim.field(&keys).unwrap_or_default();
                if !field.is_empty() {
                    let field = field.into_iter().map(str::to_owned).collect();
                    parts.push((Arc::clone(&claim.subject), None, field));
                }
            }
        }
        FieldOf::Objects if target.resource.kind == "StatefulSet" => {
            parts.push((Subject::object(), None, keys()));
        }
        FieldOf::Objects => {}
    }
    for (subject, container, field) in parts {
        let mut settings: Vec<String> = row.settings.iter().map(|it| (*it).to_owned()).collect();
        let own = match container.map(|it| it.container_type) {
            Some(ContainerType::Init) => "initContainers",
            Some(ContainerType::Sidecar) => "sidecars",
            _ => "",
        };
        if let Some(rest) = settings[0]
            .strip_prefix("containers")
            .filter(|_| !own.is_empty())
        {
            let of_type = [own, rest].concat();
            settings.insert(0, of_type);
        }
        let layers = object.selected.layers.iter();
        let layers = layers.filter(|(_, containers)| match container {
            Some(container) => containers.includes(container),
            None => containers.is_whole_object(),
        });
        found.push(SettableField {
            section,
            subject,
            field,
            said: ask(container, &settings),
            settings,
            modifiers: row.modifiers,
            layers: layers.map(|(id, _)| *id).collect(),
        });
    }
}

/// One object and its context.
#[derive(Clone, Copy)]
struct Object<'r> {
    selected: &'r Selected<'r, 'r>,
    objects: &'r Objects<'r>,
    pass: Pass,
}

/// The input of a transformer: an object, and the sections that apply to it.
pub struct Scope<'r, 'c, S> {
    object: Object<'r>,
    sections: &'r Sections<'c, S>,
}

impl<'r, 'c, S: Settings> Scope<'r, 'c, S> {
    /// The scope in which a check reads a section's settings for an object, including leaves that are only checked or
    /// exempt.
    pub fn of(
        sections: &'r Sections<'c, S>,
        selection: &'r Selection<'r, '_>,
        selected: &'r Selected<'r, 'r>,
    ) -> Scope<'r, 'c, S> {
        let object = Object {
            selected,
            objects: selection.objects,
            pass: Pass::Preview,
        };
        Scope { object, sections }
    }

    /// The object, its templates and its claims.
    pub fn target(&self) -> &'r Target<'r> {
        self.object.selected.target
    }

    /// All objects.
    pub fn objects(&self) -> &'r Objects<'r> {
        self.object.objects
    }

    /// The relations among all objects.
    pub fn related(&self) -> &'r Related<'r> {
        &self.object.objects.related
    }

    /// The object's index among all objects.
    pub fn index(&self) -> usize {
        self.object.selected.index
    }

    /// The section for the object's own fields; `None` when no layer that applies to it has one.
    pub fn section(&self) -> Option<Rc<Section<'c, S>>> {
        self.merged(|it| it.is_whole_object(), None)
    }

    /// The section for one container; `None` when no layer that applies to it has one.
    pub fn section_for(&self, container: &Container<'_>) -> Option<Rc<Section<'c, S>>> {
        self.merged(|it| it.includes(container), Some(container))
    }

    fn merged(
        &self,
        applies: impl Fn(&Containers<'_>) -> bool + Copy,
        container: Option<&Container<'_>>,
    ) -> Option<Rc<Section<'c, S>>> {
        let Object { selected, pass, .. } = self.object;
        if !applies(&selected.containers) {
            return None;
        }
        let layers = selected.layers.iter();
        let layers = layers.filter(|(_, containers)| applies(containers));
        let layers = layers.map(|(id, _)| *id);
        let leaves = selected.exemptions.leaves(self.sections.name(), container);
        if leaves.is_empty() {
            return self.sections.plain(layers, pass);
        }
        self.sections
            .merged(layers.collect(), ExemptLeaves { leaves, pass })
    }
}

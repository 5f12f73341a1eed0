//! What an object holds that fitout does not change: pods and claims in kinds that it does not know, and hints of pods
//! that only a controller sees.
//!
//! Nothing of the kind is known, so the whole object is searched. A mapping is a pod if it has a list of containers with
//! images. Of a mapping that has only some fields of a pod, these are evaluated. Text that contains manifests is not parsed.

mod kinds;
mod mutators;
mod search;
mod signs;
#[cfg(test)]
mod tests;

use super::claims::Claim;
use super::places::{Form, PodSpecs, is_known_kind, is_operated_kind};
use super::template::Template;
use crate::read::Resource;
use kinds::{creates_pods, has_no_pods, is_unknown};
use mutators::changes_pods;
use search::Search;

/// What an object holds that fitout does not change.
#[derive(Debug, Default)]
pub struct Undeclared<'a> {
    /// Pods that only checks look at.
    pub templates: Vec<Template<'a>>,
    /// Some of their places, in the syntax of `podSpecs`; empty if a declaration would not help.
    pub places: Vec<UndeclaredPods>,
    /// What checks cannot look at.
    pub gap: Option<Gap>,
}

/// What checks cannot look at, least severe first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Nothing is known about pods of the kind, so its controller may create some.
    UnknownKind,
    /// It changes pods when they are created.
    Mutator,
    /// A field at a path from which a controller may make more pods than those that are found.
    MorePods(String),
    /// The object has only some fields of its pods; their operator sets the others.
    Operated,
    /// Its operator creates pods, but the object has none of their fields.
    Unseen,
    /// Claims at a path.
    Claims(String),
    /// A field at a path from which a controller may make pods.
    Hint(String),
    /// The object deploys manifests that it only names.
    Deployer,
    /// A field of pods at a path, or one below it, that has a value only after a substitution.
    Substituted(String),
    /// A list of containers at a path that cannot be read.
    Unreadable(String),
}

impl Gap {
    /// Whether the rest of the object is examined.
    pub fn is_in_part(&self) -> bool {
        matches!(self, Gap::Operated | Gap::MorePods(_) | Gap::Substituted(_))
    }
}

/// A place that looks like pods or containers, in the syntax of `podSpecs`.
#[derive(Debug, PartialEq, Eq)]
pub struct UndeclaredPods {
    path: String,
    /// Whether a path in a config can name it.
    can_be_declared: bool,
    /// What is at the path.
    pub form: Form,
}

impl UndeclaredPods {
    /// The path of the pods or containers.
    pub fn full_path(&self) -> String {
        match self.form {
            Form::Template => format!("{}/spec", self.path),
            Form::PodSpec | Form::Containers => self.path.clone(),
        }
    }

    /// The entry of `podSpecs` that declares them; `None` if no path can name them.
    pub fn declaration(&self, resource: &Resource<'_>) -> Option<String> {
        if !self.can_be_declared {
            return None;
        }
        let form = match self.form {
            Form::Template => "",
            Form::PodSpec => ", form: PodSpec",
            Form::Containers => ", form: Containers",
        };
        let group = match resource.group() {
            "" => "\"\"",
            group => group,
        };
        // The path is quoted because of `[` and `*`.
        Some(format!(
            "{{group: {group}, kind: {}, path: \"{}\"{form}}}",
            resource.kind, self.path
        ))
    }
}

impl<'a> Undeclared<'a> {
    /// What an object holds besides its known templates and claims; `empty` are its pods without containers.
    pub(super) fn of(
        resource: &'a Resource<'a>,
        templates: &[Template<'a>],
        claims: &[Claim<'a>],
        empty: Vec<Template<'a>>,
        declared: &[PodSpecs],
    ) -> Option<Box<Undeclared<'a>>> {
        // A version can have its pods elsewhere than the known ones.
        let has_known = !templates.is_empty() || !empty.is_empty() || is_operated_kind(resource);
        let is_known = is_known_kind(resource) && has_known;
        let is_partial = |it: &Template<'_>| !it.is_whole() || it.has_more_containers;
        let is_operated = match templates {
            [] => is_operated_kind(resource),
            _ => is_known && templates.iter().any(is_partial),
        };
        let mut found = Undeclared {
            templates: empty,
            gap: match templates {
                _ if !is_operated => None,
                // The pods of a run are those of the tasks that it names.
                [] if resource.group() == "tekton.dev" => None,
                [] => Some(Gap::Unseen),
                _ => Some(Gap::Operated),
            },
            ..Undeclared::default()
        };
        if creates_pods(resource) {
            found.gap = Some(Gap::Deployer);
        } else if changes_pods(resource) {
            found.gap = Some(Gap::Mutator);
        } else if !(has_no_pods(resource) || is_known && resource.is_typed()) {
            let is_declared = declared.iter().any(|it| it.is_for(resource));
            let known = templates.iter().chain(&found.templates);
            let mut search = Search::new(resource, known, claims, is_known);
            search.run();
            let is_vouched_for = is_known || is_declared;
            let has_pods = is_vouched_for || !search.found.templates.is_empty();
            // Pods that are found say nothing about the others.
            if let Some(Gap::Hint(path)) = &mut search.found.gap
                && has_pods
                && !is_vouched_for
            {
                search.found.gap = Some(Gap::MorePods(std::mem::take(path)));
            }
            let is_new = |gap: &Gap| {
                use Gap::{MorePods, Substituted, Unreadable};
                !has_pods || matches!(gap, MorePods(_) | Substituted(_) | Unreadable(_))
            };
            let operated = search.has_part.then_some(Gap::Operated);
            let unseen = found
                .gap
                .filter(|gap| *gap != Gap::Unseen || operated.is_none());
            let unknown = (!has_pods && is_unknown(resource)).then_some(Gap::UnknownKind);
            found.gap = [search.found.gap.filter(is_new), operated, unseen, unknown]
                .into_iter()
                .flatten()
                .max();
            found.templates.append(&mut search.found.templates);
            // There are no pods that these would be more than.
            if found.templates.is_empty()
                && templates.is_empty()
                && matches!(found.gap, Some(Gap::MorePods(_)))
            {
                found.gap = Some(Gap::Deployer);
            }
            found.places = search.found.places;
        }
        let is_empty = found.templates.is_empty() && found.gap.is_none();
        (!is_empty).then(|| Box::new(found))
    }
}

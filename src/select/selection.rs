//! Which layers of the config apply to which object and container.

use super::exemptions::AppliedExemption;
use crate::config::{Config, LayerId, Match, Near, Selector, Vocabulary};
use crate::objects::{Container, Objects, PassedOver, Standing, Target, Template, annotation};
use crate::problem::Problems;
use crate::read::Resource;

/// The annotation by which an author opts an object out, wholly (`true`) or for some sections.
pub const SKIP: &str = "fitout.dev/skip";

/// The annotation by which an author asks for a profile, which then comes last.
pub const PROFILE: &str = "fitout.dev/profile";

/// The objects that the config is for, and how its profiles were met.
#[derive(Debug)]
pub struct Selection<'r, 'a> {
    /// All objects.
    pub objects: &'r Objects<'a>,
    /// Those that are selected, in their order.
    pub selected: Vec<Selected<'r, 'a>>,
    /// One for each profile, in the config's order.
    pub profiles: Vec<ProfileUse>,
    /// How many objects the config might have been for.
    pub candidates: usize,
    /// Why an object that nearly answers to `spec.select` does not.
    pub near: Option<Near>,
    /// What authors opted out of, by the index of the object: the words of the annotation.
    pub skips: Vec<(usize, Vec<String>)>,
    /// Profiles that authors ask for and the config has not, by the index of the object.
    pub unknown_profiles: Vec<(usize, String)>,
    /// The objects that are not selected, and why.
    pub passed_over: Vec<(usize, PassedOver)>,
}

/// An object that the config is for, and the layers of the config that apply to it.
#[derive(Debug)]
pub struct Selected<'r, 'a> {
    /// Its index among all objects.
    pub index: usize,
    /// What there is to fit in it.
    pub target: &'r Target<'a>,
    /// The containers that the config is for at all.
    pub containers: Containers<'r>,
    /// The layers that apply, lowest first, and the containers that each is for.
    pub layers: Vec<(LayerId, Containers<'r>)>,
    /// What exemptions keep as it is.
    pub exemptions: Vec<AppliedExemption<'r>>,
    /// Sections that the object's author opted out of, or `true`.
    pub skipped: Vec<String>,
}

/// The containers that a part of the config is for.
#[derive(Clone, Debug, Default)]
pub struct Containers<'r> {
    /// Only those that this names; then the object's own fields are not meant.
    only: Option<&'r Selector>,
    /// None of those that these name.
    except: Vec<&'r Selector>,
}

impl<'r> Containers<'r> {
    /// What a selection and its exclusions say of the containers of an object that they match.
    fn of(
        select: Option<&'r Selector>,
        exclude: &'r [Selector],
        matches: impl Fn(&Selector) -> bool,
    ) -> Containers<'r> {
        let names = |selector: &&Selector| selector.containers.is_some();
        Containers {
            only: select.filter(names),
            except: exclude
                .iter()
                .filter(names)
                .filter(|selector| matches(selector))
                .collect(),
        }
    }

    /// Whether the object's own fields are meant as well.
    pub fn is_whole_object(&self) -> bool {
        self.only.is_none()
    }

    /// Whether a container is meant.
    pub fn includes(&self, container: &Container<'_>) -> bool {
        self.leave_out(container).is_none()
    }

    /// Why a container is not meant, if so.
    pub fn leave_out(&self, container: &Container<'_>) -> Option<PassedOver> {
        let is_named = |selector: &&Selector| selector.matches_container(container);
        if !self.only.as_ref().is_none_or(is_named) {
            return Some(PassedOver::NotSelected);
        }
        let is_excluded = self.except.iter().any(is_named);
        is_excluded.then_some(PassedOver::Excluded)
    }
}

/// How a profile was met by the objects.
#[derive(Clone, Debug, Default)]
pub struct ProfileUse {
    /// Some object or container answers to it.
    pub is_used: bool,
    /// An object that answers only by a name that kustomize has replaced since.
    pub by_previous_name: Option<usize>,
    /// Why an object that nearly answers does not.
    pub near: Option<Near>,
}

impl<'r, 'a> Selection<'r, 'a> {
    /// Goes through all objects.
    ///
    /// # Errors
    /// Every object that does not have the shape of its kind, unless nobody wants it fitted.
    pub fn of(
        config: &'r Config<'_>,
        objects: &'r Objects<'a>,
    ) -> Result<Selection<'r, 'a>, Problems> {
        let mut selection = Selection {
            objects,
            selected: Vec::new(),
            profiles: vec![ProfileUse::default(); config.profiles.len()],
            candidates: 0,
            near: None,
            skips: Vec::new(),
            unknown_profiles: Vec::new(),
            passed_over: Vec::new(),
        };
        let mut problems = Vec::new();
        for (index, standing) in objects.standings.iter().enumerate() {
            let resource = &objects.resources[index];
            let (target, templates) = match standing {
                Standing::PassedOver(reason) => {
                    selection.passed_over.push((index, *reason));
                    continue;
                }
                Standing::Target(target) => (Some(target), &target.templates[..]),
                Standing::Malformed(_) => (None, &[][..]),
            };
            selection.candidates += 1;
            if let Some(reason) = not_selected(config, resource, templates) {
                selection.passed_over.push((index, reason));
                if selection.near.is_none() {
                    let select = config.select.as_ref();
                    selection.near =
                        select.and_then(|select| select.near_miss(resource, templates));
                }
                continue;
            }
            let skipped = skipped_sections(resource, templates);
            let is_skipped = skipped.iter().any(|section| section == "true");
            if !skipped.is_empty() {
                selection.skips.push((index, skipped.clone()));
            }
            // Whoever opts out of being fitted is checked all the same: only an exemption needs a reason.
            if is_skipped && (target.is_none() || !config.validate_only) {
                selection.passed_over.push((index, PassedOver::Skipped));
                continue;
            }
            match (target, standing) {
                (Some(target), _) => selection.add(config, index, target, skipped),
                (None, Standing::Malformed(problem)) => problems.push(problem.clone()),
                (None, _) => {}
            }
        }
        match problems.is_empty() {
            true => Ok(selection),
            false => Err(Problems(problems)),
        }
    }

    /// The selected object with an index among all objects; they are in the order of their indices.
    pub fn selected_at(&self, index: usize) -> Option<&Selected<'r, 'a>> {
        let at = self.selected.binary_search_by_key(&index, |it| it.index);
        at.ok().map(|at| &self.selected[at])
    }

    fn add(
        &mut self,
        config: &'r Config<'_>,
        index: usize,
        target: &'r Target<'a>,
        skipped: Vec<String>,
    ) {
        let templates = &target.templates;
        let found = |selector: &Selector| selector.matches(target.resource, templates);
        let answers = |selector: &Selector| found(selector) != Match::No;
        let mut layers: Vec<(LayerId, Containers<'r>)> = config
            .general_layers()
            .map(|id| (id, Containers::default()))
            .collect();
        for (profile, used) in config.profiles.iter().zip(&mut self.profiles) {
            let found = found(&profile.select);
            if found == Match::No {
                if used.near.is_none() && !used.is_used {
                    used.near = profile.select.near_miss(target.resource, templates);
                }
                continue;
            }
            if profile
                .exclude
                .iter()
                .any(|exclude| exclude.containers.is_none() && answers(exclude))
            {
                continue;
            }
            let containers = Containers::of(Some(&profile.select), &profile.exclude, answers);
            if !containers.is_whole_object()
                && !target
                    .containers()
                    .any(|container| containers.includes(container))
            {
                continue;
            }
            used.is_used = true;
            if found == Match::ByPreviousName && used.by_previous_name.is_none() {
                used.by_previous_name = Some(index);
            }
            layers.push((profile.layer, containers));
        }
        if let Some(name) = target.annotation(PROFILE) {
            let profile = config
                .profiles
                .iter()
                .position(|profile| *profile.name == *name);
            match profile {
                Some(profile) => {
                    self.profiles[profile].is_used = true;
                    let layer = config.profiles[profile].layer;
                    layers.retain(|(id, _)| *id != layer);
                    layers.push((layer, Containers::default()));
                }
                None => self.unknown_profiles.push((index, name.into_owned())),
            }
        }
        let containers = Containers::of(config.select.as_ref(), &config.exclude, answers);
        let exemptions = config.exemptions.iter().enumerate();
        let mut exemptions: Vec<AppliedExemption<'r>> = exemptions
            .filter(|(_, exemption)| answers(&exemption.select))
            .map(|(index, exemption)| AppliedExemption::of_config(index, exemption))
            .collect();
        exemptions.extend(AppliedExemption::of_annotations(target));
        self.selected.push(Selected {
            index,
            target,
            containers,
            layers,
            exemptions,
            skipped,
        });
    }
}

/// Why the config as a whole is not for an object, if so.
fn not_selected(
    config: &Config<'_>,
    resource: &Resource<'_>,
    templates: &[Template<'_>],
) -> Option<PassedOver> {
    let answers = |selector: &Selector| selector.matches(resource, templates) != Match::No;
    let mut excludes = config.exclude.iter();
    let is_excluded = excludes.any(|it| it.containers.is_none() && answers(it));
    let is_selected = config.select.as_ref().is_none_or(answers);
    match (is_selected, is_excluded) {
        (false, _) => Some(PassedOver::NotSelected),
        (true, true) => Some(PassedOver::Excluded),
        (true, false) => None,
    }
}

/// The words of the skip annotation, on the object or on its template.
fn skipped_sections(resource: &Resource<'_>, templates: &[Template<'_>]) -> Vec<String> {
    let skip = annotation(resource, templates, SKIP);
    let words = skip.iter().flat_map(|skip| skip.split(',')).map(str::trim);
    words
        .filter(|word| !word.is_empty() && *word != "false")
        .map(str::to_owned)
        .collect()
}

impl<'r, 'a> Selected<'r, 'a> {
    /// The containers that the config is for, each with the template that it is in.
    pub fn each_container(&self) -> impl Iterator<Item = (&Template<'a>, &Container<'a>)> {
        let templates = self.target.templates.iter();
        let all = templates.flat_map(|template| {
            let containers = template.containers.iter();
            containers.map(move |container| (template, container))
        });
        all.filter(|(_, container)| self.containers.includes(container))
    }

    /// The exemption that names a leaf, given with its section, by its index.
    pub fn exemption_of(&self, leaf: &str, vocabulary: &Vocabulary) -> Option<usize> {
        let mut exemptions = self.exemptions.iter();
        exemptions.position(|it| it.names(leaf, vocabulary))
    }

    /// Whether its author opted out of a section.
    pub fn skips(&self, section: &str) -> bool {
        let mut skipped = self.skipped.iter();
        skipped.any(|skipped| skipped == section || skipped == "true")
    }
}

//! The layers of the config that apply to each object and container.

use super::authors::Author;
use super::exemptions::{AppliedExemption, Exemptions};
use crate::config::{Config, Exclusions, LayerId, Match, Near, Selector};
use crate::objects::{
    Classification, Container, Objects, SkipReason, Target, Template, is_mistake, patch_reason,
};
use crate::problem::{Problem, Problems};
use crate::sorting;

/// The objects that the config selects, and the use of its profiles.
#[derive(Debug)]
pub struct Selection<'r, 'a> {
    /// All objects.
    pub objects: &'r Objects<'a>,
    /// The selected objects, in the order of the input.
    pub selected: Vec<Selected<'r, 'a>>,
    /// The use of each profile, in the order of the config.
    pub profiles: Vec<ProfileUse>,
    /// The number of objects that the config could select.
    pub candidates: usize,
    /// A near miss of `spec.select`.
    pub near: Option<Near>,
    /// Exclusions and exemptions that would match an object by a name from before kustomize renamed it, if they compared such
    /// names, and the index of the object.
    pub by_previous_name: Vec<(String, usize)>,
    /// The objects that are not changed, by index, and why. On check most of them are also in `selected`.
    pub passed_over: Vec<(usize, SkipReason)>,
    /// Objects among them that a check cannot read, by index.
    pub unreadable: Vec<(usize, Problem)>,
}

/// A selected object, and the layers of the config that apply to it.
#[derive(Debug)]
pub struct Selected<'r, 'a> {
    /// Its index among all objects.
    pub index: usize,
    /// The object with its parts.
    pub target: &'r Target<'a>,
    /// The containers that the config applies to.
    pub containers: Containers<'r>,
    /// The layers that apply, lowest first, and the containers of each.
    pub layers: Vec<(LayerId, Containers<'r>)>,
    /// Its exemptions.
    pub exemptions: Exemptions<'r>,
    /// What its author opts out of, except for the exemptions. Most authors say nothing.
    pub author: Option<Box<Author<'r>>>,
    /// Whether it is only checked, because the config does not select it or nothing may change it.
    pub is_only_checked: bool,
}

/// The containers that a part of the config applies to.
#[derive(Clone, Debug, Default)]
pub struct Containers<'r> {
    /// If set, only these containers, and not the object's own fields.
    only: Option<&'r Selector>,
    /// Excluded containers.
    except: Vec<&'r Selector>,
}

impl<'r> Containers<'r> {
    /// The containers for a selector and its exclusions.
    fn of(select: Option<&'r Selector>, excluding: &[&'r Selector]) -> Containers<'r> {
        let names = |selector: &&Selector| selector.containers.is_some();
        Containers {
            only: select.filter(names),
            except: excluding.iter().copied().filter(names).collect(),
        }
    }

    /// Whether the object's own fields are included.
    pub fn is_whole_object(&self) -> bool {
        self.only.is_none()
    }

    /// Whether a container is included.
    pub fn includes(&self, container: &Container<'_>) -> bool {
        self.leave_out(container).is_none()
    }

    /// Why a container is not included; `None` if it is.
    pub fn leave_out(&self, container: &Container<'_>) -> Option<SkipReason> {
        let is_named = |selector: &&Selector| selector.matches_container(container);
        if !self.only.as_ref().is_none_or(is_named) {
            return Some(SkipReason::NotSelected);
        }
        let is_excluded = self.except.iter().any(is_named);
        is_excluded.then_some(SkipReason::Excluded)
    }
}

/// The use of a profile.
#[derive(Clone, Debug, Default)]
pub struct ProfileUse {
    /// Whether it matches any object or container.
    pub is_used: bool,
    /// An object that only matches by a name from before kustomize renamed it.
    pub by_previous_name: Option<usize>,
    /// A near miss.
    pub near: Option<Near>,
}

impl<'r, 'a> Selection<'r, 'a> {
    /// Selects objects.
    ///
    /// # Errors
    /// Every selected object that does not match the schema of its kind.
    pub fn of(
        config: &'r Config<'_>,
        objects: &'r Objects<'a>,
    ) -> Result<Selection<'r, 'a>, Problems> {
        let mut selection = Selection {
            objects,
            selected: Vec::with_capacity(objects.classifications.len()),
            profiles: vec![ProfileUse::default(); config.profiles.len()],
            candidates: 0,
            near: None,
            by_previous_name: Vec::new(),
            passed_over: Vec::new(),
            unreadable: Vec::new(),
        };
        let mut problems = Vec::new();
        for (index, class) in objects.classifications.iter().enumerate() {
            let resource = &objects.resources[index];
            let (target, templates) = match class {
                Classification::PassedOver(reason, target) => {
                    let target = target.as_ref().map_err(|problem| &**problem);
                    selection.pass_over(config, index, *reason, target);
                    continue;
                }
                Classification::Target(target) => (Some(target), &target.templates[..]),
                Classification::Malformed(_) => (None, &[][..]),
            };
            selection.candidates += 1;
            if let Some(reason) = selection.not_selected(config, index, templates) {
                let target = match class {
                    Classification::Target(target) | Classification::PassedOver(_, Ok(target)) => {
                        Ok(target)
                    }
                    Classification::PassedOver(_, Err(problem))
                    | Classification::Malformed(problem) => Err(&**problem),
                };
                selection.pass_over(config, index, reason, target);
                if selection.near.is_none() {
                    let select = config.select.as_ref();
                    selection.near =
                        select.and_then(|select| select.near_miss(resource, templates));
                }
                continue;
            }
            let patch = target.and_then(|target| patch_reason(target, config.validate_only));
            if let (Some(reason), Some(target)) = (patch, target) {
                match config.validate_only && is_mistake(objects, target) {
                    // It is checked, although `apply` does not change it.
                    true => selection.pass_over(config, index, reason, Ok(target)),
                    false => selection.passed_over.push((index, reason)),
                }
                continue;
            }
            match (target, class) {
                (Some(target), _) => selection.add(config, index, target, false),
                (None, Classification::Malformed(problem)) => {
                    problems.push(Problem::clone(problem))
                }
                (None, _) => {}
            }
        }
        selection.find_near_misses(config);
        match problems.is_empty() {
            true => Ok(selection),
            false => Err(Problems(problems)),
        }
    }

    /// The selected object with this index.
    pub fn selected_at(&self, index: usize) -> Option<&Selected<'r, 'a>> {
        let at = self.selected.binary_search_by_key(&index, |it| it.index);
        at.ok().map(|at| &self.selected[at])
    }

    /// Records an object that is not changed. Checks do not depend on what is changed, so they look at it.
    fn pass_over(
        &mut self,
        config: &'r Config<'_>,
        index: usize,
        reason: SkipReason,
        target: Result<&'r Target<'a>, &Problem>,
    ) {
        self.passed_over.push((index, reason));
        if config.validate_only && self.objects.are_checked(reason) {
            match target {
                Ok(target) => self.add(config, index, target, true),
                Err(problem) => self.unreadable.push((index, problem.clone())),
            }
        }
    }

    fn add(
        &mut self,
        config: &'r Config<'_>,
        index: usize,
        target: &'r Target<'a>,
        is_only_checked: bool,
    ) {
        let templates = &target.templates;
        let mut outdated = Vec::new();
        // The exclusions that match.
        let mut excluding = |exclusions: &'r Exclusions, path: [&str; 2]| {
            let found = exclusions.of(target.resource, templates).into_iter();
            let matching = found.filter_map(|(selector, found)| match found {
                Match::Yes => Some(selector),
                _ => {
                    // `not_selected` has noted those that would leave out the object.
                    if path[0] != EXCLUDE || selector.containers.is_some() {
                        outdated.push((path.concat(), index));
                    }
                    None
                }
            });
            matching.collect::<Vec<&'r Selector>>()
        };
        // Most objects have one, and room for more would take more than all else that is known about them.
        let mut layers: Vec<(LayerId, Containers<'r>)> = Vec::with_capacity(1);
        layers.extend(
            config
                .general_layers()
                .map(|id| (id, Containers::default())),
        );
        for number in config.profile_index.candidates(target.resource, templates) {
            let (profile, used) = (&config.profiles[number], &mut self.profiles[number]);
            let found = profile.select.matches(target.resource, templates);
            if found == Match::No {
                continue;
            }
            let excluding = excluding(
                &profile.exclude,
                ["the `exclude` of profile ", &profile.name],
            );
            if excluding.iter().any(|it| it.containers.is_none()) {
                continue;
            }
            let containers = Containers::of(Some(&profile.select), &excluding);
            let includes_any = || target.containers().any(|it| containers.includes(it));
            if !containers.is_whole_object() && !includes_any() {
                continue;
            }
            // An object that is not changed does not use a profile.
            used.is_used |= !is_only_checked;
            if found == Match::ByPreviousName && used.by_previous_name.is_none() && !is_only_checked
            {
                used.by_previous_name = Some(index);
            }
            layers.push((profile.layer, containers));
        }
        let is_configured = |section: &str| {
            let ids: Vec<LayerId> = layers.iter().map(|(id, _)| *id).collect();
            !config.section_layers(&ids, section).is_empty()
        };
        let mut author = Author::of(config, target, is_configured);
        if let Some(profile) = author.as_ref().and_then(|it| it.profile) {
            self.profiles[profile].is_used |= !is_only_checked;
            let layer = config.profiles[profile].layer;
            layers.retain(|(id, _)| *id != layer);
            layers.push((layer, Containers::default()));
        }
        let containers = match is_only_checked {
            true => Containers::default(),
            false => {
                let excluding = excluding(&config.exclude, [EXCLUDE, ""]);
                Containers::of(config.select.as_ref(), &excluding)
            }
        };
        let mut exemptions = Vec::new();
        for number in config
            .exemption_index
            .candidates(target.resource, templates)
        {
            let exemption = &config.exemptions[number];
            if exemption.has_ended(config.today.as_ref()) {
                continue;
            }
            match exemption.select.excludes(target.resource, templates) {
                Match::Yes => exemptions.push(AppliedExemption::of_config(number, exemption)),
                Match::ByPreviousName => outdated.push((exemption.path.clone(), index)),
                Match::No => {}
            }
        }
        if let Some(author) = &mut author {
            exemptions.append(&mut author.exemptions);
        }
        self.by_previous_name.append(&mut outdated);
        self.selected.push(Selected {
            index,
            target,
            containers,
            layers,
            exemptions: Exemptions::of(exemptions, target, config.vocabulary),
            author,
            is_only_checked,
        });
    }

    /// Compares profiles that match nothing with the objects, until that is too much.
    fn find_near_misses(&mut self, config: &'r Config<'_>) {
        let mut left = MOST_NEAR_MISSES;
        let unused = config.profiles.iter().zip(&mut self.profiles);
        for (profile, used) in unused.filter(|(_, used)| !used.is_used) {
            let select = &profile.select;
            let changed = self.selected.iter().filter(|it| !it.is_only_checked);
            used.near = changed.take(left).find_map(|selected| {
                left -= 1;
                let target = selected.target;
                match select.matches(target.resource, &target.templates) {
                    Match::No => select.near_miss(target.resource, &target.templates),
                    _ => select.near_container(target),
                }
            });
        }
    }

    /// Why the config does not select an object; `None` if it does.
    fn not_selected(
        &mut self,
        config: &Config<'_>,
        index: usize,
        templates: &[Template<'_>],
    ) -> Option<SkipReason> {
        let resource = &self.objects.resources[index];
        let answers = |selector: &Selector| selector.matches(resource, templates) != Match::No;
        if !config.select.as_ref().is_none_or(answers) {
            return Some(SkipReason::NotSelected);
        }
        let excluding = config.exclude.of(resource, templates).into_iter();
        for (_, found) in excluding.filter(|(it, _)| it.containers.is_none()) {
            match found {
                Match::Yes => return Some(SkipReason::Excluded),
                _ => self.by_previous_name.push((EXCLUDE.to_owned(), index)),
            }
        }
        None
    }
}

/// The number of comparisons of profiles with objects that look for typos.
const MOST_NEAR_MISSES: usize = 50_000;

/// The exclusions of the whole config, in messages.
const EXCLUDE: &str = "`spec.exclude`";

impl<'r, 'a> Selected<'r, 'a> {
    /// The selected containers with their templates.
    pub fn each_container(&self) -> impl Iterator<Item = (&Template<'a>, &Container<'a>)> {
        let templates = self.target.templates.iter();
        let all = templates.flat_map(|template| {
            let containers = template.containers.iter();
            containers.map(move |container| (template, container))
        });
        all.filter(|(_, container)| self.containers.includes(container))
    }

    /// The object as if other layers applied as well.
    pub fn with_layers(&self, layers: &[LayerId]) -> Selected<'r, 'a> {
        let others = layers.iter().map(|id| (*id, Containers::default()));
        let mut layers: Vec<_> = self.layers.iter().cloned().chain(others).collect();
        sorting::sort_by_key(&mut layers, |(id, _)| *id);
        Selected {
            index: self.index,
            target: self.target,
            containers: self.containers.clone(),
            layers,
            exemptions: Exemptions::default(),
            author: None,
            is_only_checked: self.is_only_checked,
        }
    }

    /// Whether a section does not apply: its author left it out, or the object is not changed.
    pub fn skips(&self, section: &str) -> bool {
        let author = self.author.as_ref();
        self.is_only_checked || author.is_some_and(|it| it.skipped.contains(&section))
    }
}

//! Which layers of the config apply to which object and container.

use super::exemptions::Waiver;
use crate::config::{Config, LayerId, Match, Near, Selector};
use crate::objects::{Accounts, Around, Container, Target, Template, annotation};
use crate::problem::Problems;
use crate::read::Resource;
use crate::yaml::Node;

/// The annotation by which an author opts an object out, wholly (`true`) or for some sections.
pub const SKIP: &str = "fitout.dev/skip";

/// The annotation by which an author asks for a profile, which then comes last.
pub const PROFILE: &str = "fitout.dev/profile";

/// The objects that the config is for, and how its profiles were met.
#[derive(Debug)]
pub struct Selection<'r, 'a> {
    /// The objects, in their order.
    pub selected: Vec<Selected<'r, 'a>>,
    /// One for each profile, in the config's order.
    pub profiles: Vec<ProfileUse>,
    /// What the objects say of their ServiceAccounts.
    pub accounts: Accounts,
    /// What the objects say of one another.
    pub around: Around<'a>,
    /// How many objects the config might have been for.
    pub candidates: usize,
    /// Why an object that nearly answers to `spec.select` does not.
    pub near: Option<Near>,
    /// What authors opted out of, by the index of the object: the words of the annotation.
    pub skips: Vec<(usize, Vec<String>)>,
    /// Profiles that authors ask for and the config has not, by the index of the object.
    pub unknown_profiles: Vec<(usize, String)>,
}

/// An object that the config is for.
#[derive(Debug)]
pub struct Selected<'r, 'a> {
    /// Its index among all objects.
    pub index: usize,
    /// What there is to fit in it.
    pub target: Target<'a>,
    /// The containers that the config is for at all.
    pub containers: Containers<'r>,
    /// The layers that apply, lowest first, and the containers that each is for.
    pub layers: Vec<(LayerId, Containers<'r>)>,
    /// What exemptions keep as it is.
    pub waivers: Vec<Waiver<'r>>,
    skipped: Vec<String>,
}

/// An object and the layers of the config that apply to it.
#[derive(Debug)]
pub struct Applicable<'r, 'a> {
    /// Its index among all objects.
    pub index: usize,
    /// The object.
    pub target: &'r Target<'a>,
    /// What all objects in hand say of their ServiceAccounts.
    pub accounts: &'r Accounts,
    /// What all objects in hand say of one another.
    pub around: &'r Around<'a>,
    /// The containers that the config is for at all.
    pub containers: &'r Containers<'r>,
    /// The layers that apply, lowest first, and the containers that each is for.
    pub layers: &'r [(LayerId, Containers<'r>)],
    /// Sections that the object's author opted out of.
    pub skipped: &'r [String],
    /// What exemptions keep from being written.
    pub waivers: &'r [Waiver<'r>],
    /// Act as if everything were written, to see what exemptions and the mode `Check` leave undone.
    pub as_if: bool,
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
        let is_named = |selector: &&Selector| selector.matches_container(container);
        self.only.as_ref().is_none_or(is_named) && !self.except.iter().any(is_named)
    }
}

/// How a profile was met by the objects in hand.
#[derive(Clone, Debug, Default)]
pub struct ProfileUse {
    /// Some object or container answers to it.
    pub is_used: bool,
    /// An object that answers only by a name that kustomize has replaced since.
    pub by_previous_name: Option<usize>,
    /// Why an object that nearly answers does not.
    pub near: Option<Near>,
}

impl<'r, 'a: 'r> Selection<'r, 'a> {
    /// Goes through all objects.
    ///
    /// # Errors
    /// Every object that has not the shape of its kind, unless nobody wants it fitted.
    pub fn of(
        config: &'r Config<'_>,
        resources: &'r [Resource<'a>],
        function_config: Option<Node<'_>>,
    ) -> Result<Selection<'r, 'a>, Problems>
    where
        'r: 'a,
    {
        let mut selection = Selection {
            selected: Vec::new(),
            profiles: vec![ProfileUse::default(); config.profiles.len()],
            accounts: Accounts::of(resources),
            around: Around::default(),
            candidates: 0,
            near: None,
            skips: Vec::new(),
            unknown_profiles: Vec::new(),
        };
        let mut problems = Vec::new();
        for (index, resource) in resources.iter().enumerate() {
            if !Target::is_eligible(resource, function_config) {
                continue;
            }
            let target = Target::of(resource, &config.pod_specs, &config.claims);
            let templates = target.as_ref().map_or(&[][..], |target| &target.templates);
            selection.candidates += 1;
            if let Ok(target) = &target {
                selection.around.add(index, target);
            }
            if !is_selected(config, resource, templates) {
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
            match target {
                // Whoever opts out of being fitted is judged all the same: only an exemption needs a reason.
                Err(_) if is_skipped => {}
                Ok(_) if is_skipped && !config.judges => {}
                Ok(target) => selection.add(config, index, target, skipped),
                Err(problem) => problems.push(problem),
            }
        }
        selection.around.link();
        if problems.is_empty() {
            Ok(selection)
        } else {
            Err(Problems(problems))
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
        target: Target<'a>,
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
        let mut waivers: Vec<Waiver<'r>> = exemptions
            .filter(|(_, exemption)| answers(&exemption.select))
            .map(|(index, exemption)| Waiver::of_config(index, exemption))
            .collect();
        waivers.extend(Waiver::of_annotations(&target));
        self.selected.push(Selected {
            index,
            target,
            containers,
            layers,
            waivers,
            skipped,
        });
    }
}

/// Whether the config as a whole is for an object.
fn is_selected(config: &Config<'_>, resource: &Resource<'_>, templates: &[Template<'_>]) -> bool {
    let answers = |selector: &Selector| selector.matches(resource, templates) != Match::No;
    let is_excluded = config
        .exclude
        .iter()
        .any(|exclude| exclude.containers.is_none() && answers(exclude));
    config.select.as_ref().is_none_or(answers) && !is_excluded
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

    /// The object as transformers see it; `as_if` nothing were exempt or only checked.
    pub fn applicable(
        &'r self,
        accounts: &'r Accounts,
        around: &'r Around<'a>,
        as_if: bool,
    ) -> Applicable<'r, 'a> {
        Applicable {
            index: self.index,
            target: &self.target,
            accounts,
            around,
            containers: &self.containers,
            layers: &self.layers,
            skipped: &self.skipped,
            waivers: &self.waivers,
            as_if,
        }
    }
}

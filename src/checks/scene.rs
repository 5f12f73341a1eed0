//! What checks see: all objects, or the pods of one template, before and after the edits.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use jsonptr::PointerBuf;

use super::reported;
use crate::config::Config;
use crate::edit::{Change, Edits};
use crate::facts::{
    self, ContainerFacts, Field, Overlay, PodAmounts, PodFacts, Storage, Variable, View,
};
use crate::objects::{Container, Objects, Part, Template};
use crate::select::{Selected, Selection};
use crate::transformers::resources::Resources;
use crate::transformers::security_context::{SecurityContext, gives_to};
use crate::transformers::{Scope, Transformers};
use crate::yaml::are_same;

thread_local! {
    /// Whether a check is running that must not ask for other objects.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Calls a function of a check that looks at pods, alone or among all objects.
pub(super) fn alone<R>(is_alone: bool, find: impl FnOnce() -> R) -> R {
    if !cfg!(debug_assertions) || !is_alone {
        return find();
    }
    ALONE.set(true);
    let found = find();
    ALONE.set(false);
    found
}

/// What a check sees.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    /// The config.
    pub config: &'s Config<'s>,
    /// The objects that it selects.
    pub selection: &'s Selection<'s, 's>,
    /// The transformers, for their settings.
    pub transformers: &'s Transformers<'s>,
    /// The changes that the config makes, or on check would still make.
    pub changes: &'s [Change],
    /// What the manifests have as the config writes it; see [`Edits::agreed`].
    pub agreed: &'s [(usize, PointerBuf)],
}

impl<'s> Scene<'s> {
    pub(super) fn of(
        config: &'s Config<'s>,
        selection: &'s Selection<'s, 's>,
        transformers: &'s Transformers<'s>,
        edits: &'s Edits<'_>,
    ) -> Scene<'s> {
        Scene {
            config,
            selection,
            transformers,
            changes: &edits.changes,
            agreed: &edits.agreed,
        }
    }

    /// Every object.
    pub fn objects(&self) -> &'s Objects<'s> {
        debug_assert!(
            !ALONE.get(),
            "a function of `Find::Pods` asks for other objects: use `Find::PodsAmong`"
        );
        self.selection.objects
    }

    /// The changes of one object.
    pub fn changes_of(&self, object: usize) -> &'s [Change] {
        let first = self.changes.partition_point(|it| it.resource < object);
        let until = self.changes.partition_point(|it| it.resource <= object);
        &self.changes[first..until]
    }

    /// What one object has as the config writes it.
    pub(super) fn agreed_of(&self, object: usize) -> &'s [(usize, PointerBuf)] {
        let first = self.agreed.partition_point(|it| it.0 < object);
        let until = self.agreed.partition_point(|it| it.0 <= object);
        &self.agreed[first..until]
    }

    /// The edits of one object outside of its containers, to view its claims or metadata as they will leave them. For pods see
    /// [`Pod::after`].
    pub fn after(&self, object: usize) -> Overlay<'s> {
        self.edits_of(object, |change| {
            !matches!(change.subject.part, Part::Container { .. })
        })
    }

    /// The edits of the metadata of some pods of an object.
    pub(super) fn after_in_metadata(&self, object: usize, template: &Template<'_>) -> Overlay<'s> {
        let metadata = template.pod_metadata.path.as_str().as_bytes();
        self.edits_of(object, |change| {
            let part = change.subject.path.as_str().as_bytes();
            let shared = part.len().min(metadata.len());
            are_same(&part[..shared], &metadata[..shared])
        })
    }

    fn edits_of(&self, object: usize, is_seen: impl Fn(&Change) -> bool) -> Overlay<'s> {
        if self.changes.is_empty() {
            return Overlay::default();
        }
        match self.config.validate_only {
            true => {
                let selected = self.selection.selected_at(object).into_iter();
                let reported = selected.flat_map(|it| reported(self, it));
                Overlay::of(reported.filter(|it| is_seen(it)))
            }
            false => {
                let changes = self.changes_of(object).iter();
                Overlay::of(changes.filter(|it| is_seen(it)))
            }
        }
    }

    /// Calls `look` with the pods of every selected object.
    pub fn each_pod(&self, look: impl FnMut(&Pod<'_, 's>)) {
        self.each_pod_of(&self.selection.selected, look);
    }

    /// The same for some of them.
    pub(super) fn each_pod_of(
        &self,
        some: &'s [Selected<'s, 's>],
        mut look: impl FnMut(&Pod<'_, 's>),
    ) {
        for selected in some {
            // Checks do not depend on what is changed.
            let target = selected.target;
            let only_checked = match self.config.validate_only {
                true => target.only_checked(),
                false => &[],
            };
            if target.templates.is_empty() && only_checked.is_empty() {
                continue;
            }
            let changes = self.changes_of(selected.index);
            let overlay = self.edits_of(selected.index, |_| true);
            let agreed = self.agreed_of(selected.index).iter();
            let promised = Overlay::of_values(agreed.map(|(_, path)| (path.as_ref(), None)));
            for template in target.templates.iter().chain(only_checked) {
                look(&Pod {
                    scene: self,
                    selected,
                    template,
                    is_changed: !changes.is_empty(),
                    edits: &overlay,
                    promised: &promised,
                    before: OnceCell::new(),
                    after: OnceCell::new(),
                    has_resources: OnceCell::new(),
                    storage: OnceCell::new(),
                });
            }
        }
    }
}

/// The pods of one template, as a check sees them.
pub struct Pod<'p, 's> {
    /// All objects.
    pub scene: &'p Scene<'s>,
    /// Their object.
    pub selected: &'p Selected<'s, 's>,
    /// Their template.
    pub template: &'p Template<'s>,
    /// Whether the object has edits.
    pub is_changed: bool,
    edits: &'p Overlay<'p>,
    /// Removes what the config would write as well.
    promised: &'p Overlay<'p>,
    before: OnceCell<PodFacts<'p>>,
    after: OnceCell<PodFacts<'p>>,
    has_resources: OnceCell<bool>,
    storage: OnceCell<Storage<'p>>,
}

impl<'p, 's> Pod<'p, 's> {
    /// The pods as their author promises them: as they are, without the users that the config would write as well. So a
    /// check of fitted pods knows no more about them than the run that fitted them.
    pub fn before(&self) -> &PodFacts<'p> {
        self.before
            .get_or_init(|| PodFacts::after(self.template, self.promised))
    }

    /// A variable of a container, if the input shows it.
    pub(super) fn variable(&self, container: View<'_>, name: &str) -> Variable {
        let of = self.selected.target.resource;
        // Found by name, without a comparison.
        facts::variable(self.scene.selection.objects, of, container, name)
    }

    /// The pods with the edits of the config, or on check with those that FIT-RUN001 reports.
    pub fn after(&self) -> &PodFacts<'p> {
        self.after
            .get_or_init(|| PodFacts::after(self.template, self.edits))
    }

    /// Their volumes, with the edits.
    pub fn storage(&self) -> &Storage<'p> {
        let of = || {
            Storage::of(
                self.after().spec,
                self.selected.target,
                // Claims are found by name, without a comparison.
                &self.scene.selection.objects.related,
            )
        };
        self.storage.get_or_init(of)
    }

    /// Whether an init container that runs as root gives a volume to a user.
    pub fn is_given(&self, storage: &Storage<'_>, volume: &str, user: Option<i128>) -> bool {
        let Some(user) = user else {
            return false;
        };
        self.containers().any(|(container, facts)| {
            let mut mounts = storage.mounts(facts.get(Field::VolumeMounts));
            self.after().user_of(facts) == Some(0)
                && mounts.any(|it| it.volume == volume && gives_to(container, &it.path(), user))
        })
    }

    /// Every container of the template, with the edits.
    pub fn containers(&self) -> impl Iterator<Item = (&'p Container<'s>, &ContainerFacts<'p>)> {
        let facts = self.after();
        let containers = self.template.containers.iter();
        containers.filter_map(|container| Some((container, facts.of_container(container)?)))
    }

    /// The settings of `securityContext` for the object; `None` if its author opted out.
    pub fn security_context(&self) -> Option<Scope<'p, 's, SecurityContext>> {
        let (scene, selected) = (self.scene, self.selected);
        let sections = &scene.transformers.security_context;
        let scope = || Scope::of(sections, scene.selection, selected);
        (!selected.skips(sections.name())).then(scope)
    }

    /// A container with the edits.
    pub fn container(&self, container: &Container<'s>) -> View<'p> {
        self.edits.view_of(container.node, &container.subject)
    }

    /// The amounts of a container, with the edits.
    pub fn resources_of(&self, container: &Container<'s>) -> Option<View<'p>> {
        // With aliases several containers can have one node.
        let facts = match container.node.stream().shares_nothing() {
            true => self.after().of_container(container),
            false => None,
        };
        match (facts, container.resources_key) {
            (Some(facts), "resources") => facts.get(Field::Resources),
            (_, key) => self.container(container).get(key),
        }
    }

    /// The settings of `resources` for the pods; `None` if their author opted out.
    pub fn resources(&self) -> Option<Scope<'p, 's, Resources>> {
        let sections = &self.scene.transformers.resources;
        let scope = || Scope::of(sections, self.scene.selection, self.selected);
        (!self.selected.skips(sections.name())).then(scope)
    }

    /// Whether these are whole pods, and `resources` applies to them or to one of their containers.
    pub fn has_resources(&self) -> bool {
        let has_resources = || {
            let scope = self.resources().filter(|_| self.template.is_whole());
            scope.is_some_and(|scope| scope.is_about(self.template))
        };
        *self.has_resources.get_or_init(has_resources)
    }

    /// The amounts of such pods with the edits, completed by the LimitRanges of their namespace.
    pub fn amounts(&self) -> Option<Cow<'_, PodAmounts<'p>>> {
        self.has_resources().then(|| self.completed(self.after()))
    }

    /// The amounts in `facts`, completed by the LimitRanges of the namespace.
    pub fn completed<'f, 'a>(&self, facts: &'f PodFacts<'a>) -> Cow<'f, PodAmounts<'a>> {
        let related = &self.scene.objects().related;
        let amounts = facts.amounts();
        let containers = amounts.containers.len();
        amounts.completed(related.limits_of(self.selected.target.resource, containers))
    }
}

//! Who else is scraped: the Services in front of pods, and the pods behind Services.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use jsonptr::Pointer;

use super::super::Scene;
use crate::config::Section;
use crate::facts::View;
use crate::hashing::HashMap;
use crate::text::MOST_NAMED;
use crate::transformers::prometheus::{Prometheus, Word};

/// The ports in the annotations of those that ask to be scraped, with who they are; `None` without a port.
pub(super) type Asking = BTreeMap<Option<String>, Vec<usize>>;

/// Who else is scraped, each looked up once for each prefix of annotations.
pub(super) struct Others<'s> {
    pub(super) scene: Scene<'s>,
    /// The Services of each front, by index.
    by_services: HashMap<(usize, String), Rc<Asking>>,
    /// The pods behind each front.
    by_pods: HashMap<(usize, String), Rc<Asking>>,
    /// The port of each template that asks.
    of_pods: HashMap<(usize, usize, String), Option<Option<String>>>,
    /// The Services around each front that lead to a port.
    around: HashMap<(usize, String, Option<String>), Rc<Vec<usize>>>,
}

impl<'s> Others<'s> {
    pub(super) fn of(scene: Scene<'s>) -> Others<'s> {
        Others {
            scene,
            by_services: HashMap::default(),
            by_pods: HashMap::default(),
            of_pods: HashMap::default(),
            around: HashMap::default(),
        }
    }

    /// The Services of a front that ask to be scraped.
    pub(super) fn services(
        &mut self,
        front: usize,
        section: &Section<'_, Prometheus>,
    ) -> Rc<Asking> {
        let scene = self.scene;
        let ask = || {
            let mut asking = Asking::new();
            for service in scene.objects().related.services_of(front) {
                // Most Services need no look at their edits.
                let is_changed = !scene.changes_of(service.object).is_empty();
                if is_changed || service.resource.annotations().is_some() {
                    let edits = scene.after(service.object);
                    let view = edits.view(service.resource.node, Pointer::root());
                    let port = port_asked(view, section);
                    let asked = port.map(|port| asking.entry(port).or_default());
                    asked.into_iter().for_each(|it| it.push(service.object));
                }
            }
            Rc::new(asking)
        };
        let prefix = section.settings.key("").into_owned();
        Rc::clone(self.by_services.entry((front, prefix)).or_insert_with(ask))
    }

    /// The pods behind a front that ask to be scraped.
    pub(super) fn pods(&mut self, front: usize, section: &Section<'_, Prometheus>) -> Rc<Asking> {
        let scene = self.scene;
        let prefix = section.settings.key("").into_owned();
        if let Some(known) = self.by_pods.get(&(front, prefix.clone())) {
            return Rc::clone(known);
        }
        let mut asking = Asking::new();
        for pods in scene.objects().related.pods_behind(front) {
            let port = || {
                let template = scene.objects().template_of(pods)?;
                let edits = scene.after_in_metadata(pods.object, template);
                port_asked(edits.view(template.node, &template.path), section)
            };
            let known = self
                .of_pods
                .entry((pods.object, pods.template, prefix.clone()));
            if let Some(port) = known.or_insert_with(port) {
                let asked = asking.entry(port.clone()).or_default();
                asked.push(pods.object);
            }
        }
        let asking = Rc::new(asking);
        self.by_pods.insert((front, prefix), Rc::clone(&asking));
        asking
    }

    /// The Services with some of the pods of a front that lead to a port.
    pub(super) fn around(
        &mut self,
        front: usize,
        section: &Section<'_, Prometheus>,
        port: Option<&str>,
    ) -> Rc<Vec<usize>> {
        let related = &self.scene.objects().related;
        let key = (
            front,
            section.settings.key("").into_owned(),
            port.map(str::to_owned),
        );
        if let Some(known) = self.around.get(&key) {
            return Rc::clone(known);
        }
        let around = related.fronts_around(front);
        let around = match related.may_compare(around.len()) {
            true => around,
            false => &[front],
        };
        let mut leading = Vec::new();
        for front in around {
            let asking = self.services(*front, section);
            // One more, because the Service itself is among them.
            let more = MOST_NAMED + 2 - leading.len();
            leading.extend(leading_to(&asking, port).take(more));
        }
        let leading = Rc::new(leading);
        self.around.insert(key, Rc::clone(&leading));
        leading
    }
}

/// The port that a template or a Service is scraped at by its annotations, which may be left out; `None` if it does not ask
/// for it.
fn port_asked(of: View<'_>, section: &Section<'_, Prometheus>) -> Option<Option<String>> {
    let settings = &section.settings;
    let annotations = of.at(["metadata", "annotations"])?;
    ask_for(annotations, settings).then(|| {
        let port = annotations.text_at([settings.key("port").as_ref()]);
        port.map(Cow::into_owned)
    })
}

/// Whether the annotations of a template or a Service ask the reader of the section to scrape.
pub(super) fn ask_for(annotations: View<'_>, settings: &Prometheus) -> bool {
    let mut entries = annotations.entries();
    entries.any(|(key, value)| settings.word(&key, &value.text()) == Some(Word::Scrape))
}

/// Those that lead to the same port as some annotations. Without a port, that is every port.
pub(super) fn leading_to(asking: &Asking, port: Option<&str>) -> impl Iterator<Item = usize> {
    let (one, all) = match port {
        Some(port) => {
            let of = |port: Option<String>| asking.get(&port);
            let some = [of(Some(port.to_owned())), of(None)];
            (Some(some.into_iter().flatten()), None)
        }
        None => (None, Some(asking.values())),
    };
    let lists = one.into_iter().flatten().chain(all.into_iter().flatten());
    lists.flatten().copied()
}

//! How pods are scraped already, in another way than by the annotations of the section.

use std::borrow::Cow;
use std::cell::RefCell;

use super::{Prometheus, Word};
use crate::hashing::HashMap;
use crate::objects::{Pods, Related, Service, Template};
use crate::read::Resource;
use crate::yaml::Node;

/// The author's annotations.
fn entries<'a>(
    annotations: Option<Node<'a>>,
) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
    let annotations = annotations.into_iter().flat_map(|it| it.entries());
    annotations.filter_map(|(key, value)| Some((key.text()?, value.text()?)))
}

/// The annotation that refuses scraping, if there is one for the reader of the section or, where none asks for it, another.
pub(super) fn refusal(settings: &Prometheus, annotations: Option<Node<'_>>) -> Option<String> {
    let (mut is_asked, mut others) = (false, None);
    for (key, value) in entries(annotations) {
        match settings.word(&key, &value) {
            Some(Word::Refuse) => return Some(key.into_owned()),
            Some(Word::Scrape) => is_asked = true,
            None => {}
        }
        // Who chooses another prefix means others than those that read the usual one.
        let is_refused = || match settings.others_word(&key, &value) {
            Some((word, of)) => word == Word::Refuse && of != settings.convention(),
            None => false,
        };
        if others.is_none() && is_refused() {
            others = Some(key.into_owned());
        }
    }
    others.filter(|_| !is_asked)
}

/// The annotation that asks for a scrape, if there is one for the reader of the section.
pub(super) fn request(settings: &Prometheus, annotations: Option<Node<'_>>) -> Option<String> {
    let mut entries = entries(annotations);
    let asks = |key: &str, value: &str| settings.word(key, value) == Some(Word::Scrape);
    entries
        .find(|(key, value)| asks(key, value))
        .map(|(key, _)| key.into_owned())
}

/// The annotation by which another reader scrapes.
fn others(settings: &Prometheus, annotations: Option<Node<'_>>) -> Option<String> {
    let mut entries = entries(annotations);
    let asks = |key: &str, value: &str| {
        let word = settings.others_word(key, value);
        word.is_some_and(|(word, _)| word == Word::Scrape)
    };
    entries
        .find(|(key, value)| asks(key, value))
        .map(|(key, _)| key.into_owned())
}

/// By what the pods of a template are scraped, in the words of a sentence.
pub(super) fn pods(
    settings: &Prometheus,
    related: &Related<'_>,
    (object, place): (usize, usize),
    template: &Template<'_>,
) -> Option<String> {
    let annotations = template.node.at(["metadata", "annotations"]);
    if let Some(key) = others(settings, annotations) {
        return Some(format!("the annotation {key}"));
    }
    let scraper = related.scrapers_of(object, place).next();
    let by_service = || {
        let fronts = related.fronts_of(object, place).iter();
        let services = fronts.filter_map(|it| settings.asked.service(*it, settings, related));
        related.service(services.min()?)
    };
    scraper
        .map(Resource::display_name)
        .or_else(|| by_service().map(of_service))
}

/// By what a Service or the pods behind it are scraped, in the words of a sentence.
pub(super) fn service(
    settings: &Prometheus,
    related: &Related<'_>,
    service: &Service<'_>,
) -> Option<String> {
    if let Some(key) = others(settings, service.resource.annotations()) {
        return Some(format!("the annotation {key}"));
    }
    let scraper = related.scrapers_of_service(service).next();
    let by_pods = || {
        let mut fronts = service.fronts.iter();
        fronts.any(|it| settings.asked.any_pods(*it, settings, related))
    };
    scraper
        .map(Resource::display_name)
        .or_else(|| by_pods().then(|| "the annotations of its pods".to_owned()))
}

/// Whether annotations have a scrape by this or another reader.
fn are_followed(settings: &Prometheus, annotations: Option<Node<'_>>) -> bool {
    request(settings, annotations).is_some() || others(settings, annotations).is_some()
}

/// What the annotations of Services and pods ask for, each front and template looked at once.
#[derive(Debug, Default)]
pub(super) struct Asked {
    services: RefCell<HashMap<usize, Option<usize>>>,
    fronts: RefCell<HashMap<usize, bool>>,
    templates: RefCell<HashMap<(usize, usize), bool>>,
}

impl Asked {
    /// The index of the first Service of a front with a scrape.
    fn service(&self, front: usize, settings: &Prometheus, related: &Related<'_>) -> Option<usize> {
        let mut known = self.services.borrow_mut();
        *known.entry(front).or_insert_with(|| {
            let mut services = related.services_of(front);
            let asks = |it: &&Service<'_>| are_followed(settings, it.resource.annotations());
            services.find(asks).map(|it| it.object)
        })
    }

    /// Whether any pods behind a front have a scrape.
    fn any_pods(&self, front: usize, settings: &Prometheus, related: &Related<'_>) -> bool {
        let mut templates = self.templates.borrow_mut();
        let mut asks = |pods: &Pods<'_>| {
            let known = templates.entry((pods.object, pods.template));
            *known.or_insert_with(|| {
                let annotations = pods.metadata.and_then(|it| it.get("annotations"));
                are_followed(settings, annotations)
            })
        };
        let mut known = self.fronts.borrow_mut();
        let any = known.entry(front);
        *any.or_insert_with(|| related.pods_behind(front).any(&mut asks))
    }
}

fn of_service(service: &Service<'_>) -> String {
    format!("the annotations of {}", service.resource.display_name())
}

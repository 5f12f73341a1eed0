//! How pods are scraped already, in another way than by the annotations of the section.

use super::{Prometheus, Word};
use crate::objects::{Related, Service, Template};
use crate::read::Resource;
use crate::yaml::Node;

/// The author's annotations.
fn entries(annotations: Option<Node<'_>>) -> impl Iterator<Item = (String, String)> {
    let annotations = annotations.into_iter().flat_map(|it| it.entries());
    annotations
        .filter_map(|(key, value)| Some((key.text()?.into_owned(), value.text()?.into_owned())))
}

/// The annotation that refuses scraping, if there is one for the reader of the section.
pub(super) fn refusal(settings: &Prometheus, annotations: Option<Node<'_>>) -> Option<String> {
    let mut entries = entries(annotations);
    let refuses = |key: &str, value: &str| settings.word(key, value) == Some(Word::Refuse);
    entries
        .find(|(key, value)| refuses(key, value))
        .map(|(key, _)| key)
}

/// The annotation that asks for a scrape, if there is one for the reader of the section.
pub(super) fn request(settings: &Prometheus, annotations: Option<Node<'_>>) -> Option<String> {
    let mut entries = entries(annotations);
    let asks = |key: &str, value: &str| settings.word(key, value) == Some(Word::Scrape);
    entries
        .find(|(key, value)| asks(key, value))
        .map(|(key, _)| key)
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
        .map(|(key, _)| key)
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
    let mut scrapers = related.scrapers_of(object, place).into_iter();
    let services = || related.services_of(object, place);
    let by_service = || services().find(|it| is_annotated(settings, it.resource));
    scrapers
        .next()
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
    let mut scrapers = related.scrapers_of_service(service).into_iter();
    let by_pods = || {
        let mut pods = related.pods_behind(service);
        pods.any(|pods| {
            let annotations = pods.metadata.and_then(|it| it.get("annotations"));
            request(settings, annotations).is_some() || others(settings, annotations).is_some()
        })
    };
    scrapers
        .next()
        .map(Resource::display_name)
        .or_else(|| by_pods().then(|| "the annotations of its pods".to_owned()))
}

fn is_annotated(settings: &Prometheus, service: &Resource<'_>) -> bool {
    let annotations = service.annotations();
    request(settings, annotations).is_some() || others(settings, annotations).is_some()
}

fn of_service(service: &Service<'_>) -> String {
    format!("the annotations of {}", service.resource.display_name())
}

//! Selects one object, for unit tests of transformers and checks.

use super::Selection;
use crate::config::{Config, FunctionConfig, Vocabulary};
use crate::objects::Objects;
use crate::read::{Origin, Resource};
use crate::yaml::Stream;

/// An object, a config, and what the config selects of it.
pub(crate) struct Given<'s, 'r, 'a> {
    pub(crate) config: &'s Config<'s>,
    pub(crate) resources: &'r [Resource<'a>],
    pub(crate) objects: &'s Objects<'a>,
    pub(crate) selection: &'s Selection<'s, 'a>,
}

/// Applies `then` to what a config selects of an object, which must have pods or claims.
pub(crate) fn with_selected<T>(
    config: &str,
    vocabulary: &'static Vocabulary,
    object: &str,
    then: impl FnOnce(&Given<'_, '_, '_>) -> T,
) -> T {
    let config = Stream::parse(config).expect("YAML");
    let config = FunctionConfig::of_file(&config, "fn-config.yaml").expect("a Fitout");
    let config = config.decode(vocabulary).expect("a valid config");
    let stream = Stream::parse(object).expect("YAML");
    let root = stream.documents().next().expect("a document").root();
    let mut resources = Vec::new();
    Resource::read(root, 0, Origin::default(), &mut resources).expect("an object");
    let objects = Objects::of(&resources, &[], &[], None);
    let selection = Selection::of(&config, &objects).expect("an object that matches its schema");
    let mut targets = selection.selected.iter().map(|it| it.target);
    assert!(
        targets.any(|it| !it.templates.is_empty() || !it.claims.is_empty()),
        "nothing to look at: a pod needs a container, a claim a kind that has claims"
    );
    then(&Given {
        config: &config,
        resources: &resources,
        objects: &objects,
        selection: &selection,
    })
}

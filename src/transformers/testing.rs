//! Runs one transformer alone, for unit tests.

use super::{Object, Scope, Transformer};
use crate::config::{FunctionConfig, Pass, SectionRow, Sections, Vocabulary};
use crate::edit::Edits;
use crate::objects::Objects;
use crate::read::{Origin, Resource};
use crate::select::Selection;
use crate::yaml::Stream;

/// The changes that a transformer makes to an object, as sentences. `settings` is its section of the config.
pub(super) fn changes<S: Transformer>(
    name: &'static str,
    settings: &str,
    object: &str,
) -> Vec<String> {
    let sections = Vec::leak(vec![SectionRow::of::<S>(name)]);
    let vocabulary = Box::leak(Box::new(Vocabulary {
        sections,
        names: Vec::leak(vec![name]),
        rules: &[],
    }));
    let config = format!(
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec:\n  environment: test\n  {settings}\n"
    );
    let config = Stream::parse(config).expect("YAML");
    let config = FunctionConfig::of_file(&config, "fn-config.yaml").expect("a Fitout");
    let config = config.decode(vocabulary).expect("a valid config");
    let stream = Stream::parse(object).expect("YAML");
    let root = stream.documents().next().expect("a document").root();
    let mut resources = Vec::new();
    Resource::read(root, 0, Origin::default(), &mut resources).expect("an object");
    let objects = Objects::of(&resources, &[], &[], None);
    let selection = Selection::of(&config, &objects).expect("an object that matches its schema");
    let targets = || selection.selected.iter().map(|it| it.target);
    assert!(
        targets().any(|it| !it.templates.is_empty() || !it.claims.is_empty()),
        "nothing to look at: a pod needs a container, a claim a kind that has claims"
    );
    let sections = Sections::<S>::new(&vocabulary.sections[0], &config);
    let mut edits = Edits::new(&resources);
    for selected in &selection.selected {
        edits.start(selected.index);
        edits.rule(name);
        let object = Object {
            selected,
            related: &objects.related,
            accounts: &objects.accounts,
            pass: Pass::Write,
        };
        let scope = Scope {
            object,
            sections: &sections,
        };
        S::transform(&scope, &mut edits).expect("values that can be read");
    }
    edits.changes.iter().map(ToString::to_string).collect()
}

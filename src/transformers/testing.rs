//! Runs one transformer alone, for unit tests.

use super::{Object, Scope, Transformer};
use crate::config::{Pass, SectionRow, Sections, Vocabulary};
use crate::edit::Edits;
use crate::select::testing::with_selected;

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
    with_selected(&config, vocabulary, object, |given| {
        let sections = Sections::<S>::new(&vocabulary.sections[0], given.config);
        let mut edits = Edits::new(given.resources);
        for selected in &given.selection.selected {
            edits.start(selected.index);
            edits.rule(name);
            let object = Object {
                selected,
                objects: given.objects,
                pass: Pass::Write,
            };
            let scope = Scope {
                object,
                sections: &sections,
            };
            S::transform(&scope, &mut edits).expect("values that can be read");
        }
        edits.changes.iter().map(ToString::to_string).collect()
    })
}

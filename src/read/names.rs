//! The names of an object before kustomize changed them. They are read once: many objects can refer to one.

use crate::hashing::HashSet;
use kustomize_krm_types::annotations;

use super::Resource;

/// Overlays are not nested deeper.
const MOST_AFFIXES: usize = 16;

impl Resource<'_> {
    /// The object's names before kustomize's prefixes, suffixes and hashes.
    pub fn previous_names(&self) -> Vec<String> {
        let mut names = self.annotation_list(annotations::PREVIOUS_NAMES);
        names.extend(self.renamed_from.iter().cloned());
        names
    }

    /// The same for selectors, of which many can be compared with many names.
    pub fn distinct_previous_names(&self) -> &HashSet<String> {
        let names = || Box::new(self.previous_names().into_iter().collect());
        self.previous.get_or_init(names)
    }

    /// The prefixes and the suffixes that kustomize added to the object's name, the outermost first.
    pub fn affixes(&self) -> &[Vec<String>; 2] {
        self.affixes.get_or_init(|| {
            ["prefixes", "suffixes"].map(|list| {
                let text = self.annotation(&format!("{}{list}", annotations::INTERNAL_PREFIX));
                let text = text.unwrap_or_default();
                let items = text.rsplit(',').filter(|item| !item.is_empty());
                items.take(MOST_AFFIXES).map(str::to_owned).collect()
            })
        })
    }
}

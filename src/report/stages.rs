//! The environments by their names: which stage a name shows on the way to production, and which names mean the same one.

/// The words in names of environments by which they are ordered, lowest first: for each stage the words that mean the same.
const STAGES: &[&[&[&str]]] = &[
    &[
        &["local"],
        &["sandbox"],
        &["playground"],
        &["ephemeral"],
        &["preview"],
        &["review"],
    ],
    &[&["dev", "devel", "develop", "development"]],
    &[
        &["test", "testing", "tst"],
        &["qa"],
        &["ci"],
        &["int", "integration"],
        &["perf"],
        &["nonprod"],
    ],
    &[
        &["acceptance", "acc"],
        &["uat"],
        &["demo"],
        &["staging", "stage", "stg"],
        &["preprod", "preproduction"],
    ],
    &[
        &["canary"],
        &["prod", "production", "prd"],
        &["live"],
        &["dr"],
    ],
];
use crate::sorting;

/// The stage of a word, and its place between all words.
fn place_of(word: &str) -> Option<(usize, usize)> {
    let mut place = 0;
    for (stage, groups) in STAGES.iter().enumerate() {
        for words in *groups {
            if words.contains(&word) {
                return Some((stage, place));
            }
            place += 1;
        }
    }
    None
}

/// The place of a word on the way to production; words that mean the same have the same place. `None` if it names no
/// environment.
pub fn rank_of(word: &str) -> Option<usize> {
    place_of(word).map(|(_, place)| place)
}

/// The stage that a name shows: `prod-eu` is production, `pre-prod` is not.
pub fn stage_of(name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words: Vec<&str> = words.collect();
    let of = |word: &&str| place_of(word).map(|(stage, _)| stage);
    let highest = words.iter().filter_map(of).max()?;
    let lower = |word: &str, by: usize| words.contains(&word).then(|| highest.saturating_sub(by));
    Some(lower("pre", 1).or(lower("non", 2)).unwrap_or(highest))
}

/// The order of environments, lowest first, and the stage of each: that of their names if all of them show one, and otherwise
/// the order in which they are given.
pub fn in_stages(mut names: Vec<String>) -> Vec<(String, usize)> {
    let are_known = names.iter().all(|name| stage_of(name).is_some());
    if are_known {
        sorting::sort_by_key(&mut names, |name| stage_of(name));
    }
    let stage = |at: usize, name: &str| stage_of(name).filter(|_| are_known).unwrap_or(at);
    let names = names.into_iter().enumerate();
    names
        .map(|(at, name)| (stage(at, &name), name))
        .map(|(stage, name)| (name, stage))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_all_words() {
        let page = std::fs::read_to_string("docs/compare.md").unwrap_or_default();
        for (stage, groups) in STAGES.iter().enumerate() {
            let words = groups.iter().flat_map(|it| *it);
            let words: Vec<String> = words.map(|it| format!("`{it}`")).collect();
            let row = format!("| {} | {} |", stage + 1, words.join(", "));
            assert!(
                page.contains(&row),
                "docs/compare.md lacks this row:\n{row}"
            );
        }
    }

    #[test]
    fn environments_are_ordered_by_name_if_all_are_known() {
        let order = |names: &[&str]| in_stages(names.iter().map(|it| (*it).to_owned()).collect());
        let of = |names: &[(&str, usize)]| -> Vec<(String, usize)> {
            names
                .iter()
                .map(|(name, stage)| ((*name).to_owned(), *stage))
                .collect()
        };
        assert_eq!(
            order(&["prod-us", "dev", "prod-eu", "pre-prod"]),
            of(&[("dev", 1), ("pre-prod", 3), ("prod-us", 4), ("prod-eu", 4)])
        );
        assert_eq!(
            order(&["production", "blue"]),
            of(&[("production", 0), ("blue", 1)])
        );
        assert_eq!(
            order(&["prod", "non-prod"]),
            of(&[("non-prod", 2), ("prod", 4)])
        );
    }
}

//! Findings that have one sentence and are resolved in one way, as groups.
//!
//! Findings of one rule form a group if their help is the same and their messages differ only in names and values. The
//! sentence of a group has `…` where they differ; each place shows what it has there.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use kustomize_krm_types::Severity;
use serde::Serialize;

use super::{ConfigPlace, Entry, EntryType, Report, folded_message};
use crate::finding::{Lines, Part};
use crate::hashing::{HashMap, HashSet, Same};
use crate::kubernetes::Pattern;

/// Findings with one sentence and one resolution.
pub(super) struct Group<'r> {
    /// The members, at least one, with their indices in the results.
    pub(super) entries: Vec<(usize, &'r Entry)>,
    /// The sentence of all members, without the part.
    pub(super) sentence: String,
    /// The words of the first member's sentence.
    words: Vec<Word<'r>>,
    /// Which of them are others for other members.
    differs: Vec<bool>,
}

/// A group in the JSON report.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupEntry<'r> {
    rule: &'r str,
    #[cfg_attr(test, schemars(with = "super::SeverityWord"))]
    severity: Severity,
    message: String,
    /// The number of findings.
    places: usize,
    /// The number of objects that they are about.
    objects: usize,
    /// The indices of the findings in `results`.
    results: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'r str>,
    /// The lines for the config's `spec` that resolve all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_lines: Option<String>,
}

impl<'r> Group<'r> {
    /// The first member.
    pub(super) fn first(&self) -> &'r Entry {
        self.entries[0].1
    }

    /// The setting that decided, if it is the same for all members.
    pub(super) fn config(&self) -> Option<&'r ConfigPlace> {
        let config = &self.first().config;
        let mut entries = self.entries.iter();
        let is_same = entries.all(|(_, entry)| entry.config == *config);
        config.as_deref().filter(|_| is_same)
    }

    /// The number of objects.
    pub(super) fn objects(&self) -> usize {
        let objects = self.entries.iter().filter_map(|(_, entry)| entry.object);
        let mut objects: Vec<usize> = objects.collect();
        objects.sort_unstable();
        objects.dedup();
        objects.len()
    }

    /// The lines for the config's `spec` that resolve all members.
    pub(super) fn config_lines(&self) -> Option<String> {
        match self.first().lines.as_ref()? {
            Lines::Config(lines) => Some(lines.clone()),
            Lines::Exemption => self.exemption(),
            Lines::Catalogue(_) => self.has_more_images().then(|| {
                let mut known = HashSet::default();
                let lines = self.catalogue().filter(|line| known.insert(*line));
                let lines: Vec<&str> = std::iter::once("catalogue:").chain(lines).collect();
                lines.join("\n")
            }),
        }
    }

    /// The help for all members.
    pub(super) fn help(&self) -> Option<&str> {
        match self.has_more_images() {
            true => Some(CATALOGUE_HELP),
            false => self.first().help.as_deref(),
        }
    }

    /// The entries of the catalogue that resolve the members, with one for each member.
    fn catalogue(&self) -> impl Iterator<Item = &'r str> {
        let entries = self.entries.iter();
        entries.filter_map(|(_, entry)| match &entry.lines {
            Some(Lines::Catalogue(line)) => Some(line.as_str()),
            _ => None,
        })
    }

    fn has_more_images(&self) -> bool {
        let mut lines = self.catalogue();
        let first = lines.next();
        lines.any(|line| Some(line) != first)
    }

    /// An exemption of all objects from the rule: one entry for each kind and namespace.
    fn exemption(&self) -> Option<String> {
        let mut names: BTreeMap<(&str, Option<&str>), BTreeSet<&str>> = BTreeMap::new();
        for (_, entry) in &self.entries {
            let object = entry.resource_ref.as_ref()?;
            let key = (object.kind.as_str(), object.namespace.as_deref());
            names.entry(key).or_default().insert(&object.name);
        }
        // A rule can be about several fields, of which the exemption should name only this one.
        let decision = self.first().tags.decision.as_deref();
        let leaf = decision.map(|it| it.leaf.as_str());
        let waived = match leaf.filter(|it| it.contains(".capabilities.")) {
            Some(leaf) => format!("fields: [{leaf}]"),
            None => format!("rules: [{}]", self.first().rule),
        };
        let mut lines = "exemptions:".to_owned();
        for ((kind, namespace), names) in names {
            let names: Vec<String> = names.into_iter().map(Pattern::of_only).collect();
            let namespace = namespace.map_or(String::new(), |it| {
                format!(", namespace: {}", yaml_scalar(&Pattern::of_only(it)))
            });
            lines += &format!(
                "\n- select: {{kind: {}{namespace}, name: {}}}\n  {waived}\n  reason: \"\" # why, in ten characters or more",
                yaml_scalar(&Pattern::of_only(kind)),
                yaml_scalar(&names.join("|")),
            );
        }
        Some(lines)
    }
}

/// The lines for the config's `spec` that resolve a finding alone.
pub fn config_lines(entry: &Entry) -> Option<&str> {
    match entry.lines.as_ref()? {
        Lines::Config(lines) => Some(lines),
        Lines::Exemption | Lines::Catalogue(_) => None,
    }
}

/// The help for several images.
const CATALOGUE_HELP: &str =
    "complete the lines below and add them to the config's spec, or set the fields in the manifest";

/// The help and the lines that the members of a group have in common.
fn common(entry: &Entry) -> (Option<&str>, Option<&Lines>) {
    match &entry.lines {
        Some(Lines::Catalogue(_)) => (Some(CATALOGUE_HELP), None),
        lines => (entry.help.as_deref(), lines.as_ref()),
    }
}

/// A text as YAML in a flow mapping.
pub fn yaml_scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.|\\".contains(c);
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let means_more = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    match is_word && text.chars().all(is_plain) && !means_more.contains(&&*text.to_lowercase()) {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

/// The findings of some entries in groups, in the order of their first members.
pub(super) fn groups<'r>(
    report: &'r Report,
    is_included: impl Fn(&Entry) -> bool,
) -> Vec<Group<'r>> {
    let mut known: HashMap<_, usize> = HashMap::default();
    // Most messages are those of many objects, so they are taken apart once.
    let mut same: HashMap<_, usize> = HashMap::default();
    let mut groups: Vec<Group<'r>> = Vec::new();
    for (index, entry) in report.results.iter().enumerate() {
        if !is_included(entry) {
            continue;
        }
        let is_about = entry.is_folded().then_some(entry.object);
        let kind = (
            discriminant(&entry.entry_type),
            discriminant(&entry.severity),
        );
        let (help, lines) = common(entry);
        let alike = (Same(entry.rule), help.map(Same), lines);
        let marks = (entry.tags.mark("reason"), entry.tags.mark("until"));
        let sentence = sentence_of(entry);
        let rest = (is_about, kind, alike, marks);
        let next = groups.len();
        let at = *same.entry((Same(sentence), rest)).or_insert_with(|| {
            // Those of one object are one already.
            let words = match is_about {
                Some(_) => Vec::new(),
                None => words(sentence),
            };
            let at = *known.entry((shape(&words), rest)).or_insert(next);
            match groups.get_mut(at) {
                Some(group) => group.compare(&words),
                None => groups.push(Group::of(words)),
            }
            at
        });
        groups[at].entries.push((index, entry));
    }
    groups.iter_mut().for_each(Group::write_sentence);
    groups
}

impl Report {
    /// The groups of all findings, for the JSON report.
    pub(super) fn group_entries(&self) -> Vec<GroupEntry<'_>> {
        let all = groups(self, |entry| entry.entry_type == EntryType::Finding);
        all.into_iter().map(GroupEntry::of).collect()
    }
}

impl<'r> GroupEntry<'r> {
    fn of(group: Group<'r>) -> GroupEntry<'r> {
        let first = group.first();
        let (help, _) = match group.has_more_images() {
            true => common(first),
            false => (first.help.as_deref(), None),
        };
        GroupEntry {
            rule: first.rule,
            severity: first.severity,
            places: group.entries.len(),
            objects: group.objects(),
            results: group.entries.iter().map(|(index, _)| *index).collect(),
            help,
            config_lines: group.config_lines(),
            message: group.sentence,
        }
    }
}

/// The words that the members of a group have in common.
fn shape(words: &[Word<'_>]) -> String {
    let words = words.iter();
    words
        .map(|it| if it.is_name { "\0 " } else { it.text })
        .collect()
}

/// The message without the part, which its place names.
fn sentence_of(entry: &Entry) -> &str {
    let [a, b, c] = entry.tags.part.words();
    let rest = entry
        .message
        .strip_prefix(a)
        .and_then(|it| it.strip_prefix(b));
    let rest = rest.and_then(|it| it.strip_prefix(c)?.strip_prefix(": "));
    let rest = rest.unwrap_or(&entry.message);
    if entry.image.is_none() {
        return rest;
    }
    // The number of containers that have an image makes no other sentence.
    match rest.rsplit_once(" (") {
        Some((sentence, count)) if count.ends_with(" containers)") => sentence,
        _ => rest,
    }
}

impl<'r> Group<'r> {
    fn of(words: Vec<Word<'r>>) -> Group<'r> {
        Group {
            entries: Vec::new(),
            sentence: String::new(),
            differs: vec![false; words.len()],
            words,
        }
    }

    /// Finds the words that differ from those of another member.
    fn compare(&mut self, others: &[Word<'_>]) {
        let words = self.words.iter().zip(others);
        for (differs, (word, other)) in self.differs.iter_mut().zip(words) {
            *differs |= word.text != other.text;
        }
    }

    fn write_sentence(&mut self) {
        let first = self.first();
        if first.is_folded() {
            let entries: Vec<&Entry> = self.entries.iter().map(|(_, entry)| *entry).collect();
            self.sentence = folded_message(&entries);
            return;
        }
        if let [_] = self.entries.as_slice() {
            self.sentence = first.message.clone();
            return;
        }
        for (word, differs) in self.words.iter().zip(&self.differs) {
            match differs {
                false => self.sentence += word.text,
                true => {
                    self.sentence.push('…');
                    self.sentence += &word.text[word.bare().len()..];
                }
            }
        }
    }

    /// The names and values that a member has for `…`.
    pub(super) fn details(&self, entry: &Entry) -> String {
        if !self.differs.contains(&true) {
            return String::new();
        }
        let words = words(sentence_of(entry)).into_iter().zip(&self.differs);
        let words = words.filter(|(_, differs)| **differs);
        let details: Vec<&str> = words.map(|(word, _)| word.bare()).collect();
        details.join(", ")
    }
}

/// A word of a message with the blanks after it.
struct Word<'m> {
    text: &'m str,
    /// Whether it may be a name or a value, which can differ between the messages of a group.
    is_name: bool,
}

impl<'m> Word<'m> {
    /// The word without the punctuation and the blanks after it.
    fn bare(&self) -> &'m str {
        bare(self.text)
    }
}

/// A word without the punctuation and the blanks after it.
fn bare(word: &str) -> &str {
    let end = word.bytes().rev().take_while(|c| b" ,;:.".contains(c));
    &word[..word.len() - end.count()]
}

/// Words that come before a name.
const BEFORE_NAMES: [&str; 8] = [
    "profile", "volume", "container", "claim", "label", "namespace", "class", "profiles",
];

/// The words of a message; several names with commas between them are one word.
fn words(message: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let (mut start, mut quote, mut before) = (0, None, "");
    for (at, c) in message.bytes().enumerate() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, b'"' | b'`') => quote = Some(c),
            _ => {}
        }
        let end = at + 1;
        let is_last = end == message.len();
        if !(is_last || quote.is_none() && c == b' ') {
            continue;
        }
        let text = &message[start..end];
        let is_name = is_name(bare(text), before);
        before = text.trim_end();
        match words.last_mut() {
            Some(last) if is_name && last.is_name && last.text.ends_with(", ") => {
                last.text = &message[start - last.text.len()..end];
            }
            _ => words.push(Word { text, is_name }),
        }
        start = end;
    }
    words
}

/// Whether a word may be a name or a value: it is quoted, has other characters than letters, is all in capitals, or comes
/// after a kind or another word before names.
fn is_name(word: &str, before: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '\'' | '-' | '…');
    let is_kind = |word: &str| {
        let mut capitals = word.chars().map(|c| c.is_ascii_uppercase());
        capitals.next() == Some(true) && capitals.any(|it| !it)
    };
    !word.chars().all(is_plain)
        || (word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()))
        || BEFORE_NAMES.contains(&before)
        || is_kind(before)
}

/// `22 places in 15 objects`.
pub(super) fn extent(group: &Group<'_>) -> String {
    let (places, objects) = (group.entries.len(), group.objects());
    match objects {
        0 => format!("{places} places"),
        _ if objects == places => format!("{objects} objects"),
        1 => format!("{places} places in 1 object"),
        _ => format!("{places} places in {objects} objects"),
    }
}

/// The name of an object, or of its place in the config.
pub(super) fn subject_of(entry: &Entry) -> String {
    let config = || entry.config.as_ref().map(|config| config.field.clone());
    let mut subject = entry.object_name().or_else(config).unwrap_or_default();
    if matches!(entry.tags.part, Part::Container { .. } | Part::Claim { .. }) {
        subject += &format!("  {}", entry.tags.part);
    }
    subject
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(message: &str) -> String {
        super::shape(&words(message))
    }

    #[test]
    fn messages_that_differ_only_in_names_and_values_have_one_shape() {
        for (one, other) in [
            (
                "no user is set for \"a\", \"b\": if it is root",
                "no user is set for \"c\": if it is root",
            ),
            ("it uses hostPort 9100; so", "it uses hostPort 80; so"),
            ("scraped by Service shop/a", "scraped by Service monitoring"),
            ("it adds CHOWN, SETGID; so", "it adds SYS_ADMIN; so"),
            ("profile a matches nothing", "profile bee matches nothing"),
        ] {
            assert_eq!(shape(one), shape(other));
        }
        assert_ne!(shape("it is not set"), shape("it is too large"));
        assert_ne!(shape("limits.memory is 1Gi"), shape("limits.cpu is 1"));
    }
}

//! Reports of large inputs: what there is of each kind, before anything is shown one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::{ConfigPlace, Entry, EntryType, FilePlace, Group, Report, name_of, plural};
use crate::hashing::HashMap;
use crate::sorting;
use crate::text::Text;

/// More changed objects than this are shown as an overview.
const MANY_OBJECTS: usize = 50;
/// More groups of findings than this are shown as one for each rule.
pub(super) const MANY_GROUPS: usize = 40;
/// The most rows of a list.
const ROWS: usize = 6;

/// Whether the changes are too many to be shown one by one.
pub(super) fn has_many_changes(report: &Report) -> bool {
    report.objects.len() > MANY_OBJECTS
}

/// The changes by section, by reason, by kind and by object.
pub(super) fn changes(report: &Report) -> Text {
    let mut text = Text::default();
    let (mut sections, mut reasons, mut kinds) =
        (Counts::default(), Counts::default(), Counts::default());
    let changes = report
        .results
        .iter()
        .filter(|it| it.entry_type == EntryType::Change);
    for entry in changes {
        sections.add(entry.rule.to_owned(), entry.object);
        let setting = entry.config.as_deref().map(ConfigPlace::decided);
        reasons.add(setting.unwrap_or_default(), entry.object);
    }
    let mut most: Vec<(usize, String)> = Vec::new();
    for (at, object) in report.objects.iter().enumerate() {
        kinds.add(object.reference.kind.clone(), Some(at));
        let count = object.counts.values().sum();
        most.push((count, name_of(&object.reference)));
    }
    text.line(format_args!(
        "Changes  {}; -v shows each with its reason, and -l and -n choose objects",
        plural(report.objects.len(), "object", "objects")
    ));
    sections.draw("by section", "field", &mut text);
    reasons.draw("by setting", "field", &mut text);
    kinds.draw("by kind", "", &mut text);
    sorting::sort_by(&mut most, |a, b| (b.0, &a.1).cmp(&(a.0, &b.1)));
    text.line("  by workload, the most first");
    for (count, name) in most.iter().take(ROWS) {
        text.line(format_args!(
            "    {}  {name}",
            plural(*count, "field", "fields")
        ));
    }
    text.end();
    text
}

/// Findings in many groups: one for each rule and severity, and the images and objects with most of them.
pub(super) fn findings(groups: &[Group<'_>], text: &mut Text) {
    let mut rules: Vec<(&Entry, Vec<&Group<'_>>)> = Vec::new();
    let mut known: HashMap<(&str, &str), usize> = HashMap::default();
    let (mut images, mut objects) = (Counts::default(), Counts::default());
    for group in groups {
        let first = group.first();
        let next = rules.len();
        let at = *known
            .entry((first.severity.as_str(), first.rule))
            .or_insert(next);
        if at == next {
            rules.push((first, Vec::new()));
        }
        rules[at].1.push(group);
        for (_, entry) in &group.entries {
            if let Some(image) = &entry.image {
                images.add(image.clone(), entry.object);
            }
            if let Some(object) = entry.object_name() {
                objects.add(object, entry.object);
            }
        }
    }
    for (first, of_rule) in rules {
        let entries = || of_rule.iter().flat_map(|it| it.entries.iter());
        let (places, about) = (
            entries().count(),
            entries()
                .filter_map(|(_, it)| it.object)
                .collect::<BTreeSet<_>>()
                .len(),
        );
        let kinds = match of_rule.len() {
            1 => String::new(),
            count => format!(", {count} different"),
        };
        let places = match places == about {
            true => String::new(),
            false => plural(places, "place", "places") + " in ",
        };
        text.line(format_args!(
            "{}[{}]: {} ({places}{}{kinds})",
            first.severity,
            first.rule,
            of_rule[0].sentence,
            plural(about, "object", "objects")
        ));
        let place = first.file.as_deref().map(FilePlace::at_line);
        let parts: Vec<String> = place.into_iter().chain(first.object_name()).collect();
        if !parts.is_empty() {
            text.line(format_args!("  --> {}", parts.join("  ")));
        }
    }
    if images.0.len() > 1 {
        text.line("Findings by image, the most used first");
        images.draw_rows("object", text);
    }
    text.line("Findings by workload, the most first");
    objects.draw_rows("finding", text);
    text.line("  = help: -v shows all findings, and -l and -n choose objects");
}

/// How often something occurs, and in how many objects.
#[derive(Default)]
struct Counts(BTreeMap<String, (usize, BTreeSet<Option<usize>>)>);

impl Counts {
    fn add(&mut self, what: String, object: Option<usize>) {
        let (count, objects) = self.0.entry(what).or_default();
        *count += 1;
        objects.insert(object);
    }

    fn draw(&self, title: &str, noun: &str, text: &mut Text) {
        text.line(format_args!("  {title}"));
        self.draw_rows(noun, text);
    }

    fn draw_rows(&self, noun: &str, text: &mut Text) {
        let mut rows: Vec<_> = self.0.iter().collect();
        sorting::sort_by(&mut rows, |a, b| (b.1.0, a.0).cmp(&(a.1.0, b.0)));
        for (what, (count, objects)) in rows.iter().take(ROWS) {
            let objects = plural(objects.len(), "object", "objects");
            match noun {
                "field" => text.line(format_args!("    {count} fields of {objects}  {what}")),
                "finding" => text.line(format_args!(
                    "    {}  {what}",
                    plural(*count, "finding", "findings")
                )),
                _ => text.line(format_args!("    {objects}  {what}")),
            }
        }
        if rows.len() > ROWS {
            text.line(format_args!("    and {} more", rows.len() - ROWS));
        }
    }
}

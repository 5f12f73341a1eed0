//! The config of one environment as a single document, for hosts that cannot choose an environment.
//!
//! The environment's settings are spliced into the text line by line, so that comments stay next to their fields. What cannot
//! be spliced, such as a part of a flow map, the YAML editor sets afterwards, from a comparison with the merged values.

use std::cmp::Reverse;
use std::ops::Range;

use jsonptr::PointerBuf;
use serde_json::{Map, Value as Json};

use super::document::KIND;
use super::environments::APPENDED;
use super::settings::join;
use super::vocabulary::Vocabulary;
use crate::problem::Problem;
use crate::sorting;
use crate::yaml::{Change, Edit, Kind, Node, Stream, Value};

/// The config of one environment, without `spec.environments`.
///
/// # Errors
/// `FIT-CFG001` if the config is a ConfigMap, or its YAML cannot be edited.
pub fn self_contained(
    stream: &Stream,
    environment: &str,
    vocabulary: &Vocabulary,
) -> Result<String, Problem> {
    let refuse = |message: String, help: &str| Problem::new("FIT-CFG001", message).help(help);
    let root = root_of(stream);
    let spec = root
        .filter(|root| root.text_at(["kind"]).as_deref() == Some(KIND))
        .and_then(|root| root.at(["spec"]));
    let Some((root, spec)) = root.zip(spec) else {
        let message = format!("only a {KIND} with a `spec` can be printed");
        return Err(refuse(message, "write the config as a Fitout"));
    };
    let json = |node: Node<'_>| {
        let value = node
            .value()
            .ok()
            .and_then(|it| serde_json::to_value(it).ok());
        value.unwrap_or_default()
    };
    let mut wanted = json(root);
    let part = spec
        .at(["environments"])
        .and_then(|it| it.at([environment]));
    if let Some(wanted) = wanted.get_mut("spec").and_then(Json::as_object_mut) {
        wanted.remove("environments");
        wanted.insert("environment".to_owned(), environment.into());
        if let Some(Json::Object(part)) = part.map(json) {
            merge_over(wanted, part, &Lists::of_spec(vocabulary));
        }
    }

    let mut splices = Splices {
        stream,
        splices: Vec::new(),
    };
    splices.choose(spec, environment);
    if let Some((key, value)) = entry(spec, "environments") {
        splices.remove(key, value);
    }
    if let Some(part) = part.filter(|part| part.is_map()) {
        splices.merge_over(spec, part, &Lists::of_spec(vocabulary));
    }
    let text = splices.applied();
    let unreadable = |message: String| {
        refuse(
            format!("the config of {environment} cannot be written: {message}"),
            "write maps and lists over several lines, without anchors",
        )
    };
    let spliced = Stream::parse(text).map_err(|error| unreadable(error.message.clone()))?;
    let Some(spliced_root) = root_of(&spliced) else {
        return Err(unreadable("the result is empty".to_owned()));
    };
    let mut edits = Vec::new();
    differences(
        &json(spliced_root),
        &wanted,
        &mut Vec::new(),
        &mut |tokens, change| {
            edits.push(Edit {
                root: spliced_root.id(),
                pointer: PointerBuf::from_tokens(tokens),
                change,
            });
        },
    );
    let printed = spliced.edit(&edits);
    let mut printed = printed.map_err(|refusal| unreadable(refusal.message.clone()))?;
    // The document can be anywhere, so a relative path of its schema would be wrong.
    let is_relative = |line: &str| line.starts_with(MODELINE) && !line.contains("://");
    if printed.lines().any(is_relative) {
        let lines = printed.split_inclusive('\n');
        printed = lines.filter(|line| !is_relative(line)).collect();
    }
    Ok(printed)
}

/// The first words of the comment that names a config's schema for editors.
const MODELINE: &str = "# yaml-language-server: $schema=";

fn root_of(stream: &Stream) -> Option<Node<'_>> {
    let mut documents = stream.documents().filter(|document| !document.is_empty());
    documents.next().map(|document| document.root())
}

/// The key and the value of an entry.
fn entry<'a>(map: Node<'a>, name: &str) -> Option<(Node<'a>, Node<'a>)> {
    let mut entries = map.local_entries();
    entries.find(|(key, _)| key.text().as_deref() == Some(name))
}

/// How lists below a map are merged.
struct Lists<'v> {
    /// The sections, if the map can contain them.
    sections: Option<&'v Vocabulary>,
    /// Paths of lists whose items are appended, relative to the `spec` or section around the map.
    added: &'v [&'v str],
    /// The path of the map, relative to the same.
    path: String,
    /// The map is a `spec`.
    is_spec: bool,
}

impl<'v> Lists<'v> {
    fn of_spec(vocabulary: &'v Vocabulary) -> Lists<'v> {
        Lists {
            sections: Some(vocabulary),
            added: APPENDED,
            path: String::new(),
            is_spec: true,
        }
    }

    /// The lists of a profile.
    fn of_profile(&self) -> Lists<'v> {
        Lists {
            sections: self.sections,
            added: &[],
            path: String::new(),
            is_spec: false,
        }
    }

    /// The lists below a key.
    fn below(&self, key: &str) -> Lists<'v> {
        let section = self.sections.and_then(|it| it.section(key));
        Lists {
            sections: None,
            added: section.map_or(self.added, |section| section.merged_lists),
            path: match section {
                Some(_) => String::new(),
                None => self.path_to(key),
            },
            is_spec: false,
        }
    }

    fn path_to(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => join(path, key),
        }
    }

    fn adds(&self, key: &str) -> bool {
        self.added.contains(&self.path_to(key).as_str())
    }

    fn merges(&self, key: &str) -> bool {
        self.is_spec && key == "profiles"
    }
}

/// Merges a part over a map.
fn merge_over(base: &mut Map<String, Json>, part: Map<String, Json>, lists: &Lists<'_>) {
    for (key, value) in part {
        match (base.get_mut(&key), value) {
            (Some(Json::Object(base)), Json::Object(part)) => {
                merge_over(base, part, &lists.below(&key));
            }
            (Some(Json::Array(base)), Json::Array(part)) if lists.adds(&key) => {
                let general = base.len();
                for item in part {
                    let name = item.get("name").filter(|_| lists.merges(&key));
                    let same = |it: &&mut Json| name.is_some() && it.get("name") == name;
                    match (base[..general].iter_mut().find(same), item.clone()) {
                        (Some(Json::Object(base)), Json::Object(part)) => {
                            merge_over(base, part, &lists.of_profile());
                        }
                        (_, item) => base.push(item),
                    }
                }
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Calls `add` for each difference, with the change that turns `found` into `wanted`.
fn differences(
    found: &Json,
    wanted: &Json,
    path: &mut Vec<String>,
    add: &mut dyn FnMut(&[String], Change),
) {
    match (found, wanted) {
        _ if found == wanted => {}
        (Json::Object(found), Json::Object(wanted)) => {
            for (key, value) in wanted {
                path.push(key.clone());
                match found.get(key) {
                    Some(found) => differences(found, value, path, add),
                    None => add(path, Change::Set(Value::from(value.clone()))),
                }
                path.pop();
            }
            for key in found.keys().filter(|key| !wanted.contains_key(*key)) {
                path.push(key.clone());
                add(path, Change::Remove);
                path.pop();
            }
        }
        (Json::Array(found), Json::Array(wanted)) if found.len() == wanted.len() => {
            for (index, (found, wanted)) in found.iter().zip(wanted).enumerate() {
                path.push(index.to_string());
                differences(found, wanted, path, add);
                path.pop();
            }
        }
        _ => add(path, Change::Set(Value::from(wanted.clone()))),
    }
}

/// Replacements of ranges of the text.
struct Splices<'a> {
    stream: &'a Stream,
    /// The range that is replaced, the column of the new text, and the new text.
    splices: Vec<(Range<usize>, usize, String)>,
}

impl<'a> Splices<'a> {
    fn text(&self) -> &'a str {
        self.stream.text()
    }

    fn line_start(&self, at: usize) -> usize {
        self.text()[..at].rfind('\n').map_or(0, |it| it + 1)
    }

    /// The end of a line, including its line break.
    fn line_end(&self, at: usize) -> usize {
        let text = self.text();
        text[at..].find('\n').map_or(text.len(), |it| at + it + 1)
    }

    fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// The start of the comment lines directly above a line, in the same column.
    fn with_comments_above(&self, at: usize) -> usize {
        let column = self.column(at);
        let mut start = self.line_start(at);
        while start > 0 {
            let above = self.line_start(start - 1);
            let line = &self.text()[above..start];
            let is_own = line.len() - line.trim_start_matches(' ').len() == column;
            if !is_own || !line.trim_start().starts_with('#') {
                break;
            }
            start = above;
        }
        start
    }

    /// The end of the last line of an entry.
    fn end_of(&self, key: Node<'_>, value: Node<'_>) -> usize {
        let end = key.span().end.max(value.span().end);
        // The span of a block scalar includes its last line break.
        let end = self.text()[..end].trim_end_matches(['\n', '\r', ' ']).len();
        self.line_end(end)
    }

    fn remove(&mut self, key: Node<'_>, value: Node<'_>) {
        let start = self.with_comments_above(key.span().start);
        let end = self.end_of(key, value);
        self.splices.push((start..end, 0, String::new()));
    }

    /// Sets `environment`, or adds it as the first field.
    fn choose(&mut self, spec: Node<'a>, environment: &str) {
        match entry(spec, "environment") {
            Some((_, value)) if value.kind() == Kind::Plain => {
                self.splices.push((value.span(), 0, environment.to_owned()));
            }
            Some(_) => {}
            None if spec.kind() == Kind::BlockMap => {
                let column = self.column(spec.span().start);
                let start = self.with_comments_above(spec.span().start);
                let line = format!("{:column$}environment: {environment}\n", "");
                self.splices.push((start..start, usize::MAX, line));
            }
            None => {}
        }
    }

    fn merge_over(&mut self, base: Node<'a>, part: Node<'a>, lists: &Lists<'_>) {
        if base.kind() != Kind::BlockMap || part.kind() != Kind::BlockMap {
            return;
        }
        for (key, value) in part.local_entries() {
            let name = key.text().unwrap_or_default();
            match entry(base, &name) {
                Some((_, old)) if old.is_map() && value.is_map() && old.len() > 0 => {
                    self.merge_over(old, value, &lists.below(&name));
                }
                Some((_, old)) if old.is_sequence() && value.is_sequence() && lists.adds(&name) => {
                    self.add_items(old, value, &name, lists);
                }
                Some((old_key, old)) => self.replace((old_key, old), (key, value)),
                None => {
                    let Some((last_key, last)) = base.local_entries().last() else {
                        continue;
                    };
                    let column = self.column(base.span().start);
                    let lines = self.with_comments_above(key.span().start)..self.end_of(key, value);
                    let lines = self.moved(lines, self.column(key.span().start), column);
                    let end = self.end_of(last_key, last);
                    self.splices.push((end..end, column, lines));
                }
            }
        }
    }

    /// Replaces an entry with another and its comments. Comments above the old entry stay, and so does the comment after a
    /// scalar if the new scalar has no comment.
    fn replace(&mut self, old: (Node<'a>, Node<'a>), new: (Node<'a>, Node<'a>)) {
        let is_one_line = |node: Node<'_>| node.is_scalar() && !node.raw().contains('\n');
        let (start, end) = (old.0.span().start, self.end_of(old.0, old.1));
        let above = self.with_comments_above(new.0.span().start);
        let has_comment = |node: Node<'_>| {
            let rest = &self.text()[node.span().end..self.line_end(node.span().end)];
            rest.trim_start().starts_with('#') || above < self.line_start(node.span().start)
        };
        let is_inline = |node: Node<'_>| is_one_line(node) && node.kind() != Kind::Empty;
        if is_inline(old.1) && is_inline(new.1) && !has_comment(new.1) {
            let value = new.1.raw().to_owned();
            self.splices.push((old.1.span(), 0, value));
            return;
        }
        let from = self.column(new.0.span().start);
        let lines = above..self.end_of(new.0, new.1);
        let lines = self.moved(lines, from, self.column(start));
        let start = self.line_start(start);
        self.splices.push((start..end, 0, lines));
    }

    /// Appends the items of a list to another.
    fn add_items(&mut self, old: Node<'a>, new: Node<'a>, name: &str, lists: &Lists<'_>) {
        let (Kind::BlockSequence, Kind::BlockSequence) = (old.kind(), new.kind()) else {
            return;
        };
        let (column, from) = (self.column(old.span().start), self.column(new.span().start));
        let Some(last) = old.items().last() else {
            return;
        };
        let end = self.end_of(last, last);
        for item in new.items() {
            let same = item.text_at(["name"]).filter(|_| lists.merges(name));
            let mut olds = old.items();
            match olds.find(|it| same.is_some() && it.text_at(["name"]) == same) {
                Some(old) => self.merge_over(old, item, &lists.of_profile()),
                None => {
                    let dash = self.line_start(item.span().start) + from;
                    let lines = self.with_comments_above(dash)..self.end_of(item, item);
                    let lines = self.moved(lines, from, column);
                    self.splices.push((end..end, column, lines));
                }
            }
        }
    }

    /// Lines with their indentation moved.
    fn moved(&self, lines: Range<usize>, from: usize, to: usize) -> String {
        let mut moved = String::new();
        for line in self.text()[lines].lines() {
            let indented = line.len() - line.trim_start_matches(' ').len();
            if !line.trim().is_empty() {
                moved.push_str(&" ".repeat((indented + to).saturating_sub(from)));
                moved.push_str(&line[indented..]);
            }
            moved.push('\n');
        }
        moved
    }

    /// The text with all replacements. Where several maps end at the same place, the deepest comes first.
    fn applied(mut self) -> String {
        sorting::sort_by_key(&mut self.splices, |(range, column, _)| {
            (range.start, Reverse(*column))
        });
        let (mut text, mut done) = (String::new(), 0);
        for (range, _, new) in &self.splices {
            text.push_str(
                &self.text()[done.min(range.start)..][..range.start.saturating_sub(done)],
            );
            if range.is_empty() && !text.is_empty() && !text.ends_with('\n') && new.ends_with('\n')
            {
                text.push('\n');
            }
            text.push_str(new);
            done = range.end.max(done);
        }
        text.push_str(&self.text()[done..]);
        text
    }
}

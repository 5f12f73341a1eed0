//! Whether an edited text is lossless: every comment is still there and belongs to the same field or item, every value that
//! no edit concerns reads the same, and every byte outside the edits is the same.
//!
//! Shares nothing with the editor: texts are read with saphyr-parser, scalars are typed by [`super::typing`], and comments are
//! what lies between the tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

use super::typing;

/// The keys and indices from the document to a node; the first one is the number of the document.
pub type Path = Vec<Rc<str>>;

/// What an edit was to do: the value that a path has afterwards, or nothing if it is gone.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Where. A last step `-` appends to a list.
    pub path: Path,
    /// The value; `None` if the node is removed.
    pub value: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Key,
    Scalar,
    Block,
    Alias,
    Open,
    Close,
}

#[derive(Clone, Debug)]
struct Token {
    what: What,
    path: Path,
    range: Range<usize>,
}

/// The owner of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    /// It ends the line of this node.
    Line(Path),
    /// It ends the line of an item that is empty.
    Dash,
    /// It is the line before this node; `None` before the end.
    Before(Option<Path>),
    /// It ends the block of this node.
    End(Path),
    /// It stands where the next item of a list would, or the next key beside the list, which is not indented: both are
    /// possible as long as nothing comes between it and the list.
    Items(Path),
    /// It ends the flow collection, which has other entries or not.
    Flow(Path, bool),
}

impl Owner {
    fn path(&self) -> Option<&Path> {
        match self {
            Owner::Dash => None,
            Owner::Before(path) => path.as_ref(),
            Owner::Line(path) | Owner::End(path) | Owner::Items(path) | Owner::Flow(path, _) => {
                Some(path)
            }
        }
    }
}

#[derive(Debug)]
struct Comment {
    text: String,
    at: usize,
    owner: Owner,
}

/// A text as saphyr-parser reads it.
#[derive(Debug)]
pub struct Reading<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    comments: Vec<Comment>,
    paths: BTreeSet<Path>,
    aliases: BTreeSet<Path>,
    /// Collections in brackets.
    brackets: BTreeSet<Path>,
    documents: Vec<Value>,
}

/// A collection or document that is not complete.
struct Open {
    value: Value,
    key: Option<String>,
    is_flow: bool,
    anchor: usize,
    /// What `<<` merges.
    merged: Vec<Value>,
}

impl<'t> Reading<'t> {
    /// Reads a text.
    ///
    /// # Errors
    /// Why it cannot be judged: saphyr-parser refuses it, or it has tags, duplicate keys or other things without a meaning that
    /// readers agree on.
    pub fn of(text: &'t str) -> Result<Self, String> {
        let mut reading = Reading {
            text,
            tokens: Vec::new(),
            comments: Vec::new(),
            paths: BTreeSet::new(),
            aliases: BTreeSet::new(),
            brackets: BTreeSet::new(),
            documents: Vec::new(),
        };
        reading.read()?;
        let open = reading
            .tokens
            .iter()
            .filter(|token| token.what == What::Open);
        reading.brackets = open.map(|token| token.path.clone()).collect();
        reading.find_comments();
        Ok(reading)
    }

    /// The documents as JSON.
    pub fn documents(&self) -> &[Value] {
        &self.documents
    }

    fn value_at(&self, path: &[Rc<str>]) -> Option<&Value> {
        let (document, steps) = path.split_first()?;
        let root = self.documents.get(document.parse::<usize>().ok()?)?;
        steps.iter().try_fold(root, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            value => value.get(&**step),
        })
    }

    fn read(&mut self) -> Result<(), String> {
        let mut offsets: Vec<usize> = self.text.char_indices().map(|(at, _)| at).collect();
        offsets.push(self.text.len());
        let range = |span: Span| {
            let at = |index: usize| offsets.get(index).copied().unwrap_or(self.text.len());
            at(span.start.index())..at(span.end.index())
        };
        let mut path: Path = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let mut anchors: BTreeMap<usize, Value> = BTreeMap::new();
        let mut size = 0;
        let (mut tokens, mut paths, mut aliases) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut documents: Vec<Value> = Vec::new();
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|error| error.to_string())?;
            let range = range(span);
            let is_flow = open.last().is_some_and(|open| open.is_flow);
            // A key is a scalar where a mapping waits for one.
            let wants_key = open
                .last()
                .is_some_and(|open| open.value.is_object() && open.key.is_none());
            if let (
                Some(Open {
                    value: Value::Array(items),
                    ..
                }),
                false,
            ) = (
                open.last(),
                matches!(event, Event::SequenceEnd | Event::MappingEnd),
            ) {
                path.truncate(open.len());
                path.push(items.len().to_string().into());
            }
            let mut done: Option<(Value, usize)> = None;
            match event {
                Event::DocumentStart(_) => path = vec![documents.len().to_string().into()],
                Event::Scalar(content, style, anchor, tag) => {
                    let range =
                        scalar_range(self.text, range, style).ok_or("a scalar without an end")?;
                    // saphyr-parser adds a line break to a block scalar that ends a text with CRLF. go-yaml and PyYAML do not.
                    let last_line = self.text.rsplit('\n').next().unwrap_or_default();
                    let is_cut = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
                        && range.end == self.text.len()
                        && !last_line.trim().is_empty();
                    let content = match content.strip_suffix('\n') {
                        Some(content) if is_cut => content.to_owned().into(),
                        _ => content,
                    };
                    let value = match style {
                        _ if tag.is_some() => return Err("a tag".to_owned()),
                        ScalarStyle::Plain if range.is_empty() => Value::Null,
                        ScalarStyle::Plain => {
                            typing::plain(&content).unwrap_or_else(|| content.as_ref().into())
                        }
                        _ => content.as_ref().into(),
                    };
                    let what = match style {
                        ScalarStyle::Literal | ScalarStyle::Folded => What::Block,
                        _ => What::Scalar,
                    };
                    if wants_key {
                        if range.is_empty() || anchor > 0 {
                            return Err("an empty key, or one with an anchor".to_owned());
                        }
                        let depth = open.len();
                        let parent = open.last_mut().ok_or("no parent")?;
                        if parent.value.get(content.as_ref()).is_some() {
                            return Err("a duplicate key".to_owned());
                        }
                        parent.key = Some(content.clone().into_owned());
                        path.truncate(depth);
                        path.push(content.as_ref().into());
                        let what = What::Key;
                        tokens.push(Token {
                            what,
                            path: path.clone(),
                            range,
                        });
                        paths.insert(path.clone());
                        continue;
                    }
                    paths.insert(path.clone());
                    if !range.is_empty() {
                        tokens.push(Token {
                            what,
                            path: path.clone(),
                            range,
                        });
                    }
                    done = Some((value, anchor));
                }
                Event::Alias(anchor) => {
                    if wants_key {
                        return Err("an alias as a key".to_owned());
                    }
                    let value = anchors
                        .get(&anchor)
                        .ok_or("an alias in its anchor")?
                        .clone();
                    size += count(&value);
                    if size > 10_000 {
                        return Err("too many aliases".to_owned());
                    }
                    tokens.push(Token {
                        what: What::Alias,
                        path: path.clone(),
                        range,
                    });
                    paths.insert(path.clone());
                    aliases.insert(path.clone());
                    done = Some((value, 0));
                }
                Event::SequenceStart(anchor, ref tag) | Event::MappingStart(anchor, ref tag) => {
                    if wants_key || tag.is_some() || open.len() > 60 {
                        return Err("a collection as a key, a tag, or too deep".to_owned());
                    }
                    let is_map = matches!(event, Event::MappingStart(..));
                    let bracket = if is_map { "{" } else { "[" };
                    // Spans begin with the anchor.
                    let mut start = range.start;
                    if let Some(name) = self.text[start..].strip_prefix('&') {
                        let name = name.find(|c: char| c.is_whitespace()).unwrap_or(name.len());
                        let rest = &self.text[start + 1 + name..];
                        start += 1 + name + rest.len() - rest.trim_start().len();
                    }
                    // A list in the column of its key has an empty span, behind the dash of its first item.
                    let own = !range.is_empty() && self.text[start..].starts_with(bracket);
                    paths.insert(path.clone());
                    if own {
                        let range = start..start + 1;
                        tokens.push(Token {
                            what: What::Open,
                            path: path.clone(),
                            range,
                        });
                    } else if is_flow {
                        return Err("a pair without braces".to_owned());
                    }
                    let value = if is_map {
                        Value::Object(Map::new())
                    } else {
                        Value::Array(Vec::new())
                    };
                    open.push(Open {
                        value,
                        key: None,
                        is_flow: own,
                        anchor,
                        merged: Vec::new(),
                    });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    path.truncate(open.len());
                    let closed = open.pop().ok_or("no collection")?;
                    if closed.is_flow {
                        let from = tokens.last().map_or(0, |token: &Token| token.range.end);
                        let close = bracket(self.text, from).ok_or("a bracket is missing")?;
                        let range = close..close + 1;
                        tokens.push(Token {
                            what: What::Close,
                            path: path.clone(),
                            range,
                        });
                    }
                    let mut value = closed.value;
                    if let Value::Object(entries) = &mut value {
                        for merged in closed.merged {
                            let maps = match merged {
                                Value::Array(maps) => maps,
                                map => vec![map],
                            };
                            for (key, value) in maps.into_iter().filter_map(object).flatten() {
                                entries.entry(key).or_insert(value);
                            }
                        }
                    }
                    done = Some((value, closed.anchor));
                }
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
            }
            let Some((value, anchor)) = done else {
                continue;
            };
            if anchor > 0 {
                anchors.insert(anchor, value.clone());
            }
            match open.last_mut() {
                None => documents.push(value),
                Some(parent) => match &mut parent.value {
                    Value::Array(items) => items.push(value),
                    Value::Object(entries) => {
                        let key = parent.key.take().ok_or("a value without a key")?;
                        match key.as_str() {
                            "<<" => parent.merged.push(value),
                            _ => _ = entries.insert(key, value),
                        }
                    }
                    _ => return Err("no collection".to_owned()),
                },
            }
        }
        (self.tokens, self.paths, self.aliases) = (tokens, paths, aliases);
        self.documents = documents;
        let is_sorted = self.tokens.is_sorted_by_key(|token| token.range.start);
        is_sorted
            .then_some(())
            .ok_or_else(|| format!("tokens out of order: {:?}", self.tokens))
    }

    /// The comments between the tokens, with their owners.
    fn find_comments(&mut self) {
        let mut comments = Vec::new();
        // The keys and dashes whose blocks are open, with their columns.
        let mut blocks: Vec<(usize, Path)> = Vec::new();
        let mut collections: Vec<Path> = Vec::new();
        let mut from = 0;
        for index in 0..=self.tokens.len() {
            let to = self
                .tokens
                .get(index)
                .map_or(self.text.len(), |token| token.range.start);
            let mut at = from;
            // The end and the column of the comment lines above.
            let (mut above, mut least) = (from, usize::MAX);
            while let Some(found) = self.text[at..to].find('#') {
                let start = at + found;
                let before = self.text[..start].chars().next_back();
                if before.is_some_and(|c| !c.is_whitespace() && c != '\u{feff}') {
                    at = start + 1;
                    continue;
                }
                let end = self.text[start..]
                    .find(['\n', '\r'])
                    .map_or(self.text.len(), |n| start + n);
                // Deeper comment lines belong where the one above them does.
                let line = self.text[..start].rfind('\n').map_or(0, |n| n + 1);
                let lead = self.text[line..start].trim_start_matches('\u{feff}');
                if !lead.trim().is_empty() || !self.text[above..start].trim().is_empty() {
                    least = usize::MAX;
                }
                let column = least.min(lead.chars().count());
                if lead.trim().is_empty() {
                    least = column;
                }
                above = end;
                let owner = self.owner(start, column, index, &blocks, &collections);
                let text = self.text[start..end].trim_end().to_owned();
                comments.push(Comment {
                    text,
                    at: start,
                    owner,
                });
                at = end.min(to);
            }
            let Some(token) = self.tokens.get(index) else {
                break;
            };
            from = token.range.end;
            match token.what {
                What::Open => collections.push(token.path.clone()),
                What::Close => _ = collections.pop(),
                _ => {}
            }
            if collections.is_empty() || token.what == What::Open && collections.len() == 1 {
                self.push_blocks(token, &mut blocks);
            }
        }
        self.comments = comments;
    }

    /// Adds the dashes and the key of a line to the open blocks.
    fn push_blocks(&self, token: &Token, blocks: &mut Vec<(usize, Path)>) {
        let (line, columns) = self.dashes(token.range.start);
        let depth = token.path.len() - usize::from(token.what == What::Key);
        for (index, column) in columns.iter().enumerate() {
            let item = (depth + index + 1).saturating_sub(columns.len());
            blocks.retain(|(open, _)| open < column);
            blocks.push((*column, token.path[..item].to_vec()));
        }
        if token.what == What::Key {
            let column = token.range.start - line;
            blocks.retain(|(open, _)| *open < column);
            blocks.push((column, token.path.clone()));
        }
    }

    /// The start of the line of an offset, and the columns of the dashes that begin it, if nothing else is before the offset.
    fn dashes(&self, at: usize) -> (usize, Vec<usize>) {
        let line = self.text[..at].rfind('\n').map_or(0, |n| n + 1);
        let before = &self.text[line..at];
        let only_dashes = before.chars().all(|c| matches!(c, ' ' | '-'));
        let dashes = before.match_indices('-').map(|(column, _)| column);
        (
            line,
            if only_dashes && !before.starts_with("---") {
                dashes.collect()
            } else {
                Vec::new()
            },
        )
    }

    /// The item of the dash that ends `dashes`, the beginning of a line with nothing else, if its value begins at a token below.
    fn item_below(&self, dashes: &str, next: &Token) -> Option<Path> {
        let (line, columns) = self.dashes(next.range.start);
        let column = dashes.trim_end().rfind('-')?;
        let indent = self.text[line..].find(|c| c != ' ')?;
        let inside = columns.len() + usize::from(next.what == What::Key);
        let is_of_dashes = dashes.chars().all(|c| matches!(c, ' ' | '-' | '\t'));
        let item = next.path.len().checked_sub(inside)?;
        (is_of_dashes && indent > column).then(|| next.path[..item].to_vec())
    }

    fn owner(
        &self,
        at: usize,
        column: usize,
        next: usize,
        blocks: &[(usize, Path)],
        collections: &[Path],
    ) -> Owner {
        let line = self.text[..at].rfind('\n').map_or(0, |n| n + 1);
        let before = self.text[line..at].trim_start_matches('\u{feff}');
        let own_line = before.trim().is_empty();
        if let (false, Some(last)) = (own_line, next.checked_sub(1).map(|last| &self.tokens[last]))
            && last.range.end > line
        {
            // What ends a line of a block scalar is its header.
            return Owner::Line(last.path.clone());
        }
        // What is behind the end of a document belongs to nothing in it.
        let last = next
            .checked_sub(1)
            .map_or(0, |last| self.tokens[last].range.end);
        let blocks = match has_document_end(&self.text[last..at]) {
            true => &[],
            false => blocks,
        };
        let next = self.tokens.get(next);
        if let (false, Some(next)) = (own_line, next)
            && let Some(item) = self.item_below(without_properties(before), next)
        {
            return Owner::Line(item);
        }
        let is_dash = before.trim_end().ends_with('-') && self.dashes(at).1.last().is_some();
        if is_dash {
            return Owner::Dash;
        }
        if let Some(collection) = collections.last() {
            return match next {
                Some(token) if token.what == What::Close => {
                    let has_others = self
                        .paths
                        .iter()
                        .any(|path| path.len() > collection.len() && path.starts_with(collection));
                    Owner::Flow(collection.clone(), has_others)
                }
                next => Owner::Before(next.map(|token| token.path.clone())),
            };
        }
        // A list of a key in the same column.
        let is_last = next.is_none_or(|next| {
            let line = self.dashes(next.range.start).0;
            self.text[line..].chars().take_while(|c| *c == ' ').count() < column
        });
        if let Some((_, [list @ .., last])) = blocks
            .iter()
            .find(|(open, _)| *open == column)
            .map(|(open, path)| (open, path.as_slice()))
            && own_line
            && is_last
            && last.parse::<usize>().is_ok()
            && !blocks.iter().any(|(_, path)| path == list)
        {
            return Owner::Items(list.to_vec());
        }
        let Some(next) = next else {
            return match blocks.iter().rev().find(|(open, _)| *open < column) {
                Some((_, path)) if own_line => Owner::End(path.clone()),
                _ => Owner::Before(None),
            };
        };
        let (next_line, columns) = self.dashes(next.range.start);
        let key = usize::from(next.what == What::Key);
        let path = match columns.len() {
            0 => next.path.clone(),
            dashes => next.path[..(next.path.len() + 1).saturating_sub(dashes + key)].to_vec(),
        };
        let first = self.text[next_line..]
            .chars()
            .take_while(|c| *c == ' ')
            .count();
        match blocks.iter().rev().find(|(open, _)| *open < column) {
            Some((_, open)) if own_line && first < column => Owner::End(open.clone()),
            _ => Owner::Before(Some(path)),
        }
    }
}

/// Whether one of these lines, of which the first is not whole, ends a document or begins the next one.
fn has_document_end(lines: &str) -> bool {
    let mut lines = lines.split('\n').skip(1);
    lines.any(|line| {
        let rest = line.strip_prefix("...").or(line.strip_prefix("---"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    })
}

/// The first bracket behind punctuation, blanks and comments: the spans of the ends of collections do not say where it is.
fn bracket(text: &str, from: usize) -> Option<usize> {
    let mut in_comment = false;
    for (at, c) in text[from..].char_indices() {
        match c {
            '\n' => in_comment = false,
            '}' | ']' if !in_comment => return Some(from + at),
            '#' => in_comment = true,
            c if in_comment || c.is_whitespace() || c == ',' || c == ':' => {}
            _ => return None,
        }
    }
    None
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(entries) => Some(entries),
        _ => None,
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// The bytes of a scalar with its quotes, or with the header of a block scalar. Spans begin with the tag or anchor, and those of
/// quoted scalars may end too late.
fn scalar_range(text: &str, span: Range<usize>, style: ScalarStyle) -> Option<Range<usize>> {
    let mut start = span.start;
    if style == ScalarStyle::Plain {
        if span.is_empty() {
            return Some(span);
        }
        let end = start + text[span.clone()].trim_end().len();
        return Some(start..end);
    }
    let quote = match style {
        ScalarStyle::SingleQuoted => '\'',
        ScalarStyle::DoubleQuoted => '"',
        _ => {
            // The span of a block scalar begins with its header or with its content.
            if !text[start..].starts_with(['|', '>']) || !is_header(text, start) {
                let before = &text[..start.min(text.len())];
                start = before.rfind(['|', '>']).filter(|at| is_header(text, *at))?;
            }
            let body = &text[start..span.end.max(start + 1)];
            let mut length = body.trim_end_matches([' ', '\t']).len();
            // Blank lines at the end are part of the value with `+` only.
            let header = body.lines().next().unwrap_or_default();
            if !header.split('#').next().unwrap_or_default().contains('+') {
                let content = body.trim_end().len();
                let line_break = body[content..].find('\n').map_or(0, |at| at + 1);
                length = length.min(content + line_break);
            }
            return Some(start..start + length);
        }
    };
    start += text[start..].find(quote)?;
    let mut rest = text[start + 1..].char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' if quote == '"' => _ = rest.next(),
            '\'' if quote == '\'' && text[start + 1 + at + 1..].starts_with('\'') => {
                _ = rest.next()
            }
            c if c == quote => return Some(start..start + 1 + at + 1),
            _ => {}
        }
    }
    None
}

/// Whether this is the header of a block scalar: indicators, a comment, and the end of the line.
fn is_header(text: &str, at: usize) -> bool {
    let line = text[at + 1..]
        .split(['\n', '\r'])
        .next()
        .unwrap_or_default();
    let rest = line.trim_start_matches(['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    rest.trim().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
}

/// What is wrong with `after`, the text `before` with `intents` done.
///
/// # Errors
/// Why the text before cannot be judged; see [`Reading::of`].
pub fn faults(before: &str, after: &str, intents: &[Intent]) -> Result<Vec<String>, String> {
    let (mut old, new) = (Reading::of(before)?, Reading::of(after));
    let new = match new {
        Ok(new) => new,
        // saphyr-parser refuses some brackets that are not indented, which all other readers accept.
        Err(error) if error.starts_with("invalid indentation") => return Err(error),
        Err(error) => return Ok(vec![format!("the new text cannot be read: {error}")]),
    };
    let mut faults = Vec::new();
    let mut expected = old.documents.clone();
    for intent in intents {
        apply(&mut expected, intent, &new.documents);
    }
    if expected != new.documents {
        faults.push(format!(
            "values: expected {expected:?}, found {:?}",
            new.documents
        ));
    }
    let intents = renumber(&mut old, intents);
    let touched = touched(&old, &new, &intents);
    bytes(&old, &new, &touched, &mut faults);
    comments(&old, &new, &touched, &intents, &mut faults);
    Ok(faults)
}

/// Gives items behind removed ones the index that they have afterwards. A removed one gets an index that no other has.
fn renumber(old: &mut Reading<'_>, intents: &[Intent]) -> Vec<Intent> {
    let at = |document: &Value, path: &[Rc<str>]| {
        let mut steps = path.iter();
        steps.try_fold(document.clone(), |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?).cloned(),
            Value::Object(entries) => entries.get(&**step).cloned(),
            _ => None,
        })
    };
    let mut removed: Vec<Path> = Vec::new();
    for intent in intents.iter().filter(|intent| intent.value.is_none()) {
        let [document, path @ .., _] = intent.path.as_slice() else {
            continue;
        };
        let document = document
            .parse()
            .ok()
            .and_then(|index: usize| old.documents.get(index));
        if document
            .and_then(|document| at(document, path))
            .is_some_and(|list| list.is_array())
        {
            removed.push(intent.path.clone());
        }
    }
    let moved = |path: &Path| {
        let mut moved = path.clone();
        for (length, step) in moved.iter_mut().enumerate() {
            let Ok(index) = step.parse::<usize>() else {
                continue;
            };
            let siblings = removed
                .iter()
                .filter(|gone| gone.len() == length + 1 && gone[..length] == path[..length]);
            let indices: Vec<usize> = siblings
                .filter_map(|gone| gone[length].parse().ok())
                .collect();
            let before = indices.iter().filter(|gone| **gone < index).count();
            *step = match indices.contains(&index) {
                true => format!("{index} removed").into(),
                false => (index - before).to_string().into(),
            };
        }
        moved
    };
    if !removed.is_empty() {
        old.tokens
            .iter_mut()
            .for_each(|token| token.path = moved(&token.path));
        for comment in &mut old.comments {
            match &mut comment.owner {
                Owner::Line(path)
                | Owner::End(path)
                | Owner::Items(path)
                | Owner::Flow(path, _)
                | Owner::Before(Some(path)) => *path = moved(path),
                Owner::Before(None) | Owner::Dash => {}
            }
        }
        old.paths = old.paths.iter().map(moved).collect();
        old.aliases = old.aliases.iter().map(moved).collect();
        old.brackets = old.brackets.iter().map(moved).collect();
    }
    let intents = intents.iter().cloned();
    intents
        .map(|intent| Intent {
            path: moved(&intent.path),
            ..intent
        })
        .collect()
}

/// The paths below which tokens may differ: those of the edits, of parents that are new, and of aliases that became copies.
fn touched(old: &Reading<'_>, new: &Reading<'_>, intents: &[Intent]) -> Vec<Path> {
    let mut touched: Vec<Path> = Vec::new();
    for intent in intents {
        let missing = |length: &usize| {
            let prefix = &intent.path[..*length];
            !old.paths.contains(prefix)
                || old.aliases.contains(prefix)
                || !new.paths.contains(prefix)
        };
        let length = (1..intent.path.len())
            .find(missing)
            .unwrap_or(intent.path.len());
        touched.push(intent.path[..length].to_vec());
    }
    touched.extend(old.aliases.difference(&new.aliases).cloned());
    touched.sort();
    touched.dedup();
    touched
}

/// Whether tokens may be between those of a path that no edit concerns.
fn is_touched(token: &Token, touched: &[Path], old: &Reading<'_>, new: &Reading<'_>) -> bool {
    touched.iter().any(|edit| {
        let append = edit.last().is_some_and(|step| **step == *"-");
        if token.what == What::Key && token.path == *edit {
            return !(old.paths.contains(edit) && new.paths.contains(edit));
        }
        let is_new = append
            && token.path.len() >= edit.len()
            && token.path.starts_with(&edit[..edit.len() - 1])
            && !old.paths.contains(&token.path[..edit.len()]);
        // Brackets and nulls that became a block.
        let is_replaced = token.what != What::Key
            && edit.starts_with(&token.path)
            && (token.what == What::Scalar
                || !(old.brackets.contains(&token.path) && new.brackets.contains(&token.path)));
        is_new || token.path.starts_with(edit) || is_replaced
    })
}

fn bytes(old: &Reading<'_>, new: &Reading<'_>, touched: &[Path], faults: &mut Vec<String>) {
    let rest = |reading: &Reading<'_>| {
        let tokens = reading.tokens.iter().enumerate();
        let kept = tokens.filter(|(_, token)| !is_touched(token, touched, old, new));
        kept.map(|(index, token)| (index, token.clone()))
            .collect::<Vec<_>>()
    };
    let (olds, news) = (rest(old), rest(new));
    for ((_, a), (_, b)) in olds.iter().zip(&news) {
        if a.path != b.path || a.what != b.what {
            faults.push(format!(
                "{:?}: where {:?} was, there is {:?}",
                a.path, a.what, b
            ));
            return;
        }
        let (raw_a, raw_b) = (&old.text[a.range.clone()], &new.text[b.range.clone()]);
        // A block scalar at the end of a text without a newline gets another header, to keep its value.
        let at_end = a.what == What::Block && old.text[a.range.end..].trim().is_empty();
        if raw_a != raw_b && !at_end {
            faults.push(format!("{:?}: {raw_a:?} became {raw_b:?}", a.path));
        }
    }
    if olds.len() != news.len() {
        let lost = olds.get(news.len()).map(|(_, token)| token);
        let added = news.get(olds.len()).map(|(_, token)| token);
        faults.push(format!("lost {lost:?}, or not asked for {added:?}"));
        return;
    }
    // The bytes between two tokens that no edit concerns, where no edit is between them.
    let gap =
        |reading: &Reading<'_>, from: Option<&(usize, Token)>, to: Option<&(usize, Token)>| {
            let next = from.map_or(0, |(index, _)| index + 1);
            let is_next = to.map_or(reading.tokens.len(), |(index, _)| *index) == next;
            let start = from.map_or(0, |(_, token)| token.range.end);
            let end = to.map_or(reading.text.len(), |(_, token)| token.range.start);
            is_next.then(|| reading.text[start..end].to_owned())
        };
    for index in 0..=olds.len() {
        let before = index.checked_sub(1);
        let a = gap(old, before.and_then(|i| olds.get(i)), olds.get(index));
        let b = gap(new, before.and_then(|i| news.get(i)), news.get(index));
        let last_block = index == olds.len()
            && olds
                .last()
                .is_some_and(|(_, token)| token.what == What::Block);
        if let (Some(a), Some(b)) = (a, b)
            && a != b
            && !last_block
        {
            let at = olds.get(index).map(|(_, token)| &token.path);
            faults.push(format!("before {at:?}: {a:?} became {b:?}"));
        }
    }
}

fn comments(
    old: &Reading<'_>,
    new: &Reading<'_>,
    touched: &[Path],
    intents: &[Intent],
    faults: &mut Vec<String>,
) {
    let removed = |path: &Path| {
        let concerns =
            |intent: &Intent| path.starts_with(&intent.path) || intent.path.starts_with(path);
        // An item is another one if its list got other items.
        let is_replaced = |intent: &Intent| {
            path.len() > intent.path.len()
                && path.starts_with(&intent.path)
                && intent.value.as_ref().is_some_and(Value::is_array)
                && raw(old, path) != raw(new, path)
        };
        !new.paths.contains(path) && intents.iter().any(concerns) || intents.iter().any(is_replaced)
    };
    // What is in a value goes with it, and what ends it belongs to the new one.
    let is_other_kind = |path: &Path| {
        let of_path = intents.iter().find(|intent| intent.path == *path);
        let new = of_path.and_then(|intent| intent.value.as_ref());
        new.is_some_and(|new| {
            old.value_at(path).is_none_or(|was| {
                was.is_object() != new.is_object() || was.is_array() != new.is_array()
            })
        })
    };
    let is_of_set_item = |list: &Path, now: &Path| {
        let is_item = |intent: &Intent| {
            let (path, value) = (&intent.path, &intent.value);
            path.len() == list.len() + 1
                && path.starts_with(list)
                && value.is_some()
                && now.starts_with(path)
        };
        !old.paths.contains(now) && intents.iter().any(is_item)
    };
    let is_of_alias = |path: &Path| {
        old.aliases
            .iter()
            .any(|alias| touched.contains(alias) && path.starts_with(alias))
    };
    let mut next = 0;
    for comment in &old.comments {
        let found = new.comments[next..]
            .iter()
            .position(|candidate| candidate.text == comment.text);
        let Some(found) = found else {
            let is_inside = matches!(&comment.owner, Owner::End(path) | Owner::Items(path) if is_other_kind(path));
            if !is_inside && !comment.owner.path().is_some_and(removed) {
                faults.push(format!("lost {:?} of {:?}", comment.text, comment.owner));
            }
            continue;
        };
        next += found + 1;
        let now = &new.comments[next - 1];
        let is_same = match (&comment.owner, &now.owner) {
            // The node is gone, or what it was is.
            (owner, _) if owner.path().is_some_and(removed) => true,
            // The collection that ends here has become another one.
            (Owner::End(path) | Owner::Items(path) | Owner::Line(path), now)
                if is_other_kind(path) && now.path().is_some_and(|now| now.starts_with(path)) =>
            {
                true
            }
            // Nothing else was in the brackets.
            (Owner::Flow(path, false), now) => now.path().is_some_and(|now| now.starts_with(path)),
            (Owner::Flow(path, true), Owner::Flow(now, _)) => path == now,
            // What is added below comments at the end of a map leaves them to the entry above if nobody can take them for a
            // remark about it.
            (Owner::Items(path) | Owner::End(path), Owner::Before(Some(added))) => {
                path.starts_with(&added[..added.len() - 1])
                    && !old.paths.contains(added)
                    && is_of_no_entry_below(&new.text[now.at..])
            }
            // The last item of a list was set to another one, which ends with a list.
            (Owner::End(path), Owner::Items(now)) if is_of_set_item(path, now) => true,
            (Owner::Items(path), Owner::Items(now)) => {
                path[..path.len() - 1] == now[..now.len() - 1]
            }
            (Owner::Items(list), Owner::End(map)) | (Owner::End(map), Owner::Items(list)) => {
                list[..list.len() - 1] == map[..]
            }
            // The item has a value now.
            (Owner::Dash, Owner::Line(_)) => true,
            // At the end of the text nothing follows, before and after.
            (Owner::Before(None), Owner::Items(added)) => !old.paths.contains(added),
            (Owner::Before(None), Owner::Before(Some(added))) => {
                !old.paths.contains(added) && is_of_no_entry_below(&new.text[now.at..])
            }
            // The entries of an item start on the line below its dash if a comment follows the dash.
            (Owner::Before(Some(item)), Owner::Before(Some(added))) if item != added => {
                !old.paths.contains(added)
                    && added.len() == item.len() + 1
                    && added.starts_with(item)
                    && starts_with_a_dash_alone(&new.text[now.at..])
            }
            (was, now) => was == now,
        };
        if !is_same {
            let line = new.text[..now.at].matches('\n').count() + 1;
            faults.push(format!(
                "line {line}: {:?} was of {:?}, and is of {:?}",
                comment.text, comment.owner, now.owner
            ));
        }
    }
    if new.comments.len() > old.comments.len()
        && !new
            .comments
            .iter()
            .any(|comment| comment.owner.path().is_some_and(is_of_alias))
    {
        faults.push("there are more comments than before".to_owned());
    }
}

/// Whether the comment lines that begin here have a blank line below them, or are what was commented out.
fn is_of_no_entry_below(text: &str) -> bool {
    let lines = text.lines().map(str::trim);
    let comments = lines.clone().take_while(|line| line.starts_with('#'));
    let below = lines.clone().nth(comments.clone().count());
    let is_yaml = |comment: &str| {
        let text = comment.trim_start_matches('#').trim();
        let key = text.split([' ', '"']).next().unwrap_or_default();
        text == "-" || text.starts_with("- ") || key.ends_with(':')
    };
    below.is_none_or(str::is_empty) || comments.into_iter().any(is_yaml)
}

/// The dashes that begin a line, without the anchor and the tag behind them.
fn without_properties(line: &str) -> &str {
    let mut rest = line.trim_end();
    while let Some((before, word)) = rest.rsplit_once([' ', '\t'])
        && word.starts_with(['&', '!'])
    {
        rest = before.trim_end();
    }
    rest
}

/// Whether the comments that begin here are followed by the dash of an item that has its value on the lines below.
fn starts_with_a_dash_alone(text: &str) -> bool {
    let lines = text.lines().map(str::trim);
    let mut others = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = others.next().unwrap_or_default();
    let before_comment = line
        .split([' ', '\t'])
        .take_while(|word| !word.starts_with('#'));
    let before_comment = before_comment.collect::<Vec<_>>().join(" ");
    without_properties(&before_comment) == "-"
}

/// The bytes of a scalar.
fn raw<'t>(reading: &Reading<'t>, path: &Path) -> Option<&'t str> {
    let mut tokens = reading.tokens.iter();
    let token = tokens.find(|token| token.what != What::Key && token.path == *path)?;
    reading.text.get(token.range.clone())
}

/// Does to JSON what an edit is to do. Maps that a removal empties may go too.
fn apply(documents: &mut [Value], intent: &Intent, after: &[Value]) {
    let Some((first, path)) = intent.path.split_first() else {
        return;
    };
    let Some(index) = first
        .parse::<usize>()
        .ok()
        .filter(|index| *index < documents.len())
    else {
        return;
    };
    let after = after.get(index).unwrap_or(&Value::Null);
    match &intent.value {
        Some(value) => set(&mut documents[index], path, value),
        None => remove(&mut documents[index], path, after),
    }
}

fn set(place: &mut Value, path: &[Rc<str>], value: &Value) {
    let Some((step, rest)) = path.split_first() else {
        *place = value.clone();
        return;
    };
    if place.is_null() {
        *place = if **step == *"-" {
            Value::Array(Vec::new())
        } else {
            Value::Object(Map::new())
        };
    }
    match place {
        Value::Array(items) => {
            let index = step.parse().unwrap_or(items.len());
            if index >= items.len() {
                items.push(Value::Null);
            }
            let last = items.len() - 1;
            set(&mut items[index.min(last)], rest, value);
        }
        Value::Object(entries) => set(entries.entry(&**step).or_insert(Value::Null), rest, value),
        _ => {}
    }
}

fn remove(place: &mut Value, path: &[Rc<str>], after: &Value) {
    let Some((step, rest)) = path.split_first() else {
        return;
    };
    match place {
        Value::Array(items) => {
            let Some(index) = step
                .parse::<usize>()
                .ok()
                .filter(|index| *index < items.len())
            else {
                return;
            };
            match rest {
                [] => _ = items.remove(index),
                rest => remove(
                    &mut items[index],
                    rest,
                    after.get(index).unwrap_or(&Value::Null),
                ),
            }
        }
        Value::Object(entries) => {
            let now = after.get(&**step);
            if !rest.is_empty()
                && let Some(below) = entries.get_mut(&**step)
            {
                remove(below, rest, now.unwrap_or(&Value::Null));
            }
            let emptied = entries
                .get(&**step)
                .and_then(Value::as_object)
                .is_some_and(Map::is_empty);
            if rest.is_empty() || emptied && now.is_none() {
                entries.shift_remove(&**step);
            }
        }
        _ => {}
    }
}

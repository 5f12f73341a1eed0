//! New values as text: in block style, line by line, or in brackets.

use super::super::scalar::{is_unprintable, needs_quote, write_double};
use super::super::tree::Kind;
use super::super::{Node, NodeId, Stream};
use super::brackets::Brackets;
use super::new::{Name, New};
use super::style::Style;

/// Writes values in the style of one document.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) stream: &'a Stream,
    pub(super) style: Style,
}

/// Writes values inside brackets.
#[derive(Clone, Copy)]
pub(super) struct FlowWriter<'a> {
    pub(super) stream: &'a Stream,
    pub(super) brackets: Brackets<'a>,
    pub(super) style: Style,
}

/// Can the value follow its key on one line, outside brackets?
pub(super) fn is_inline(value: &New<'_>) -> bool {
    match value {
        New::Map(entries) => entries.is_empty(),
        New::Sequence(items) => items.is_empty(),
        _ => true,
    }
}

/// Where a scalar is written, which decides how it may look.
#[derive(Clone, Copy)]
struct Context {
    flow: bool,
    /// The quotes of strings that need none.
    quotes: Kind,
}

/// A string, quoted where it has to be.
fn text(text: &str, quoted: bool, context: Context, out: &mut String) {
    let flow_end = context.flow && text.contains([',', '[', ']', '{', '}']);
    if quoted || context.quotes == Kind::Double {
        write_double(text, out);
    } else if context.quotes == Kind::Single && !text.chars().any(is_unprintable) {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else if needs_quote(text) || flow_end {
        write_double(text, out);
    } else {
        out.push_str(text);
    }
}

/// Writes a scalar of the source again. One that was spread over lines becomes one line.
fn copy(node: Node<'_>, context: Context, out: &mut String) {
    if let Some(tag) = node.tag() {
        out.push_str(tag);
        out.push(' ');
    }
    let raw = node.raw();
    let one_line = !raw.contains(['\n', '\r']);
    let flow_end =
        context.flow && node.kind() == Kind::Plain && raw.contains([',', '[', ']', '{', '}']);
    match node.kind() {
        Kind::Empty if node.tag().is_some() => out.push_str("\"\""),
        Kind::Empty => out.push_str("null"),
        Kind::Plain if context.quotes == Kind::Double && node.str().is_some() => {
            write_double(raw, out);
        }
        Kind::Plain | Kind::Single | Kind::Double if one_line && !flow_end => out.push_str(raw),
        _ => write_double(&node.text().unwrap_or_default(), out),
    }
}

/// Writes a scalar, or a collection without entries.
fn scalar(stream: &Stream, value: &New<'_>, context: Context, out: &mut String) {
    match value {
        New::Null => out.push_str("null"),
        New::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        New::Number(number) => out.push_str(number),
        New::Text { text: it, quoted } => text(it, *quoted, context, out),
        New::Copy(id) => copy(stream.node(NodeId(*id)), context, out),
        New::Map(_) => out.push_str("{}"),
        New::Sequence(_) => out.push_str("[]"),
    }
}

fn name(stream: &Stream, name: &Name<'_>, context: Context, out: &mut String) {
    match name {
        Name::Text(it) => text(it, false, context, out),
        Name::Copy(id) => copy(stream.node(NodeId(*id)), context, out),
    }
}

/// The quotes that a string keeps when it takes the place of a scalar; plain otherwise.
fn quotes_like(kind: Kind) -> Kind {
    match kind {
        Kind::Single | Kind::Double => kind,
        _ => Kind::Plain,
    }
}

impl FlowWriter<'_> {
    /// Writes a value that starts on a line with the indentation `lines`, with lines of its own for
    /// its entries; or on one line. `like` is the scalar whose place it takes.
    pub(super) fn value(&self, value: &New<'_>, like: Kind, lines: Option<&str>, out: &mut String) {
        match (value, lines) {
            _ if is_inline(value) => {
                let quotes = match quotes_like(like) {
                    Kind::Plain => self.brackets.quotes,
                    quotes => quotes,
                };
                scalar(self.stream, value, Context { flow: true, quotes }, out);
            }
            (New::Map(entries), _) => {
                self.in_brackets(['{', '}'], entries, lines, out, |(name, value), at, out| {
                    self.entry(name, value, at, out);
                });
            }
            // `[{`: as kubectl writes lists of objects in KYAML.
            (New::Sequence(items), Some(_))
                if !self.brackets.quoted_keys && !items.iter().any(is_inline) =>
            {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    self.value(item, Kind::Plain, lines, out);
                }
                out.push(']');
            }
            (New::Sequence(items), _) => {
                self.in_brackets(['[', ']'], items, lines, out, |item, at, out| {
                    self.value(item, Kind::Plain, at, out);
                });
            }
            _ => {}
        }
    }

    /// Writes `key: value`.
    pub(super) fn entry(
        &self,
        key: &Name<'_>,
        value: &New<'_>,
        lines: Option<&str>,
        out: &mut String,
    ) {
        let quotes = match self.brackets.quoted_keys {
            true => Kind::Double,
            false => Kind::Plain,
        };
        name(self.stream, key, Context { flow: true, quotes }, out);
        out.push(':');
        // Without quotes `a:1` is no entry.
        if !(self.brackets.compact && out.ends_with("\":")) {
            out.push(' ');
        }
        self.value(value, Kind::Plain, lines, out);
    }

    /// What is between two entries on one line.
    pub(super) fn comma(&self) -> &'static str {
        if self.brackets.compact { "," } else { ", " }
    }

    /// What lines inside brackets are indented by, more than the line with the bracket.
    pub(super) fn indent_more(&self, lines: &str) -> String {
        match self.brackets.unit {
            Some(unit) => format!("{lines}{unit}"),
            None => format!("{lines}{:1$}", "", self.style.step),
        }
    }

    fn in_brackets<T>(
        &self,
        [open, close]: [char; 2],
        items: &[T],
        lines: Option<&str>,
        out: &mut String,
        write: impl Fn(&T, Option<&str>, &mut String),
    ) {
        out.push(open);
        if let Some(lines) = lines {
            let inner = self.indent_more(lines);
            for (i, item) in items.iter().enumerate() {
                out.push_str(self.style.eol);
                out.push_str(&inner);
                write(item, Some(&inner), out);
                if i + 1 < items.len() || self.brackets.trailing {
                    out.push(',');
                }
            }
            out.push_str(self.style.eol);
            out.push_str(lines);
        } else {
            let pad = if self.brackets.padded { " " } else { "" };
            out.push_str(pad);
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { self.comma() } else { "" });
                write(item, None, out);
            }
            out.push_str(pad);
        }
        out.push(close);
    }
}

const BLOCK: Context = Context {
    flow: false,
    quotes: Kind::Plain,
};

/// Lines of a block collection, in the style of their document.
pub struct Lines<'o> {
    /// The column of its entries.
    pub column: usize,
    /// How many columns a map is indented by below its key.
    pub step: usize,
    /// How many columns a sequence is indented by below its key.
    pub sequence: usize,
    pub(super) eol: &'static str,
    pub(super) out: String,
    /// Takes the lines, when they are many and at the end.
    pub(super) sink: &'o mut dyn FnMut(&str),
}

impl<'o> Lines<'o> {
    /// Lines in the usual style.
    pub fn new(sink: &'o mut dyn FnMut(&str)) -> Lines<'o> {
        Lines {
            column: 0,
            step: 2,
            sequence: 0,
            eol: "\n",
            out: String::new(),
            sink,
        }
    }

    /// Passes on the last lines.
    pub fn finish(self) {
        (self.sink)(&self.out);
    }

    /// Begins the next line, at a column.
    pub fn begin(&mut self, column: usize) {
        const MANY: usize = 1 << 15;
        if self.out.len() > MANY {
            (self.sink)(&self.out);
            self.out.clear();
        }
        self.out.push_str(self.eol);
        indent(column, &mut self.out);
    }

    /// Writes what needs no quotes, on one line.
    pub fn plain(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Writes a string, quoted where it has to be.
    pub fn string(&mut self, string: &str) {
        text(string, false, BLOCK, &mut self.out);
    }

    /// Writes a value behind a key and its colon; `column` is that of the key.
    pub fn value(&mut self, column: usize, value: &serde_json::Value) {
        use serde_json::Value as Json;
        match value {
            Json::Array(items) if !items.is_empty() => {
                for item in items {
                    self.begin(column + self.sequence);
                    self.plain("-");
                    self.item(column + self.sequence + 2, item);
                }
            }
            Json::Object(entries) if !entries.is_empty() => {
                self.begin(column + self.step);
                self.entries(column + self.step, entries);
            }
            Json::String(text) => {
                self.plain(" ");
                self.string(text);
            }
            // Null, booleans, numbers, `[]` and `{}` are written as in JSON.
            other => {
                self.plain(" ");
                self.plain(&other.to_string());
            }
        }
    }

    /// Writes a value behind a dash; what is in it begins at a column.
    fn item(&mut self, column: usize, value: &serde_json::Value) {
        use serde_json::Value as Json;
        match value {
            Json::Array(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    match at {
                        0 => self.plain(" -"),
                        _ => {
                            self.begin(column);
                            self.plain("-");
                        }
                    }
                    self.item(column + 2, item);
                }
            }
            Json::Object(entries) if !entries.is_empty() => {
                self.plain(" ");
                self.entries(column, entries);
            }
            other => self.value(column, other),
        }
    }

    /// Writes entries, the first one where the line is.
    fn entries(&mut self, column: usize, entries: &serde_json::Map<String, serde_json::Value>) {
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 {
                self.begin(column);
            }
            self.string(key);
            self.plain(":");
            self.value(column, value);
        }
    }
}

impl Writer<'_> {
    /// Writes a scalar, or a collection without entries, outside brackets, with the quotes of the
    /// scalar whose place it takes.
    pub(super) fn scalar(&self, value: &New<'_>, like: Kind, out: &mut String) {
        let quotes = quotes_like(like);
        scalar(self.stream, value, Context { quotes, ..BLOCK }, out);
    }

    /// Writes a collection in lines of its own, at `column`. The indentation of the first line
    /// and the end of the last one are left to the caller.
    pub(super) fn block(&self, value: &New<'_>, column: usize, out: &mut String) {
        match value {
            New::Map(entries) if !entries.is_empty() => self.entries(entries, column, out),
            New::Sequence(items) if !items.is_empty() => self.items(items, column, out),
            _ => scalar(self.stream, value, BLOCK, out),
        }
    }

    /// Entries of a block map, as [`Writer::block`].
    pub(super) fn entries(&self, entries: &[(Name<'_>, New<'_>)], column: usize, out: &mut String) {
        for (i, (key, value)) in entries.iter().enumerate() {
            self.line_break(i, column, out);
            name(self.stream, key, BLOCK, out);
            out.push(':');
            let by = if matches!(value, New::Map(_)) {
                self.style.step
            } else {
                self.style.sequence
            };
            self.nested(value, column + by, out);
        }
    }

    /// Items of a block sequence, as [`Writer::block`].
    pub(super) fn items(&self, items: &[New<'_>], column: usize, out: &mut String) {
        for (i, item) in items.iter().enumerate() {
            self.line_break(i, column, out);
            out.push_str("- ");
            self.block(item, column + 2, out);
        }
    }

    fn nested(&self, value: &New<'_>, column: usize, out: &mut String) {
        if is_inline(value) {
            out.push(' ');
        } else {
            self.line_break(1, column, out);
        }
        self.block(value, column, out);
    }

    fn line_break(&self, i: usize, column: usize, out: &mut String) {
        if i > 0 {
            out.push_str(self.style.eol);
            indent(column, out);
        }
    }
}

/// Writes `column` spaces.
pub(super) fn indent(column: usize, out: &mut String) {
    const SPACES: &str = "                                                                ";
    let mut left = column;
    while left > 0 {
        let some = left.min(SPACES.len());
        out.push_str(&SPACES[..some]);
        left -= some;
    }
}

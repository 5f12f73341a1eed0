//! New values as text: in block style, line by line, or in flow style.

use super::super::scalar::{is_unprintable, needs_quote, write_double};
use super::super::tree::Kind;
use super::super::{Node, NodeId, Stream};
use super::new::{Name, New};
use super::style::Style;

/// Writes values in one style.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) stream: &'a Stream,
    pub(super) style: Style,
}

/// Where a scalar is written, which decides how it may look.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// Inside brackets.
    pub(super) flow: bool,
    /// The scalar it takes the place of; strings keep its quotes.
    pub(super) like: Kind,
}

/// A scalar on its own, in block context.
pub(super) const BLOCK: Context = Context {
    flow: false,
    like: Kind::Plain,
};
/// A scalar on its own, in flow context.
pub(super) const FLOW: Context = Context {
    flow: true,
    like: Kind::Plain,
};

impl Writer<'_> {
    /// Can the value follow its key on one line, outside brackets?
    pub(super) fn is_inline(value: &New) -> bool {
        match value {
            New::Map(entries) => entries.is_empty(),
            New::Sequence(items) => items.is_empty(),
            _ => true,
        }
    }

    /// Writes a value on one line.
    pub(super) fn inline(&self, value: &New, context: Context, out: &mut String) {
        match value {
            New::Null => out.push_str("null"),
            New::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            New::Number(text) => out.push_str(text),
            New::Text { text, quoted } => self.text(text, *quoted, context, out),
            New::Copy(id) => self.copy(self.stream.node(NodeId(*id)), context, out),
            New::Map(entries) => {
                out.push('{');
                for (i, (name, value)) in entries.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    self.entry(name, value, out);
                }
                out.push('}');
            }
            New::Sequence(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    self.inline(item, FLOW, out);
                }
                out.push(']');
            }
        }
    }

    /// Writes an entry of a flow map.
    pub(super) fn entry(&self, name: &Name, value: &New, out: &mut String) {
        self.name(name, FLOW, out);
        out.push_str(": ");
        self.inline(value, FLOW, out);
    }

    fn name(&self, name: &Name, context: Context, out: &mut String) {
        match name {
            Name::Text(text) => self.text(text, false, context, out),
            Name::Copy(id) => self.copy(self.stream.node(NodeId(*id)), context, out),
        }
    }

    fn text(&self, text: &str, quoted: bool, context: Context, out: &mut String) {
        let flow_end = context.flow && text.contains([',', '[', ']', '{', '}']);
        if quoted || self.style.json || context.like == Kind::Double {
            write_double(text, out);
        } else if context.like == Kind::Single && !text.chars().any(is_unprintable) {
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
    fn copy(&self, node: Node<'_>, context: Context, out: &mut String) {
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
            Kind::Plain if self.style.json && node.str().is_some() => write_double(raw, out),
            Kind::Plain | Kind::Single | Kind::Double if one_line && !flow_end => out.push_str(raw),
            _ => write_double(&node.text().unwrap_or_default(), out),
        }
    }

    /// Writes a collection in lines of its own, at `column`. The indentation of the first line
    /// and the end of the last one are left to the caller.
    pub(super) fn block(&self, value: &New, column: usize, out: &mut String) {
        match value {
            _ if Self::is_inline(value) => self.inline(value, BLOCK, out),
            New::Map(entries) => self.entries(entries, column, out),
            New::Sequence(items) => self.items(items, column, out),
            _ => self.inline(value, BLOCK, out),
        }
    }

    /// Entries of a block map, as [`Writer::block`].
    pub(super) fn entries(&self, entries: &[(Name, New)], column: usize, out: &mut String) {
        for (i, (name, value)) in entries.iter().enumerate() {
            self.line_break(i, column, out);
            self.name(name, BLOCK, out);
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
    pub(super) fn items(&self, items: &[New], column: usize, out: &mut String) {
        for (i, item) in items.iter().enumerate() {
            self.line_break(i, column, out);
            out.push_str("- ");
            if Self::is_inline(item) {
                self.inline(item, BLOCK, out);
            } else {
                self.block(item, column + 2, out);
            }
        }
    }

    fn nested(&self, value: &New, column: usize, out: &mut String) {
        if Self::is_inline(value) {
            out.push(' ');
            self.inline(value, BLOCK, out);
        } else {
            self.line_break(1, column, out);
            self.block(value, column, out);
        }
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
    const BLANKS: &str = "                                ";
    let mut left = column;
    while left > 0 {
        let now = left.min(BLANKS.len());
        out.push_str(&BLANKS[..now]);
        left -= now;
    }
}

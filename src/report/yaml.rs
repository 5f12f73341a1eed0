//! The report as YAML: the same data as its JSON.

use std::fmt::Write as _;

use serde_json::Value;

use super::Document;
use crate::text::quoted;

pub(super) fn yaml(document: &Document<'_>) -> String {
    // Cannot fail: strings, numbers and maps with string keys.
    let value = serde_json::to_value(document.reports()).unwrap_or_default();
    let mut text = String::new();
    add(&value, 0, &mut text);
    text
}

/// Writes a collection, one entry on each line.
fn add(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(entries) => {
            for (at, (key, value)) in entries.iter().enumerate() {
                // The first key of an item is on the line of its dash.
                if at > 0 || text.is_empty() || text.ends_with('\n') {
                    let _ = write!(text, "{:indent$}", "");
                }
                *text += &scalar(key);
                text.push(':');
                let indent = indent + if value.is_array() { 0 } else { 2 };
                add_value(value, indent, "\n", text);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 || text.is_empty() || text.ends_with('\n') {
                    let _ = write!(text, "{:indent$}", "");
                }
                text.push('-');
                add_value(item, indent + 2, " ", text);
            }
        }
        scalar => *text += &format!("{scalar}\n"),
    }
}

/// Writes a value behind its key or dash.
fn add_value(value: &Value, indent: usize, before: &str, text: &mut String) {
    match value {
        Value::Object(entries) if entries.is_empty() => *text += " {}\n",
        Value::Array(items) if items.is_empty() => *text += " []\n",
        Value::Object(_) | Value::Array(_) => {
            *text += before;
            add(value, indent, text);
        }
        Value::String(it) => *text += &format!(" {}\n", scalar(it)),
        other => *text += &format!(" {other}\n"),
    }
}

/// A string: as it is if it is a word or a path, in single quotes if it is plain text, otherwise in double quotes.
fn scalar(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_./[]".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let others = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if begins && text.chars().all(is_word) && !others.contains(&&*text.to_lowercase()) {
        return text.to_owned();
    }
    let is_text = |c: char| matches!(c, ' '..='~');
    match text.chars().all(is_text) && !text.contains('#') {
        true => format!("'{}'", text.replace('\'', "''")),
        false => quoted(text),
    }
}

//! Comparisons as Markdown.

use std::fmt::Write as _;

use super::super::{name_of, plural};
use super::Comparison;
use crate::rules::CMP001;
use crate::text::escaped;

/// Text in Markdown: every character with a meaning there is an entity, so that nothing is markup, a link or a mention.
fn markdown(text: &str) -> String {
    let text = escaped(text);
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_punctuation() && !"-.,;:/()=\"'".contains(c) => {
                let _ = write!(safe, "&#{};", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    // A sequence such as `https://` or `www.` would be a link.
    safe.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// Text as code in Markdown.
fn code(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -._:/,()=\"[]{}+%".contains(c);
    let text = escaped(text);
    match text.trim() == text && !text.is_empty() && text.chars().all(is_plain) {
        true => format!("`{text}`"),
        false => format!("<code>{}</code>", markdown(&text)),
    }
}

impl Comparison {
    /// The comparison as Markdown: the inversions, and a folded table for each object.
    pub fn to_markdown(&self, all: bool) -> String {
        let mut page = format!(
            "<!-- fitout compare -->\n### fitout compare\n\n{}\n",
            markdown(&self.totals())
        );
        for inversion in self.inversions() {
            let first = code(&name_of(&inversion.rows[0].resource_ref));
            let others = match inversion.rows.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            let _ = write!(
                page,
                "\n- :warning: **{}[{}]**: {first}{others}, {}",
                inversion.severity.as_str(),
                CMP001.id,
                markdown(&inversion.sentence)
            );
            for (name, decided) in &inversion.decided {
                let _ = write!(page, "\n  - {}: {}", markdown(name), code(decided));
            }
        }
        page += if self.summary.inversions > 0 {
            "\n\n"
        } else {
            "\n"
        };
        let names = self
            .environments
            .iter()
            .map(|it| format!(" {} |", markdown(&it.name)));
        let head = format!(
            "| | field |{}\n|---|---|{}\n",
            names.collect::<String>(),
            "---|".repeat(self.environments.len())
        );
        for (rows, others) in self.grouped(all) {
            let first = rows[0];
            let file = first.file.as_ref().map_or("", |file| &file.path);
            let _ = write!(
                page,
                "<details><summary>{} {}{}: {}</summary>\n\n{head}",
                [
                    "<code>",
                    &markdown(&name_of(&first.resource_ref)),
                    "</code>"
                ]
                .concat(),
                markdown(file),
                match others {
                    0 => String::new(),
                    others => format!(" and {}", plural(others, "other object", "other objects")),
                },
                plural(rows.len(), "field", "fields"),
            );
            for row in rows {
                let _ = write!(page, "| {} | {} |", markdown(&row.label), code(&row.field));
                for (at, cell) in row.values.iter().enumerate() {
                    let mark = if cell.below.is_some() {
                        " :warning:"
                    } else {
                        ""
                    };
                    let _ = write!(page, " {}{mark} |", code(&row.shown(at)));
                }
                page.push('\n');
            }
            page += "\n</details>\n\n";
        }
        page.truncate(page.trim_end().len());
        page + "\n"
    }
}

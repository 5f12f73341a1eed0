//! The plan as text: a diff with the reason of each changed line.

use similar::ChangeTag;

use super::{Line, Row, Run, totals};
use crate::text::{Text, source};

/// Escape sequences for colors.
#[derive(Clone, Copy, Debug)]
struct Paint {
    added: &'static str,
    removed: &'static str,
    reason: &'static str,
    bold: &'static str,
    off: &'static str,
}

const PLAIN: Paint = Paint {
    added: "",
    removed: "",
    reason: "",
    bold: "",
    off: "",
};
const COLORED: Paint = Paint {
    added: "\x1b[32m",
    removed: "\x1b[31m",
    reason: "\x1b[36m",
    bold: "\x1b[1m",
    off: "\x1b[0m",
};

/// The changed lines of each text with their reasons, and the totals.
pub(super) fn plan(run: &Run<'_>, color: bool, text: &mut Text) {
    let paint = if color { COLORED } else { PLAIN };
    for file in &run.texts {
        for object in &file.objects {
            text.painted(paint.bold, format_args!("{:<60}", object.name), paint.off);
            text.line(object.template.as_ref().unwrap_or(&file.path));
            for (index, hunk) in object.hunks.iter().enumerate() {
                if index > 0 {
                    text.line("       ⋮");
                }
                hunk.iter().for_each(|row| match row {
                    Row::Line(line) => {
                        // The lines of a rendering are those of no file.
                        let number = object.template.is_none().then_some(line.number);
                        draw_line(line, number, paint, text);
                    }
                    Row::Reason(reason) => {
                        let line = format_args!("         ╰─ {reason}");
                        text.painted(paint.reason, line, paint.off);
                        text.end();
                    }
                });
            }
            text.end();
        }
    }
    text.painted(paint.bold, "Plan", paint.off);
    text.line(format_args!("  {}", totals(&run.report)));
}

fn draw_line(line: &Line, number: Option<usize>, paint: Paint, text: &mut Text) {
    let (color, off) = match line.tag {
        ChangeTag::Equal => ("", ""),
        ChangeTag::Delete => (paint.removed, paint.off),
        ChangeTag::Insert => (paint.added, paint.off),
    };
    let number = number.map(|it| it.to_string()).unwrap_or_default();
    let (sign, shown) = (line.sign(), source(&line.text));
    text.painted(color, format_args!("{number:>6} {sign} │ {shown}"), off);
    text.end();
}

//! Reports as one HTML page, which loads nothing: for `-o html`.
//!
//! The page can be read without JavaScript; the script only filters. Everything that is written into a template is escaped
//! by [`Escaped`], and the Content-Security-Policy allows no style and no script but those of this module.

mod comparison;

use std::borrow::Cow;
use std::fmt::{self, Write};

use askama::Template;
use askama::filters::Escaper;

use super::{
    Command, ConfigPlace, Document, EntryType, Group, Row, Run, accounts, effects, groups,
    in_words, subject_of, totals, unexamined,
};
use crate::compressed;
use crate::text::{self, Text, source};

static STYLE: compressed::Text =
    compressed::Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/style.css")));
static SCRIPT: compressed::Text =
    compressed::Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/script.js")));
/// Names the hashes of [`STYLE`] and [`SCRIPT`]; a test compares them.
const CSP: &str = include_str!("html/csp.txt");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Escapes text for HTML, and characters that a browser obeys or does not show as [`text::escaped`] does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped;

impl Escaper for Escaped {
    fn write_escaped_str<W: Write>(&self, mut to: W, string: &str) -> fmt::Result {
        for c in text::escaped(string).chars() {
            match c {
                '&' => to.write_str("&amp;")?,
                '<' => to.write_str("&lt;")?,
                '>' => to.write_str("&gt;")?,
                '"' => to.write_str("&#34;")?,
                '\'' => to.write_str("&#39;")?,
                c => to.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A count above the page.
struct Tile {
    count: usize,
    name: &'static str,
    class: &'static str,
}

/// The page of a plan or a check, with a part for each run.
#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage<'d> {
    title: String,
    command: &'static str,
    all_levels: &'static str,
    lead: Vec<String>,
    tiles: Vec<Tile>,
    runs: Vec<RunPart<'d>>,
}

struct RunPart<'d> {
    environment: &'d str,
    totals: String,
    tiles: Vec<Tile>,
    /// Errors and warnings, and below the changes the rest.
    findings: [Findings<'d>; 2],
    objects: Vec<ObjectCard<'d>>,
    /// The exemptions and the ledger, by line.
    accounts: Vec<String>,
    ledger: String,
}

struct Findings<'d> {
    title: &'static str,
    cards: Vec<FindingCard<'d>>,
}

struct FindingCard<'d> {
    level: &'static str,
    rule: &'static str,
    sentence: Vec<Piece>,
    /// The object of findings that are shown as one.
    about: String,
    places: Vec<FindingPlace<'d>>,
    /// The places that are shown at once.
    shown: usize,
    config: String,
    reason: String,
    help: Vec<Piece>,
    lines: Vec<String>,
}

struct FindingPlace<'d> {
    object: String,
    place: String,
    subject: String,
    details: Cow<'d, str>,
}

struct ObjectCard<'d> {
    name: &'d str,
    path: &'d str,
    hunks: Vec<Vec<Block<'d>>>,
}

/// A part of a text, with the code in it apart.
struct Piece {
    text: String,
    is_code: bool,
}

/// The parts of a text; code is between backticks.
fn pieces(text: &str) -> Vec<Piece> {
    if text.is_empty() {
        return Vec::new();
    }
    let parts: Vec<&str> = text.split('`').collect();
    let is_marked = parts.len() % 2 == 1;
    let pieces = parts.iter().enumerate().map(|(at, part)| Piece {
        text: (*part).to_owned(),
        is_code: at % 2 == 1,
    });
    match is_marked {
        true => pieces.collect(),
        false => vec![Piece {
            text: text.to_owned(),
            is_code: false,
        }],
    }
}

/// Lines with one reason, or unchanged lines.
#[derive(Default)]
struct Block<'d> {
    lines: Vec<DiffLine<'d>>,
    reason: Option<WhyLine>,
}

struct DiffLine<'d> {
    sign: char,
    number: usize,
    text: Cow<'d, str>,
}

struct WhyLine {
    section: &'static str,
    place: String,
    text: Vec<Piece>,
}

/// The page of a plan, an apply or a check.
pub(super) fn html(document: &Document<'_>) -> String {
    let command = in_words(document.command);
    let what = match document.command {
        Command::Plan => "Plan for",
        Command::Apply => "Changes for",
        Command::Check => "Check for",
        Command::Compare => "Comparison of",
    };
    let groups: Vec<_> = document
        .runs
        .iter()
        .map(|run| groups(&run.report, |entry| entry.entry_type != EntryType::Change))
        .collect();
    let runs = document.runs.iter().zip(&groups);
    let mut runs: Vec<RunPart<'_>> = runs.map(|(run, groups)| RunPart::of(run, groups)).collect();
    let mut environments: Vec<&str> = runs.iter().map(|run| run.environment).collect();
    environments.dedup();
    let title = match environments.join(", ") {
        // The config could not be read.
        names if names.is_empty() => format!("{command} failed"),
        names => format!("{what} {names}"),
    };
    let (mut lead, mut tiles) = (Vec::new(), Vec::new());
    if let [only] = runs.as_mut_slice() {
        lead.push(std::mem::take(&mut only.totals));
        let report = &document.runs[0].report;
        lead.push(
            effects(report, false)
                .as_str()
                .trim_end()
                .replacen("  ", ": ", 1),
        );
        lead.push(unexamined(report));
        lead.retain(|line| !line.is_empty());
        tiles = std::mem::take(&mut only.tiles);
    }
    drawn(&RunsPage {
        title,
        command,
        all_levels: "All severities",
        lead,
        tiles,
        runs,
    })
}

fn lines_of(text: &Text) -> Vec<String> {
    text.as_str().lines().map(str::to_owned).collect()
}

impl<'d> RunPart<'d> {
    fn of(run: &'d Run<'_>, groups: &'d [Group<'d>]) -> RunPart<'d> {
        let (report, counts) = (&run.report, &run.report.summary);
        let tile = |count, name, class| Tile { count, name, class };
        let mut tiles = vec![
            tile(counts.errors, "errors", "error"),
            tile(counts.warnings, "warnings", "warning"),
            tile(counts.notes, "notes", ""),
            tile(counts.waived, "waived", ""),
        ];
        if !report.validate_only {
            let changes = [
                tile(counts.added, "added", ""),
                tile(counts.changed, "changed", ""),
                tile(counts.removed, "removed", ""),
                tile(counts.same, "right already", ""),
            ];
            tiles.splice(0..0, changes);
        }
        let objects = run.texts.iter().flat_map(|text| {
            let objects = text.objects.iter();
            objects.map(|object| ObjectCard {
                name: &object.name,
                path: &text.path,
                hunks: object.hunks.iter().map(|rows| blocks(rows)).collect(),
            })
        });
        let is_severe = |card: &FindingCard<'_>| ["error", "warning"].contains(&card.level);
        let cards = |severe: bool| {
            let cards = groups.iter().map(FindingCard::of);
            cards.filter(|card| is_severe(card) == severe).collect()
        };
        // The tiles have the counts.
        let (totals, end) = (
            totals(report),
            if report.validate_only { "; " } else { ": " },
        );
        let accounts = lines_of(&accounts(report, true));
        let ledger = accounts
            .iter()
            .find_map(|line| line.strip_prefix("Ledger  "));
        RunPart {
            environment: &report.environment,
            totals: totals.split(end).next().unwrap_or_default().to_owned(),
            tiles,
            findings: [
                Findings {
                    title: "Findings",
                    cards: cards(true),
                },
                Findings {
                    title: "Notes",
                    cards: cards(false),
                },
            ],
            objects: objects.collect(),
            ledger: ledger.unwrap_or_default().to_owned(),
            accounts,
        }
    }
}

impl<'d> FindingCard<'d> {
    fn of(group: &'d Group<'_>) -> FindingCard<'d> {
        let first = group.first();
        let places = group.entries.iter().map(|(_, entry)| FindingPlace {
            object: entry.object_name().unwrap_or_else(|| "config".to_owned()),
            place: entry.place().unwrap_or_default(),
            subject: match entry.is_folded() {
                true => entry.message.clone(),
                false => subject_of(entry),
            },
            details: match group.details(entry) {
                details if !details.is_empty() => Cow::Owned(details),
                _ if entry.is_folded() => Cow::Borrowed(""),
                _ => Cow::Borrowed(entry.field.as_ref().map_or("", |field| &field.path)),
            },
        });
        let is_waived = first.entry_type == EntryType::Waived;
        let lines = group.config_lines().filter(|_| !is_waived);
        let lines = lines.unwrap_or_default();
        FindingCard {
            level: first.level(),
            rule: first.rule,
            sentence: pieces(&group.sentence),
            about: match first.is_folded() {
                true => first.object_name().unwrap_or_default(),
                false => String::new(),
            },
            shown: match (first.is_folded(), group.entries.len()) {
                (true, _) => 0,
                (false, few) if few <= 4 => few,
                _ => 3,
            },
            places: places.collect(),
            config: group.config().map(ConfigPlace::decided).unwrap_or_default(),
            reason: first.waiver().unwrap_or_default(),
            help: pieces(group.help().unwrap_or_default()),
            lines: lines.lines().map(str::to_owned).collect(),
        }
    }
}

/// The rows of a hunk, by reason.
fn blocks(rows: &[Row]) -> Vec<Block<'_>> {
    let (mut blocks, mut block) = (Vec::new(), Block::default());
    let mut was_changed = false;
    for row in rows {
        match row {
            Row::Line(line) => {
                let sign = line.sign();
                let is_changed = sign != ' ';
                if is_changed != was_changed && !block.lines.is_empty() {
                    blocks.push(std::mem::take(&mut block));
                }
                was_changed = is_changed;
                block.lines.push(DiffLine {
                    sign,
                    number: line.number,
                    text: source(&line.text),
                });
            }
            Row::Reason(reason) => {
                block.reason = Some(WhyLine {
                    section: reason.section,
                    place: reason.place(),
                    text: pieces(&reason.text),
                });
                blocks.push(std::mem::take(&mut block));
            }
        }
    }
    if !block.lines.is_empty() {
        blocks.push(block);
    }
    blocks
}

/// Cannot fail: a text takes everything.
fn drawn(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_only_our_style_and_script() {
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            hash(STYLE.get()),
            hash(SCRIPT.get())
        );
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/html/csp.txt");
            // What is compiled is still the old one.
            return std::fs::write(file, &policy).unwrap();
        }
        assert!(
            CSP == policy,
            "the style or the script has changed; run `make golden`"
        );
    }

    #[test]
    fn everything_is_escaped() {
        let mut written = String::new();
        let hostile = "<a href=\"x\" id='y'>&amp;\u{202e}\u{1b}[2J\n";
        Escaped.write_escaped_str(&mut written, hostile).unwrap();
        assert_eq!(
            written,
            "&lt;a href=&#34;x&#34; id=&#39;y&#39;&gt;&amp;amp;\\u{202e}\\u{1b}[2J\\n"
        );
    }

    #[test]
    fn code_is_between_backticks() {
        let of = |text: &str| -> Vec<(String, bool)> {
            let pieces = pieces(text).into_iter();
            pieces.map(|piece| (piece.text, piece.is_code)).collect()
        };
        let plain = |text: &str| (text.to_owned(), false);
        assert_eq!(
            of("set `a` here"),
            [plain("set "), ("a".to_owned(), true), plain(" here")]
        );
        assert_eq!(of("a ` alone"), [plain("a ` alone")]);
    }
}

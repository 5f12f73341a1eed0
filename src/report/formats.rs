//! The formats of reports, for `-o FORMAT[=FILE]`.
//!
//! A new format is a file here with a function that draws a [`Document`], and a row in [`FORMATS`].

use serde::Serialize;

use super::{
    API_VERSION, Command, Document, Grouped, Needs, accounts, diff, effects, findings, github,
    html, junit, markdown, overview, plan, sarif, summary, totals, yaml,
};
use crate::text::Text;

/// A format of reports.
pub struct Format {
    /// Its name in `-o NAME`.
    pub name: &'static str,
    /// What it draws, with everything from outside escaped.
    pub draw: fn(&Document<'_>) -> String,
    /// What it needs.
    pub needs: Needs,
    /// Whether it is a document, which is alone on standard output.
    pub is_data: bool,
    /// Whether problems that stop the command are reported in it, and not only as text on standard error.
    pub is_for_failures: bool,
    /// Whether it changes files, and so has those of one environment.
    pub is_patch: bool,
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const NOTHING: Needs = Needs {
    objects: false,
    fixes: false,
};
const OBJECTS: Needs = Needs {
    objects: true,
    ..NOTHING
};
const FIXES: Needs = Needs {
    fixes: true,
    ..NOTHING
};

/// All formats, the default first.
pub const FORMATS: &[Format] = &[
    Format::of("text", text, OBJECTS),
    Format {
        is_patch: true,
        ..Format::data("diff", diff, FIXES)
    },
    Format::data("json", json, NOTHING),
    Format::data("yaml", yaml, NOTHING),
    Format::data("sarif", sarif, FIXES),
    Format::data("junit", junit, NOTHING),
    Format {
        is_for_failures: true,
        ..Format::of("github", github, OBJECTS)
    },
    Format::data("markdown", markdown, OBJECTS),
    Format::data("html", html, OBJECTS),
];

impl Format {
    /// A format whose lines can follow those of another report.
    const fn of(name: &'static str, draw: fn(&Document<'_>) -> String, needs: Needs) -> Format {
        Format {
            name,
            draw,
            needs,
            is_data: false,
            is_for_failures: false,
            is_patch: false,
        }
    }

    /// A format of whole documents.
    const fn data(name: &'static str, draw: fn(&Document<'_>) -> String, needs: Needs) -> Format {
        Format {
            is_data: true,
            is_for_failures: true,
            ..Format::of(name, draw, needs)
        }
    }
}

/// For people at a terminal: a diff with reasons for `plan`, the settings by object for `apply`, findings for `check`.
fn text(document: &Document<'_>) -> String {
    let options = &document.options;
    let mut text = Text::default();
    for run in document.runs {
        let report = &run.report;
        if document.has_several_environments() {
            text.line(format_args!("Environment  {}", report.environment));
        }
        match document.command {
            Command::Plan => {
                let is_large = overview::has_many_changes(report) && !options.verbose;
                match is_large {
                    true => {
                        text.append(overview::changes(report));
                        text.line(format_args!("Plan  {}", totals(report)));
                    }
                    false => plan(run, options.color, &mut text),
                }
                text.append(effects(report, options.verbose));
            }
            Command::Apply | Command::Compare => text.append(summary(report, None)),
            Command::Check => {
                text.append(findings(report, options.at_least));
                if options.quiet {
                    continue;
                }
                text.line(format_args!("Check  {}", totals(report)));
            }
        }
        text.append(accounts(report, options.verbose));
    }
    text.as_str().to_owned()
}

/// The reports as data: one, or a list.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Reports<'r> {
    One(Grouped<'r>),
    #[serde(rename_all = "camelCase")]
    List {
        api_version: &'static str,
        kind: &'static str,
        items: Vec<Grouped<'r>>,
    },
}

impl Document<'_> {
    pub(super) fn reports(&self) -> Reports<'_> {
        let mut items: Vec<Grouped<'_>> = self.runs.iter().map(|it| it.report.grouped()).collect();
        match (items.len(), items.pop()) {
            (1, Some(only)) => Reports::One(only),
            (_, last) => Reports::List {
                api_version: API_VERSION,
                kind: super::LIST,
                items: items.into_iter().chain(last).collect(),
            },
        }
    }
}

/// The report as JSON.
pub(super) fn json(document: &Document<'_>) -> String {
    crate::text::json(&document.reports())
}

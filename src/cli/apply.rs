//! `fitout apply`: prints the changed manifests, or edits their files.

use clap::Args;
use fitout::config::{Config, FailOn};
use fitout::edit::Change;
use fitout::problem::Problems;
use fitout::read::Resource;
use fitout::report::Fitted;
use fitout::report::{self, DetailLevel, Report};
use fitout::text::Text;
use fitout::write;
use fitout::yaml::join;
use rayon::prelude::*;

use super::config_text::ConfigText;
use super::files::{Choice, Reader, is_stream};
use super::in_place::{self, Edit};
use super::inputs::{Manifest, Manifests, config_of, failure, shown};
use super::output::{self, Form, Format, Output};
use super::{FINDINGS, Failure, SUCCESS, Source, UNREADABLE, Verbosity, WRONG_USE, kustomize};

/// Print the changed manifests, or edit the files in place.
#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    source: Source,
    /// Edit the files in place; everything else in them stays byte-identical
    #[arg(short, long, conflicts_with = "kustomization")]
    in_place: bool,
    /// Write a report to a file: json=FILE or text=FILE; repeatable
    #[arg(short, long = "output", value_name = "FORMAT=FILE")]
    output: Vec<Format>,
    #[command(flatten)]
    verbosity: Verbosity,
    /// Print something even if there are no objects, because Helm takes empty output for a failure.
    #[arg(skip)]
    prints_something: bool,
}

impl Apply {
    /// As Helm runs it.
    pub(super) fn to_stdout(source: Source, output: Vec<Format>, verbosity: Verbosity) -> Apply {
        Apply {
            source,
            in_place: false,
            output,
            verbosity,
            prints_something: true,
        }
    }

    pub(super) fn run(&self) -> Result<u8, Failure> {
        if let Some(directory) = &self.source.overlay.kustomization {
            let verbosity = &self.verbosity;
            if !self.output.is_empty()
                || verbosity.fail_on.is_some()
                || verbosity.quiet
                || verbosity.verbose
            {
                return Err(Failure::new(
                    WRONG_USE,
                    "error: `apply -k` does not support -o, -q, -v and --fail-on, because it prints only the build; \
                     use `plan -k`",
                ));
            }
            let chosen = self.source.chosen(verbosity)?;
            return kustomize::apply(&self.source.overlay, directory, chosen.as_ref());
        }
        if let Some(format) = self
            .output
            .iter()
            .find(|format| format.file.is_none() && !self.in_place)
        {
            let name = if format.form == Form::Json {
                "json"
            } else {
                "text"
            };
            return Err(Failure::new(
                WRONG_USE,
                format!(
                    "error: apply prints the manifests on standard output; write the report to a file: -o {name}=FILE"
                ),
            ));
        }
        let mut named = self.source.filenames.iter();
        if let Some(stream) = named.find(|path| self.in_place && is_stream(path)) {
            let name = match shown(stream) {
                name if name == "stdin" => "standard input".to_owned(),
                name => format!("{name} is a stream, which"),
            };
            return Err(Failure::new(
                WRONG_USE,
                format!("error: {name} cannot be edited in place"),
            ));
        }
        self.source.spare(&self.output)?;
        let result = run_on_files(&self.source, &self.verbosity, |run, manifests, _| {
            self.finish(run, manifests)
        });
        output::with_report(&self.output, result)
    }

    fn finish(&self, run: &Run, manifests: &Manifests) -> Result<u8, Failure> {
        run.print(&self.verbosity);
        let reports = || self.write_reports(run);
        match (run.report.has_errors(), self.in_place) {
            (true, _) => reports()?,
            (false, true) => self.write_files(manifests, run, reports)?,
            (false, false) => {
                reports()?;
                let text = join(&run.texts);
                match self.prints_something && text.trim().is_empty() {
                    true => Output::data("---\n")?,
                    false => Output::data(&text)?,
                }
            }
        }
        Ok(exit_code(&run.report, self.verbosity.fail_on()))
    }

    fn write_reports(&self, run: &Run) -> Result<(), Failure> {
        for format in &self.output {
            match format.form {
                Form::Json => format.write_json(&run.report)?,
                Form::Text => {
                    let mut text = report::summary(&run.report, None);
                    text.append(report::accounts(&run.report, self.verbosity.verbose));
                    format.write(&text)?;
                }
            }
        }
        Ok(())
    }

    /// Replaces all changed files, once the reports are written.
    fn write_files(
        &self,
        manifests: &Manifests,
        run: &Run,
        reports: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let files = manifests.texts.iter().zip(&run.texts);
        let edits = files.filter_map(|(manifest, after)| {
            let edit = Edit {
                file: manifest.file.as_deref()?,
                name: &manifest.name,
                before: manifest.stream.text(),
                after,
            };
            (edit.before != edit.after).then_some(edit)
        });
        let edits: Vec<Edit<'_>> = edits.collect();
        in_place::remove_leftovers(manifests.texts.iter().filter_map(|it| it.file.as_deref()));
        in_place::write(&edits, &self.source.filenames, reports)?;
        if !self.verbosity.quiet {
            for edit in &edits {
                Output::notice(format_args!("edited  {}", edit.name));
            }
            if edits.is_empty() {
                Output::notice("nothing to do");
            }
        }
        Ok(())
    }
}

/// The result of running fitout on files.
pub(super) struct Run {
    pub(super) changes: Vec<Change>,
    pub(super) report: Report,
    /// The new text of each manifest, in their order.
    pub(super) texts: Vec<String>,
}

/// Runs fitout on the files that the arguments name, and passes the result to `finish`.
pub(super) fn run_on_files(
    source: &Source,
    verbosity: &Verbosity,
    finish: impl FnOnce(&Run, &Manifests, &[Resource<'_>]) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    read_files(
        source,
        Reader::Editor,
        verbosity,
        |config, manifests, resources| {
            let run = Run::of(config, manifests, resources);
            let run = run.map_err(|problems| failure(&problems, verbosity, UNREADABLE))?;
            finish(&run, manifests, resources)
        },
    )
}

/// Reads the config and the files that the arguments name.
pub(super) fn read_files(
    source: &Source,
    reader: Reader,
    verbosity: &Verbosity,
    then: impl FnOnce(&mut Config<'_>, &Manifests, &[Resource<'_>]) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    let unreadable = |problems: Problems| failure(&problems, verbosity, UNREADABLE);
    let config_text = ConfigText::read(
        source.config.as_deref(),
        source.environment.as_deref(),
        verbosity,
    )?;
    let function_config = config_text.function_config(verbosity)?;
    let mut config = config_of(&function_config, verbosity)?;
    let choice = Choice {
        patterns: &source.patterns,
        reader,
    };
    let manifests = Manifests::read(&source.filenames, choice, verbosity)?;
    let resources = manifests.resources().map_err(unreadable)?;
    then(&mut config, &manifests, &resources)
}

impl Run {
    fn of(
        config: &Config<'_>,
        manifests: &Manifests,
        resources: &[Resource<'_>],
    ) -> Result<Run, Problems> {
        let mut fitted = fitout::fit(config, resources, None)?;
        let mut report = Report::of(&mut fitted, resources, config, DetailLevel::EachChange);
        report.account_for(&manifests.files);
        let Fitted { changes, .. } = fitted;
        let texts = new_texts(&manifests.texts, &changes, resources)?;
        Ok(Run {
            changes,
            report,
            texts,
        })
    }

    /// Prints findings, totals and the ledger on standard error, as verbosity asks.
    pub(super) fn print(&self, verbosity: &Verbosity) {
        verbosity.report_findings(&self.report);
        if self.report.has_errors() {
            Output::notice("nothing was written because of errors");
        }
        if verbosity.quiet {
            return;
        }
        let mut text = match verbosity.verbose {
            true => report::summary(&self.report, output::width()),
            false => Text::of(report::totals(&self.report)),
        };
        text.append(report::accounts(&self.report, verbosity.verbose));
        Output::stderr(&text);
    }
}

fn new_texts(
    manifests: &[Manifest],
    changes: &[Change],
    resources: &[Resource<'_>],
) -> Result<Vec<String>, Problems> {
    let mut by_text: Vec<Vec<Change>> = vec![Vec::new(); manifests.len()];
    for change in changes {
        by_text[resources[change.resource].text].push(change.clone());
    }
    // Texts are independent, so they are edited in parallel.
    let edited: Vec<Result<String, Problems>> = manifests
        .par_iter()
        .zip(&by_text)
        .map(|(manifest, changes)| write::text(&manifest.stream, changes, resources))
        .collect();
    let mut texts = Vec::with_capacity(edited.len());
    let mut problems = Vec::new();
    for result in edited {
        match result {
            Ok(text) => texts.push(text),
            Err(refused) => problems.extend(refused.0),
        }
    }
    if problems.is_empty() {
        Ok(texts)
    } else {
        Err(Problems(problems))
    }
}

/// The exit code for the findings.
pub(super) fn exit_code(report: &Report, fail_on: FailOn) -> u8 {
    if report.passes(fail_on) {
        SUCCESS
    } else {
        FINDINGS
    }
}

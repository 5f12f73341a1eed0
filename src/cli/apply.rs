//! `fitout apply`: prints the changed manifests, or edits their files.

use std::io::Write;
use std::path::Path;

use clap::Args;
use fitout::config::{Config, FailOn};
use fitout::edit::Change;
use fitout::problem::Problems;
use fitout::read::Resource;
use fitout::report::Fitted;
use fitout::report::{self, DetailLevel, Report};
use fitout::write;
use fitout::yaml::join;
use rayon::prelude::*;

use super::config_text::ConfigText;
use super::inputs::{Manifest, Manifests, config_of, failure};
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
}

impl Apply {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        if let Some(directory) = &self.source.kustomization {
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
            return kustomize::apply(directory);
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
        if self.in_place
            && self
                .source
                .filenames
                .iter()
                .any(|path| path == Path::new("-"))
        {
            return Err(Failure::new(
                WRONG_USE,
                "error: standard input cannot be edited in place",
            ));
        }
        let result = run_on_files(&self.source, &self.verbosity, |run, manifests, _| {
            self.finish(run, manifests)
        });
        output::with_report(&self.output, result)
    }

    fn finish(&self, run: &Run, manifests: &Manifests) -> Result<u8, Failure> {
        run.print(&self.verbosity);
        if !run.report.has_errors() {
            if self.in_place {
                self.write_files(manifests, run)?
            } else {
                Output::stdout(&join(&run.texts))
            }
        }
        for format in &self.output {
            match format.form {
                Form::Json => format.write(&run.report.to_json())?,
                Form::Text => {
                    let ledger = report::accounts(&run.report, self.verbosity.verbose);
                    format.write(&(report::summary(&run.report, None) + &ledger))?;
                }
            }
        }
        Ok(exit_code(&run.report, self.verbosity.fail_on()))
    }

    /// Replaces each changed file by a new one, after all texts were edited.
    fn write_files(&self, manifests: &Manifests, run: &Run) -> Result<(), Failure> {
        let mut edited = 0;
        for (manifest, text) in manifests.texts.iter().zip(&run.texts) {
            let Some(file) = &manifest.file else { continue };
            if text == manifest.stream.text() {
                continue;
            }
            replace(file, text).map_err(Failure::of(
                UNREADABLE,
                format!("error: cannot write {}", file.display()),
            ))?;
            edited += 1;
            if !self.verbosity.quiet {
                Output::stderr(&format!("edited  {}", manifest.name));
            }
        }
        if edited == 0 && !self.verbosity.quiet {
            Output::stderr("nothing to do");
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
    read_files(source, verbosity, |config, manifests, resources| {
        let run = Run::of(config, manifests, resources);
        let run = run.map_err(|problems| failure(&problems, verbosity, UNREADABLE))?;
        finish(&run, manifests, resources)
    })
}

/// Reads the config and the files that the arguments name.
pub(super) fn read_files(
    source: &Source,
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
    let manifests = Manifests::read(&source.filenames, verbosity)?;
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
            Output::stderr("nothing was written because of errors");
        }
        if verbosity.quiet {
            return;
        }
        let totals = if verbosity.verbose {
            report::summary(&self.report, output::width())
        } else {
            report::totals(&self.report)
        };
        let ledger = report::accounts(&self.report, verbosity.verbose);
        Output::stderr((totals + &ledger).trim_end());
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

/// Replaces a file atomically: a reader sees the old text or the new one.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let file = file.canonicalize()?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    new.as_file()
        .set_permissions(std::fs::metadata(&file)?.permissions())?;
    keep_owner(&new, &file);
    new.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

/// Sets the owner of the new file to that of the old one, if this is permitted.
#[cfg(unix)]
fn keep_owner(new: &tempfile::NamedTempFile, old: &Path) {
    use std::os::unix::fs::{MetadataExt, fchown};
    if let Ok(old) = std::fs::metadata(old) {
        let _ = fchown(new.as_file(), Some(old.uid()), Some(old.gid()));
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &tempfile::NamedTempFile, _: &Path) {}

/// The exit code for the findings.
pub(super) fn exit_code(report: &Report, fail_on: FailOn) -> u8 {
    if report.passes(fail_on) {
        SUCCESS
    } else {
        FINDINGS
    }
}

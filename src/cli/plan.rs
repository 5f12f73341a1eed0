//! `fitout plan`: shows each change and its reason. Writes no manifest.

use clap::Args;
use fitout::report::{self, DetailLevel, PlannedText, Report};

use super::apply::{exit_code, run_on_files};
use super::inputs::failure;
use super::kustomize::Build;
use super::output::{Form, Format, with_report};
use super::{FINDINGS, Failure, Source, UNREADABLE, Verbosity, WRONG_USE};

/// Show each change and its reason.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    source: Source,
    /// Format of the report: text or json, with =FILE written to a file; repeatable
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    output: Vec<Format>,
    /// Exit with 1 if something would change
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    verbosity: Verbosity,
}

impl Plan {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        self.source.spare(&self.output)?;
        with_report(&self.output, self.plan_source())
    }

    fn plan_source(&self) -> Result<u8, Failure> {
        if let Some(directory) = &self.source.overlay.kustomization {
            return self.plan_overlay(directory);
        }
        run_on_files(
            &self.source,
            &self.verbosity,
            |run, manifests, resources| {
                let texts = manifests.texts.iter().zip(&run.texts);
                let texts = texts.map(|(manifest, after)| PlannedText {
                    path: &manifest.name,
                    before: manifest.stream.text(),
                    after,
                });
                let plan = report::Plan {
                    report: &run.report,
                    changes: &run.changes,
                    resources,
                    texts: texts.collect(),
                };
                self.print(&plan)?;
                Ok(self.code(&run.report))
            },
        )
    }

    /// Plans the changes of the function in the build of an overlay.
    fn plan_overlay(&self, directory: &std::path::Path) -> Result<u8, Failure> {
        let mut code = 0;
        let chosen = self.source.chosen(&self.verbosity)?;
        let (overlay, chosen) = (&self.source.overlay, chosen.as_ref());
        let inputs = Build::run(overlay, directory, chosen, true, WRONG_USE)?.inputs;
        Build::each(&inputs, directory, chosen, &self.verbosity, |input| {
            let (config, resources) = (&*input.config, &input.list.resources);
            let unreadable = |problems| failure(&problems, &self.verbosity, UNREADABLE);
            let mut fitted =
                fitout::fit(config, resources, Some(input.node)).map_err(unreadable)?;
            let report = Report::of(&mut fitted, resources, config, DetailLevel::EachChange);
            let after = fitout::write::text(input.stream, &fitted.changes, resources);
            let after = after.map_err(unreadable)?;
            let path = format!("{} as kustomize passes it", directory.display());
            self.print(&report::Plan {
                report: &report,
                changes: &fitted.changes,
                resources,
                texts: vec![PlannedText {
                    path: &path,
                    before: input.stream.text(),
                    after: &after,
                }],
            })?;
            code = code.max(self.code(&report));
            Ok(())
        })?;
        Ok(code)
    }

    fn print(&self, plan: &report::Plan<'_, '_>) -> Result<(), Failure> {
        self.verbosity.report_findings(plan.report);
        for format in Format::or_text(&self.output) {
            match format.form {
                Form::Json => format.write_json(&plan.report.to_json())?,
                Form::Text if self.verbosity.quiet && format.file.is_none() => {}
                Form::Html | Form::Markdown => {}
                Form::Text => {
                    let color = format.file.is_none()
                        && self.verbosity.color.applies_to(&std::io::stdout());
                    let mut text = plan.draw(color);
                    text.append(report::effects(plan.report, self.verbosity.verbose));
                    text.append(report::accounts(plan.report, self.verbosity.verbose));
                    format.write(&text)?;
                }
            }
        }
        Ok(())
    }

    fn code(&self, report: &Report) -> u8 {
        let changes = report.summary.added + report.summary.changed + report.summary.removed > 0;
        if self.exit_code && changes {
            FINDINGS
        } else {
            exit_code(report, self.verbosity.fail_on())
        }
    }
}

//! `fitout plan`: what would change, and why. Writes no manifest.

use clap::Args;
use fitout::report::{self, DetailLevel, PlannedText, Report};

use super::apply::{exit_code, run_on_files};
use super::inputs::failure;
use super::kustomize::Build;
use super::output::{Form, Format, with_report};
use super::{FINDINGS, Failure, Source, Telling, UNREADABLE, WRONG_USE};

/// Show what would change, line by line, with the reasons.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    source: Source,
    /// The report's form: text or json, or with =FILE into a file; repeatable
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    output: Vec<Format>,
    /// Exit with 1 when something would change
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    telling: Telling,
}

impl Plan {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        with_report(&self.output, self.plan_source())
    }

    fn plan_source(&self) -> Result<u8, Failure> {
        if let Some(directory) = &self.source.kustomization {
            return self.plan_overlay(directory);
        }
        run_on_files(&self.source, &self.telling, |run, manifests, resources| {
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
            self.tell(&plan)?;
            Ok(self.code(&run.report))
        })
    }

    /// Plans what the function does inside of an overlay's build, on what kustomize hands to it.
    fn plan_overlay(&self, directory: &std::path::Path) -> Result<u8, Failure> {
        let mut code = 0;
        let inputs = Build::run(directory, true, WRONG_USE)?.inputs;
        Build::each(inputs, directory, &self.telling, |handed| {
            let (config, resources) = (&*handed.config, &handed.list.resources);
            let unreadable = |problems| failure(&problems, &self.telling, UNREADABLE);
            let mut fitted =
                fitout::fit(config, resources, Some(handed.node)).map_err(unreadable)?;
            let report = Report::of(&mut fitted, resources, config, DetailLevel::EachChange);
            let after = fitout::write::text(handed.stream, &fitted.changes, resources);
            let after = after.map_err(|problem| unreadable(problem.into()))?;
            let path = format!("{} as kustomize hands it over", directory.display());
            self.tell(&report::Plan {
                report: &report,
                changes: &fitted.changes,
                resources,
                texts: vec![PlannedText {
                    path: &path,
                    before: handed.stream.text(),
                    after: &after,
                }],
            })?;
            code = code.max(self.code(&report));
            Ok(())
        })?;
        Ok(code)
    }

    fn tell(&self, plan: &report::Plan<'_, '_>) -> Result<(), Failure> {
        self.telling.tell_findings(plan.report);
        for format in Format::or_text(&self.output) {
            match format.form {
                Form::Json => format.write(&plan.report.to_json())?,
                Form::Text if self.telling.quiet && format.file.is_none() => {}
                Form::Text => {
                    let color =
                        format.file.is_none() && self.telling.color.applies_to(&std::io::stdout());
                    let ledger = report::accounts(plan.report, self.telling.verbose);
                    format.write(&(plan.draw(color) + &ledger))?;
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
            exit_code(report, self.telling.fail_on())
        }
    }
}

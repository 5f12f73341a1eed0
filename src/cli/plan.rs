//! `fitout plan`: what would change, and why. Writes no manifest.

use clap::Args;
use fitout::config::FunctionConfig;
use fitout::report::{self, Detail, PlannedText, Report};

use super::apply::{exit_code, run_on_files};
use super::inputs::failure;
use super::output::{Form, Format, with_report};
use super::{FINDINGS, Failure, Source, Telling, UNREADABLE, WRONG_USE, kustomize, tree};

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
        let sources = tree::sources(directory);
        let mut code = 0;
        for input in kustomize::Build::run(directory, true, WRONG_USE)?.inputs {
            let stream = fitout::yaml::Stream::parse(input).map_err(|error| {
                failure(
                    &fitout::not_yaml(&error, None).into(),
                    &self.telling,
                    UNREADABLE,
                )
            })?;
            let list = fitout::read::ResourceList::read(&stream)
                .map_err(|problems| failure(&problems, &self.telling, UNREADABLE))?;
            let Some(node) = list.function_config else {
                continue;
            };
            let function_config = FunctionConfig::of_build(node, &sources);
            let function_config =
                function_config.map_err(|problems| failure(&problems, &self.telling, WRONG_USE))?;
            let mut config = function_config
                .decode(fitout::VOCABULARY)
                .map_err(|problems| failure(&problems, &self.telling, WRONG_USE))?;
            config.today = super::clock::today()?.or(config.today);
            let mut fitted = fitout::fit(&config, &list.resources, Some(node))
                .map_err(|problems| failure(&problems, &self.telling, UNREADABLE))?;
            let report = Report::of(&mut fitted, &list.resources, &config, Detail::EachChange);
            let after = fitout::write::text(&stream, &fitted.changes, &list.resources);
            let after =
                after.map_err(|problem| failure(&problem.into(), &self.telling, UNREADABLE))?;
            let path = format!("{} as kustomize hands it over", directory.display());
            let texts = vec![PlannedText {
                path: &path,
                before: stream.text(),
                after: &after,
            }];
            self.tell(&report::Plan {
                report: &report,
                changes: &fitted.changes,
                resources: &list.resources,
                texts,
            })?;
            code = code.max(self.code(&report));
        }
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
                    format.write(&plan.draw(color))?;
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

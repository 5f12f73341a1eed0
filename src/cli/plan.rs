//! `fitout plan`: shows each change and its reason. Writes no manifest.

use clap::Args;
use fitout::report::{Command, DetailLevel, FileText, Report, Run};

use super::apply::{Fitting, Task, exit_code, read_files, run_of};
use super::cache::Cache;
use super::files::Reader;
use super::focus::{Chosen, Focus};
use super::inputs::{failure, kustomization};
use super::kustomize::Build;
use super::output::Reports;
use super::{FINDINGS, Failure, SUCCESS, Source, UNREADABLE, Verbosity, WRONG_USE};

/// Show each change and its reason.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    objects: Chosen,
    #[command(flatten)]
    reports: Reports,
    /// Exit with 1 if something would change
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    cache: Cache,
    #[command(flatten)]
    verbosity: Verbosity,
}

impl Plan {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        self.source.spare(&self.reports)?;
        let result = match &self.source.overlay.kustomization {
            Some(directory) => self.plan_overlay(directory),
            None => self.plan_files(),
        };
        self.reports
            .with_failure(Command::Plan, &self.verbosity, result)
    }

    fn plan_files(&self) -> Result<u8, Failure> {
        read_files(
            &self.source,
            &self.objects,
            Task {
                reader: Reader::Editor,
                cache: &self.cache,
                command: Command::Plan,
                is_exact: false,
            },
            &self.verbosity,
            |configs, manifests, resources, focus| {
                let fittings = configs.iter().map(|config| {
                    let detail = DetailLevel::EachChange;
                    Fitting::of(
                        config,
                        manifests,
                        (resources, focus),
                        detail,
                        &self.verbosity,
                    )
                    .map_err(|problems| failure(&problems, &self.verbosity, UNREADABLE))
                });
                let fittings: Vec<Fitting> = fittings.collect::<Result<_, _>>()?;
                let (mut runs, mut texts) = (Vec::new(), Vec::new());
                let mut parts = Vec::new();
                for fitting in fittings {
                    texts.push(fitting.texts);
                    parts.push((fitting.report, fitting.changes));
                }
                let needs = self.reports.needs_or_text();
                for ((report, changes), texts) in parts.into_iter().zip(&texts) {
                    runs.push(run_of(report, &changes, texts, manifests, resources, needs));
                }
                self.print(runs)
            },
        )
    }

    /// Plans the changes of the function in the build of an overlay.
    fn plan_overlay(&self, directory: &std::path::Path) -> Result<u8, Failure> {
        let overlay = &self.source.overlay;
        let mut runs = Vec::new();
        for chosen in self.source.chosen(&self.verbosity)? {
            let chosen = chosen.as_ref();
            let inputs = Build::run(overlay, directory, chosen, true, WRONG_USE)?.inputs;
            Build::each(&inputs, directory, chosen, &self.verbosity, |input| {
                let (config, resources) = (input.config, &input.list.resources);
                let unreadable = |problems| failure(&problems, &self.verbosity, UNREADABLE);
                let focus = Focus::of_build(&self.objects, resources)?;
                let fitted = focus.fit(config, resources, Some(input.node));
                let mut fitted = fitted.map_err(unreadable)?;
                let report = Report::of(&mut fitted, resources, config, DetailLevel::EachChange);
                let after = fitout::write::text(input.stream, &fitted.changes, resources);
                let after = after.map_err(unreadable)?;
                let path = format!("{} as kustomize passes it", directory.display());
                let text = FileText::of(&path, false, input.stream.text(), &after)
                    .from(kustomization(directory))
                    .into_owned();
                let needs = self.reports.needs_or_text();
                runs.push(Run::of(
                    report,
                    &fitted.changes,
                    resources,
                    vec![text],
                    needs,
                ));
                Ok(())
            })?;
        }
        self.print(runs)
    }

    fn print(&self, runs: Vec<Run<'_>>) -> Result<u8, Failure> {
        let fail_on = self.verbosity.fail_on();
        let runs: Vec<Run<'_>> = runs.into_iter().map(|it| it.failing_on(fail_on)).collect();
        let runs = &*runs;
        for run in runs {
            self.verbosity.report_findings(&run.report);
        }
        self.reports
            .write_or_text(Command::Plan, runs, &self.verbosity)?;
        let codes = runs.iter().map(|run| self.code(&run.report));
        Ok(codes.max().unwrap_or(SUCCESS))
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

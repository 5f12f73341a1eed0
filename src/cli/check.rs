//! `fitout check`: whether the function ran on the manifests, and whether they break a rule. Writes no manifest.

use std::path::{Path, PathBuf};

use clap::Args;
use fitout::IMAGE;
use fitout::config::{Config, FailOn};
use fitout::edit::Change;
use fitout::problem::Problems;
use fitout::read::{OriginLines, Resource};
use fitout::report::{Command, DetailLevel, FileText, Needs, Report, Run};
use fitout::yaml::Node;

use super::apply::{Task, deciding, exit_code, read_files, with_replacements};
use super::cache::{self, Cache};
use super::files::Reader;
use super::focus::{Chosen, Focus};
use super::inputs::{Manifests, failure, kustomization};
use super::kustomize::Build;
use super::output::Reports;
use super::{FINDINGS, Failure, SUCCESS, Source, UNREADABLE, Verbosity, tree};
use fitout::sorting;

/// Check whether the function ran on manifests, and whether they break a rule of the environment.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    objects: Chosen,
    /// Leave out what .gitignore excludes, as `plan` and `apply` do
    #[arg(long, conflicts_with = "kustomization")]
    respect_gitignore: bool,
    /// Report every field whose value differs from the config's, also those that the manifest sets
    #[arg(long)]
    exact: bool,
    #[command(flatten)]
    reports: Reports,
    #[command(flatten)]
    cache: Cache,
    #[command(flatten)]
    verbosity: Verbosity,
}

impl Check {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        self.source.spare(&self.reports)?;
        let result = match &self.source.overlay.kustomization {
            Some(directory) => self.check_overlay(directory),
            None => self.check_files(),
        };
        self.reports
            .with_failure(Command::Check, &self.verbosity, result)
    }

    fn check_files(&self) -> Result<u8, Failure> {
        let folder = self.source.tree();
        let reader = Reader::Checker {
            respects_gitignore: self.respect_gitignore,
        };
        read_files(
            &self.source,
            &self.objects,
            Task {
                reader,
                cache: &self.cache,
                command: Command::Check,
                is_exact: self.exact,
            },
            &self.verbosity,
            |configs, manifests, resources, focus| {
                let (mut runs, mut code) = (Vec::new(), SUCCESS);
                for config in configs {
                    let (report, fails) =
                        self.validate(config, manifests, (resources, focus), || {
                            cache::executables(&folder)
                        })?;
                    code = code.max(fails);
                    let changes = match self.reports.needs().fixes {
                        true => self.changes(config, resources, focus)?,
                        false => Vec::new(),
                    };
                    let run = self.run_of(report, &changes, manifests, resources);
                    runs.push(run.failing_on(self.fail_on(config)));
                }
                self.print(&runs)?;
                // The process ends soon, so the memory of thousands of findings need not be freed piece by piece.
                std::mem::forget(runs);
                Ok(code)
            },
        )
    }

    /// Validates a build against each config that it passed to the function.
    fn check_overlay(&self, directory: &Path) -> Result<u8, Failure> {
        // The build is that of the overlay, with its own config; `chosen` only judges it.
        let build = Build::run(&self.source.overlay, directory, None, true, FINDINGS)?;
        let unreadable = |problems: Problems| failure(&problems, &self.verbosity, UNREADABLE);
        let name = format!("{} as built", directory.display());
        let built = Manifests::of_build(name, build.output, &self.verbosity)?;
        let mut resources = built.resources().map_err(unreadable)?;
        Build::name_as_before(&build.inputs, &mut resources);
        let focus = Focus::of_build(&self.objects, &resources)?;
        let (mut runs, mut code) = (Vec::new(), SUCCESS);
        for chosen in self.source.chosen(&self.verbosity)? {
            let (mut all, mut fail_on) = (None::<Report>, FailOn::Never);
            let mut validated = Vec::new();
            let chosen = chosen.as_ref();
            Build::each(&build.inputs, directory, chosen, &self.verbosity, |input| {
                // A config can be under `transformers` and `validators`, or in several bases.
                let rules = chosen.map_or_else(|| rules_of(input.node), |_| None);
                if validated.contains(&rules) {
                    return Ok(());
                }
                validated.push(rules);
                Manifests::read_definitions(input.config, directory, &self.verbosity)?;
                let (report, fails) =
                    self.validate(input.config, &built, (&resources, &focus), || {
                        Some(tree::executables(directory))
                    })?;
                code = code.max(fails);
                // The strictest of several configs counts.
                fail_on = match (fail_on, self.fail_on(input.config)) {
                    (FailOn::Never, other) | (_, other @ FailOn::Warning) => other,
                    (fail_on, _) => fail_on,
                };
                match &mut all {
                    Some(all) => all.add(report),
                    None => all = Some(report),
                }
                Ok(())
            })?;
            runs.extend(all.map(|report| {
                self.run_of(report, &[], &built, &resources)
                    .failing_on(fail_on)
            }));
        }
        if !runs.is_empty() {
            self.print(&runs)?;
        }
        Ok(code)
    }

    /// What the function would change.
    fn changes(
        &self,
        config: &mut Config<'_>,
        resources: &[Resource<'_>],
        focus: &Focus,
    ) -> Result<Vec<Change>, Failure> {
        config.validate_only = false;
        let fitted = focus.fit(config, resources, None);
        config.validate_only = true;
        let fitted = fitted.map_err(|problems| failure(&problems, &self.verbosity, UNREADABLE))?;
        Ok(fitted.changes)
    }

    fn run_of<'t>(
        &self,
        report: Report,
        changes: &[Change],
        manifests: &'t Manifests,
        resources: &[Resource<'_>],
    ) -> Run<'t> {
        let texts = manifests.texts.iter().map(|manifest| {
            let text = manifest.stream.text();
            let source = self.source.overlay.kustomization.as_deref();
            FileText::of(&manifest.name, manifest.file.is_some(), text, text)
                .from(source.and_then(kustomization))
        });
        let mut texts: Vec<FileText<'t>> = texts.collect();
        if !changes.is_empty() {
            texts = with_replacements(texts, changes, manifests, resources);
        }
        let needs = self.reports.needs();
        Run::of(
            report,
            changes,
            resources,
            texts,
            Needs {
                objects: false,
                ..needs
            },
        )
    }

    fn fail_on(&self, config: &Config<'_>) -> FailOn {
        let fail_on = self.verbosity.fail_on.map(Into::into);
        fail_on.unwrap_or(config.checks.fail_on)
    }

    fn validate(
        &self,
        config: &mut Config<'_>,
        manifests: &Manifests,
        (resources, focus): (&[Resource<'_>], &Focus),
        executables: impl FnOnce() -> Option<Vec<PathBuf>>,
    ) -> Result<(Report, u8), Failure> {
        config.validate_only = true;
        config.generated.clone_from(&manifests.generated);
        config.unbuilt.clone_from(&manifests.unbuilt);
        focus.narrow_unbuilt(config);
        config.checks.exact |= self.exact;
        let deciding = deciding(manifests, &self.verbosity);
        let mut fitted = focus
            .fit(config, resources, None)
            .map_err(|problems| failure(&problems, &self.verbosity, UNREADABLE))?;
        drop(deciding);
        let mut report = Report::of(&mut fitted, resources, config, DetailLevel::EachChange);
        report.account_for(&manifests.files);
        focus.mark(&mut report, &[]);
        if report.did_not_run() {
            let is_rendered = |it: &Resource<'_>| it.origin.lines == OriginLines::OfRendering;
            let help = match resources.iter().any(is_rendered) {
                true => OF_HELM.to_owned(),
                false => match executables() {
                    Some(executables) => cause(executables, &config.environment),
                    None => OF_FILES.to_owned(),
                },
            };
            report.explain_run(&help);
        }
        let code = exit_code(&report, self.fail_on(config));
        Ok((report, code))
    }

    fn print(&self, runs: &[Run<'_>]) -> Result<(), Failure> {
        self.reports
            .write_or_text(Command::Check, runs, &self.verbosity)
    }
}

/// The `spec` of a config without its mode.
fn rules_of(config: Node<'_>) -> Option<serde_json::Value> {
    let mut spec = serde_json::to_value(config.get("spec")?.value().ok()?).ok()?;
    spec.as_object_mut()?.remove("mode");
    Some(spec)
}

/// The help if Helm has rendered the manifests.
const OF_HELM: &str = "run `fitout apply` on the manifests, or pass `--post-renderer fitout` to Helm, each time: without it, \
    Helm applies the chart as it is. `fitout helm-plugin install` writes the plugin that Helm 4 needs";

/// The help if nothing here is built by kustomize.
const OF_FILES: &str =
    "run `fitout apply` on the manifests, and deploy what it prints; with -i it edits the files";

/// The likely reason why the function did not run, and the help.
fn cause(mut executables: Vec<PathBuf>, environment: &str) -> String {
    let container = format!("`container: {{image: {IMAGE}}}`");
    let is_of_another = |file: &PathBuf| {
        let mut parts = file.components();
        !parts.any(|part| part.as_os_str() == environment)
    };
    sorting::sort_by_key(&mut executables, is_of_another);
    let Some(first) = executables.first() else {
        return format!(
            "run `fitout apply` on the manifests; or list the folder of this config, with {container}, under `transformers`, \
             and build with `kustomize build --enable-alpha-plugins`"
        );
    };
    format!(
        "run `fitout apply` on the manifests, or list the folder of this config under `transformers`. {} uses `exec`, which kubectl always skips silently, and \
         kustomize without --enable-alpha-plugins --enable-exec: build with both flags, or use {container}",
        first.display()
    )
}

//! `fitout check`: whether the function ran on what was rendered, and whether the result meets the environment's rules.
//! Writes no manifest.

use std::path::{Path, PathBuf};

use clap::Args;
use fitout::IMAGE;
use fitout::config::Config;
use fitout::problem::Problems;
use fitout::read::Resource;
use fitout::report::{self, DetailLevel, Report};
use fitout::yaml::{Node, Stream};

use super::apply::{exit_code, read_files};
use super::inputs::{Manifest, Manifests, failure};
use super::output::{Form, Format, with_report};
use super::{FINDINGS, FINE, Failure, Source, Telling, UNREADABLE, kustomize, tree};

/// Judge manifests: was the function run on them, and do they meet the environment's rules.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    source: Source,
    /// The report's form: text or json, or with =FILE into a file; repeatable
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    output: Vec<Format>,
    #[command(flatten)]
    telling: Telling,
}

impl Check {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        with_report(&self.output, self.check_source())
    }

    fn check_source(&self) -> Result<u8, Failure> {
        if let Some(directory) = &self.source.kustomization {
            return self.check_overlay(directory);
        }
        let folder = self.source.tree();
        read_files(
            &self.source,
            &self.telling,
            |config, manifests, resources| {
                let (report, code) = self.judge(config, manifests, resources, || {
                    tree::executables_below(&folder)
                })?;
                self.tell(&report)?;
                Ok(code)
            },
        )
    }

    /// Judges a finished build by each config that the function was given in it.
    fn check_overlay(&self, directory: &Path) -> Result<u8, Failure> {
        let build = kustomize::Build::run(directory, true, FINDINGS)?;
        let unreadable = |problems: Problems| failure(&problems, &self.telling, UNREADABLE);
        let stream = Stream::parse(build.output);
        let stream = stream.map_err(|error| unreadable(fitout::not_yaml(&error, None).into()))?;
        let built = Manifests {
            texts: vec![Manifest {
                name: format!("{} as built", directory.display()),
                file: None,
                stream,
            }],
            files: Vec::new(),
        };
        let resources = built.resources().map_err(unreadable)?;
        let (mut told, mut code) = (None::<Report>, FINE);
        let mut judged = Vec::new();
        kustomize::Build::each(build.inputs, directory, &self.telling, |handed| {
            // A config that is under `transformers` and `validators`, or in several bases, judges once.
            let rules = rules_of(handed.node);
            if judged.contains(&rules) {
                return Ok(());
            }
            judged.push(rules);
            let (report, fails) = self.judge(handed.config, &built, &resources, || {
                tree::executables(directory)
            })?;
            code = code.max(fails);
            match &mut told {
                Some(told) => told.add(report),
                None => told = Some(report),
            }
            Ok(())
        })?;
        if let Some(report) = told {
            self.tell(&report)?;
        }
        Ok(code)
    }

    fn judge(
        &self,
        config: &mut Config<'_>,
        manifests: &Manifests,
        resources: &[Resource<'_>],
        executables: impl FnOnce() -> Vec<PathBuf>,
    ) -> Result<(Report, u8), Failure> {
        config.judges = true;
        let mut fitted = fitout::fit(config, resources, None)
            .map_err(|problems| failure(&problems, &self.telling, UNREADABLE))?;
        let mut report = Report::of(&mut fitted, resources, config, DetailLevel::EachChange);
        report.account_for(&manifests.files);
        if report.did_not_run() {
            report.explain_run(&cause(executables(), &config.environment));
        }
        let fail_on = self.telling.fail_on.map(Into::into);
        let code = exit_code(&report, fail_on.unwrap_or(config.checks.fail_on));
        Ok((report, code))
    }

    fn tell(&self, report: &Report) -> Result<(), Failure> {
        for format in Format::or_text(&self.output) {
            match format.form {
                Form::Json => format.write(&report.to_json())?,
                Form::Text => {
                    let findings = report::findings(report, self.telling.least());
                    let totals = match self.telling.quiet {
                        true => String::new(),
                        false => {
                            let ledger = report::accounts(report, self.telling.verbose);
                            format!("Check  {}{ledger}", report::totals(report))
                        }
                    };
                    format.write(&(findings + &totals))?;
                }
            }
        }
        Ok(())
    }
}

/// What a config says, but for what it does with it.
fn rules_of(config: Node<'_>) -> Option<serde_json::Value> {
    let mut spec = serde_json::to_value(config.get("spec")?.value().ok()?).ok()?;
    spec.as_object_mut()?.remove("mode");
    Some(spec)
}

/// Why the function may not have run, and what to do.
fn cause(mut executables: Vec<PathBuf>, environment: &str) -> String {
    let container = format!("`container: {{image: {IMAGE}}}`");
    let is_of_another = |file: &PathBuf| {
        let mut parts = file.components();
        !parts.any(|part| part.as_os_str() == environment)
    };
    executables.sort_by_key(is_of_another);
    let Some(first) = executables.first() else {
        return format!(
            "list the folder of this config under `transformers`, in the form {container}, and build with `kustomize \
             build --enable-alpha-plugins`; or fit the manifests with `fitout apply`"
        );
    };
    format!(
        "list the folder of this config under `transformers`; if that is the one of {}, it has the form `exec`, which \
         kustomize leaves out without a word unless it is given --enable-alpha-plugins --enable-exec, and kubectl always: \
         build with both, or use {container}",
        first.display()
    )
}

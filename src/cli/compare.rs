//! `fitout compare`: what the config makes of the same manifests in several environments. Writes no manifest.

use std::path::PathBuf;

use clap::Args;
use fitout::config::FunctionConfig;
use fitout::problem::Problems;
use fitout::read::{Resource, ResourceList};
use fitout::report::{Comparison, in_stages};
use fitout::yaml::{Node, Stream};

use super::config_text::ConfigText;
use super::files::{self, Choice, Reader};
use super::inputs::{Manifests, config_of, failure};
use super::kustomize::{self, Build};
use super::output::{Form, Format};
use super::{Color, FINDINGS, Failure, SUCCESS, UNREADABLE, Verbosity, WRONG_USE, tree};

/// Compare environments: the fields that differ, and those that are weaker in a higher environment
///
/// Environments are ordered from the lowest to the highest by their names (development, test, staging, production and the like)
/// or, if a name is not known, as they are given. An inversion is a field that is weaker than in a lower environment: a smaller
/// request or limit, a lower level of the Pod Security Standards, or a security field that is less strict.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Files or directories of manifests, or - for standard input, as for `plan`
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1.., required_unless_present = "kustomization")]
    filenames: Vec<PathBuf>,
    #[command(flatten)]
    patterns: files::Patterns,
    #[command(flatten)]
    overlay: kustomize::Overlay,
    /// An environment; repeatable. The default is all environments of the config
    #[arg(short = 'e', long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// The file of the config; the default is that of the nearest fn-config/, and with -k that of the overlay
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also show fields that are the same everywhere
    #[arg(long)]
    all: bool,
    /// Format of the report: text or json, with =FILE written to a file; repeatable
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    output: Vec<Format>,
    /// Exit with 1 if there are inversions
    #[arg(long)]
    exit_code: bool,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

impl Compare {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let verbosity = Verbosity::with_color(self.color);
        let mut comparison = Comparison::default();
        match &self.overlay.kustomization {
            Some(directory) => self.compare_overlay(directory, &verbosity, &mut comparison)?,
            None => self.compare_files(&verbosity, &mut comparison)?,
        }
        comparison.finish();
        for format in Format::or_text(&self.output) {
            match format.form {
                Form::Html => format.write_json(&comparison.to_html(self.all))?,
                Form::Markdown => format.write_json(&comparison.to_markdown(self.all))?,
                Form::Json => format.write_json(&comparison.to_json())?,
                Form::Text => {
                    let is_stdout = format.file.is_none();
                    let color = is_stdout && self.color.applies_to(&std::io::stdout());
                    let width = terminal_size::terminal_size_of(std::io::stdout());
                    let width = width.filter(|_| is_stdout).map(|(width, _)| width.0);
                    format.write(&comparison.draw(self.all, width, color))?;
                }
            }
        }
        Ok(match self.exit_code && comparison.summary.inversions > 0 {
            true => FINDINGS,
            false => SUCCESS,
        })
    }

    fn compare_files(
        &self,
        verbosity: &Verbosity,
        comparison: &mut Comparison,
    ) -> Result<(), Failure> {
        let texts = ConfigText::of_each(self.config.as_deref(), &self.environments, verbosity)?;
        let choice = Choice {
            patterns: &self.patterns,
            reader: Reader::Editor,
        };
        let manifests = Manifests::read(&self.filenames, choice, verbosity)?;
        let unreadable = |problems: Problems| failure(&problems, verbosity, UNREADABLE);
        let resources = manifests.resources().map_err(unreadable)?;
        add_each(texts, &resources, verbosity, comparison)
    }

    /// Compares the environments on what kustomize passes to the function: with the config of the overlay, or another.
    fn compare_overlay(
        &self,
        directory: &std::path::Path,
        verbosity: &Verbosity,
        comparison: &mut Comparison,
    ) -> Result<(), Failure> {
        let inputs = Build::run(&self.overlay, directory, None, true, WRONG_USE)?.inputs;
        let unreadable = |problems: Problems| failure(&problems, verbosity, UNREADABLE);
        let sources = tree::sources(directory);
        // The function can run several times in a build. Each config is that of all environments.
        let Some(input) = inputs.first() else {
            return Ok(());
        };
        let stream = Stream::parse(input.as_str());
        let stream = stream.map_err(|error| unreadable(fitout::not_yaml(&error, None).into()))?;
        let list = ResourceList::read(&stream).map_err(unreadable)?;
        if self.config.is_some() {
            let texts = ConfigText::of_each(self.config.as_deref(), &self.environments, verbosity)?;
            return add_each(texts, &list.resources, verbosity, comparison);
        }
        let Some(node) = list.function_config else {
            return Ok(());
        };
        let of_build = || {
            FunctionConfig::of_build(node, &sources)
                .map_err(|problems| failure(&problems, verbosity, WRONG_USE))
        };
        let mut names = self.environments.clone();
        if names.is_empty() {
            names = of_build()?.environments();
        }
        if names.len() < 2 {
            return Err(Failure::new(
                WRONG_USE,
                "error: nothing to compare: the overlay's config does not have two environments",
            )
            .note("  = help: name a config that has them with -c"));
        }
        for (name, stage) in in_stages(names) {
            let mut function_config = of_build()?;
            function_config.choose(name);
            add(
                &function_config,
                stage,
                Some(node),
                &list.resources,
                verbosity,
                comparison,
            )?;
        }
        Ok(())
    }
}

/// Adds the environments, lowest first.
fn add_each(
    texts: Vec<(String, ConfigText)>,
    resources: &[Resource<'_>],
    verbosity: &Verbosity,
    comparison: &mut Comparison,
) -> Result<(), Failure> {
    let names = texts.iter().map(|(name, _)| name.clone()).collect();
    for (name, stage) in in_stages(names) {
        if let Some((_, text)) = texts.iter().find(|(known, _)| *known == name) {
            let function_config = text.function_config(verbosity)?;
            add(
                &function_config,
                stage,
                None,
                resources,
                verbosity,
                comparison,
            )?;
        }
    }
    Ok(())
}

/// Adds an environment.
fn add(
    function_config: &FunctionConfig<'_>,
    stage: usize,
    node: Option<Node<'_>>,
    resources: &[Resource<'_>],
    verbosity: &Verbosity,
    comparison: &mut Comparison,
) -> Result<(), Failure> {
    let mut config = config_of(function_config, verbosity)?;
    // A config that only checks still says what it would set.
    config.validate_only = false;
    let fitted = fitout::fit(&config, resources, node);
    let fitted = fitted.map_err(|problems| failure(&problems, verbosity, UNREADABLE))?;
    comparison.add(&config, stage, &fitted, resources);
    Ok(())
}

//! `fitout compare`: what the config makes of the same manifests in several environments. Writes no manifest.

use std::path::PathBuf;

use clap::Args;
use fitout::config::{FunctionConfig, Sources};
use fitout::problem::Problems;
use fitout::read::Resource;
use fitout::report::{Command, Comparison, in_stages};
use fitout::yaml::Node;

use super::config_text::ConfigText;
use super::files::{Choice, Files, Reader};
use super::focus::{Chosen, Focus, Input};
use super::inputs::{Found, Manifests, config_of, failure};
use super::kustomize::{self, Build};
use super::{
    Color, FINDINGS, Failure, SUCCESS, Source, UNREADABLE, Verbosity, WRONG_USE, output, tree,
};

/// Compare environments, all or those of -e: fields that differ, and fields that are weaker in a higher environment
///
/// Environments are ordered from the lowest to the highest by their names (development, test, staging, production and the like)
/// or, if a name is not known, as they are given. An inversion is a field that is weaker than in a lower environment: a smaller
/// request or limit, a lower level of the Pod Security Standards, or a security field that is less strict.
#[derive(Debug, Args)]
#[command(mut_arg("shard", |it| it.hide(true)))]
pub(super) struct Compare {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    objects: Chosen,
    /// Show every object, and also fields that are the same everywhere
    #[arg(long)]
    all: bool,
    /// Format of the comparison, written to standard output or to FILE; repeatable. One of text, json, markdown, html
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]")]
    output: Vec<Requested>,
    /// Exit with 1 if there are inversions. Without it, only if one is an error: `checks.severity: {FIT-CMP001: Error}`
    #[arg(long)]
    exit_code: bool,
    /// Print only inversions
    #[arg(short, long)]
    quiet: bool,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

impl Compare {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let verbosity = Verbosity::with_color(self.color);
        let files = self.output.iter().filter_map(|it| it.file.as_deref());
        self.source.spare_files(files)?;
        let result = self.compare(&verbosity);
        let requested = self.output.iter().filter_map(|it| {
            let mut known = fitout::report::FORMATS.iter();
            let format = known.find(|format| format.name == it.name)?;
            Some((format, it.file.as_deref()))
        });
        output::write_failure(requested, Command::Compare, &verbosity, &result);
        result
    }

    fn compare(&self, verbosity: &Verbosity) -> Result<u8, Failure> {
        if self.objects.shard.is_some() {
            return Err(Failure::new(
                WRONG_USE,
                "error: `compare` does not support --shard, because a comparison is one of all files",
            ));
        }
        let mut comparison = Comparison::default();
        match &self.source.overlay.kustomization {
            Some(directory) => self.compare_overlay(directory, verbosity, &mut comparison)?,
            None => self.compare_files(verbosity, &mut comparison)?,
        }
        comparison.finish();
        const TEXT: &[Requested] = &[Requested {
            name: "text",
            draw: text,
            file: None,
        }];
        let requested = match self.output.as_slice() {
            [] => TEXT,
            output => output,
        };
        for Requested { draw, file, .. } in requested {
            let file = file.as_deref();
            let width = terminal_size::terminal_size_of(std::io::stdout());
            let options = Options {
                all: self.all,
                quiet: self.quiet,
                color: file.is_none() && self.color.applies_to(&std::io::stdout()),
                width: width.filter(|_| file.is_none()).map(|(width, _)| width.0),
            };
            output::write_report(file, &draw(&comparison, options))?;
        }
        let fails = self.exit_code && comparison.summary.inversions > 0;
        Ok(match fails || comparison.has_errors() {
            true => FINDINGS,
            false => SUCCESS,
        })
    }

    fn configs(&self, verbosity: &Verbosity) -> Result<Vec<(String, ConfigText)>, Failure> {
        let Source {
            config,
            environment,
            ..
        } = &self.source;
        ConfigText::of_each(config.as_deref(), environment, verbosity)
    }

    fn compare_files(
        &self,
        verbosity: &Verbosity,
        comparison: &mut Comparison,
    ) -> Result<(), Failure> {
        let texts = self.configs(verbosity)?;
        let choice = Choice {
            patterns: &self.source.patterns,
            reader: Reader::Editor,
        };
        let filenames = &self.source.filenames;
        let found = Found::of(Files::of(filenames, choice)?);
        let manifests = Manifests::parse(&found, filenames, choice, verbosity)?;
        let unreadable = |problems: Problems| failure(&problems, verbosity, UNREADABLE);
        let resources = manifests.resources().map_err(unreadable)?;
        let files: Vec<_> = texts.iter().map(|(_, it)| it.file.clone()).collect();
        let input = Input {
            source: &self.source,
            configs: &files,
            reader: choice.reader,
            found: &found,
            manifests: &manifests,
            resources: &resources,
        };
        let focus = Focus::of(&self.objects, &input, None)?;
        add_each(&texts, (&resources, &focus), verbosity, comparison)
    }

    /// Compares the environments on what kustomize passes to the function: with the config of the overlay, or another.
    fn compare_overlay(
        &self,
        directory: &std::path::Path,
        verbosity: &Verbosity,
        comparison: &mut Comparison,
    ) -> Result<(), Failure> {
        let named = match self.source.config {
            Some(_) => Some(self.configs(verbosity)?),
            None => None,
        };
        let inputs = Build::run(&self.source.overlay, directory, None, true, WRONG_USE)?.inputs;
        let sources = tree::sources(directory);
        let mut parts = Vec::new();
        Build::each(&inputs, directory, None, verbosity, |input| {
            let mut part = Comparison::default();
            match &named {
                Some(texts) => {
                    let resources = &input.list.resources;
                    let focus = Focus::of_build(&self.objects, resources)?;
                    add_each(texts, (resources, &focus), verbosity, &mut part)?;
                }
                None => self.compare_input(&sources, &input, verbosity, &mut part)?,
            }
            parts.push((input.config.validate_only, part));
            Ok(())
        })?;
        // A validator sees what another function has changed, so it only counts alone.
        if parts.iter().any(|(is_validator, _)| !is_validator) {
            parts.retain(|(is_validator, _)| !is_validator);
        }
        for (_, part) in parts {
            if !comparison.append(part) {
                return Err(Failure::new(
                    WRONG_USE,
                    "error: the configs in this build have different environments",
                )
                .note("  = help: name one config with -c, or the environments with -e"));
            }
        }
        Ok(())
    }

    /// Adds the environments of the config that an overlay passes to the function.
    fn compare_input(
        &self,
        sources: &Sources,
        input: &kustomize::Input<'_, '_>,
        verbosity: &Verbosity,
        comparison: &mut Comparison,
    ) -> Result<(), Failure> {
        let resources = &input.list.resources;
        let focus = Focus::of_build(&self.objects, resources)?;
        let of_build = || {
            FunctionConfig::of_build(input.node, sources)
                .map_err(|problems| failure(&problems, verbosity, WRONG_USE))
        };
        let mut names = self.source.environment.clone();
        if names.is_empty() {
            names = of_build()?.environments();
        }
        names.dedup();
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
            let node = Some(input.node);
            add(
                &function_config,
                stage,
                node,
                (resources, &focus),
                verbosity,
                comparison,
            )?;
        }
        Ok(())
    }
}

/// How a comparison is shown.
#[derive(Clone, Copy)]
struct Options {
    all: bool,
    quiet: bool,
    color: bool,
    width: Option<u16>,
}

type Draw = fn(&Comparison, Options) -> String;

/// The formats by name.
const FORMATS: [(&str, Draw); 4] = [
    ("text", text),
    ("json", |comparison, _| comparison.to_json()),
    ("markdown", |comparison, options| {
        comparison.to_markdown(options.all)
    }),
    ("html", |comparison, options| {
        comparison.to_html(options.all)
    }),
];

fn text(comparison: &Comparison, options: Options) -> String {
    let text = comparison.draw(options.all, options.quiet, options.width, options.color);
    text.as_str().to_owned()
}

/// `-o FORMAT[=FILE]`.
#[derive(Clone, Debug)]
struct Requested {
    name: &'static str,
    draw: Draw,
    file: Option<PathBuf>,
}

impl std::str::FromStr for Requested {
    type Err = String;

    fn from_str(text: &str) -> Result<Requested, String> {
        let (at, file) = output::format_and_file(text, &FORMATS.map(|it| it.0))?;
        Ok(Requested {
            name: FORMATS[at].0,
            draw: FORMATS[at].1,
            file,
        })
    }
}

/// Adds the environments, lowest first.
fn add_each(
    texts: &[(String, ConfigText)],
    objects: (&[Resource<'_>], &Focus),
    verbosity: &Verbosity,
    comparison: &mut Comparison,
) -> Result<(), Failure> {
    let names = texts.iter().map(|(name, _)| name.clone()).collect();
    for (name, stage) in in_stages(names) {
        if let Some((_, text)) = texts.iter().find(|(known, _)| *known == name) {
            let function_config = text.function_config(verbosity)?;
            add(
                &function_config, stage, None, objects, verbosity, comparison,
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
    (resources, focus): (&[Resource<'_>], &Focus),
    verbosity: &Verbosity,
    comparison: &mut Comparison,
) -> Result<(), Failure> {
    let mut config = config_of(function_config, verbosity)?;
    // A config that only checks still says what it would set.
    config.validate_only = false;
    let fitted = focus.fit(&mut config, resources, node);
    let fitted = fitted.map_err(|problems| failure(&problems, verbosity, UNREADABLE))?;
    comparison.add(&config, stage, &fitted, resources);
    Ok(())
}

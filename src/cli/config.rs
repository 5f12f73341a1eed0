//! `fitout config`: prints or explains the config of one environment.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use fitout::config::{Leaf, self_contained, show_scales};
use fitout::objects::Objects;
use fitout::select::{Selected, Selection};
use fitout::text::Text;

use super::config_text::ConfigText;
use super::files::Choice;
use super::inputs::{Manifests, decoded, failure};
use super::output::Output;
use super::{Color, FINDINGS, Failure, SUCCESS, UNREADABLE, Verbosity, WRONG_USE};

/// Print or explain the config of one environment.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print the config of one environment as a single document, for kpt and other hosts that cannot choose one
    Print(Print),
    /// Show the effective config of one environment, with the line that sets each value
    Show(Show),
}

/// Print the config of one environment as a single document.
#[derive(Debug, Args)]
pub(super) struct Print {
    #[command(flatten)]
    chosen: Chosen,
    /// Compare with this file instead; exit with 1 if the file is out of date
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

/// Show the effective config of one environment.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    chosen: Chosen,
    /// Show the settings of the objects in these files or directories, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1..)]
    filenames: Vec<PathBuf>,
}

/// The environment.
#[derive(Debug, Args)]
struct Chosen {
    /// The environment
    #[arg(short = 'e', long, value_name = "NAME")]
    environment: Option<String>,
    /// The file of the config; -e chooses an environment in it
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

impl Chosen {
    fn verbosity(&self) -> Verbosity {
        Verbosity::with_color(self.color)
    }

    fn read(&self) -> Result<ConfigText, Failure> {
        let (config, environment) = (self.config.as_deref(), self.environment.as_deref());
        ConfigText::read(config, environment, &self.verbosity())
    }
}

impl Config {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        match self {
            Config::Print(print) => print.run(),
            Config::Show(show) => show.run(),
        }
    }
}

impl Print {
    fn run(&self) -> Result<u8, Failure> {
        let verbosity = self.chosen.verbosity();
        let text = self.chosen.read()?;
        let function_config = text.function_config(&verbosity)?;
        let config = decoded(&function_config, &verbosity)?;
        let environment = &config.environment;
        let printed = self_contained(&text.stream, environment, fitout::VOCABULARY)
            .map_err(|problem| failure(&problem.into(), &verbosity, WRONG_USE))?;
        let command = match &self.chosen.config {
            Some(file) => format!("fitout config print -c {} -e {environment}", file.display()),
            None => format!("fitout config print -e {environment}"),
        };
        // The header must not depend on the working directory.
        let source = text
            .name
            .rfind("fn-config/")
            .map_or(&*text.name, |at| &text.name[at..]);
        let mut header = Text::of(format_args!(
            "{HEADER} {source} for {environment}. Do not edit; change that file and print again with"
        ));
        header.line(format_args!(
            "# `{command}`. With `--check FILE` the same command fails if FILE is out of date."
        ));
        header.line("#");
        let printed = format!("{}{printed}", header.as_str());
        match &self.check {
            None => {
                Output::data(&printed)?;
                Ok(SUCCESS)
            }
            Some(file) => check(file, &printed, &command),
        }
    }
}

/// The first words of the header of a printed config.
const HEADER: &str = "# Printed from";

/// Compares a file with what would be printed, except for the header.
fn check(file: &Path, printed: &str, command: &str) -> Result<u8, Failure> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(Failure::of(
        UNREADABLE,
        format!("error: cannot read {shown}"),
    ))?;
    fn lines(text: &str) -> impl Iterator<Item = &str> {
        let is_printed = text.starts_with(HEADER);
        text.lines().skip(if is_printed { 2 } else { 0 })
    }
    if text.starts_with(HEADER) && lines(&text).eq(lines(printed)) {
        return Ok(SUCCESS);
    }
    let mut pairs = lines(&text).zip(lines(printed)).enumerate();
    let first = pairs.find(|(_, (old, new))| old != new);
    let first = first.map_or_else(
        || lines(&text).count().min(lines(printed).count()),
        |(index, _)| index,
    );
    let line = |text: &str| lines(text).nth(first).unwrap_or("(the end)").to_owned();
    let number = first + 1 + if text.starts_with(HEADER) { 2 } else { 0 };
    let mut message = Text::of(format_args!("error: {shown} is out of date"));
    message.line(format_args!("  found in line {number}: {}", line(&text)));
    message.line(format_args!("  expected: {}", line(printed)));
    message.line(format_args!("  = help: {command} > {shown}"));
    Output::stderr(&message);
    Ok(FINDINGS)
}

impl Show {
    fn run(&self) -> Result<u8, Failure> {
        let verbosity = self.chosen.verbosity();
        let text = self.chosen.read()?;
        let function_config = text.function_config(&verbosity)?;
        let config = decoded(&function_config, &verbosity)?;
        let mut shown = Shown::default();
        if self.filenames.is_empty() {
            let general = config.general_leaves();
            shown.add(&format!("{}: general", config.environment), &general, &[]);
            for profile in &config.profiles {
                let title = format!("profile {}", profile.name);
                let leaves = config.profile_leaves(profile.layer);
                shown.add(&title, &leaves, &general);
            }
            Output::report(&shown.drawn())?;
            return Ok(SUCCESS);
        }
        let unreadable = |problems| failure(&problems, &verbosity, UNREADABLE);
        let manifests = Manifests::read(&self.filenames, Choice::default(), &verbosity)?;
        let resources = manifests.resources().map_err(unreadable)?;
        let objects = Objects::of(&resources, &config.pod_specs, &config.claims, None);
        let selection = Selection::of(&config, &objects).map_err(unreadable)?;
        let has_sections = |selected: &&Selected<'_, '_>| {
            let target = selected.target;
            !target.templates.is_empty() || !target.claims.is_empty()
        };
        for selected in selection.selected.iter().filter(has_sections) {
            show_object(&config, selected, &mut shown);
        }
        Output::report(&shown.drawn())?;
        Ok(SUCCESS)
    }
}

/// The settings of an object, and of its containers that have other settings.
fn show_object(
    config: &fitout::config::Config<'_>,
    selected: &Selected<'_, '_>,
    shown: &mut Shown,
) {
    let layers = selected.layers.iter();
    let whole = layers.filter(|(_, containers)| containers.is_whole_object());
    let whole: Vec<_> = whole.map(|(layer, _)| *layer).collect();
    let general: Vec<_> = config.general_layers().collect();
    let title = |name: String, layers: &[fitout::config::LayerId]| {
        let profiles = layers.iter().filter(|layer| !general.contains(layer));
        let names: Vec<String> = profiles.map(|layer| config.name_of(*layer)).collect();
        match names.len() {
            0 => name,
            1 => format!("{name}: profile {}", names[0]),
            _ => format!("{name}: profiles {}", names.join(", ")),
        }
    };
    let of_object = config.section_leaves(&whole);
    let name = selected.target.resource.display_name();
    shown.add(&title(name.clone(), &whole), &of_object, &[]);
    for container in selected.target.containers() {
        let layers = selected.layers.iter();
        let of_container = layers.filter(|(_, containers)| containers.includes(container));
        let of_container: Vec<_> = of_container.map(|(layer, _)| *layer).collect();
        if of_container != whole {
            let mut leaves = config.section_leaves(&of_container);
            leaves.retain(|leaf| !of_object.contains(leaf));
            let name = format!("{name}, container {}", container.name);
            shown.add(&title(name, &of_container), &leaves, &of_object);
        }
    }
}

/// Leaves under their titles.
#[derive(Default)]
struct Shown(Vec<(String, Vec<Leaf>)>);

impl Shown {
    /// Adds leaves; amounts are shown with the scale of these or, without one, of the leaves `below`.
    fn add(&mut self, title: &str, leaves: &[Leaf], below: &[Leaf]) {
        let mut shown = leaves.to_vec();
        show_scales(&mut shown, &[below, leaves].concat());
        self.0.push((title.to_owned(), shown));
    }

    /// A table under each title: the leaf, its value, the line that sets it, and the layer.
    fn drawn(&self) -> Text {
        let place = |leaf: &Leaf| match (&leaf.file, leaf.position) {
            (Some(file), Some(position)) => format!("{file}:{}", position.line),
            _ => String::new(),
        };
        let mut text = Text::default();
        for (title, leaves) in &self.0 {
            let paths = leaves.iter().map(|leaf| leaf.path.chars().count());
            let path = paths.max().unwrap_or_default();
            // A long value does not widen the column.
            let values = leaves.iter().map(|leaf| leaf.value.chars().count());
            let value = values.filter(|it| *it <= 40).max().unwrap_or_default();
            if !text.is_empty() {
                text.end();
            }
            text.line(title);
            for leaf in leaves {
                text.line(format_args!(
                    "  {:path$}  {:value$}  {}  {}",
                    leaf.path,
                    leaf.value,
                    place(leaf),
                    leaf.layer
                ));
            }
        }
        text
    }
}

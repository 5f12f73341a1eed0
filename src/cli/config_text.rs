//! The config file and the environment that the arguments or environment variables choose.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use fitout::config::FunctionConfig;
use fitout::problem::{Problem, did_you_mean};
use fitout::yaml::Stream;

use super::files::is_endless;
use super::inputs::{decoded, failure, parsed, shown};
use super::programs::variable;
use super::{Failure, Verbosity, WRONG_USE};
use fitout::sorting;

/// The folder of configs.
const FOLDER: &str = "fn-config";
/// The name of a config's file.
const FILE: &str = "fitout.yaml";
/// The folder in [`FOLDER`] of the config for all environments.
const ALL: &str = "all";

/// The text of a functionConfig and its name in messages.
#[derive(Debug)]
pub(super) struct ConfigText {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) stream: Stream,
    /// The environment to choose in it.
    pub(super) choice: Option<String>,
}

impl ConfigText {
    /// Finds and reads the config of `-c` and `-e`, or else of `FITOUT_CONFIG` and `FITOUT_ENV`.
    pub(super) fn read(
        config: Option<&Path>,
        environment: Option<&str>,
        verbosity: &Verbosity,
    ) -> Result<ConfigText, Failure> {
        let (file, name) = match (config, environment) {
            (None, None) => (
                variable("FITOUT_CONFIG").map(PathBuf::from),
                variable("FITOUT_ENV").map(|name| name.to_string_lossy().into_owned()),
            ),
            (file, name) => (file.map(Path::to_owned), name.map(str::to_owned)),
        };
        match (file, name) {
            (Some(file), Some(name)) => {
                let mut text = ConfigText::of(&file, verbosity)?;
                if text.environments(verbosity)?.is_empty() {
                    return Err(Failure::new(
                        WRONG_USE,
                        format_args!(
                            "error: {} has no `spec.environments`, so -e {name} cannot be used",
                            text.name
                        ),
                    )
                    .note(format_args!(
                        "help: omit -e, or add `spec.environments.{name}`"
                    )));
                }
                text.choice = Some(name);
                Ok(text)
            }
            (Some(file), None) => ConfigText::of(&file, verbosity),
            (None, Some(name)) => find_environment(&name, verbosity),
            (None, None) => Err(Failure::new(
                WRONG_USE,
                "error: no environment given; use -e NAME or -c FILE",
            )
            .note(format_args!(
                "help: {}",
                known_environments(verbosity, None)
            ))),
        }
    }

    /// The configs of several environments: those that are named, or else all of the config, or of the nearest `fn-config/`.
    pub(super) fn of_each(
        config: Option<&Path>,
        named: &[String],
        verbosity: &Verbosity,
    ) -> Result<Vec<(String, ConfigText)>, Failure> {
        let variable = variable("FITOUT_CONFIG").map(PathBuf::from);
        let config = config.or(variable.as_deref());
        let names = match config {
            _ if !named.is_empty() => named.to_vec(),
            Some(file) => ConfigText::of(file, verbosity)?.environments(verbosity)?,
            None => nearest_environments(verbosity).unwrap_or_default(),
        };
        let mut seen = HashSet::new();
        let names = names.into_iter().filter(|name| seen.insert(name.clone()));
        let texts = names.map(|name| {
            let text = ConfigText::read(config, Some(&name), verbosity)?;
            Ok((name, text))
        });
        let texts: Vec<_> = texts.collect::<Result<_, Failure>>()?;
        if texts.len() < 2 {
            let help = match named {
                [] => "name them in `spec.environments` of the config, and the config with -c"
                    .to_owned(),
                _ => known_environments(verbosity, None),
            };
            return Err(Failure::new(
                WRONG_USE,
                "error: nothing to compare: it takes two environments",
            )
            .note(format_args!("  = help: {help}")));
        }
        Ok(texts)
    }

    /// The config, with the environment chosen.
    pub(super) fn function_config(
        &self,
        verbosity: &Verbosity,
    ) -> Result<FunctionConfig<'_>, Failure> {
        let config = FunctionConfig::of_file(&self.stream, &self.name);
        let mut config = config.map_err(|problems| failure(&problems, verbosity, WRONG_USE))?;
        if let Some(choice) = &self.choice {
            config.choose(choice);
        }
        Ok(config)
    }

    /// Reads a config file.
    pub(super) fn of(path: &Path, verbosity: &Verbosity) -> Result<ConfigText, Failure> {
        let name = shown(path);
        // It would be read until the memory ends.
        let bytes = match is_endless(path) {
            true => Err(std::io::Error::other("it is a device")),
            false => std::fs::read(path),
        };
        let bytes = bytes.map_err(Failure::of(
            WRONG_USE,
            format!("error[FIT-CFG001]: cannot read {name}"),
        ))?;
        let stream = parsed(bytes, &name)
            .map_err(|problem| failure(&problem.into(), verbosity, WRONG_USE))?;
        Ok(ConfigText {
            name,
            file: path.to_owned(),
            stream,
            choice: None,
        })
    }

    /// The mistakes in the config, in any of its environments.
    pub(super) fn mistakes(&self, verbosity: &Verbosity) -> Vec<Problem> {
        let decode = |environment: Option<&str>| {
            let mut config = self.function_config(verbosity)?;
            environment.into_iter().for_each(|it| config.choose(it));
            decoded(&config, verbosity).map(drop)
        };
        let environments = match self.environments(verbosity) {
            Ok(environments) => environments,
            Err(failure) => return failure.problems,
        };
        let results: Vec<Result<(), Failure>> = match environments.as_slice() {
            [] => vec![decode(None)],
            some => some.iter().map(|it| decode(Some(it))).collect(),
        };
        let mut problems: Vec<Problem> = Vec::new();
        for problem in results
            .into_iter()
            .filter_map(Result::err)
            .flat_map(|it| it.problems)
        {
            // Environments share most of the config.
            if !problems.iter().any(|known| known.is_same(&problem)) {
                problems.push(problem);
            }
        }
        problems
    }

    /// The names in `spec.environments`.
    fn environments(&self, verbosity: &Verbosity) -> Result<Vec<String>, Failure> {
        Ok(self.function_config(verbosity)?.environments())
    }
}

/// The working directory, as an empty path, and all directories above it.
fn directories() -> Vec<PathBuf> {
    let working = std::env::current_dir().unwrap_or_default();
    let above = working.ancestors().skip(1).map(Path::to_owned);
    std::iter::once(PathBuf::new()).chain(above).collect()
}

/// The config files in a directory that can contain several environments.
fn shared_files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = directory.join(FOLDER);
    let files = [folder.join(ALL).join(FILE), folder.join(FILE)];
    files.into_iter().filter(|file| file.is_file())
}

/// The nearest `fn-config/NAME/fitout.yaml`, here or above; else the nearest config that has this environment.
fn find_environment(name: &str, verbosity: &Verbosity) -> Result<ConfigText, Failure> {
    let directories = directories();
    let relative: PathBuf = [FOLDER, name, FILE].iter().collect();
    let own = directories.iter().map(|it| it.join(&relative));
    if let Some(file) = own.into_iter().find(|path| path.is_file()) {
        let mut text = ConfigText::of(&file, verbosity)?;
        if !text.environments(verbosity)?.is_empty() {
            text.choice = Some(name.to_owned());
        }
        return Ok(text);
    }
    for file in directories.iter().flat_map(|it| shared_files(it)) {
        let mut text = ConfigText::of(&file, verbosity)?;
        if text.environments(verbosity)?.iter().any(|it| it == name) {
            text.choice = Some(name.to_owned());
            return Ok(text);
        }
    }
    Err(Failure::new(
        WRONG_USE,
        format!(
            "error: no environment `{name}`: found no {} here or above, and no {FOLDER}/{ALL}/{FILE} or \
             {FOLDER}/{FILE} with this environment",
            relative.display()
        ),
    )
    .note(format_args!(
        "help: {}",
        known_environments(verbosity, Some(name))
    )))
}

/// The environments of the nearest `fn-config/`: those of the config that has several, and those with a folder of their own.
fn nearest_environments(verbosity: &Verbosity) -> Option<Vec<String>> {
    let directories = directories();
    let directory = directories.iter().find(|it| it.join(FOLDER).is_dir())?;
    let mut names: Vec<String> = Vec::new();
    for file in shared_files(directory) {
        let described = ConfigText::of(&file, verbosity).and_then(|it| it.environments(verbosity));
        names.extend(described.unwrap_or_default());
    }
    let entries = std::fs::read_dir(directory.join(FOLDER));
    let entries = entries.into_iter().flatten().flatten();
    let has_config = entries.filter(|entry| entry.path().join(FILE).is_file());
    let folders = has_config.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut folders: Vec<String> = folders.filter(|name| name != ALL).collect();
    sorting::sort(&mut folders);
    names.extend(folders);
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Some(names)
}

/// Help that names the environments of the nearest `fn-config/`.
fn known_environments(verbosity: &Verbosity, wanted: Option<&str>) -> String {
    let Some(mut names) = nearest_environments(verbosity) else {
        return format!("there is no {FOLDER}/ here or above; use -c FILE");
    };
    sorting::sort(&mut names);
    let known = format!("known environments: {}", names.join(", "));
    let nearest = wanted.and_then(|name| did_you_mean(name, names.iter().map(String::as_str)));
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? {known}"),
        None => known,
    }
}

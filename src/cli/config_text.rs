//! The config that the arguments, or else the environment variables, name: its file, and which environment in it.

use std::path::{Path, PathBuf};

use fitout::config::FunctionConfig;
use fitout::problem::did_you_mean;
use fitout::yaml::Stream;

use super::inputs::{failure, parsed, shown};
use super::{Failure, Telling, WRONG_USE};

/// The folder of configs.
const FOLDER: &str = "fn-config";
/// The name of a config's file.
const FILE: &str = "fitout.yaml";
/// The folder in [`FOLDER`] of a config that describes several environments.
const ALL: &str = "all";

/// The functionConfig's text and what a person calls it.
#[derive(Debug)]
pub(super) struct ConfigText {
    pub(super) name: String,
    pub(super) stream: Stream,
    /// The environment that is chosen in it.
    pub(super) choice: Option<String>,
}

impl ConfigText {
    /// Finds and reads the config of `-c` and `-e`, or else of `FITOUT_CONFIG` and `FITOUT_ENV`.
    pub(super) fn read(
        config: Option<&Path>,
        environment: Option<&str>,
        telling: &Telling,
    ) -> Result<ConfigText, Failure> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let (file, name) = match (config, environment) {
            (None, None) => (
                variable("FITOUT_CONFIG").map(PathBuf::from),
                variable("FITOUT_ENV").map(|name| name.to_string_lossy().into_owned()),
            ),
            (file, name) => (file.map(Path::to_owned), name.map(str::to_owned)),
        };
        match (file, name) {
            (Some(file), Some(name)) => {
                let mut text = ConfigText::of(&file, telling)?;
                if text.environments(telling)?.is_empty() {
                    return Err(Failure::new(
                        WRONG_USE,
                        format!(
                            "error: {} has no `spec.environments`, so there is no `{name}` to choose in it\n\
                             help: leave out -e, or describe the environment there",
                            text.name
                        ),
                    ));
                }
                text.choice = Some(name);
                Ok(text)
            }
            (Some(file), None) => ConfigText::of(&file, telling),
            (None, Some(name)) => find_environment(&name, telling),
            (None, None) => Err(Failure::new(
                WRONG_USE,
                format!(
                    "error: which environment? Give -e NAME or -c FILE\nhelp: {}",
                    known_environments(telling, None)
                ),
            )),
        }
    }

    /// The config, with the environment chosen.
    pub(super) fn function_config(&self, telling: &Telling) -> Result<FunctionConfig<'_>, Failure> {
        let config = FunctionConfig::of_file(&self.stream, &self.name);
        let mut config = config.map_err(|problems| failure(&problems, telling, WRONG_USE))?;
        if let Some(choice) = &self.choice {
            config.choose(choice);
        }
        Ok(config)
    }

    fn of(path: &Path, telling: &Telling) -> Result<ConfigText, Failure> {
        let name = shown(path);
        let bytes = std::fs::read(path).map_err(Failure::of(
            WRONG_USE,
            format!("error[FIT-CFG001]: cannot read {name}"),
        ))?;
        let stream =
            parsed(bytes, &name).map_err(|problem| failure(&problem.into(), telling, WRONG_USE))?;
        Ok(ConfigText {
            name,
            stream,
            choice: None,
        })
    }

    /// The environments that the config describes.
    fn environments(&self, telling: &Telling) -> Result<Vec<String>, Failure> {
        Ok(self.function_config(telling)?.environments())
    }
}

/// The working directory, as the empty path, and every directory above.
fn directories() -> Vec<PathBuf> {
    let working = std::env::current_dir().unwrap_or_default();
    let above = working.ancestors().skip(1).map(Path::to_owned);
    std::iter::once(PathBuf::new()).chain(above).collect()
}

/// The files in a directory that may describe several environments.
fn shared_files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = directory.join(FOLDER);
    let files = [folder.join(ALL).join(FILE), folder.join(FILE)];
    files.into_iter().filter(|file| file.is_file())
}

/// The nearest `fn-config/NAME/fitout.yaml`, here or above; else the nearest config of several environments that
/// describes this one.
fn find_environment(name: &str, telling: &Telling) -> Result<ConfigText, Failure> {
    let directories = directories();
    let relative: PathBuf = [FOLDER, name, FILE].iter().collect();
    let own = directories.iter().map(|it| it.join(&relative));
    if let Some(file) = own.into_iter().find(|path| path.is_file()) {
        let mut text = ConfigText::of(&file, telling)?;
        if !text.environments(telling)?.is_empty() {
            text.choice = Some(name.to_owned());
        }
        return Ok(text);
    }
    for file in directories.iter().flat_map(|it| shared_files(it)) {
        let mut text = ConfigText::of(&file, telling)?;
        if text.environments(telling)?.iter().any(|it| it == name) {
            text.choice = Some(name.to_owned());
            return Ok(text);
        }
    }
    Err(Failure::new(
        WRONG_USE,
        format!(
            "error: no environment `{name}`: there is no {} here or above, and no {FOLDER}/{ALL}/{FILE} or \
             {FOLDER}/{FILE} that describes it\nhelp: {}",
            relative.display(),
            known_environments(telling, Some(name))
        ),
    ))
}

/// The environments of the nearest `fn-config/`.
fn known_environments(telling: &Telling, wanted: Option<&str>) -> String {
    let directories = directories();
    let nearest = directories.iter().find(|it| it.join(FOLDER).is_dir());
    let Some(directory) = nearest else {
        return format!("there is no {FOLDER}/ here or above; name a config with -c FILE");
    };
    let entries = std::fs::read_dir(directory.join(FOLDER));
    let entries = entries.into_iter().flatten().flatten();
    let has_config = entries.filter(|entry| entry.path().join(FILE).is_file());
    let folders = has_config.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = folders.filter(|name| name != ALL).collect();
    for file in shared_files(directory) {
        let described = ConfigText::of(&file, telling).and_then(|it| it.environments(telling));
        names.extend(described.unwrap_or_default());
    }
    names.sort();
    names.dedup();
    let known = format!("known environments: {}", names.join(", "));
    let nearest = wanted.and_then(|name| did_you_mean(name, names.iter().map(String::as_str)));
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? {known}"),
        None => known,
    }
}

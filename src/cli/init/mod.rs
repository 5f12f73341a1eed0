//! `fitout init`: suggests a config for a repository, and what runs fitout in it. Writes only files that do not exist.

mod additions;
mod config;
mod files;
mod first_run;
mod found;
mod show;

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fitout::text::Text;

use super::output::Output;
use super::{Failure, SUCCESS, UNREADABLE, UNWRITABLE, WRONG_USE, embedded};
use additions::{has_lines, missing};
use config::{Lessons, Suggestion, suggest};
use files::{Addition, CONFIG, Planned, around, planned};
use first_run::{first_run, learn};
use found::{Ci, Found, Seen};
use show::{show_additions, unreadable};

/// Suggest a config for a repository, and write it with the files that run fitout there
///
/// Reads the manifests, kustomizations and charts below DIR, and shows the workloads, the images and the files that it
/// writes: one config for all environments, the folders that kustomize overlays list, a CI job and a pre-commit hook. Files
/// that exist are never changed: for them it prints the lines to add.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 written, shown with --dry-run, or nothing to write; 2 wrong usage, or nothing to deploy in DIR; \
                        3 unreadable input; 4 a file that cannot be written; 70 a bug in fitout."
)]
pub(super) struct Init {
    /// The project: fn-config/ is written here
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Read only these files and directories, or - for the output of `helm template`; default: DIR without examples and tests
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1..)]
    filenames: Vec<PathBuf>,
    /// The environments, with commas; default: those of overlays, values files and folders, or else development,staging,production
    #[arg(
        short = 'e',
        long = "environment",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    environments: Vec<String>,
    /// The CI to write a job for; default: the one that the repository has
    #[arg(long, value_enum, value_name = "NAME")]
    ci: Option<Ci>,
    /// Leave out a part; repeatable, or with commas
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',')]
    skip: Vec<Part>,
    /// Write nothing; with -v also show the contents of the files
    #[arg(long)]
    dry_run: bool,
    /// Show all workloads, and the contents of the files
    #[arg(short, long)]
    verbose: bool,
    /// Print only errors and the lines to add
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
}

/// A part that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The folders for overlays.
    Kustomize,
    /// The CI job.
    Ci,
    /// The hook for pre-commit.
    PreCommit,
}

impl Init {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let root = &self.directory;
        if !root.is_dir() {
            let directory = root.display();
            return Err(Failure::new(
                WRONG_USE,
                format_args!("error: {directory} is not a directory"),
            )
            .note("  = help: `fitout init DIR -f FILE` reads a file and writes to DIR"));
        }
        let (manifests, seen) = Seen::below(root, &self.filenames)?;
        let (resources, _) = manifests.readable();
        let given = (&manifests, resources.as_slice());
        let found = Found::of(
            root, &self.filenames, seen, given, &self.environments, self.ci,
        )?;
        let workloads = Found::workloads(&resources);
        if workloads.is_empty() && found.charts.is_empty() {
            return Err(self.nothing_found(&found));
        }
        let images = found.images(&workloads);
        let last = found.environments.last().cloned().unwrap_or_default();
        let mut lessons = Lessons::default();
        let mut suggestion = suggest(&found, &workloads, &images, &lessons);
        if !resources.is_empty() {
            // The first run shows what the next config can settle.
            let report = first_run(&suggestion, &last, &resources)?;
            lessons = learn(&report, &resources);
            suggestion = suggest(&found, &workloads, &images, &lessons);
        }
        let mut plans = Vec::new();
        for environment in &found.environments {
            let report = first_run(&suggestion, environment, &resources)?;
            plans.push((environment.clone(), report));
        }
        // The folders for overlays need the config in fn-config/all.
        let is_elsewhere = self.directory.join("fn-config/fitout.yaml").exists();
        let (mut files, mut additions) = around(&found, |part| {
            self.skip.contains(&part) || part == Part::Kustomize && is_elsewhere
        });
        let config = self.config(&found, &suggestion);
        if config.path == CONFIG {
            files.insert(
                0,
                planned(
                    SCHEMA.to_owned(),
                    "lets editors complete and check the config",
                    embedded::text("schema/fitout.schema.json")?,
                ),
            );
        }
        files.insert(0, config);
        let (new, known): (Vec<Planned>, Vec<Planned>) = files
            .into_iter()
            .partition(|it| self.place(&found, it).symlink_metadata().is_err());
        for file in &known {
            let is_same = super::tree::read_text(&self.place(&found, file)).is_some_and(|text| {
                text == file.text
                    || file
                        .addition
                        .as_ref()
                        .is_some_and(|it| has_lines(&text, it))
            });
            if let Some(lines) = file.addition.clone().filter(|_| !is_same) {
                additions.push(Addition {
                    path: file.path.clone(),
                    lines,
                });
            }
        }
        additions.retain(|it| !self.has(&found, it));
        let mut text = Text::default();
        if !self.quiet {
            self.show_found(&found, &resources, &workloads, &images, &mut text);
            self.show_files(&found, &new, &known, &mut text);
        }
        for it in &mut additions {
            let folder = match it.path.starts_with('.') && it.path != "." {
                true => &found.repository,
                false => &self.directory,
            };
            it.path = found::relative(Path::new("."), &folder.join(&it.path));
        }
        show_additions(&additions, self.verbose, &mut text);
        if !self.dry_run {
            for file in &new {
                write(root, &self.place(&found, file), file)?;
            }
        }
        if !self.quiet {
            self.show_next(&found, &plans, suggestion.unknown.values(), &mut text);
        }
        Output::report(&text)?;
        Ok(SUCCESS)
    }

    /// Where a file is written.
    fn place(&self, found: &Found, file: &Planned) -> PathBuf {
        match file.is_of_repository {
            true => found.repository.join(&file.path),
            false => self.directory.join(&file.path),
        }
    }

    /// Whether a file that exists has lines already.
    fn has(&self, found: &Found, addition: &Addition) -> bool {
        let path = self.directory.join(&addition.path);
        let file = match path.is_dir() {
            true => super::tree::kustomization_in(&path),
            false => Some(found.repository.join(&addition.path)).filter(|it| it.is_file()),
        };
        let text = file.and_then(|it| super::tree::read_text(&it));
        text.is_some_and(|text| has_lines(&text, &addition.lines))
    }

    fn config(&self, found: &Found, suggestion: &Suggestion) -> Planned {
        let names: Vec<&str> = suggestion
            .profiles
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let mut what = format!("environments {}", found.environments.join(", "));
        if !names.is_empty() {
            what += &format!("; profiles {}", names.join(", "));
        }
        match suggestion.unknown.len() {
            0 => {}
            1 => what += "; 1 entry of the catalogue to fill in",
            count => what += &format!("; {count} entries of the catalogue to fill in"),
        }
        let existing = [
            self.directory.join(CONFIG),
            self.directory.join("fn-config/fitout.yaml"),
        ];
        let existing = existing.iter().find(|it| it.exists());
        let path = match existing {
            Some(file) => found::relative(&self.directory, file),
            None => CONFIG.to_owned(),
        };
        let addition =
            existing.and_then(|file| missing(&super::tree::read_text(file)?, found, suggestion));
        Planned {
            path,
            is_of_repository: false,
            what,
            text: suggestion.text.clone(),
            addition,
        }
    }

    fn nothing_found(&self, found: &Found) -> Failure {
        let directory = self.directory.display();
        let mut failure = Failure::new(
            WRONG_USE,
            format_args!(
                "error: there is nothing to deploy in {directory}: no workload and no chart"
            ),
        );
        if let Some((folder, _)) = found.left_out.iter().next() {
            failure = failure.note(format_args!(
                "  = help: to use what is in {folder}, name it: `fitout init -f {folder}`"
            ));
        }
        match found.unreadable.as_slice() {
            [] => failure.note("  = help: for a chart elsewhere, pass its output: `helm template CHART | fitout init -f -`"),
            [first, ..] => {
                failure.code = UNREADABLE;
                failure.note(format_args!("  = note: {}", unreadable(first)))
            }
        }
    }
}

/// The JSON Schema of the config, for editors.
const SCHEMA: &str = "fn-config/fitout.schema.json";

/// Writes a file that does not exist. Folders that are links are refused: they can lead out of the project.
fn write(root: &Path, path: &Path, file: &Planned) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            UNWRITABLE,
            format_args!("error: cannot write {}: {error}", path.display()),
        )
    };
    let folder = path.parent().unwrap_or(root);
    let base = path
        .ancestors()
        .nth(file.path.split('/').count())
        .unwrap_or(root);
    let mut below = folder.to_owned();
    while below != base && below.starts_with(base) {
        if below.symlink_metadata().is_ok_and(|it| it.is_symlink()) {
            return Err(failed(std::io::Error::other(format!(
                "{} is a link",
                below.display()
            ))));
        }
        below.pop();
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    match std::fs::File::create_new(path) {
        // Another program was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(mut new) => new.write_all(file.text.as_bytes()).map_err(failed),
    }
}

//! `fitout init`: suggests a config for a repository, and what runs fitout in it. Writes only files that do not exist.

mod config;
mod files;
mod found;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fitout::config::FunctionConfig;
use fitout::problem::Problems;
use fitout::read::Resource;
use fitout::report::{self, DetailLevel, Report};
use fitout::text::Text;
use fitout::yaml::Stream;

use super::files::Choice;
use super::inputs::failure;
use super::output::Output;
use super::{BUG, Color, Failure, SUCCESS, UNREADABLE, UNWRITABLE, Verbosity, WRONG_USE, embedded};
use config::{Lessons, Suggestion, suggest};
use files::{Addition, CONFIG, Planned, around, planned};
use found::{Ci, Found, Image, Workload, is_plain};

/// Suggest a config for a repository, and write it with what runs fitout there
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

/// The most workloads and images that are listed without -v.
const LISTED: usize = 12;

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
        let choice = Choice::default();
        let mut found = Found::of(root, &self.filenames, choice, &self.environments, self.ci)?;
        let manifests = std::mem::take(&mut found.manifests);
        let (resources, _) = manifests.readable();
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
            let is_same = std::fs::read_to_string(self.place(&found, file)).is_ok_and(|text| {
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
        let text = file.and_then(|it| std::fs::read_to_string(it).ok());
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
        let addition = existing
            .and_then(|file| missing(&std::fs::read_to_string(file).ok()?, found, suggestion));
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

    /// The workloads and images that the suggestions rest on.
    fn show_found(
        &self,
        found: &Found,
        resources: &[Resource<'_>],
        workloads: &[Workload],
        images: &BTreeMap<String, Image>,
        text: &mut Text,
    ) {
        let files: std::collections::BTreeSet<_> = resources.iter().map(|it| it.text).collect();
        let mut parts = vec![format!(
            "{} in {}",
            plural(workloads.len(), "workload"),
            plural(files.len(), "file")
        )];
        for (count, word) in [
            (found.overlays.len(), "overlay"),
            (found.bases.len(), "kustomization without an environment"),
            (found.charts.len(), "chart"),
        ] {
            if count > 0 {
                parts.push(match word {
                    word if word.starts_with("kustomization ") && count > 1 => {
                        format!("{count} kustomizations without an environment")
                    }
                    word => plural(count, word),
                });
            }
        }
        parts.push(match found.ci {
            Ci::Github => "GitHub Actions".to_owned(),
            Ci::Gitlab => "GitLab CI".to_owned(),
            Ci::None => "no CI".to_owned(),
        });
        text.line(format_args!("Found   {}", parts.join(", ")));
        for (folder, count) in &found.left_out {
            text.line(format_args!("        left out: {folder} ({}), which is not deployed by its name; name it with -f to include it", plural(*count, "file")));
        }
        for problem in &found.unreadable {
            text.line(format_args!("        left out: {}", unreadable(problem)));
        }
        for odd in &found.odd {
            text.line(format_args!(
                "        left out: {odd}, whose name needs quotes in a shell"
            ));
        }
        let shown = if self.verbose {
            workloads.len()
        } else {
            LISTED
        };
        let width = workloads
            .iter()
            .take(shown)
            .map(|it| it.display.chars().count())
            .max()
            .unwrap_or(0);
        for workload in workloads.iter().take(shown) {
            let class = match () {
                () if workload.is_database => "  database",
                () if workload.is_of_node => "  uses the node",
                () => "",
            };
            let component = workload
                .component
                .as_ref()
                .map_or(String::new(), |(it, _)| format!("  component {it}"));
            let images: Vec<&str> = workload.images.iter().map(|it| short(it)).collect();
            text.line(format_args!(
                "  {:width$}  {}{class}{component}",
                workload.display,
                images.join(", ")
            ));
        }
        if workloads.len() > shown {
            text.line(format_args!(
                "  and {} more, which -v shows",
                workloads.len() - shown
            ));
        }
        for chart in &found.charts {
            let name = &chart.name;
            text.line(format_args!(
                "  chart {name}  {}  {}",
                chart.folder,
                plural(chart.images.len(), "image")
            ));
        }
        let (known, unknown): (Vec<_>, Vec<_>) =
            images.iter().partition(|(_, it)| it.known.is_some());
        text.line(format_args!(
            "Images  {}: {} known, {} not",
            plural(images.len(), "image"),
            known.len(),
            unknown.len()
        ));
        let width = known
            .iter()
            .map(|(image, _)| short(image).chars().count())
            .max()
            .unwrap_or(0);
        let shown = if self.verbose { images.len() } else { LISTED };
        for (image, it) in known.iter().take(shown) {
            text.line(format_args!(
                "  {:width$}  {}",
                short(image),
                it.known.as_deref().unwrap_or_default()
            ));
        }
        if !unknown.is_empty() {
            let all = unknown.iter().take(shown).map(|(image, _)| short(image));
            let mut all: Vec<&str> = all.collect();
            all.dedup();
            let more = match unknown.len().saturating_sub(shown) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            text.line(format_args!("  not known: {}{more}", all.join(", ")));
        }
    }

    fn show_files(&self, found: &Found, new: &[Planned], known: &[Planned], text: &mut Text) {
        let verb = if self.dry_run { "Would write" } else { "Write" };
        let shown = |file: &Planned| found::relative(Path::new("."), &self.place(found, file));
        let all = new.iter().chain(known);
        let width = all.map(|it| shown(it).chars().count()).max().unwrap_or(0);
        if !new.is_empty() {
            text.line(verb);
        }
        for file in new {
            let lines = plural(file.text.lines().count(), "line");
            text.line(format_args!(
                "  {:width$}  {lines:>9}  {}",
                shown(file),
                file.what
            ));
        }
        for file in known {
            text.line(format_args!(
                "  {:width$}  exists and stays as it is",
                shown(file)
            ));
        }
        for file in new.iter().filter(|_| self.verbose) {
            text.end();
            text.line(format_args!("--- {}", shown(file)));
            for line in file.text.lines() {
                text.line(line);
            }
        }
    }

    /// What a first plan says, and what to type next.
    fn show_next<'s>(
        &self,
        found: &Found,
        plans: &[(String, Report)],
        unknown: impl Iterator<Item = &'s String>,
        text: &mut Text,
    ) {
        if !found.paths.is_empty() || !self.filenames.is_empty() {
            text.line("First plan");
            let width = plans
                .iter()
                .map(|(name, _)| name.chars().count())
                .max()
                .unwrap_or(0);
            for (name, report) in plans {
                text.line(format_args!("  {name:width$}  {}", report::totals(report)));
            }
        }
        text.line("Next");
        let unknown = unknown.filter(|it| it.contains("runAsUser: …")).count();
        if unknown > 0 {
            let images = plural(unknown, "image");
            text.line(format_args!(
                "  fill in the catalogue in {CONFIG}: {images} would not start if they run as root"
            ));
        }
        if !matches!(self.directory.to_str(), Some("." | "./")) {
            text.line(format_args!("  cd {}", self.directory.display()));
        }
        let last = plans.last().map_or("production", |(name, _)| name.as_str());
        if !found.paths.is_empty() {
            let paths = found.filenames();
            text.line(format_args!("  fitout plan {paths} -e {last}"));
            if found.overlays.is_empty() && found.bases.is_empty() {
                text.line(format_args!(
                    "  fitout apply {paths} -e {last} | kubectl apply -f -"
                ));
            }
        }
        if let Some(overlay) = found
            .overlays
            .iter()
            .rev()
            .find(|it| it.environment == last)
        {
            text.line(format_args!(
                "  fitout check -k {} -e {last}   # once the overlay lists fitout",
                overlay.folder
            ));
        }
        for chart in found.charts.iter().take(3) {
            let values = chart.values.iter().find(|(name, _)| name == last);
            let values = values.map_or(String::new(), |(_, file)| {
                format!(" -f {}/{file}", chart.folder)
            });
            let name = if is_plain(&chart.name) {
                chart.name.as_str()
            } else {
                "release"
            };
            let folder = &chart.folder;
            text.line(format_args!(
                "  helm template {name} {folder}{values} | fitout plan -f - -e {last}"
            ));
        }
        for line in helm(found, last) {
            text.line(format_args!("  {line}"));
        }
    }
}

/// How Helm runs fitout.
fn helm(found: &Found, environment: &str) -> Vec<String> {
    let Some(chart) = found.charts.first() else {
        return Vec::new();
    };
    let values = chart.values.iter().find(|(name, _)| name == environment);
    let values = values.map_or(String::new(), |(_, file)| {
        format!(" -f {}/{file}", chart.folder)
    });
    let name = if is_plain(&chart.name) {
        chart.name.as_str()
    } else {
        "release"
    };
    let folder = &chart.folder;
    vec![
        "fitout helm-plugin install".to_owned(),
        format!(
            "helm upgrade --install {name} {folder}{values} --post-renderer fitout --post-renderer-args=-e{environment}"
        ),
    ]
}

/// The JSON Schema of the config, for editors.
const SCHEMA: &str = "fn-config/fitout.schema.json";

/// Lines that a config lacks: profiles, environments, and unknown images.
fn missing(existing: &str, found: &Found, suggestion: &Suggestion) -> Option<String> {
    let stream = Stream::parse(existing.to_owned()).ok()?;
    let root = stream.documents().next()?.root();
    let named = |path: [&str; 2], key: &str| -> Vec<String> {
        root.items_at(path)
            .filter_map(|it| Some(it.text_at([key])?.into_owned()))
            .collect()
    };
    let (profiles, images) = (
        named(["spec", "profiles"], "name"),
        named(["spec", "catalogue"], "image"),
    );
    let environments: Vec<String> = root
        .at(["spec", "environments"])
        .into_iter()
        .flat_map(|it| {
            it.entries()
                .filter_map(|(key, _)| Some(key.text()?.into_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut lines = String::new();
    let profiles: Vec<&str> = suggestion
        .profiles
        .iter()
        .filter(|(name, _)| !profiles.contains(name))
        .map(|(_, text)| text.as_str())
        .collect();
    if !profiles.is_empty() {
        lines += "  profiles:\n";
        profiles.iter().for_each(|it| lines += it);
    }
    let unknown: Vec<&String> = suggestion
        .unknown
        .iter()
        .filter(|(image, _)| {
            !images.contains(image) && !existing.contains(&format!("image: {image} "))
        })
        .map(|(_, text)| text)
        .collect();
    if !unknown.is_empty() {
        lines += "  # catalogue:\n";
        unknown.into_iter().for_each(|it| lines += it);
    }
    let environments: Vec<&String> = found
        .environments
        .iter()
        .filter(|it| !environments.contains(it))
        .collect();
    if !environments.is_empty() {
        lines += "  environments:\n";
        environments
            .iter()
            .for_each(|it| lines += &format!("    {it}: {{}}\n"));
    }
    (!lines.is_empty()).then(|| format!("spec:\n{lines}"))
}

/// Whether a text has all these lines, whatever is between them.
fn has_lines(text: &str, lines: &str) -> bool {
    let bare = |line: &str| {
        line.split(" #")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let known: Vec<String> = text.lines().map(bare).collect();
    lines.lines().map(bare).all(|it| known.contains(&it))
}

fn show_additions(additions: &[Addition], all: bool, text: &mut Text) {
    if additions.is_empty() {
        return;
    }
    text.line("Add, because these files exist");
    let mut by_lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for it in additions {
        match by_lines.iter_mut().find(|(lines, _)| *lines == it.lines) {
            Some((_, paths)) => paths.push(&it.path),
            None => by_lines.push((&it.lines, vec![&it.path])),
        }
    }
    for (lines, paths) in by_lines {
        let shown = if all { paths.len() } else { LISTED };
        for path in paths.iter().take(shown) {
            text.line(format_args!("  {path}"));
        }
        if paths.len() > shown {
            text.line(format_args!(
                "  and {} more, which -v shows",
                paths.len() - shown
            ));
        }
        for line in lines.lines() {
            text.line(format_args!("      {line}"));
        }
    }
}

/// Runs fitout with a config that is not written yet.
fn first_run(
    suggestion: &Suggestion,
    environment: &str,
    resources: &[Resource<'_>],
) -> Result<Report, Failure> {
    let verbosity = Verbosity::with_color(Color::Never);
    let bug = |problems: Problems| {
        let mut failure = failure(&problems, &verbosity, BUG);
        failure.problems.clear();
        failure.note("this is a bug in fitout: it does not accept the config that it suggests, and has written nothing")
    };
    let unreadable = |problems| failure(&problems, &verbosity, UNREADABLE);
    let stream = Stream::parse(suggestion.text.clone());
    let stream = stream
        .map_err(|error| bug(fitout::not_yaml(&error, Some((CONFIG, &suggestion.text))).into()))?;
    let mut function_config = FunctionConfig::of_file(&stream, CONFIG).map_err(bug)?;
    function_config.choose(environment);
    let config = function_config.decode(fitout::VOCABULARY).map_err(bug)?;
    let mut fitted = fitout::fit(&config, resources, None).map_err(unreadable)?;
    Ok(Report::of(
        &mut fitted,
        resources,
        &config,
        DetailLevel::EachChange,
    ))
}

/// What the findings of a first run say about the config.
fn learn(report: &Report, resources: &[Resource<'_>]) -> Lessons {
    let mut lessons = Lessons::default();
    for entry in &report.results {
        let object = entry.object.map(|index| &resources[index]);
        match (entry.rule, object) {
            ("FIT-SEC009", Some(object)) if is_plain(&object.name) => {
                lessons.low_ports.insert((
                    object.kind.clone().into_owned(),
                    object.name.clone().into_owned(),
                ));
            }
            ("FIT-PSS-capabilities_restricted", _) => {
                let lines = report::config_lines(entry);
                lessons.respells_all |=
                    lines.is_some_and(|it| it.contains("capabilities.drop: Override"));
            }
            ("FIT-SEC004", _) => {
                // Its help is the entry for the catalogue.
                let help = entry.help.as_deref().unwrap_or_default();
                let lines = help
                    .split_once("`- {image: ")
                    .and_then(|(_, it)| it.split_once("}`"));
                if let Some((image, rest)) = lines.and_then(|(line, _)| line.split_once(", ")) {
                    let entry_line = format!("{{image: {image}, {rest}}}");
                    lessons
                        .entries
                        .insert(image.to_owned(), (entry_line, rest.contains("runAsUser")));
                }
            }
            _ => {}
        }
    }
    lessons
}

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

fn unreadable(problem: &fitout::problem::Problem) -> String {
    let place = problem.place.as_ref();
    let place = place.and_then(|it| Some(format!("{}:{}: ", it.file.as_ref()?, it.position.line)));
    format!("{}{}", place.unwrap_or_default(), problem.message)
}

/// An image without its digest.
fn short(image: &str) -> &str {
    image.split('@').next().unwrap_or(image)
}

fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

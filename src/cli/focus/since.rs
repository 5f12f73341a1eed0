//! The input as it was at a commit of git: `--since`.

mod repositories;

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fitout::config::Unbuilt;
use fitout::read::{Origin, OriginLines, Resource, is_object};
use fitout::report::{FileOutcome, FileReason};
use fitout::yaml::Stream;

use super::super::files::{File, is_manifest};
use super::super::inputs::{kustomizations_of, objects_in, shown};
use super::super::output::Output;
use super::super::tree::{self, Named, View};
use super::super::{Failure, Source};
use super::Input;
use fitout::sorting;
use repositories::{Repositories, Resolved, State, Was};

/// The files that differ from a commit.
#[derive(Debug)]
pub(super) struct Before {
    /// For each text whether it differs, or is read as something else, and its former documents.
    pub(super) texts: Vec<Option<Option<Stream>>>,
    /// Files that are gone, or in which no objects are read any more.
    gone: Vec<Stream>,
    /// The ConfigMaps and Secrets that kustomizations generated.
    pub(super) generated: fitout::hashing::HashSet<String>,
    /// What only builds had.
    pub(super) unbuilt: Vec<Unbuilt>,
    /// The commits that were compared with.
    pub(super) bases: Vec<String>,
}

/// Where a file is, and what git knows about it.
struct Place {
    path: PathBuf,
    state: State,
    /// Whether one of the links on the way to it differs. What it led to before is not looked up.
    has_other_links: bool,
}

impl Before {
    /// Asks git for the files that differ. `None` if everything counts as changed.
    pub(super) fn of(reference: &str, input: &Input<'_>) -> Result<Option<Before>, Failure> {
        let Input { source, found, .. } = *input;
        let mut folders: Vec<PathBuf> = source.filenames.iter().map(|it| folder_of(it)).collect();
        if folders.is_empty() {
            folders.push(PathBuf::from("."));
        }
        let mut repositories = Repositories::of(reference, &folders)?;
        let everything = |what: &str| {
            Output::notice(format_args!(
                "note: {what} has changed, so everything is reported"
            ));
            Ok(None)
        };
        if config_differs(&mut repositories, source, input.configs) {
            return everything("the config");
        }
        let is_looked_at = |(file, role): (&File, &Option<_>)| {
            role.is_some() || file.outcome == FileOutcome::PassedOver(FileReason::Extension)
        };
        let files = found.files.iter().zip(&found.roles);
        let places =
            files.map(|it| is_looked_at(it).then(|| place_of(&mut repositories, &it.0.path)));
        let places: Vec<Option<Place>> = places.map(Option::flatten).collect();
        if let Some(file) = decisive(&mut repositories, &folders, &places, input) {
            let working = std::env::current_dir().unwrap_or_default();
            return everything(&format!(
                "{}, which decides about the files that are read,",
                shown(file.strip_prefix(working).unwrap_or(&file))
            ));
        }
        let repositories = RefCell::new(repositories);
        let named = named_before(&repositories, &found.kustomizations);
        let mut repositories = repositories.into_inner();
        let mut before = Before {
            texts: Vec::with_capacity(input.manifests.texts.len()),
            gone: Vec::new(),
            generated: named.generated.clone(),
            unbuilt: named.unbuilt(&kustomizations_of(&input.found.files)),
            bases: Vec::new(),
        };
        before.compare(&mut repositories, &named, &places, input);
        before.add_gone(&repositories, &named, input);
        before.bases = repositories.asked().map(|it| it.base.clone()).collect();
        sorting::sort(&mut before.bases);
        Ok(Some(before))
    }

    /// Compares the files that are there: their bytes, and what kustomizations make of them.
    fn compare(
        &mut self,
        repositories: &mut Repositories,
        named: &Named,
        places: &[Option<Place>],
        input: &Input<'_>,
    ) {
        let mut texts = input.manifests.texts.iter().peekable();
        for (at, (file, place)) in input.found.files.iter().zip(places).enumerate() {
            let text = texts.next_if(|it| it.at == at);
            // A stream has no history.
            let place = place
                .as_ref()
                .filter(|_| text.is_none_or(|it| it.file.is_some()));
            let Some(place) = place else {
                self.texts.extend(text.map(|_| Some(None)));
                continue;
            };
            let (now, path) = (&input.found.named, &place.path);
            let has_name = has_name_of_objects(&file.path);
            let reading = |of: &Named| (of.reason(path), !has_name && of.is_resource(path));
            let is_same = place.state == State::Same && !place.has_other_links;
            if is_same && reading(now) == reading(named) {
                self.texts.extend(text.map(|_| None));
                continue;
            }
            let was_read = named.is_resource(path)
                || file.outcome == FileOutcome::Read && (!now.is_resource(path) || has_name);
            let former = (was_read && !place.has_other_links).then(|| repositories.former(path));
            let former = former.flatten();
            let former =
                former.and_then(|it| objects_in(file, it, named.reason(path), input.reader));
            match text {
                Some(_) => self.texts.push(Some(former)),
                None => self.gone.extend(former),
            }
        }
    }

    /// Adds the former texts of files that are gone.
    fn add_gone(&mut self, repositories: &Repositories, named: &Named, input: &Input<'_>) {
        let canonical = |it: &PathBuf| it.canonicalize().unwrap_or_else(|_| it.to_owned());
        let folders: Vec<PathBuf> = input.source.filenames.iter().map(canonical).collect();
        for repository in repositories.asked() {
            for below in repository.changed.keys() {
                let path = repository.top.join(below);
                let may_be_read = is_manifest(&path) || named.is_resource(&path);
                if path.exists()
                    || !may_be_read
                    || !folders.iter().any(|named| path.starts_with(named))
                {
                    continue;
                }
                let role = named.reason(&path);
                let file = File {
                    path,
                    outcome: FileOutcome::Read,
                    key: 0,
                    is_in_whole: false,
                };
                let former = repository.former(below);
                let former = former.and_then(|it| objects_in(&file, it, role, input.reader));
                self.gone.extend(former);
            }
        }
    }

    /// The objects as they were.
    pub(super) fn resources<'a>(&'a self, now: &'a [Resource<'a>]) -> Vec<Resource<'a>> {
        let mut resources: Vec<Resource<'a>> = now
            .iter()
            .filter(|it| self.texts[it.text].is_none())
            .cloned()
            .collect();
        let mut add = |stream: &'a Stream, text: usize, path: Option<Arc<str>>| {
            for (index, document) in stream
                .documents()
                .filter(|it| is_object(it.root()))
                .enumerate()
            {
                let origin = Origin {
                    path: path.clone(),
                    index,
                    lines: OriginLines::OfFile,
                };
                // What could not be read then is not compared with.
                let _ = Resource::read(document.root(), text, origin, &mut resources);
            }
        };
        for (text, stream) in self.texts.iter().enumerate() {
            if let Some(Some(stream)) = stream {
                let first = now.get(now.partition_point(|it| it.text < text));
                let path = first.filter(|it| it.text == text);
                add(stream, text, path.and_then(|it| it.origin.path.clone()));
            }
        }
        for stream in &self.gone {
            add(stream, 0, None);
        }
        resources
    }
}

/// The folder that a path names, or that of its file.
fn folder_of(path: &Path) -> PathBuf {
    let folder = match path.is_dir() {
        true => path,
        false => path.parent().unwrap_or(path),
    };
    match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    }
}

fn place_of(repositories: &mut Repositories, path: &Path) -> Option<Place> {
    let Resolved { path, links } = repositories.resolve(path)?;
    let differs = |it: &PathBuf| repositories.state(it) == State::Differs;
    let has_other_links = links.iter().any(differs);
    Some(Place {
        state: repositories.state(&path),
        has_other_links,
        path,
    })
}

fn has_name_of_objects(path: &Path) -> bool {
    is_manifest(path) || path.file_name().is_some_and(tree::is_kustomization)
}

/// Whether a config differs, or what it names, or another one was there that may have been in its place. What is in no
/// repository is not of the branch.
fn config_differs(repositories: &mut Repositories, source: &Source, configs: &[PathBuf]) -> bool {
    let mut differs = |path: &Path| {
        place_of(repositories, path)
            .is_none_or(|it| it.has_other_links || it.state == State::Differs)
    };
    for config in configs {
        let differs = match config.is_dir() {
            true => tree::files_below(config, |_| true)
                .iter()
                .any(|it| differs(it)),
            false => differs(config),
        };
        if differs {
            return true;
        }
    }
    let folders: Vec<PathBuf> = configs
        .iter()
        .filter_map(|it| it.canonicalize().ok())
        .collect();
    let is_of_config = |path: &Path| {
        let mut folders = folders.iter().filter(|it| it.is_dir());
        folders.any(|it| path.starts_with(it))
            || source.config.is_none()
                && !path.exists()
                && path.ends_with("fitout.yaml")
                && path.iter().any(|it| it == "fn-config")
    };
    let mut asked = repositories.asked();
    asked.any(|it| {
        let mut changed = it.changed.iter().filter(|(_, was)| **was != Was::Nothing);
        changed.any(|(below, _)| is_of_config(&it.top.join(below)))
    })
}

/// A file that has changed and decides which files are read, and how. What it was decisive for is not looked up.
fn decisive(
    repositories: &mut Repositories,
    folders: &[PathBuf],
    places: &[Option<Place>],
    input: &Input<'_>,
) -> Option<PathBuf> {
    let canonical = |it: &PathBuf| it.canonicalize().ok();
    let folders: Vec<PathBuf> = folders.iter().filter_map(canonical).collect();
    let is_around = |folder: &Path| {
        let mut folders = folders.iter();
        folders.any(|it| it.starts_with(folder) || folder.starts_with(it))
    };
    for repository in repositories.asked() {
        for (below, was) in &repository.changed {
            let path = repository.top.join(below);
            let is_ignoring = input.reader.reads_ignores()
                && path.ends_with(".gitignore")
                && path.parent().is_some_and(is_around)
                && below.parent().is_some_and(|it| repository.had_files(it));
            if *was == Was::Link || is_ignoring {
                return Some(path);
            }
        }
    }
    // Searches for kustomizations, and links, stay in the nearest of these folders.
    for folder in &folders {
        for folder in folder.ancestors() {
            let configs = folder.join("fn-config");
            if configs.is_dir() != repositories.had_files(&configs) {
                return Some(configs);
            }
            if configs.is_dir() || folder.join(".git").exists() {
                break;
            }
        }
    }
    changed_chart(repositories, places, input)
}

/// The `Chart.yaml` of a folder that has become a chart with the files that it had, or is none any more.
fn changed_chart(
    repositories: &mut Repositories,
    places: &[Option<Place>],
    input: &Input<'_>,
) -> Option<PathBuf> {
    let mut seen = HashSet::new();
    for (file, place) in input.found.files.iter().zip(places) {
        let is_chart = file.outcome == FileOutcome::PassedOver(FileReason::Chart);
        let chart = is_chart.then(|| repositories.resolve(&file.path.join("Chart.yaml")));
        let chart = chart.flatten().map(|it| it.path);
        let same = place
            .as_ref()
            .filter(|it| it.state == State::Same)
            .map(|it| &it.path);
        let Some(inside) = chart.as_ref().or(same) else {
            continue;
        };
        for folder in inside.ancestors().skip(1) {
            let file = folder.join("Chart.yaml");
            if repositories.state(&file) == State::Outside || !seen.insert(folder.to_owned()) {
                break;
            }
            let former = repositories.former(&file);
            let former = former.and_then(|it| Stream::from_bytes(it).ok());
            if tree::is_chart(folder) != former.is_some_and(|it| tree::is_of_chart(&it))
                && repositories.had_files(folder)
            {
                return Some(file);
            }
        }
    }
    None
}

/// The files that kustomizations named: those that are there, as they were, and those that are gone.
fn named_before(repositories: &RefCell<Repositories>, now: &[PathBuf]) -> Named {
    // Of several in a folder only the first is read.
    let folders = now.iter().filter_map(|it| it.parent());
    let mut kustomizations: Vec<PathBuf> = folders.flat_map(tree::kustomizations_of).collect();
    for repository in repositories.borrow().asked() {
        let of_kustomization = |it: &&PathBuf| it.file_name().is_some_and(tree::is_kustomization);
        let changed = repository.changed.keys().filter(of_kustomization);
        let changed = changed.map(|it| repository.top.join(it));
        kustomizations.extend(changed.filter(|it| !it.exists()));
    }
    let locate = |path: &Path| {
        let place = place_of(&mut repositories.borrow_mut(), path);
        place.filter(|it| !it.has_other_links).map(|it| it.path)
    };
    let read = |path: &Path| {
        let path = locate(path)?;
        Stream::from_bytes(repositories.borrow_mut().former(&path)?).ok()
    };
    let view = View {
        read: &read,
        locate: &locate,
    };
    Named::seen(&kustomizations, view)
}

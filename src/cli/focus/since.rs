//! The input as it was at a commit of git: `--since`.

mod repositories;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fitout::read::{Origin, OriginLines, Resource, is_object};
use fitout::yaml::Stream;

use super::super::files::is_manifest;
use super::super::inputs::Manifests;
use super::super::output::Output;
use super::super::{Failure, Source};
use repositories::{Repositories, Resolved, State};

/// The files that differ from a commit.
#[derive(Debug)]
pub(super) struct Before {
    /// For each text whether it differs, and its former documents.
    pub(super) texts: Vec<Option<Option<Stream>>>,
    /// Files that are gone.
    gone: Vec<Stream>,
}

impl Before {
    /// Asks git for the files that differ. `None` if the config does.
    pub(super) fn of(
        reference: &str,
        source: &Source,
        configs: &[PathBuf],
        manifests: &Manifests,
    ) -> Result<Option<Before>, Failure> {
        let mut folders: Vec<PathBuf> = source.filenames.iter().map(|it| folder_of(it)).collect();
        if folders.is_empty() {
            folders.push(PathBuf::from("."));
        }
        let mut repositories = Repositories::of(reference, &folders)?;
        let mut state = |path: &Path| state_of(&mut repositories, path);
        // What is in no repository is not of the branch.
        let differs = |(state, has_other_links)| has_other_links || state == State::Differs;
        if configs.iter().any(|it| differs(state(it))) {
            Output::notice("note: the config has changed, so everything is reported");
            return Ok(None);
        }
        let texts = manifests.texts.iter().map(|it| {
            // A stream has no history.
            let Some(file) = &it.file else {
                return Some(None);
            };
            match state_of(&mut repositories, file) {
                (State::Same, false) => None,
                // What a link led to before is not looked up.
                (_, true) => Some(None),
                (State::Differs | State::Outside, false) => {
                    let file = repositories.resolve(file);
                    Some(file.and_then(|it| repositories.former(&it.path)))
                }
            }
        });
        let texts: Vec<Option<Option<Stream>>> = texts.collect();
        let gone = gone(&repositories, source);
        Ok(Some(Before { texts, gone }))
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

/// What git knows about a file, and whether one of the links on the way to it differs.
fn state_of(repositories: &mut Repositories, path: &Path) -> (State, bool) {
    let Some(Resolved { path, links }) = repositories.resolve(path) else {
        return (State::Differs, true);
    };
    let differs = |it: &PathBuf| repositories.state(it) == State::Differs;
    let has_other_links = links.iter().any(differs);
    (repositories.state(&path), has_other_links)
}

/// The former texts of files that are gone.
fn gone(repositories: &Repositories, source: &Source) -> Vec<Stream> {
    let canonical = |it: &PathBuf| it.canonicalize().unwrap_or_else(|_| it.to_owned());
    let named: Vec<PathBuf> = source.filenames.iter().map(canonical).collect();
    let mut gone = Vec::new();
    for repository in repositories.asked() {
        let is_gone = |below: &&PathBuf| {
            let path = repository.top.join(below);
            let is_named = named.iter().any(|named| path.starts_with(named));
            !path.exists() && is_manifest(&path) && is_named
        };
        let files = repository.changed.iter().filter(is_gone);
        gone.extend(files.filter_map(|it| repository.former(it)));
    }
    gone
}

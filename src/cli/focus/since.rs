//! The input as it was at a commit of git: `--since`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use fitout::read::{Origin, OriginLines, Resource, is_object};
use fitout::yaml::Stream;

use super::super::files::is_manifest;
use super::super::inputs::{Manifests, shown};
use super::super::output::Output;
use super::super::{Failure, Source, WRONG_USE};

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
        let folder = source
            .filenames
            .first()
            .map_or(Path::new("."), |it| it.as_path());
        let folder = if folder.is_dir() {
            folder
        } else {
            folder.parent().unwrap_or(folder)
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let git = |arguments: &[&str]| git(folder, arguments);
        let top = git(&["rev-parse", "--show-toplevel"])?;
        let top = PathBuf::from(String::from_utf8_lossy(&top).trim_end());
        let commit = git(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &format!("{reference}^{{commit}}"),
        ]);
        let commit = commit.map_err(|_| {
            Failure::new(
                WRONG_USE,
                format_args!("error: --since: git knows no commit `{reference}` here"),
            )
            .note("  = help: in CI, fetch it first: `git fetch origin BRANCH`, with enough history")
        })?;
        let commit = String::from_utf8_lossy(&commit).trim_end().to_owned();
        // Where the branch left it; what others have changed there since is not of this branch.
        let base = git(&["merge-base", &commit, "HEAD"]);
        let base = base.map_or(commit, |it| {
            String::from_utf8_lossy(&it).trim_end().to_owned()
        });
        let names = |output: Vec<u8>| -> Vec<String> {
            let names = output.split(|it| *it == 0).filter(|it| !it.is_empty());
            names
                .map(|it| String::from_utf8_lossy(it).into_owned())
                .collect()
        };
        let top_text = top.to_string_lossy().into_owned();
        let mut changed = names(self::git(
            &top,
            &["diff", "--name-only", "--no-renames", "-z", &base, "--"],
        )?);
        changed.extend(names(self::git(
            &top,
            &["ls-files", "--others", "--exclude-standard", "-z"],
        )?));
        let changed: HashSet<PathBuf> = changed.iter().map(|it| top.join(it)).collect();
        let canonical = |it: &Path| it.canonicalize().unwrap_or_else(|_| it.to_owned());
        if configs.iter().any(|it| changed.contains(&canonical(it))) {
            Output::notice("note: the config has changed, so everything is reported");
            return Ok(None);
        }
        let former = |path: &Path| -> Option<Stream> {
            let below = path.strip_prefix(&top).ok()?.to_string_lossy().into_owned();
            let text = self::git(
                Path::new(&top_text),
                &["cat-file", "blob", &format!("{base}:{below}")],
            )
            .ok()?;
            Stream::from_bytes(text).ok()
        };
        let mut known = HashSet::new();
        let texts = manifests.texts.iter().map(|it| {
            // A stream has no history.
            let Some(file) = &it.file else {
                return Some(None);
            };
            let file = canonical(file);
            known.insert(file.clone());
            changed.contains(&file).then(|| former(&file))
        });
        let texts: Vec<Option<Option<Stream>>> = texts.collect();
        let named: Vec<PathBuf> = source.filenames.iter().map(|it| canonical(it)).collect();
        let is_gone = |it: &&PathBuf| {
            !it.exists() && is_manifest(it) && named.iter().any(|named| it.starts_with(named))
        };
        let gone = changed
            .iter()
            .filter(is_gone)
            .filter_map(|it| former(it))
            .collect();
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

/// Runs git, which runs no program that the repository configures.
fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .args(arguments);
    let failed = |error: String| {
        Failure::new(
            WRONG_USE,
            format_args!("error: --since needs git and a repository: {error}"),
        )
    };
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => {
            let error = String::from_utf8_lossy(&output.stderr);
            Err(failed(format!(
                "in {}: {}",
                shown(folder),
                error.lines().next().unwrap_or_default()
            )))
        }
    }
}

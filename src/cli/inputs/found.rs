//! The files that the arguments name, and how each is read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fitout::config::Unbuilt;
use fitout::parallel;
use fitout::report::{FileOutcome, FileReason};
use fitout::yaml::Stream;

use super::super::files::{File, Files, Reader, canonical};
use super::super::key::digest;
use super::super::tree::{Named, is_kustomization};
use super::contents::Contents;
use super::shown;

/// The files of all named paths, and how each is read.
pub(in crate::cli) struct Found {
    pub(in crate::cli) files: Vec<File>,
    pub(in crate::cli) kustomizations: Vec<PathBuf>,
    pub(in crate::cli) named: Named,
    /// What only builds of kustomizations among the files have.
    pub(in crate::cli) unbuilt: Vec<Unbuilt>,
    /// What each file is if it holds no whole objects; `None` for files that are not read.
    pub(in crate::cli) roles: Vec<Option<Option<FileReason>>>,
    /// Their bytes, if they have been read.
    bytes: Vec<Mutex<Vec<u8>>>,
}

impl Found {
    pub(in crate::cli) fn of(found: Files) -> Found {
        let named = Named::by(&found.kustomizations);
        let mut files = found.files;
        let paths: Vec<&Path> = files.iter().map(|it| &*it.path).collect();
        let canonical = canonical(&paths);
        // kustomize reads a file whatever it is called.
        for (file, canonical) in files.iter_mut().zip(&canonical) {
            let is_other = file.outcome == FileOutcome::PassedOver(FileReason::Extension);
            if is_other && canonical.as_deref().is_some_and(|it| named.is_resource(it)) {
                file.outcome = FileOutcome::Read;
            }
        }
        let unbuilt = named.unbuilt(&kustomizations_of(&files));
        // A file can be named twice, or be reached through a link.
        let mut known = HashSet::new();
        let roles = files.iter().zip(&canonical).map(|(file, canonical)| {
            let path = canonical.as_deref().unwrap_or(&file.path);
            let is_read = file.outcome == FileOutcome::Read && known.insert(path);
            is_read.then(|| named.reason(path))
        });
        let roles = roles.collect();
        Found {
            files,
            kustomizations: found.kustomizations,
            named,
            unbuilt,
            roles,
            bytes: Vec::new(),
        }
    }

    /// Reads all files into memory; `None` if one of them cannot be read.
    pub(in crate::cli) fn read_all(&mut self) -> Option<()> {
        // What is parsed later must be what the digests of an earlier call are of.
        if self.bytes.len() == self.files.len() {
            return Some(());
        }
        let bytes = parallel::map(self.files.len(), &|at| match self.roles[at] {
            None => Some(Vec::new()),
            Some(_) => std::fs::read(&self.files[at].path).ok(),
        });
        let bytes: Vec<Vec<u8>> = bytes.into_iter().collect::<Option<_>>()?;
        self.bytes = bytes.into_iter().map(Mutex::new).collect();
        Some(())
    }

    /// The bytes of a file that has been read.
    pub(super) fn bytes(&self, at: usize) -> Option<MutexGuard<'_, Vec<u8>>> {
        let bytes = self.bytes.get(at)?.lock();
        Some(bytes.unwrap_or_else(PoisonError::into_inner))
    }

    /// The digests of all files that have been read.
    pub(in crate::cli) fn digests(&self) -> Vec<String> {
        parallel::map(self.files.len(), &|at| {
            self.bytes(at).map_or_else(String::new, |it| digest(&it))
        })
    }

    /// The text of a file that has been read.
    pub(in crate::cli) fn text(&self, at: usize) -> Option<String> {
        String::from_utf8(self.bytes(at)?.clone()).ok()
    }
}

/// The kustomizations among files that are not left out: the path for messages, and the canonical one.
pub(in crate::cli) fn kustomizations_of(files: &[File]) -> Vec<(String, PathBuf)> {
    let is_in = |outcome| {
        outcome == FileOutcome::Read || outcome == FileOutcome::PassedOver(FileReason::Extension)
    };
    let files = files.iter().filter(|it| is_in(it.outcome));
    let files = files.filter(|it| it.path.file_name().is_some_and(is_kustomization));
    let located = files.filter_map(|it| Some((shown(&it.path), it.path.canonicalize().ok()?)));
    located.collect()
}

/// The objects that are read from a file with these bytes, if there are any.
pub(in crate::cli) fn objects_in(
    file: &File,
    bytes: Vec<u8>,
    role: Option<FileReason>,
    reader: Reader,
) -> Option<Stream> {
    match Contents::read(file, Some(bytes), role, reader) {
        Ok(Contents::Objects { stream, .. }) => Some(*stream),
        _ => None,
    }
}

//! Edits files in place: all of them or none.
//!
//! The new texts are first written next to their files and synced. Then each file and its new text exchange their names, so
//! that the old text is still there if a file turns out to have changed, or another one cannot be exchanged: the names are
//! then exchanged back.

mod folders;

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fitout::parallel;
use fitout::text::Text;

use super::files::canonical;
use super::shard::Shard;
use super::{CHANGED, Failure, UNWRITABLE, temporary};
use folders::Locked;
pub(super) use folders::{is_temporary, leftovers, remove_leftovers};

/// The new text of a file.
pub(super) struct Edit<'e> {
    /// The file, as the arguments or a folder below them name it.
    pub(super) file: &'e Path,
    /// Its name in messages.
    pub(super) name: &'e str,
    /// The text that was read.
    pub(super) before: &'e str,
    pub(super) after: &'e str,
}

/// A file to replace.
struct Target<'e> {
    edit: &'e Edit<'e>,
    /// The file itself, if the name is that of a link.
    file: PathBuf,
    metadata: Metadata,
    /// The file with the new text, and with the old one after the exchange. It has a name once the folder is locked.
    temporary: PathBuf,
}

/// Writes all edits, or none of them. `named` are the arguments; `then` runs before the files are replaced.
pub(super) fn write(
    edits: &[Edit<'_>],
    named: &[PathBuf],
    shard: Option<Shard>,
    then: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut targets = targets(edits, named)?;
    let result = lock(&mut targets, shard).and_then(|_locked| {
        stage(&targets)?;
        then()?;
        let mut temporary = temporary::hold();
        let result = replace(&targets);
        temporary.remove_at_once();
        result
    });
    if result.is_err() {
        temporary::hold().remove_all();
    }
    result
}

/// The files to replace; fails if one of them cannot be, or not without losing something.
fn targets<'e>(edits: &'e [Edit<'e>], named: &[PathBuf]) -> Result<Vec<Target<'e>>, Failure> {
    let named: HashSet<PathBuf> = named
        .iter()
        .filter_map(|it| it.canonicalize().ok())
        .collect();
    let files: Vec<&Path> = edits.iter().map(|it| it.file).collect();
    let files = canonical(&files);
    let found = parallel::map(edits.len(), &|at| {
        Target::of(&edits[at], files[at].clone(), &named)
    });
    let (mut targets, mut refused) = (Vec::with_capacity(edits.len()), Text::default());
    for (edit, target) in edits.iter().zip(found) {
        match target {
            Ok(target) => targets.push(target),
            Err(reason) => {
                refused.line(format_args!("error: cannot write {}: {reason}", edit.name))
            }
        }
    }
    match refused.is_empty() {
        true => Ok(targets),
        false => {
            let text = refused;
            let (code, problems) = (UNWRITABLE, Vec::new());
            let failure = Failure {
                text,
                code,
                problems,
            };
            Err(failure.note(NOTHING))
        }
    }
}

const NOTHING: &str = "nothing was written";
const AGAIN: &str = "  = help: run the same command again";

impl<'e> Target<'e> {
    fn of(
        edit: &'e Edit<'e>,
        file: Option<PathBuf>,
        named: &HashSet<PathBuf>,
    ) -> Result<Target<'e>, String> {
        let of_system = |error: io::Error| error.to_string();
        let file = file.map_or_else(|| edit.file.canonicalize(), Ok);
        let file = file.map_err(of_system)?;
        let metadata = std::fs::metadata(&file).map_err(of_system)?;
        if !file.ancestors().any(|it| named.contains(it)) {
            return Err(format!(
                "it is a link to {}, outside of what -f names; name that file to edit it",
                file.display()
            ));
        }
        if !metadata.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        if metadata.permissions().readonly() {
            return Err("it is read-only".to_owned());
        }
        os::check(&file, &metadata)?;
        Ok(Target {
            edit,
            temporary: PathBuf::new(),
            file,
            metadata,
        })
    }

    /// Writes the new text next to the file, with the file's mode, owner and attributes.
    fn stage(&self) -> io::Result<()> {
        let mut new = {
            let mut temporary = temporary::hold();
            // Until it has the file's mode, nobody else reads it.
            let new = folders::create(&self.temporary)?;
            temporary.add(&self.temporary);
            new
        };
        new.write_all(self.edit.after.as_bytes())?;
        os::keep(&File::open(&self.file)?, &self.metadata, &new)?;
        new.set_permissions(self.metadata.permissions())
    }

    /// Waits until the new text is on the disk.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.temporary)?.sync_all()
    }

    /// Whether the file at this path has this text.
    fn has(path: &Path, text: &str) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
            && std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
    }

    fn failed(&self, error: io::Error) -> Failure {
        unwritable(self.edit.name, error)
    }
}

/// Names the temporary files. Other runs leave them alone while the result is held.
fn lock(targets: &mut [Target<'_>], shard: Option<Shard>) -> Result<Vec<Locked>, Failure> {
    let folders = targets.iter().filter_map(|it| it.file.parent()).collect();
    let locked = Locked::all(folders, shard).map_err(|(folder, error)| {
        let target = targets
            .iter()
            .find(|it| it.file.parent() == Some(folder.as_path()));
        let name = target.map_or_else(
            || folder.display().to_string(),
            |it| it.edit.name.to_owned(),
        );
        nothing(unwritable(&name, error))
    })?;
    for (at, target) in targets.iter_mut().enumerate() {
        let name = Locked::name(&locked, &target.file, at);
        target.temporary = name.unwrap_or_default();
    }
    Ok(locked)
}

fn nothing(failure: Failure) -> Failure {
    failure.note(NOTHING).note(AGAIN)
}

fn unwritable(name: &str, error: io::Error) -> Failure {
    Failure::of(UNWRITABLE, format!("error: cannot write {name}"))(error)
}

/// Writes all new texts, and syncs them together.
fn stage(targets: &[Target<'_>]) -> Result<(), Failure> {
    for step in [Target::stage, Target::sync] {
        let done = parallel::map(targets.len(), &|at| step(&targets[at]));
        for (target, done) in targets.iter().zip(done) {
            done.map_err(|error| nothing(target.failed(error)))?;
        }
    }
    Ok(())
}

/// Exchanges the files with their new texts.
fn replace(targets: &[Target<'_>]) -> Result<(), Failure> {
    let replace = |at: usize| -> Result<bool, Failure> {
        let target = &targets[at];
        if !Target::has(&target.file, target.edit.before) {
            return Err(changed(target));
        }
        if !Target::has(&target.temporary, target.edit.after) {
            let reason = "another program changed its new text before it was in its place";
            return Err(target.failed(io::Error::other(reason)));
        }
        let is_kept = os::exchange(&target.temporary, &target.file);
        is_kept.map_err(|error| target.failed(error))
    };
    let mut results: Vec<Result<bool, Failure>> = Vec::with_capacity(targets.len());
    while results.len() < targets.len() && !results.last().is_some_and(Result::is_err) {
        let done = results.len();
        match results.last() {
            // What is exchanged can be undone.
            Some(Ok(true)) if done == 1 => {
                results.extend(parallel::map(targets.len() - 1, &|at| replace(at + 1)));
            }
            _ => results.push(replace(done)),
        }
    }
    let (mut replaced, mut result) = (Vec::with_capacity(targets.len()), Ok(()));
    for (target, done) in targets.iter().zip(results) {
        match done {
            Ok(is_kept) => replaced.push((target, is_kept)),
            Err(failure) => result = result.and(Err(failure)),
        }
    }
    // An editor may have written to a file just before the exchange.
    if result.is_ok() {
        let is_late = parallel::map(replaced.len(), &|at| {
            let (target, is_kept) = &replaced[at];
            *is_kept && !Target::has(&target.temporary, target.edit.before)
        });
        if let Some(late) = is_late.iter().position(|it| *it) {
            result = Err(changed(replaced[late].0));
        }
    }
    let result = result.map_err(|failure| {
        replaced.retain(|(target, is_kept)| {
            let is_ours = *is_kept && Target::has(&target.file, target.edit.after);
            !(is_ours && os::exchange(&target.temporary, &target.file).is_ok())
        });
        let written: Vec<&str> = replaced.iter().map(|(it, _)| it.edit.name).collect();
        match written.is_empty() {
            true => nothing(failure),
            false => failure
                .note(format_args!("written: {}", written.join(", ")))
                .note(format_args!("{AGAIN} for the others")),
        }
    });
    let folders: BTreeSet<&Path> = targets.iter().filter_map(|it| it.file.parent()).collect();
    for folder in folders {
        // Some file systems cannot sync a folder; the texts are synced.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    result
}

fn changed(target: &Target<'_>) -> Failure {
    let name = target.edit.name;
    let message = format_args!("error: {name} changed after fitout read it");
    Failure::new(CHANGED, message)
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod os {
    //! What only some systems have.

    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
    use std::path::Path;

    use rustix::fs::{Access, AtFlags, CWD, RenameFlags, XattrFlags};
    use rustix::fs::{accessat, fgetxattr, flistxattr, fsetxattr, renameat_with};
    use rustix::io::Errno;
    use rustix::process::{Resource, getrlimit, setrlimit};

    /// Refuses files that cannot be written, or have other names.
    pub(super) fn check(file: &Path, metadata: &Metadata) -> Result<(), String> {
        if metadata.nlink() > 1 {
            let links = metadata.nlink();
            return Err(format!(
                "it has {links} hard links, and the others would keep the old text"
            ));
        }
        accessat(CWD, file, Access::WRITE_OK, AtFlags::EACCESS)
            .map_err(|error| io::Error::from(error).to_string())
    }

    pub(super) fn set_private(options: &mut OpenOptions) {
        options.mode(0o600);
    }

    /// Gives a new file the owner and the extended attributes of the old one, of which access control lists are some.
    pub(super) fn keep(old: &File, metadata: &Metadata, new: &File) -> io::Result<()> {
        let now = new.metadata()?;
        let lost = |what: &str, error: io::Error| {
            io::Error::new(error.kind(), format!("its {what} cannot be kept: {error}"))
        };
        if (now.uid(), now.gid()) != (metadata.uid(), metadata.gid()) {
            fchown(new, Some(metadata.uid()), Some(metadata.gid()))
                .map_err(|error| lost("owner", error))?;
        }
        for name in names(old)?
            .split(|byte| *byte == 0)
            .filter(|it| !it.is_empty())
        {
            let what = || format!("attribute {}", String::from_utf8_lossy(name));
            let value = value(old, name).map_err(|error| lost(&what(), error))?;
            // The security module may have set the same label.
            if let Some(value) = value
                && self::value(new, name).ok().flatten().as_ref() != Some(&value)
            {
                fsetxattr(new, name, &value, XattrFlags::empty())
                    .map_err(|error| lost(&what(), error.into()))?;
            }
        }
        Ok(())
    }

    /// The names of the extended attributes of a file, each with a final zero.
    fn names(file: &File) -> io::Result<Vec<u8>> {
        let mut names = Vec::with_capacity(1 << 16);
        match flistxattr(file, rustix::buffer::spare_capacity(&mut names)) {
            Err(Errno::NOTSUP) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(names),
        }
    }

    /// The value of an extended attribute; `None` if the file does not have it.
    fn value(file: &File, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut value = Vec::with_capacity(1 << 16);
        match fgetxattr(file, name, rustix::buffer::spare_capacity(&mut value)) {
            Ok(_) => Ok(Some(value)),
            Err(Errno::NODATA) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Exchanges two files. Where the file system cannot, the first one replaces the second: then the result is false.
    pub(super) fn exchange(new: &Path, old: &Path) -> io::Result<bool> {
        match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                std::fs::rename(new, old).map(|()| false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a file that is open still has a name.
    pub(super) fn has_name(file: &File) -> bool {
        file.metadata().is_ok_and(|it| it.nlink() > 0)
    }

    /// Opens as many files as the system lets a process open.
    pub(super) fn allow_many_files() {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // Where it must stay lower, few folders can be edited at once: the message says that too many files are open.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod os {
    //! Systems on which a file is replaced, and only its mode is kept.

    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    pub(super) fn set_private(_: &mut OpenOptions) {}

    pub(super) fn check(_: &Path, _: &Metadata) -> Result<(), String> {
        Ok(())
    }

    pub(super) fn keep(_: &File, _: &Metadata, _: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn exchange(new: &Path, old: &Path) -> io::Result<bool> {
        std::fs::rename(new, old).map(|()| false)
    }

    pub(super) fn has_name(_: &File) -> bool {
        true
    }

    pub(super) fn allow_many_files() {}
}

//! The names of temporary files, and the locks that say that the run that made them goes on.
//!
//! The number of a process says nothing: two containers that share a folder each have a process 1. So in each folder a run
//! locks a file of a name that no other run has, and the other temporary files of the run there begin with the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fitout::parallel;

use super::super::files::canonical;
use super::super::output::Output;
use super::super::shard::Shard;
use super::super::{cache, temporary};
use super::os;

/// How the names of temporary files begin; then follow 16 random digits of the run, a number or [`LOCK`], and the shard.
const PREFIX: &str = ".fitout-";
const LOCK: &str = "lock";
const END: &str = ".tmp";

/// How long a name can be lost to runs that look for leftovers: each holds the lock of a moment.
const ATTEMPTS: u32 = 100;

/// Whether a name is that of a temporary file, perhaps of another run that goes on.
pub(in crate::cli) fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(PREFIX.as_bytes()) && name.ends_with(END.as_bytes())
}

/// The end of the names of the temporary files of a shard.
fn ending(shard: Option<Shard>) -> String {
    let shard = shard.map(|it| format!("-{}of{}", it.index, it.count));
    shard.unwrap_or_default() + END
}

/// A folder in which a run writes. Other runs leave its temporary files there alone until this is dropped.
pub(super) struct Locked {
    folder: PathBuf,
    /// What begins the names of the temporary files there.
    run: String,
    ending: String,
    _lock: File,
}

impl Locked {
    /// Locks each of these folders; fails with the first that cannot be.
    pub(super) fn all(
        folders: BTreeSet<&Path>,
        shard: Option<Shard>,
    ) -> Result<Vec<Locked>, (PathBuf, io::Error)> {
        let folders: Vec<&Path> = folders.into_iter().collect();
        // Each lock is an open file.
        os::allow_many_files();
        let locked = parallel::map(folders.len(), &|at| {
            let locked = Locked::of(folders[at], ending(shard));
            locked.map_err(|error| (folders[at].to_owned(), error))
        });
        locked.into_iter().collect()
    }

    fn of(folder: &Path, ending: String) -> io::Result<Locked> {
        for _ in 0..ATTEMPTS {
            let random = RandomState::new().hash_one(std::process::id());
            let run = format!("{PREFIX}{random:016x}-");
            let path = folder.join(format!("{run}{LOCK}{ending}"));
            let lock = {
                let mut temporary = temporary::hold();
                let lock = create(&path)?;
                temporary.add(&path);
                lock
            };
            if is_ours(&lock) {
                let folder = folder.to_owned();
                return Ok(Locked {
                    folder,
                    run,
                    ending,
                    _lock: lock,
                });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(io::Error::other(
            "other runs remove its temporary files again and again",
        ))
    }

    /// The name for the new text of a file in one of the folders, which are sorted.
    pub(super) fn name(locked: &[Locked], file: &Path, number: usize) -> Option<PathBuf> {
        let folder = file.parent()?;
        let at = locked.binary_search_by(|it| it.folder.as_path().cmp(folder));
        let Locked { run, ending, .. } = locked.get(at.ok()?)?;
        Some(folder.join(format!("{run}{number}{ending}")))
    }
}

/// A new file, which only its owner reads.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    os::set_private(&mut options);
    options.write(true).create_new(true).open(path)
}

/// Locks a new file. Another run may have taken it for a leftover before it was locked.
fn is_ours(lock: &File) -> bool {
    match lock.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => false,
        // A file system without locks: then there is none for other runs either, and they remove nothing.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => os::has_name(lock),
    }
}

/// The temporary files in a folder of a run that ended.
pub(in crate::cli) struct Left {
    files: Vec<PathBuf>,
    /// While this is held, no other run removes the same files. A run that was killed while it removed them may have none.
    lock: Option<(PathBuf, File)>,
}

impl Left {
    /// `None` if the run goes on, or nothing says that it does not.
    fn of(lock: PathBuf, files: Vec<PathBuf>) -> Option<Left> {
        let lock = match std::fs::symlink_metadata(&lock) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // Opening a FIFO of that name would block.
            Ok(metadata) if metadata.is_file() => {
                let file = File::options().write(true).open(&lock).ok()?;
                file.try_lock().ok()?;
                // A name that is gone may be that of a new file, which is not locked here.
                os::has_name(&file).then_some(Some((lock, file)))?
            }
            _ => return None,
        };
        Some(Left { files, lock })
    }

    /// The lock goes last: without it the others count as left.
    fn remove(self) {
        for file in &self.files {
            if std::fs::remove_file(file).is_ok() {
                cache::forbid();
                Output::notice(format_args!(
                    "removed  {}, which an interrupted run left",
                    file.display()
                ));
            }
        }
        if let Some((path, _held)) = self.lock
            && std::fs::remove_file(path).is_ok()
        {
            cache::forbid();
        }
    }
}

/// Removes what runs that were killed left next to these files; a shard, what an earlier run of it left.
pub(in crate::cli) fn remove_leftovers(files: &[&Path], shard: Option<Shard>) {
    leftovers(files, shard).for_each(Left::remove);
}

/// What runs that were killed left next to these files.
pub(in crate::cli) fn leftovers(
    files: &[&Path],
    shard: Option<Shard>,
) -> impl Iterator<Item = Left> {
    let files = canonical(files);
    let folders = files.iter().flatten().filter_map(|it| it.parent());
    let folders: BTreeSet<PathBuf> = folders.map(Path::to_owned).collect();
    folders
        .into_iter()
        .flat_map(move |folder| left_in(&folder, shard))
}

fn left_in(folder: &Path, shard: Option<Shard>) -> Vec<Left> {
    let own = ending(shard);
    let mut runs: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some((run, number, ending)) = name.to_str().and_then(parts) else {
            continue;
        };
        if ending == own || shard.is_none() {
            let lock = folder.join(format!("{run}{LOCK}{ending}"));
            let files = runs.entry(lock).or_default();
            files.extend((number != LOCK).then(|| entry.path()));
        }
    }
    let left = runs.into_iter();
    left.filter_map(|(lock, files)| Left::of(lock, files))
        .collect()
}

/// The name of a temporary file: what all of the run begin with, the number or [`LOCK`], and the end.
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let (random, rest) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let is_random = random.len() == 16 && random.bytes().all(|it| it.is_ascii_hexdigit());
    let length = match rest.starts_with(LOCK) {
        true => LOCK.len(),
        false => rest.bytes().take_while(u8::is_ascii_digit).count(),
    };
    let (number, ending) = rest.split_at(length);
    let is_ours = is_random && length > 0 && ending.ends_with(END);
    let begin = name.len() - rest.len();
    is_ours.then_some((&name[..begin], number, ending))
}

//! The repositories that an input is in, and which of its files they vouch for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use super::super::super::inputs::shown;
use super::super::super::{Failure, WRONG_USE};

/// More links than this on the way to a file are a loop.
const MAX_LINKS: u32 = 40;

/// What git knows about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is as it was.
    Same,
    /// It is not, or git cannot tell: it may be ignored, or of a checkout inside of the repository.
    Differs,
    /// It is in no repository that is asked.
    Outside,
}

/// A path without links.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub(super) path: PathBuf,
    /// The links on the way, each by a path without other links.
    pub(super) links: Vec<PathBuf>,
}

/// A folder that has, or would have, a `.git`.
#[derive(Clone, Debug)]
enum Known {
    Asked(Rc<Repository>),
    /// It has no such commit, or it is inside of another repository that has no commit of it.
    Unknown,
    Outside,
}

/// The repositories of the arguments, and those inside of them.
#[derive(Debug, Default)]
pub(super) struct Repositories {
    by_top: HashMap<PathBuf, Known>,
    /// For each folder that of the repository around it.
    tops: HashMap<PathBuf, Option<PathBuf>>,
    folders: HashMap<PathBuf, Option<Resolved>>,
}

impl Repositories {
    /// Asks the repository of each folder. The first must have the commit; what another one without it holds counts as changed.
    pub(super) fn of(reference: &str, folders: &[PathBuf]) -> Result<Repositories, Failure> {
        let mut repositories = Repositories::default();
        for folder in folders {
            let is_first = repositories.by_top.is_empty();
            let within = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            let around = repositories.top_of(&within.join("file"));
            if around
                .as_ref()
                .is_some_and(|top| repositories.by_top.contains_key(top))
            {
                continue;
            }
            match (Repository::named(folder, reference), around) {
                (Ok((top, repository)), _) => {
                    let known = Known::Asked(Rc::new(repository));
                    repositories.by_top.insert(top, known);
                    // The environment can name one for git that has no `.git`.
                    repositories.tops.clear();
                }
                (Err(failure), _) if is_first => return Err(failure),
                (Err(_), Some(top)) => drop(repositories.by_top.insert(top, Known::Unknown)),
                (Err(_), None) => {}
            }
        }
        Ok(repositories)
    }

    /// Follows the links on the way to a path. `None` if they lead nowhere.
    pub(super) fn resolve(&mut self, path: &Path) -> Option<Resolved> {
        let (folder, name) = (path.parent()?, path.file_name()?);
        let of_folder = match self.folders.get(folder) {
            Some(known) => known.clone(),
            None => {
                let resolved = Resolved::at(std::env::current_dir().ok()?);
                let resolved = resolved.follow(folder, &mut MAX_LINKS.clone());
                self.folders.insert(folder.to_owned(), resolved.clone());
                resolved
            }
        };
        of_folder?.follow(Path::new(name), &mut MAX_LINKS.clone())
    }

    /// What git knows about a path without links.
    pub(super) fn state(&mut self, path: &Path) -> State {
        match self.around(path) {
            Known::Asked(it) if it.vouches_for(path) => State::Same,
            Known::Asked(_) | Known::Unknown => State::Differs,
            Known::Outside => State::Outside,
        }
    }

    /// A file as it was. `None` if there was none, or git cannot tell.
    pub(super) fn former(&mut self, path: &Path) -> Option<Vec<u8>> {
        match self.around(path) {
            Known::Asked(it) if it.vouches_for(path) => std::fs::read(path).ok(),
            Known::Asked(it) => it.former(path.strip_prefix(&it.top).ok()?),
            Known::Unknown | Known::Outside => None,
        }
    }

    /// Whether a folder had files.
    pub(super) fn had_files(&mut self, folder: &Path) -> bool {
        match self.around(&folder.join("file")) {
            Known::Asked(it) => folder
                .strip_prefix(&it.top)
                .is_ok_and(|folder| it.had_files(folder)),
            Known::Unknown | Known::Outside => false,
        }
    }

    /// All that were asked.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Repository> {
        self.by_top.values().filter_map(|it| match it {
            Known::Asked(it) => Some(&**it),
            Known::Unknown | Known::Outside => None,
        })
    }

    fn around(&mut self, path: &Path) -> Known {
        match self.top_of(path) {
            Some(top) => self.at(&top),
            None => Known::Outside,
        }
    }

    /// The repository of a folder. One that is inside of another one is asked if it is a submodule there: for the commit that it
    /// was at.
    fn at(&mut self, top: &Path) -> Known {
        if let Some(known) = self.by_top.get(top) {
            return known.clone();
        }
        let known = match self.around(top) {
            Known::Asked(outer) => match outer.submodule(top) {
                Some(repository) => Known::Asked(Rc::new(repository)),
                None => Known::Unknown,
            },
            other => other,
        };
        self.by_top.insert(top.to_owned(), known.clone());
        known
    }

    /// The folder of the repository around a path.
    fn top_of(&mut self, path: &Path) -> Option<PathBuf> {
        let mut seen = Vec::new();
        let mut found = None;
        for folder in path.ancestors().skip(1) {
            if let Some(known) = self.tops.get(folder) {
                found = known.clone();
                break;
            }
            seen.push(folder);
            let is_top = || folder.join(".git").symlink_metadata().is_ok();
            if self.by_top.contains_key(folder) || is_top() {
                found = Some(folder.to_owned());
                break;
            }
        }
        for folder in seen {
            self.tops.insert(folder.to_owned(), found.clone());
        }
        found
    }
}

impl Resolved {
    fn at(path: PathBuf) -> Resolved {
        let links = Vec::new();
        Resolved { path, links }
    }

    fn follow(mut self, rest: &Path, left: &mut u32) -> Option<Resolved> {
        for component in rest.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => drop(self.path.pop()),
                Component::Normal(name) => {
                    let next = self.path.join(name);
                    if next.is_symlink() {
                        *left = left.checked_sub(1)?;
                        let target = next.read_link().ok()?;
                        self.links.push(next);
                        self = self.follow(&target, left)?;
                    } else {
                        self.path = next;
                    }
                }
                Component::RootDir | Component::Prefix(_) => self.path.push(component),
            }
        }
        Some(self)
    }
}

/// What there was at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Was {
    Nothing,
    File,
    Link,
}

/// A repository and how its files differ from a commit.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) top: PathBuf,
    pub(super) base: String,
    /// What differs, below the top.
    pub(super) changed: BTreeMap<PathBuf, Was>,
    /// What is in the index, and whether it is compared with the commit.
    listed: BTreeMap<PathBuf, bool>,
    /// Folders with a `.gitattributes` that differs. It decides how files are written, also those that do not differ.
    rewritten: HashSet<PathBuf>,
}

impl Repository {
    /// The repository around a folder, at a commit that the user names.
    fn named(folder: &Path, reference: &str) -> Result<(PathBuf, Repository), Failure> {
        let top = git(folder, ["rev-parse", "--show-toplevel"])?;
        let top = path_of(top.strip_suffix(b"\n").unwrap_or(&top));
        let top = top.canonicalize().unwrap_or(top);
        let name = format!("{reference}^{{commit}}");
        let verify = [
            "rev-parse", "--verify", "--quiet", "--end-of-options", &name,
        ];
        let commit = git(folder, verify).map_err(|_| {
            Failure::new(
                WRONG_USE,
                format_args!("error: --since: git knows no commit `{reference}` here"),
            )
            .note("  = help: in CI, fetch it first: `git fetch origin BRANCH`, with enough history")
        })?;
        let text = |it: Vec<u8>| String::from_utf8_lossy(&it).trim_end().to_owned();
        let commit = text(commit);
        // Where the branch left it; what others have changed there since is not of this branch.
        let base = git(folder, ["merge-base", &commit, "HEAD"]);
        let base = base.map_or(commit, text);
        Ok((top.clone(), Repository::at(top, base)?))
    }

    fn at(top: PathBuf, base: String) -> Result<Repository, Failure> {
        // Submodules are asked themselves: a file of the branch can say that this comparison ignores them.
        let diff = [
            "diff", "--raw", "--no-renames", "--ignore-submodules=all", "-z", &base, "--",
        ];
        let diff = git(&top, diff)?;
        let mut parts = diff.split(|it| *it == 0);
        let mut changed = BTreeMap::new();
        // `:100644 100755 … M`, and then the path.
        while let (Some(modes), Some(path)) = (parts.next(), parts.next()) {
            let was = match modes.get(1..4) {
                Some(b"000") => Was::Nothing,
                Some(b"120") => Was::Link,
                _ => Was::File,
            };
            changed.insert(path_of(path), was);
        }
        // Each has a tag. Files with another one than this are those that git takes for unchanged by their flags.
        let listed = git(&top, ["ls-files", "-v", "-z"])?;
        let listed = listed.split(|it| *it == 0);
        let listed = listed.filter_map(|it| Some((path_of(it.get(2..)?), it.starts_with(b"H "))));
        let listed = listed.collect();
        let attributes = changed.keys().filter(|it| it.ends_with(".gitattributes"));
        let rewritten = attributes
            .filter_map(|it| Some(it.parent()?.to_owned()))
            .collect();
        Ok(Repository {
            top,
            base,
            changed,
            listed,
            rewritten,
        })
    }

    fn vouches_for(&self, path: &Path) -> bool {
        path.strip_prefix(&self.top).is_ok_and(|path| {
            self.listed.get(path) == Some(&true)
                && !self.changed.contains_key(path)
                && (self.rewritten.is_empty()
                    || !path.ancestors().any(|it| self.rewritten.contains(it)))
        })
    }

    /// Whether a folder below the top had files.
    pub(super) fn had_files(&self, below: &Path) -> bool {
        let mut listed = inside(&self.listed, below);
        let mut changed = inside(&self.changed, below);
        listed.any(|(it, _)| !self.changed.contains_key(it))
            || changed.any(|(_, was)| *was != Was::Nothing)
    }

    /// A file below the top as it was.
    pub(super) fn former(&self, below: &Path) -> Option<Vec<u8>> {
        // What is neither changed nor listed is new.
        if self.changed.get(below) == Some(&Was::Nothing)
            || !self.changed.contains_key(below) && !self.listed.contains_key(below)
        {
            return None;
        }
        let mut object = OsString::from(format!("{}:", self.base));
        object.push(below);
        let arguments = ["cat-file".as_ref(), "blob".as_ref(), object.as_os_str()];
        git(&self.top, arguments).ok()
    }

    /// The repository of a submodule, at the commit that it was at.
    fn submodule(&self, top: &Path) -> Option<Repository> {
        let below = top.strip_prefix(&self.top).ok()?;
        let tree = ["ls-tree", "-z", &self.base, "--"];
        let tree = tree.into_iter().map(OsStr::new).chain([below.as_os_str()]);
        let entry = String::from_utf8(git(&self.top, tree).ok()?).ok()?;
        let commit = entry.strip_prefix("160000 commit ")?.split('\t').next()?;
        Repository::at(top.to_owned(), commit.to_owned()).ok()
    }
}

/// The entries in a folder and below it.
fn inside<'m, V>(
    of: &'m BTreeMap<PathBuf, V>,
    folder: &'m Path,
) -> impl Iterator<Item = (&'m PathBuf, &'m V)> {
    let from = (Bound::Included(folder), Bound::Unbounded);
    let entries = of.range::<Path, _>(from);
    entries.take_while(move |(it, _)| it.starts_with(folder))
}

#[cfg(unix)]
fn path_of(name: &[u8]) -> PathBuf {
    <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name).into()
}

#[cfg(not(unix))]
fn path_of(name: &[u8]) -> PathBuf {
    String::from_utf8_lossy(name).into_owned().into()
}

/// Runs git, which runs no program that the repository configures.
fn git(
    folder: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Vec<u8>, Failure> {
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

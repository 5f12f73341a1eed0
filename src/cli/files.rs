//! Chooses the files at and below the paths that the command line names. Each file that is not chosen has the reason.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::FileType;
use std::path::{Path, PathBuf};

use clap::Args;
use fitout::parallel;
use fitout::report::FileOutcome::{self, PassedOver, Read};
use fitout::report::FileReason;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::in_place::is_temporary;
use super::inputs::shown;
use super::shard::key_of;
use super::{Failure, UNREADABLE, WRONG_USE, tree};
use fitout::sorting;

/// Which files below a folder are read.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Patterns {
    /// Leave out files and folders below PATH that match, relative to it, in the form of .gitignore: `tests/`, `*.tpl.yaml`.
    /// Repeatable
    #[arg(long, value_name = "PATTERN", conflicts_with = "kustomization")]
    exclude: Vec<String>,
    /// Read only files below PATH that match, or that are in a folder that matches; repeatable
    #[arg(long, value_name = "PATTERN", conflicts_with = "kustomization")]
    include: Vec<String>,
}

/// Why the files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// To edit or explain them: patches, and what git would not track, are left out.
    Editor,
    /// To check them: like `kubectl apply -R -f`, and hidden and ignored files too.
    Checker { respects_gitignore: bool },
}

impl Reader {
    /// Whether what `.gitignore` excludes is left out.
    pub(super) fn reads_ignores(self) -> bool {
        let respects_gitignore = true;
        [Reader::Editor, Reader::Checker { respects_gitignore }].contains(&self)
    }
}

/// The files to read, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'c> {
    pub(super) patterns: &'c Patterns,
    pub(super) reader: Reader,
}

/// A file at or below a named path.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) outcome: FileOutcome,
    /// What decides about its shard.
    pub(super) key: u64,
    /// Whether it is in a folder that is listed as a whole, of a chart or of git: only what is a plain manifest is read there.
    pub(super) is_in_whole: bool,
}

/// The files of all named paths, and the kustomizations among them and above them.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) files: Vec<File>,
    pub(super) kustomizations: Vec<PathBuf>,
    /// The repositories that they were searched in.
    searched: HashSet<PathBuf>,
}

impl Default for Choice<'_> {
    fn default() -> Self {
        const NONE: &Patterns = &Patterns {
            exclude: Vec::new(),
            include: Vec::new(),
        };
        Choice {
            patterns: NONE,
            reader: Reader::Editor,
        }
    }
}

impl Files {
    /// Finds the files at and below the paths.
    pub(super) fn of(paths: &[PathBuf], choice: Choice<'_>) -> Result<Files, Failure> {
        let mut files = Files::default();
        for path in paths {
            files.add(path, choice)?;
        }
        Ok(files)
    }

    fn add(&mut self, path: &Path, choice: Choice<'_>) -> Result<(), Failure> {
        let is_folder = path.is_dir();
        if !is_folder && !is_stream(path) && !path.exists() {
            return Err(unreadable(format!("{} does not exist", path.display())));
        }
        if !is_stream(path) {
            let folder = if is_folder { Some(path) } else { path.parent() };
            let is_named = |it: &&Path| !it.as_os_str().is_empty();
            let folder = folder
                .filter(is_named)
                .unwrap_or(Path::new("."))
                .canonicalize();
            if let Ok(folder) = folder {
                let around = tree::kustomizations_around(&folder, &mut self.searched);
                self.kustomizations.extend(around);
            }
        }
        if !is_folder {
            let name = path.file_name().unwrap_or_default();
            self.push(path, Read, (key_of(name.as_ref()), false));
            return Ok(());
        }
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut walk = Walk {
            files: self,
            choice,
            root: path,
            bounds: tree::root_of(&canonical),
            canonical,
            seen: HashSet::new(),
            exclude: patterns(&choice.patterns.exclude)?,
            include: patterns(&choice.patterns.include)?,
            ignores: Vec::new(),
        };
        walk.read_ignores_above()?;
        walk.folder(path, false)
    }

    fn push(&mut self, path: &Path, outcome: FileOutcome, (key, is_in_whole): (u64, bool)) {
        self.files.push(File {
            path: path.to_owned(),
            outcome,
            key,
            is_in_whole,
        });
    }
}

/// The charts below the working directory, by their names; those with one name are left out.
pub(super) fn charts() -> Vec<(String, String)> {
    let files = tree::files_below(Path::new("."), |name| name == "Chart.yaml");
    let named = files.iter().filter_map(|file| {
        let chart = tree::read(file)?;
        let name = chart.documents().next()?.root().text_at(["name"])?;
        let folder = shown(file.parent()?);
        let folder = folder.strip_prefix("./").unwrap_or(&folder);
        Some((name.into_owned(), folder.to_owned()))
    });
    let mut charts: Vec<(String, String)> = named.collect();
    sorting::sort(&mut charts);
    let names: Vec<String> = charts.iter().map(|it| it.0.clone()).collect();
    let is_one = |name: &String| names.iter().filter(|it| *it == name).count() == 1;
    charts.retain(|(name, _)| is_one(name));
    charts
}

/// Whether a named path is read once, as a stream: standard input, a FIFO, the result of a process substitution.
pub(super) fn is_stream(path: &Path) -> bool {
    let is_device = ["/dev/stdin", "/dev/fd", "/proc"]
        .iter()
        .any(|it| path.starts_with(it));
    let is_special = |it: std::fs::Metadata| !it.is_dir() && (is_device || !it.is_file());
    path == Path::new("-") || path.metadata().is_ok_and(is_special)
}

/// The canonical paths of files; `None` for those that have none. Each folder is looked up only once.
pub(super) fn canonical(files: &[&Path]) -> Vec<Option<PathBuf>> {
    let folder_of = |file: &Path| match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
        folder => folder.map(Path::to_owned),
    };
    let mut folders: HashMap<PathBuf, Option<PathBuf>> = HashMap::new();
    for folder in files.iter().filter_map(|it| folder_of(it)) {
        let canonical = |folder: &PathBuf| folder.canonicalize().ok();
        folders.entry(folder).or_insert_with_key(canonical);
    }
    parallel::map(files.len(), &|at| {
        let file = files[at];
        let is_plain = file.symlink_metadata().is_ok_and(|it| it.is_file());
        let folder = folder_of(file).filter(|_| is_plain);
        match (folder.map(|it| folders.get(&it)), file.file_name()) {
            (Some(Some(Some(folder))), Some(name)) => Some(folder.join(name)),
            _ => file.canonicalize().ok(),
        }
    })
}

/// Whether a path leads to a device, such as /dev/zero, which may have no end. A terminal, which may be standard input, has one,
/// and so does /dev/null.
#[cfg(unix)]
pub(super) fn is_endless(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_device = |it: std::fs::Metadata| {
        let file_type = it.file_type();
        file_type.is_char_device() || file_type.is_block_device()
    };
    let ends = |it: PathBuf| {
        let terminals = ["/dev/null", "/dev/pts", "/dev/tty", "/dev/console"];
        terminals.iter().any(|terminal| it.starts_with(terminal))
    };
    path.metadata().is_ok_and(is_device) && !path.canonicalize().is_ok_and(ends)
}

#[cfg(not(unix))]
pub(super) fn is_endless(_: &Path) -> bool {
    false
}

/// Patterns in the form of `.gitignore`, for relative paths.
fn patterns(patterns: &[String]) -> Result<Gitignore, Failure> {
    let wrong = |error| Failure::new(WRONG_USE, format!("error: wrong pattern: {error}"));
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(wrong)?;
    }
    builder.build().map_err(wrong)
}

fn unreadable(message: String) -> Failure {
    Failure::new(UNREADABLE, format!("error[FIT-INP001]: {message}"))
}

/// A walk through one named folder.
struct Walk<'w> {
    files: &'w mut Files,
    choice: Choice<'w>,
    root: &'w Path,
    /// The same folder, as the files named `.gitignore` see it.
    canonical: PathBuf,
    /// The folder that links do not leave.
    bounds: PathBuf,
    /// The folders that were read.
    seen: HashSet<PathBuf>,
    exclude: Gitignore,
    include: Gitignore,
    /// The `.gitignore` of each folder above, the outermost first.
    ignores: Vec<Gitignore>,
}

impl Walk<'_> {
    /// As git does, up to the root of the repository; without a repository there is no limit to trust, so none is read.
    fn read_ignores_above(&mut self) -> Result<(), Failure> {
        let folder = self.canonical.clone();
        let root = folder.ancestors().find(|it| it.join(".git").exists());
        let Some(root) = root.filter(|_| self.choice.reader.reads_ignores()) else {
            return Ok(());
        };
        let above = folder.ancestors().skip(1);
        let within = above.take_while(|it| it.starts_with(root));
        let mut above: Vec<&Path> = within.collect();
        above.reverse();
        for folder in above {
            self.ignores.extend(ignore_file(folder)?);
        }
        Ok(())
    }

    fn folder(&mut self, folder: &Path, is_in_whole: bool) -> Result<(), Failure> {
        let failed = |error| unreadable(format!("cannot read {}: {error}", shown(folder)));
        self.seen.extend(folder.canonicalize());
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if is_temporary(&entry.file_name()) {
                continue;
            }
            entries.push((entry.path(), entry.file_type().map_err(failed)?));
        }
        sorting::sort_by(&mut entries, |(a, _), (b, _)| a.cmp(b));
        self.files
            .kustomizations
            .extend(tree::kustomization_in(folder));
        let mut is_in_whole = is_in_whole;
        if !is_in_whole && tree::is_chart(folder) {
            is_in_whole = true;
            self.push(folder, PassedOver(FileReason::Chart), false);
            if self.choice.reader == Reader::Editor {
                return Ok(());
            }
        }
        let ignores = match self.choice.reader.reads_ignores() {
            true => ignore_file(folder)?,
            false => None,
        };
        let is_ignoring = ignores.is_some();
        self.ignores.extend(ignores);
        for (path, file_type) in entries {
            match self.reason(&path, file_type) {
                None if file_type.is_dir() && path.ends_with(".git") && !is_in_whole => {
                    self.push(&path, PassedOver(FileReason::Hidden), false);
                    self.folder(&path, true)?;
                }
                None if file_type.is_dir() => self.folder(&path, is_in_whole)?,
                None => self.push(&path, Read, is_in_whole),
                Some(FileReason::Link) if self.follows(&path) => self.folder(&path, is_in_whole)?,
                Some(_) if is_in_whole => {}
                Some(reason) => self.push(&path, PassedOver(reason), false),
            }
        }
        if is_ignoring {
            self.ignores.pop();
        }
        Ok(())
    }

    fn push(&mut self, path: &Path, outcome: FileOutcome, is_in_whole: bool) {
        let key = key_of(path.strip_prefix(self.root).unwrap_or(path));
        self.files.push(path, outcome, (key, is_in_whole));
    }

    /// Whether a link leads to something in the tree.
    fn is_inside(&self, link: &Path) -> bool {
        link.canonicalize()
            .is_ok_and(|it| it.starts_with(&self.bounds))
    }

    /// Whether a link leads to a folder of the tree that was not read yet. Editors stay in the folder that they were given.
    fn follows(&mut self, link: &Path) -> bool {
        let target = link.canonicalize().ok();
        let target = target.filter(|it| it.is_dir() && it.starts_with(&self.bounds));
        self.choice.reader != Reader::Editor && target.is_some_and(|it| self.seen.insert(it))
    }

    /// Why an entry of a folder is not read; `None` if it is.
    fn reason(&self, path: &Path, file_type: FileType) -> Option<FileReason> {
        let name = path.file_name().unwrap_or_default();
        let is_folder = file_type.is_dir();
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        let matches = |patterns: &Gitignore| {
            let matched = patterns.matched_path_or_any_parents(relative, is_folder);
            matched.is_ignore()
        };
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        let target = || path.metadata();
        match () {
            () if is_hidden && self.choice.reader == Reader::Editor => Some(FileReason::Hidden),
            () if self.is_ignored(path, is_folder) => Some(FileReason::Ignored),
            () if matches(&self.exclude) => Some(FileReason::Excluded),
            () if is_folder => None,
            () if !self.include.is_empty() && !matches(&self.include) => {
                Some(FileReason::NotIncluded)
            }
            () if file_type.is_symlink()
                && (!self.is_inside(path) || target().is_ok_and(|it| it.is_dir())) =>
            {
                Some(FileReason::Link)
            }
            () if !file_type.is_file() && !target().is_ok_and(|it| it.is_file()) => {
                Some(FileReason::Special)
            }
            () if !is_manifest(path) && !tree::is_kustomization(name) => {
                Some(FileReason::Extension)
            }
            () => None,
        }
    }

    fn is_ignored(&self, path: &Path, is_folder: bool) -> bool {
        let mut innermost_first = self.ignores.iter().rev();
        let path = self
            .canonical
            .join(path.strip_prefix(self.root).unwrap_or(path));
        let decides = innermost_first.find_map(|ignores| match ignores.matched(&path, is_folder) {
            Match::None => None,
            found => Some(found.is_ignore()),
        });
        decides == Some(true)
    }
}

/// The size of the largest `.gitignore` that is read: each byte takes more than 1,000 bytes of memory.
const MAX_IGNORES: u64 = 1 << 16;

/// The `.gitignore` of a folder, with the errors that git passes over too. Like git, it follows no link, which could lead out
/// of the repository; a FIFO would block.
fn ignore_file(folder: &Path) -> Result<Option<Gitignore>, Failure> {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let file = folder.join(".gitignore");
    let metadata = file.symlink_metadata().ok();
    let Some(metadata) = metadata.filter(|it| it.is_file()) else {
        return Ok(None);
    };
    if metadata.len() > MAX_IGNORES {
        let message = format!(
            "{} has {} bytes, and fitout reads at most {MAX_IGNORES} of such a file",
            shown(&file),
            metadata.len()
        );
        let help = "  = help: shorten it, or name the files themselves with -f";
        return Err(unreadable(message).note(help));
    }
    Ok(Some(Gitignore::new(file).0))
}

/// Whether a file in a folder may have manifests, by its name.
pub(super) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    let is = |known: &&str| extension.eq_ignore_ascii_case(OsStr::new(known));
    ["yaml", "yml", "json"].iter().any(is)
}

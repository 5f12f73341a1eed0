//! `--cache-dir`: a run with the input of an earlier one prints the same again, without parsing and deciding.
//!
//! The name of an entry is a SHA-256 of everything that the run depends on: the program itself, its arguments, the working
//! directory, what is known about the terminal, the date, the configs, and the name, the part and the content of each file.
//! What is right for one file depends on others, so a run is repeated as a whole or not at all. What a run reads besides is
//! either in the entry and compared ([`Recording::executables`]), or the run is not kept ([`forbid`]).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Args;
use fitout::config::Config;
use fitout::yaml::{Replacement, join};
use serde_json::{Value, json};

use super::clock;
use super::config_text::ConfigText;
use super::files::is_stream;
use super::in_place;
use super::inputs::{Found, Manifests, shown};
use super::key::{Key, digest};
use super::output::{Output, width, write_report};
use super::programs::variable;
use super::shard::Shard;
use super::{Failure, Source, Verbosity, WRONG_USE, tree};
use fitout::sorting;

/// Entries that have not been used for the longest time are removed from this number on, and from this many bytes on.
const MOST_ENTRIES: usize = 200;
const MOST_BYTES: u64 = 200 << 20;

/// How the names of all files in the folder begin.
const PREFIX: &str = "fitout-";

/// Where the results of earlier runs are.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Cache {
    /// Keep what a run prints in DIR, outside the repository, and print it again for the same files, config, arguments and date. The
    /// variable FITOUT_CACHE_DIR does the same
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kustomization", "since"])]
    cache_dir: Option<PathBuf>,
    /// The files may be edited in place, perhaps those of a shard.
    #[arg(skip)]
    edits: Option<Option<Shard>>,
}

/// What a run prints, and all that it read which is not in its key.
#[derive(Default)]
struct Recording {
    events: Vec<Value>,
    /// A digest of the executables that a help text names.
    executables: Option<String>,
    is_forbidden: bool,
}

/// Something that is printed.
enum Event {
    /// On standard error.
    Notice(String),
    /// In a file or on standard output.
    Report(String, Option<PathBuf>),
    /// Manifests on standard output.
    Manifests(String),
}

/// The result of looking for an entry.
pub(super) enum Entry {
    /// There is no cache, or the run cannot be kept.
    None,
    /// Printed again.
    Repeated(u8),
    /// The run is recorded.
    Recorded(PathBuf),
}

impl Cache {
    /// The same for a command that edits files in place.
    pub(super) fn editing(&self, edits: Option<Option<Shard>>) -> Cache {
        Cache {
            edits,
            ..self.clone()
        }
    }

    /// Whether files are edited in place.
    pub(super) fn is_of_edits(&self) -> bool {
        self.edits.is_some()
    }

    /// The folder of the entries. It is the user's own: what is in it is printed.
    fn folder(&self, source: &Source) -> Result<Option<PathBuf>, Failure> {
        let variable = || variable("FITOUT_CACHE_DIR").map(PathBuf::from);
        let Some(folder) = self.cache_dir.clone().or_else(variable) else {
            return Ok(None);
        };
        let name = shown(&folder);
        let failed =
            |error| Failure::of(WRONG_USE, format!("error: cannot use {name} as a cache"))(error);
        let refused = |why: &str, help: &str| {
            let message = format!("error: {name} cannot be a cache: {why}");
            Err(Failure::new(WRONG_USE, message).note(format_args!("  = help: {help}")))
        };
        let working = std::env::current_dir().map_err(failed)?;
        let paths = source.filenames.iter().map(PathBuf::as_path);
        let paths = paths
            .chain([&*working])
            .filter_map(|it| it.canonicalize().ok());
        let roots = paths.flat_map(|it| [tree::root_of(&it), it]);
        let roots: Vec<PathBuf> = roots.filter(|it| it.parent().is_some()).collect();
        let is_outside = |folder: &Path| !roots.iter().any(|it| folder.starts_with(it));
        let whole = working.join(&folder);
        let mut existing = whole.ancestors().filter_map(|it| it.canonicalize().ok());
        if !existing.next().is_some_and(|it| is_outside(&it)) {
            return refused(
                "the authors of manifests could put results into it",
                "use a folder outside the repository, such as ~/.cache/fitout",
            );
        }
        if !folder.is_dir() {
            os::create_own(&folder).map_err(failed)?;
        }
        let folder = folder.canonicalize().map_err(failed)?;
        if !is_outside(&folder) || !os::is_own(&folder) {
            return refused(
                "others can write to it, and so decide what is printed",
                &format!("make it your own: chmod 700 {name}"),
            );
        }
        Ok(Some(folder))
    }

    /// Repeats the run if an earlier one had the same input, or else begins to record it.
    pub(super) fn look_up(
        &self,
        source: &Source,
        (texts, configs): (&[ConfigText], &[Config<'_>]),
        found: &mut Found,
        since: bool,
        verbosity: &Verbosity,
    ) -> Result<Entry, Failure> {
        let Some(folder) = self.folder(source)? else {
            return Ok(Entry::None);
        };
        // Git is asked for former texts, and what comes from a stream is read once.
        if since || found.files.iter().any(|it| is_stream(&it.path)) {
            return Ok(Entry::None);
        }
        let leaves = |shard| {
            let files: Vec<&Path> = found.files.iter().map(|it| &*it.path).collect();
            in_place::leftovers(&files, shard).next().is_some()
        };
        if self.edits.is_some_and(leaves) {
            return Ok(Entry::None);
        }
        let tree = source.tree();
        let Some(key) = name_of(&tree, (texts, configs), found, verbosity) else {
            return Ok(Entry::None);
        };
        let file = folder.join(format!("{PREFIX}{key}"));
        if let Some((code, events)) = read(&file, &tree, found) {
            let used = std::fs::File::options().append(true).open(&file);
            let _ = used.and_then(|it| clock::touch(&it));
            for event in events {
                event.print()?;
            }
            return Ok(Entry::Repeated(code));
        }
        *recording() = Some(Recording::default());
        Ok(Entry::Recorded(file))
    }
}

/// Keeps what was printed since the look-up.
pub(super) fn keep(file: &Path, code: u8) {
    let Some(recording) = recording().take().filter(|it| !it.is_forbidden) else {
        return;
    };
    let entry = json!([code, recording.executables, recording.events]).to_string();
    let entry = format!("{}\n{entry}", digest(entry.as_bytes()));
    if entry.len() as u64 > MOST_BYTES / 4 {
        return;
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    // Under another name until it is whole: another run may read it at any time.
    let written = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder);
    let written = written.and_then(|mut written| {
        written.write_all(entry.as_bytes())?;
        written.persist(file).map_err(|it| it.error)
    });
    match written {
        Ok(_) => remove_oldest(folder),
        Err(error) => Output::notice(format_args!(
            "warning: cannot write to the cache {}: {error}",
            folder.display()
        )),
    }
}

/// Removes what has not been used for the longest time.
fn remove_oldest(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let own = entries.filter(|it| {
        it.file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
    });
    let files = own.filter_map(|it| {
        let metadata = it.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((metadata.modified().ok()?, metadata.len(), it.path()))
    });
    let mut files: Vec<(_, u64, PathBuf)> = files.collect();
    sorting::sort_by(&mut files, |a, b| b.cmp(a));
    let mut bytes = 0;
    for (at, (_, length, path)) in files.iter().enumerate() {
        bytes += length;
        if at >= MOST_ENTRIES || bytes > MOST_BYTES {
            // Another run may have removed it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Says that what is printed depends on more than what is in the key.
pub(super) fn forbid() {
    if let Some(recording) = recording().as_mut() {
        recording.is_forbidden = true;
    }
}

/// The executables of functions below a folder, which a help text names; `None` without kustomizations.
pub(super) fn executables(folder: &Path) -> Option<Vec<PathBuf>> {
    let executables = executables_of(folder);
    if let Some(recording) = recording().as_mut() {
        recording.executables = Some(digest_of(executables.as_deref()));
    }
    executables
}

fn executables_of(folder: &Path) -> Option<Vec<PathBuf>> {
    tree::has_kustomizations(folder).then(|| tree::executables_below(folder))
}

fn digest_of(executables: Option<&[PathBuf]>) -> String {
    digest(format!("{executables:?}").as_bytes())
}

/// Records text on standard error.
pub(super) fn stderr(text: &str) {
    record(|| json!([text]));
}

/// Records a report in a file or on standard output.
pub(super) fn report(file: Option<&Path>, text: &str) {
    match file.map(Path::to_str) {
        Some(None) => forbid(),
        file => record(|| json!([text, file.flatten()])),
    }
}

/// Records manifests on standard output by the bytes that were replaced, because manifests may have secrets.
pub(super) fn manifests(
    manifests: &Manifests,
    afters: &[String],
    replaced: impl Fn(usize) -> Option<Vec<Replacement>>,
) {
    record(|| {
        let texts = manifests.texts.iter().zip(afters).enumerate();
        let texts = texts.map(|(at, (manifest, after))| {
            let replaced = replaced(at)?.into_iter();
            let replaced = replaced.map(|it| json!([it.span.start, it.span.end, it.text]));
            let replaced = replaced.collect();
            let is_same = edited(manifest.stream.text(), &replaced).as_ref() == Some(after);
            is_same.then(|| json!([manifest.at, replaced]))
        });
        let texts: Option<Value> = texts.collect();
        // Without them the entry is damaged, and is never printed.
        json!({"texts": texts})
    });
}

fn record(event: impl FnOnce() -> Value) {
    if let Some(recording) = recording().as_mut() {
        recording.events.push(event());
    }
}

fn recording() -> MutexGuard<'static, Option<Recording>> {
    static RECORDING: Mutex<Option<Recording>> = Mutex::new(None);
    RECORDING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Event {
    fn print(&self) -> Result<(), Failure> {
        match self {
            Event::Notice(text) => Output::again(text),
            Event::Report(text, file) => write_report(file.as_deref(), text)?,
            Event::Manifests(text) => Output::data(text)?,
        }
        Ok(())
    }

    fn decode(event: &Value, found: &Found) -> Option<Event> {
        if let Some(texts) = event.get("texts") {
            let texts = texts.as_array()?.iter().map(|it| {
                let at = usize::try_from(it.get(0)?.as_u64()?).ok()?;
                edited(&found.text(at)?, it.get(1)?)
            });
            let texts: Vec<String> = texts.collect::<Option<_>>()?;
            let mut manifests = String::new();
            join(&texts, &mut |part| manifests.push_str(part));
            return Some(Event::Manifests(manifests));
        }
        match event.as_array()?.as_slice() {
            [text] => Some(Event::Notice(text.as_str()?.to_owned())),
            [text, file] => {
                let file = file.as_str().map(PathBuf::from);
                Some(Event::Report(text.as_str()?.to_owned(), file))
            }
            _ => None,
        }
    }
}

/// A text with its replacements.
fn edited(before: &str, replaced: &Value) -> Option<String> {
    let index = |it: &Value| usize::try_from(it.as_u64()?).ok();
    let (mut after, mut from) = (String::with_capacity(2 * before.len()), 0);
    for replaced in replaced.as_array()? {
        after.push_str(before.get(from..index(replaced.get(0)?)?)?);
        after.push_str(replaced.get(2)?.as_str()?);
        from = index(replaced.get(1)?)?;
    }
    after.push_str(before.get(from..)?);
    Some(after)
}

/// Reads an entry: the exit code, and what is printed. What is damaged, or about other executables, is none.
fn read(file: &Path, tree: &Path, found: &Found) -> Option<(u8, Vec<Event>)> {
    let text = std::fs::read_to_string(file).ok()?;
    let (expected, entry) = text.split_once('\n')?;
    if digest(entry.as_bytes()) != expected {
        return None;
    }
    let entry: Value = serde_json::from_str(entry).ok()?;
    if let Some(known) = entry.get(1)?.as_str() {
        (digest_of(executables_of(tree).as_deref()) == known).then_some(())?;
    }
    let events = entry.get(2)?.as_array()?.iter();
    let events = events.map(|it| Event::decode(it, found));
    Some((
        u8::try_from(entry.get(0)?.as_u64()?).ok()?,
        events.collect::<Option<_>>()?,
    ))
}

/// The name of the entry. Reads all files, which are then parsed from the bytes that are in the name.
fn name_of(
    tree: &Path,
    (texts, configs): (&[ConfigText], &[Config<'_>]),
    found: &mut Found,
    verbosity: &Verbosity,
) -> Option<String> {
    let program = match cfg!(target_os = "linux") {
        // Also if another program has been installed at its path.
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().ok()?,
    };
    let program = std::fs::read(program).ok()?;
    found.read_all()?;
    let mut key = Key::default();
    key.add(tree.as_os_str().as_encoded_bytes());
    key.add(digest(&program));
    std::env::args_os()
        .skip(1)
        .for_each(|it| key.add(it.as_encoded_bytes()));
    let working = std::env::current_dir().ok()?;
    let root = working.ancestors().find(|it| it.join(".git").exists());
    let colors = [
        verbosity.color.applies_to(&std::io::stdout()),
        verbosity.color.applies_to(&std::io::stderr()),
    ];
    key.add(format!("{working:?} {root:?} {colors:?} {:?}", width()));
    for text in texts {
        key.add(format!("{:?} {:?}", text.name, text.file));
    }
    key.add_configs(texts, configs);
    key.add_files(found, &found.digests());
    for file in &found.files {
        key.add(file.path.as_os_str().as_encoded_bytes());
    }
    Some(key.finish())
}

#[cfg(unix)]
mod os {
    use std::fs::DirBuilder;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    use std::path::Path;

    /// Makes a folder that only its user can read.
    pub(super) fn create_own(folder: &Path) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }

    /// Whether only its user can write to a folder.
    pub(super) fn is_own(folder: &Path) -> bool {
        folder.metadata().is_ok_and(|it| {
            it.uid() == rustix::process::geteuid().as_raw() && it.mode() & 0o022 == 0
        })
    }
}

#[cfg(not(unix))]
mod os {
    use std::path::Path;

    pub(super) fn create_own(folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)
    }

    pub(super) fn is_own(_: &Path) -> bool {
        true
    }
}

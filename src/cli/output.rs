//! Standard output and standard error. All text for people passes through [`Text`], which escapes what is not ours.

use std::collections::HashSet;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Args;
use fitout::problem::suggestion;
use fitout::report::{
    Command, Document, FORMATS, Folder, Format, Needs, Options, Run, markdown_within,
};
use fitout::text::Text;
use fitout::yaml::Edited;

use super::inputs::shown;
use super::programs::variable;
use super::{Color, Failure, Source, UNWRITABLE, Verbosity, WRONG_USE, cache, files};

/// Passes on the parts of a text, in order.
type EachPart<'e> = dyn Fn(&mut dyn FnMut(&str)) + 'e;

/// The two streams.
pub(super) enum Output {}

impl Output {
    /// Writes manifests or another document to standard output, as they are.
    pub(super) fn data(text: &str) -> Result<(), Failure> {
        Output::parts(&|pass| pass(text))
    }

    /// The same for a text with its edits.
    pub(super) fn edited(edited: &Edited<'_>) -> Result<(), Failure> {
        Output::parts(&|pass| edited.each_part(pass))
    }

    /// The same for a text in parts, which `each` passes on.
    pub(super) fn parts(each: &EachPart<'_>) -> Result<(), Failure> {
        const CAPACITY: usize = 1 << 16;
        let write = || {
            let mut stdout = BufWriter::with_capacity(CAPACITY, std::io::stdout().lock());
            let mut written = Ok(());
            each(&mut |part| {
                if written.is_ok() {
                    written = stdout.write_all(part.as_bytes());
                }
            });
            written?;
            stdout.flush()
        };
        let written = match is_closed(std::io::stdout()) {
            true => Err(std::io::Error::other("it is closed")),
            false => write(),
        };
        written.map_err(Failure::of(
            UNWRITABLE,
            "error: cannot write to standard output".to_owned(),
        ))
    }

    /// Writes a report to standard output. A reader that stops early does not change the verdict.
    pub(super) fn report(text: &Text) -> Result<(), Failure> {
        Output::read_by_choice(text.as_str())
    }

    fn read_by_choice(text: &str) -> Result<(), Failure> {
        match write(text) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::of(
                UNWRITABLE,
                "error: cannot write to standard output".to_owned(),
            )(error)),
            _ => Ok(()),
        }
    }

    /// Writes text to standard error; failures are ignored, because there is no other place to report them.
    pub(super) fn stderr(text: &Text) {
        cache::stderr(text.as_str());
        Output::again(text.as_str());
        if let Some(recorded) = recorded().as_mut() {
            recorded.push_str(text.as_str());
        }
    }

    /// Writes to standard error what was text once.
    pub(super) fn again(text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Keeps a copy of everything that is written to standard error from now on.
    pub(super) fn record() {
        *recorded() = Some(String::new());
    }

    /// The copy, if one is kept.
    pub(super) fn recorded() -> Option<String> {
        recorded().take()
    }

    /// Writes a line to standard error.
    pub(super) fn notice(line: impl std::fmt::Display) {
        Output::stderr(&Text::of(line));
    }
}

fn recorded() -> MutexGuard<'static, Option<String>> {
    static RECORDED: Mutex<Option<String>> = Mutex::new(None);
    RECORDED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Whether the program was started with a standard stream closed (`>&-`). Rust then opens /dev/null for reading and writing in
/// its place, which shells do not.
#[cfg(unix)]
pub(super) fn is_closed(stream: impl std::os::fd::AsFd) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let id = |metadata: std::fs::Metadata| {
        let is_device = metadata.file_type().is_char_device();
        is_device.then(|| metadata.rdev())
    };
    let device = rustix::fs::fstat(&stream).ok().map(|it| it.st_rdev);
    let null = std::fs::metadata("/dev/null").ok().and_then(id);
    let flags = rustix::fs::fcntl_getfl(&stream);
    null.is_some()
        && device == null
        && flags.is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR))
}

#[cfg(not(unix))]
pub(super) fn is_closed<T>(_: T) -> bool {
    false
}

/// The width of text on standard error: that of the terminal, or 140.
pub(super) fn width() -> Option<u16> {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    Some(
        columns
            .or_else(|| {
                terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| width.0)
            })
            .unwrap_or(140),
    )
}

/// Exits the process; nothing else does.
#[allow(clippy::exit)]
pub(super) fn exit(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

impl Color {
    /// Whether text on this stream is colored. Rules: https://no-color.org and CLICOLOR_FORCE.
    pub(super) fn applies_to(self, stream: &impl IsTerminal) -> bool {
        let set = |name: &str| variable(name).is_some_and(|value| value != "0");
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if set("NO_COLOR") => false,
            Color::Auto => {
                set("CLICOLOR_FORCE")
                    || (stream.is_terminal()
                        && std::env::var_os("TERM").is_none_or(|term| term != "dumb"))
            }
        }
    }
}

/// The reports that the arguments ask for.
#[derive(Debug, Args)]
pub(super) struct Reports {
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]", help = help())]
    output: Vec<Requested>,
}

fn help() -> String {
    let names: Vec<&str> = FORMATS.iter().map(|it| it.name).collect();
    let names = names.join(", ");
    format!(
        "Format of the report, written to standard output or to FILE; repeatable. One of {names}"
    )
}

/// `-o FORMAT[=FILE]`.
#[derive(Clone, Debug)]
struct Requested {
    format: &'static Format,
    /// Standard output when absent.
    file: Option<PathBuf>,
}

impl std::str::FromStr for Requested {
    type Err = String;

    fn from_str(text: &str) -> Result<Requested, String> {
        let names: Vec<&str> = FORMATS.iter().map(|it| it.name).collect();
        let (at, file) = format_and_file(text, &names)?;
        let format = &FORMATS[at];
        Ok(Requested { format, file })
    }
}

/// `FORMAT[=FILE]`: the index of the format in its names, and the file.
pub(super) fn format_and_file(
    text: &str,
    names: &[&str],
) -> Result<(usize, Option<PathBuf>), String> {
    let (name, file) = match text.split_once('=') {
        Some((name, "")) => return Err(format!("`{name}=` has no name of a file")),
        Some((name, file)) => (name, Some(file).filter(|it| *it != "-")),
        None => (text, None),
    };
    let format = names.iter().position(|it| *it == name);
    let format = format.ok_or_else(|| {
        let nearest = suggestion(name, names.iter().copied()).map(|it| it + " ");
        let (nearest, known) = (nearest.unwrap_or_default(), names.join(", "));
        format!("unknown format `{name}`; {nearest}known: {known}")
    })?;
    Ok((format, file.map(PathBuf::from)))
}

/// Writes a report to a file, or to standard output.
pub(super) fn write_report(file: Option<&Path>, text: &str) -> Result<(), Failure> {
    cache::report(file, text);
    match file {
        None => Output::read_by_choice(text),
        Some(file) => std::fs::write(file, text).map_err(Failure::of(
            UNWRITABLE,
            format!("error: cannot write {}", file.display()),
        )),
    }
}

fn needs_of(requested: &[Requested]) -> Needs {
    let needs = requested.iter().map(|it| it.format.needs);
    needs.fold(Needs::default(), Needs::or)
}

impl Reports {
    /// The files that are written.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.output.iter().filter_map(|it| it.file.as_deref())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    /// The first format for standard output.
    pub(super) fn on_stdout(&self) -> Option<&'static str> {
        let requested = self.output.iter().find(|it| it.file.is_none())?;
        Some(requested.format.name)
    }

    /// Refuses reports that cannot be made, or that would be written into each other.
    pub(super) fn refuse_wrong(&self, source: &Source) -> Result<(), Failure> {
        self.refuse_patch(source)?;
        let on_stdout = self.output.iter().filter(|it| it.file.is_none());
        let on_stdout: Vec<&Format> = on_stdout.map(|it| it.format).collect();
        if on_stdout.len() > 1
            && let Some(data) = on_stdout.iter().find(|it| it.is_data)
        {
            let message = format!(
                "error: {} cannot share standard output with another report",
                data.name
            );
            return Err(Failure::new(WRONG_USE, message).note(format_args!(
                "  = help: write it to a file: -o {}=FILE",
                data.name
            )));
        }
        let mut seen = HashSet::new();
        match self.files().find(|it| !seen.insert(*it)) {
            None => Ok(()),
            Some(file) => Err(Failure::new(
                WRONG_USE,
                format_args!("error: two reports would be written to {}", file.display()),
            )),
        }
    }

    /// Refuses a patch without files, or for several environments.
    fn refuse_patch(&self, source: &Source) -> Result<(), Failure> {
        let Some(patch) = self.output.iter().find(|it| it.format.is_patch) else {
            return Ok(());
        };
        let name = patch.format.name;
        let why = match () {
            () if source.overlay.kustomization.is_some() => {
                "changes files, and a build has none; use -f"
            }
            () if source.environment.len() > 1 => "has the changes for one environment",
            () => return Ok(()),
        };
        let message = format!("error: -o {name} {why}");
        Err(Failure::new(WRONG_USE, message))
    }

    /// What the requested formats need.
    pub(super) fn needs(&self) -> Needs {
        needs_of(&self.output)
    }

    /// What they need, or without any, what text needs.
    pub(super) fn needs_or_text(&self) -> Needs {
        needs_of(self.or_text())
    }

    /// The requested reports, or else text on standard output.
    fn or_text(&self) -> &[Requested] {
        const TEXT: &[Requested] = &[Requested {
            format: &FORMATS[0],
            file: None,
        }];
        match self.output.as_slice() {
            [] => TEXT,
            output => output,
        }
    }

    /// Writes all of them, or without any, text to standard output.
    pub(super) fn write_or_text(
        &self,
        command: Command,
        runs: &[Run<'_>],
        verbosity: &Verbosity,
    ) -> Result<(), Failure> {
        write_all(self.or_text(), command, runs, verbosity)
    }

    /// Writes all of them.
    pub(super) fn write(
        &self,
        command: Command,
        runs: &[Run<'_>],
        verbosity: &Verbosity,
    ) -> Result<(), Failure> {
        write_all(&self.output, command, runs, verbosity)
    }

    /// Writes reports for machines of a failure.
    pub(super) fn with_failure(
        &self,
        command: Command,
        verbosity: &Verbosity,
        result: Result<u8, Failure>,
    ) -> Result<u8, Failure> {
        let requested = self.output.iter().map(|it| (it.format, it.file.as_deref()));
        write_failure(requested, command, verbosity, &result);
        result
    }
}

/// Whether the reports of this run are written. A failure after that replaces those in files, but what was printed, or sent
/// to another process, cannot be taken back, and a second document behind it would make both unreadable.
static ARE_WRITTEN: AtomicBool = AtomicBool::new(false);

fn write_all(
    requested: &[Requested],
    command: Command,
    runs: &[Run<'_>],
    verbosity: &Verbosity,
) -> Result<(), Failure> {
    let mut requested = requested.iter();
    requested.try_for_each(|it| it.write(command, runs, verbosity))?;
    ARE_WRITTEN.store(true, Relaxed);
    Ok(())
}

/// Writes reports for machines of a failure. That one cannot be written is said, and does not hide the failure.
pub(super) fn write_failure<'r>(
    requested: impl Iterator<Item = (&'static Format, Option<&'r Path>)>,
    command: Command,
    verbosity: &Verbosity,
    result: &Result<u8, Failure>,
) {
    let Err(failure) = result else {
        return;
    };
    let runs = [Run::of_problems(&failure.as_problems())];
    let are_written = ARE_WRITTEN.load(Relaxed);
    for (format, file) in requested.filter(|(format, _)| format.is_for_failures) {
        if are_written && !file.is_some_and(Path::is_file) {
            continue;
        }
        let requested = Requested {
            format,
            file: file.map(Path::to_owned),
        };
        if let Err(other) = requested.write(command, &runs, verbosity) {
            Output::stderr(&other.text);
        }
    }
}

/// The working directory, the root of its repository, and its charts if a format names files and a run has the output of Helm.
fn folder(format: &Format, runs: &[Run<'_>]) -> Folder {
    let working = std::env::current_dir().unwrap_or_default();
    let root = working.ancestors().find(|it| it.join(".git").exists());
    let names_files = matches!(format.name, "sarif" | "github" | "junit");
    let mut texts = runs
        .iter()
        .flat_map(|it| &it.texts)
        .filter(|it| !it.is_file);
    let charts = match names_files && texts.any(|it| it.before.contains("# Source: ")) {
        true => files::charts(),
        false => Vec::new(),
    };
    let [working, root] = [&*working, root.unwrap_or(&working)].map(shown);
    Folder {
        working,
        root,
        charts,
    }
}

/// The bytes of a job's summary that GitHub accepts.
const SUMMARY: usize = 1 << 20;

/// Adds a report to the summary of a job, if this is one in GitHub Actions.
fn add_to_summary(document: &Document<'_>) -> Result<(), Failure> {
    let Some(path) = variable("GITHUB_STEP_SUMMARY") else {
        return Ok(());
    };
    // What is added depends on what is there.
    cache::forbid();
    let path = PathBuf::from(path);
    let written = path.metadata().map_or(0, |it| it.len());
    let left = SUMMARY.saturating_sub(usize::try_from(written).unwrap_or(SUMMARY));
    let text = markdown_within(document, left.saturating_sub(2));
    if text.len() + 2 > left {
        Output::notice("warning: the summary of the job has no room for the report");
        return Ok(());
    }
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path);
    file.and_then(|mut file| file.write_all(format!("\n{text}").as_bytes()))
        .map_err(Failure::of(
            UNWRITABLE,
            format!("error: cannot write {}", path.display()),
        ))
}

impl Requested {
    fn write(
        &self,
        command: Command,
        runs: &[Run<'_>],
        verbosity: &Verbosity,
    ) -> Result<(), Failure> {
        let color = self.file.is_none() && verbosity.color.applies_to(&std::io::stdout());
        let is_text = self.format.name == FORMATS[0].name;
        if is_text && self.file.is_none() && verbosity.quiet && command == Command::Plan {
            return Ok(());
        }
        let options = Options {
            color,
            verbose: verbosity.verbose,
            quiet: verbosity.quiet,
            at_least: verbosity.min_severity(),
            folder: folder(self.format, runs),
        };
        let document = Document {
            command,
            runs,
            options,
            vocabulary: fitout::VOCABULARY,
        };
        let text = (self.format.draw)(&document);
        if self.format.name == "github" {
            add_to_summary(&document)?;
        }
        write_report(self.file.as_deref(), &text)
    }
}

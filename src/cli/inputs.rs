//! Files, directories and standard input: the manifests and the config of the command line.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use fitout::config::{Config, FunctionConfig};
use fitout::not_yaml;
use fitout::problem::{Problem, Problems};
use fitout::read::{Origin, Resource, is_object};
use fitout::report::{FileAccount, FileOutcome, problem_snippet};
use fitout::yaml::Stream;

use super::{Failure, Source, Telling, UNREADABLE, WRONG_USE};

/// A text with manifests.
#[derive(Debug)]
pub(super) struct Manifest {
    /// What a person calls it.
    pub(super) name: String,
    /// Where it is written back; `None` for standard input.
    pub(super) file: Option<PathBuf>,
    pub(super) stream: Stream,
}

/// Every manifest that was named, and what became of each file that the arguments reach.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) texts: Vec<Manifest>,
    pub(super) files: Vec<FileAccount>,
}

impl Manifests {
    /// Reads everything that the arguments name.
    pub(super) fn read(source: &Source, telling: &Telling) -> Result<Manifests, Failure> {
        let mut manifests = Manifests::default();
        let mut problems = Vec::new();
        let mut known = HashSet::new();
        for path in &source.filenames {
            for (file, outcome) in files_at(path)? {
                let name = shown(&file);
                // A file that is named twice, or reached by a link as well, is one file.
                let is_new = known.insert(file.canonicalize().unwrap_or_else(|_| file.clone()));
                let outcome = match outcome {
                    FileOutcome::Read if !is_new => Ok(FileOutcome::Duplicate),
                    FileOutcome::Read => manifests.add(&file, &name),
                    passed_over => Ok(passed_over),
                };
                match outcome {
                    Ok(outcome) => manifests.account(name, None, outcome),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        if !problems.is_empty() {
            return Err(failure(&Problems(problems), telling, UNREADABLE));
        }
        if manifests.texts.is_empty() {
            return Err(manifests.nothing_found(source));
        }
        Ok(manifests)
    }

    fn account(&mut self, path: String, index: Option<usize>, outcome: FileOutcome) {
        self.files.push(FileAccount {
            path,
            index,
            outcome,
        });
    }

    /// A wrong path must not look like a job done.
    fn nothing_found(&self, source: &Source) -> Failure {
        let paths: Vec<String> = source.filenames.iter().map(|path| shown(path)).collect();
        let mut message = format!(
            "error[FIT-INP001]: no Kubernetes objects in {}",
            paths.join(", ")
        );
        // Who names a folder of text files or an ignored one hears of it in numbers.
        let skipped = self.files.iter().filter_map(|file| {
            let is_read = [FileOutcome::Package, FileOutcome::NoObjects].contains(&file.outcome);
            is_read.then_some(file.path.as_str())
        });
        let skipped: Vec<&str> = skipped.collect();
        if !skipped.is_empty() {
            message.push_str(&format!("\n  passed over: {}", skipped.join(", ")));
        }
        let mut outcomes = self.files.iter().map(|file| file.outcome);
        if outcomes.any(|outcome| outcome == FileOutcome::Package) {
            message.push_str("\n  = help: to build a kustomize overlay and fit it, use -k");
        }
        Failure::new(UNREADABLE, message)
    }

    /// Reads one file, and accounts for the documents in it that are no objects of a cluster.
    fn add(&mut self, file: &Path, name: &str) -> Result<FileOutcome, Problem> {
        let is_stdin = file == Path::new("-");
        let is_package = |file: &OsStr| PACKAGE_FILES.iter().any(|known| file == *known);
        if file.file_name().is_some_and(is_package) {
            return Ok(FileOutcome::Package);
        }
        let bytes = if is_stdin {
            read_stdin()
        } else {
            std::fs::read(file)
        };
        let bytes = bytes
            .map_err(|error| Problem::new("FIT-INP001", format!("cannot read {name}: {error}")))?;
        let stream = parsed(bytes, name)?;
        let documents = stream.documents().filter(|document| !document.is_empty());
        let documents = documents.map(|document| is_object(document.root()));
        let are_objects: Vec<bool> = documents.collect();
        if !are_objects.contains(&true) {
            return Ok(FileOutcome::NoObjects);
        }
        let others = are_objects.into_iter().enumerate().filter(|(_, it)| !it);
        for (index, _) in others {
            self.account(name.to_owned(), Some(index), FileOutcome::NoObjects);
        }
        self.texts.push(Manifest {
            name: name.to_owned(),
            file: (!is_stdin).then(|| file.to_owned()),
            stream,
        });
        Ok(FileOutcome::Read)
    }

    /// The objects in all texts, in their order.
    pub(super) fn resources(&self) -> Result<Vec<Resource<'_>>, Problems> {
        let mut resources = Vec::new();
        let mut problems = Vec::new();
        for (text, manifest) in self.texts.iter().enumerate() {
            let documents = manifest
                .stream
                .documents()
                .filter(|document| !document.is_empty());
            for (index, document) in documents
                .enumerate()
                .filter(|(_, document)| is_object(document.root()))
            {
                let origin = Origin {
                    path: Some(manifest.name.clone()),
                    index,
                    has_lines: true,
                };
                problems
                    .extend(Resource::read(document.root(), text, origin, &mut resources).err());
            }
        }
        if problems.is_empty() {
            Ok(resources)
        } else {
            Err(Problems(problems))
        }
    }
}

/// Files that are not manifests, whatever they hold.
const PACKAGE_FILES: [&str; 4] = [
    "kustomization.yaml",
    "kustomization.yml",
    "Kustomization",
    "Kptfile",
];

/// A text as YAML, or the place where it stops being that.
pub(super) fn parsed(bytes: Vec<u8>, name: &str) -> Result<Stream, Problem> {
    Stream::from_bytes_or_text(bytes).map_err(|(error, text)| not_yaml(&error, Some((name, &text))))
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    // Where a file is redirected its size is known, and the text need not move while it grows.
    let size = std::fs::metadata("/dev/stdin").map_or(0, |it| it.len());
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files at a path, in a fixed order: itself, or everything below it, with what is not to be read and why.
fn files_at(path: &Path) -> Result<Vec<(PathBuf, FileOutcome)>, Failure> {
    if path == Path::new("-") || path.is_file() {
        return Ok(vec![(path.to_owned(), FileOutcome::Read)]);
    }
    if !path.exists() {
        return Err(Failure::new(
            UNREADABLE,
            format!("error[FIT-INP001]: there is no {}", path.display()),
        ));
    }
    let mut files = Vec::new();
    let mut walk = ignore::WalkBuilder::new(path);
    walk.require_git(false).sort_by_file_path(Path::cmp);
    let mut reached = HashSet::new();
    let mut folders = Vec::new();
    for entry in walk.build() {
        let entry = entry
            .map_err(|error| Failure::new(UNREADABLE, format!("error[FIT-INP001]: {error}")))?;
        let is_folder = entry.file_type().is_some_and(|it| it.is_dir()) || entry.depth() == 0;
        let path = entry.into_path();
        reached.insert(path.clone());
        match is_folder {
            true => folders.push(path),
            false => files.push((outcome_of(&path), path)),
        }
    }
    // What the walk does not lead to is in the folders that it leads to. Of an ignored folder only the folder is known.
    for folder in folders {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !reached.contains(&path) {
                let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
                let outcome = match is_hidden {
                    true => FileOutcome::Hidden,
                    false => FileOutcome::Ignored,
                };
                files.push((outcome, path));
            }
        }
    }
    files.sort_by(|(_, a), (_, b)| a.cmp(b));
    let files = files.into_iter().map(|(outcome, path)| (path, outcome));
    Ok(files.collect())
}

/// Whether a file below a folder is one of manifests.
fn outcome_of(file: &Path) -> FileOutcome {
    let extension = file.extension().unwrap_or_default();
    match () {
        () if !file.is_file() => FileOutcome::Link,
        () if !["yaml", "yml", "json"].iter().any(|it| extension == *it) => FileOutcome::Extension,
        () => FileOutcome::Read,
    }
}

/// A path with forward slashes and without `./`.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".to_owned();
    }
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map_or(text.clone(), str::to_owned)
}

impl Source {
    /// The folder in which overlays that use the config are likely to be: that which holds `fn-config/`, or else the
    /// working directory.
    pub(super) fn tree(&self) -> PathBuf {
        let working = std::env::current_dir().unwrap_or_default();
        let mut above = working.ancestors();
        let is_here = |folder: &&Path| folder.join("fn-config").is_dir();
        match above.find(is_here) {
            Some(folder) if folder != working => folder.to_owned(),
            _ => PathBuf::from("."),
        }
    }
}

/// A functionConfig as a Config, with the day by which exemptions end.
pub(super) fn config_of<'c>(
    function_config: &'c FunctionConfig<'_>,
    telling: &Telling,
) -> Result<Config<'c>, Failure> {
    let config = function_config.decode(fitout::VOCABULARY);
    let mut config = config.map_err(|problems| failure(&problems, telling, WRONG_USE))?;
    config.today = super::clock::today()?.or(config.today);
    Ok(config)
}

/// Problems as the end of a command, each with a picture of its place.
pub(super) fn failure(problems: &Problems, telling: &Telling, code: u8) -> Failure {
    let color = telling.color.applies_to(&std::io::stderr());
    let mut message: String = problems
        .0
        .iter()
        .map(|problem| problem_snippet(problem, color))
        .collect();
    let count = problems.0.len();
    message.push_str(&format!(
        "{count} error{}; nothing was written",
        if count == 1 { "" } else { "s" }
    ));
    Failure {
        problems: problems.0.clone(),
        ..Failure::new(code, message)
    }
}

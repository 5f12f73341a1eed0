//! Reads the manifests and the config that the command line names.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use fitout::config::{Config, FunctionConfig};
use fitout::not_yaml;
use fitout::problem::{Problem, Problems};
use fitout::read::{Origin, Resource, is_object};
use fitout::report::FileOutcome::PassedOver;
use fitout::report::{FileAccount, FileOutcome, FileReason, problem_snippet};
use fitout::yaml::{Fault, Stream, SyntaxError};

use super::{Failure, Source, UNREADABLE, Verbosity, WRONG_USE};

/// A file, or standard input, with manifests.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Its name in messages.
    pub(super) name: String,
    /// The file to write it to; `None` for standard input.
    pub(super) file: Option<PathBuf>,
    pub(super) stream: Stream,
}

/// The manifests, and the outcome for each file below the arguments.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) texts: Vec<Manifest>,
    pub(super) files: Vec<FileAccount>,
}

impl Manifests {
    /// Reads all files that the arguments name.
    pub(super) fn read(paths: &[PathBuf], verbosity: &Verbosity) -> Result<Manifests, Failure> {
        let mut manifests = Manifests::default();
        let mut problems = Vec::new();
        let mut known = HashSet::new();
        for path in paths {
            for (file, outcome) in files_at(path)? {
                let name = shown(&file);
                // A file can be named twice, or be reached through a link.
                let is_new = known.insert(file.canonicalize().unwrap_or_else(|_| file.clone()));
                let outcome = match outcome {
                    FileOutcome::Read if !is_new => Ok(PassedOver(FileReason::Duplicate)),
                    FileOutcome::Read => manifests.add(&file, &name),
                    skipped => Ok(skipped),
                };
                match outcome {
                    Ok(outcome) => manifests.account(name, None, outcome),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        if !problems.is_empty() {
            return Err(failure(&Problems(problems), verbosity, UNREADABLE));
        }
        if manifests.texts.is_empty() {
            return Err(manifests.nothing_found(paths));
        }
        Ok(manifests)
    }

    /// The manifests in the output of a build.
    pub(super) fn of_build(
        name: String,
        output: String,
        verbosity: &Verbosity,
    ) -> Result<Manifests, Failure> {
        let stream = Stream::parse(output)
            .map_err(|error| failure(&not_yaml(&error, None).into(), verbosity, UNREADABLE))?;
        let file = None;
        Ok(Manifests {
            texts: vec![Manifest { name, file, stream }],
            files: Vec::new(),
        })
    }

    fn account(&mut self, path: String, index: Option<usize>, outcome: FileOutcome) {
        self.files.push(FileAccount {
            path,
            index,
            outcome,
        });
    }

    /// The failure if no file contains objects, because a wrong path must not look like success.
    fn nothing_found(&self, paths: &[PathBuf]) -> Failure {
        let paths: Vec<String> = paths.iter().map(|path| shown(path)).collect();
        let mut message = format!(
            "error[FIT-INP001]: no Kubernetes objects in {}",
            paths.join(", ")
        );
        // Only files that look like manifests are listed.
        let skipped = self.files.iter().filter_map(|file| {
            let is_read = [
                PassedOver(FileReason::Package),
                PassedOver(FileReason::NoObjects),
            ]
            .contains(&file.outcome);
            is_read.then_some(file.path.as_str())
        });
        let skipped: Vec<&str> = skipped.collect();
        if !skipped.is_empty() {
            message.push_str(&format!("\n  skipped: {}", skipped.join(", ")));
        }
        let mut outcomes = self.files.iter().map(|file| file.outcome);
        if outcomes.any(|outcome| outcome == PassedOver(FileReason::Package)) {
            message.push_str("\n  = help: use -k for a kustomize overlay");
        }
        Failure::new(UNREADABLE, message)
    }

    /// Reads one file, and records documents in it that are not Kubernetes objects.
    fn add(&mut self, file: &Path, name: &str) -> Result<FileOutcome, Problem> {
        let is_stdin = file == Path::new("-");
        let is_package = |file: &OsStr| PACKAGE_FILES.iter().any(|known| file == *known);
        if file.file_name().is_some_and(is_package) {
            return Ok(PassedOver(FileReason::Package));
        }
        let bytes = if is_stdin {
            read_stdin()
        } else {
            std::fs::read(file)
        };
        let bytes = bytes
            .map_err(|error| Problem::new("FIT-INP001", format!("cannot read {name}: {error}")))?;
        let stream = match Stream::from_bytes_or_text(bytes) {
            Err((error, text)) if !may_have_objects(&error, &text) => {
                return Ok(PassedOver(FileReason::NoObjects));
            }
            stream => stream.map_err(|(error, text)| not_yaml(&error, Some((name, &text))))?,
        };
        let documents = stream.documents().filter(|document| !document.is_empty());
        let documents = documents.map(|document| is_object(document.root()));
        let are_objects: Vec<bool> = documents.collect();
        if !are_objects.contains(&true) {
            return Ok(PassedOver(FileReason::NoObjects));
        }
        let others = are_objects.into_iter().enumerate().filter(|(_, it)| !it);
        for (index, _) in others {
            self.account(
                name.to_owned(),
                Some(index),
                PassedOver(FileReason::NoObjects),
            );
        }
        self.texts.push(Manifest {
            name: name.to_owned(),
            file: (!is_stdin).then(|| file.to_owned()),
            stream,
        });
        Ok(FileOutcome::Read)
    }

    /// The objects in all texts, in order.
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
                let read = Resource::read(document.root(), text, origin, &mut resources);
                problems.extend(read.err().into_iter().flat_map(|Problems(found)| found));
            }
        }
        if problems.is_empty() {
            Ok(resources)
        } else {
            Err(Problems(problems))
        }
    }
}

/// Files of kustomize and kpt, which are not manifests.
const PACKAGE_FILES: [&str; 4] = [
    "kustomization.yaml",
    "kustomization.yml",
    "Kustomization",
    "Kptfile",
];

/// Whether a text that is refused could have objects. Kubernetes does not read the files of other tools, so only their
/// syntax matters.
fn may_have_objects(error: &SyntaxError, text: &str) -> bool {
    let is_about_keys = [Fault::DuplicateKey, Fault::Keys].contains(&error.fault);
    let stream = is_about_keys.then(|| Stream::parse_any_keys(text));
    stream.and_then(Result::ok).is_none_or(|stream| {
        let mut documents = stream.documents();
        documents.any(|document| is_object(document.root()))
    })
}

/// Parses a text as YAML.
pub(super) fn parsed(bytes: Vec<u8>, name: &str) -> Result<Stream, Problem> {
    Stream::from_bytes_or_text(bytes).map_err(|(error, text)| not_yaml(&error, Some((name, &text))))
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    // The size of a redirected file is known, which saves reallocations.
    let size = std::fs::metadata("/dev/stdin").map_or(0, |it| it.len());
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files at or below a path, sorted. Each file that is not read has the reason.
fn files_at(path: &Path) -> Result<Vec<(PathBuf, FileOutcome)>, Failure> {
    if path == Path::new("-") || path.is_file() {
        return Ok(vec![(path.to_owned(), FileOutcome::Read)]);
    }
    if !path.exists() {
        return Err(Failure::new(
            UNREADABLE,
            format!("error[FIT-INP001]: {} does not exist", path.display()),
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
    // The walk omits hidden and ignored entries, so they are read from its folders. An ignored folder is one entry.
    for folder in folders {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !reached.contains(&path) {
                let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
                let outcome = match is_hidden {
                    true => PassedOver(FileReason::Hidden),
                    false => PassedOver(FileReason::Ignored),
                };
                files.push((outcome, path));
            }
        }
    }
    files.sort_by(|(_, a), (_, b)| a.cmp(b));
    let files = files.into_iter().map(|(outcome, path)| (path, outcome));
    Ok(files.collect())
}

/// Whether to read a file below a folder.
fn outcome_of(file: &Path) -> FileOutcome {
    let extension = file.extension().unwrap_or_default();
    match () {
        () if !file.is_file() => PassedOver(FileReason::Link),
        () if !["yaml", "yml", "json"].iter().any(|it| extension == *it) => {
            PassedOver(FileReason::Extension)
        }
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
    /// The folder to search for overlays: the one that contains `fn-config/`, or else the working directory.
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

/// Decodes a functionConfig.
pub(super) fn decoded<'c>(
    function_config: &'c FunctionConfig<'_>,
    verbosity: &Verbosity,
) -> Result<Config<'c>, Failure> {
    let config = function_config.decode(fitout::VOCABULARY);
    config.map_err(|problems| failure(&problems, verbosity, WRONG_USE))
}

/// Decodes a functionConfig, and sets the date on which exemptions expire.
pub(super) fn config_of<'c>(
    function_config: &'c FunctionConfig<'_>,
    verbosity: &Verbosity,
) -> Result<Config<'c>, Failure> {
    let mut config = decoded(function_config, verbosity)?;
    config.today = super::clock::today()?.or(config.today);
    Ok(config)
}

/// Problems as a failure, each with an excerpt of its file.
pub(super) fn failure(problems: &Problems, verbosity: &Verbosity, code: u8) -> Failure {
    let color = verbosity.color.applies_to(&std::io::stderr());
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

//! Files, directories and standard input: the manifests and the config of the command line.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use fitout::not_yaml;
use fitout::problem::{Problem, Problems};
use fitout::read::{Origin, Resource, is_object};
use fitout::report::problem_snippet;
use fitout::yaml::Stream;

use super::{Failure, Source, Telling, UNREADABLE};

/// A text with manifests.
#[derive(Debug)]
pub(super) struct Manifest {
    /// What a person calls it.
    pub(super) name: String,
    /// Where it is written back; `None` for standard input.
    pub(super) file: Option<PathBuf>,
    pub(super) stream: Stream,
}

/// Every manifest that was named, and what was passed over.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) texts: Vec<Manifest>,
    /// Files without a Kubernetes object, or with a package's own (kustomization, Kptfile, config).
    pub(super) skipped: Vec<String>,
}

impl Manifests {
    /// Reads everything that the arguments name.
    pub(super) fn read(source: &Source, telling: &Telling) -> Result<Manifests, Failure> {
        let mut manifests = Manifests::default();
        let mut problems = Vec::new();
        let mut known = HashSet::new();
        for path in &source.filenames {
            for file in files_at(path)? {
                // A file that is named twice, or reached by a link as well, is one file.
                if known.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                    problems.extend(manifests.add(&file).err());
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

    /// A wrong path must not look like a job done.
    fn nothing_found(&self, source: &Source) -> Failure {
        let paths: Vec<String> = source.filenames.iter().map(|path| shown(path)).collect();
        let mut message = format!(
            "error[FIT-INP001]: no Kubernetes objects in {}",
            paths.join(", ")
        );
        if !self.skipped.is_empty() {
            message.push_str(&format!("\n  passed over: {}", self.skipped.join(", ")));
        }
        if self
            .skipped
            .iter()
            .any(|file| PACKAGE_FILES.iter().any(|known| file.ends_with(known)))
        {
            message.push_str("\n  = help: to build a kustomize overlay and fit it, use -k");
        }
        Failure::new(UNREADABLE, message)
    }

    fn add(&mut self, file: &Path) -> Result<(), Problem> {
        let name = shown(file);
        let is_stdin = file == Path::new("-");
        if file
            .file_name()
            .is_some_and(|file| PACKAGE_FILES.iter().any(|known| file == *known))
        {
            self.skipped.push(name);
            return Ok(());
        }
        let bytes = if is_stdin {
            read_stdin()
        } else {
            std::fs::read(file)
        };
        let bytes = bytes
            .map_err(|error| Problem::new("FIT-INP001", format!("cannot read {name}: {error}")))?;
        let stream = parsed(bytes, &name)?;
        if !stream
            .documents()
            .any(|document| is_object(document.root()))
        {
            self.skipped.push(name);
            return Ok(());
        }
        self.texts.push(Manifest {
            name,
            file: (!is_stdin).then(|| file.to_owned()),
            stream,
        });
        Ok(())
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

/// The manifests at a path: itself, or those below it in a fixed order.
fn files_at(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path == Path::new("-") || path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.exists() {
        return Err(Failure::new(
            UNREADABLE,
            format!("error[FIT-INP001]: there is no {}", path.display()),
        ));
    }
    let mut files = Vec::new();
    for entry in ignore::WalkBuilder::new(path)
        .require_git(false)
        .sort_by_file_path(Path::cmp)
        .build()
    {
        let entry = entry
            .map_err(|error| Failure::new(UNREADABLE, format!("error[FIT-INP001]: {error}")))?;
        let is_manifest = entry.path().extension().is_some_and(|extension| {
            ["yaml", "yml", "json"]
                .iter()
                .any(|known| extension == *known)
        });
        if is_manifest && entry.path().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
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

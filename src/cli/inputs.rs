//! Reads the manifests and the config that the command line names.

mod contents;
mod found;
mod templates;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fitout::config::{Config, FunctionConfig, Unbuilt};
use fitout::not_yaml;
use fitout::parallel;
use fitout::problem::{Problem, Problems};
use fitout::read::{Origin, OriginLines, Resource, is_object, template_of};
use fitout::report::FileOutcome::PassedOver;
use fitout::report::{FileAccount, FileOutcome, FileReason, problem_snippet};
use fitout::text::{Text, counted};
use fitout::yaml::{Node, Stream};

use super::files::{Choice, Files, Reader};
use super::output::Output;
use super::progress::{self, Progress};
use super::tree;
use super::{Failure, Source, UNREADABLE, Verbosity, WRONG_USE};
use contents::Contents;

pub(super) use found::{Found, kustomizations_of, objects_in};

/// A file, or standard input, with manifests.
#[derive(Debug)]
pub(super) struct Manifest {
    /// Its name in messages.
    pub(super) name: String,
    /// The file to write it to; `None` for standard input.
    pub(super) file: Option<PathBuf>,
    /// What decides about its shard.
    pub(super) key: u64,
    /// Its index among the files that were found.
    pub(super) at: usize,
    pub(super) stream: Stream,
}

/// The manifests, and the outcome for each file below the arguments.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) texts: Vec<Manifest>,
    pub(super) files: Vec<FileAccount>,
    /// The ConfigMaps and Secrets that kustomizations near the files generate.
    pub(super) generated: fitout::hashing::HashSet<String>,
    /// What only builds of the kustomizations among them have.
    pub(super) unbuilt: Vec<Unbuilt>,
}

impl Manifests {
    /// Reads all files that the arguments name.
    pub(super) fn read(
        paths: &[PathBuf],
        choice: Choice<'_>,
        verbosity: &Verbosity,
    ) -> Result<Manifests, Failure> {
        let found = Found::of(Files::of(paths, choice)?);
        Manifests::parse(&found, paths, choice, verbosity)
    }

    /// Reads and parses the files that were found for these arguments.
    pub(super) fn parse(
        found: &Found,
        paths: &[PathBuf],
        choice: Choice<'_>,
        verbosity: &Verbosity,
    ) -> Result<Manifests, Failure> {
        let is_long = found.files.len() > progress::MANY_FILES;
        let reading = Progress::of("reading manifests", is_long, verbosity);
        let (manifests, problems) = Manifests::collect(found, choice);
        drop(reading);
        if !problems.is_empty() {
            let mut failure = failure(&Problems(problems), verbosity, UNREADABLE);
            if paths.iter().any(|path| path.is_dir()) {
                failure.text.line(format_args!(
                    "help: leave out files that are not manifests with `--exclude PATTERN`"
                ));
            }
            return Err(failure);
        }
        if manifests.texts.is_empty() {
            return Err(manifests.nothing_found(paths));
        }
        if !verbosity.quiet {
            manifests.notes().for_each(Output::notice);
        }
        Ok(manifests)
    }

    /// Reads these files, with the problems of those that cannot be read.
    pub(super) fn collect(found: &Found, choice: Choice<'_>) -> (Manifests, Vec<Problem>) {
        let files = &found.files;
        let read = parallel::map(files.len(), &|at| {
            let bytes = found.bytes(at).map(|mut it| std::mem::take(&mut *it));
            found.roles[at].map(|role| Contents::read(&files[at], bytes, role, choice.reader))
        });
        let mut manifests = Manifests::default();
        let mut problems = Vec::new();
        for (at, (file, read)) in files.iter().zip(read).enumerate() {
            let name = shown(&file.path);
            match read {
                None if file.outcome == FileOutcome::Read => {
                    manifests.account(name, None, PassedOver(FileReason::Duplicate));
                }
                None => manifests.account(name, None, file.outcome),
                Some(Ok(Contents::OfFolder)) => {}
                Some(Ok(Contents::PassedOver(reason))) => {
                    manifests.account(name, None, PassedOver(reason));
                }
                Some(Ok(Contents::Objects {
                    stream,
                    others,
                    is_stream,
                })) => {
                    for index in others {
                        let reason = PassedOver(FileReason::NoObjects);
                        manifests.account(name.clone(), Some(index), reason);
                    }
                    manifests.account(name.clone(), None, FileOutcome::Read);
                    manifests.texts.push(Manifest {
                        file: (!is_stream).then(|| file.path.clone()),
                        key: file.key,
                        at,
                        name,
                        stream: *stream,
                    });
                }
                Some(Err(problem)) => problems.push(problem),
            }
        }
        manifests.generated.clone_from(&found.named.generated);
        manifests.unbuilt.clone_from(&found.unbuilt);
        (manifests, problems)
    }

    /// Reads the CustomResourceDefinitions that a config names, relative to a folder.
    pub(super) fn read_definitions(
        config: &mut Config<'_>,
        base: &Path,
        verbosity: &Verbosity,
    ) -> Result<(), Failure> {
        let paths = config.checks.definitions.iter();
        let paths: Vec<PathBuf> = paths.map(|it| base.join(it)).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let reader = Reader::Checker {
            respects_gitignore: false,
        };
        let choice = Choice {
            reader,
            ..Choice::default()
        };
        let found = Manifests::read(&paths, choice, verbosity)?;
        config.definitions = found.texts.into_iter().map(|it| it.stream).collect();
        Ok(())
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
            texts: vec![Manifest {
                name,
                file,
                key: 0,
                at: 0,
                stream,
            }],
            ..Manifests::default()
        })
    }

    fn account(&mut self, path: String, index: Option<usize>, outcome: FileOutcome) {
        self.files.push(FileAccount {
            path,
            index,
            outcome,
        });
    }

    /// What is passed over as a whole, once for each folder, and streams without objects.
    fn notes(&self) -> impl Iterator<Item = String> {
        let reason_of = |file: &FileAccount| match file.outcome {
            PassedOver(reason) => Some(reason),
            FileOutcome::Read => None,
        };
        let charts = self
            .files
            .iter()
            .filter(move |it| reason_of(it) == Some(FileReason::Chart));
        let charts = charts.map(|file| {
            format!(
                "note: {} is a Helm chart and is passed over; to include it, pass the output of `helm template`",
                file.path
            )
        });
        let mut patches: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for file in self
            .files
            .iter()
            .filter(|it| reason_of(it) == Some(FileReason::Patch))
        {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or((".", &file.path));
            patches.entry(folder).or_default().push(name);
        }
        let patches = patches.into_iter().map(|(folder, names)| {
            let names = names.join(", ");
            format!("note: in {folder}, a kustomization names these patches, which are passed over: {names}")
        });
        let empty = self
            .texts
            .iter()
            .filter(|it| it.stream.documents().all(|it| it.is_empty()));
        let empty = empty.map(|it| format!("note: {} contains no Kubernetes objects", it.name));
        charts.chain(patches).chain(empty)
    }

    /// The failure if no file contains objects, because a wrong path must not look like success.
    fn nothing_found(&self, paths: &[PathBuf]) -> Failure {
        let paths: Vec<String> = paths.iter().map(|path| shown(path)).collect();
        let message = format!(
            "error[FIT-INP001]: no Kubernetes objects in {}",
            paths.join(", ")
        );
        let of = |reasons: &'static [FileReason]| {
            let is_one =
                |it: &&FileAccount| reasons.iter().any(|one| it.outcome == PassedOver(*one));
            self.files.iter().filter(is_one).map(|it| it.path.as_str())
        };
        let mut failure = Failure::new(UNREADABLE, message);
        // Only files that look like manifests are listed.
        const LISTED: &[FileReason] = &[
            FileReason::Package,
            FileReason::NoObjects,
            FileReason::Patch,
            FileReason::Chart,
        ];
        let skipped: Vec<&str> = of(LISTED).collect();
        if !skipped.is_empty() {
            failure = failure.note(format_args!("  skipped: {}", skipped.join(", ")));
        }
        for (reasons, help) in [
            (
                &[FileReason::Package, FileReason::Patch][..],
                "use -k for a kustomize overlay",
            ),
            (
                &[FileReason::Chart][..],
                "pass the output of `helm template` for a chart",
            ),
        ] {
            if of(reasons).next().is_some() {
                failure = failure.note(format_args!("  = help: {help}"));
            }
        }
        failure
    }

    /// The objects in all texts, in order.
    pub(super) fn resources(&self) -> Result<Vec<Resource<'_>>, Problems> {
        let (resources, problems) = self.readable();
        if problems.is_empty() {
            Ok(resources)
        } else {
            Err(Problems(problems))
        }
    }

    /// The objects that can be read, and the problems of the others.
    pub(super) fn readable(&self) -> (Vec<Resource<'_>>, Vec<Problem>) {
        joined(parallel::map(self.texts.len(), &|text| {
            self.texts[text].read(text)
        }))
    }
}

impl Manifest {
    /// Its objects that can be read, and the problems of the others.
    fn read(&self, text: usize) -> (Vec<Resource<'_>>, Vec<Problem>) {
        let mut templates = HashMap::new();
        let name: Arc<str> = self.name.as_str().into();
        let documents = self.stream.documents();
        let documents = documents
            .filter(|document| !document.is_empty())
            .enumerate()
            .filter(|(_, document)| is_object(document.root()));
        let roots: Vec<(Node<'_>, Origin)> = documents
            .map(|(index, document)| {
                let template = self.file.is_none().then(|| template_of(document));
                let origin = match template.flatten() {
                    Some(template) => Origin {
                        index: next_of(&mut templates, &template),
                        path: Some(template.into()),
                        lines: OriginLines::OfRendering,
                    },
                    None => Origin {
                        path: Some(Arc::clone(&name)),
                        index,
                        lines: OriginLines::OfFile,
                    },
                };
                (document.root(), origin)
            })
            .collect();
        joined(parallel::map_parts(roots.len(), true, &|part| {
            let (mut resources, mut problems) = (Vec::with_capacity(part.len()), Vec::new());
            for (root, origin) in &roots[part] {
                let read = Resource::read(*root, text, origin.clone(), &mut resources);
                problems.extend(read.err().into_iter().flat_map(|Problems(found)| found));
            }
            (resources, problems)
        }))
    }
}

/// Objects and problems, in the order of their parts.
fn joined<'a>(parts: Vec<(Vec<Resource<'a>>, Vec<Problem>)>) -> (Vec<Resource<'a>>, Vec<Problem>) {
    let (mut resources, mut problems) = (Vec::new(), Vec::new());
    for (read, found) in parts {
        parallel::append(&mut resources, read);
        problems.extend(found);
    }
    (resources, problems)
}

/// Counts the documents of a template, from 0.
fn next_of(templates: &mut HashMap<String, usize>, template: &str) -> usize {
    let count = templates.entry(template.to_owned()).or_default();
    *count += 1;
    *count - 1
}

/// Parses a text as YAML.
pub(super) fn parsed(bytes: Vec<u8>, name: &str) -> Result<Stream, Problem> {
    Stream::from_bytes_or_text(bytes).map_err(|(error, text)| not_yaml(&error, Some((name, &text))))
}

/// A path with forward slashes and without `./`.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".to_owned();
    }
    let text = path.to_string_lossy();
    let text = text.replace(std::path::MAIN_SEPARATOR, "/");
    text.strip_prefix("./").map_or(text.clone(), str::to_owned)
}

/// The kustomization of an overlay, for reports that point to a file.
pub(super) fn kustomization(directory: &Path) -> Option<String> {
    tree::kustomization_in(directory).map(|it| shown(&it))
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
    let mut text = Text::default();
    for problem in &problems.0 {
        text.append(problem_snippet(problem, color));
    }
    let errors = counted(problems.0.len(), "error");
    text.line(format_args!("{errors}; nothing was written"));
    let problems = problems.0.clone();
    Failure {
        text,
        code,
        problems,
    }
}

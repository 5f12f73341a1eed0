//! What every format of a report is made from.

use std::borrow::Cow;
use std::ops::Range;

use kustomize_krm_types::Severity;

use super::{Changed, ObjectDiff, Report, assign};
use crate::config::{FailOn, Vocabulary};
use crate::edit::Change;
use crate::read::Resource;
use crate::yaml::{Replacement, Stream};

/// What a command did, and how to show it: everything that a [`Format`](super::Format) draws.
#[derive(Debug)]
pub struct Document<'d> {
    /// The command.
    pub command: Command,
    /// The runs: one for each environment, and for each function in the build of an overlay. Only one, without texts, if
    /// problems stopped the command.
    pub runs: &'d [Run<'d>],
    /// The options of the command line.
    pub options: Options,
    /// The sections and rules.
    pub vocabulary: &'static Vocabulary,
}

impl Document<'_> {
    /// Whether the runs are for more than one environment.
    pub fn has_several_environments(&self) -> bool {
        let environments = self.runs.windows(2);
        let mut pairs = environments.map(|it| [&it[0], &it[1]]);
        pairs.any(|[a, b]| a.report.environment != b.report.environment)
    }
}

/// The commands with reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Shows changes.
    Plan,
    /// Makes changes.
    Apply,
    /// Validates.
    Check,
    /// Compares environments; a document only if problems stopped it.
    Compare,
}

/// The name of a command.
pub(super) fn in_words(command: Command) -> &'static str {
    match command {
        Command::Plan => "plan",
        Command::Apply => "apply",
        Command::Check => "check",
        Command::Compare => "compare",
    }
}

/// How much is shown, and where the command runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether text is colored.
    pub color: bool,
    /// Whether text has every object and finding.
    pub verbose: bool,
    /// Whether text has findings only.
    pub quiet: bool,
    /// The lowest severity of findings in text.
    pub at_least: Severity,
    /// The folders.
    pub folder: Folder,
}

/// The folders that paths are relative to, as absolute paths with slashes.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The working directory, which the paths of a report are relative to.
    pub working: String,
    /// The root of the repository, or else the working directory.
    pub root: String,
    /// The folders of charts below the working directory, by the name of the chart, if a report is about templates.
    pub charts: Vec<(String, String)>,
}

impl Folder {
    /// The file of a template, which Helm names by its chart: `web/templates/a.yaml` is `charts/web/templates/a.yaml`.
    pub fn template<'p>(&self, path: &'p str) -> Cow<'p, str> {
        let parts = path.split_once('/');
        let folder = parts.and_then(|(name, rest)| {
            let (_, folder) = self.charts.iter().find(|(chart, _)| chart == name)?;
            Some(match folder.as_str() {
                "." => rest.to_owned(),
                folder => format!("{folder}/{rest}"),
            })
        });
        folder.map_or(Cow::Borrowed(path), Cow::Owned)
    }

    /// A path relative to the working directory; `None` if it leads out of it.
    pub fn below_working(&self, path: &str) -> Option<String> {
        self.below(&self.working, path)
    }

    /// A path relative to the root of the repository; `None` if it leads out of it.
    pub fn below_root(&self, path: &str) -> Option<String> {
        self.below(&self.root, path)
    }

    /// A path from the root of the file system.
    pub fn absolute(&self, path: &str) -> String {
        format!("/{}", self.parts(path).join("/"))
    }

    /// The parts of an absolute path.
    fn parts<'p>(&'p self, path: &'p str) -> Vec<&'p str> {
        let is_absolute = path.starts_with('/') || path.get(1..3) == Some(":/");
        let base = if is_absolute {
            ""
        } else {
            self.working.as_str()
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in base.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        parts
    }

    fn below(&self, folder: &str, path: &str) -> Option<String> {
        let mut folder = folder.split('/').filter(|it| !it.is_empty());
        let mut parts = self.parts(path).into_iter();
        match folder.all(|it| parts.next() == Some(it)) {
            true => Some(parts.collect::<Vec<_>>().join("/")).filter(|it| !it.is_empty()),
            false => None,
        }
    }
}

/// The parts of a [`Run`] that only some formats need, and that cost time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// [`FileText::objects`].
    pub objects: bool,
    /// [`FileText::fixes`].
    pub fixes: bool,
}

impl Needs {
    /// What either needs.
    #[must_use]
    pub fn or(self, other: Needs) -> Needs {
        Needs {
            objects: self.objects || other.objects,
            fixes: self.fixes || other.fixes,
        }
    }
}

/// One run: its changes and findings, and the texts.
#[derive(Debug)]
pub struct Run<'t> {
    /// The changes and findings.
    pub report: Report,
    /// Whether problems stopped it, which are then its only findings.
    pub is_stopped: bool,
    /// Which findings fail it.
    pub fail_on: FailOn,
    /// The texts, by the index in [`Resource::text`].
    pub texts: Vec<FileText<'t>>,
}

/// A text before and after.
#[derive(Debug)]
pub struct FileText<'t> {
    /// Its path, as given by the user.
    pub path: String,
    /// Whether it is a file: not standard input, and not what kustomize passes.
    pub is_file: bool,
    /// A file to point to instead, if it is none: the kustomization of a build.
    pub source: Option<String>,
    /// The current text.
    pub before: Cow<'t, str>,
    /// The text with the changes; the same if nothing changes.
    pub after: Cow<'t, str>,
    /// The changed objects with their lines and reasons, in the order of the text.
    pub objects: Vec<ObjectDiff>,
    /// The bytes that change, in the order of the text.
    pub fixes: Vec<Fix>,
    /// The bytes of Secrets in the current text.
    pub hidden: Vec<Range<usize>>,
}

/// Bytes of a text that change, and why.
#[derive(Clone, Debug)]
pub struct Fix {
    /// What is replaced.
    pub replacement: Replacement,
    /// What changes there: the index of each object, as in [`Entry::object`](super::Entry), and the path of the field.
    pub fields: Vec<(usize, String)>,
}

impl<'t> FileText<'t> {
    /// Adds the file to point to instead.
    #[must_use]
    pub fn from(mut self, source: Option<String>) -> FileText<'t> {
        self.source = source;
        self
    }

    /// Adds the bytes that change.
    #[must_use]
    pub fn with(mut self, replacements: Vec<Replacement>) -> FileText<'t> {
        let fixes = replacements.into_iter().map(|replacement| Fix {
            replacement,
            fields: Vec::new(),
        });
        self.fixes = fixes.collect();
        self
    }

    /// A text, without what formats may need.
    pub fn of(path: &str, is_file: bool, before: &'t str, after: &'t str) -> FileText<'t> {
        FileText {
            path: path.to_owned(),
            is_file,
            source: None,
            before: Cow::Borrowed(before),
            after: Cow::Borrowed(after),
            objects: Vec::new(),
            fixes: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// The text with the changes, also if only its replacements have them; `None` if there are none.
    fn edited(&self) -> Option<String> {
        if self.before != self.after {
            return Some(self.after.clone().into_owned());
        }
        self.fixes.first()?;
        let (mut edited, mut at) = (String::with_capacity(self.before.len()), 0);
        for Fix { replacement, .. } in &self.fixes {
            edited += &self.before[at..replacement.span.start];
            edited += &replacement.text;
            at = replacement.span.end;
        }
        Some(edited + &self.before[at..])
    }

    /// The same, with copies of the texts.
    pub fn into_owned(self) -> FileText<'static> {
        FileText {
            before: Cow::Owned(self.before.into_owned()),
            after: Cow::Owned(self.after.into_owned()),
            path: self.path,
            is_file: self.is_file,
            source: self.source,
            objects: self.objects,
            fixes: self.fixes,
            hidden: self.hidden,
        }
    }
}

impl<'t> Run<'t> {
    /// A run with what the formats need. The texts are those of the resources, by their indices.
    pub fn of(
        report: Report,
        changes: &[Change],
        resources: &[Resource<'_>],
        mut texts: Vec<FileText<'t>>,
        needs: Needs,
    ) -> Run<'t> {
        let changed = needs
            .objects
            .then(|| Changed::of(&report, changes, resources));
        for (index, file) in texts.iter_mut().enumerate() {
            if !needs.objects && !needs.fixes {
                break;
            }
            let Some(after) = file.edited() else {
                continue;
            };
            // Cannot fail: an edited text has been read.
            let Ok(after) = Stream::parse(after) else {
                file.fixes.clear();
                continue;
            };
            if needs.fixes {
                assign(changes, resources, index, file, &after);
            }
            if let Some(changed) = &changed {
                file.objects = changed.objects(index, file, &after);
            }
        }
        Run {
            report,
            is_stopped: false,
            fail_on: FailOn::Error,
            texts,
        }
    }

    /// The same, with other findings that fail it.
    #[must_use]
    pub fn failing_on(mut self, fail_on: FailOn) -> Run<'t> {
        self.fail_on = fail_on;
        self
    }

    /// The run of a command that problems stopped.
    pub fn of_problems(problems: &[crate::problem::Problem]) -> Run<'static> {
        Run {
            report: Report::of_problems(problems),
            is_stopped: true,
            fail_on: FailOn::Error,
            texts: Vec::new(),
        }
    }
}

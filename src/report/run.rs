//! What every format of a report is made from.

use std::borrow::Cow;

use kustomize_krm_types::Severity;

use super::{Changed, ObjectDiff, Report};
use crate::edit::Change;
use crate::read::Resource;
use crate::yaml::Replacement;

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
}

/// How much is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether text is colored.
    pub color: bool,
    /// Whether text has every object and finding.
    pub verbose: bool,
    /// Whether text has findings only.
    pub quiet: bool,
    /// The lowest severity of findings in text.
    pub at_least: Severity,
}

/// The parts of a [`Run`] that only some formats need, and that cost time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// [`FileText::objects`].
    pub objects: bool,
    /// [`FileText::replacements`].
    pub replacements: bool,
}

impl Needs {
    /// What either needs.
    #[must_use]
    pub fn or(self, other: Needs) -> Needs {
        Needs {
            objects: self.objects || other.objects,
            replacements: self.replacements || other.replacements,
        }
    }
}

/// One run: its changes and findings, and the texts.
#[derive(Debug)]
pub struct Run<'t> {
    /// The changes and findings.
    pub report: Report,
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
    /// The current text.
    pub before: Cow<'t, str>,
    /// The text with the changes; the same if nothing changes.
    pub after: Cow<'t, str>,
    /// The changed objects with their lines and reasons, in the order of the text.
    pub objects: Vec<ObjectDiff>,
    /// The bytes that change, in the order of the text.
    pub replacements: Vec<Replacement>,
}

impl<'t> FileText<'t> {
    /// A text, without what formats may need.
    pub fn of(path: &str, is_file: bool, before: &'t str, after: &'t str) -> FileText<'t> {
        FileText {
            path: path.to_owned(),
            is_file,
            before: Cow::Borrowed(before),
            after: Cow::Borrowed(after),
            objects: Vec::new(),
            replacements: Vec::new(),
        }
    }

    /// The same, with copies of the texts.
    pub fn into_owned(self) -> FileText<'static> {
        FileText {
            before: Cow::Owned(self.before.into_owned()),
            after: Cow::Owned(self.after.into_owned()),
            path: self.path,
            is_file: self.is_file,
            objects: self.objects,
            replacements: self.replacements,
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
        if needs.objects {
            let changed = Changed::of(&report, changes, resources);
            for (index, file) in texts.iter_mut().enumerate() {
                file.objects = changed.objects(index, file);
            }
        }
        Run { report, texts }
    }

    /// The run of a command that problems stopped.
    pub fn of_problems(problems: &[crate::problem::Problem]) -> Run<'static> {
        Run {
            report: Report::of_problems(problems),
            texts: Vec::new(),
        }
    }
}

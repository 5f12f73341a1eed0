//! The files below a folder, before anything is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fitout::objects::{Target, workload_kind};
use fitout::problem::Problem;
use fitout::report::{FileOutcome, FileReason};
use fitout::yaml::Node;

use super::super::super::Failure;
use super::super::super::files::{Choice, Files};
use super::super::super::inputs::Manifests;
use super::super::super::tree;
use super::workloads::user_of;
use super::{not_deployed, relative};

/// The files without the manifests.
pub(in super::super) struct Seen {
    pub(super) kustomizations: Vec<PathBuf>,
    pub(super) charts: Vec<PathBuf>,
    pub(super) left_out: BTreeMap<String, usize>,
    pub(super) unreadable: Vec<Problem>,
    pub(super) users: BTreeMap<String, String>,
}

impl Seen {
    /// Looks at a folder, or at these paths below it. The manifests are those that can be read.
    pub(in super::super) fn below(
        root: &Path,
        named: &[PathBuf],
    ) -> Result<(Manifests, Seen), Failure> {
        let choice = Choice::default();
        let all: Vec<PathBuf> = match named {
            [] => vec![root.to_owned()],
            named => named.to_vec(),
        };
        let mut files = Files::of(&all, choice)?;
        let is_own = |path: &Path| path.starts_with(root.join("fn-config"));
        files.files.retain(|it| !is_own(&it.path));
        let kustomizations = files.kustomizations.clone();
        let users = files.files.iter().filter_map(|it| user_of(root, &it.path));
        let users = users.collect();
        let mut left_out = BTreeMap::new();
        if named.is_empty() {
            let deployed = |path: &Path| not_deployed(root, path).is_none();
            let has_deployed = files.files.iter().any(|it| {
                it.outcome == FileOutcome::Read
                    && deployed(&it.path)
                    && tree::read(&it.path).is_some_and(|it| {
                        let mut documents = it.documents();
                        documents.any(|it| is_workload(it.root()))
                    })
            });
            if has_deployed {
                for file in &files.files {
                    if let Some(folder) =
                        not_deployed(root, &file.path).filter(|_| file.outcome == FileOutcome::Read)
                    {
                        *left_out.entry(relative(root, &folder)).or_default() += 1;
                    }
                }
                files.files.retain(|it| deployed(&it.path));
            }
        }
        let charts = files.files.iter();
        let charts = charts.filter(|it| it.outcome == FileOutcome::PassedOver(FileReason::Chart));
        let charts = charts.map(|it| it.path.clone()).collect();
        let (mut manifests, mut unreadable) = Manifests::collect(files, choice);
        let (resources, mut problems) = manifests.readable();
        problems.extend(
            resources
                .iter()
                .filter_map(|it| Target::of(it, &[], &[]).err()),
        );
        drop(resources);
        let of_problem: BTreeSet<&str> = problems
            .iter()
            .filter_map(|it| it.place.as_ref()?.file.as_deref())
            .collect();
        let bad: BTreeSet<String> = of_problem.into_iter().map(str::to_owned).collect();
        manifests.texts.retain(|it| !bad.contains(&it.name));
        unreadable.extend(problems);
        let seen = Seen {
            kustomizations,
            charts,
            left_out,
            unreadable,
            users,
        };
        Ok((manifests, seen))
    }
}

fn is_workload(root: Node<'_>) -> bool {
    root.text_at(["kind"]).is_some_and(|it| {
        matches!(
            &*it,
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "Pod" | "List"
        ) || workload_kind(&it).is_some()
    })
}

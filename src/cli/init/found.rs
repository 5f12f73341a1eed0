//! What `fitout init` sees in a repository: workloads, images, overlays, charts, environments, and which CI it uses.

mod charts;
mod overlays;
mod seen;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fitout::objects::Target;
use fitout::problem::Problem;
use fitout::read::Resource;
use fitout::report::{rank_of, stage_of};

use super::super::inputs::{Manifests, shown};
use super::super::tree;
use super::super::{Failure, WRONG_USE};
use fitout::sorting;

pub(super) use charts::Chart;
pub(super) use overlays::Overlay;
pub(super) use seen::Seen;
pub(super) use workloads::{Image, Workload};

/// The environments of a repository that names none.
const DEFAULTS: [&str; 3] = ["development", "staging", "production"];

/// Folders whose manifests are most likely not deployed as they are.
const NOT_DEPLOYED: [&str; 18] = [
    "example", "examples", "sample", "samples", "test", "tests", "testdata", "e2e", "fixtures",
    "doc", "docs", "extras", "hack", "vendor", "node_modules", "third_party", "templates",
    "testing",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Ci {
    Github,
    Gitlab,
    None,
}

/// Manifests, and their objects.
pub(super) type Given<'m> = (&'m Manifests, &'m [Resource<'m>]);

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Found {
    /// The folders with manifests, relative to the root, for `-f`.
    pub(super) paths: Vec<String>,
    /// Folders that are probably not deployed, with their objects.
    pub(super) left_out: BTreeMap<String, usize>,
    pub(super) unreadable: Vec<Problem>,
    pub(super) environments: Vec<String>,
    /// Whether the names of the environments come from the repository.
    pub(super) are_named: bool,
    pub(super) overlays: Vec<Overlay>,
    /// Kustomizations that no other one uses, and that belong to no environment.
    pub(super) bases: Vec<String>,
    pub(super) charts: Vec<Chart>,
    pub(super) ci: Ci,
    /// The reference of `actions/checkout` in the workflows.
    pub(super) checkout: Option<String>,
    /// The root of the repository, with the folder of the project below it.
    pub(super) repository: PathBuf,
    pub(super) below: String,
    /// What the Dockerfiles here say about the user, by the name of their folder.
    pub(super) users: BTreeMap<String, String>,
    /// Names that are left out because they would need quotes in a shell.
    pub(super) odd: Vec<String>,
}

impl Found {
    /// What the files in `seen` and their manifests say.
    pub(super) fn of(
        root: &Path,
        named: &[PathBuf],
        seen: Seen,
        given: Given<'_>,
        wanted: &[String],
        ci: Option<Ci>,
    ) -> Result<Found, Failure> {
        let mut found = Found {
            paths: Vec::new(),
            left_out: seen.left_out,
            unreadable: seen.unreadable,
            environments: Vec::new(),
            are_named: true,
            overlays: Vec::new(),
            bases: Vec::new(),
            charts: seen.charts.iter().map(|it| Chart::of(root, it)).collect(),
            ci: Ci::None,
            checkout: None,
            repository: root.to_owned(),
            below: String::new(),
            users: seen.users,
            odd: Vec::new(),
        };
        let mut odd = BTreeSet::new();
        found
            .charts
            .retain(|it| is_plain(&it.folder) || !odd.insert(it.folder.clone()));
        found.find_kustomizations(root, &seen.kustomizations, given, &mut odd);
        found.find_environments(root, given, wanted)?;
        found.find_paths(root, named, given, &mut odd);
        found.find_ci(root, ci);
        found.odd = odd.into_iter().collect();
        Ok(found)
    }

    /// The environments: those that the user names, those of overlays, of files of values, of folders, or the usual ones.
    fn find_environments(
        &mut self,
        root: &Path,
        given: Given<'_>,
        wanted: &[String],
    ) -> Result<(), Failure> {
        if let Some(odd) = wanted
            .iter()
            .find(|it| !is_plain(it) || it.contains('/') || *it == "all")
        {
            return Err(Failure::new(
                WRONG_USE,
                format_args!("error: `{odd}` cannot be the name of an environment"),
            )
            .note("  = help: use letters, digits, `-`, `_` and `.`"));
        }
        let mut names: BTreeSet<(usize, String)> = BTreeSet::new();
        for overlay in &self.overlays {
            let name = &overlay.environment;
            names.insert((rank(name), name.clone()));
        }
        // A chart and the overlays can spell one environment differently; two overlays with two names are two.
        let spelled = |name: &str, names: &BTreeSet<(usize, String)>| {
            let same = names.iter().find(|(at, _)| rank_of(name) == Some(*at));
            same.map_or_else(|| name.to_owned(), |(_, it)| it.clone())
        };
        for chart in &mut self.charts {
            for (environment, _) in &mut chart.values {
                *environment = spelled(environment, &names);
                names.insert((rank(environment), environment.clone()));
            }
            let mut seen = BTreeSet::new();
            chart.values.retain(|(name, _)| seen.insert(name.clone()));
        }
        if names.is_empty() {
            let folders = given.0.texts.iter().filter_map(|it| {
                let path = it.file.as_deref()?.parent()?;
                environment_in(&relative(root, path))
            });
            let folders: BTreeSet<String> = folders.collect();
            // One such folder can be named so by accident.
            if folders.len() > 1 {
                names.extend(folders.into_iter().map(|it| (rank(&it), it)));
            }
        }
        let names: Vec<String> = names
            .into_iter()
            .map(|(_, name)| name)
            .filter(|it| it != "all")
            .collect();
        (self.environments, self.are_named) = match (wanted, names.as_slice()) {
            ([_, ..], _) => (wanted.to_vec(), true),
            ([], []) => (DEFAULTS.map(str::to_owned).to_vec(), false),
            ([], [only]) if DEFAULTS.contains(&only.as_str()) => {
                (DEFAULTS.map(str::to_owned).to_vec(), true)
            }
            _ => (names, true),
        };
        let known = self.environments.clone();
        self.overlays.retain(|it| known.contains(&it.environment));
        Ok(())
    }

    /// The uppermost folders whose manifests all belong together.
    fn find_paths(
        &mut self,
        root: &Path,
        named: &[PathBuf],
        given: Given<'_>,
        odd: &mut BTreeSet<String>,
    ) {
        if !named.is_empty() {
            self.paths = named.iter().map(|it| relative(root, it)).collect();
            return;
        }
        // Settings of tools are not applied.
        let is_applied = |it: &Resource<'_>| {
            let group = it.group();
            !group.contains('.') && !it.api_version.contains("beta")
                || group.ends_with(".k8s.io")
                || Target::of(it, &[], &[]).is_ok_and(|it| it.containers().next().is_some())
        };
        let applied = given.1.iter().filter(|it| is_applied(it));
        let texts: BTreeSet<usize> = applied.map(|it| it.text).collect();
        let texts = texts.into_iter().map(|it| &given.0.texts[it]);
        let folders: BTreeSet<String> = texts
            .filter_map(|it| {
                let file = it.file.as_deref()?;
                let folder = relative(root, file.parent()?);
                Some(if folder == "." {
                    relative(root, file)
                } else {
                    folder
                })
            })
            .collect();
        let mut common: Vec<String> = Vec::new();
        let split = |it: &String| -> Vec<String> { it.split('/').map(str::to_owned).collect() };
        if let Some(first) = folders.first() {
            common = split(first);
            for other in &folders {
                let other = split(other);
                let same = common
                    .iter()
                    .zip(&other)
                    .take_while(|(a, b)| a == b)
                    .count();
                common.truncate(same);
            }
        }
        self.paths = match common.is_empty() {
            false => vec![common.join("/")],
            true => folders
                .iter()
                .map(|it| split(it)[0].clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        };
        self.paths
            .retain(|it| is_plain(it) || !odd.insert(it.clone()));
    }

    /// Which CI the repository has, by its files or else by its remotes.
    fn find_ci(&mut self, root: &Path, wanted: Option<Ci>) {
        let canonical = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let top = canonical
            .ancestors()
            .find(|it| it.join(".git").exists() || it.join(".github").is_dir());
        let top = top.unwrap_or(&canonical);
        let below = relative(top, &canonical);
        if is_plain(&below) {
            let up = canonical
                .strip_prefix(top)
                .map_or(0, |it| it.components().count());
            self.repository = (0..up).fold(root.to_owned(), |path, _| path.join(".."));
            if up > 0 {
                self.repository = top.to_owned();
            }
            self.below = below;
        } else {
            ".".clone_into(&mut self.below);
        }
        let remotes = || tree::read_text(&top.join(".git/config")).unwrap_or_default();
        self.ci = wanted.unwrap_or_else(|| match () {
            () if top.join(".github").is_dir() => Ci::Github,
            () if top.join(".gitlab-ci.yml").is_file() => Ci::Gitlab,
            () if remotes().contains("github") => Ci::Github,
            () if remotes().contains("gitlab") => Ci::Gitlab,
            () => Ci::None,
        });
        let workflows = std::fs::read_dir(top.join(".github/workflows"));
        let mut workflows: Vec<PathBuf> = workflows
            .into_iter()
            .flatten()
            .flatten()
            .map(|it| it.path())
            .collect();
        sorting::sort(&mut workflows);
        self.checkout = workflows.iter().find_map(|file| {
            let text = tree::read(file)?.text().to_owned();
            let (_, after) = text.split_once("actions/checkout@")?;
            let version: String = after
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '.')
                .collect();
            (!version.is_empty() && version.len() <= 40).then_some(version)
        });
    }

    /// The folders with manifests as arguments, for commands with other arguments behind them, too.
    pub(super) fn filenames(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|it| format!("-f {it}")).collect();
        paths.join(" ")
    }
}

/// The folder that says that what is in it is not deployed.
fn not_deployed(root: &Path, file: &Path) -> Option<PathBuf> {
    let below = file.strip_prefix(root).ok()?.parent()?;
    let mut folder = root.to_owned();
    below.components().find_map(|part| {
        folder.push(part);
        let name = part.as_os_str().to_string_lossy();
        NOT_DEPLOYED.contains(&&*name).then(|| folder.clone())
    })
}

/// The environment that a path names, by a word of its last such part: `overlays/production-eu`.
fn environment_in(path: &str) -> Option<String> {
    path.split('/').rev().find_map(|part| {
        let mut words = part.split(['-', '_', '.']);
        words.find(|it| rank_of(it).is_some()).map(str::to_owned)
    })
}

/// The place of an environment on the way to production.
fn rank(name: &str) -> usize {
    rank_of(name).unwrap_or(usize::MAX)
}

/// Whether an environment comes before those that others depend on.
pub(super) fn is_early(name: &str) -> bool {
    stage_of(name).is_some_and(|it| it <= 1)
}

/// Whether a name can be written into a config, a workflow and a shell as it is.
pub(super) fn is_plain(name: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(is_safe)
}

/// Whether a text can be an image, and can be written as it is.
pub(super) fn is_image(text: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_safe)
}

/// A path below a folder, with slashes; `.` for the folder itself.
pub(super) fn relative(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).map(Path::to_owned);
    let inside = inside.or_else(|_| {
        let (root, path) = (
            root.canonicalize().unwrap_or_default(),
            path.canonicalize().unwrap_or_default(),
        );
        path.strip_prefix(&root).map(Path::to_owned)
    });
    match inside.map_or_else(|_| shown(path), |it| shown(&it)) {
        it if it.is_empty() => ".".to_owned(),
        it => it,
    }
}

//! What `fitout init` sees in a repository: workloads, images, overlays, charts, environments, and which CI it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fitout::catalogue;
use fitout::kubernetes::Quantity;
use fitout::objects::{Container, ContainerType, Target, workload_kind};
use fitout::problem::Problem;
use fitout::read::Resource;
use fitout::report::{FileOutcome, FileReason, rank_of, stage_of};
use fitout::yaml::Node;

use super::super::files::{Choice, Files};
use super::super::inputs::{self, Manifests, shown};
use super::super::tree::{self, Kustomization};
use super::super::{Failure, WRONG_USE};

/// The environments of a repository that names none.
const DEFAULTS: [&str; 3] = ["development", "staging", "production"];

/// Folders whose children are overlays, whatever their names.
const OF_OVERLAYS: [&str; 6] = [
    "overlays",
    "overlay",
    "environments",
    "envs",
    "env",
    "clusters",
];

/// Folders whose manifests are most likely not deployed as they are.
const NOT_DEPLOYED: [&str; 18] = [
    "example",
    "examples",
    "sample",
    "samples",
    "test",
    "tests",
    "testdata",
    "e2e",
    "fixtures",
    "doc",
    "docs",
    "extras",
    "hack",
    "vendor",
    "node_modules",
    "third_party",
    "templates",
    "testing",
];

/// Words in the name of an image or a workload that holds data.
const DATABASES: [&str; 18] = [
    "db",
    "database",
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongo",
    "mongodb",
    "redis",
    "valkey",
    "memcached",
    "rabbitmq",
    "kafka",
    "cassandra",
    "elasticsearch",
    "etcd",
    "nats",
    "cache",
];

/// A workload: its pods, and what its profile depends on.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) display: String,
    /// The value of `app.kubernetes.io/component`, and whether only the pods have it.
    pub(super) component: Option<(String, bool)>,
    pub(super) images: Vec<String>,
    pub(super) is_database: bool,
    /// Whether its pods use the node: its namespaces, its ports or its files.
    pub(super) is_of_node: bool,
    /// The requests and the limits of its first container, each of CPU and memory.
    pub(super) amounts: [[Option<(Quantity, String)>; 2]; 2],
}

/// An image, and who uses it.
#[derive(Debug, Default)]
pub(super) struct Image {
    /// What the catalogue knows; `None` if it has no entry.
    pub(super) known: Option<String>,
    pub(super) users: BTreeSet<String>,
}

/// A chart, and what can be seen without rendering it.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) images: BTreeSet<String>,
    /// Files of values, by environment.
    pub(super) values: Vec<(String, String)>,
}

/// An overlay that a user builds for an environment.
#[derive(Debug)]
pub(super) struct Overlay {
    pub(super) folder: String,
    pub(super) environment: String,
    pub(super) has_transformers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Ci {
    Github,
    Gitlab,
    None,
}

/// Everything that was seen.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) manifests: Manifests,
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
    /// Looks at a folder, or at these paths below it.
    pub(super) fn of(
        root: &Path,
        named: &[PathBuf],
        choice: Choice<'_>,
        wanted: &[String],
        ci: Option<Ci>,
    ) -> Result<Found, Failure> {
        let all: Vec<PathBuf> = match named {
            [] => vec![root.to_owned()],
            named => named.to_vec(),
        };
        let mut files = Files::of(&all, choice)?;
        let is_own = |path: &Path| path.starts_with(root.join("fn-config"));
        files.files.retain(|it| !is_own(&it.path));
        let kustomizations = std::mem::take(&mut files.kustomizations);
        files.kustomizations.clone_from(&kustomizations);
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
        let charts: Vec<PathBuf> = files
            .files
            .iter()
            .filter(|it| it.outcome == FileOutcome::PassedOver(FileReason::Chart))
            .map(|it| it.path.clone())
            .collect();
        let (mut manifests, mut unreadable) = Manifests::collect(&inputs::Found::of(files), choice);
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
        let mut found = Found {
            paths: Vec::new(),
            left_out,
            unreadable,
            environments: Vec::new(),
            are_named: true,
            overlays: Vec::new(),
            bases: Vec::new(),
            charts: charts.iter().map(|it| Chart::of(root, it)).collect(),
            ci: Ci::None,
            checkout: None,
            repository: root.to_owned(),
            below: String::new(),
            users,
            odd: Vec::new(),
            manifests,
        };
        let mut odd = BTreeSet::new();
        found
            .charts
            .retain(|it| is_plain(&it.folder) || !odd.insert(it.folder.clone()));
        found.find_kustomizations(root, &kustomizations, &mut odd);
        found.find_environments(root, wanted)?;
        found.find_paths(root, named, &mut odd);
        found.find_ci(root, ci);
        found.odd = odd.into_iter().collect();
        Ok(found)
    }

    /// Finds the overlays that are built, and the environment of each by its folder.
    fn find_kustomizations(&mut self, root: &Path, files: &[PathBuf], odd: &mut BTreeSet<String>) {
        let canonical = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let mut seen = BTreeSet::new();
        let all = files.iter().filter_map(|it| it.canonicalize().ok());
        let all = all.filter(|it| {
            it.starts_with(&canonical) && !it.starts_with(canonical.join("fn-config"))
        });
        let all: Vec<Kustomization> = all
            .filter(|it| seen.insert(it.clone()))
            .filter_map(|it| Kustomization::read(&it))
            .collect();
        let of = |it: &Kustomization| relative(&canonical, &it.folder);
        let built = all.iter().filter(|it| !it.is_component);
        let mut named: Vec<(&Kustomization, String)> = built
            .clone()
            .filter_map(|it| Some((it, environment_in(&of(it))?)))
            .collect();
        if named.is_empty() {
            let child = |it: &Kustomization| {
                let path = of(it);
                let parts: Vec<&str> = path.split('/').collect();
                let at = parts.iter().position(|it| OF_OVERLAYS.contains(it))?;
                parts.get(at + 1).map(|it| (*it).to_owned())
            };
            named = built
                .clone()
                .filter_map(|it| Some((it, child(it)?)))
                .collect();
        }
        let used_by_named: BTreeSet<&PathBuf> =
            named.iter().flat_map(|(it, _)| &it.folders).collect();
        let (resources, _) = self.manifests.readable();
        let with_pods = resources
            .iter()
            .filter(|it| Target::of(it, &[], &[]).is_ok_and(|it| it.containers().next().is_some()));
        let with_pods: BTreeSet<PathBuf> = with_pods
            .filter_map(|it| {
                let folder = self.manifests.texts[it.text]
                    .file
                    .as_deref()?
                    .parent()?
                    .canonicalize();
                folder.ok()
            })
            .collect();
        drop(resources);
        let by_folder: BTreeMap<&PathBuf, &Kustomization> =
            all.iter().map(|it| (&it.folder, it)).collect();
        // Whether it may have pods, which are here or in a base that is not.
        let has_pods = |it: &Kustomization| {
            let (mut open, mut seen) = (vec![&it.folder], BTreeSet::new());
            while let Some(folder) = open.pop() {
                let it = by_folder.get(folder);
                if it.is_none_or(|it| it.has_more)
                    || with_pods.iter().any(|it| it.starts_with(folder))
                {
                    return true;
                }
                if seen.insert(folder) {
                    open.extend(it.into_iter().flat_map(|it| &it.folders));
                }
            }
            false
        };
        let used: BTreeSet<&PathBuf> = all.iter().flat_map(|it| &it.folders).collect();
        for (it, environment) in &named {
            let folder = of(it);
            if used_by_named.contains(&it.folder)
                || !has_pods(it)
                || not_deployed(&canonical, &it.folder.join("x")).is_some()
            {
                continue;
            }
            if !is_plain(&folder) || !is_plain(environment) {
                odd.insert(folder);
                continue;
            }
            self.overlays.push(Overlay {
                folder,
                environment: environment.clone(),
                has_transformers: it.has_transformers,
            });
        }
        self.overlays.sort_by(|a, b| {
            (rank(&a.environment), &a.folder).cmp(&(rank(&b.environment), &b.folder))
        });
        let others = built.filter(|it| !named.iter().any(|(named, _)| named.folder == it.folder));
        let others = others.filter(|it| !used.contains(&it.folder) && has_pods(it));
        let others = others.filter(|it| not_deployed(&canonical, &it.folder.join("x")).is_none());
        self.bases = others.map(of).filter(|it| is_plain(it)).collect();
        self.bases.sort();
    }

    /// The environments: those that the user names, those of overlays, of files of values, of folders, or the usual ones.
    fn find_environments(&mut self, root: &Path, wanted: &[String]) -> Result<(), Failure> {
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
            let folders = self.manifests.texts.iter().filter_map(|it| {
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
    fn find_paths(&mut self, root: &Path, named: &[PathBuf], odd: &mut BTreeSet<String>) {
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
        let (resources, _) = self.manifests.readable();
        let texts: BTreeSet<usize> = resources
            .iter()
            .filter(|it| is_applied(it))
            .map(|it| it.text)
            .collect();
        let texts = texts.into_iter().map(|it| &self.manifests.texts[it]);
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
        let remotes = || std::fs::read_to_string(top.join(".git/config")).unwrap_or_default();
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
        workflows.sort();
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

    /// The workloads of these objects, once for each name: a repository can hold the same ones for several environments.
    pub(super) fn workloads(resources: &[Resource<'_>]) -> Vec<Workload> {
        let targets = resources.iter().filter_map(|resource| {
            let is_left = Target::passed_over(resource, None).is_some();
            Target::of(resource, &[], &[]).ok().filter(|_| !is_left)
        });
        let mut workloads: Vec<Workload> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for workload in targets.filter_map(|it| Workload::of(&it)) {
            match known.get(&workload.display) {
                None => {
                    known.insert(workload.display.clone(), workloads.len());
                    workloads.push(workload);
                }
                Some(at) => {
                    let same = &mut workloads[*at];
                    let images = workload.images.into_iter();
                    let new: Vec<String> = images.filter(|it| !same.images.contains(it)).collect();
                    same.images.extend(new);
                    same.is_database |= workload.is_database;
                    same.is_of_node |= workload.is_of_node;
                }
            }
        }
        workloads
    }

    /// The folders with manifests as arguments, for commands with other arguments behind them, too.
    pub(super) fn filenames(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|it| format!("-f {it}")).collect();
        paths.join(" ")
    }

    /// What a Dockerfile here says about the user of an image: one whose folder has the name of the image, or the end of it.
    pub(super) fn user_of(&self, image: &str) -> Option<&str> {
        let name = last_part(image);
        let ends = name
            .match_indices(['-', '_'])
            .map(|(at, _)| &name[at + 1..]);
        let mut names = std::iter::once(name).chain(ends);
        names.find_map(|it| self.users.get(it)).map(String::as_str)
    }

    /// The images of workloads and charts, by name.
    pub(super) fn images(&self, workloads: &[Workload]) -> BTreeMap<String, Image> {
        let mut images: BTreeMap<String, Image> = BTreeMap::new();
        let of_workloads = workloads.iter().flat_map(|it| {
            it.images
                .iter()
                .map(move |image| (image, it.display.clone()))
        });
        let of_charts = self.charts.iter().flat_map(|it| {
            it.images
                .iter()
                .map(move |image| (image, format!("chart {}", it.name)))
        });
        for (image, user) in of_workloads.chain(of_charts) {
            let known = catalogue::kind_of(image).map(|(entry, _)| {
                let facts = [
                    (entry.run_as_user.is_some(), "user"),
                    (entry.starts_as_root, "needs root"),
                    (entry.paths_are_complete, "paths"),
                    (entry.metrics_port.is_some(), "metrics"),
                    (entry.uses_api, "uses the API"),
                ];
                let facts: Vec<&str> = facts
                    .into_iter()
                    .filter(|(is_so, _)| *is_so)
                    .map(|(_, fact)| fact)
                    .collect();
                facts.join(", ")
            });
            let row = images.entry(image.clone()).or_default();
            row.known = known;
            row.users.insert(user);
        }
        images
    }
}

impl Workload {
    fn of(target: &Target<'_>) -> Option<Workload> {
        const COMPONENT: &str = "app.kubernetes.io/component";
        let resource = target.resource;
        if target.containers().next().is_none() || !is_plain(&resource.name) {
            return None;
        }
        let own = resource.label(COMPONENT);
        let own = own.map(|it| (it.into_owned(), false));
        let of_pods = || {
            let mut templates = target.templates.iter();
            templates.find_map(|it| Some((it.label(COMPONENT)?.into_owned(), true)))
        };
        let image = |it: &Container<'_>| Some(it.node.text_at(["image"])?.into_owned());
        let images: Vec<String> = target.containers().filter_map(image).collect();
        let mut main = target.containers();
        let main = main.find(|it| it.container_type == ContainerType::Container);
        let holds_data = |image: &str| match catalogue::kind_of(image) {
            Some((_, heading)) => heading.starts_with("Databases"),
            None => is_data(last_part(image)),
        };
        let is_of_node = target.templates.iter().any(|it| is_of_node(it.spec));
        let amounts = main.map(|it| {
            ["requests", "limits"].map(|list| {
                ["cpu", "memory"].map(|key| {
                    let amount = it.node.text_at(["resources", list, key])?;
                    amount
                        .parse()
                        .ok()
                        .map(|value| (value, amount.into_owned()))
                })
            })
        });
        Some(Workload {
            kind: resource.kind.clone().into_owned(),
            name: resource.name.clone().into_owned(),
            display: resource.display_name(),
            component: own
                .or_else(of_pods)
                .filter(|(value, _)| is_plain(value) && !value.contains('/')),
            is_database: !is_of_node && main.and_then(image).is_some_and(|it| holds_data(&it)),
            is_of_node,
            images,
            amounts: amounts.unwrap_or_default(),
        })
    }
}

/// The last part of an image's repository.
fn last_part(image: &str) -> &str {
    let repository = catalogue::repository(image);
    repository.rsplit('/').next().unwrap_or(repository)
}

impl Chart {
    fn of(root: &Path, folder: &Path) -> Chart {
        let text = |stream: &fitout::yaml::Stream, key: &str| {
            stream
                .documents()
                .next()
                .and_then(|it| Some(it.root().text_at([key])?.into_owned()))
        };
        let name = tree::read(&folder.join("Chart.yaml")).and_then(|it| text(&it, "name"));
        let mut chart = Chart {
            folder: relative(root, folder),
            name: name.unwrap_or_default(),
            images: BTreeSet::new(),
            values: Vec::new(),
        };
        let files = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut files: Vec<PathBuf> = entries.map(|it| it.path()).collect();
            files.sort();
            files
        };
        let version = tree::read(&folder.join("Chart.yaml")).and_then(|it| text(&it, "appVersion"));
        for file in files(folder) {
            let file_name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let Some(rest) = file_name
                .strip_prefix("values")
                .filter(|it| it.ends_with(".yaml") || it.ends_with(".yml"))
            else {
                continue;
            };
            if let Some(stream) = tree::read(&file) {
                for document in stream.documents() {
                    images_in(document.root(), version.as_deref(), 0, &mut chart.images);
                }
            }
            let environment = environment_in(rest.trim_start_matches(['-', '.', '_']));
            if let Some(environment) = environment.filter(|_| is_plain(&file_name)) {
                chart.values.push((environment, file_name));
            }
        }
        for file in files(&folder.join("templates")) {
            // A template is not YAML, but an image without an action is text.
            let is_ordinary = file
                .metadata()
                .is_ok_and(|it| it.is_file() && it.len() < 1 << 20);
            let text = is_ordinary
                .then(|| std::fs::read_to_string(&file).ok())
                .flatten();
            let text = text.unwrap_or_default();
            let lines = text
                .lines()
                .filter_map(|it| it.trim().trim_start_matches("- ").strip_prefix("image:"));
            let images = lines.map(|it| it.trim().trim_matches(['"', '\'']));
            chart
                .images
                .extend(images.filter(|it| is_image(it)).map(str::to_owned));
        }
        chart
    }
}

/// The images in the values of a chart, in the two usual forms.
fn images_in(node: Node<'_>, version: Option<&str>, depth: usize, images: &mut BTreeSet<String>) {
    if depth > 20 {
        return;
    }
    if let Some(repository) = node.text_at(["repository"]) {
        let registry = node.text_at(["registry"]).filter(|it| !it.is_empty());
        let registry = registry.map_or(String::new(), |it| format!("{it}/"));
        let tag = node.text_at(["tag"]).filter(|it| !it.is_empty());
        let tag = tag.as_deref().or(version);
        let tag = tag.map_or(String::new(), |it| format!(":{it}"));
        let image = format!("{registry}{repository}{tag}");
        if is_image(&image) {
            images.insert(image);
        }
    }
    if let Some(image) = node.text_at(["image"]).filter(|it| is_image(it)) {
        images.insert(image.into_owned());
    }
    for (_, value) in node.entries() {
        images_in(value, version, depth + 1, images);
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

/// Whether a pod uses the namespaces, the ports or the files of its node, or is privileged.
fn is_of_node(spec: Node<'_>) -> bool {
    let is_true = |node: Node<'_>, path: &[&str]| {
        node.at(path.iter().copied())
            .is_some_and(|it| it.text().as_deref() == Some("true"))
    };
    let containers = || {
        ["containers", "initContainers"]
            .into_iter()
            .flat_map(|list| spec.items_at([list]))
    };
    ["hostNetwork", "hostPID", "hostIPC"]
        .iter()
        .any(|it| is_true(spec, &[it]))
        || spec
            .items_at(["volumes"])
            .any(|it| it.get("hostPath").is_some())
        || containers().any(|it| is_true(it, &["securityContext", "privileged"]))
}

/// Whether a name says that it holds data: `accounts-db`, `redis-cart`.
fn is_data(name: &str) -> bool {
    let mut words = name.split(['-', '_', '.']);
    words.any(|it| DATABASES.contains(&it))
        && !name.contains("exporter")
        && !name.contains("operator")
}

/// The folder of a Dockerfile, and what it says about the user of its image.
fn user_of(root: &Path, file: &Path) -> Option<(String, String)> {
    let is_dockerfile = file.file_name()? == "Dockerfile";
    let folder = file.parent()?.canonicalize().ok()?;
    let folder = folder.file_name()?.to_string_lossy().into_owned();
    let is_ordinary = || {
        file.metadata()
            .is_ok_and(|it| it.is_file() && it.len() < 1 << 20)
    };
    if !is_dockerfile || !is_plain(&folder) || !is_ordinary() {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    let mut stages: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    let (mut name, mut user) = ("", None);
    for line in text.lines() {
        let words: Vec<&str> = line
            .split_whitespace()
            .filter(|it| !it.starts_with("--"))
            .collect();
        match words.as_slice() {
            [word, base, rest @ ..] if word.eq_ignore_ascii_case("FROM") => {
                stages.insert(name, user);
                user = stages.get(base).copied().flatten();
                name = rest.get(1).copied().unwrap_or("");
            }
            [word, of, ..] if word.eq_ignore_ascii_case("USER") => user = Some(*of),
            _ => {}
        }
    }
    let path = relative(root, file);
    let path = if is_plain(&path) {
        path
    } else {
        folder.clone()
    };
    let says = match user.map(|it| it.trim_matches('"')) {
        Some(user) if is_plain(user) || user.contains(':') && is_image(user) => {
            format!("{path} has USER {user}")
        }
        Some(_) => return None,
        None => format!("{path} has no USER, so it is root unless its base image has one"),
    };
    Some((folder, says))
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

//! Workloads and their images.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fitout::catalogue;
use fitout::kubernetes::Quantity;
use fitout::objects::{Container, ContainerType, Target};
use fitout::read::Resource;
use fitout::yaml::Node;

use super::{Found, is_image, is_plain, relative};

/// Words in the name of an image or a workload that holds data.
const DATABASES: [&str; 18] = [
    "db", "database", "postgres", "postgresql", "mysql", "mariadb", "mongo", "mongodb", "redis",
    "valkey", "memcached", "rabbitmq", "kafka", "cassandra", "elasticsearch", "etcd", "nats",
    "cache",
];

/// A workload: its pods, and what its profile depends on.
#[derive(Debug, Clone)]
pub(in super::super) struct Workload {
    pub(in super::super) kind: String,
    pub(in super::super) name: String,
    pub(in super::super) display: String,
    /// The value of `app.kubernetes.io/component`, and whether only the pods have it.
    pub(in super::super) component: Option<(String, bool)>,
    pub(in super::super) images: Vec<String>,
    pub(in super::super) is_database: bool,
    /// Whether its pods use the node: its namespaces, its ports or its files.
    pub(in super::super) is_of_node: bool,
    /// The requests and the limits of its first container, each of CPU and memory.
    pub(in super::super) amounts: [[Option<(Quantity, String)>; 2]; 2],
}

/// An image, and who uses it.
#[derive(Debug, Default)]
pub(in super::super) struct Image {
    /// What the catalogue knows; `None` if it has no entry.
    pub(in super::super) known: Option<String>,
    pub(in super::super) users: BTreeSet<String>,
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
pub(super) fn user_of(root: &Path, file: &Path) -> Option<(String, String)> {
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

impl Found {
    /// The workloads of these objects, once for each name: a repository can hold the same ones for several environments.
    pub(in super::super) fn workloads(resources: &[Resource<'_>]) -> Vec<Workload> {
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

    /// What a Dockerfile here says about the user of an image: one whose folder has the name of the image, or the end of it.
    pub(in super::super) fn user_of(&self, image: &str) -> Option<&str> {
        let name = last_part(image);
        let ends = name
            .match_indices(['-', '_'])
            .map(|(at, _)| &name[at + 1..]);
        let mut names = std::iter::once(name).chain(ends);
        names.find_map(|it| self.users.get(it)).map(String::as_str)
    }

    /// The images of workloads and charts, by name.
    pub(in super::super) fn images(&self, workloads: &[Workload]) -> BTreeMap<String, Image> {
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

//! The config that `fitout init` suggests.
//!
//! It is written as text, because its comments are half of its use: each says what was seen, or what is left to decide.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fitout::IMAGE;
use fitout::catalogue;
use fitout::kubernetes::{Pattern, Quantity};
use fitout::report::yaml_scalar;

use super::found::{Found, Image, Workload, is_early, is_image};
use fitout::sorting;

/// What the first run with a config shows, and the next config has.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    /// The names of workloads that listen on a port below 1024 and lose the capability for it, by kind.
    pub(super) low_ports: BTreeSet<(String, String)>,
    /// Whether manifests drop all capabilities in another spelling than `ALL`.
    pub(super) respells_all: bool,
    /// The entry that each image needs in the catalogue, and whether its user is among what is not known.
    pub(super) entries: BTreeMap<String, (String, bool)>,
}

/// A config, in parts.
#[derive(Debug)]
pub(super) struct Suggestion {
    pub(super) text: String,
    /// The profiles, each with its text.
    pub(super) profiles: Vec<(String, String)>,
    /// The lines for each image that is not known, by its repository.
    pub(super) unknown: BTreeMap<String, String>,
}

/// Amounts for containers.
struct Sizes {
    cpu: String,
    memory: String,
    limit: String,
    cpu_limit: Option<String>,
    /// Where they come from.
    source: String,
}

impl Sizes {
    /// The median of what these workloads set, or else a first guess.
    fn of(workloads: &[&Workload], guess: [&str; 3]) -> Sizes {
        let median = |list: usize, key: usize| {
            let set = workloads
                .iter()
                .filter_map(|it| it.amounts[list][key].clone());
            let mut set: Vec<(Quantity, String)> = set
                .filter(|(_, text)| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'))
                .collect();
            sorting::sort_by_key(&mut set, |it| it.0);
            let middle = set.get(set.len() / 2).cloned();
            middle.map(|(_, text)| (set.len(), text))
        };
        let found = [median(0, 0), median(0, 1), median(1, 1), median(1, 0)];
        // Half of them say what is usual here; fewer do not.
        let usual = |it: &Option<(usize, String)>| {
            it.clone()
                .filter(|(count, _)| *count >= 3 && count * 2 >= workloads.len())
        };
        let of =
            |at: usize| usual(&found[at]).map_or_else(|| guess[at].to_owned(), |(_, text)| text);
        let counted = found[..3]
            .iter()
            .filter_map(usual)
            .map(|(count, _)| count)
            .max();
        let (cpu, memory, mut limit) = (of(0), of(1), of(2));
        let parsed = |text: &str| text.parse::<Quantity>().ok();
        if parsed(&limit) < parsed(&memory) {
            limit.clone_from(&memory);
        }
        let cpu_limit = usual(&found[3])
            .map(|(_, text)| text)
            .filter(|it| parsed(it) >= parsed(&cpu));
        let source = match counted {
            Some(count) => format!("the median of {count} workloads that set theirs"),
            None => "a first guess; measure, for example with `kubectl top pods`".to_owned(),
        };
        Sizes {
            cpu,
            memory,
            limit,
            cpu_limit,
            source,
        }
    }

    fn write(&self, indent: &str, text: &mut String) {
        let Sizes {
            cpu, memory, limit, ..
        } = self;
        let cpu_limit = self
            .cpu_limit
            .as_ref()
            .map_or(String::new(), |it| format!("cpu: {}, ", scalar(it)));
        let _ = write!(
            text,
            "{indent}resources: # {}\n{indent}  containers:\n{indent}    requests: {{cpu: {}, memory: {}}}\n{indent}    limits: {{{cpu_limit}memory: {}}}\n",
            self.source,
            scalar(cpu),
            scalar(memory),
            scalar(limit)
        );
    }
}

/// A quantity as a string in YAML.
fn scalar(text: &str) -> String {
    match text.ends_with(|c: char| c.is_ascii_alphabetic()) {
        true => text.to_owned(),
        false => format!("\"{text}\""),
    }
}

/// The config of these workloads and images.
pub(super) fn suggest(
    found: &Found,
    workloads: &[Workload],
    images: &BTreeMap<String, Image>,
    lessons: &Lessons,
) -> Suggestion {
    let profiles = profiles(workloads, lessons);
    let unknown = unknown(found, images, lessons);
    let mut text = "# yaml-language-server: $schema=../fitout.schema.json\n".to_owned();
    let last = found
        .environments
        .last()
        .map_or("production", String::as_str);
    let paths = match found.paths.as_slice() {
        [] => "-f MANIFESTS".to_owned(),
        _ => found.filenames(),
    };
    let _ = write!(
        text,
        "# What is set on the workloads of each environment. `fitout init` has suggested it from what it found; from here on it is
# yours to change. Values that a manifest sets are kept, except under `mode: Override` and `modes`.
#
# `fitout plan {paths} -e {last}` shows what would change, and why, and
# `fitout config show -e {last}` the effective values, with the line that sets each.
#
# Sections at the top apply to every workload, and profiles to those that they select. A later profile takes precedence.
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata:
  name: all
  annotations: # how kustomize and kpt run fitout; the command line does not need it
    config.kubernetes.io/local-config: \"true\"
    config.kubernetes.io/function: |
      container: {{image: {IMAGE}}}
spec:
  # kubernetesVersion: \"1.34\" # the oldest version of your clusters; without it, only fields that 1.25 has are set
"
    );
    let others: Vec<&Workload> = workloads
        .iter()
        .filter(|it| !it.is_database && !it.is_of_node)
        .collect();
    Sizes::of(&others, ["100m", "128Mi", "512Mi"]).write("  ", &mut text);
    text +=
        "  securityContext:\n    profile: restricted # with `baseline`, only what is set here\n";
    if lessons.respells_all {
        text += "    modes:\n      capabilities.drop: Override # manifests here write `all`, which the standard does not recognize\n";
    }
    text += "  prometheus: {} # pods whose metrics port is known get scrape annotations; `mode: \"Off\"` if nothing reads them\n";
    text += "  # storage:\n  #   storageClassName: standard # for claims that name no class\n";
    if !profiles.is_empty() {
        text += "  profiles:\n";
        for (_, profile) in &profiles {
            text += profile;
        }
    }
    if !unknown.is_empty() {
        text += "  # fitout does not know as which user these images run, and where they write. With `restricted` their containers must not
  # run as root, and do not start if they do; their root filesystems stay writable. For each image fill in
  # - runAsUser: the user that `docker image inspect --format '{{.Config.User}}' IMAGE` prints, as a number. Nothing or 0 is root:
  #   then a number as which the program works, such as 1000, or give its containers another image.
  # - writablePaths and pathsAreComplete: where it writes, besides /tmp and its volumes. Remove both if you do not know.
  # catalogue:\n";
        unknown.values().for_each(|lines| text += lines);
    }
    text += "  # What is different in an environment. It takes precedence over the above.\n  environments:\n";
    for name in &found.environments {
        let name_text = match name.chars().all(|c| c.is_ascii_digit() || c == '.') {
            true => format!("\"{name}\""),
            false => name.clone(),
        };
        match is_early(name) {
            true => {
                let _ = write!(
                    text,
                    "    {name_text}:\n      resources:\n        scale: {{cpu: \"0.5\"}} # half of the CPU in this file\n"
                );
            }
            false => {
                let _ = writeln!(text, "    {name_text}: {{}}");
            }
        }
    }
    Suggestion {
        text,
        profiles,
        unknown,
    }
}

/// Profiles: databases, components, pods of nodes, and what the first run has shown.
fn profiles(workloads: &[Workload], lessons: &Lessons) -> Vec<(String, String)> {
    let mut profiles: Vec<(String, String)> = Vec::new();
    let databases: Vec<&Workload> = workloads.iter().filter(|it| it.is_database).collect();
    if !databases.is_empty() {
        let mut text = format!(
            "  - name: databases # {}\n    select: {}\n",
            images_of(&databases),
            by_name(
                databases
                    .iter()
                    .map(|it| (it.kind.as_str(), it.name.as_str()))
            )
        );
        Sizes::of(&databases, ["250m", "512Mi", "2Gi"]).write("    ", &mut text);
        profiles.push(("databases".to_owned(), text));
    }
    let mut components: BTreeMap<&(String, bool), Vec<&Workload>> = BTreeMap::new();
    for workload in workloads {
        if let Some(component) = &workload.component {
            components.entry(component).or_default().push(workload);
        }
    }
    let mut names: BTreeSet<&str> = ["databases", "node-agents", "low-ports"].into();
    for (key, members) in components {
        let (component, is_of_pods) = (&key.0, key.1);
        let sized: Vec<&Workload> = members
            .iter()
            .copied()
            .filter(|it| !it.is_database && !it.is_of_node)
            .collect();
        // One that has none of its own is sized by another profile, and two labels can have one value.
        if sized.is_empty() || !names.insert(component) {
            continue;
        }
        let selector = if is_of_pods {
            "podLabelSelector"
        } else {
            "labelSelector"
        };
        let mut text = format!(
            "  - name: {component} # {}\n    select: {{{selector}: app.kubernetes.io/component={component}}}\n",
            names_of(&sized)
        );
        let others: Vec<&Workload> = members
            .iter()
            .copied()
            .filter(|it| it.is_database || it.is_of_node)
            .collect();
        if !others.is_empty() {
            let others = others.iter().map(|it| (it.kind.as_str(), it.name.as_str()));
            let _ = writeln!(text, "    exclude: {}", by_name(others));
        }
        Sizes::of(&sized, ["100m", "128Mi", "512Mi"]).write("    ", &mut text);
        profiles.push((component.clone(), text));
    }
    let of_node: Vec<&Workload> = workloads.iter().filter(|it| it.is_of_node).collect();
    if !of_node.is_empty() {
        let mut text = format!(
            "  - name: node-agents # they use the namespaces, ports or files of the node, or are privileged\n    select: {}\n",
            by_name(
                of_node
                    .iter()
                    .map(|it| (it.kind.as_str(), it.name.as_str()))
            )
        );
        text += "    securityContext:\n      profile: privileged # their namespace must allow it\n";
        profiles.push(("node-agents".to_owned(), text));
    }
    if !lessons.low_ports.is_empty() {
        let mut text = format!(
            "  - name: low-ports # they listen on a port below 1024, and not as root\n    select: {}\n",
            by_name(
                lessons
                    .low_ports
                    .iter()
                    .map(|(kind, name)| (kind.as_str(), name.as_str()))
            )
        );
        text += "    securityContext:\n      pod:\n        sysctls: # every level of the standard allows it\n        - name: net.ipv4.ip_unprivileged_port_start\n          value: \"0\"\n";
        profiles.push(("low-ports".to_owned(), text));
    }
    profiles
}

/// A selector by kind and name.
fn by_name<'w>(objects: impl Iterator<Item = (&'w str, &'w str)>) -> String {
    let (mut kinds, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (kind, name) in objects {
        kinds.insert(Pattern::of_only(kind));
        names.insert(Pattern::of_only(name));
    }
    let any_of = |texts: BTreeSet<String>| {
        let texts: Vec<String> = texts.into_iter().collect();
        yaml_scalar(&texts.join("|"))
    };
    format!("{{kind: {}, name: {}}}", any_of(kinds), any_of(names))
}

/// The first of their images, without registries.
fn images_of(workloads: &[&Workload]) -> String {
    let images = workloads.iter().filter_map(|it| it.images.first());
    let images: BTreeSet<&str> = images
        .map(|it| catalogue::repository(it))
        .filter(|it| is_image(it))
        .collect();
    listed(images.into_iter())
}

fn names_of(workloads: &[&Workload]) -> String {
    listed(
        workloads
            .iter()
            .map(|it| it.name.as_str())
            .collect::<BTreeSet<_>>()
            .into_iter(),
    )
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let all: Vec<&str> = names.collect();
    match all.len() {
        0..=4 => all.join(", "),
        count => format!("{}, and {} more", all[..3].join(", "), count - 3),
    }
}

/// The commented line for each unknown image, with what a Dockerfile says.
fn unknown(
    found: &Found,
    images: &BTreeMap<String, Image>,
    lessons: &Lessons,
) -> BTreeMap<String, String> {
    let mut unknown: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let is_unknown = |(name, it): &(&String, &Image)| {
        let has_entry = || lessons.entries.contains_key(catalogue::repository(name));
        is_image(name) && (it.known.is_none() || has_entry())
    };
    for (image, it) in images.iter().filter(is_unknown) {
        let is_plain = |it: &&str| {
            it.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./ ".contains(c))
        };
        let users = it.users.iter().map(String::as_str).filter(is_plain);
        unknown
            .entry(catalogue::repository(image))
            .or_default()
            .extend(users);
    }
    let line = |(image, users): (&str, BTreeSet<&str>)| {
        let says = found.user_of(image);
        let number = says.and_then(|it| {
            it.rsplit_once("USER ")?
                .1
                .split(':')
                .next()?
                .parse::<u32>()
                .ok()
        });
        let says = says.map_or(String::new(), |it| format!("; {it}"));
        let of_chart = || {
            users.iter().all(|it| it.starts_with("chart ")).then(|| {
                format!(
                    "{{image: {image}, runAsUser: …, writablePaths: […], pathsAreComplete: true}}"
                )
            })
        };
        // An image that no finding is about needs nothing: its manifests say all.
        let entry = lessons
            .entries
            .get(image)
            .map(|(entry, _)| entry.clone())
            .or_else(of_chart)?;
        let entry = match number {
            Some(number @ 1..) => entry.replace("runAsUser: …", &format!("runAsUser: {number}")),
            _ => entry,
        };
        Some((
            image.to_owned(),
            format!("  # - {entry} # {}{says}\n", listed(users.into_iter())),
        ))
    };
    unknown.into_iter().filter_map(line).collect()
}

//! The fields of `spec` and of profiles that are not sections.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::checks::Checks;
use super::decode::{Others, decode};
use super::document::{Config, FunctionConfig, NamedLayer, join};
use super::environments;
use super::exemption::Exemption;
use super::selector::Selector;
use super::view::{Layer, LayerId, View};
use crate::catalogue::Entry;
use crate::finding::Mode;
use crate::kubernetes::{Date, Version, minor_version};
use crate::objects::{ClaimSpecs, PodSpecs};
use crate::problem::Problem;

/// How much of the changes a host is told in KRM results; errors and warnings are always told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ChangesReport {
    /// One info for each changed object.
    #[default]
    Summary,
    /// One info for each change.
    Full,
    /// Nothing.
    None,
}

/// The fields of `spec` that are not sections.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct General {
    /// The environment's name, shown in every result. Required. With `environments` it chooses one of them.
    environment: Option<String>,
    /// What single environments set differently, by their names: a part of a `spec` each, laid over it.
    // Decoded one by one, each together with what it is laid over.
    environments: BTreeMap<String, IgnoredAny>,
    /// The target cluster's minor version, quoted: `"1.34"`. Without it only what 1.25 has is written.
    #[serde(deserialize_with = "minor_version")]
    kubernetes_version: Option<Version>,
    /// The mode of every field that sets none.
    mode: Mode,
    /// Doubts about the config (FIT-CFG004, FIT-CFG005) are errors.
    strict: bool,
    /// What the whole config is for; everything when absent.
    select: Option<Selector>,
    /// What the whole config is not for.
    exclude: Vec<Selector>,
    /// How much of the changes a host is told.
    report: Report,
    /// Named selections with sections of their own, in the order in which they win.
    // Decoded one by one, so that each problem names its profile.
    profiles: Vec<IgnoredAny>,
    /// Where kinds that fitout does not know keep pods.
    pod_specs: Vec<PodSpecs>,
    /// Where kinds that fitout does not know keep what becomes claims.
    claims: Vec<ClaimSpecs>,
    /// What is known of images, before what fitout knows itself: `image` (a repository without its registry, with `*`
    /// and `?`), and optionally `tag`, `runAsUser`, `runAsGroup`, `anyUser`, `writablePaths`, `hides`, `usesApi`,
    /// `ownDirectory` (`variable` and `path`) and `source`.
    catalogue: Vec<Entry>,
    /// What stays as it is, and why.
    exemptions: Vec<Exemption>,
    /// What is asked of the result when it is judged, by `fitout check` or with `mode: Check`.
    checks: Checks,
    /// The day by which exemptions end, for hosts that give the function none.
    today: Option<Date>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    /// What KRM results hold beside errors and warnings.
    changes: ChangesReport,
}

/// The fields of a profile that are not sections.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProfileHead {
    /// Its name, shown as the reason of what it decides; unique. Required.
    name: String,
    /// Matching nothing is an error.
    #[serde(default)]
    required: bool,
    /// What it is for. Required; `{}` is everything.
    select: Selector,
    /// What it is not for.
    #[serde(default)]
    exclude: Vec<Selector>,
}

/// A named selection with sections that win over the general ones.
#[derive(Debug)]
pub struct Profile {
    /// Unique in the config.
    pub name: String,
    /// Matching nothing is an error.
    pub required: bool,
    /// What it is for.
    pub select: Selector,
    /// What it is not for.
    pub exclude: Vec<Selector>,
    /// Its lowest layer; [`Config::section_layers`] adds the one that the environment lays over it.
    pub layer: LayerId,
}

impl FunctionConfig<'_> {
    pub(super) fn read_general<'b>(
        &'b self,
        view: &View<'b>,
        config: &mut Config<'b>,
        problems: &mut Vec<Problem>,
    ) {
        match decode::<General>(view, Others::Known(config.vocabulary.names)) {
            Err(faults) => {
                problems.extend(faults.iter().map(|fault| self.fault(fault, &config.layers)))
            }
            Ok(general) => {
                config.kubernetes_version = general.kubernetes_version;
                // A validator asks whether what would be written is there already.
                config.judges = general.mode == Mode::Check;
                config.mode = match general.mode {
                    Mode::Check => Mode::Ensure,
                    mode => mode,
                };
                config.checks = general.checks;
                self.check_rules(config, view, problems);
                config.strict = general.strict;
                config.select = general.select;
                config.exclude = general.exclude;
                config.report_changes = general.report.changes;
                config.pod_specs = general.pod_specs;
                config.claims = general.claims;
                self.check_places(config, view, problems);
                config.catalogue = general.catalogue;
                self.check_catalogue(config, view, problems);
                config.exemptions = general.exemptions;
                config.today = general.today;
                self.read_exemptions(config, view, problems);
                if config.environment.trim().is_empty() {
                    let what = match general.environment {
                        Some(_) => "`environment` is empty",
                        None => "`environment` is missing",
                    };
                    let node = view
                        .get("environment")
                        .map_or(self.node, |view| view.top().node);
                    let help = "name the environment: `environment: production`";
                    problems.push(
                        self.problem(what, node)
                            .field("spec.environment")
                            .help(help),
                    );
                }
            }
        }
    }

    /// The path of a place in the config, from `spec`.
    fn field_of(view: &View<'_>, config: &Config<'_>) -> String {
        join(&config.layers[view.top().id].path, view.path())
    }

    /// What is wrong with the places that the config declares, each reported where it is written.
    fn check_places(&self, config: &Config<'_>, view: &View<'_>, problems: &mut Vec<Problem>) {
        let pods = config.pod_specs.iter().map(PodSpecs::fault);
        let pods = pods.map(|fault| fault.map(|fault| ("path", fault)));
        let claims = config.claims.iter().map(ClaimSpecs::fault);
        let lists = [
            ("podSpecs", pods.collect::<Vec<_>>()),
            ("claims", claims.collect()),
        ];
        for (list, faults) in lists {
            let items = view.get(list).map_or(Vec::new(), |list| list.items());
            for (fault, item) in faults.into_iter().zip(items) {
                let Some((key, message)) = fault else {
                    continue;
                };
                let field = format!("{}.{key}", Self::field_of(&item, config));
                let node = item.get(key).unwrap_or(item).top().node;
                let problem = self.problem(message, node).field(field);
                let help = match key {
                    "kind" => "name the kind that holds them",
                    "path" => "write keys joined by `/`, such as `spec/pools[]/template`",
                    _ => "write `form: Flat` with `keys: {storageClassName: class, size: size}`",
                };
                let id = "FIT-CFG003";
                problems.push(Problem {
                    id,
                    ..problem.help(help)
                });
            }
        }
    }

    /// Unknown rules in `checks`.
    fn check_rules(&self, config: &Config<'_>, view: &View<'_>, problems: &mut Vec<Problem>) {
        let Some((key, message, help)) = config.checks.unknown_rule(config.vocabulary) else {
            return;
        };
        let Some(view) = view.at(&format!("checks.{key}")) else {
            return;
        };
        let field = Self::field_of(&view, config);
        let problem = self.problem(message, view.top().node).field(field);
        problems.push(Problem {
            id: "FIT-CFG003",
            help,
            ..problem
        });
    }

    fn check_catalogue(&self, config: &Config<'_>, view: &View<'_>, problems: &mut Vec<Problem>) {
        let items = view
            .get("catalogue")
            .map_or(Vec::new(), |list| list.items());
        for (entry, item) in config.catalogue.iter().zip(items) {
            for (key, message, help) in entry.faults() {
                let field = format!("{}.{key}", Self::field_of(&item, config));
                let node = item.get(key).as_ref().unwrap_or(&item).top().node;
                let problem = self.problem(message, node).field(field).help(help);
                problems.push(Problem {
                    id: "FIT-CFG003",
                    ..problem
                });
            }
        }
    }

    /// Notes where exemptions are written, and reports what is wrong with them.
    fn read_exemptions(
        &self,
        config: &mut Config<'_>,
        view: &View<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let items = view
            .get("exemptions")
            .map_or(Vec::new(), |list| list.items());
        for (index, item) in items.into_iter().enumerate() {
            let field = Self::field_of(&item, config);
            let exemption = &mut config.exemptions[index];
            exemption.path.clone_from(&field);
            let mut problem = |message: &str, help: &str| {
                let mut problem = self
                    .problem(message, item.top().node)
                    .field(field.clone())
                    .help(help);
                problem.id = "FIT-CFG003";
                problems.push(problem);
            };
            if exemption.fields.is_empty() && exemption.rules.is_empty() {
                problem(
                    "the exemption names neither `fields` nor `rules`",
                    "name what it is from",
                );
            }
            if exemption.reason.trim().chars().count() < 10 {
                problem(
                    "the reason has less than ten characters",
                    "say in one sentence why this has to stay as it is",
                );
            }
        }
    }

    pub(super) fn read_profiles<'b>(
        &'b self,
        view: &View<'b>,
        config: &mut Config<'b>,
        problems: &mut Vec<Problem>,
    ) {
        let Some(list) = view
            .get("profiles")
            .filter(|list| list.top().node.is_sequence())
        else {
            return;
        };
        let mut names = HashSet::new();
        for parts in environments::profiles(&list, &config.layers) {
            let lowest = config.layers.len();
            let mut layers = Vec::new();
            let mut path = String::new();
            for item in &parts {
                let named = &config.layers[item.top().id];
                let layer = Layer {
                    id: config.layers.len(),
                    ..item.top()
                };
                let name = layer.node.text_at(["name"]);
                let shown = name.map_or_else(
                    || item.path()["profiles[".len()..].replace(']', ""),
                    std::borrow::Cow::into_owned,
                );
                path = format!("{}.profiles[{shown}]", named.path);
                layers.push(layer);
                config.layers.push(NamedLayer {
                    layer,
                    path: path.clone(),
                    profile: Some(shown),
                    part_of: (layer.id != lowest).then_some(lowest),
                });
            }
            let Some(view) = View::new(layers, "", &[]) else {
                continue;
            };
            match decode::<ProfileHead>(&view, Others::Known(config.vocabulary.names)) {
                Err(faults) => {
                    problems.extend(faults.iter().map(|fault| self.fault(fault, &config.layers)))
                }
                Ok(head) => {
                    if !names.insert(head.name.clone()) {
                        let help = "give each profile its own name";
                        problems.push(
                            self.problem(
                                format!("two profiles are called `{}`", head.name),
                                view.top().node,
                            )
                            .field(path)
                            .help(help),
                        );
                    }
                    let ProfileHead {
                        name,
                        required,
                        select,
                        exclude,
                    } = head;
                    config.profiles.push(Profile {
                        name,
                        required,
                        select,
                        exclude,
                        layer: lowest,
                    });
                }
            }
        }
    }
}

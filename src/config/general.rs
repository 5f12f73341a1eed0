//! The fields of `spec` and of profiles that are not sections.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::authors::Authors;
use super::checks::Checks;
use super::decode::{Others, decode};
use super::document::FunctionConfig;
use super::environments;
use super::exemption::{Exemption, is_reason};
use super::index::Exclusions;
use super::selector::Selector;
use super::settings::{Config, NamedLayer, join};
use super::view::{Layer, LayerId, View};
use crate::catalogue::{Entry, Written};
use crate::finding::Mode;
use crate::kubernetes::{Date, Version, minor_version};
use crate::objects::{ClaimSpecs, PodSpecs};
use crate::problem::{Problem, suggestion};
use crate::yaml::Node;

/// How KRM results report changes. They always contain errors and warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ChangesReport {
    /// One result of severity info for each changed object, and for each token that is taken away.
    #[default]
    Summary,
    /// One result of severity info for each change.
    Full,
    /// No changes.
    None,
}

/// The fields of `spec` that are not sections.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
struct General {
    /// The environment's name, shown in every result. Required. Selects one of `environments`, if the config has them.
    environment: Option<String>,
    /// The settings of single environments, by name. Each is a partial `spec` that is merged over this one.
    // Decoded one by one, each merged over the general layers.
    #[cfg_attr(test, schemars(with = "BTreeMap<String, bool>"))]
    environments: BTreeMap<String, IgnoredAny>,
    /// The target cluster's minor version, quoted: `"1.34"`. Without it, fitout sets only fields that 1.25 has.
    #[serde(deserialize_with = "minor_version")]
    kubernetes_version: Option<Version>,
    /// The default mode of all fields.
    mode: Mode,
    /// Treat FIT-CFG004 and FIT-CFG005 as errors.
    strict: bool,
    /// The objects that the config applies to. Defaults to everything.
    select: Option<Selector>,
    /// The objects that the config does not apply to.
    #[cfg_attr(test, schemars(with = "Vec<Selector>"))]
    exclude: Exclusions,
    /// What is reported to the host.
    report: Report,
    /// Named selections with their own sections. A later profile takes precedence over an earlier one.
    // Decoded one by one, so that each problem names its profile.
    #[cfg_attr(test, schemars(with = "Vec<bool>"))]
    profiles: Vec<IgnoredAny>,
    /// Where kinds that fitout does not know contain pods.
    pod_specs: Vec<PodSpecs>,
    /// Where kinds that fitout does not know contain claims.
    claims: Vec<ClaimSpecs>,
    /// Facts about images, which take precedence over the built-in catalogue: `image` (a repository without its registry,
    /// with `*` and `?`), and optionally `tag`, `runAsUser`, `runAsGroup`, `startsAsRoot`, `anyUser`,
    /// `writablePaths`, `hides`, `pathsAreComplete`, `usesApi`, `capabilities`, `metricsPort`, `metricsPath`, `ownDirectory` (`variable` and `path`),
    /// `movedBy` (a list of the same) and `source`.
    /// [catalogue.md](catalogue.md) explains them.
    catalogue: Vec<Entry>,
    /// Exemptions from fields and rules, with their reasons.
    exemptions: Vec<Exemption>,
    /// What the authors of manifests may opt out of with annotations.
    authors: Authors,
    /// The settings of `fitout check` and `mode: Check`.
    checks: Checks,
    /// The current date, on which exemptions expire. The command line and `FITOUT_TODAY` take precedence.
    today: Option<Date>,
}

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
struct Report {
    /// How KRM results report changes.
    changes: ChangesReport,
}

/// The fields of a profile that are not sections.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ProfileHead {
    /// Its unique name, shown as the reason for the values that it sets. Required.
    name: String,
    /// Report an error if it matches nothing.
    #[serde(default)]
    required: bool,
    /// Let authors select it with the annotation `fitout.dev/profile`.
    #[serde(default)]
    by_annotation: bool,
    /// The objects that it applies to. Required; `{}` selects everything.
    select: Selector,
    /// The objects that it does not apply to.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<Selector>"))]
    exclude: Exclusions,
}

/// A named selection whose sections take precedence over the general ones.
#[derive(Debug)]
pub struct Profile {
    /// Unique in the config.
    pub name: String,
    /// Report an error if it matches nothing.
    pub required: bool,
    /// Authors can select it with an annotation.
    pub by_annotation: bool,
    /// The objects that it applies to.
    pub select: Selector,
    /// The objects that it does not apply to.
    pub exclude: Exclusions,
    /// Its lowest layer; [`Config::section_layers`] adds the environment's layer above it.
    pub layer: LayerId,
}

/// The schemas of `spec` and of a profile, without the sections.
#[cfg(test)]
pub(crate) fn schemas(generator: &mut schemars::SchemaGenerator) -> [schemars::Schema; 2] {
    use schemars::JsonSchema;
    [
        General::json_schema(generator),
        ProfileHead::json_schema(generator),
    ]
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
                // A validator reports what `Ensure` would write.
                config.validate_only = general.mode == Mode::Check;
                config.mode = match general.mode {
                    Mode::Check => Mode::Ensure,
                    mode => mode,
                };
                config.checks = general.checks;
                config.checks.index(config.vocabulary);
                config.authors = general.authors;
                self.check_words(config, view, problems);
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

    /// The path of a view in the config, from `spec`.
    fn field_of(view: &View<'_>, config: &Config<'_>) -> String {
        join(&config.layers[view.top().id].path, view.path())
    }

    /// A bad value of `key` in an item of a list of `spec`, or of the item itself.
    fn bad_value(
        &self,
        config: &Config<'_>,
        item: &View<'_>,
        key: Option<&str>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        let mut field = Self::field_of(item, config);
        let mut node = item.top().node;
        if let Some(key) = key {
            field = join(&field, key);
            node = node.get(key).unwrap_or(node);
        }
        let mut problem = self.problem(message, node).field(field).help(help);
        problem.id = "FIT-CFG003";
        problem
    }

    /// Reports faults of `podSpecs` and `claims`.
    fn check_places(&self, config: &Config<'_>, view: &View<'_>, problems: &mut Vec<Problem>) {
        let pods = config.pod_specs.iter().map(PodSpecs::fault);
        let pods = pods.map(|fault| fault.map(|fault| ("path", fault)));
        let claims = config.claims.iter().map(ClaimSpecs::fault);
        let lists = [
            ("podSpecs", pods.collect::<Vec<_>>()),
            ("claims", claims.collect()),
        ];
        for (list, faults) in lists {
            for (fault, item) in faults.into_iter().zip(view.items_of(list)) {
                let Some((key, message)) = fault else {
                    continue;
                };
                let help = match key {
                    "kind" => "set the kind that contains them",
                    "path" => "write keys joined by `/`, such as `spec/pools[]/template`",
                    _ => "write `form: Flat` with `keys: {storageClassName: class, size: size}`",
                };
                problems.push(self.bad_value(config, &item, Some(key), message, help));
            }
        }
    }

    /// Reports an unknown rule in `checks`, and an unknown section, field or rule in `authors`.
    fn check_words(&self, config: &Config<'_>, view: &View<'_>, problems: &mut Vec<Problem>) {
        let unknown = [
            ("checks", config.checks.unknown_rule(config.vocabulary)),
            ("authors", config.authors.unknown_word(config.vocabulary)),
        ];
        for (part, unknown) in unknown {
            let Some((key, message, help)) = unknown else {
                continue;
            };
            let Some(view) = view.at(&format!("{part}.{key}")) else {
                continue;
            };
            let field = Self::field_of(&view, config);
            let problem = self.problem(message, view.top().node).field(field);
            problems.push(Problem {
                id: "FIT-CFG003",
                help,
                ..problem
            });
        }
    }

    /// Sets the places of entries, and reports their faults.
    fn check_catalogue(
        &self,
        config: &mut Config<'_>,
        view: &View<'_>,
        problems: &mut Vec<Problem>,
    ) {
        for (index, item) in view.items_of("catalogue").into_iter().enumerate() {
            let written = Written {
                field: Self::field_of(&item, config),
                place: config.place_of(item.top().node),
            };
            let Some(entry) = config.catalogue.get_mut(index) else {
                break;
            };
            entry.written = Some(Arc::new(written));
            for (key, message, help) in entry.faults() {
                problems.push(self.bad_value(config, &item, Some(key), message, help));
            }
        }
    }

    /// Sets the paths of exemptions, and reports their faults.
    fn read_exemptions(
        &self,
        config: &mut Config<'_>,
        view: &View<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let mut seen = HashSet::new();
        for (index, item) in view.items_of("exemptions").into_iter().enumerate() {
            config.exemptions[index].path = Self::field_of(&item, config);
            config.exemptions[index].place = config.place_of(item.top().node);
            let keys = ["select", "fields", "rules", "until"];
            let parts = keys.map(|key| item.top().node.get(key).map(Node::value));
            config.exemptions[index].is_repeated = !seen.insert(format!("{parts:?}"));
            let exemption = &config.exemptions[index];
            let mut problem = |message: &str, help: &str| {
                problems.push(self.bad_value(config, &item, None, message, help));
            };
            if exemption.fields.is_empty() && exemption.rules.is_empty() {
                problem(
                    "the exemption names neither `fields` nor `rules`",
                    "list the fields or rules that the object is exempt from",
                );
            }
            if !is_reason(&exemption.reason) {
                problem(
                    "the reason has less than ten visible characters",
                    "explain in one sentence why the exemption is needed",
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
                    let is_added = path.starts_with("spec.environments.");
                    for fault in &faults {
                        let mut problem = self.fault(fault, &config.layers);
                        if is_added && view.get("select").is_none() && problem.help.is_none() {
                            let name = view.top().node.text_at(["name"]).unwrap_or_default();
                            let known = names.iter().map(String::as_str);
                            problem.help = Some(suggestion(&name, known).unwrap_or_else(|| {
                                "a profile that `spec` does not have needs a `select`".to_owned()
                            }));
                        }
                        problems.push(problem);
                    }
                }
                Ok(head) => {
                    if !names.insert(head.name.clone()) {
                        let help = "give each profile a unique name";
                        problems.push(
                            self.problem(
                                format!("two profiles have the name `{}`", head.name),
                                view.top().node,
                            )
                            .field(path)
                            .help(help),
                        );
                    }
                    let ProfileHead {
                        name,
                        required,
                        by_annotation,
                        select,
                        exclude,
                    } = head;
                    config.profiles.push(Profile {
                        name,
                        required,
                        by_annotation,
                        select,
                        exclude,
                        layer: lowest,
                    });
                }
            }
        }
    }
}

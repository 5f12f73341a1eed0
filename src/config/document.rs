//! The functionConfig document: its identity, its general fields, its profiles.

use std::collections::HashSet;

use serde::Deserialize;

use super::checks::Checks;
use super::config_map;
use super::decode::{Fault, Others, decode};
use super::exemption::Exemption;
use super::selector::Selector;
use super::view::{Layer, LayerId, View};
use super::vocabulary::Vocabulary;
use crate::catalogue::Entry;
use crate::finding::Mode;
use crate::kubernetes::{Date, Version, minor_version};
use crate::objects::{ClaimSpecs, PodSpecs};
use crate::problem::{Place, Problem, Problems};
use crate::yaml::{Node, Stream};

/// The apiVersion of the config kind.
pub const API_VERSION: &str = "fitout.dev/v1alpha1";
/// The config kind.
pub const KIND: &str = "Fitout";

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
    /// The environment's name, shown in every result. Required.
    environment: Option<String>,
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
    profiles: Vec<serde::de::IgnoredAny>,
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
    /// Its layer.
    pub layer: LayerId,
}

/// A layer and what a person calls it.
#[derive(Debug)]
pub(super) struct NamedLayer<'a> {
    pub(super) layer: Layer<'a>,
    /// `spec`, or `spec.profiles[database]`.
    pub(super) path: String,
    pub(super) profile: Option<String>,
}

/// The text of a functionConfig, with the further texts that a ConfigMap carries inside.
#[derive(Debug)]
pub struct FunctionConfig<'a> {
    node: Node<'a>,
    file: Option<String>,
    texts: Option<config_map::Texts>,
}

/// A decoded functionConfig: what to do, and for what.
#[derive(Debug)]
pub struct Config<'a> {
    /// The environment's name; shown in every result.
    pub environment: String,
    /// The target cluster's version.
    pub kubernetes_version: Option<Version>,
    /// The mode of every leaf that sets none; never `Check`.
    pub mode: Mode,
    /// Nothing is written: whatever would be is found, and so is whatever else the checks ask about.
    pub judges: bool,
    /// What is asked of the result when it is judged.
    pub checks: Checks,
    /// Some leaf has the mode `Check`, so that what is not written has to be told.
    pub only_checks: bool,
    /// Doubts about the config are errors.
    pub strict: bool,
    /// What the whole config is for.
    pub select: Option<Selector>,
    /// What the whole config is not for.
    pub exclude: Vec<Selector>,
    /// How much a host is told.
    pub report_changes: ChangesReport,
    /// In the order in which they win.
    pub profiles: Vec<Profile>,
    /// Where kinds that fitout does not know keep pods.
    pub pod_specs: Vec<PodSpecs>,
    /// Where kinds that fitout does not know keep what becomes claims.
    pub claims: Vec<ClaimSpecs>,
    /// What is known of images, before what fitout knows itself.
    pub catalogue: Vec<Entry>,
    /// What stays as it is, and why.
    pub exemptions: Vec<Exemption>,
    /// The day by which exemptions end; without it none does.
    pub today: Option<Date>,
    /// The file it was read from, when it is one that a person can open.
    pub file: Option<String>,
    /// The sections and rules that it may name.
    pub vocabulary: &'static Vocabulary,
    pub(super) layers: Vec<NamedLayer<'a>>,
}

impl<'a> Config<'a> {
    /// What some layers say of a section, lowest first.
    pub fn section_layers(&self, layers: &[LayerId], section: &str) -> Vec<Layer<'a>> {
        let below = |id: &LayerId| {
            let layer = self.layers[*id].layer;
            Some(Layer {
                node: layer.node.get(section)?,
                ..layer
            })
        };
        layers.iter().filter_map(below).collect()
    }

    /// The profile whose layer this is, or `spec`.
    pub fn name_of(&self, layer: LayerId) -> String {
        let named = &self.layers[layer];
        named.profile.clone().unwrap_or_else(|| named.path.clone())
    }

    /// The layers that apply to every object.
    pub fn general_layers(&self) -> impl Iterator<Item = LayerId> {
        self.layers
            .iter()
            .filter(|named| named.profile.is_none())
            .map(|named| named.layer.id)
    }
}

/// Whether a section of a layer names the mode `Check`.
fn has_check(layer: &NamedLayer<'_>, names: &[&str]) -> bool {
    let is_check = |node: Node<'_>| node.text().as_deref() == Some("Check");
    let sections = names.iter().filter_map(|name| layer.layer.node.get(name));
    sections.into_iter().any(|section| {
        let mut modes = section.entries_at(["modes"]);
        section.at(["mode"]).is_some_and(is_check) || modes.any(|(_, mode)| is_check(mode))
    })
}

impl<'a> FunctionConfig<'a> {
    /// Takes a functionConfig from a ResourceList, where lines are not those of the author's file.
    ///
    /// # Errors
    /// `FIT-CFG001` when it is not a config of ours, or a ConfigMap whose data is not.
    pub fn of_list(node: Node<'a>) -> Result<FunctionConfig<'a>, Problems> {
        FunctionConfig::new(node, None)
    }

    /// Takes a functionConfig from a file.
    ///
    /// # Errors
    /// `FIT-CFG001` when the file holds no config of ours, or more than one.
    pub fn of_file(stream: &'a Stream, file: &str) -> Result<FunctionConfig<'a>, Problems> {
        let documents: Vec<_> = stream
            .documents()
            .filter(|document| !document.is_empty())
            .collect();
        match documents.as_slice() {
            [only] => FunctionConfig::new(only.root(), Some(file.to_owned())),
            [] => Err(Problem::new(
                "FIT-CFG001",
                format!("{file} holds no document; expected a {KIND}"),
            )
            .into()),
            [_, second, ..] => Err(Problem::new(
                "FIT-CFG001",
                format!("a second document in {file}; a config is one {KIND}"),
            )
            .at(Place::of(second.root(), Some(file)))
            .help("put what differs into `spec.profiles`")
            .into()),
        }
    }

    fn new(node: Node<'a>, file: Option<String>) -> Result<FunctionConfig<'a>, Problems> {
        let problem = |message: String, at: Node<'_>| {
            let help =
                format!("expected apiVersion {API_VERSION} and kind {KIND}, or a v1 ConfigMap");
            Problems::from(
                Problem::new("FIT-CFG001", message)
                    .at(Place::of(at, file.as_deref()))
                    .subject("functionConfig")
                    .help(help),
            )
        };
        if !node.is_map() {
            return Err(problem(
                format!("expected a {KIND}, found {}", node.describe()),
                node,
            ));
        }
        let text = |key: &str| node.text_at([key]).unwrap_or_default();
        let at = |key: &str| node.get(key).unwrap_or(node);
        match (text("apiVersion").as_ref(), text("kind").as_ref()) {
            (API_VERSION, KIND) => Ok(FunctionConfig {
                node,
                file,
                texts: None,
            }),
            ("v1", "ConfigMap") => {
                let texts = Some(config_map::Texts::of(node, file.as_deref())?);
                Ok(FunctionConfig { node, file, texts })
            }
            ("", _) => Err(problem("the config has no apiVersion".to_owned(), node)),
            (_, "") => Err(problem("the config has no kind".to_owned(), node)),
            (version, KIND) => Err(problem(
                format!("unknown apiVersion {version} of {KIND}"),
                at("apiVersion"),
            )),
            (version, kind) => Err(problem(
                format!("{version} {kind} is not a config of fitout"),
                at("kind"),
            )),
        }
    }

    /// The config's own node, by which it is known again among the items.
    pub fn node(&self) -> Node<'a> {
        self.node
    }

    /// Decodes the config.
    ///
    /// # Errors
    /// `FIT-CFG001` unknown or missing fields, `FIT-CFG002` wrong types, `FIT-CFG003` bad values.
    pub fn decode(&self, vocabulary: &'static Vocabulary) -> Result<Config<'_>, Problems> {
        let mut problems = Vec::new();
        let layers = self.general_layers(&mut problems);
        let mut config = Config {
            environment: String::new(),
            kubernetes_version: None,
            mode: Mode::default(),
            judges: false,
            checks: Checks::default(),
            only_checks: false,
            strict: false,
            select: None,
            exclude: Vec::new(),
            report_changes: ChangesReport::default(),
            profiles: Vec::new(),
            pod_specs: Vec::new(),
            claims: Vec::new(),
            catalogue: Vec::new(),
            exemptions: Vec::new(),
            today: None,
            file: self.file.clone(),
            vocabulary,
            layers,
        };
        let Some(view) = View::new(
            config.layers.iter().map(|named| named.layer).collect(),
            "",
            &[],
        ) else {
            let missing = match &self.texts {
                None => self.problem("the config has no `spec`", self.node).help("it needs at least `spec.environment`"),
                Some(_) => self
                    .problem("the ConfigMap has no `data` that says what to do", self.node)
                    .help("it needs at least `environment`, and `config` with the YAML text of a `spec`, or keys such as `resources.containers.requests.cpu`"),
            };
            problems.push(missing);
            return Err(Problems(problems));
        };
        self.read_general(&view, &mut config, &mut problems);
        self.read_profiles(&view, &mut config, &mut problems);
        for named in &config.layers {
            let profile = config
                .profiles
                .iter()
                .find(|profile| profile.layer == named.layer.id);
            let containers_only =
                profile.is_some_and(|profile| profile.select.containers.is_some());
            let faults = vocabulary.check_sections(named.layer, containers_only);
            problems.extend(faults.iter().map(|fault| self.fault(fault, &config.layers)));
        }
        config.only_checks = {
            let mut layers = config.layers.iter();
            layers.any(|layer| has_check(layer, vocabulary.names))
        };
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(Problems(problems))
        }
    }

    /// The layers that are not profiles: `spec`, or a ConfigMap's `config` below its other keys.
    fn general_layers(&self, problems: &mut Vec<Problem>) -> Vec<NamedLayer<'_>> {
        let named = |id: LayerId, node, strings_only| NamedLayer {
            layer: Layer {
                node,
                id,
                strings_only,
            },
            path: "spec".to_owned(),
            profile: None,
        };
        if let Some(texts) = &self.texts {
            let mut layers = Vec::new();
            layers.extend(texts.config().map(|node| named(0, node, false)));
            layers.extend(texts.keys().map(|node| named(layers.len(), node, true)));
            return layers;
        }
        let known = ["apiVersion", "kind", "metadata", "spec", "status"];
        for (key, _) in self.node.entries() {
            let name = key.text().unwrap_or_default();
            if !known.contains(&name.as_ref()) {
                let help = "everything that is set lies below `spec`";
                problems.push(
                    self.problem(format!("unknown field `{name}`"), key)
                        .help(help),
                );
            }
        }
        let spec = self.node.at(["spec"]);
        spec.map(|spec| named(0, spec, false)).into_iter().collect()
    }

    fn read_general<'b>(
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
                self.check_rules(&config.checks, view, config.vocabulary, problems);
                config.strict = general.strict;
                config.select = general.select;
                config.exclude = general.exclude;
                config.report_changes = general.report.changes;
                config.pod_specs = general.pod_specs;
                config.claims = general.claims;
                self.check_places(config, view, problems);
                config.catalogue = general.catalogue;
                self.check_catalogue(&config.catalogue, view, problems);
                config.exemptions = general.exemptions;
                config.today = general.today;
                self.check_exemptions(&config.exemptions, view, problems);
                match general.environment {
                    Some(environment) if !environment.trim().is_empty() => {
                        config.environment = environment
                    }
                    found => {
                        let what = if found.is_some() {
                            "`environment` is empty"
                        } else {
                            "`environment` is missing"
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
    }

    /// What is wrong with the places that the config declares, each told where it is written.
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
            for (index, (fault, item)) in faults.into_iter().zip(items).enumerate() {
                let Some((key, message)) = fault else {
                    continue;
                };
                let node = item.get(key).unwrap_or(item).top().node;
                let problem = self
                    .problem(message, node)
                    .field(format!("spec.{list}[{index}].{key}"));
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

    /// Rules that `checks` names and nobody knows.
    fn check_rules(
        &self,
        checks: &Checks,
        view: &View<'_>,
        vocabulary: &Vocabulary,
        problems: &mut Vec<Problem>,
    ) {
        let Some((key, message, help)) = checks.unknown_rule(vocabulary) else {
            return;
        };
        let node = view
            .at(&format!("checks.{key}"))
            .map_or(self.node, |view| view.top().node);
        let problem = self
            .problem(message, node)
            .field(format!("spec.checks.{key}"));
        problems.push(Problem {
            id: "FIT-CFG003",
            help,
            ..problem
        });
    }

    fn check_catalogue(&self, entries: &[Entry], view: &View<'_>, problems: &mut Vec<Problem>) {
        let items = view
            .get("catalogue")
            .map_or(Vec::new(), |list| list.items());
        for (index, (entry, item)) in entries.iter().zip(items).enumerate() {
            for (key, message, help) in entry.faults() {
                let node = item.get(key).as_ref().unwrap_or(&item).top().node;
                let problem = self
                    .problem(message, node)
                    .field(format!("spec.catalogue[{index}].{key}"))
                    .help(help);
                problems.push(Problem {
                    id: "FIT-CFG003",
                    ..problem
                });
            }
        }
    }

    fn check_exemptions(
        &self,
        exemptions: &[Exemption],
        view: &View<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let items = view
            .get("exemptions")
            .map_or(Vec::new(), |list| list.items());
        for (index, (exemption, item)) in exemptions.iter().zip(items).enumerate() {
            let field = format!("spec.exemptions[{index}]");
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

    fn read_profiles<'b>(
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
        for (index, item) in list.items().into_iter().enumerate() {
            let layer = Layer {
                id: config.layers.len(),
                ..item.top()
            };
            let written = layer.node.text_at(["name"]);
            let shown = written.map_or_else(|| index.to_string(), std::borrow::Cow::into_owned);
            let path = format!("spec.profiles[{shown}]");
            config.layers.push(NamedLayer {
                layer,
                path: path.clone(),
                profile: Some(shown),
            });
            let Some(view) = View::new(vec![layer], "", &[]) else {
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
                                layer.node,
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
                        layer: layer.id,
                    });
                }
            }
        }
    }

    fn problem(&self, message: impl Into<String>, node: Node<'_>) -> Problem {
        let problem = Problem::new("FIT-CFG001", message).subject(self.subject());
        self.with_place(problem, node)
    }

    fn with_place(&self, problem: Problem, node: Node<'_>) -> Problem {
        match &self.file {
            Some(file) => problem.at(Place::of(node, Some(file))),
            // A host re-encodes the config, so its lines would mislead: the field's path is the place.
            None => problem,
        }
    }

    fn subject(&self) -> String {
        let name = self.node.text_at(["metadata", "name"]).unwrap_or_default();
        let kind = self.node.text_at(["kind"]).unwrap_or_default();
        format!("{kind} {name}")
    }

    fn fault(&self, fault: &Fault<'_>, layers: &[NamedLayer<'_>]) -> Problem {
        let named = fault
            .layer
            .and_then(|layer| layers.iter().find(|named| named.layer.id == layer.id));
        let prefix = named.map_or("spec", |named| named.path.as_str());
        let field = match &self.texts {
            Some(texts) => texts.key_of(
                &fault.path,
                fault.layer.is_some_and(|layer| layer.strings_only),
                prefix,
            ),
            None => join(prefix, &fault.path),
        };
        let mut problem = Problem::new(fault.id, fault.message.clone())
            .subject(self.subject())
            .field(field);
        problem.help.clone_from(&fault.help);
        match fault.layer {
            Some(layer) if self.texts.is_none() => self.with_place(problem, layer.node),
            _ => problem,
        }
    }
}

/// A path below another.
pub(super) fn join(prefix: &str, path: &str) -> String {
    if path.is_empty() {
        prefix.to_owned()
    } else {
        format!("{prefix}.{path}")
    }
}

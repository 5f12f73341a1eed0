//! The functionConfig document: its identity, its general fields, its profiles.

use std::sync::Arc;

use super::checks::Checks;
use super::config_map;
use super::decode::Fault;
use super::environments;
use super::exemption::Exemption;
use super::general::{ChangesReport, Profile};
use super::places::{Places, Sources};
use super::selector::Selector;
use super::view::{Layer, LayerId, View};
use super::vocabulary::Vocabulary;
use crate::catalogue::Entry;
use crate::finding::Mode;
use crate::kubernetes::{Date, Version};
use crate::objects::{ClaimSpecs, PodSpecs};
use crate::problem::{Place, Problem, Problems};
use crate::yaml::{Node, Position, Stream};

/// The apiVersion of the config kind.
pub const API_VERSION: &str = "fitout.dev/v1alpha1";
/// The config kind.
pub const KIND: &str = "Fitout";

/// A layer and what a person calls it.
#[derive(Clone, Debug)]
pub(super) struct NamedLayer<'a> {
    pub(super) layer: Layer<'a>,
    /// `spec`, `spec.profiles[database]`, or the same below `spec.environments.production`.
    pub(super) path: String,
    pub(super) profile: Option<String>,
    /// The profile's layer that this one is laid over: it is the environment's part of that profile.
    pub(super) part_of: Option<LayerId>,
}

/// The text of a functionConfig, with the further texts that a ConfigMap carries inside.
#[derive(Debug)]
pub struct FunctionConfig<'a> {
    pub(super) node: Node<'a>,
    places: Places<'a>,
    texts: Option<config_map::Texts>,
    /// The environment that the caller chooses, whatever the config says.
    choice: Option<String>,
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
    /// The sections and rules that it may name.
    pub vocabulary: &'static Vocabulary,
    pub(super) layers: Vec<NamedLayer<'a>>,
    places: &'a Places<'a>,
}

impl<'a> Config<'a> {
    /// What some layers say of a section, lowest first, with what the environment lays over each.
    pub fn section_layers(&self, layers: &[LayerId], section: &str) -> Vec<Layer<'a>> {
        let below = |layer: Layer<'a>| {
            Some(Layer {
                node: layer.node.get(section)?,
                ..layer
            })
        };
        self.with_parts(layers).filter_map(below).collect()
    }

    /// Layers with what the environment lays over each.
    pub(super) fn with_parts(&self, layers: &[LayerId]) -> impl Iterator<Item = Layer<'a>> {
        layers.iter().flat_map(|id| {
            let above = self.layers.get(id + 1);
            let part = above.filter(|above| above.part_of == Some(*id));
            std::iter::once(&self.layers[*id])
                .chain(part)
                .map(|named| named.layer)
        })
    }

    /// The file and the position that a node of the config was written at, where a person can look it up.
    pub(super) fn place_of(&self, node: Node<'_>) -> Option<(Arc<str>, Position)> {
        self.places.of(node)
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
        FunctionConfig::new(node, Places::Unknown)
    }

    /// The same, of a config that kustomize has built from files: its lines are looked up there.
    ///
    /// # Errors
    /// As [`FunctionConfig::of_list`].
    pub fn of_build(node: Node<'a>, sources: &'a Sources) -> Result<FunctionConfig<'a>, Problems> {
        FunctionConfig::new(node, Places::of_built(node, sources))
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
            [only] => FunctionConfig::new(only.root(), Places::File(Arc::from(file), stream)),
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
            .help("put what differs into `spec.profiles`, or into `spec.environments`")
            .into()),
        }
    }

    fn new(node: Node<'a>, places: Places<'a>) -> Result<FunctionConfig<'a>, Problems> {
        let problem = |message: String, at: Node<'_>| {
            let help =
                format!("expected apiVersion {API_VERSION} and kind {KIND}, or a v1 ConfigMap");
            let place = places.place(at).map(Box::new);
            let problem = Problem::new("FIT-CFG001", message)
                .subject("functionConfig")
                .help(help);
            Problems::from(Problem { place, ..problem })
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
                places,
                texts: None,
                choice: None,
            }),
            ("v1", "ConfigMap") => {
                let texts = config_map::Texts::of(node, |node| places.place(node))?;
                Ok(FunctionConfig {
                    node,
                    places,
                    texts: Some(texts),
                    choice: None,
                })
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

    /// The environments that the config describes; none when it is itself that of one.
    pub fn environments(&self) -> Vec<String> {
        environments::described(&self.general_layers())
    }

    /// Chooses an environment, whatever the config says.
    pub fn choose(&mut self, environment: impl Into<String>) {
        self.choice = Some(environment.into());
    }

    /// Decodes the config. What it says of environments that are not chosen is checked as well.
    ///
    /// # Errors
    /// `FIT-CFG001` unknown or missing fields, `FIT-CFG002` wrong types, `FIT-CFG003` bad values.
    pub fn decode(&self, vocabulary: &'static Vocabulary) -> Result<Config<'_>, Problems> {
        let mut problems = self.unknown_roots();
        let general = self.general_layers();
        let nodes = general.iter().map(|named| named.layer).collect();
        let Some(view) = View::new(nodes, "", &[]) else {
            let missing = match &self.texts {
                None => self.problem("the config has no `spec`", self.node).help("it needs at least `spec.environment`"),
                Some(_) => self
                    .problem("the ConfigMap has no `data` that says what to do", self.node)
                    .help("it needs at least `environment`, and `config` with the YAML text of a `spec`, or keys such as `resources.containers.requests.cpu`"),
            };
            problems.push(missing);
            return Err(Problems(problems));
        };
        let described = environments::described(&general);
        let written = view.get("environment").and_then(|it| it.top().node.text());
        let chosen = self.choice.as_deref().or(written.as_deref());
        let chosen = chosen.unwrap_or_default();
        if described.is_empty() {
            let config = self.decode_for(chosen, general, vocabulary, &mut problems);
            return match problems.is_empty() {
                true => Ok(config),
                false => Err(Problems(problems)),
            };
        }
        problems.extend(self.wrong_choice(chosen, &described, &view));
        let faults = environments::faults(&general);
        problems.extend(faults.iter().map(|fault| self.fault(fault, &general)));
        let mut config = None;
        for environment in &described {
            let mut layers = general.clone();
            layers.extend(environments::layers_of(&general, environment));
            let mut found = Vec::new();
            let decoded = self.decode_for(environment, layers, vocabulary, &mut found);
            for problem in found {
                let is_same =
                    |it: &Problem| it.field == problem.field && it.message == problem.message;
                if !problems.iter().any(is_same) {
                    problems.push(problem);
                }
            }
            if environment == chosen {
                config = Some(decoded);
            }
        }
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems(problems)),
        }
    }

    /// What is wrong with the choice of an environment.
    fn wrong_choice(&self, chosen: &str, described: &[String], view: &View<'_>) -> Option<Problem> {
        if described.iter().any(|name| name == chosen) {
            return None;
        }
        let (message, at) = match (chosen.trim(), &self.choice) {
            ("", _) => ("no environment is chosen".to_owned(), "environments"),
            (chosen, Some(_)) => (format!("unknown environment `{chosen}`"), "environments"),
            (chosen, None) => (format!("unknown environment `{chosen}`"), "environment"),
        };
        let help = environments::help(chosen, described);
        let help = match chosen.trim() {
            "" => format!("choose one with `environment` or on the command line with -e: {help}"),
            _ => help,
        };
        let layer = view.get(at).map(|view| view.top());
        let fault = Fault {
            id: "FIT-CFG003",
            message,
            help: Some(help),
            layer,
            path: at.to_owned(),
        };
        Some(self.fault(&fault, &self.general_layers()))
    }

    /// Decodes the config of one environment, from the layers that are not profiles.
    fn decode_for<'b>(
        &'b self,
        environment: &str,
        layers: Vec<NamedLayer<'b>>,
        vocabulary: &'static Vocabulary,
        problems: &mut Vec<Problem>,
    ) -> Config<'b> {
        let nodes = layers.iter().map(|named| named.layer).collect();
        let mut config = Config {
            environment: environment.to_owned(),
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
            vocabulary,
            layers,
            places: &self.places,
        };
        let Some(view) = View::new(nodes, "", environments::APPENDED) else {
            return config;
        };
        self.read_general(&view, &mut config, problems);
        self.read_profiles(&view, &mut config, problems);
        for named in &config.layers {
            let id = named.part_of.unwrap_or(named.layer.id);
            let mut profiles = config.profiles.iter();
            let profile = profiles.find(|profile| profile.layer == id);
            let containers_only =
                profile.is_some_and(|profile| profile.select.containers.is_some());
            let faults = vocabulary.check_sections(named.layer, containers_only);
            problems.extend(faults.iter().map(|fault| self.fault(fault, &config.layers)));
        }
        config.only_checks = {
            let mut layers = config.layers.iter();
            layers.any(|layer| has_check(layer, vocabulary.names))
        };
        config
    }

    /// The layers that are not profiles: `spec`, or a ConfigMap's `config` below its other keys.
    fn general_layers(&self) -> Vec<NamedLayer<'_>> {
        let nodes = match &self.texts {
            Some(texts) => [texts.config(), texts.keys()],
            None => [self.node.at(["spec"]), None],
        };
        let is_of_keys = |index: usize| self.texts.is_some() && index == 1;
        let nodes = nodes.into_iter().enumerate();
        let nodes = nodes.filter_map(|(index, node)| Some((node?, is_of_keys(index))));
        let layer = |(id, (node, strings_only))| NamedLayer {
            layer: Layer {
                node,
                id,
                strings_only,
            },
            path: "spec".to_owned(),
            profile: None,
            part_of: None,
        };
        nodes.enumerate().map(layer).collect()
    }

    /// Unknown fields next to `spec`.
    fn unknown_roots(&self) -> Vec<Problem> {
        let known = ["apiVersion", "kind", "metadata", "spec", "status"];
        let keys = self.node.entries().map(|(key, _)| key);
        let unknown = keys.filter_map(|key| {
            let name = key.text().unwrap_or_default();
            let problem = || {
                self.problem(format!("unknown field `{name}`"), key)
                    .help("everything that is set lies below `spec`")
            };
            (self.texts.is_none() && !known.contains(&name.as_ref())).then(problem)
        });
        unknown.collect()
    }

    pub(super) fn problem(&self, message: impl Into<String>, node: Node<'_>) -> Problem {
        let problem = Problem::new("FIT-CFG001", message).subject(self.subject());
        self.with_place(problem, node)
    }

    fn with_place(&self, problem: Problem, node: Node<'_>) -> Problem {
        match self.places.place(node) {
            Some(place) => problem.at(place),
            None => problem,
        }
    }

    fn subject(&self) -> String {
        let name = self.node.text_at(["metadata", "name"]).unwrap_or_default();
        let kind = self.node.text_at(["kind"]).unwrap_or_default();
        format!("{kind} {name}")
    }

    pub(super) fn fault(&self, fault: &Fault<'_>, layers: &[NamedLayer<'_>]) -> Problem {
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

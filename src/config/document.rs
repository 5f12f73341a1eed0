//! The functionConfig document: its apiVersion and kind, the environments in it, and its faults.

use std::sync::Arc;

use super::authors::Authors;
use super::checks::Checks;
use super::config_map;
use super::decode::Fault;
use super::environments;
use super::general::ChangesReport;
use super::index::{Exclusions, SelectorIndex};
use super::places::{Places, Sources};
use super::settings::{Config, NamedLayer, has_check, join};
use super::view::{Layer, View};
use super::vocabulary::Vocabulary;
use crate::finding::Mode;
use crate::hashing::{HashMap, HashSet};
use crate::problem::{Place, Problem, Problems};
use crate::yaml::{Node, Stream};

/// The apiVersion of the config kind.
pub const API_VERSION: &str = "fitout.dev/v1alpha1";
/// The config kind.
pub const KIND: &str = "Fitout";

/// The document of a functionConfig, with the texts inside a ConfigMap.
#[derive(Debug)]
pub struct FunctionConfig<'a> {
    pub(super) node: Node<'a>,
    places: Places<'a>,
    texts: Option<config_map::Texts>,
    /// The environment that the caller chooses; takes precedence over the one in the config.
    choice: Option<String>,
}

impl<'a> FunctionConfig<'a> {
    /// Reads a functionConfig from a ResourceList, where line numbers are not those of the author's file.
    ///
    /// # Errors
    /// `FIT-CFG001` if it is not a fitout config, and `FIT-CFG007` if the data of a ConfigMap is not.
    pub fn of_list(node: Node<'a>) -> Result<FunctionConfig<'a>, Problems> {
        FunctionConfig::new(node, Places::Unknown)
    }

    /// Reads a functionConfig that kustomize built from files, and looks up its lines in them.
    ///
    /// # Errors
    /// As [`FunctionConfig::of_list`].
    pub fn of_build(node: Node<'a>, sources: &'a Sources) -> Result<FunctionConfig<'a>, Problems> {
        FunctionConfig::new(node, Places::of_built(node, sources))
    }

    /// Reads a functionConfig from a file.
    ///
    /// # Errors
    /// `FIT-CFG001` if the file contains no fitout config, or more than one.
    pub fn of_file(stream: &'a Stream, file: &str) -> Result<FunctionConfig<'a>, Problems> {
        let documents: Vec<_> = stream
            .documents()
            .filter(|document| !document.is_empty())
            .collect();
        match documents.as_slice() {
            [only] => FunctionConfig::new(only.root(), Places::File(Arc::from(file), stream)),
            [] => Err(Problem::new(
                "FIT-CFG001",
                format!("{file} has no document; expected a {KIND}"),
            )
            .into()),
            [_, second, ..] => Err(Problem::new(
                "FIT-CFG001",
                format!("{file} has a second document; expected one {KIND}"),
            )
            .at(Place::of(second.root(), Some(file)))
            .help("write the differences in `spec.profiles` or `spec.environments`")
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
        let texts = match (text("apiVersion").as_ref(), text("kind").as_ref()) {
            (API_VERSION, KIND) => Ok(None),
            ("v1", "ConfigMap") => config_map::Texts::of(node, |node| places.place(node)).map(Some),
            ("", _) => Err(problem("the config has no apiVersion".to_owned(), node)),
            (_, "") => Err(problem("the config has no kind".to_owned(), node)),
            (version, KIND) => Err(problem(
                format!("unknown apiVersion {version} of {KIND}"),
                at("apiVersion"),
            )),
            (version, kind) => Err(problem(
                format!("{version} {kind} is not a fitout config"),
                at("kind"),
            )),
        };
        Ok(FunctionConfig {
            node,
            texts: texts?,
            places,
            choice: None,
        })
    }

    /// The node of the document.
    pub fn node(&self) -> Node<'a> {
        self.node
    }

    /// The names in `spec.environments`; empty if the config is for one environment.
    pub fn environments(&self) -> Vec<String> {
        environments::described(&self.general_layers())
    }

    /// Chooses an environment, instead of the one in the config.
    pub fn choose(&mut self, environment: impl Into<String>) {
        self.choice = Some(environment.into());
    }

    /// Decodes the config. Environments that are not chosen are checked, too.
    ///
    /// # Errors
    /// `FIT-CFG001` unknown or missing fields, `FIT-CFG002` wrong types, `FIT-CFG003` invalid values.
    pub fn decode(&self, vocabulary: &'static Vocabulary) -> Result<Config<'_>, Problems> {
        let mut problems = self.unknown_roots();
        let general = self.general_layers();
        let nodes = general.iter().map(|named| named.layer).collect();
        let Some(view) = View::new(nodes, "", &[]) else {
            let missing = match &self.texts {
                None => self.problem("the config has no `spec`", self.node).help("it needs at least `spec.environment`"),
                Some(_) => self
                    .problem("the ConfigMap has no settings in `data`", self.node)
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
                if !problems.iter().any(|it| it.is_same(&problem)) {
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

    /// The problem with a missing or unknown environment.
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

    /// Decodes the config of one environment from its layers without profiles.
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
            validate_only: false,
            generated: HashSet::default(),
            unbuilt: Vec::new(),
            definitions: Vec::new(),
            checks: Checks::default(),
            only_checks: false,
            strict: false,
            select: None,
            exclude: Exclusions::default(),
            report_changes: ChangesReport::default(),
            profiles: Vec::new(),
            profile_index: SelectorIndex::default(),
            profile_names: HashMap::default(),
            pod_specs: Vec::new(),
            claims: Vec::new(),
            catalogue: Vec::new(),
            exemptions: Vec::new(),
            exemption_index: SelectorIndex::default(),
            authors: Authors::default(),
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
        let selects = config.profiles.iter().map(|it| &it.select).enumerate();
        config.profile_index = SelectorIndex::of(selects);
        for (at, profile) in config.profiles.iter().enumerate() {
            let known = config.profile_names.entry(profile.name.clone());
            known.or_insert(at);
        }
        let exemptions = config.exemptions.iter().enumerate();
        let exemptions = exemptions.filter(|(_, it)| !it.is_repeated);
        let selects = exemptions.map(|(at, it)| (at, &it.select));
        config.exemption_index = SelectorIndex::of(selects);
        for named in &config.layers {
            let id = named.part_of.unwrap_or(named.layer.id);
            let profile = config.profiles.binary_search_by_key(&id, |it| it.layer);
            let containers_only =
                profile.is_ok_and(|it| config.profiles[it].select.containers.is_some());
            let faults = vocabulary.check_sections(named.layer, containers_only);
            problems.extend(faults.iter().map(|fault| self.fault(fault, &config.layers)));
        }
        let ids: Vec<_> = config.general_layers().collect();
        let general: Vec<_> = config.with_parts(&ids).collect();
        let mut merged = vocabulary.check_merged(&[], &general);
        for profile in &config.profiles {
            let above: Vec<_> = config.with_parts(&[profile.layer]).collect();
            merged.extend(vocabulary.check_merged(&general, &above));
        }
        for fault in merged {
            let problem = self.fault(&fault, &config.layers);
            if !problems.iter().any(|it| it.is_same(&problem)) {
                problems.push(problem);
            }
        }
        config.only_checks = {
            let mut layers = config.layers.iter();
            layers.any(|layer| has_check(layer, vocabulary.names))
        };
        config
    }

    /// The layers without profiles: `spec`, or a ConfigMap's `config` below its other keys.
    fn general_layers(&self) -> Vec<NamedLayer<'_>> {
        let nodes = match &self.texts {
            Some(texts) => [(texts.config(), false), (texts.keys(), true)],
            None => [(self.node.at(["spec"]), false), (None, false)],
        };
        let nodes = nodes.into_iter();
        let nodes = nodes.filter_map(|(node, strings_only)| Some((node?, strings_only)));
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
                    .help("move settings into `spec`")
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

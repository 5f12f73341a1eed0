//! The JSON Schema of configs: it never refuses what fitout accepts, and refuses what an editor can know to be wrong.
//!
//! `src/tests/schema.rs` makes it from the types that decode configs.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use fitout::VOCABULARY;
use fitout::config::FunctionConfig;
use fitout::yaml::Stream;
use serde_json::{Value, json};

use crate::program::Folder;

const FILE: &str = "schema/fitout.schema.json";

/// The first words of the comment that names a config's schema for editors.
const MODELINE: &str = "# yaml-language-server: $schema=";

/// A schema of the repository.
pub(crate) struct Schema(Schemas, SchemaIndex);

impl Schema {
    pub(crate) fn of(file: &str) -> Schema {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        let mut compiler = Compiler::new();
        let json = serde_json::from_str(&text).unwrap();
        compiler.add_resource("file:///schema.json", json).unwrap();
        let mut schemas = Schemas::new();
        let index = compiler
            .compile("file:///schema.json", &mut schemas)
            .unwrap();
        Schema(schemas, index)
    }

    /// Why it refuses a value.
    fn fault(&self, value: &Value) -> Option<String> {
        let fault = self.0.validate(value, self.1).err();
        fault.map(|fault| format!("{fault:#}"))
    }

    #[track_caller]
    pub(crate) fn accepts(&self, value: &Value, what: &str) {
        assert_eq!(self.fault(value), None, "{what}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A document as an editor reads it.
fn as_json(text: &str) -> Option<Value> {
    serde_yaml::from_str(text).ok()
}

/// Why fitout refuses a config, in any environment.
fn refusal(text: &str) -> Option<String> {
    let of = || {
        let stream = Stream::parse(text).map_err(|it| it.to_string())?;
        let mut config = FunctionConfig::of_file(&stream, "c").map_err(|it| it.to_string())?;
        if let Some(first) = config.environments().first().cloned() {
            config.choose(first);
        }
        let decoded = config.decode(VOCABULARY);
        decoded.map(|_| ()).map_err(|it| it.to_string())
    };
    of().err()
}

/// Without its environments, so that sections are read that each environment replaces.
fn without_environments(config: &Value) -> String {
    let mut config = config.clone();
    if let Some(spec) = config["spec"].as_object_mut() {
        spec.remove("environments");
        spec.entry("environment").or_insert(json!("x"));
    }
    config.to_string()
}

/// All configs of the repository.
fn configs() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|it| it.unwrap().path())
            .collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "yaml") {
                let text = std::fs::read_to_string(&path).unwrap();
                if text.lines().any(|it| it == "kind: Fitout") {
                    found.push((path, text));
                }
            }
        }
    }
    let mut found = Vec::new();
    for folder in [
        "fn-config", "examples", "overlays", "tests/cases", "tests/hosts",
    ] {
        walk(&root().join(folder), &mut found);
    }
    assert!(found.len() > 400, "{}", found.len());
    found
}

#[test]
fn it_accepts_every_config_that_fitout_accepts() {
    let schema = Schema::of(FILE);
    let mut count = 0;
    for (path, text) in configs() {
        if refusal(&text).is_some() {
            continue;
        }
        let Some(config) = as_json(&text) else {
            continue;
        };
        count += 1;
        if let Some(fault) = schema.fault(&config) {
            panic!("{}: {fault}", path.display());
        }
    }
    assert!(count > 400, "{count} configs");
}

/// Replaces each value of configs by others: what fitout then still accepts, the schema accepts, too.
#[test]
fn it_accepts_every_change_that_fitout_accepts() {
    let schema = Schema::of(FILE);
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x"),
        json!("Auto"),
        json!("1.34"),
        json!("10Mi"),
        json!("true"),
        json!("Override"),
        json!("2030-01-31"),
        json!([]),
        json!({}),
        json!(["x"]),
        json!({"x": "y"}),
        json!({"x": null}),
        json!([1]),
        json!([null]),
    ];
    let mut known = HashSet::new();
    let (mut accepted, mut refused) = (0, 0);
    for (path, text) in configs() {
        if refusal(&text).is_some() {
            continue;
        }
        let Some(config) = as_json(&text) else {
            continue;
        };
        let is_whole = refusal(&without_environments(&config)).is_none();
        let mut pointers = Vec::new();
        pointers_of(&config, String::new(), &mut pointers);
        for pointer in pointers {
            let shape: Vec<_> = pointer
                .split('/')
                .filter(|it| it.parse::<u32>().is_err())
                .collect();
            if !known.insert(shape.join("/")) {
                continue;
            }
            for other in &others {
                let mut changed = config.clone();
                *changed.pointer_mut(&pointer).unwrap() = other.clone();
                let is_refused = refusal(&changed.to_string()).is_some()
                    || is_whole && refusal(&without_environments(&changed)).is_some();
                let fault = schema.fault(&changed);
                if let (false, Some(fault)) = (is_refused, &fault) {
                    panic!("{}: {pointer} as {other}: {fault}", path.display());
                }
                if is_refused {
                    refused += 1;
                    accepted += usize::from(fault.is_none());
                }
            }
        }
    }
    assert!(known.len() > 200, "{} fields", known.len());
    // Most of what fitout refuses, an editor shows.
    assert!(
        accepted * 4 < refused,
        "{accepted} of {refused} are not refused"
    );
}

fn pointers_of(value: &Value, at: String, found: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                pointers_of(value, format!("{at}/{}", escaped(key)), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                pointers_of(value, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        found.push(at);
    }
}

fn config(spec: &str) -> String {
    format!("apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec: {spec}\n")
}

#[test]
fn it_refuses_what_is_wrong_in_any_config() {
    let schema = Schema::of(FILE);
    let wrong = [
        "{}",
        "",
        "{environment: x, resuorces: {}}",
        "{environment: 1}",
        "{environment: x, kubernetesVersion: 1.34}",
        "{environment: x, mode: ensure}",
        "{environment: x, strict: maybe}",
        "{environment: x, resources: {containers: {requests: {memori: 1Gi}}}}",
        "{environment: x, resources: {containers: {requests: [1Gi]}}}",
        "{environment: x, resources: {cpuLimits: Delete}}",
        "{environment: x, resources: {modes: {request: Off}}}",
        "{environment: x, resources: {modes: {requests: Of}}}",
        "{environment: x, securityContext: {profile: Restricted}}",
        "{environment: x, securityContext: {pod: {runAsuser: 1}}}",
        "{environment: x, securityContext: {pod: {runAsUser: \"1\"}}}",
        "{environment: x, securityContext: {container: {seccompProfile: {type: Default}}}}",
        "{environment: x, securityContext: {container: {capabilities: {drop: ALL}}}}",
        "{environment: x, securityContext: {writablePaths: [{sizeLimit: 1Gi}]}}",
        "{environment: x, prometheus: {scrape: yes please}}",
        "{environment: x, prometheus: {placement: Node}}",
        "{environment: x, storage: {size: [1Gi]}}",
        "{environment: x, storage: {retention: {whenDeleted: Keep}}}",
        "{environment: x, profiles: {web: {}}}",
        "{environment: x, profiles: [{name: web}]}",
        "{environment: x, profiles: [{select: {}}]}",
        "{environment: x, profiles: [{name: web, select: {knd: Deployment}}]}",
        "{environment: x, profiles: [{name: web, select: {containers: {types: [init]}}}]}",
        "{environment: x, exemptions: [{select: {}, rules: [FIT-RES001]}]}",
        "{environment: x, checks: {disable: [FIT-RES999]}}",
        "{environment: x, checks: {severity: {FIT-RES001: Fatal}}}",
        "{environment: x, checks: {failOn: Errors}}",
        "{environment: x, podSpecs: [{group: a, kind: B}]}",
        "{environment: x, catalogue: [{tag: a}]}",
        "{environments: {Prod_: {}}}",
        "{environments: {a: {environments: {}}}}",
        "{environments: {a: {resource: {}}}}",
        "{environments: {a: {profiles: [{selec: {}}]}}}",
    ];
    for spec in wrong {
        let text = config(spec);
        assert!(refusal(&text).is_some(), "fitout accepts {spec}");
        assert!(
            schema.fault(&as_json(&text).unwrap()).is_some(),
            "not refused: {spec}"
        );
    }
    for document in [
        "{apiVersion: v1, kind: Fitout, spec: {environment: x}}",
        "{apiVersion: fitout.dev/v1alpha1, kind: Fitouts, spec: {environment: x}}",
        "{apiVersion: fitout.dev/v1alpha1, kind: Fitout, environment: x}",
        "{apiVersion: v2, kind: ConfigMap, data: {environment: x}}",
    ] {
        assert!(refusal(document).is_some(), "fitout accepts {document}");
        assert!(
            schema.fault(&as_json(document).unwrap()).is_some(),
            "not refused: {document}"
        );
    }
}

/// What fitout refuses and the schema cannot, by cause. docs/editor.md lists them.
#[test]
fn what_it_cannot_refuse() {
    let schema = Schema::of(FILE);
    let cases = [
        // Texts with their own syntax: quantities, factors, versions, dates, patterns and label selectors.
        "{environment: x, resources: {containers: {limits: {memory: 1 GB}}}}",
        "{environment: x, resources: {scale: {cpu: twice}}}",
        "{environment: x, kubernetesVersion: v1.34}",
        "{environment: x, today: tomorrow}",
        "{environment: x, profiles: [{name: web, select: {name: \"web(\"}}]}",
        "{environment: x, profiles: [{name: web, select: {labelSelector: \"a in b\"}}]}",
        // Two values that contradict each other.
        "{environment: x, resources: {containers: {requests: {cpu: 2}, limits: {cpu: 1}}}}",
        "{environment: x, resources: {min: {cpu: 2}, max: {cpu: 1}}}",
        // Names that must be unique or exist elsewhere in the config.
        "{environment: x, profiles: [{name: web, select: {}}, {name: web, select: {}}]}",
        "{environment: y, environments: {x: {}}}",
        // Settings of objects in a profile that selects containers.
        "{environment: x, profiles: [{name: web, select: {containers: {names: [a]}}, resources: {podLevel: {}}}]}",
        // A mode that the field cannot have, and reasons that say nothing.
        "{environment: x, securityContext: {modes: {runAsUser: Bound}}}",
        "{environment: x, exemptions: [{select: {}, rules: [FIT-RES001], reason: short}]}",
    ];
    for spec in cases {
        let text = config(spec);
        assert!(refusal(&text).is_some(), "fitout accepts {spec}");
        let fault = schema.fault(&as_json(&text).unwrap());
        assert_eq!(
            fault, None,
            "{spec}: refused, so it does not belong in this list"
        );
    }
}

#[test]
fn booleans_and_numbers_of_yaml_1_1_are_accepted() {
    let schema = Schema::of(FILE);
    for spec in [
        "{environment: x, strict: yes}",
        "{environment: x, strict: Off}",
        "{environment: x, securityContext: {pod: {runAsUser: 0x3E8}}}",
        "{environment: x, securityContext: {pod: {runAsUser: 1_000}}}",
    ] {
        let text = config(spec);
        assert_eq!(refusal(&text), None, "{spec}");
        assert_eq!(schema.fault(&as_json(&text).unwrap()), None, "{spec}");
    }
}

#[test]
fn every_field_has_a_text_for_editors() {
    let text = std::fs::read_to_string(root().join(FILE)).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut fields = 0;
    for (name, of) in schema["definitions"].as_object().unwrap() {
        for (field, value) in of["properties"].as_object().into_iter().flatten() {
            // The keys of maps, and the paths of modes, are explained above them.
            let is_key = ["Amounts", "ResizePolicy"].contains(&name.as_str()) && field == "cpu";
            assert!(value["description"].is_string() || is_key, "{name}.{field}");
            fields += 1;
        }
    }
    assert!(fields > 100, "{fields}");
}

#[test]
fn the_command_prints_the_published_file() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        // The program has the file as it was when it was built.
        return;
    }
    let run = Folder::with(&[]).run(&["schema"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let published = std::fs::read_to_string(root().join(FILE)).unwrap();
    let [printed, published] =
        [&run.stdout, &published].map(|it| serde_json::from_str::<Value>(it).unwrap());
    assert!(
        printed == published,
        "`fitout schema` prints another schema than {FILE}: run `make golden`, and build fitout again"
    );
}

#[test]
fn configs_name_their_schema_for_editors() {
    let mut named = 0;
    for (path, text) in configs() {
        let path = path.strip_prefix(root()).unwrap();
        if path.starts_with("tests") || path.starts_with("overlays") {
            continue;
        }
        // What is printed for another folder cannot know the path of the schema.
        if text.starts_with("# Printed from") {
            assert!(!text.contains(MODELINE), "{}", path.display());
            continue;
        }
        let line = text.lines().find_map(|it| it.strip_prefix(MODELINE));
        let line = line.unwrap_or_else(|| panic!("{} has no `{MODELINE}…`", path.display()));
        let file = root().join(path).parent().unwrap().join(line);
        assert!(file.is_file(), "{}: {line}", path.display());
        assert!(
            file.ends_with(Path::new(FILE).file_name().unwrap()),
            "{line}"
        );
        named += 1;
    }
    assert!(named > 1, "{named}");
}

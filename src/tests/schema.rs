//! `schema/fitout.schema.json`, the JSON Schema of configs, is made from the types that decode them, and is current.
//!
//! An editor shows it while the config is written, so it must not refuse what fitout accepts. What it cannot refuse is in
//! `tests/schema.rs`.

#![allow(clippy::unwrap_used, clippy::panic)]

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::config::{API_VERSION, KIND};
use crate::transformers::resources::FITTED;
use crate::{VOCABULARY, config, transformers};

/// The fields of Kubernetes' types, which sections contain.
const TYPES: &str = include_str!("../kubernetes/schema/kubernetes.txt");

#[test]
fn the_schema_of_configs_is_current() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/fitout.schema.json");
    let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == schema,
        "schema/fitout.schema.json is not what the code says; run `make golden` and read the diff"
    );
}

fn schema() -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft07());
    let [spec, profile] = config::schemas(&mut generator).map(schemars::Schema::to_value);
    let sections = transformers::schemas(&mut generator);
    let _ = generator.subschema_for::<crate::finding::Mode>();
    let mut types: Map<String, Value> = generator.take_definitions(true);
    types.remove("Exclusions");
    let mut fields = Map::new();
    for (row, section) in VOCABULARY.sections.iter().zip(sections) {
        let mut section = section.to_value();
        let paths = row.mode_paths.iter();
        let (others, paths): (Vec<&str>, Vec<&str>) = paths.partition(|it| it.ends_with(".*"));
        let mode = json!({"$ref": "#/definitions/Mode"});
        let known: Map<_, _> = paths
            .iter()
            .map(|it| ((*it).into(), mode.clone()))
            .collect();
        let mut modes = json!({"type": "object", "description": "Modes of single fields. The longest path takes precedence.",
            "properties": known, "additionalProperties": {"type": "null"}});
        if !others.is_empty() {
            let pattern = |it: &&str| {
                (
                    format!("^{}.", it.trim_end_matches('*').replace('.', "\\.")),
                    mode.clone(),
                )
            };
            modes["patternProperties"] = others.iter().map(pattern).collect::<Map<_, _>>().into();
        }
        section["properties"]["mode"] =
            json!({"description": "The mode of the section's fields.", "allOf": [mode]});
        section["properties"]["modes"] = modes;
        let name = row.name[..1].to_uppercase() + &row.name[1..];
        let field = json!({"$ref": format!("#/definitions/{name}")});
        fields.insert(
            row.name.to_owned(),
            json!({"description": section["description"], "allOf": [field]}),
        );
        types.insert(name, section);
    }
    let resources = &mut types["Resources"]["properties"];
    for name in ["scale", "min", "max", "limitRequestRatio"] {
        name_keys(&mut resources[name], &FITTED);
    }
    for name in ["requests", "limits"] {
        name_keys(&mut types["Amounts"]["properties"][name], &FITTED);
    }
    let rules: Vec<&str> = VOCABULARY.rules().map(|rule| rule.id).collect();
    let checks = &mut types["Checks"]["properties"];
    name_keys(&mut checks["severity"], &rules);
    for rule in VOCABULARY.rules() {
        let severity = checks["severity"]["properties"][rule.id].take();
        checks["severity"]["properties"][rule.id] =
            json!({"description": rule.meaning, "allOf": [severity]});
    }
    checks["disable"]["items"] = json!({"enum": rules});
    for (field, name) in [
        ("pod", "PodSecurityContext"),
        ("container", "SecurityContext"),
    ] {
        add_type(name, &mut types);
        let field = &mut types["SecurityContext"]["properties"][field];
        *field = json!({"description": field["description"], "allOf": [{"$ref": format!("#/definitions/core.{name}")}]});
    }

    // An environment's part of a profile adds to the profile of that name, which has the selector.
    let with_sections = |mut schema: Value| {
        schema["properties"]
            .as_object_mut()
            .unwrap()
            .extend(fields.clone());
        schema
    };
    let profile = with_sections(profile);
    let mut part = profile.clone();
    part["required"] = json!(["name"]);
    let list =
        |name: &str| json!({"type": "array", "items": {"$ref": format!("#/definitions/{name}")}});
    let profiles = |mut schema: Value, name: &str| {
        let description = schema["properties"]["profiles"]["description"].take();
        schema["properties"]["profiles"] = list(name);
        schema["properties"]["profiles"]["description"] = description;
        schema
    };
    let mut spec = profiles(with_sections(spec), "Profile");
    let mut environment = profiles(spec.clone(), "ProfileOfEnvironment");
    let own = environment["properties"].as_object_mut().unwrap();
    own.retain(|name, _| !["environment", "environments"].contains(&name.as_str()));
    environment["description"] =
        "A part of a `spec` that is merged over it in this environment.".into();
    let environments = &mut spec["properties"]["environments"];
    environments["additionalProperties"] = json!({"$ref": "#/definitions/Environment"});
    environments["propertyNames"] =
        json!({"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63});
    spec["anyOf"] = json!([{"required": ["environment"]}, {"required": ["environments"]}]);
    for (name, schema) in [
        ("Spec", spec),
        ("Environment", environment),
        ("Profile", profile),
        ("ProfileOfEnvironment", part),
    ] {
        types.insert(name.to_owned(), schema);
    }
    types.sort_keys();
    for (name, schema) in &mut types {
        finish(schema);
        // Without a `spec` there is no config.
        if name != "Spec" {
            allow_null(schema);
        }
    }
    let own = json!({
        "type": "object",
        "required": ["apiVersion", "kind", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": KIND},
            "metadata": {"description": "`name` names the config in messages."},
            "spec": {"$ref": "#/definitions/Spec"},
            "status": {"description": "Not read."},
        },
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Config of fitout",
        "description": "A config of fitout: a Fitout, or a ConfigMap whose texts are not checked here.",
        "if": {"required": ["kind"], "properties": {"kind": {"const": "ConfigMap"}}},
        "then": {"required": ["apiVersion"], "properties": {"apiVersion": {"const": "v1"}}},
        "else": own,
        "definitions": types,
    })
}

/// Names the keys of a map, so that an editor can suggest them.
fn name_keys(map: &mut Value, keys: &[&str]) {
    let value = map["additionalProperties"].take();
    map["properties"] = keys
        .iter()
        .map(|key| ((*key).to_owned(), value.clone()))
        .collect::<Map<_, _>>()
        .into();
    // An unknown key without a value is the same as no key.
    map["additionalProperties"] = json!({"type": "null"});
}

/// Adds a type of Kubernetes and those of its fields.
fn add_type(name: &str, types: &mut Map<String, Value>) {
    let key = format!("core.{name}");
    if types.contains_key(&key) {
        return;
    }
    let head = format!("\ntype: core.v1.{name}\n");
    let (_, text) = TYPES.split_once(&head).unwrap();
    let text = text.split("\ntype: ").next().unwrap();
    let mut fields = Map::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (field, of) = (
            words.next().unwrap().trim_end_matches('!'),
            words.next().unwrap(),
        );
        let inner = of.trim_matches(['[', ']']);
        let mut schema = match inner {
            "string" => json!({"type": "string"}),
            "bool" => json!({"type": "boolean"}),
            "int64" => json!({"type": "integer"}),
            other => {
                let other = other.strip_prefix('.').unwrap();
                add_type(other, types);
                json!({"allOf": [{"$ref": format!("#/definitions/core.{other}")}]})
            }
        };
        if let Some(values) = words.find_map(|it| it.strip_prefix('=')) {
            schema["enum"] = json!(values.split('|').collect::<Vec<_>>());
        }
        if inner != of {
            schema = json!({"type": "array", "items": schema});
        }
        schema["description"] = format!("`{field}` of {name} in Kubernetes.").into();
        fields.insert(field.to_owned(), schema);
    }
    let description = format!("{name} of Kubernetes.");
    types.insert(
        key,
        json!({"type": "object", "description": description, "properties": fields}),
    );
}

/// Turns what schemars writes into what the decoder of configs accepts: no unknown fields, null for every field, and
/// booleans and numbers as YAML 1.1 has them, which editors read as strings.
fn finish(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    for name in ["default", "format", "title"] {
        // A field can have such a name, and is a schema then.
        if fields
            .get(name)
            .is_some_and(|it| name == "default" || !it.is_object())
        {
            fields.remove(name);
        }
    }
    if let Some(Value::String(text)) = fields.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|it| it.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
    if let Some(Value::Array(options)) = fields.get("anyOf")
        && let [only, null] = options.as_slice()
        && *null == json!({"type": "null"})
    {
        let only = json!([only]);
        fields.remove("anyOf");
        fields.insert("allOf".to_owned(), only);
    }
    if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
        fields.insert("additionalProperties".to_owned(), false.into());
    }
    let has = |fields: &Map<_, _>, name| match fields.get("type") {
        Some(Value::Array(types)) => types.contains(&json!(name)),
        one => one == Some(&json!(name)),
    };
    if !fields.contains_key("enum") && !has(fields, "string") {
        for (name, pattern) in [
            (
                "boolean",
                "^([yY]|[nN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|True|TRUE|False|FALSE)$",
            ),
            ("integer", "^[-+]?(0[xXbBoO]?[0-9a-fA-F_]+|[0-9]+_[0-9_]*)$"),
        ] {
            if has(fields, name) {
                fields.insert("type".to_owned(), json!([name, "string"]));
                fields.insert("pattern".to_owned(), pattern.into());
            }
        }
    }
    for name in ["properties", "patternProperties"] {
        for (_, field) in fields
            .get_mut(name)
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
        {
            finish(field);
            allow_null(field);
        }
    }
    if let Some(values) = fields.get_mut("additionalProperties") {
        finish(values);
        allow_null(values);
    }
    if let Some(items) = fields.get_mut("items") {
        finish(items);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        if let Some(Value::Array(options)) = fields.get_mut(name) {
            options.iter_mut().for_each(finish);
        }
    }
}

/// A null is the same as no value.
fn allow_null(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    match fields.get_mut("type") {
        Some(Value::Array(types)) if !types.contains(&json!("null")) => types.push("null".into()),
        Some(Value::String(one)) if one != "null" => {
            let one = std::mem::take(one);
            fields.insert("type".to_owned(), json!([one, "null"]));
        }
        _ => {}
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.push(Value::Null);
    }
    if let Some(Value::Array(options)) = fields.get_mut("oneOf") {
        options.push(json!({"type": "null"}));
    }
    // Of a map with `anyOf` only the fields are required.
}

//! Objects with one mistake each.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

/// The mistakes that people make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Mutation {
    /// The object as it is.
    None,
    Renamed,
    Type,
    Range,
    Doubled,
    Removed,
    Reference,
}

pub(super) const MUTATIONS: [Mutation; 6] = [
    Mutation::Renamed,
    Mutation::Type,
    Mutation::Range,
    Mutation::Doubled,
    Mutation::Removed,
    Mutation::Reference,
];

/// An object for both sides.
pub(super) struct Mutant {
    pub(super) mutation: Mutation,
    pub(super) kind: String,
    pub(super) api_version: String,
    pub(super) namespace: Option<String>,
    /// What was done, where.
    pub(super) what: String,
    pub(super) text: String,
}

/// A second key of the same name, which JSON in memory cannot have, is marked with this until it is text.
const SECOND: &str = "\u{1}";

/// Fields whose values name something else.
const REFERENCES: [&str; 22] = [
    "name", "key", "kind", "apiGroup", "claimName", "secretName", "serviceName",
    "serviceAccountName", "port", "targetPort", "ingressClassName", "storageClassName",
    "policyName", "topologyKey", "container", "resource", "fieldPath", "path", "namespace",
    "handler", "driver", "type",
];

/// The maps whose labels select or are selected.
const LABELS: [&str; 5] = ["labels", "matchLabels", "selector", "nodeSelector", "hard"];

impl Mutant {
    pub(super) fn of(object: &Value, mutation: Mutation, what: String) -> Mutant {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespace = object["metadata"]["namespace"].as_str();
        Mutant {
            mutation,
            kind: text(&object["kind"]),
            api_version: text(&object["apiVersion"]),
            namespace: namespace.filter(|it| !it.is_empty()).map(str::to_owned),
            what,
            text: object.to_string().replace("\\u0001", ""),
        }
    }
}

/// `count` mutants of each mutation, as many as possible of each kind. What is chosen of an object does not depend on the others.
pub(super) fn of_seeds(seeds: &[Value], count: usize) -> Vec<Mutant> {
    let mut chosen = Vec::new();
    for mutation in MUTATIONS {
        let mut of_kinds: BTreeMap<String, Vec<(u64, Mutant)>> = BTreeMap::new();
        for seed in seeds {
            for mutant in all(seed, mutation) {
                of_kinds
                    .entry(mutant.kind.clone())
                    .or_default()
                    .push((rank(&mutant.text), mutant));
            }
        }
        for mutants in of_kinds.values_mut() {
            mutants.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
            mutants.dedup_by(|a, b| a.1.text == b.1.text);
        }
        let mut left = count;
        while left > 0 && of_kinds.values().any(|it| !it.is_empty()) {
            for mutants in of_kinds.values_mut() {
                if let Some((_, mutant)) = mutants.pop().filter(|_| left > 0) {
                    chosen.push(mutant);
                    left -= 1;
                }
            }
        }
    }
    chosen
}

/// One mutant of an object; not of large ones, as all are made to choose one.
pub(super) fn one(seed: &Value) -> Option<Mutant> {
    let text = seed.to_string();
    if text.len() > 3000 {
        return None;
    }
    let mutation = MUTATIONS[rank(&text) as usize % MUTATIONS.len()];
    all(seed, mutation)
        .into_iter()
        .min_by_key(|it| rank(&it.text))
}

fn rank(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// All mutants of an object.
fn all(seed: &Value, mutation: Mutation) -> Vec<Mutant> {
    let mut pointers = Vec::new();
    collect(seed, String::new(), &mut pointers);
    let mut made = Vec::new();
    for pointer in pointers {
        let (parent, token) = pointer.rsplit_once('/').unwrap();
        let token = token.replace("~1", "/").replace("~0", "~");
        let value = seed.pointer(&pointer).unwrap();
        let mut add = |how: &str, change: &dyn Fn(&mut Value)| {
            let mut object = seed.clone();
            change(object.pointer_mut(parent).unwrap());
            if object != *seed {
                made.push(Mutant::of(&object, mutation, format!("{pointer}: {how}")));
            }
        };
        let is_field = seed.pointer(parent).unwrap().is_object();
        let mut set = |new: Value| {
            add(
                &format!("set to {}", shown(&new)),
                &|parent: &mut Value| match parent {
                    Value::Array(items) => items[token.parse::<usize>().unwrap()] = new.clone(),
                    parent => parent[&*token] = new.clone(),
                },
            );
        };
        match (mutation, value) {
            (Mutation::Renamed, _) if is_field => {
                for new in misspelt(&token) {
                    add(&format!("renamed to {new}"), &|parent| {
                        rename(parent, &token, &new)
                    });
                }
            }
            (Mutation::Type, _) => of_other_types(value).into_iter().for_each(set),
            (Mutation::Range, Value::Number(number)) => {
                let number = number.as_i64().unwrap_or(1);
                for new in [-1, 0, 101, 65_536, 2_147_483_647, number * 1000] {
                    set(json!(new));
                }
            }
            (Mutation::Range, Value::String(text)) => {
                let long = "a".repeat(300);
                for new in [
                    "", "Bad_Value!", "-a", "-1", "0.0001", "1.2.3.4.5", "a/b/c", &long,
                ] {
                    set(json!(new));
                }
                set(json!(format!("{text}x")));
                set(json!(text.to_uppercase()));
            }
            (Mutation::Doubled, Value::Object(_)) if !is_field => {
                add("doubled", &|parent| push(parent, value.clone()));
                let mut less = value.clone();
                let fields = less.as_object_mut().unwrap();
                if fields.len() > 1 {
                    let last = fields.keys().next_back().unwrap().clone();
                    fields.shift_remove(&last);
                    add("doubled with fewer fields", &|parent| {
                        push(parent, less.clone())
                    });
                }
            }
            (Mutation::Doubled, _) if !is_field => {
                add("doubled", &|parent| push(parent, value.clone()));
            }
            (Mutation::Doubled, _) => add("key doubled", &|parent| {
                parent[format!("{SECOND}{token}")] = value.clone();
            }),
            (Mutation::Removed, _) if is_field => {
                let empty = match value {
                    Value::Object(_) => json!({}),
                    Value::Array(_) => json!([]),
                    Value::String(_) => json!(""),
                    _ => json!(0),
                };
                if !value.is_boolean() {
                    set(empty);
                }
                set(Value::Null);
                add("removed", &|parent| {
                    parent.as_object_mut().unwrap().shift_remove(&token);
                });
            }
            (Mutation::Reference, Value::String(text)) => {
                let above = parent.rsplit('/').next().unwrap();
                if REFERENCES.contains(&&*token) || LABELS.contains(&above) {
                    for new in [
                        "nowhere",
                        "",
                        "No Where",
                        &format!("{text}-2"),
                        &format!("{text}/x"),
                    ] {
                        set(json!(new));
                    }
                    add("cut", &|parent| {
                        parent.as_object_mut().unwrap().shift_remove(&token);
                    });
                }
            }
            _ => {}
        }
    }
    made
}

/// The pointers of all fields and items but those that say which kind it is.
fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    if matches!(&*pointer, "/apiVersion" | "/kind" | "/status") {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{pointer}/{key}"), pointers);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/{index}"), pointers);
            }
        }
        _ => {}
    }
    if !pointer.is_empty() {
        pointers.push(pointer);
    }
}

fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    if text.chars().count() > 40 {
        text = format!("{}…", text.chars().take(40).collect::<String>());
    }
    text
}

fn misspelt(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let middle = letters.len() / 2;
    let mut less = letters.clone();
    less.remove(middle.min(letters.len().saturating_sub(1)));
    let mut other_case = letters.clone();
    other_case[0] = match letters[0].is_uppercase() {
        true => letters[0].to_ascii_lowercase(),
        false => letters[0].to_ascii_uppercase(),
    };
    let text = |letters: Vec<char>| letters.into_iter().collect();
    vec![text(less), text(other_case), format!("{name}s")]
}

fn rename(parent: &mut Value, from: &str, to: &str) {
    let fields = parent.as_object_mut().unwrap();
    if fields.contains_key(to) || to.is_empty() {
        return;
    }
    let renamed = std::mem::take(fields).into_iter();
    *fields = renamed
        .map(|(key, value)| (if key == from { to.to_owned() } else { key }, value))
        .collect();
}

fn push(list: &mut Value, item: Value) {
    list.as_array_mut().unwrap().push(item);
}

fn of_other_types(value: &Value) -> Vec<Value> {
    let mut others = vec![
        json!(7),
        json!(true),
        json!(1.5),
        json!([value]),
        json!({"a": value}),
    ];
    match value {
        Value::String(_) => others.push(json!({})),
        Value::Object(_) => others.extend([json!("text"), json!([])]),
        Value::Array(_) => others.extend([json!("text"), json!({}), value[0].clone()]),
        other => others.extend([json!("text"), json!(other.to_string())]),
    }
    others.retain(|it| {
        let is_number = it.is_number() && value.is_number() && it != &json!(1.5);
        !is_number && it.is_boolean() != value.is_boolean() || it.is_array()
    });
    others
}

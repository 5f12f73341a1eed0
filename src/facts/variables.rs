//! The values of environment variables that the input shows.

use super::View;
use crate::objects::Objects;
use crate::read::Resource;

/// A variable of a container.
#[derive(Debug)]
pub enum Variable {
    /// Nothing sets it.
    Unset,
    /// Something sets it, or may set it, that is not in the input.
    Unknown,
    /// Its value.
    Known(String),
}

impl Variable {
    fn of(value: &str) -> Variable {
        match value.contains("$(") {
            true => Variable::Unknown,
            false => Variable::Known(value.to_owned()),
        }
    }
}

/// A variable of a container of an object: of its `env`, else of the last object in its `envFrom` that has it.
pub fn variable(
    objects: &Objects<'_>,
    of: &Resource<'_>,
    container: View<'_>,
    name: &str,
) -> Variable {
    let env = container.items_at(["env"]);
    if let Some(own) = env
        .filter(|it| it.text_at(["name"]).as_deref() == Some(name))
        .last()
    {
        let from = own.at(["valueFrom", "configMapKeyRef"]);
        return match (own.text_at(["value"]), own.get("valueFrom"), from) {
            (Some(value), _, _) => Variable::of(&value),
            (None, None, _) => Variable::Known(String::new()),
            (None, Some(_), Some(from)) => {
                let key = from.text_at(["key"]).unwrap_or_default();
                match entry_of(objects, of, "ConfigMap", from, &key) {
                    Variable::Unset => Variable::Unknown,
                    found => found,
                }
            }
            (None, Some(_), None) => Variable::Unknown,
        };
    }
    let mut found = Variable::Unset;
    for source in container.items_at(["envFrom"]) {
        let prefix = source.text_at(["prefix"]).unwrap_or_default();
        let Some(key) = name.strip_prefix(&*prefix) else {
            continue;
        };
        for (field, kind) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
            if let Some(from) = source.get(field) {
                match entry_of(objects, of, kind, from, key) {
                    Variable::Unset => {}
                    set => found = set,
                }
            }
        }
    }
    found
}

/// An entry of the ConfigMap or Secret that a reference names.
fn entry_of(
    objects: &Objects<'_>,
    of: &Resource<'_>,
    kind: &str,
    from: View<'_>,
    key: &str,
) -> Variable {
    let name = from.text_at(["name"]).unwrap_or_default();
    let found = objects.referred(of, (kind, &name), of.namespace.as_deref(), |_| true);
    // Of several, the input does not show which applies.
    let [(_, object)] = found.as_slice() else {
        return Variable::Unknown;
    };
    // `stringData` takes the place of `data`, which is encoded.
    let plain = if kind == "Secret" {
        "stringData"
    } else {
        "data"
    };
    let entry = |of: &str| object.node.at([of, key]);
    match entry(plain).and_then(|it| it.text()) {
        Some(value) => Variable::Known(value.into_owned()),
        None if entry("data").is_some() => Variable::Unknown,
        None => Variable::Unset,
    }
}

//! A complete KRM function: sets one label on every item. The functionConfig is a ConfigMap with `data.name` and
//! `data.value`.
//!
//! ```text
//! kpt fn eval PACKAGE --exec target/debug/examples/set_label -- name=team value=shop
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use kustomize_krm_types::{Field, ResourceList, Result as KrmResult, Severity};
use serde_json::Value;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut list: ResourceList = serde_yaml::from_reader(io::stdin())?;
    set_labels(&mut list);
    io::stdout().write_all(serde_yaml::to_string(&list)?.as_bytes())?;
    Ok(ExitCode::from(u8::from(list.has_errors())))
}

/// Sets the label, with a result for each change. Without a config it changes nothing and reports an error.
pub(crate) fn set_labels(list: &mut ResourceList) {
    let argument = |name: &str| {
        let argument = &list.function_config.as_ref()?["data"][name];
        argument.as_str().map(str::to_owned)
    };
    let (Some(name), Some(value)) = (argument("name"), argument("value")) else {
        let message = "data.name and data.value are required in the functionConfig";
        list.results.push(KrmResult::new(Severity::Error, message));
        return;
    };
    for item in &mut list.items {
        // Hosts also send documents that are not resources, such as a kustomization.yaml. They are returned unchanged.
        let Some(Value::Object(metadata)) = item.get_mut("metadata") else {
            continue;
        };
        let labels = metadata.entry("labels").or_insert(Value::Null);
        let current = labels[&name].take();
        labels[&name] = Value::from(value.as_str());
        if current != labels[&name] {
            list.results.push(KrmResult {
                field: Some(Field {
                    path: format!("metadata.labels[\"{name}\"]"),
                    current_value: (!current.is_null()).then_some(current),
                    proposed_value: Some(Value::from(value.as_str())),
                }),
                ..KrmResult::new(Severity::Info, format!("label {name} set to {value}")).about(item)
            });
        }
    }
}

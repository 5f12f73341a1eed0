//! The objects that would be applied, with their pod templates and claims.

use fitout::objects::{ClaimKind, Target};
use fitout::read::Resource;
use fitout::text::word;
use fitout::yaml::unescaped;
use serde_json::{Value, json};

/// The objects that would be applied.
pub(super) struct Render {
    pub(super) objects: Vec<Object>,
}

/// An object of the render.
pub(super) struct Object {
    pub(super) value: Value,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// `None` for cluster-scoped objects, once the cluster was asked.
    pub(super) namespace: Option<String>,
    /// JSON pointer to the pod template; empty for a Pod.
    pub(super) template: Option<String>,
    pub(super) claims: Vec<Claim>,
}

/// A claim: the object itself, or a part of it.
pub(super) struct Claim {
    pub(super) name: String,
    /// JSON pointer to the mapping that has a `spec`.
    pub(super) path: String,
    /// Whether it is in `volumeClaimTemplates`, so that pods mount it as a volume of that name.
    pub(super) is_template: bool,
}

impl Render {
    pub(super) fn of(resources: &[Resource<'_>]) -> anyhow::Result<Render> {
        let objects: anyhow::Result<Vec<Object>> = resources.iter().map(Object::of).collect();
        Ok(Render { objects: objects? })
    }

    /// The objects of one kind.
    pub(super) fn of_kind(&self, group: &str, kind: &str) -> impl Iterator<Item = &Object> {
        self.objects
            .iter()
            .filter(move |object| object.group() == group && object.kind == kind)
    }
}

impl Object {
    fn of(resource: &Resource<'_>) -> anyhow::Result<Object> {
        let target = Target::of(resource, &[], &[])?;
        let claims = target.claims.iter().map(|claim| Claim {
            name: claim.name.to_string(),
            path: claim.subject.path.to_string(),
            is_template: claim.kind == ClaimKind::Template,
        });
        Ok(Object {
            value: serde_json::to_value(resource.node.value()?)?,
            api_version: resource.api_version.to_string(),
            kind: resource.kind.to_string(),
            name: resource.name.to_string(),
            namespace: resource.namespace.as_deref().map(str::to_owned),
            template: target.templates.first().map(|it| it.path.to_string()),
            claims: claims.collect(),
        })
    }

    pub(super) fn group(&self) -> &str {
        group(&self.api_version)
    }

    /// Kind, namespace and name, which are unique in a cluster.
    pub(super) fn title(&self) -> String {
        title(&self.kind, self.namespace.as_deref(), &self.name)
    }

    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.value.pointer(pointer).unwrap_or(&Value::Null)
    }
}

pub(super) fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

pub(super) fn title(kind: &str, namespace: Option<&str>, name: &str) -> String {
    let namespace = namespace.map_or(String::new(), |namespace| format!("{}/", word(namespace)));
    format!("{} {namespace}{}", word(kind), word(name))
}

/// A `v1` List of objects.
pub(super) fn list<'v>(items: impl Iterator<Item = &'v Value>) -> String {
    let items: Vec<&Value> = items.collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// The string in a value, or an empty one.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A JSON pointer with dots and brackets: `spec.volumeClaimTemplates[0].spec`.
pub(super) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        if token.parse::<usize>().is_ok() {
            path = format!("{path}[{token}]");
        } else {
            let dot = if path.is_empty() { "" } else { "." };
            path = format!("{path}{dot}{}", unescaped(token));
        }
    }
    path
}

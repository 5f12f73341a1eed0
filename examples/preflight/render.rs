//! The render as objects, with what is asked about them: found by the code that fits them out.

use anyhow::{Context as _, bail};
use fitout::objects::{ClaimKind, Target};
use fitout::read::{Origin, Resource};
use fitout::yaml::Stream;
use serde_json::Value;

/// Everything that would be applied.
pub(crate) struct Render {
    pub(crate) objects: Vec<Object>,
}

/// One object of it.
pub(crate) struct Object {
    pub(crate) value: Value,
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Nothing for objects of the whole cluster, once the cluster was asked.
    pub(crate) namespace: Option<String>,
    /// JSON pointer to the pod template; empty for a Pod, which is one.
    pub(crate) template: Option<String>,
    pub(crate) claims: Vec<Claim>,
}

/// A claim of the object, or in it.
pub(crate) struct Claim {
    pub(crate) name: String,
    /// JSON pointer to the mapping that has a `spec`.
    pub(crate) path: String,
    /// Whether it is an entry of `volumeClaimTemplates`, which the pods mount as a volume of that name.
    pub(crate) is_template: bool,
}

impl Render {
    pub(crate) fn of(text: &str) -> anyhow::Result<Render> {
        let stream = Stream::parse(text).context("the render is no YAML")?;
        let mut resources = Vec::new();
        for document in stream.documents().filter(|document| !document.is_empty()) {
            Resource::read(document.root(), 0, Origin::default(), &mut resources)?;
        }
        if resources.is_empty() {
            bail!("the render holds no object");
        }
        let objects: anyhow::Result<Vec<Object>> = resources.iter().map(Object::of).collect();
        Ok(Render { objects: objects? })
    }

    /// Those of one kind.
    pub(crate) fn of_kind(&self, group: &str, kind: &str) -> impl Iterator<Item = &Object> {
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

    pub(crate) fn group(&self) -> &str {
        group(&self.api_version)
    }

    /// Kind, namespace and name: what a person looks for, and what one object is in one cluster.
    pub(crate) fn title(&self) -> String {
        title(&self.kind, self.namespace.as_deref(), &self.name)
    }

    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.value.pointer(pointer).unwrap_or(&Value::Null)
    }
}

pub(crate) fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

pub(crate) fn title(kind: &str, namespace: Option<&str>, name: &str) -> String {
    let namespace = namespace.map_or(String::new(), |namespace| format!("{namespace}/"));
    format!("{kind} {namespace}{name}")
}

/// A JSON pointer as people write it: `spec.volumeClaimTemplates[0].spec`.
pub(crate) fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        if token.parse::<usize>().is_ok() {
            path = format!("{path}[{token}]");
        } else {
            let dot = if path.is_empty() { "" } else { "." };
            path = format!("{path}{dot}{}", token.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

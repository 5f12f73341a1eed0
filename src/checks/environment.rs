//! FIT-RES013 and FIT-RES015: environment variables that read a request or limit (`resourceFieldRef`).
//!
//! If the request is not set, the variable is 0; if the limit is not set, it is the allocatable amount of the node. If the
//! config changes the amount, the variable changes with it.
//!
//! Source: `defaultPodLimitsForDownwardAPI` in kubernetes `pkg/kubelet/kubelet_resources.go`.

use super::{Check, Find, Pod};
use crate::facts::{Declared, Half};
use crate::finding::Finding;
use crate::hashing::HashMap;
use crate::objects::Container;
use crate::rules::rules;
use crate::transformers::resources::FITTED;
use crate::yaml::Node;

rules! {
    RULES;
    ABSENT: "FIT-RES013" Warning Always "an environment variable that reads a request or limit that is not set";
    CHANGED: "FIT-RES015" Info Always "environment variables whose value changes with the resources";
}

pub(super) const CHECK: Check = Check {
    name: "environment",
    rules: RULES,
    find: &[Find::PodsAmong(find)],
};

/// An environment variable that reads an amount.
struct Variable {
    name: String,
    /// Its index in `env`.
    at: usize,
    half: Half,
    of: &'static str,
    /// The index of the container whose amount it reads.
    container: usize,
}

fn find(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let reads_amount = |it: Node<'_>| it.at(["valueFrom", "resourceFieldRef"]).is_some();
    let mut containers = pod.template.containers.iter();
    if !containers.any(|it| it.node.items_at(["env"]).any(reads_amount)) {
        return findings;
    }
    let Some(after) = pod.amounts() else {
        return findings;
    };
    let before = pod.completed(pod.before());
    let containers: Vec<(&Container<'_>, &Declared<'_>)> =
        after.by_container(pod.template).collect();
    let mut by_name: HashMap<&str, usize> = HashMap::default();
    for (index, (container, _)) in containers.iter().enumerate() {
        by_name.entry(&container.name).or_insert(index);
    }
    for (own, (container, _)) in containers.iter().enumerate() {
        let subject = &container.subject;
        let mut changed = Vec::new();
        for variable in variables(own, container, &by_name) {
            let Variable { name, half, of, .. } = &variable;
            let (_, declared) = containers[variable.container];
            let amount = |declared: &Declared<'_>| declared.half(*half).get(of);
            let was = before.containers.get(variable.container);
            if was.and_then(|(_, was)| amount(was)) != amount(declared) {
                changed.push(format!("{name} ({half}.{of})"));
            }
            let is_set = |it: &Declared<'_>| amount(it).is_some_and(|amount| !amount.is_zero());
            // A limit of the pod replaces that of a container, a request does not.
            if is_set(declared) || *half == Half::Limits && is_set(&after.pod) {
                continue;
            }
            let what = match half {
                Half::Limits => "gets the allocatable amount of the node",
                Half::Requests => "is 0",
            };
            let message = format!(
                "{}: {name} reads {half}.{of}, which is not set, so it {what}",
                subject.part
            );
            let at = variable.at.to_string();
            let finding = Finding::new(&ABSENT, message)
                .about(subject, &["env", &at, "valueFrom", "resourceFieldRef"])
                .help("set the amount, or write the value into the variable");
            findings.push(finding);
        }
        if !changed.is_empty() {
            let message = format!(
                "{}: the new resources change environment variables: {}",
                subject.part,
                changed.join(", ")
            );
            findings.push(Finding::new(&CHANGED, message).about(subject, &["env"]));
        }
    }
    findings
}

/// The variables of a container that read amounts, its own or another container's.
fn variables(
    own: usize,
    container: &Container<'_>,
    by_name: &HashMap<&str, usize>,
) -> Vec<Variable> {
    let env = container.node.items_at(["env"]).enumerate();
    let text = |node: Node<'_>, key: &str| Some(node.text_at([key])?.into_owned());
    let variable = |(at, variable): (usize, Node<'_>)| {
        let taken = variable.at(["valueFrom", "resourceFieldRef"])?;
        let amount = text(taken, "resource")?;
        let (half, name) = amount.split_once('.')?;
        let halves = Half::BOTH;
        let other = text(taken, "containerName").filter(|name| !name.is_empty());
        let container = match other {
            Some(other) => *by_name.get(other.as_str())?,
            None => own,
        };
        Some(Variable {
            name: text(variable, "name")?,
            at,
            half: halves.into_iter().find(|it| it.key() == half)?,
            of: FITTED.into_iter().find(|it| *it == name)?,
            container,
        })
    };
    env.filter_map(variable).collect()
}

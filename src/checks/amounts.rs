//! FIT-RES001 and FIT-RES003: containers that do not say what they need, or what they may use.
//!
//! Without requests the scheduler takes a pod for one that needs nothing, and the kubelet evicts it first. Without a limit
//! of memory one leak takes the node's. A limit of CPU is a matter of taste, because it slows programs down that could
//! have idle CPUs, so that its absence is only told as info.
//!
//! A limit without a request counts as both, as for the API server. So do amounts of the pod as a whole, and the defaults of
//! a LimitRange that is rendered in the namespace. Ephemeral containers may have none.
//!
//! Sources: `SetDefaults_Pod` in kubernetes `pkg/apis/core/v1/defaults.go`, `defaultContainerResourceRequirements` in
//! `plugin/pkg/admission/limitranger/admission.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::finding::Finding;
use crate::objects::{Container, ContainerType, Template, is_one_namespace};
use crate::read::Resource;
use crate::rules::{Rule, When};
use crate::yaml::Node;

const REQUEST: Rule = Rule {
    id: "FIT-RES001",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a container without a request of CPU or memory",
    peers: "kube-linter unset-cpu-requirements, unset-memory-requirements; Polaris cpuRequestsMissing, \
                    memoryRequestsMissing; kube-score container-resources; kubescape C-0268, C-0269",
};
const LIMIT: Rule = Rule {
    id: "FIT-RES003",
    severity: Severity::Warning,
    when: When::OnCheck,
    meaning: "a container without a limit of memory, or, as info, of CPU",
    peers: "kube-linter unset-memory-requirements; Polaris memoryLimitsMissing, cpuLimitsMissing; kube-score \
                    container-resources; kubescape C-0270, C-0271",
};

pub(super) const CHECK: Check = Check {
    name: "amounts",
    rules: &[REQUEST, LIMIT],
    find: Find::Objects(|scene| {
        let is_range = |it: &&Resource<'_>| it.kind == "LimitRange" && it.group().is_empty();
        let ranges: Vec<_> = scene.objects().resources.iter().filter(is_range).collect();
        let mut findings = Vec::new();
        for selected in &scene.selection.selected {
            for (template, container) in selected.each_container() {
                if container.container_type != ContainerType::Ephemeral {
                    let defaults = Defaults::of(selected.target.resource, template, &ranges);
                    let found = defaults.missing(template, container);
                    findings.extend(found.map(|it| it.of(selected.index)));
                }
            }
        }
        findings
    }),
};

/// Amounts that count for every container of some pods.
struct Defaults<'n> {
    requests: Vec<Node<'n>>,
    limits: Vec<Node<'n>>,
}

impl<'n> Defaults<'n> {
    fn of(
        resource: &Resource<'_>,
        template: &Template<'n>,
        ranges: &[&Resource<'n>],
    ) -> Defaults<'n> {
        let of_pod = |list| template.spec.at(["resources", list]);
        let mut defaults = Defaults {
            requests: of_pod("requests").into_iter().collect(),
            limits: of_pod("limits").into_iter().collect(),
        };
        let namespace = resource.namespace.as_deref();
        let here = ranges
            .iter()
            .filter(|it| is_one_namespace(namespace, it.namespace.as_deref()));
        for range in here {
            for item in range.node.items_at(["spec", "limits"]) {
                if item.text_at(["type"]).as_deref() == Some("Container") {
                    defaults.requests.extend(item.at(["defaultRequest"]));
                    defaults.limits.extend(item.at(["default"]));
                }
            }
        }
        defaults
    }

    fn missing(
        &self,
        _template: &Template<'_>,
        container: &Container<'_>,
    ) -> impl Iterator<Item = Finding> {
        let own = container.node.at(["resources"]);
        let has = |name| {
            let has = |list, others: &[Node<'_>]| {
                own.is_some_and(|own| own.at([list, name]).is_some())
                    || others.iter().any(|it| it.at([name]).is_some())
            };
            let has_limit = has("limits", &self.limits);
            (has_limit || has("requests", &self.requests), has_limit)
        };
        let (cpu, memory) = (has("cpu"), has("memory"));
        let missing = [
            (cpu.0, &REQUEST, Severity::Warning, ["requests", "cpu"]),
            (
                memory.0,
                &REQUEST,
                Severity::Warning,
                ["requests", "memory"],
            ),
            (memory.1, &LIMIT, Severity::Warning, ["limits", "memory"]),
            (cpu.1, &LIMIT, Severity::Info, ["limits", "cpu"]),
        ];
        let missing = missing.into_iter().filter(|(is_there, ..)| !is_there);
        missing.map(|(_, id, severity, [list, name])| {
            let subject = container.subject.clone();
            let message = format!("{}: resources.{list}.{name} is not set", subject.part);
            Finding::graded(id, severity, message)
                .about(&subject, &["resources", list, name])
                .leaf(format!("resources.{list}.{name}"))
                .help("set it in the manifest, or in `resources.containers` of the config")
        })
    }
}

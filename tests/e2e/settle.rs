//! Whether an applied render runs: everything that an operator would check, in one request to the cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::cluster::Cluster;
use super::render::{Render, list, name, title};

const KINDS: &str = "deployments,statefulsets,daemonsets,jobs,pods,poddisruptionbudgets,horizontalpodautoscalers,resourcequotas,persistentvolumeclaims,events,nodes";

/// The objects in the cluster that belong to one render.
pub(super) struct Seen {
    objects: Vec<Value>,
    zones: BTreeMap<String, String>,
}

impl Cluster {
    /// Waits until the render runs, and asserts its state.
    pub(super) fn settle(&self, render: &Render) -> Seen {
        let namespaces = self.namespaces(render);
        let seen = self.until(&format!("{} runs", render.system), || {
            let seen = Seen::of(self.items(KINDS), &namespaces);
            let missing = seen.missing(render);
            if missing.is_empty() {
                Ok(seen)
            } else {
                Err(missing.join("\n"))
            }
        });
        assert_eq!(
            seen.refusals(),
            [""; 0],
            "{}: pods were refused",
            render.system
        );
        seen
    }
}

impl Seen {
    fn of(mut objects: Vec<Value>, namespaces: &BTreeSet<String>) -> Seen {
        let nodes = objects.iter().filter(|it| it["kind"] == "Node");
        let zones = nodes
            .map(|it| {
                let zone = it["metadata"]["labels"]["topology.kubernetes.io/zone"].as_str();
                (name(it).to_owned(), zone.unwrap().to_owned())
            })
            .collect();
        objects.retain(|it| namespaces.contains(namespace(it)));
        Seen { objects, zones }
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |it| it["kind"] == kind)
    }

    /// The number of running pods, and of all pods.
    pub(super) fn pods(&self) -> (usize, usize) {
        let running = self.of_kind("Pod").filter(|it| is_up(it));
        (running.count(), self.of_kind("Pod").count())
    }

    /// The workloads that do not run yet.
    fn missing(&self, render: &Render) -> Vec<String> {
        let mut missing = Vec::new();
        for workload in render.workloads() {
            let title = title(workload, render.namespace_of(workload));
            let live = self
                .objects
                .iter()
                .find(|it| self::title(it, namespace(it)) == title);
            let Some(live) = live else {
                missing.push(format!("{title}: is not there"));
                continue;
            };
            if let Err(why) = self.runs(live) {
                missing.push(format!(
                    "{title}: {why}, its conditions are {}",
                    live["status"]["conditions"]
                ));
            }
        }
        for pod in self.of_kind("Pod").filter(|it| !is_up(it)) {
            missing.push(format!("{}: {}", title(pod, namespace(pod)), pod["status"]));
        }
        missing.extend(self.idle());
        for claim in render.claims() {
            let (in_namespace, name) = &claim.key;
            let live = self
                .of_kind("PersistentVolumeClaim")
                .find(|it| namespace(it) == in_namespace && self::name(it) == name);
            let is_bound = live.is_some_and(|it| {
                it["status"]["phase"] == "Bound" && it["spec"]["storageClassName"] == claim.class
            });
            if !is_bound {
                missing.push(format!(
                    "claim {name} is not bound with class {}: {live:?}",
                    claim.class
                ));
            }
        }
        missing
    }

    /// Whether a workload has all its pods, and at least the minimum of its autoscaler.
    fn runs(&self, live: &Value) -> Result<(), String> {
        let status = &live["status"];
        let wanted = match live["kind"].as_str().unwrap() {
            "DaemonSet" => return equal(status, "numberReady", &status["desiredNumberScheduled"]),
            "Job" => return equal(status, "succeeded", &live["spec"]["completions"]),
            _ => &live["spec"]["replicas"],
        };
        for field in [
            "replicas", "readyReplicas", "availableReplicas", "updatedReplicas",
        ] {
            equal(status, field, wanted)?;
        }
        equal(
            status,
            "observedGeneration",
            &live["metadata"]["generation"],
        )?;
        let scaler = self.of_kind("HorizontalPodAutoscaler").find(|it| {
            let target = &it["spec"]["scaleTargetRef"];
            namespace(it) == namespace(live)
                && target["kind"] == live["kind"]
                && target["name"] == live["metadata"]["name"]
        });
        let least = scaler.and_then(|it| it["spec"]["minReplicas"].as_u64());
        if wanted.as_u64() < least {
            return Err(format!("its autoscaler wants {least:?}, it has {wanted}"));
        }
        Ok(())
    }

    /// Budgets, autoscalers and quotas that apply to nothing.
    fn idle(&self) -> Vec<String> {
        let mut idle = Vec::new();
        for budget in self.of_kind("PodDisruptionBudget") {
            let status = &budget["status"];
            if !(is_positive(&status["expectedPods"]) && is_positive(&status["currentHealthy"])) {
                idle.push(format!(
                    "PodDisruptionBudget {} guards no pod: {status}",
                    name(budget)
                ));
            }
        }
        for scaler in self.of_kind("HorizontalPodAutoscaler") {
            let status = &scaler["status"];
            let is_able = list(&status["conditions"])
                .any(|it| it["type"] == "AbleToScale" && it["status"] == "True");
            if !(is_able && is_positive(&status["currentReplicas"])) {
                idle.push(format!(
                    "HorizontalPodAutoscaler {} scales nothing: {status}",
                    name(scaler)
                ));
            }
        }
        for quota in self.of_kind("ResourceQuota") {
            let used = &quota["status"]["used"];
            let is_of_pods =
                |key: &String| key == "pods" || key.ends_with(".cpu") || key.ends_with(".memory");
            let hard = quota["spec"]["hard"].as_object().unwrap();
            for key in hard.keys().filter(|key| is_of_pods(key)) {
                if used[key].as_str().is_none_or(|used| used == "0") {
                    idle.push(format!(
                        "ResourceQuota {} counts no {key}: {used}",
                        name(quota)
                    ));
                }
            }
        }
        idle
    }

    /// Pods that a controller could not create.
    fn refusals(&self) -> Vec<String> {
        let events = self
            .of_kind("Event")
            .filter(|it| it["reason"] == "FailedCreate");
        let said = events.map(|it| it["message"].as_str().unwrap_or_default().to_owned());
        // A quota of the same apply is only computed after the first pods are requested; the controller then retries.
        said.filter(|it| !it.contains("status unknown for quota"))
            .collect()
    }

    /// Asserts that workloads with three pods that must be spread over zones have them in three zones, and returns these.
    pub(super) fn spread<'a>(&self, render: &'a Render) -> Vec<&'a str> {
        let mut spread = Vec::new();
        for workload in render.workloads() {
            let template = &workload["spec"]["template"];
            let is_spread = list(&template["spec"]["topologySpreadConstraints"])
                .any(|it| it["topologyKey"] == "topology.kubernetes.io/zone");
            let of_workload = |pod: &&Value| {
                let labels = workload["spec"]["selector"]["matchLabels"].as_object();
                namespace(pod) == render.namespace_of(workload)
                    && labels
                        .into_iter()
                        .flatten()
                        .all(|(label, value)| pod["metadata"]["labels"][label] == *value)
            };
            let pods: Vec<&Value> = self.of_kind("Pod").filter(of_workload).collect();
            if is_spread && pods.len() >= 3 {
                let zones: BTreeSet<&str> = pods
                    .iter()
                    .map(|it| &*self.zones[it["spec"]["nodeName"].as_str().unwrap()])
                    .collect();
                assert_eq!(
                    zones.len(),
                    3,
                    "{} pods of {} are in {zones:?} only",
                    pods.len(),
                    name(workload)
                );
                spread.push(name(workload));
            }
        }
        spread
    }
}

fn equal(status: &Value, field: &str, wanted: &Value) -> Result<(), String> {
    if status[field].as_u64() == wanted.as_u64() && wanted.is_u64() {
        return Ok(());
    }
    Err(format!("status.{field} is {}, not {wanted}", status[field]))
}

fn is_positive(value: &Value) -> bool {
    value.as_u64().is_some_and(|value| value > 0)
}

/// Runs and is ready, or has done its work.
fn is_up(pod: &Value) -> bool {
    let status = &pod["status"];
    let is_ready =
        list(&status["conditions"]).any(|it| it["type"] == "Ready" && it["status"] == "True");
    let is_going = pod["metadata"]["deletionTimestamp"].is_string();
    status["phase"] == "Succeeded" || status["phase"] == "Running" && is_ready && !is_going
}

pub(super) fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

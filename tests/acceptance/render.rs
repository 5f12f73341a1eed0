//! A rendering, as the questions read it: objects, the pods of workloads, and the references between them.

use std::collections::BTreeMap;

use serde_json::Value;

/// Cluster-scoped kinds that a system may render.
const CLUSTER_WIDE: [&str; 10] = [
    "ClusterIssuer", "ClusterRole", "ClusterRoleBinding", "ClusterSecretStore",
    "CustomResourceDefinition", "IngressClass", "Namespace", "PersistentVolume", "PriorityClass",
    "StorageClass",
];

/// The characters of the suffix that kustomize's generators add to a name.
const HASH: &str = "bcdfghkmt2456789";

/// Labels of an object, a pod or a namespace.
pub(crate) type Labels = BTreeMap<String, String>;

/// All objects of one rendering.
pub(crate) struct Render {
    /// In the order of the rendering.
    pub(crate) objects: Vec<Value>,
}

/// A workload, with the place of its pod template.
#[derive(Clone, Copy)]
pub(crate) struct Workload<'a> {
    /// The whole object.
    pub(crate) object: &'a Value,
    /// Its pod template; of a Pod, the Pod.
    pub(crate) template: &'a Value,
}

/// A container and the pod that it is in.
#[derive(Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) workload: Workload<'a>,
    pub(crate) value: &'a Value,
}

impl Render {
    /// The objects in a stream of documents.
    pub(crate) fn of(text: &str) -> Render {
        let objects = crate::hosts::objects::objects([text]);
        Render {
            objects: objects.into_values().collect(),
        }
    }

    pub(crate) fn kind<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let kind = kind.to_owned();
        self.objects
            .iter()
            .filter(move |o| o["kind"] == kind.as_str())
    }

    /// An object by `Kind/name`; the name of a ConfigMap or Secret may carry a generator's suffix.
    pub(crate) fn get(&self, id: &str) -> Result<&Value, String> {
        let (kind, name) = id
            .split_once('/')
            .ok_or_else(|| format!("{id} is not Kind/name"))?;
        self.kind(kind)
            .find(|o| is_named(kind, text(&o["metadata"]["name"]), name))
            .ok_or_else(|| format!("there is no {id}"))
    }

    pub(crate) fn has(&self, kind: &str, name: &str) -> bool {
        self.get(&format!("{kind}/{name}")).is_ok()
    }

    pub(crate) fn namespaced(&self) -> impl Iterator<Item = &Value> {
        self.objects
            .iter()
            .filter(|o| !CLUSTER_WIDE.contains(&text(&o["kind"])))
    }

    /// The common prefix of all names that kustomize prefixes, up to a dash; `None` if there is no such name.
    pub(crate) fn prefix(&self) -> Option<&str> {
        let kept = ["CustomResourceDefinition", "Namespace"];
        let renamed = self
            .objects
            .iter()
            .filter(|o| !kept.contains(&text(&o["kind"])));
        let mut names = renamed.map(|o| text(&o["metadata"]["name"]));
        let first = names.next()?;
        let length = names.fold(first.len(), |length, name| {
            let same = first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b);
            length.min(same.count())
        });
        let end = first[..length].rfind('-').map_or(0, |dash| dash + 1);
        Some(&first[..end])
    }

    pub(crate) fn workloads(&self) -> impl Iterator<Item = Workload<'_>> {
        self.objects.iter().filter_map(Workload::of)
    }

    /// Workloads that keep running: all except Jobs and CronJobs.
    pub(crate) fn long_running(&self) -> impl Iterator<Item = Workload<'_>> {
        self.workloads()
            .filter(|w| !["Job", "CronJob"].contains(&w.kind()))
    }

    pub(crate) fn workload(&self, id: &str) -> Result<Workload<'_>, String> {
        Workload::of(self.get(id)?).ok_or_else(|| format!("{id} is not a workload"))
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = Container<'_>> {
        self.workloads().flat_map(Workload::containers)
    }

    /// The labels of the rendered namespace, with those that the API server adds.
    pub(crate) fn namespace_labels(&self) -> Labels {
        let Some(namespace) = self.kind("Namespace").next() else {
            return Labels::new();
        };
        let mut labels = strings(&namespace["metadata"]["labels"]);
        let name = text(&namespace["metadata"]["name"]).to_owned();
        labels.insert("kubernetes.io/metadata.name".to_owned(), name);
        labels
    }

    pub(crate) fn autoscaler(&self, workload: Workload<'_>) -> Option<&Value> {
        self.kind("HorizontalPodAutoscaler")
            .find(|h| target(h) == workload.id())
    }

    /// The minimum number of pods: the autoscaler's minimum, else `spec.replicas`; both default to 1.
    pub(crate) fn least_replicas(&self, workload: Workload<'_>) -> i64 {
        let replicas = match self.autoscaler(workload) {
            Some(autoscaler) => &autoscaler["spec"]["minReplicas"],
            None => &workload.object["spec"]["replicas"],
        };
        replicas.as_i64().unwrap_or(1)
    }

    pub(crate) fn most_replicas(&self, workload: Workload<'_>) -> i64 {
        match self.autoscaler(workload) {
            Some(autoscaler) => autoscaler["spec"]["maxReplicas"].as_i64().unwrap_or(0),
            None => workload.object["spec"]["replicas"].as_i64().unwrap_or(1),
        }
    }

    /// The disruption budgets that select the pods of a workload.
    pub(crate) fn budgets<'a>(
        &'a self,
        workload: Workload<'a>,
    ) -> impl Iterator<Item = &'a Value> + 'a {
        self.kind("PodDisruptionBudget").filter(move |b| {
            let selector = &b["spec"]["selector"];
            selector.is_object() && selects(selector, &workload.labels())
        })
    }

    /// The workload whose pods a Service sends to.
    pub(crate) fn behind(&self, service: &Value) -> Option<Workload<'_>> {
        let wanted = service["spec"]["selector"].as_object()?;
        let selector = serde_json::json!({ "matchLabels": wanted });
        self.long_running()
            .find(|w| selects(&selector, &w.labels()))
    }

    /// The container port behind a port of a Service.
    pub(crate) fn target_port(&self, service: &Value, port: i64) -> Option<i64> {
        let workload = self.behind(service)?;
        let entry = list(&service["spec"]["ports"]).find(|p| p["port"] == port)?;
        match &entry["targetPort"] {
            Value::Null => Some(port),
            target => workload.port(target),
        }
    }

    /// The number of the port of a Service that an Ingress sends to.
    pub(crate) fn backend_port(&self, backend: &Value) -> Option<i64> {
        let port = &backend["service"]["port"];
        if let Some(number) = port["number"].as_i64() {
            return Some(number);
        }
        let service = self
            .get(&format!("Service/{}", text(&backend["service"]["name"])))
            .ok()?;
        let named = list(&service["spec"]["ports"]).find(|p| p["name"] == port["name"])?;
        named["port"].as_i64()
    }

    /// Host, path and backend of every path of every Ingress; a default backend has neither host nor path.
    pub(crate) fn routes(&self) -> Vec<(&str, &str, &Value)> {
        let mut routes = Vec::new();
        for ingress in self.kind("Ingress") {
            for rule in list(&ingress["spec"]["rules"]) {
                for path in list(&rule["http"]["paths"]) {
                    routes.push((text(&rule["host"]), text(&path["path"]), &path["backend"]));
                }
            }
            let default = &ingress["spec"]["defaultBackend"];
            if default.is_object() {
                routes.push(("", "", default));
            }
        }
        routes
    }

    /// The claims that the pods of a workload mount: objects by name, and the workload's own templates.
    pub(crate) fn claims<'a>(&'a self, workload: Workload<'a>) -> Vec<&'a Value> {
        let by_name = list(&workload.pod()["volumes"])
            .filter_map(|v| v["persistentVolumeClaim"]["claimName"].as_str())
            .filter_map(|name| self.get(&format!("PersistentVolumeClaim/{name}")).ok());
        by_name.chain(workload.claim_templates()).collect()
    }

    /// Every claim, with its name.
    pub(crate) fn all_claims(&self) -> Vec<(String, &Value)> {
        let mut claims: Vec<(String, &Value)> = self
            .kind("PersistentVolumeClaim")
            .map(|c| (id(c), c))
            .collect();
        for workload in self.workloads() {
            for claim in workload.claim_templates() {
                let name = format!("{} {}", workload.id(), text(&claim["metadata"]["name"]));
                claims.push((name, claim));
            }
        }
        claims
    }

    /// The variables of a container as its process sees them. Values from a Secret are `secret:<name>/<key>`.
    pub(crate) fn variables(&self, container: &Value) -> Vec<(String, String)> {
        let mut variables = Vec::new();
        for source in list(&container["envFrom"]) {
            let prefix = text(&source["prefix"]);
            if let Some(name) = source["configMapRef"]["name"].as_str() {
                for (key, value) in self.settings(name) {
                    variables.push((format!("{prefix}{key}"), value));
                }
            }
            if let Some(name) = source["secretRef"]["name"].as_str() {
                variables.push((format!("{prefix}*"), format!("secret:{name}/*")));
            }
        }
        for variable in list(&container["env"]) {
            let from = &variable["valueFrom"];
            let value = if let Some(name) = from["configMapKeyRef"]["name"].as_str() {
                let key = text(&from["configMapKeyRef"]["key"]);
                self.settings(name).remove(key).unwrap_or_default()
            } else if let Some(name) = from["secretKeyRef"]["name"].as_str() {
                format!("secret:{name}/{}", text(&from["secretKeyRef"]["key"]))
            } else if let Some(resource) = from["resourceFieldRef"]["resource"].as_str() {
                format!("resource:{resource}")
            } else {
                text(&variable["value"]).to_owned()
            };
            variables.push((text(&variable["name"]).to_owned(), value));
        }
        variables
    }

    /// The last value of a variable, or of all variables from a Secret.
    pub(crate) fn variable(&self, container: &Value, name: &str) -> Option<String> {
        let variables = self.variables(container);
        let last = |wanted: &str| variables.iter().rev().find(|(n, _)| n == wanted);
        last(name)
            .or_else(|| last("*"))
            .map(|(_, value)| value.clone())
    }

    /// The data of a ConfigMap.
    pub(crate) fn settings(&self, config_map: &str) -> BTreeMap<String, String> {
        match self.get(&format!("ConfigMap/{config_map}")) {
            Ok(object) => strings(&object["data"]),
            Err(_) => BTreeMap::new(),
        }
    }

    /// All settings of the main container of a workload: variables, arguments, mounted ConfigMaps.
    pub(crate) fn settings_of(&self, workload: Workload<'_>) -> Vec<String> {
        let mut settings = Vec::new();
        if let Some(main) = workload.main() {
            let variables = self.variables(main.value);
            settings.extend(variables.into_iter().map(|(k, v)| format!("{k}={v}")));
            for field in ["command", "args"] {
                settings.extend(list(&main.value[field]).map(|a| text(a).to_owned()));
            }
        }
        for name in workload.config_maps() {
            settings.extend(
                self.settings(name)
                    .into_iter()
                    .map(|(k, v)| format!("{k}={v}")),
            );
        }
        settings
    }

    /// The rendered bindings of this ServiceAccount.
    pub(crate) fn bindings_of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Value> {
        ["RoleBinding", "ClusterRoleBinding"]
            .into_iter()
            .flat_map(|kind| self.kind(kind))
            .filter(move |b| {
                list(&b["subjects"]).any(|s| s["kind"] == "ServiceAccount" && s["name"] == account)
            })
    }
}

impl<'a> Workload<'a> {
    fn of(object: &'a Value) -> Option<Workload<'a>> {
        let template = match text(&object["kind"]) {
            "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
            "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "StatefulSet" => {
                &object["spec"]["template"]
            }
            "Pod" => object,
            _ => return None,
        };
        Some(Workload { object, template })
    }

    pub(crate) fn id(self) -> String {
        id(self.object)
    }

    pub(crate) fn kind(self) -> &'a str {
        text(&self.object["kind"])
    }

    pub(crate) fn pod(self) -> &'a Value {
        &self.template["spec"]
    }

    pub(crate) fn labels(self) -> Labels {
        strings(&self.template["metadata"]["labels"])
    }

    pub(crate) fn annotations(self) -> Labels {
        strings(&self.template["metadata"]["annotations"])
    }

    pub(crate) fn containers(self) -> impl Iterator<Item = Container<'a>> {
        ["containers", "initContainers"]
            .into_iter()
            .flat_map(move |field| list(&self.pod()[field]))
            .map(move |value| Container {
                workload: self,
                value,
            })
    }

    /// The container that kubectl selects by default.
    pub(crate) fn main(self) -> Option<Container<'a>> {
        let annotations = self.annotations();
        let named = annotations.get("kubectl.kubernetes.io/default-container");
        let containers = || list(&self.pod()["containers"]);
        let value = containers()
            .find(|c| named.is_some_and(|n| c["name"] == n.as_str()))
            .or_else(|| containers().next())?;
        Some(Container {
            workload: self,
            value,
        })
    }

    pub(crate) fn claim_templates(self) -> impl Iterator<Item = &'a Value> {
        list(&self.object["spec"]["volumeClaimTemplates"])
    }

    /// The number of a port that is given by number or by name.
    pub(crate) fn port(self, port: &Value) -> Option<i64> {
        match port.as_str() {
            None => port.as_i64(),
            Some(name) => self
                .ports()
                .find(|p| p["name"] == name)
                .and_then(|p| p["containerPort"].as_i64()),
        }
    }

    pub(crate) fn ports(self) -> impl Iterator<Item = &'a Value> {
        self.containers().flat_map(|c| list(&c.value["ports"]))
    }

    /// The names under which the pod declares a port.
    pub(crate) fn port_names(self, number: i64) -> Vec<&'a str> {
        self.ports()
            .filter(|p| p["containerPort"] == number)
            .filter_map(|p| p["name"].as_str())
            .collect()
    }

    /// Names of the Secrets that the pod uses, each with the key, or `*` for all keys.
    pub(crate) fn secrets(self) -> Vec<(&'a str, &'a str)> {
        let mut secrets = Vec::new();
        for container in self.containers() {
            for reference in list(&container.value["env"]).map(|e| &e["valueFrom"]["secretKeyRef"])
            {
                secrets.push((text(&reference["name"]), text(&reference["key"])));
            }
            for source in list(&container.value["envFrom"]) {
                secrets.push((text(&source["secretRef"]["name"]), "*"));
            }
        }
        for volume in list(&self.pod()["volumes"]) {
            secrets.push((text(&volume["secret"]["secretName"]), "*"));
            for source in list(&volume["projected"]["sources"]) {
                secrets.push((text(&source["secret"]["name"]), "*"));
            }
        }
        secrets.retain(|(name, _)| !name.is_empty());
        secrets
    }

    pub(crate) fn uses_secret(self, secret: &str, key: &str) -> bool {
        self.secrets()
            .iter()
            .any(|(name, k)| is_named("Secret", name, secret) && (*k == key || *k == "*"))
    }

    pub(crate) fn config_maps(self) -> Vec<&'a str> {
        let mut names = Vec::new();
        for container in self.containers() {
            for variable in list(&container.value["env"]) {
                names.push(text(&variable["valueFrom"]["configMapKeyRef"]["name"]));
            }
            for source in list(&container.value["envFrom"]) {
                names.push(text(&source["configMapRef"]["name"]));
            }
        }
        for volume in list(&self.pod()["volumes"]) {
            names.push(text(&volume["configMap"]["name"]));
            for source in list(&volume["projected"]["sources"]) {
                names.push(text(&source["configMap"]["name"]));
            }
        }
        names.retain(|name| !name.is_empty());
        names
    }

    pub(crate) fn account(self) -> &'a str {
        match text(&self.pod()["serviceAccountName"]) {
            "" => "default",
            name => name,
        }
    }

    /// The topology keys over which constraints or anti-affinity spread the pods.
    pub(crate) fn spread_over(self) -> Vec<&'a str> {
        let pod = self.pod();
        let anti = &pod["affinity"]["podAntiAffinity"];
        let constraints = list(&pod["topologySpreadConstraints"]);
        let required = list(&anti["requiredDuringSchedulingIgnoredDuringExecution"]);
        let preferred = list(&anti["preferredDuringSchedulingIgnoredDuringExecution"])
            .map(|p| &p["podAffinityTerm"]);
        let terms = constraints.chain(required).chain(preferred);
        terms.map(|t| text(&t["topologyKey"])).collect()
    }

    /// Whether the main container can write to a path: a writable volume is mounted there or above.
    pub(crate) fn can_write(self, path: &str) -> bool {
        let Some(main) = self.main() else {
            return false;
        };
        let is_writable = |name: &Value| {
            let volume = list(&self.pod()["volumes"]).find(|v| &v["name"] == name);
            let kinds = ["emptyDir", "persistentVolumeClaim", "ephemeral"];
            volume.is_some_and(|v| kinds.iter().any(|kind| !v[kind].is_null()))
                || self
                    .claim_templates()
                    .any(|c| &c["metadata"]["name"] == name)
        };
        list(&main.value["volumeMounts"])
            .filter(|m| m["readOnly"] != true && is_writable(&m["name"]))
            .map(|m| text(&m["mountPath"]).trim_end_matches('/'))
            .any(|mount| path == mount || path.starts_with(&format!("{mount}/")))
    }
}

impl<'a> Container<'a> {
    pub(crate) fn id(self) -> String {
        format!("{} {}", self.workload.id(), text(&self.value["name"]))
    }

    /// A field of the security context, the container's own or else the pod's.
    pub(crate) fn effective(self, field: &str) -> &'a Value {
        match &self.value["securityContext"][field] {
            Value::Null => &self.workload.pod()["securityContext"][field],
            own => own,
        }
    }

    pub(crate) fn image(self) -> &'a str {
        text(&self.value["image"])
    }
}

/// `Kind/name` of an object.
pub(crate) fn id(object: &Value) -> String {
    format!(
        "{}/{}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    )
}

/// `Kind/name` of what an autoscaler scales.
pub(crate) fn target(autoscaler: &Value) -> String {
    let target = &autoscaler["spec"]["scaleTargetRef"];
    format!("{}/{}", text(&target["kind"]), text(&target["name"]))
}

/// A string, or the empty string if the value is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The items of a list, or nothing if the value is none.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The strings in a map.
pub(crate) fn strings(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
        .collect()
}

/// Whether a label selector matches, as in the API server: a selector without terms matches everything.
pub(crate) fn selects(selector: &Value, labels: &Labels) -> bool {
    let equal = strings(&selector["matchLabels"])
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    equal
        && list(&selector["matchExpressions"]).all(|term| {
            let label = labels.get(text(&term["key"]));
            let listed = |l: &String| list(&term["values"]).any(|v| v == l.as_str());
            match text(&term["operator"]) {
                "In" => label.is_some_and(listed),
                "NotIn" => !label.is_some_and(listed),
                "Exists" => label.is_some(),
                _ => label.is_none(),
            }
        })
}

/// Whether a name is the one wanted, ignoring the suffix that kustomize's generators add.
pub(crate) fn is_named(kind: &str, name: &str, wanted: &str) -> bool {
    let suffixed = || {
        let suffix = name.strip_prefix(wanted).and_then(|n| n.strip_prefix('-'));
        suffix.is_some_and(|s| s.len() == 10 && s.chars().all(|c| HASH.contains(c)))
    };
    name == wanted || (["ConfigMap", "Secret"].contains(&kind) && suffixed())
}

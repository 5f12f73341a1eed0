//! FIT-IMG…, FIT-ENV…, FIT-VOL…, FIT-RBC…, FIT-AVL… and others: what is valid and works, but is often a risk or an oversight.
//!
//! Each row of a table is a rule about one field. All are info, so that a config decides which of them count: a severity in
//! `checks.severity` changes that. The rules that only some teams follow, such as digests or a pull policy, run only if
//! `checks.severity` names them.
//!
//! The values of secrets are never in messages.

use std::borrow::Cow;

use super::{Check, Find};
use crate::finding::{Finding, Subject};
use crate::objects::ContainerType;
use crate::rules::{Rule, rules};
use crate::yaml::{Kind, Node};

/// Where a row looks.
#[derive(Clone, Copy, PartialEq)]
enum On {
    /// In each container that runs.
    Container,
    /// In each pod spec.
    Pod,
    /// In objects of these kinds.
    Kinds(&'static [&'static str]),
}

/// A rule about one field.
struct Row {
    rule: &'static Rule,
    on: On,
    /// The field; `*` is each item of a list and each value of a mapping.
    path: &'static [&'static str],
    /// What is wrong with a field, given its key and, if it is set, its value.
    fault: fn(&str, Option<Node<'_>>) -> Option<String>,
    help: &'static str,
}

macro_rules! rows {
    ($($name:ident: $id:literal $when:ident $meaning:literal ($peers:literal), $on:expr, $path:expr, $fault:expr, $help:literal;)*) => {
        rules! {
            RULES;
            $($name: $id Info $when $meaning ($peers);)*
        }

        const ROWS: &[Row] = &[$(Row {
            rule: &$name,
            on: $on,
            path: &$path,
            fault: $fault,
            help: $help,
        }),*];
    };
}

const BINDINGS: On = On::Kinds(&["ClusterRoleBinding", "RoleBinding"]);
const ROLES: On = On::Kinds(&["ClusterRole", "Role"]);
const RULE_OF_ROLE: [&str; 2] = ["rules", "*"];

rows! {
    MOVING: "FIT-IMG001" OnCheck "an image without a fixed version" ("kube-linter latest-tag; Polaris tagNotSpecified; kube-score container-image-tag; kubescape C-0075; Kyverno disallow-latest-tag"),
        On::Container, ["image"], |_, it| moving(it?), "add a tag or a digest: a rollback does not restore what the tag named before";
    DIGEST: "FIT-IMG002" OnRequest "an image without a digest" ("kubescape C-0306"),
        On::Container, ["image"], |_, it| {
            let image = it?.text()?;
            (!image.contains('@')).then(|| ["the image ", &image, " has no digest"].concat())
        }, "add `@sha256:` and its digest";
    PULL: "FIT-IMG003" OnRequest "an image that is not pulled at each start" ("Polaris pullPolicyNotAlways; kube-score container-image-pull-policy"),
        On::Container, ["imagePullPolicy"], |_, it| unless(it, "Always", "the image is not pulled at each start"), "set `imagePullPolicy: Always`";
    OLD_REGISTRY: "FIT-IMG004" OnCheck "an image of a registry that is frozen" ("kubescape C-0253"),
        On::Container, ["image"], |_, it| {
            let image = it?.text()?;
            image.starts_with("k8s.gcr.io/").then(|| [&image, ": the registry k8s.gcr.io is frozen"].concat())
        }, "use registry.k8s.io";
    SECRET: "FIT-ENV001" OnCheck "a secret as the plain value of an environment variable" ("kube-linter env-var-secret; Polaris sensitiveContainerEnvVar; kubescape C-0012"),
        On::Container, ["env", "*"], |_, it| secret(&it?.text_at(["name"])?, it?.get("value")?), "move it to a Secret and read it with `valueFrom.secretKeyRef`";
    SECRET_IN_MAP: "FIT-ENV002" OnCheck "a secret in a ConfigMap" ("Polaris sensitiveConfigmapContent"),
        On::Kinds(&["ConfigMap"]), ["data", "*"], |key, it| secret(key, it?), "move it to a Secret: many accounts can read ConfigMaps";
    SECRET_AS_VARIABLE: "FIT-ENV003" OnRequest "an environment variable from a Secret" ("kube-linter read-secret-from-env-var; kubescape C-0207"),
        On::Container, ["env", "*", "valueFrom", "secretKeyRef"], |_, it| it.map(|_| "it reads a Secret into the environment".to_owned()), "mount the Secret: programs print their environment, and child processes inherit it";
    SSH: "FIT-NET005" OnCheck "a container that serves SSH" ("kube-linter ssh-port; kubescape C-0042"),
        On::Container, ["ports", "*", "containerPort"], |_, it| (it?.int::<u16>()? == 22).then(|| "it serves SSH".to_owned()), "remove it: `kubectl exec` needs no server and checks who calls";
    LOW_PORT: "FIT-NET006" OnRequest "a container with a port below 1024" ("kube-linter privileged-ports"),
        On::Container, ["ports", "*", "containerPort"], |_, it| (it?.int::<u16>()? < 1024).then(|| "the port is below 1024".to_owned()), "use a higher port; the Service can keep the number";
    EXPOSED: "FIT-NET007" OnRequest "a Service that is reachable from outside the cluster" ("kube-linter exposed-services; kube-score service-type"),
        On::Kinds(&["Service"]), ["spec", "type"], |_, it| {
            let exposed = it?.text()?;
            ["NodePort", "LoadBalancer"].contains(&&*exposed).then(|| [&exposed, " opens it to outside the cluster"].concat())
        }, "use `type: ClusterIP` behind an Ingress or a Gateway";
    SUDO: "FIT-SEC030" OnCheck "a command that runs sudo" ("kubescape C-0062"),
        On::Container, ["command", "*"], |_, it| (it?.text()? == "sudo").then(|| "the command runs sudo".to_owned()), "set the user with `securityContext.runAsUser`";
    SOCKET: "FIT-VOL001" OnCheck "a mount of the socket of the container runtime" ("kube-linter docker-sock; kubescape C-0074"),
        On::Pod, ["volumes", "*", "hostPath", "path"], |_, it| {
            let path = it?.text()?;
            const SOCKETS: [&str; 5] = ["docker.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "podman.sock"];
            SOCKETS.contains(&path.trim_end_matches('/').rsplit('/').next()?).then(|| [&path, ": who can use this socket controls the node"].concat())
        }, "remove the volume";
    HOST_PATH: "FIT-VOL002" OnCheck "a mount of a system directory of the node" ("kube-linter sensitive-host-mounts; kubescape C-0048"),
        On::Pod, ["volumes", "*", "hostPath", "path"], |_, it| {
            let path = it?.text()?;
            const SYSTEM: [&str; 12] = ["", "/boot", "/dev", "/etc", "/etc/kubernetes", "/lib", "/proc", "/root", "/sys", "/usr", "/var/lib/kubelet", "/var/lib/docker"];
            SYSTEM.contains(&path.trim_end_matches('/')).then(|| [&path, ": a system directory of the node"].concat())
        }, "mount only the file or folder that is needed";
    ACCOUNT: "FIT-POD002" OnCheck "the deprecated field serviceAccount" ("kube-linter deprecated-service-account-field; kubescape C-0294"),
        On::Pod, ["serviceAccount"], |_, it| it.map(|_| "the field serviceAccount is deprecated".to_owned()), "use `serviceAccountName`";
    PRIORITY: "FIT-POD003" OnRequest "pods without a priority class" ("kube-linter priority-class-name; Polaris priorityClassNotSet"),
        On::Pod, ["priorityClassName"], |_, it| it.is_none().then(|| "it has no priority class".to_owned()), "set `priorityClassName`";
    DEFAULT: "FIT-POD004" OnCheck "an object in the namespace `default`" ("kube-linter use-namespace; kubescape C-0061"),
        On::Kinds(&["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "Service", "StatefulSet"]), ["metadata", "namespace"], |_, it| {
            (it?.text()? == "default").then(|| "it is in the namespace `default`".to_owned())
        }, "use a namespace of its own: quotas, policies and rights are by namespace";
    NAKED: "FIT-POD005" OnRequest "a Pod without a controller" ("kubescape C-0073"),
        On::Kinds(&["Pod"]), ["metadata", "ownerReferences"], |_, it| it.is_none().then(|| "no controller replaces this pod if its node fails".to_owned()), "use a Deployment or a Job";
    KEPT_JOB: "FIT-POD006" OnRequest "a Job that stays after it has finished" ("kube-linter job-ttl-seconds-after-finished"),
        On::Kinds(&["Job"]), ["spec", "ttlSecondsAfterFinished"], |_, it| it.is_none().then(|| "it stays after it has finished".to_owned()), "set `ttlSecondsAfterFinished`";
    LATE_JOB: "FIT-POD007" OnRequest "a CronJob without a deadline for its start" ("kube-score cronjob-has-deadline"),
        On::Kinds(&["CronJob"]), ["spec", "startingDeadlineSeconds"], |_, it| it.is_none().then(|| "it has no deadline for its start".to_owned()), "set `startingDeadlineSeconds`";
    READINESS: "FIT-PRB001" OnRequest "a container without a readiness probe" ("kube-linter no-readiness-probe; Polaris readinessProbeMissing; kube-score pod-probes; kubescape C-0018"),
        On::Container, ["readinessProbe"], |_, it| it.is_none().then(|| "it has no readiness probe".to_owned()), "add one: Services send requests to a pod as soon as its containers run";
    LIVENESS: "FIT-PRB003" OnRequest "a container without a liveness probe" ("kube-linter no-liveness-probe; Polaris livenessProbeMissing; kubescape C-0056"),
        On::Container, ["livenessProbe"], |_, it| it.is_none().then(|| "it has no liveness probe".to_owned()), "add one if the program can hang";
    SINGLE: "FIT-AVL001" OnRequest "a Deployment with fewer than two replicas" ("kube-score deployment-replicas; Polaris deploymentMissingReplicas; kube-linter minimum-three-replicas"),
        On::Kinds(&["Deployment"]), ["spec", "replicas"], |_, it| fewer_than_two(it), "set `replicas: 2` or more";
    RECREATE: "FIT-AVL002" OnRequest "a Deployment that stops all pods before it starts new ones" ("kube-linter no-rolling-update-strategy; kube-score deployment-strategy; kubescape C-0305"),
        On::Kinds(&["Deployment"]), ["spec", "strategy", "type"], |_, it| (it?.text()? == "Recreate").then(|| "it stops all pods before it starts new ones".to_owned()), "use `type: RollingUpdate`, unless two pods cannot run at once";
    FEW: "FIT-AVL003" OnRequest "an autoscaler with a minimum of fewer than two replicas" ("kube-linter hpa-minimum-three-replicas; Polaris hpaMinAvailability; kube-score horizontalpodautoscaler-replicas"),
        On::Kinds(&["HorizontalPodAutoscaler"]), ["spec", "minReplicas"], |_, it| fewer_than_two(it), "set `minReplicas: 2` or more";
    FIXED: "FIT-AVL004" OnCheck "an autoscaler whose maximum is its minimum" ("Polaris hpaMaxAvailability"),
        On::Kinds(&["HorizontalPodAutoscaler"]), ["spec"], |_, it| {
            let most = it?.int_at::<i64>(["maxReplicas"])?;
            let least = it?.int_at(["minReplicas"]).unwrap_or(1);
            (most == least).then(|| "it never scales: `maxReplicas` is `minReplicas`".to_owned())
        }, "raise `maxReplicas`";
    EVICTION: "FIT-AVL005" OnRequest "a PodDisruptionBudget that keeps unhealthy pods" ("kube-linter pdb-unhealthy-pod-eviction-policy"),
        On::Kinds(&["PodDisruptionBudget"]), ["spec", "unhealthyPodEvictionPolicy"], |_, it| unless(it, "AlwaysAllow", "pods that are not ready can block the drain of their node"), "set `unhealthyPodEvictionPolicy: AlwaysAllow`";
    NO_LIMIT: "FIT-AVL006" OnCheck "a PodDisruptionBudget without an amount" ("kube-score poddisruptionbudget-has-policy"),
        On::Kinds(&["PodDisruptionBudget"]), ["spec"], |_, it| {
            let spec = it?;
            let has = |key| spec.get(key).is_some();
            (!has("minAvailable") && !has("maxUnavailable")).then(|| "it has neither `minAvailable` nor `maxUnavailable`".to_owned())
        }, "set `maxUnavailable: 1`";
    WILDCARD: "FIT-RBC001" OnCheck "a role for all verbs or all resources" ("kube-linter wildcard-in-rules; kubescape C-0187"),
        ROLES, RULE_OF_ROLE, |_, it| {
            let names = |key: &str| it.is_some_and(|it| list(it, key, &["*"]));
            (names("verbs") || names("resources")).then(|| "it grants all verbs or all resources, also those of later versions".to_owned())
        }, "list them";
    SECRETS: "FIT-RBC002" OnCheck "a role that reads all Secrets" ("kube-linter access-to-secrets; kubescape C-0015, C-0186"),
        ROLES, RULE_OF_ROLE, |_, it| grants(it?, &["secrets"], &["get", "list", "watch"], "it can read all Secrets"), "name them in `resourceNames`, with the verb get alone";
    PODS: "FIT-RBC003" OnCheck "a role that creates pods" ("kube-linter access-to-create-pods; kubescape C-0188"),
        ROLES, RULE_OF_ROLE, |_, it| grants(it?, &["pods", "deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs"], &["create"], "it can create pods, and so use every Secret and ServiceAccount of the namespace"), "grant it only to what must create pods";
    EXEC: "FIT-RBC004" OnCheck "a role that runs commands in pods or reaches their ports" ("Polaris clusterrolePodExecAttach, rolePodExecAttach; kubescape C-0002, C-0063"),
        ROLES, RULE_OF_ROLE, |_, it| grants(it?, &["pods/exec", "pods/attach", "pods/portforward"], &["create", "get"], "it can run commands in pods or reach their ports"), "grant it to people, for a limited time";
    ESCALATE: "FIT-RBC005" OnCheck "a role that can obtain more rights" ("kubescape C-0065, C-0191"),
        ROLES, RULE_OF_ROLE, |_, it| list(it?, "verbs", &["bind", "escalate", "impersonate"]).then(|| "its verbs bind, escalate or impersonate obtain the rights of others".to_owned()), "remove these verbs";
    TAKEOVER: "FIT-RBC006" OnCheck "a role over nodes, webhooks, tokens, certificates or volumes" ("kubescape C-0278, C-0279, C-0280, C-0281, C-0282"),
        ROLES, RULE_OF_ROLE, |_, it| grants(it?, &["nodes/proxy", "serviceaccounts/token", "certificatesigningrequests/approval", "validatingwebhookconfigurations", "mutatingwebhookconfigurations", "persistentvolumes"], &["create", "update", "patch"], "it can obtain the rights of others through the cluster itself"), "grant it only to what runs the cluster";
    ADMIN: "FIT-RBC007" OnCheck "a binding of cluster-admin" ("kube-linter cluster-admin-role-binding; Polaris clusterrolebindingClusterAdmin, rolebindingClusterAdminClusterRole; kubescape C-0035, C-0272"),
        BINDINGS, ["roleRef", "name"], |_, it| (it?.text()? == "cluster-admin").then(|| "it binds cluster-admin".to_owned()), "bind a role with the rights that are needed";
    ANYONE: "FIT-RBC008" OnCheck "a binding for everyone" ("kubescape C-0262"),
        BINDINGS, ["subjects", "*", "name"], |_, it| {
            let name = it?.text()?;
            ["system:anonymous", "system:unauthenticated", "system:authenticated"].contains(&&*name).then(|| ["it grants rights to everyone: ", &name].concat())
        }, "name the accounts";
}

pub(super) const CHECK: Check = Check {
    name: "practices",
    rules: RULES,
    find: &[
        Find::Pods(|pod| {
            let mut findings = Vec::new();
            let asked = |on: On| {
                let rows = ROWS.iter().filter(move |row| row.on == on);
                rows.filter(|row| pod.scene.config.checks.runs(row.rule))
            };
            for row in asked(On::Pod).filter(|_| pod.template.is_whole()) {
                look(row, &pod.template.pod, pod.template.spec, &mut findings);
            }
            let of_containers: Vec<&Row> = asked(On::Container).collect();
            let restart = pod.template.spec.text_at(["restartPolicy"]);
            let is_kept = restart.is_none_or(|it| it == "Always");
            for container in &pod.template.containers {
                // The API server refuses probes of init containers, and pods that run to an end serve nothing.
                let has_probes = container.container_type == ContainerType::Container && is_kept;
                for row in &of_containers {
                    if has_probes || !row.path[0].ends_with("Probe") {
                        look(row, &container.subject, container.node, &mut findings);
                    }
                }
            }
            findings
        }),
        Find::Object(|scene, selected| {
            let mut findings = Vec::new();
            let resource = selected.target.resource;
            // Kinds of other groups with these names are others.
            if !resource.is_typed() {
                return findings;
            }
            for row in ROWS {
                let On::Kinds(kinds) = row.on else { continue };
                if kinds.contains(&&*resource.kind) && scene.config.checks.runs(row.rule) {
                    look(row, &Subject::object(), resource.node, &mut findings);
                }
            }
            findings
        }),
    ],
};

/// A step to a field.
enum Step<'a> {
    Key(Cow<'a, str>),
    Item(usize),
}

/// Applies a row to a part of an object.
fn look(row: &Row, subject: &Subject, node: Node<'_>, findings: &mut Vec<Finding>) {
    visit(
        row,
        subject,
        Some(node),
        row.path,
        &mut Vec::new(),
        findings,
    );
}

fn visit<'a>(
    row: &Row,
    subject: &Subject,
    node: Option<Node<'a>>,
    path: &[&'static str],
    at: &mut Vec<Step<'a>>,
    findings: &mut Vec<Finding>,
) {
    let mut step = |key: Step<'a>, node: Option<Node<'a>>, path: &[&'static str]| {
        at.push(key);
        visit(row, subject, node, path, at, findings);
        at.pop();
    };
    match path {
        ["*", rest @ ..] => {
            let Some(node) = node else { return };
            for (index, item) in node.items().enumerate() {
                step(Step::Item(index), Some(item), rest);
            }
            for (key, value) in node.entries() {
                if let Some(key) = key.text() {
                    step(Step::Key(key), Some(value), rest);
                }
            }
        }
        [key, rest @ ..] => {
            let node = node.and_then(|it| it.get(key)).filter(|it| !it.is_null());
            step(Step::Key(Cow::Borrowed(*key)), node, rest);
        }
        [] => {
            let key = match at.last() {
                Some(Step::Key(key)) => key,
                _ => "",
            };
            let Some(fault) = (row.fault)(key, node) else {
                return;
            };
            // A field that is not set is about what would hold it.
            let field = at.iter().map(|step| match step {
                Step::Key(key) => Cow::Borrowed(key.as_ref()),
                Step::Item(index) => Cow::Owned(index.to_string()),
            });
            let field: Vec<Cow<'_, str>> = field.collect();
            let field: Vec<&str> = field.iter().map(AsRef::as_ref).collect();
            let message = match subject.part {
                crate::finding::Part::Object => fault,
                ref part => format!("{part}: {fault}"),
            };
            let finding = Finding::new(row.rule, message).about(subject, &field);
            findings.push(finding.help(row.help));
        }
    }
}

/// Whether an image has no fixed version.
fn moving(image: Node<'_>) -> Option<String> {
    let image = image.text()?;
    let name = image.rsplit('/').next()?;
    // What replaces a variable is not known.
    let is_fixed =
        name.contains(['@', '$']) || name.split_once(':').is_some_and(|it| it.1 != "latest");
    (!is_fixed).then(|| ["the image ", &image, " has no fixed version"].concat())
}

/// A fault unless a field has a value.
fn unless(node: Option<Node<'_>>, wanted: &str, fault: &str) -> Option<String> {
    let is_wanted = node.and_then(Node::text).is_some_and(|it| it == wanted);
    (!is_wanted).then(|| fault.to_owned())
}

/// A number of replicas, by default one.
fn fewer_than_two(node: Option<Node<'_>>) -> Option<String> {
    let replicas = node.map_or(Some(1), Node::int::<i64>)?;
    (replicas == 1).then(|| "a single pod: it is away during each drain of its node".to_owned())
}

/// Words that names of secrets end with.
const SECRETS_END: [&str; 9] = [
    "password", "passwd", "passphrase", "secret", "secretkey", "apikey", "privatekey", "token",
    "accesskey",
];

/// A secret by its name, by the password in its address, or by its form. References to other variables, paths, and switches
/// do not count.
fn secret(name: &str, value: Node<'_>) -> Option<String> {
    let has = |text: &str, part: &str| {
        let first = part.as_bytes()[0];
        let mut places = memchr::memchr_iter(first, text.as_bytes());
        places.any(|at| text[at..].starts_with(part))
    };
    let is_named = ends_as_secret(name);
    // Most values are no secrets by their source already.
    let raw = value.raw();
    let is_source = match value.kind() {
        Kind::Literal => true,
        Kind::Plain | Kind::Single | Kind::Double => {
            memchr::memchr2(b'\\', b'\n', raw.as_bytes()).is_none()
        }
        _ => false,
    };
    let may_have = || {
        let has_address = || memchr::memchr(b'@', raw.as_bytes()).is_some() && has(raw, "://");
        has_address() || has(raw, "PRIVATE KEY-----")
    };
    if is_source && !is_named && !may_have() {
        return None;
    }
    let text = value.text()?;
    let (has_scheme, has_key) = (has(&text, "://"), has(&text, "PRIVATE KEY-----"));
    // Most values are none, so what it is comes last.
    if !(is_named || has_scheme || has_key) {
        return None;
    }
    let value = value.str()?;
    let is_value = !value.trim().is_empty()
        && !value.starts_with(['/', '$', '<'])
        && !value.contains(['\n', ' '])
        && value.parse::<f64>().is_err()
        && !["true", "false", "null", "none"].contains(&&*value.to_ascii_lowercase());
    let in_address = || {
        let (_, rest) = value.split_once("://")?;
        let (user, _) = rest.split(['/', '?']).next()?.rsplit_once('@')?;
        let (_, password) = user.split_once(':')?;
        Some(!password.is_empty() && !password.contains('$'))
    };
    let is_secret = is_value && is_named && !has_scheme || in_address() == Some(true) || has_key;
    is_secret.then(|| format!("{name} is a secret in plain text"))
}

/// Whether a name ends like that of a secret, whatever its case and what is between its words.
fn ends_as_secret(name: &str) -> bool {
    let letters = || name.bytes().rev().filter(u8::is_ascii_alphanumeric);
    // The last letters of the words.
    let last = letters().next().map(|it| it.to_ascii_lowercase());
    if !matches!(last, Some(b'd' | b'e' | b'n' | b't' | b'y')) {
        return false;
    }
    SECRETS_END.iter().any(|end| {
        let mut letters = letters();
        let mut end = end.bytes().rev();
        end.all(|it| {
            letters
                .next()
                .is_some_and(|letter| letter.eq_ignore_ascii_case(&it))
        })
    })
}

/// Whether a list has one of some values.
fn list(node: Node<'_>, key: &str, wanted: &[&str]) -> bool {
    let mut items = node.items_at([key]).filter_map(Node::text);
    items.any(|it| wanted.contains(&&*it))
}

/// A rule of a role with one of these resources and one of these verbs, not limited to named objects.
fn grants(rule: Node<'_>, resources: &[&str], verbs: &[&str], fault: &str) -> Option<String> {
    let is_named = rule.items_at(["resourceNames"]).next().is_some();
    let does = list(rule, "verbs", verbs) || list(rule, "verbs", &["*"]);
    (does && !is_named && list(rule, "resources", resources)).then(|| fault.to_owned())
}

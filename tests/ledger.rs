//! The ledger accounts for every object, container, claim and file exactly once. The expected rows are found independently: in
//! the plain JSON of the input, and in the folders on disk.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fitout::config::{FunctionConfig, self_contained};
use fitout::ledger::{Account, Ledger};
use fitout::objects::SkipReason;
use fitout::read::{Origin, Resource};
use fitout::report::FileReason;
use fitout::yaml::Stream;
use serde_json::Value;

use crate::hosts::bench::{root, skip};
use crate::program::Folder;
use crate::restricted::files;

/// Every section, for input without its own config.
const CONFIG: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: everything}
spec:
  environment: test
  kubernetesVersion: '1.35'
  mode: Override
  resources: {containers: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 1Gi}}}
  securityContext: {pod: {runAsUser: 1000, runAsGroup: 1000}}
  prometheus: {scrape: true, onAmbiguous: Skip}
  storage: {storageClassName: fast}
";

/// Groups and kinds with whole pods: every list of containers in them belongs to a pod.
const WHOLE: &[(&str, &[&str])] = &[
    ("", &["PodTemplate", "ReplicationController"]),
    (
        "apps",
        &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"],
    ),
    ("batch", &["Job", "CronJob"]),
    (
        "serving.knative.dev",
        &["Configuration", "Service", "Revision"],
    ),
    ("argoproj.io", &["Rollout"]),
    ("keda.sh", &["ScaledJob"]),
    (
        "kubeflow.org",
        &[
            "PyTorchJob", "TFJob", "XGBoostJob", "PaddleJob", "MXJob", "MPIJob", "Notebook",
        ],
    ),
    (
        "apps.kruise.io",
        &[
            "CloneSet", "StatefulSet", "DaemonSet", "BroadcastJob", "AdvancedCronJob",
            "UnitedDeployment",
        ],
    ),
    ("jobset.x-k8s.io", &["JobSet"]),
    ("leaderworkerset.x-k8s.io", &["LeaderWorkerSet"]),
    ("postgresql.cnpg.io", &["Pooler"]),
    ("elasticsearch.k8s.elastic.co", &["Elasticsearch"]),
    ("kibana.k8s.elastic.co", &["Kibana"]),
    ("apm.k8s.elastic.co", &["ApmServer"]),
    ("enterprisesearch.k8s.elastic.co", &["EnterpriseSearch"]),
    ("maps.k8s.elastic.co", &["ElasticMapsServer"]),
    ("logstash.k8s.elastic.co", &["Logstash"]),
    ("packageregistry.k8s.elastic.co", &["PackageRegistry"]),
    ("beat.k8s.elastic.co", &["Beat"]),
    ("agent.k8s.elastic.co", &["Agent"]),
];

/// Places of single containers, or of settings from which operators make containers, in kinds without whole pods. A `?` after
/// a path requires `resources` there.
const SINGLE: &[(&str, &str, &[&str])] = &[
    (
        "monitoring.coreos.com/v1",
        "Prometheus",
        &["spec", "spec/thanos"],
    ),
    ("monitoring.coreos.com/v1", "Alertmanager", &["spec"]),
    ("monitoring.coreos.com/v1", "ThanosRuler", &["spec"]),
    (
        "monitoring.coreos.com/v1alpha1",
        "PrometheusAgent",
        &["spec"],
    ),
    ("postgresql.cnpg.io/v1", "Cluster", &["spec"]),
    (
        "kafka.strimzi.io/v1beta2",
        "Kafka",
        &[
            "spec/kafka",
            "spec/zookeeper",
            "spec/entityOperator/topicOperator",
            "spec/entityOperator/userOperator",
            "spec/cruiseControl",
            "spec/kafkaExporter",
        ],
    ),
    (
        "kafka.strimzi.io/v1",
        "Kafka",
        &[
            "spec/entityOperator/topicOperator",
            "spec/entityOperator/userOperator",
            "spec/cruiseControl",
            "spec/kafkaExporter",
        ],
    ),
    ("kafka.strimzi.io/v1", "KafkaNodePool", &["spec"]),
    ("kafka.strimzi.io/v1beta2", "KafkaNodePool", &["spec?"]),
    ("kafka.strimzi.io/v1beta2", "KafkaConnect", &["spec"]),
    ("kafka.strimzi.io/v1", "KafkaConnect", &["spec"]),
    ("kafka.strimzi.io/v1beta2", "KafkaMirrorMaker2", &["spec"]),
    ("kafka.strimzi.io/v1beta2", "KafkaBridge", &["spec"]),
    ("tekton.dev/v1alpha1", "StepAction", &["spec"]),
    ("tekton.dev/v1beta1", "StepAction", &["spec"]),
    ("tekton.dev/v1", "StepAction", &["spec"]),
];

/// The places of task specs in Tekton.
const TASKS: [(&str, &str); 7] = [
    ("Task", "spec"),
    ("ClusterTask", "spec"),
    ("TaskRun", "spec/taskSpec"),
    ("Pipeline", "spec/tasks/*/taskSpec"),
    ("Pipeline", "spec/finally/*/taskSpec"),
    ("PipelineRun", "spec/pipelineSpec/tasks/*/taskSpec"),
    ("PipelineRun", "spec/pipelineSpec/finally/*/taskSpec"),
];

/// Claims of operators under other names.
const CLAIMS: [(&str, &str, &str); 8] = [
    ("postgresql.cnpg.io", "Cluster", "spec/storage"),
    ("postgresql.cnpg.io", "Cluster", "spec/walStorage"),
    (
        "postgresql.cnpg.io", "Cluster", "spec/tablespaces/*/storage",
    ),
    ("kafka.strimzi.io", "Kafka", "spec/kafka/storage"),
    ("kafka.strimzi.io", "Kafka", "spec/kafka/storage/volumes/*"),
    ("kafka.strimzi.io", "Kafka", "spec/zookeeper/storage"),
    ("kafka.strimzi.io", "KafkaNodePool", "spec/storage"),
    (
        "kafka.strimzi.io", "KafkaNodePool", "spec/storage/volumes/*",
    ),
];

/// Groups with examples and patterns of pods.
const WITHOUT_PODS: [&str; 4] = [
    "apiextensions.k8s.io", "admissionregistration.k8s.io", "kyverno.io", "monitoring.coreos.com",
];

/// Fields that distinguish containers from other mappings with names and images.
const FIELDS: [&str; 8] = [
    "command", "args", "script", "env", "volumeMounts", "resources", "computeResources",
    "securityContext",
];

type Parts = BTreeSet<(usize, String)>;

/// The rows that a ledger must have.
#[derive(Debug, Default, PartialEq, Eq)]
struct Input {
    objects: usize,
    containers: Parts,
    claims: Parts,
}

impl Input {
    /// Finds the rows in plain objects; `config` may declare kinds.
    fn of(documents: &[Value], config: &Value) -> Input {
        let mut all = Vec::new();
        documents.iter().for_each(|it| unfold(it, &mut all));
        let mut input = Input {
            objects: all.len(),
            ..Input::default()
        };
        for (index, object) in all.into_iter().enumerate() {
            let of_object = |paths: BTreeSet<String>| paths.into_iter().map(move |it| (index, it));
            let containers = containers(object, config);
            input
                .claims
                .extend(of_object(claims(object, config, &containers)));
            input.containers.extend(of_object(containers));
        }
        input
    }

    /// The rows of a ledger, which may have none twice.
    fn accounted(ledger: &Ledger, who: &str) -> Input {
        let parts = |rows: &[fitout::ledger::PartRow]| -> Parts {
            let rows = rows.iter();
            rows.map(|row| (row.object, row.subject.path.to_string()))
                .collect()
        };
        let input = Input {
            objects: ledger.objects.len(),
            containers: parts(&ledger.containers),
            claims: parts(&ledger.claims),
        };
        assert_eq!(
            input.containers.len(),
            ledger.containers.len(),
            "{who}: a container twice"
        );
        assert_eq!(
            input.claims.len(),
            ledger.claims.len(),
            "{who}: a claim twice"
        );
        input
    }
}

fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_default()
}

/// The objects of a list, as kubectl unfolds them.
fn unfold<'v>(object: &'v Value, all: &mut Vec<&'v Value>) {
    match object["items"].as_array() {
        Some(items) if text(object, "kind").ends_with("List") => {
            items.iter().for_each(|it| unfold(it, all));
        }
        _ => all.push(object),
    }
}

/// The pointers that a path of keys leads to; `*` is every item or value.
fn places(object: &Value, path: &str) -> Vec<String> {
    let mut places = vec![String::new()];
    for key in path.split('/').filter(|key| !key.is_empty()) {
        let below = |at: String| -> Vec<String> {
            let keys: Vec<String> = match (key, object.pointer(&at).unwrap()) {
                ("*", Value::Array(items)) => (0..items.len()).map(|it| it.to_string()).collect(),
                ("*", Value::Object(entries)) => entries.keys().cloned().collect(),
                (key, _) => vec![key.to_owned()],
            };
            let keys = keys
                .into_iter()
                .map(|key| key.replace('~', "~0").replace('/', "~1"));
            keys.map(|key| format!("{at}/{key}")).collect()
        };
        let all = places.into_iter().flat_map(below);
        places = all
            .filter(|at| object.pointer(at).is_some_and(|it| !it.is_null()))
            .collect();
    }
    places
}

/// Every mapping in an object, with its pointer.
fn mappings(at: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            found.push(at.to_owned());
            for (key, value) in entries {
                let key = key.replace('~', "~0").replace('/', "~1");
                mappings(&format!("{at}/{key}"), value, found);
            }
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| mappings(&format!("{at}/{index}"), item, found));
        }
        _ => {}
    }
}

fn group_of(object: &Value) -> &str {
    text(object, "apiVersion")
        .split_once('/')
        .map_or("", |it| it.0)
}

/// The entries of the config for an object's kind.
fn declared<'c>(config: &'c Value, list: &str, object: &Value) -> Vec<&'c Value> {
    let spec = &config["spec"];
    let chosen = spec["environment"].as_str().unwrap_or_default();
    let parts = [&spec[list], &spec["environments"][chosen][list]];
    let entries = parts.into_iter().filter_map(Value::as_array).flatten();
    let version = text(object, "apiVersion")
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let is_version = |entry: &&Value| match entry["version"].as_str() {
        None => true,
        Some(pattern) => pattern.split('|').any(|one| {
            version == one
                || one
                    .strip_suffix(".*")
                    .is_some_and(|start| version.starts_with(start))
        }),
    };
    let is_kind = |entry: &&Value| {
        text(entry, "group") == group_of(object) && text(entry, "kind") == text(object, "kind")
    };
    entries.filter(is_kind).filter(is_version).collect()
}

/// A path in the syntax of configs, with `*` for the items of a list.
fn with_stars(path: &str) -> String {
    path.replace("[]", "/*")
}

fn containers(object: &Value, config: &Value) -> BTreeSet<String> {
    let (group, kind) = (group_of(object), text(object, "kind"));
    let mut found = BTreeSet::new();
    let mut add = |paths: &[String]| {
        for path in paths {
            found.extend(places(object, path));
        }
    };
    let lists = |at: &str| ["containers", "initContainers"].map(|list| format!("{at}/{list}/*"));
    let is_whole = WHOLE
        .iter()
        .any(|(g, kinds)| *g == group && kinds.contains(&kind));
    if is_whole {
        let mut all = Vec::new();
        mappings("", object, &mut all);
        all.retain(|at| !at.starts_with("/metadata") && !at.starts_with("/status"));
        // A pod without containers does not count.
        all.iter().for_each(|at| add(&lists(at)));
    }
    if (group, kind) == ("", "Pod") {
        add(&lists("spec"));
        add(&["spec/ephemeralContainers/*".to_owned()]);
    }
    let is_workflow = ["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate"].contains(&kind);
    let workflow = match kind {
        "CronWorkflow" => "spec/workflowSpec",
        _ => "spec",
    };
    if group == "argoproj.io" && (is_workflow || kind == "CronWorkflow") {
        for of_template in [
            "initContainers/*", "container", "script", "containerSet/containers/*", "sidecars/*",
        ] {
            add(&[format!("{workflow}/templates/*/{of_template}")]);
        }
    }
    let version = text(object, "apiVersion");
    if version == "tekton.dev/v1" || version == "tekton.dev/v1beta1" {
        for (_, spec) in TASKS.iter().filter(|(of, _)| *of == kind) {
            // There is no ClusterTask in v1.
            if (version, kind) != ("tekton.dev/v1", "ClusterTask") {
                add(&[format!("{spec}/steps/*"), format!("{spec}/sidecars/*")]);
            }
        }
    }
    for (of_version, of, paths) in SINGLE {
        if version == *of_version && kind == *of {
            for path in *paths {
                let place = path.trim_end_matches('?');
                let has_amounts = object.pointer(&format!("/{place}/resources")).is_some();
                if has_amounts || place == *path {
                    add(&[place.to_owned()]);
                }
            }
        }
    }
    for entry in declared(config, "podSpecs", object) {
        let path = with_stars(text(entry, "path"));
        match text(entry, "form") {
            "Containers" => add(&[path]),
            "PodSpec" => add(&lists(&path)),
            _ => add(&lists(&format!("{path}/spec"))),
        }
    }
    let is_single = SINGLE
        .iter()
        .any(|(of_version, of, _)| version == *of_version && kind == *of);
    let is_known = is_whole
        || is_workflow
        || is_single
        || group == "tekton.dev"
        || ["Pod", "CronWorkflow"].contains(&kind);
    if !is_known && !WITHOUT_PODS.contains(&group) {
        found.extend(undeclared(object));
    }
    // A step that references another step has no container.
    found.retain(|at| !(group == "tekton.dev" && object.pointer(at).unwrap().get("ref").is_some()));
    found
}

/// The containers in an object of an unknown kind: in any list with names and images that belongs to a pod or has other fields
/// of containers.
fn undeclared(object: &Value) -> Vec<String> {
    let mut all = Vec::new();
    mappings("", object, &mut all);
    all.retain(|at| !at.starts_with("/metadata") && !at.starts_with("/status"));
    let mut found = Vec::new();
    for at in all {
        let pod = object.pointer(&at).unwrap().as_object().unwrap();
        let lists = || {
            pod.iter()
                .filter_map(|(key, it)| Some((key, it.as_array()?)))
        };
        let is_text = |value: Option<&Value>| {
            value.is_some_and(|it| !it.is_null() && !it.is_object() && !it.is_array())
        };
        let is_named = |item: &Value| is_text(item.get("name")) && is_text(item.get("image"));
        let of_pod =
            |key: &str| ["initContainers", "containers", "ephemeralContainers"].contains(&key);
        let is_pod = lists().any(|(key, list)| of_pod(key) && list.iter().any(is_named));
        for (key, list) in lists() {
            let runs = |item: &Value| FIELDS.iter().any(|field| item.get(field).is_some());
            let are_containers = list.iter().any(is_named) && list.iter().any(runs);
            if of_pod(key) && is_pod || are_containers {
                let key = key.replace('~', "~0").replace('/', "~1");
                let items = list.iter().enumerate().filter(|(_, item)| item.is_object());
                found.extend(items.map(|(index, _)| format!("{at}/{key}/{index}")));
            }
        }
    }
    found
}

fn claims(object: &Value, config: &Value, containers: &BTreeSet<String>) -> BTreeSet<String> {
    let (group, kind) = (group_of(object), text(object, "kind"));
    let mut found = BTreeSet::new();
    if (group, kind) == ("", "PersistentVolumeClaim") {
        found.insert(String::new());
    }
    let mut all = Vec::new();
    mappings("", object, &mut all);
    all.retain(|at| !at.starts_with("/metadata") && !at.starts_with("/status"));
    let has_templates = match group {
        "apps" => kind == "StatefulSet",
        "apps.kruise.io" => ["StatefulSet", "CloneSet", "UnitedDeployment"].contains(&kind),
        "argoproj.io" => kind.ends_with("Workflow") || kind.ends_with("WorkflowTemplate"),
        "tekton.dev" => ["TaskRun", "PipelineRun"].contains(&kind),
        "monitoring.coreos.com" => [
            "Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler",
        ]
        .contains(&kind),
        group => group.ends_with("k8s.elastic.co"),
    };
    for at in &all {
        let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
        let is_item = parent.ends_with("/volumeClaimTemplates");
        let is_single = at.ends_with("/volumeClaimTemplate");
        // Claims of volumes belong to pods, if there are pods.
        let is_ephemeral = is_single && at.contains("/volumes/");
        let pod = at.split("/volumes/").next().unwrap();
        let has_pod = containers
            .iter()
            .any(|it| it.starts_with(&format!("{pod}/")));
        if is_ephemeral && has_pod || !is_ephemeral && has_templates && (is_item || is_single) {
            found.insert(at.clone());
        }
    }
    for (of_group, of, path) in CLAIMS {
        if group == of_group && kind == of {
            let is_claim = |at: &String| {
                let storage = object.pointer(at).unwrap();
                of_group != "kafka.strimzi.io" || text(storage, "type") == "persistent-claim"
            };
            found.extend(places(object, path).into_iter().filter(is_claim));
        }
    }
    for entry in declared(config, "claims", object) {
        found.extend(places(object, &with_stars(text(entry, "path"))));
    }
    found
}

fn json(stream: &Stream) -> Option<Vec<Value>> {
    let documents = stream.documents().filter(|document| !document.is_empty());
    let values = documents.map(|it| serde_json::to_value(it.root().value().ok()?).ok());
    values.collect()
}

/// The ledger of a text with a config.
fn ledger(input: &Stream, config: &str, is_check: bool) -> Option<Ledger> {
    let config = Stream::parse(config).ok()?;
    let config = FunctionConfig::of_file(&config, "config").ok()?;
    let mut config = config.decode(fitout::VOCABULARY).ok()?;
    config.validate_only |= is_check;
    let mut resources = Vec::new();
    for document in input.documents().filter(|document| !document.is_empty()) {
        Resource::read(document.root(), 0, Origin::default(), &mut resources).ok()?;
    }
    Some(fitout::fit(&config, &resources, None).ok()?.ledger)
}

#[derive(Debug, Default)]
struct Sum {
    texts: usize,
    /// The number of objects with each state.
    objects: BTreeMap<String, usize>,
    containers: usize,
    claims: usize,
}

/// Checks texts, each with its config, with and without `check`; ignores those that fitout rejects.
fn hold(texts: impl IntoIterator<Item = (PathBuf, String)>, modes: &[bool]) -> Sum {
    let (mut sum, mut wrong) = (Sum::default(), Vec::new());
    for (path, config) in texts {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let Ok(stream) = Stream::parse(text) else {
            continue;
        };
        let Some(documents) = json(&stream) else {
            continue;
        };
        let of_config = Stream::parse(config.as_str()).ok().and_then(|it| json(&it));
        let of_config = of_config.unwrap_or_default().pop().unwrap_or_default();
        for is_check in modes.iter().copied() {
            let Some(ledger) = ledger(&stream, &config, is_check) else {
                continue;
            };
            let who = path.display().to_string();
            let (input, accounted) = (
                Input::of(&documents, &of_config),
                Input::accounted(&ledger, &who),
            );
            if input != accounted {
                let more = |a: &Parts, b: &Parts| a.difference(b).cloned().collect::<Vec<_>>();
                wrong.push(format!(
                    "{who}: {} objects of {}; left out {:?} {:?}; invented {:?} {:?}",
                    accounted.objects,
                    input.objects,
                    more(&input.containers, &accounted.containers),
                    more(&input.claims, &accounted.claims),
                    more(&accounted.containers, &input.containers),
                    more(&accounted.claims, &input.claims),
                ));
            }
            if is_check == modes[0] {
                sum.texts += 1;
                sum.containers += ledger.containers.len();
                sum.claims += ledger.claims.len();
                for row in &ledger.objects {
                    let reason = row.account.reason().map(|it| format!(": {}", it.word()));
                    let word = row.account.word().to_owned() + &reason.unwrap_or_default();
                    *sum.objects.entry(word).or_default() += 1;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    sum
}

fn with_config(files: Vec<PathBuf>) -> impl Iterator<Item = (PathBuf, String)> {
    files.into_iter().map(|file| (file, CONFIG.to_owned()))
}

#[test]
fn everything_in_the_cases_is_accounted_for() {
    let mut inputs = files(&root().join("tests/cases"));
    inputs.retain(|path| path.ends_with("input.yaml"));
    let texts = inputs.into_iter().map(|input| {
        let config = fs::read_to_string(input.with_file_name("fn-config.yaml")).unwrap();
        (input, config)
    });
    let sum = hold(texts, &[false, true]);
    println!("{sum:?}");
    assert!(
        sum.texts > 300 && sum.containers > 400 && sum.claims > 100,
        "{sum:?}"
    );
    // Each state and each reason has a case, except those of a host's ResourceList and of flags.
    let words = Account::ALL.iter().map(|(word, _)| (*word).to_owned());
    let reasons = SkipReason::ALL.iter().map(|(reason, _)| reason);
    use SkipReason::{FunctionConfig, NotChosen, OtherShard};
    let reasons = reasons.filter(|it| !matches!(it, FunctionConfig | NotChosen | OtherShard));
    let reasons = reasons.map(|it| format!("passed-over: {}", it.word()));
    let missing: Vec<String> = words
        .filter(|word| word != "passed-over")
        .chain(reasons)
        .filter(|word| !sum.objects.contains_key(word))
        .collect();
    assert_eq!(missing, [""; 0], "{sum:?}");
}

#[test]
fn everything_in_the_bases_and_overlays_is_accounted_for() {
    let all = fs::read_to_string(root().join("fn-config/all/fitout.yaml")).unwrap();
    let all = Stream::parse(all).unwrap();
    let production = self_contained(&all, "production", fitout::VOCABULARY).unwrap();
    for folder in ["base", "overlays"] {
        let files = files(&root().join(folder));
        let sum = hold(
            files.into_iter().map(|file| (file, production.clone())),
            &[false, true],
        );
        println!("{folder}: {sum:?}");
        assert!(sum.texts > 10, "{sum:?}");
    }
}

#[test]
fn everything_in_the_corpus_is_accounted_for() {
    let corpus = root().join("../shared/corpus-dev");
    if !corpus.exists() {
        skip("no corpus next to the repository");
        return;
    }
    let sum = hold(with_config(files(&corpus)), &[false]);
    println!("{sum:?}");
    assert!(sum.texts > 1000 && sum.containers > 800, "{sum:?}");
}

/// The files below a folder on disk; an ignored or hidden folder is one entry.
fn on_disk(folder: &Path, whole: &[&str], found: &mut Vec<String>, root: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let is_folder = path.is_dir() && !path.is_symlink();
        match is_folder && !whole.contains(&name.as_str()) {
            true => on_disk(&path, whole, found, root),
            false => found.push(name),
        }
    }
}

#[cfg(unix)]
#[test]
fn every_file_below_an_argument_is_accounted_for() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n";
    let folder = Folder::with(&[
        ("config.yaml", CONFIG),
        ("base/pod.yaml", pod),
        ("base/two.yaml", &format!("{pod}---\nkey: value\n")),
        ("base/.gitignore", "ignored.yaml\n/out/\n"),
        ("base/ignored.yaml", pod),
        ("base/out/pod.yaml", pod),
        ("base/.hidden/pod.yaml", pod),
        ("base/pod.YML", pod),
        ("base/excluded.yaml", pod),
        ("base/patches/pod.yaml", pod),
        (
            "base/patches/kustomization.yaml",
            "patches: [{path: pod.yaml}]\n",
        ),
        ("base/chart/Chart.yaml", "apiVersion: v2\nname: a\n"),
        ("base/chart/templates/pod.yaml", "{{ a }}"),
        ("base/notes.txt", "a"),
        (
            "base/deep/down/kustomization.yaml",
            "resources: [pod.yaml]\n",
        ),
        ("base/deep/values.yaml", "image: a\n"),
        ("elsewhere/pod.yaml", pod),
    ]);
    let link = |from: &str, to: &str| {
        std::os::unix::fs::symlink(from, folder.path().join(to)).unwrap();
    };
    link("../elsewhere", "base/linked");
    link("pod.yaml", "base/same.yaml");
    let plan = [
        "plan", "-f", "base", "-c", "config.yaml", "--exclude", "excluded.yaml",
    ];
    let run = folder.run(&[&plan[..], &["-o", "json"]].concat());
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let expected = serde_json::json!({
        "object": 0, "name": "a", "containerType": "Container", "field": "spec.containers[0]", "state": "fitted",
    });
    assert_eq!(report["ledger"]["containers"][0], expected);
    let object = &report["ledger"]["objects"][0];
    assert_eq!(
        (text(&object["resourceRef"], "kind"), text(object, "state")),
        ("Pod", "fitted")
    );
    let rows = report["ledger"]["files"].as_array().unwrap();
    let whole: Vec<&Value> = rows
        .iter()
        .filter(|row| row.get("index").is_none())
        .collect();
    let mut accounted: Vec<&str> = whole.iter().map(|row| text(row, "path")).collect();
    accounted.sort_unstable();
    let mut disk = Vec::new();
    let base = folder.path().join("base");
    on_disk(
        &base,
        &["base/out", "base/.hidden", "base/chart"],
        &mut disk,
        folder.path(),
    );
    disk.sort();
    assert_eq!(accounted, disk);
    let reason_of = |path: &str| {
        let row = whole.iter().find(|row| row["path"] == path).unwrap();
        row["reason"].as_str().unwrap_or("read")
    };
    for (path, reason) in [
        ("base/pod.yaml", "read"),
        ("base/two.yaml", "read"),
        ("base/.gitignore", "hidden"),
        ("base/ignored.yaml", "ignored"),
        ("base/out", "ignored"),
        ("base/.hidden", "hidden"),
        ("base/pod.YML", "read"),
        ("base/notes.txt", "extension"),
        ("base/excluded.yaml", "excluded"),
        ("base/patches/pod.yaml", "patch"),
        ("base/patches/kustomization.yaml", "package"),
        ("base/chart", "chart"),
        ("base/deep/down/kustomization.yaml", "package"),
        ("base/deep/values.yaml", "no-objects"),
        ("base/linked", "link"),
        ("base/same.yaml", "duplicate"),
    ] {
        assert_eq!(reason_of(path), reason, "{path}");
    }
    let documents: Vec<&Value> = rows
        .iter()
        .filter(|row| row.get("index").is_some())
        .collect();
    assert_eq!(documents.len(), 1);
    assert_eq!(
        (text(documents[0], "path"), &documents[0]["index"]),
        ("base/two.yaml", &1.into())
    );
    // `check` reads what is hidden and ignored, and still has each file once.
    let check = folder.run(&["check", "-f", "base", "-c", "config.yaml", "-o", "json"]);
    let report: Value = serde_json::from_str(&check.stdout).unwrap();
    let rows = report["ledger"]["files"].as_array().unwrap().iter();
    let mut accounted: Vec<&str> = rows
        .filter(|row| row.get("index").is_none())
        .map(|row| text(row, "path"))
        // It is reached through the link and by its own path.
        .filter(|path| !path.starts_with("base/linked/"))
        .collect();
    accounted.sort_unstable();
    let mut disk = Vec::new();
    on_disk(&base, &["base/chart"], &mut disk, folder.path());
    disk.retain(|name| name != "base/linked");
    disk.sort();
    assert_eq!(accounted, disk);
    // The summary has it in one line, and `-v` row by row.
    let line = "Ledger  3 objects: 3 fitted; 14 files passed over (1 chart, 1 duplicate, 1 excluded, 1 extension, 2 hidden, \
                2 ignored, 1 link, 2 no-objects, 2 package, 1 patch)\n";
    let run = folder.run(&plan);
    assert!(run.stdout.ends_with(line), "{}", run.stdout);
    let run = folder.run(&[&plan[..], &["-v"]].concat());
    for row in [
        "  Pod a  base/pod.yaml: fitted\n    container \"a\": fitted\n",
        "  base/out: passed over: ignored\n",
        "  base/two.yaml document 1: passed over: no-objects\n",
    ] {
        assert!(run.stdout.contains(row), "{row}{}", run.stdout);
    }
}

#[test]
fn the_line_is_printed_if_something_is_passed_over() {
    let pod = |name: &str, more: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{{more}}}}}\nspec: {{containers: \
             [{{name: a, image: a}}]}}\n---\n"
        )
    };
    let local = pod("b", "config.kubernetes.io/local-config: 'true'");
    let skipped = pod("c", "fitout.dev/skip: 'true'");
    let service = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\n";
    let all = pod("a", "") + service;
    let authors = "authors: {skip: [resources, securityContext, prometheus, storage]}";
    let config = CONFIG.replacen("\nspec:\n", &format!("\nspec:\n  {authors}\n"), 1);
    let folder = Folder::with(&[
        ("config.yaml", &config),
        ("all.yaml", &all),
        ("some.yaml", &(local + &skipped + &all)),
    ]);
    let line_of = |command: &str, file: &str| {
        let run = folder.run(&[command, "-f", file, "-c", "config.yaml"]);
        let text = run.stdout + &run.stderr;
        text.lines()
            .find_map(|line| line.strip_prefix("Ledger  ").map(str::to_owned))
    };
    for command in ["apply", "plan", "check"] {
        assert_eq!(line_of(command, "all.yaml"), None, "{command}");
    }
    let passed = "4 objects: 1 fitted, 1 no workload, 2 passed over (1 local-config, 1 skipped)";
    assert_eq!(line_of("plan", "some.yaml").as_deref(), Some(passed));
    assert_eq!(line_of("apply", "some.yaml").as_deref(), Some(passed));
    // Objects that opt out of changes are still checked.
    let checked =
        "4 objects: 1 would change, 2 checked only (1 local-config, 1 skipped), 1 no workload";
    assert_eq!(line_of("check", "some.yaml").as_deref(), Some(checked));
}

/// The tables of states and reasons in `docs/checking.md`, from the meanings in the code.
#[test]
fn states_and_reasons_are_documented() {
    let row = |word: &str, meaning: &str| format!("| `{word}` | {} |\n", meaning.trim());
    let states = Account::ALL
        .iter()
        .map(|(word, meaning)| row(word, meaning));
    let reasons = SkipReason::ALL.iter();
    let reasons = reasons.map(|(reason, meaning)| row(reason.word(), meaning));
    let files = FileReason::ALL.iter();
    let files = files.map(|(reason, meaning)| row(reason.word(), meaning));
    let tables: [(&str, String); 3] = [
        ("state", states.collect()),
        ("reason", reasons.collect()),
        ("reason", files.collect()),
    ];

    let page = fs::read_to_string(root().join("docs/checking.md")).unwrap();
    let mut expected = String::new();
    let mut rest = page.as_str();
    for (heading, rows) in tables {
        let head = format!("| {heading} | meaning |\n|---|---|\n");
        let (before, after) = rest.split_once(&head).unwrap();
        expected += before;
        expected += &head;
        expected += &rows;
        rest = &after[after.find("\n\n").unwrap() + 1..];
    }
    expected += rest;
    crate::pages::keep("docs/checking.md", &expected);
}

//! The Indexed Job of docs/guides/scale.md on a real control plane. No image runs: kwok completes the pods.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::render::{name, pod_security};
use crate::hosts::bench::root;

const NAMESPACE: &str = "shards";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The pods of the Job that have not failed, by index.
fn pods(cluster: &Cluster) -> BTreeMap<String, Value> {
    let pods = cluster.items("pods").into_iter();
    let of_job = pods.filter(|it| {
        it["metadata"]["labels"]["job-name"] == "fitout" && it["status"]["phase"] != "Failed"
    });
    let index = |it: &Value| {
        it["metadata"]["annotations"][INDEX]
            .as_str()
            .unwrap()
            .to_owned()
    };
    of_job.map(|it| (index(&it), it)).collect()
}

#[test]
fn a_lost_index_of_the_job_runs_again_alone() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let (level, version) = pod_security("production");
    cluster.make_namespace(NAMESPACE, level, &version);
    let apply = |file: &str| {
        let file = root().join("examples/scale").join(file);
        let file = file.to_str().unwrap();
        let strict = ["apply", "--server-side", "--validate=strict", "-f", file];
        cluster
            .kubectl(&[&["-n", NAMESPACE], &strict[..]].concat())
            .succeeded();
    };
    apply("job.yaml");
    // The claim has no volume yet, so no pod starts.
    let first = cluster.until("the Job has a pod for each index", || {
        let pods = pods(&cluster);
        match pods.len() {
            8 => Ok(pods),
            other => Err(format!("{other} pods")),
        }
    });
    for (index, pod) in &first {
        assert!(index.parse::<usize>().unwrap() < 8, "{index}");
        let container = &pod["spec"]["containers"][0];
        let shard = "$(JOB_COMPLETION_INDEX)/8";
        assert!(
            container["args"]
                .as_array()
                .unwrap()
                .iter()
                .any(|it| it == shard)
        );
        let variables = container["env"].as_array().unwrap();
        let from = &variables
            .iter()
            .find(|it| it["name"] == "JOB_COMPLETION_INDEX")
            .unwrap()["valueFrom"]["fieldRef"]["fieldPath"];
        assert!(from.as_str().unwrap().contains(INDEX), "{from}");
        // Its name stays in the next pod of the index, so that pod removes what this one leaves.
        assert_eq!(pod["spec"]["hostname"], format!("fitout-{index}").as_str());
    }

    let lost = name(&first["3"]).to_owned();
    let terminated = json!({"exitCode": 137, "reason": "Error"});
    let status = json!({"status": {"phase": "Failed", "containerStatuses": [{
        "name": "fitout", "image": "fitout", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": terminated},
    }]}});
    let patch = [
        "patch", "pod", &lost, "--subresource=status", "--type=merge", "-p",
    ];
    let status = status.to_string();
    cluster
        .kubectl(&[&["-n", NAMESPACE], &patch[..], &[status.as_str()]].concat())
        .succeeded();
    let second = cluster.until("the lost index has another pod", || {
        let pods = pods(&cluster);
        match pods.get("3").map(|it| name(it) != lost) {
            Some(true) => Ok(pods),
            _ => Err(format!("only {:?}", pods.keys())),
        }
    });
    for (index, pod) in &first {
        assert_eq!(index == "3", name(pod) != name(&second[index]), "{index}");
    }

    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "shards"},
        "spec": {
            "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": "shared",
            "hostPath": {"path": "/nowhere"}, "claimRef": {"namespace": NAMESPACE, "name": "fitout-work"},
        },
    });
    cluster
        .feed(&["create", "-f", "-"], &volume.to_string())
        .succeeded();
    let completed = |job: &str| {
        cluster.until(&format!("Job {job} is complete"), || {
            let jobs = cluster.items("jobs");
            let status = jobs.into_iter().find(|it| name(it) == job).unwrap()["status"].clone();
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            match conditions
                .iter()
                .any(|it| it["type"] == "Complete" && it["status"] == "True")
            {
                true => Ok(status),
                false => Err(status.to_string()),
            }
        })
    };
    let status = completed("fitout");
    assert_eq!(status["completedIndexes"], "0-7");
    assert_eq!(
        (&status["succeeded"], &status["failed"]),
        (&json!(8), &json!(1))
    );
    apply("merge.yaml");
    completed("fitout-merge");
    println!("shards       8 indices complete; index 3 ran again after its pod was lost");
}

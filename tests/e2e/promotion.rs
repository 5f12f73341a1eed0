//! Production's render applied over staging's in the same cluster: the rejected objects, and how to apply them anyway.
//!
//! `docs/promotion.md` describes the same; its commands for Caracal are those that run here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::cluster::Cluster;
use super::render::{Render, list, name, pod_security, systems, title};
use super::settle::namespace;
use crate::hosts::bench::root;

/// All objects that the API server rejects, by system: claims and claim templates with the same name and another class. Circle
/// Core's names begin with the environment, so its objects are new.
const REFUSED: [(&str, &[&str]); 4] = [
    (
        "254carbon",
        &[
            "PersistentVolumeClaim 254carbon-access/grafana-data",
            "PersistentVolumeClaim 254carbon-access/postgres-data",
            "PersistentVolumeClaim 254carbon-access/prometheus-data",
            "PersistentVolumeClaim 254carbon-access/redis-data",
        ],
    ),
    ("caracal", &["StatefulSet caracal/caracal-postgres"]),
    ("circle-core", &[]),
    (
        "mcp-gateway",
        &["StatefulSet mcp-gateway/mcp-stack-mongodb"],
    ),
];

#[test]
fn from_staging_to_production_in_one_cluster() {
    let Some(cluster) = Cluster::empty() else {
        return;
    };
    let production = systems("production");
    for system in systems("staging")
        .iter()
        .filter(|system| production.contains(system))
    {
        promote(&cluster, system);
    }
}

fn promote(cluster: &Cluster, system: &str) {
    let (level, version) = pod_security("production");
    let staging = Render::of("staging", system);
    cluster.prepare(&staging, (level, &version));
    cluster.apply_namespaces(&staging);
    cluster.provide(&staging);
    cluster.apply(&staging, &[]).succeeded();
    cluster.settle(&staging);

    let render = Render::of("production", system);
    cluster.prepare(&render, (level, &version));
    let expected = REFUSED.iter().find(|(of, _)| *of == system);
    let expected = expected.unwrap_or_else(|| panic!("REFUSED says nothing of {system}"));
    let expected: BTreeSet<String> = expected.1.iter().map(ToString::to_string).collect();
    let predicted = cluster.preflight(&render);
    assert_eq!(predicted.code, Some(i32::from(!expected.is_empty())));
    assert_eq!(
        titles(&predicted.stdout),
        expected,
        "{system}: preflight\n{}",
        predicted.stdout
    );

    let applied = cluster.apply(&render, &[]);
    let refused = unapplied(&render, &applied.stdout);
    assert_eq!(refused, expected, "{system}: {}", applied.stderr);
    let names: Vec<&str> = refused.iter().map(String::as_str).collect();
    println!(
        "promotion  {system}: of {} objects the API server refuses {}, as preflight said: {}",
        render.objects.len(),
        names.len(),
        if names.is_empty() {
            "none".into()
        } else {
            names.join(", ")
        }
    );
    if !refused.is_empty() {
        println!("{}", predicted.stdout.trim_end());
        let way = WayOut {
            cluster,
            render: &render,
            commands: Vec::new(),
        };
        let commands = way.take(&refused);
        println!("the way out:\n  {}", commands.join("\n  "));
        let page = std::fs::read_to_string(root().join("docs/promotion.md")).unwrap();
        for title in &refused {
            assert!(page.contains(&format!("`{title}`")), "docs: {title}");
        }
        if system == "caracal" {
            let is_shown = |command: &str| page.lines().any(|line| line.starts_with(command));
            for command in &commands {
                assert!(is_shown(command), "docs/promotion.md: {command}");
            }
        }
    }
    cluster.provide(&render);
    let seen = cluster.settle(&render);
    let (running, pods) = seen.pods();
    let found = cluster.preflight(&render);
    assert_eq!((found.code, &*found.stdout), (Some(0), ""));
    println!(
        "promotion  {system}: production's render runs, {running} of {pods} pods Running, every claim of production's class"
    );
}

/// The objects in preflight's report.
fn titles(report: &str) -> BTreeSet<String> {
    let heads = report
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(' '));
    heads
        .map(|line| line.split(": ").next().unwrap().to_owned())
        .collect()
}

/// The objects that `kubectl apply` does not count as applied.
fn unapplied(render: &Render, stdout: &str) -> BTreeSet<String> {
    let is_applied = |object: &Value| {
        let (group, _) = object["apiVersion"]
            .as_str()
            .unwrap()
            .rsplit_once('/')
            .unwrap_or_default();
        let kind = object["kind"].as_str().unwrap().to_lowercase();
        let dot = if group.is_empty() { "" } else { "." };
        let head = format!("{kind}{dot}{group}/{} ", name(object));
        stdout.lines().any(|line| line.starts_with(&head))
    };
    let rest = render.objects.iter().filter(|it| !is_applied(it));
    rest.map(|it| title(it, render.namespace_of(it))).collect()
}

/// Recreates objects around running pods, and then their claims, one after the other.
struct WayOut<'a> {
    cluster: &'a Cluster,
    render: &'a Render,
    /// The commands, as an operator would type them.
    commands: Vec<String>,
}

impl WayOut<'_> {
    fn take(mut self, refused: &BTreeSet<String>) -> Vec<String> {
        let is_refused = |it: &&Value| refused.contains(&title(it, self.render.namespace_of(it)));
        let objects: Vec<&Value> = self.render.objects.iter().filter(is_refused).collect();
        let mut claims: BTreeSet<(String, String)> = BTreeSet::new();
        for object in objects {
            let namespace = self.render.namespace_of(object);
            if object["kind"] == "StatefulSet" {
                claims.extend(self.remake(namespace, name(object)));
            } else {
                claims.insert((namespace.to_owned(), name(object).to_owned()));
            }
        }
        for (namespace, claim) in claims {
            self.renew(&namespace, &claim);
        }
        self.commands
    }

    fn kubectl(&mut self, namespace: &str, line: &str) {
        let arguments: Vec<&str> = ["-n", namespace]
            .into_iter()
            .chain(line.split(' '))
            .collect();
        self.cluster.kubectl(&arguments).succeeded();
        self.commands.push(format!("kubectl -n {namespace} {line}"));
    }

    /// Deletes a StatefulSet without its pods, and applies it again around them. Returns its claims.
    fn remake(&mut self, in_namespace: &str, set: &str) -> Vec<(String, String)> {
        let pods = |cluster: &Cluster| -> BTreeMap<String, String> {
            let prefix = format!("{set}-");
            let pods = cluster.items("pods");
            let of_set = pods
                .iter()
                .filter(|it| namespace(it) == in_namespace && name(it).starts_with(&prefix));
            of_set
                .map(|it| (name(it).to_owned(), it["metadata"]["uid"].to_string()))
                .collect()
        };
        let before = pods(self.cluster);
        assert!(!before.is_empty(), "{set} has no pod");
        self.kubectl(
            in_namespace,
            &format!("delete statefulset {set} --cascade=orphan"),
        );
        assert_eq!(
            before,
            pods(self.cluster),
            "{set}: not the same pods keep running"
        );
        let title = format!("StatefulSet {in_namespace}/{set}");
        let refused = unapplied(self.render, &self.cluster.apply(self.render, &[]).stdout);
        assert!(!refused.contains(&title), "{title} is still rejected");

        let sets = self.render.of_kind("StatefulSet");
        let set = sets.into_iter().find(|it| name(it) == set).unwrap();
        let claims = list(&set["spec"]["volumeClaimTemplates"]).flat_map(|template| {
            before
                .keys()
                .map(|pod| (in_namespace.to_owned(), format!("{}-{pod}", name(template))))
        });
        claims.collect()
    }

    /// Replaces a claim with a new one. Its data is dumped before and restored afterwards.
    fn renew(&mut self, in_namespace: &str, claim: &str) {
        let owners = self.owners(in_namespace, claim);
        for (owner, _) in &owners {
            self.kubectl(in_namespace, &format!("scale {owner} --replicas=0"));
        }
        self.cluster.until("its pods are gone", || {
            let pods = self.cluster.items("pods");
            let using = pods
                .iter()
                .filter(|it| namespace(it) == in_namespace && uses(&it["spec"], claim));
            let using: Vec<&str> = using.map(name).collect();
            if using.is_empty() {
                Ok(())
            } else {
                Err(using.join(", "))
            }
        });
        self.kubectl(
            in_namespace,
            &format!("delete persistentvolumeclaim {claim}"),
        );
        self.cluster.provide(self.render);
        // Claims that are not yet replaced are still rejected.
        let refused = unapplied(self.render, &self.cluster.apply(self.render, &[]).stdout);
        let title = format!("PersistentVolumeClaim {in_namespace}/{claim}");
        assert!(!refused.contains(&title), "{title} is still rejected");
        for (owner, replicas) in &owners {
            self.kubectl(
                in_namespace,
                &format!("scale {owner} --replicas={replicas}"),
            );
        }
    }

    /// The workloads whose pods use a claim, as kubectl names them, with their number of pods.
    fn owners(&self, in_namespace: &str, claim: &str) -> Vec<(String, u64)> {
        let live = self.cluster.items("deployments,statefulsets");
        let using = live.iter().filter(|it| {
            let is_of_set = list(&it["spec"]["volumeClaimTemplates"])
                .any(|template| claim.starts_with(&format!("{}-{}-", name(template), name(it))));
            namespace(it) == in_namespace
                && (is_of_set || uses(&it["spec"]["template"]["spec"], claim))
        });
        using
            .map(|it| {
                let kind = it["kind"].as_str().unwrap().to_lowercase();
                let replicas = it["spec"]["replicas"].as_u64().unwrap();
                (format!("{kind} {}", name(it)), replicas)
            })
            .collect()
    }
}

fn uses(pod: &Value, claim: &str) -> bool {
    list(&pod["volumes"]).any(|it| it["persistentVolumeClaim"]["claimName"] == claim)
}

//! Checks the requirements of the four systems in the three environments, through every host.
//!
//! `requirements/<system>.md` has the requirements of each system, in a table that this test reads. `make acceptance` runs it
//! and prints, for each host, how many rows each rendering satisfies. Like the host tests it needs installed hosts, and prints
//! which it skips; whether the tables are valid is tested without any.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod changes;
mod commands;
mod pages;
mod questions;
mod reach;
mod references;
pub(crate) mod render;
mod table;
mod traffic;
mod versions;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::hosts::bench::{Bench, Need, overlay, root};
use crate::hosts::helm;
use crate::hosts::objects::{assert_same_objects, objects};
use render::Render;
use table::{ENVIRONMENTS, Table};

/// The systems are the folders of `base`.
pub(crate) fn systems() -> Vec<String> {
    let folders = fs::read_dir(root().join("base")).unwrap();
    let mut systems: Vec<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    systems.sort();
    systems
}

fn requirements(system: &str) -> Table {
    let path = root().join(format!("tests/acceptance/requirements/{system}.md"));
    let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Table::parse(&page).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Renders all twelve overlays through one host and checks every row.
fn accepted(host: &str, needs: &[Need], open: impl Fn(&Bench, &str, &str) -> String) {
    let Some(bench) = Bench::with(needs) else {
        return;
    };
    println!();
    let mut refused = Vec::new();
    for (i, environment) in ENVIRONMENTS.into_iter().enumerate() {
        for system in systems() {
            let printed = open(&bench, &system, environment);
            let who = format!("{host}, {environment}, {system}");
            let reference = bench.reference(&system, environment);
            assert_same_objects(&who, &objects([&*reference]), &objects([&*printed]));
            let render = Render::of(&printed);
            let table = requirements(&system);
            let asked: BTreeSet<&str> = table.asked(i).map(|row| row.id.as_str()).collect();
            let failures: Vec<_> = table
                .asked(i)
                .filter_map(|row| row.check(&render, i).err())
                .collect();
            let failed: BTreeSet<&str> = failures.iter().map(|f| f.id.as_str()).collect();
            println!(
                "{host:<19} {environment:<11} {system:<11} {:>3} rows passed, {} failed",
                asked.len() - failed.len(),
                failed.len()
            );
            refused.extend(failures.iter().map(|f| format!("{who}: {f}")));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn through_kustomize_exec() {
    accepted(
        "kustomize exec",
        &[Need::Kustomize],
        |bench, system, environment| bench.reference(system, environment),
    );
}

#[test]
fn through_kustomize_container() {
    let needs = [Need::Kustomize, Need::Image];
    accepted(
        "kustomize container",
        &needs,
        |bench, system, environment| {
            let build = [
                "build",
                "--enable-alpha-plugins",
                &overlay(system, environment),
            ];
            bench.run("kustomize", build).succeeded()
        },
    );
}

#[test]
fn through_kpt() {
    let needs = [Need::Kustomize, Need::Kpt, Need::Image];
    accepted("kpt fn render", &needs, |bench, system, environment| {
        // A package is the output of an overlay without the function, the environment's config, and a Kptfile that names it.
        let package = bench.tree().join("package");
        let _ = fs::remove_dir_all(&package);
        fs::create_dir(&package).unwrap();
        let write = |name: &str, text: &str| fs::write(package.join(name), text).unwrap();
        write("objects.yaml", &bench.unfitted(system, environment));
        write(
            "Kptfile",
            &bench.read("examples/kpt/caracal-production/Kptfile"),
        );
        let print = ["config", "print", "-e", environment];
        write("fitout.yaml", &bench.run("fitout", print).succeeded());
        let render = ["fn", "render", "package", "--image-pull-policy", "never"];
        bench.run("kpt", render).succeeded();
        bench.read("package/objects.yaml")
    });
}

#[test]
fn through_helm() {
    let needs = [Need::Kustomize, Need::Helm];
    accepted("helm", &needs, |bench, system, environment| {
        // Names of Circle Core begin with its environment.
        let release = match (system, environment) {
            ("circle-core", "development") => "circle-core-dev",
            ("circle-core", "staging") => "circle-core-staging",
            ("circle-core", _) => "circle-core-prod",
            (system, _) => system,
        };
        let unfitted = bench.unfitted(system, environment);
        helm::chart_of(bench, system, &unfitted, release);
        helm::install(bench);
        let environment = format!("--post-renderer-args=-e{environment}");
        let template = [
            "template", release, system, "--post-renderer", "fitout", &environment,
        ];
        bench.run("helm", template).succeeded()
    });
}

#[test]
fn through_apply_k() {
    accepted(
        "fitout apply -k",
        &[Need::Kustomize],
        |bench, system, environment| {
            let apply = ["apply", "-k", &overlay(system, environment)];
            bench.run("fitout", apply).succeeded()
        },
    );
}

#[test]
fn through_apply_f() {
    accepted(
        "fitout apply -f -",
        &[Need::Kustomize],
        |bench, system, environment| {
            let unfitted = bench.unfitted(system, environment);
            let apply = ["apply", "-f", "-", "-e", environment];
            bench.feed("fitout", apply, unfitted.as_bytes()).succeeded()
        },
    );
}

/// A row that no broken rendering fails proves nothing about a correct one.
#[test]
fn every_row_can_fail() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let mut blind = Vec::new();
    for (i, environment) in ENVIRONMENTS.into_iter().enumerate() {
        for system in systems() {
            let mut render = Render::of(&bench.reference(&system, environment));
            let table = requirements(&system);
            let content = changes::unnoticed(&mut render, table.asked(i), i);
            let lines = content
                .iter()
                .map(|row| format!("{} {}", row.id, row.question));
            blind.extend(lines.map(|line| format!("{environment}, {system}: {line}")));
        }
    }
    assert!(
        blind.is_empty(),
        "rows that notice nothing:\n{}",
        blind.join("\n")
    );
}

/// The pages of the systems are made from the renderings.
#[test]
fn the_pages_are_current() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let mut stale = Vec::new();
    for system in systems() {
        let renders = ENVIRONMENTS.map(|e| Render::of(&bench.reference(&system, e)));
        let path = root().join(format!("docs/systems/{system}.md"));
        let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let current = pages::filled(&page, &renders).unwrap_or_else(|e| panic!("{system}: {e}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &current).unwrap();
        } else if page != current {
            stale.push(path.display().to_string());
        }
    }
    assert!(
        stale.is_empty(),
        "make golden rewrites what is stale: {stale:#?}"
    );
}

/// Pages with commands for operators.
fn operating_pages() -> Vec<PathBuf> {
    let named = [
        "README.md", "docs/checking.md", "docs/operating.md", "docs/original-commands.md",
        "docs/promotion.md", "docs/systems.md",
    ];
    let of_systems = systems()
        .into_iter()
        .map(|it| format!("docs/systems/{it}.md"));
    let pages = named.map(str::to_owned).into_iter().chain(of_systems);
    pages.map(|page| root().join(page)).collect()
}

/// The objects of a folder of plain manifests.
fn manifests(folder: &str) -> String {
    let files = fs::read_dir(root().join(folder)).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect::<Vec<_>>().join("---\n")
}

#[test]
fn commands_on_the_pages_name_existing_objects() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let renders = ENVIRONMENTS.into_iter().flat_map(|environment| {
        let bench = &bench;
        let render = move |system: String| Render::of(&bench.reference(&system, environment));
        systems().into_iter().map(render)
    });
    let world = commands::World::new(renders.collect(), &manifests("examples/debug"));
    let mut problems = Vec::new();
    println!();
    for page in operating_pages() {
        let checked = commands::check(&fs::read_to_string(&page).unwrap(), &world);
        let name = page.strip_prefix(root()).unwrap().display().to_string();
        println!("{name:<30} {:>3} names", checked.names);
        assert!(
            checked.names >= 5,
            "{name}: its commands are not understood"
        );
        problems.extend(checked.problems.iter().map(|it| format!("{name}: {it}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn links_on_the_pages_are_valid() {
    let dead = operating_pages()
        .iter()
        .flat_map(|page| commands::dead_links(page))
        .collect::<Vec<_>>();
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

/// The test above must notice mistakes.
#[test]
fn wrong_commands_are_found() {
    let render = "
kind: Namespace
metadata: {name: shop}
---
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 80}]
        env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: web, key: token}}}, {name: DB, value: main}]
---
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: 'db:1'}]}
  volumeClaimTemplates: [{metadata: {name: data}}]
---
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 8080}]}
---
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {maxReplicas: 4, scaleTargetRef: {kind: Deployment, name: web}}
---
kind: ExternalSecret
metadata: {name: web, namespace: shop}
spec: {target: {name: web}, data: [{secretKey: token}]}
";
    let world = commands::World::new(vec![Render::of(render)], "");
    let right = [
        "kubectl -n shop get pods,secret",
        "kubectl -n shop get persistentvolumeclaim data-db-0 # a comment",
        "kubectl -n shop rollout status deployment/web",
        "kubectl -n shop logs -l app=web -c web",
        "kubectl -n shop exec db-0 -c db -- psql -d main > dump",
        "kubectl -n shop exec deployment/web -c web -- sh -c 'echo \"$TOKEN\"'",
        "kubectl -n shop port-forward service/web 9000:8080 & curl http://localhost:9000/health",
        "kubectl -n shop set image deployment/web web=web:2",
        "kubectl -n shop create secret generic web --from-literal=token=\"$(openssl rand -hex 8)\"",
        "kubectl -n shop get secret web -o jsonpath='{.data.token}' | base64 -d",
        r#"kubectl -n shop patch hpa web --patch '{"spec": {"minReplicas": 4}}'"#,
        "(cd overlays/staging/caracal && kustomize edit set replicas web=2)",
        "(cd overlays/staging/mcp-gateway && kustomize edit set image mcp-registry=web:2)",
        "sed -i '/^components:/a - ../../components/zone-spread' overlays/staging/caracal/kustomization.yaml",
        "fitout apply -k overlays/staging/caracal | kubectl apply -f -",
    ];
    let wrong = [
        "kubectl -n store get pods",
        "kubectl -n shop get gadgets",
        "kubectl -n shop get persistentvolumeclaim data-db-1",
        "kubectl -n shop rollout status deployment/wen",
        "kubectl -n shop logs -l app=wen -c web",
        "kubectl -n shop logs deployment/web -c wen",
        "kubectl -n shop exec db-1 -c db -- true",
        "kubectl -n shop exec db-0 -- true",
        "kubectl -n shop exec db-0 -c db -- psql -d other",
        "kubectl -n shop exec deployment/web -c web -- sh -c 'echo $OTHER'",
        "kubectl -n shop exec deployment/web -c web -- curl http://web:8081/",
        "kubectl -n shop port-forward service/web 9000:8081",
        "curl http://localhost:9000/health",
        "kubectl -n shop set image deployment/web wen=web:2",
        "kubectl -n shop create secret generic web --from-literal=tokn=1",
        "kubectl -n shop create secret generic wen --from-literal=token=1",
        "kubectl -n shop get secret web -o jsonpath='{.data.tokn}'",
        r#"kubectl -n shop patch hpa web --patch '{"spec": {"minReplicas": 5}}'"#,
        "(cd overlays/staging/caracal && kustomize edit set replicas wen=2)",
        "(cd overlays/staging/mcp-gateway && kustomize edit set image mcp-registri=web:2)",
        "sed -i '/^components:/a - ../../components/zone' overlays/staging/caracal/kustomization.yaml",
        "sed -i 's#not there#x#' overlays/staging/caracal/kustomization.yaml",
        "fitout apply -k overlays/stage/caracal | kubectl apply -f -",
        "fitout apply -f base/caracal -e stage",
        "kubectl -n shop cordon web",
    ];
    for line in right {
        let checked = commands::check(&format!("```sh\n{line}\n```\n"), &world);
        assert_eq!(checked.problems, [""; 0], "{line}");
        assert!(checked.names > 0, "{line}");
    }
    for line in wrong {
        for page in [format!("```sh\n{line}\n```\n"), format!("Or `{line}`.")] {
            let is_read = page.starts_with('`') || line.starts_with(['k', 'f']);
            let checked = commands::check(&page, &world);
            assert!(!is_read || !checked.problems.is_empty(), "{line}");
        }
    }
}

/// The debug pods run in the closed namespaces of the systems, and the function has nothing to add to them.
#[test]
fn debug_pods_meet_the_rules_of_the_systems() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    for system in systems() {
        let render = bench.reference(&system, "production");
        let all = format!("{render}---\n{}", manifests("examples/debug"));
        let check = [
            "check", "-f", "-", "-e", "production", "--fail-on", "warning",
        ];
        let ran = bench.feed("fitout", check, all.as_bytes());
        assert_eq!(ran.code, Some(0), "{system}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn no_reference_dangles() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let mut dangling = Vec::new();
    for environment in ENVIRONMENTS {
        for system in systems() {
            let render = Render::of(&bench.reference(&system, environment));
            let found = references::dangling(&render);
            dangling.extend(
                found
                    .iter()
                    .map(|d| format!("{environment}, {system}: {d}")),
            );
        }
    }
    assert!(dangling.is_empty(), "{}", dangling.join("\n"));
}

/// An excuse that no rendering needs is for a connection that is allowed, or for an address that is no longer in any setting.
#[test]
fn every_address_is_reachable_and_every_excuse_needed() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let (mut unreachable, mut excused) = (Vec::new(), BTreeSet::new());
    for environment in ENVIRONMENTS {
        for system in systems() {
            let mut render = Render::of(&bench.reference(&system, environment));
            let addresses = reach::addresses(&render).unwrap();
            for address in addresses.iter().filter(|it| !it.is_reachable) {
                match address.excuse() {
                    Some(excuse) => _ = excused.insert(excuse),
                    None => unreachable.push(format!("{environment}: {}", address.connection())),
                }
            }
            // If policies close everything, pods reach only themselves.
            let closed = Render::of(CLOSED_ALTOGETHER).objects;
            render.objects.retain(|it| it["kind"] != "NetworkPolicy");
            render.objects.extend(closed);
            for address in reach::addresses(&render).unwrap() {
                let is_open = address.is_reachable && !is_itself(&render, &address);
                assert!(!is_open, "{environment}: {}", address.connection());
            }
        }
    }
    assert!(unreachable.is_empty(), "{}", unreachable.join("\n"));
    let idle: Vec<_> = reach::EXCUSED
        .iter()
        .filter(|it| !excused.contains(it))
        .collect();
    assert!(idle.is_empty(), "excuses that nothing needs: {idle:#?}");
}

const CLOSED_ALTOGETHER: &str = "
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";

/// Whether an address is that of the single pod that has it in its settings.
fn is_itself(render: &Render, address: &reach::Address) -> bool {
    let name = address.address.split([':', '.']).next().unwrap_or_default();
    let service = render.get(&format!("Service/{name}")).ok();
    let to = service.and_then(|it| render.behind(it));
    to.is_some_and(|to| to.id() == address.workload && render.most_replicas(to) == 1)
}

/// A page states the version that the newest field needs, and names every field that needs more than the floor. The fields
/// that fitout adds depend on `kubernetesVersion`: with the stated version, it adds none that are newer.
#[test]
fn the_stated_version_is_the_oldest_that_works() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    for system in systems() {
        let page = root().join(format!("docs/systems/{system}.md"));
        let page = fs::read_to_string(page).unwrap();
        let (stated, reasons) = versions::stated(&page).unwrap_or_else(|e| panic!("{system}: {e}"));
        let mut needed = versions::FLOOR;
        for environment in ENVIRONMENTS {
            let config = "fn-config/all/fitout.yaml";
            let before = bench.read(config);
            let versions = [
                r#"kubernetesVersion: "1.34""#.to_owned(),
                format!(r#"kubernetesVersion: "1.{stated}""#),
            ];
            bench.replace(config, &versions[0], &versions[1]);
            let render = Render::of(&bench.reference(&system, environment));
            fs::write(bench.tree().join(config), before).unwrap();
            for (field, since) in versions::young(&render) {
                needed = needed.max(since);
                let name = field.rsplit_once('.').map_or(field, |(_, name)| name);
                let is_said = reasons.contains(&format!("`{name}`")) || since <= versions::FLOOR;
                assert!(
                    is_said,
                    "{system}: the page does not say what {field} is needed for"
                );
            }
        }
        assert_eq!(
            stated, needed,
            "{system}: 1.{stated} is stated, 1.{needed} needed"
        );
    }
}

/// The components for clusters without an operator, and the rows about objects that the operator creates.
const WITHOUT: [(&str, &str, &[&str]); 4] = [
    ("254carbon", "without-external-secrets", &[]),
    ("caracal", "without-external-secrets", &["CAR-076"]),
    (
        "mcp-gateway",
        "without-external-secrets",
        &["MCP-031", "MCP-032", "MCP-033"],
    ),
    (
        "mcp-gateway",
        "mcp-gateway/without-prometheus-operator",
        &["MCP-034", "MCP-035", "MCP-036", "MCP-037"],
    ),
];

/// Without an operator a system has the same objects except for the operator's own, and Prometheus still scrapes it.
#[test]
fn without_an_operator() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let of_operators = ["ExternalSecret", "ServiceMonitor", "PrometheusRule"];
    for (i, environment) in ENVIRONMENTS.into_iter().enumerate() {
        for (system, component, missed) in WITHOUT {
            let who = format!("{environment}, {system}, {component}");
            let overlay = overlay(system, environment);
            let with = Render::of(&bench.reference(system, environment));
            let kustomization = format!("{overlay}/kustomization.yaml");
            let before = bench.read(&kustomization);
            // The command on the page, which is for production.
            let page = fs::read_to_string(root().join(format!("docs/systems/{system}.md")));
            let page = page.unwrap();
            let mut lines = page.lines();
            let shown = lines.find(|line| line.starts_with("sed ") && line.contains(component));
            let shown = shown.unwrap_or_else(|| panic!("{who}: the page does not add it"));
            let production = format!("overlays/production/{system}");
            assert!(shown.contains(&production), "{shown}");
            bench
                .shell(&shown.replace(&production, &overlay))
                .succeeded();
            let by_kustomize = bench.reference(system, environment);
            let by_apply = bench.run("fitout", ["apply", "-k", &overlay]).succeeded();
            fs::write(bench.tree().join(&kustomization), before).unwrap();
            assert_same_objects(&who, &objects([&*by_kustomize]), &objects([&*by_apply]));

            let without = Render::of(&by_apply);
            let gone: BTreeSet<&str> = with
                .objects
                .iter()
                .filter(|it| without.get(&render::id(it)).is_err())
                .map(|it| render::text(&it["kind"]))
                .collect();
            assert!(
                !gone.is_empty() && gone.iter().all(|kind| of_operators.contains(kind)),
                "{who}: gone are {gone:?}"
            );
            assert!(
                gone.iter().all(|kind| without.kind(kind).next().is_none()),
                "{who}"
            );
            let failures: BTreeSet<String> = requirements(system)
                .asked(i)
                .filter_map(|row| row.check(&without, i).err().map(|failure| failure.id))
                .collect();
            let failures: Vec<&str> = failures.iter().map(String::as_str).collect();
            assert_eq!(failures, missed, "{who}");

            if gone.contains("ServiceMonitor") {
                let scraped = "where Prometheus scrapes `Deployment/mcp-stack-registry`";
                for (render, answer) in [(&with, "nowhere"), (&without, ":8000/metrics")] {
                    let row = &table(&[[scraped, answer]]).rows[0];
                    assert!(
                        row.check(render, i).is_ok(),
                        "{who}: it is not scraped {answer}"
                    );
                }
            }
        }
    }
}

/// Every table is valid, the rows of an id are together, and every question is used.
#[test]
fn the_tables_are_valid() {
    let mut used = BTreeSet::new();
    for system in systems() {
        let table = requirements(&system);
        let mut ids: Vec<&str> = table.rows.iter().map(|row| row.id.as_str()).collect();
        ids.dedup();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(
            ids.len(),
            unique.len(),
            "{system}: the rows of an id are not together"
        );
        used.extend(table.rows.iter().map(table::Row::sentence));
    }
    let unused: Vec<&str> = questions::QUESTIONS
        .iter()
        .map(|(sentence, _)| *sentence)
        .filter(|sentence| !used.contains(sentence))
        .collect();
    assert!(unused.is_empty(), "unused questions: {unused:#?}");
}

/// One pod whose policies allow only DNS within its own namespace, and connections to its named port.
const CLOSED: &str = "
kind: Namespace
metadata: {name: here, labels: {team: ours}}
---
kind: Deployment
metadata: {name: app, namespace: here}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - {name: app, image: 'app:1', ports: [{name: http, containerPort: 8080}], resources: {requests: {cpu: 1000m}}}
---
kind: NetworkPolicy
metadata: {name: closed, namespace: here}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: theirs}}
    - ipBlock: {cidr: 192.168.7.7/32}
    ports: [{port: http}]
  egress:
  - to: [{namespaceSelector: {matchLabels: {team: ours}}}]
    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
";

fn table(rows: &[[&str; 2]]) -> Table {
    let rows = rows.iter().enumerate();
    let lines =
        rows.map(|(i, [question, answer])| format!("| {i} | {question} | {answer} | = | = |"));
    let lines: Vec<String> = lines.collect();
    Table::parse(&format!("| head |\n|---|\n{}", lines.join("\n"))).unwrap()
}

#[test]
fn rows_compare_answers_with_expectations() {
    let render = Render::of(CLOSED);
    let passes = |question: &str, answer: &str| {
        table(&[[question, answer]]).rows[0]
            .check(&render, 2)
            .is_ok()
    };
    for (question, right, wrong) in [
        ("replicas of `Deployment/app`", "≥ 2", "≥ 3"),
        ("replicas of `Deployment/app`", "1 or 2", "1"),
        ("cpu request of `Deployment/app`", "1", "2"),
        ("image of `Deployment/app`", "a*:1", "a*:2"),
        ("image of `Deployment/app`", "*pp:1", "*:1:*"),
        (
            "containers that may run as root",
            "Deployment/app app",
            "none",
        ),
        (
            "allowed connections among `every pod → DNS`",
            "none",
            "every pod → DNS",
        ),
        (
            "allowed connections among `another namespace → Deployment/app:8080`, `namespace theirs → Deployment/app:8080`, `the world → Deployment/app:8080`",
            "namespace theirs → Deployment/app:8080",
            "none",
        ),
        (
            "allowed connections among `Deployment/app → Deployment/app:8080`",
            "none",
            "*→*",
        ),
    ] {
        assert!(passes(question, right), "{question} is not {right}");
        assert!(!passes(question, wrong), "{question} is {wrong}");
    }
}

#[test]
fn questions_without_anything_to_check_fail() {
    let render = Render::of("kind: Namespace\nmetadata: {name: here}\n");
    for question in [
        "containers that may run as root",
        "replicas of `Deployment/app`",
        "blocked connections among `every pod → DNS`",
    ] {
        let row = &table(&[[question, "none"]]).rows[0];
        assert!(row.check(&render, 0).is_err(), "{question}");
    }
}

#[test]
fn a_row_that_cannot_fail_is_found() {
    let table = table(&[
        ["image of `Deployment/app`", "*"],
        ["replicas of `Deployment/app`", "2"],
    ]);
    let mut render = Render::of(CLOSED);
    let blind: Vec<&str> = changes::unnoticed(&mut render, table.asked(0), 0)
        .iter()
        .map(|row| row.id.as_str())
        .collect();
    assert_eq!(blind, ["0"]);
}

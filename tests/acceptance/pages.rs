//! The parts of `docs/systems/<system>.md` that are made from the renderings: the diagram, and the differences between environments.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::references::{ELSEWHERE, addresses};
use super::render::{Render, Workload, is_named, list, strings, text};
use super::traffic;

/// The page with its generated parts updated.
pub(crate) fn filled(page: &str, renders: &[Render; 3]) -> Result<String, String> {
    let mut prefixes = renders
        .each_ref()
        .map(|render| render.prefix().unwrap_or_default());
    if prefixes[0] == prefixes[1] {
        prefixes = [""; 3]; // A common prefix is part of the names.
    }
    let page = replaced(page, "picture", &picture(&renders[2], prefixes[2]))?;
    replaced(&page, "environments", &environments(renders, prefixes))
}

fn replaced(page: &str, part: &str, with: &str) -> Result<String, String> {
    let start = format!("<!-- {part}: made from the renderings by make golden -->\n");
    let (before, rest) = page
        .split_once(&start)
        .ok_or_else(|| format!("no {start}"))?;
    let (_, after) = rest
        .split_once("<!-- end -->")
        .ok_or_else(|| format!("{part} has no end"))?;
    Ok(format!("{before}{start}{with}<!-- end -->{after}"))
}

/// The connections in production, as a Mermaid diagram: an edge is an address in a workload's settings that policies allow it
/// to reach.
fn picture(render: &Render, prefix: &str) -> String {
    let mut lines = BTreeSet::new();
    let mut nodes = String::new();
    for workload in render.workloads() {
        let name = short(prefix, workload.object);
        let pods = match pods(render, workload).as_str() {
            "1" => "1 pod".to_owned(),
            many => format!("{many} pods"),
        };
        let _ = writeln!(
            nodes,
            "  {name}[\"{name}<br/>{}, {pods}\"]",
            workload.kind()
        );
        for claim in render.claims(workload) {
            let claimed = short(prefix, claim);
            let size = text(&claim["spec"]["resources"]["requests"]["storage"]);
            lines.insert(format!(
                "  {name} --- {name}-{claimed}[(\"{claimed}<br/>{size}\")]"
            ));
        }
        for setting in render.settings_of(workload) {
            let (key, value) = setting.split_once('=').unwrap_or(("", &setting));
            for address in addresses(render, key, value) {
                let port = address.port.map_or_else(String::new, |p| p.to_string());
                if ELSEWHERE.contains(&address.name.as_str()) {
                    let connection = format!("{} → elsewhere:{port}", workload.id());
                    if traffic::passes(render, &connection) == Ok(true) {
                        lines.insert(format!("  {name} -.->|{port}| {0}([{0}])", address.name));
                    }
                    continue;
                }
                let Ok(service) = render.get(&format!("Service/{}", address.name)) else {
                    continue;
                };
                let Some(to) = render.behind(service) else {
                    continue;
                };
                let ports = list(&service["spec"]["ports"]);
                let port = address
                    .port
                    .or_else(|| ports.filter_map(|p| p["port"].as_i64()).next());
                let port = port.map_or_else(String::new, |p| p.to_string());
                let connection = format!("{} → {}:{port}", workload.id(), address.name);
                if to.id() != workload.id() && traffic::passes(render, &connection) == Ok(true) {
                    lines.insert(format!("  {name} -->|{port}| {}", short(prefix, to.object)));
                }
            }
        }
    }
    for service in render.kind("Service") {
        let open = ["LoadBalancer", "NodePort"].contains(&text(&service["spec"]["type"]));
        if let (true, Some(to)) = (open, render.behind(service)) {
            for port in list(&service["spec"]["ports"]) {
                let to = short(prefix, to.object);
                lines.insert(format!("  clients((clients)) -->|{}| {to}", port["port"]));
            }
        }
    }
    for (host, path, backend) in render.routes() {
        let service = render.get(&format!("Service/{}", text(&backend["service"]["name"])));
        if let Some(to) = service.ok().and_then(|s| render.behind(s)) {
            let to = short(prefix, to.object);
            lines.insert(format!("  clients((clients)) -->|\"{host}{path}\"| {to}"));
        }
    }
    let lines: Vec<String> = lines.into_iter().collect();
    format!(
        "```mermaid\nflowchart LR\n{nodes}{}\n```\n",
        lines.join("\n")
    )
}

/// Everything that differs between environments, as a table.
fn environments(renders: &[Render; 3], prefixes: [&str; 3]) -> String {
    let facts = [0, 1, 2].map(|i| facts(&renders[i], prefixes[i]));
    let mut known: Vec<&String> = Vec::new();
    for (name, _) in facts.iter().flatten() {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    let mut table = "| | development | staging | production |\n|---|---|---|---|\n".to_owned();
    for name in known {
        let values = facts.each_ref().map(|facts| {
            let fact = facts.iter().find(|(n, _)| n == name);
            fact.map_or("none", |(_, value)| value.as_str())
        });
        if values.iter().any(|v| *v != values[0]) {
            let _ = write!(table, "| {name} |");
            for (i, value) in values.iter().enumerate() {
                let same = i > 0 && values[i - 1] == *value;
                let _ = write!(table, " {} |", if same { "=" } else { value });
            }
            table.push('\n');
        }
    }
    table
}

/// The facts about a rendering, under names that all environments have in common.
fn facts(render: &Render, prefix: &str) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut say = |name: String, value: String| facts.push((name, value));
    say("names begin with".to_owned(), format!("`{prefix}`"));
    for namespace in render.kind("Namespace") {
        let level = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        say("the namespace enforces".to_owned(), text(level).to_owned());
    }
    for workload in render.workloads() {
        let name = format!("`{}`", short(prefix, workload.object));
        say(format!("{name}: pods"), pods(render, workload));
        if let Some(main) = workload.main() {
            let amount =
                |field: &str, of: &str| text(&main.value["resources"][field][of]).to_owned();
            for of in ["cpu", "memory"] {
                let value = format!("{} to {}", amount("requests", of), amount("limits", of));
                say(format!("{name}: {of}"), value);
            }
        }
    }
    let names = |of: &dyn Fn(Workload<'_>) -> bool| {
        let named = render
            .workloads()
            .filter(|w| of(*w))
            .map(|w| short(prefix, w.object));
        let named: Vec<String> = named.map(|n| format!("`{n}`")).collect();
        if named.is_empty() {
            "none".to_owned()
        } else {
            named.join(", ")
        }
    };
    say(
        "spread over zones".to_owned(),
        names(&|w| !w.spread_over().is_empty()),
    );
    say(
        "disruption budgets for".to_owned(),
        names(&|w| render.budgets(w).next().is_some()),
    );
    for service in render.kind("Service") {
        let mut kind = match text(&service["spec"]["type"]) {
            "" => "ClusterIP".to_owned(),
            other => other.to_owned(),
        };
        for port in list(&service["spec"]["ports"]).filter_map(|p| p["nodePort"].as_i64()) {
            let _ = write!(kind, " {port}");
        }
        say(
            format!("type of Service `{}`", short(prefix, service)),
            kind,
        );
    }
    let classes: BTreeSet<String> = render
        .all_claims()
        .iter()
        .map(|(_, c)| format!("`{}`", text(&c["spec"]["storageClassName"])))
        .collect();
    say("storage class".to_owned(), joined(classes));
    let hosts = render
        .routes()
        .into_iter()
        .map(|(host, ..)| host.to_owned());
    say("hosts".to_owned(), joined(hosts.collect()));
    let policies = render.kind("NetworkPolicy").count();
    say("network policies".to_owned(), policies.to_string());
    for config in render.kind("ConfigMap") {
        let name = short(prefix, config);
        for (key, value) in strings(&config["data"]) {
            if !value.contains('\n') {
                say(
                    format!("`{key}` in ConfigMap `{name}`"),
                    format!("`{value}`"),
                );
            }
        }
    }
    facts
}

fn joined(names: BTreeSet<String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn pods(render: &Render, workload: Workload<'_>) -> String {
    let (least, most) = (
        render.least_replicas(workload),
        render.most_replicas(workload),
    );
    if least == most {
        least.to_string()
    } else {
        format!("{least} to {most}")
    }
}

/// A name without the parts that differ between environments: kustomize's prefix and its generators' suffix.
fn short(prefix: &str, object: &Value) -> String {
    let name = text(&object["metadata"]["name"]);
    let name = name.strip_prefix(prefix).unwrap_or(name);
    let generated = ["ConfigMap", "Secret"].contains(&text(&object["kind"]));
    let bare = name.rsplit_once('-').map_or(name, |(bare, _)| bare);
    let suffixed = generated && is_named("ConfigMap", name, bare);
    if suffixed { bare } else { name }.to_owned()
}

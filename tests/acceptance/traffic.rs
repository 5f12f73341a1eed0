//! Which connections the NetworkPolicies of a rendering allow.
//!
//! A pod that no policy selects for a direction is open in it; policies add up. A connection between two pods must
//! be allowed out at one end and in at the other.

use serde_json::Value;

use super::render::{Labels, Render, Workload, list, selects, text};

/// Where a connection starts.
enum Source<'a> {
    Pods(Vec<Workload<'a>>),
    /// Any pod of a namespace with these labels.
    Namespace(Labels),
    World,
}

/// The other end of a connection, as the peers of a rule see it.
enum End<'a> {
    /// A pod in the policies' own namespace.
    Pod(&'a Labels),
    /// Any pod of a namespace with these labels.
    Namespace(&'a Labels),
    /// Any address.
    World,
}

/// A port at the end of a connection, with the names that the pod there gives it.
struct Port<'a> {
    number: i64,
    protocol: &'static str,
    names: Vec<&'a str>,
}

/// Whether `<source> → <goal>` is allowed. Sources: `every pod`, `Kind/name`, `namespace <name>`, `another namespace` (one that
/// no policy names), `the world`. Goals: `DNS`, `elsewhere:<port>` (another namespace), `namespace <name>:<port>`,
/// `the world:<port>`, `<Service>:<port>`, `Kind/name:<port of the pods>`.
pub(crate) fn passes(render: &Render, connection: &str) -> Result<bool, String> {
    let (from, to) = connection
        .split_once(" → ")
        .ok_or_else(|| format!("{connection:?} is not <source> → <goal>"))?;
    let source = match from {
        "every pod" => Source::Pods(render.workloads().collect()),
        "another namespace" => Source::Namespace(namespace("another")),
        "the world" => Source::World,
        other => match other.strip_prefix("namespace ") {
            Some(name) => Source::Namespace(namespace(name)),
            None => Source::Pods(vec![render.workload(other)?]),
        },
    };
    if let Source::Pods(pods) = &source
        && pods.is_empty()
    {
        return Err("there are no pods".to_owned());
    }
    let own = render.namespace_labels();
    let out = |end: &End<'_>, port: &Port<'_>| match &source {
        Source::Pods(pods) => pods.iter().all(|pod| {
            let is_peer = |peer: &Value| end.is(peer, &own);
            allows(render, &pod.labels(), "Egress", port, is_peer)
        }),
        Source::Namespace(_) | Source::World => true,
    };
    if to == "DNS" {
        let labels = namespace("kube-system");
        return Ok(["UDP", "TCP"].iter().all(|protocol| {
            let port = Port {
                number: 53,
                protocol,
                names: Vec::new(),
            };
            out(&End::Namespace(&labels), &port)
        }));
    }
    let (end, port) = to
        .rsplit_once(':')
        .ok_or_else(|| format!("{to:?} names no port"))?;
    let number: i64 = port
        .parse()
        .map_err(|_| format!("{port:?} is not a port"))?;
    let mut port = Port {
        number,
        protocol: "TCP",
        names: Vec::new(),
    };
    if end == "the world" {
        return Ok(out(&End::World, &port));
    }
    let outside = end.strip_prefix("namespace ");
    if let Some(name) = outside.or((end == "elsewhere").then_some("another")) {
        return Ok(out(&End::Namespace(&namespace(name)), &port));
    }
    let goal = if end.contains('/') {
        render.workload(end)?
    } else {
        let service = render.get(&format!("Service/{end}"))?;
        let target = render.target_port(service, number);
        port.number = target.ok_or_else(|| format!("Service/{end}:{number} has no target"))?;
        let pods = render.behind(service);
        pods.ok_or_else(|| format!("Service/{end} selects no pod"))?
    };
    port.names = goal.port_names(port.number);
    let labels = goal.labels();
    let comes_in = |from: &End<'_>| {
        let is_peer = |peer: &Value| from.is(peer, &own);
        allows(render, &labels, "Ingress", &port, is_peer)
    };
    let in_ = match &source {
        Source::Pods(pods) => pods.iter().all(|pod| comes_in(&End::Pod(&pod.labels()))),
        Source::Namespace(labels) => comes_in(&End::Namespace(labels)),
        Source::World => comes_in(&End::World),
    };
    Ok(in_ && out(&End::Pod(&labels), &port))
}

/// The labels of a namespace with a name and no other labels.
fn namespace(name: &str) -> Labels {
    let label = "kubernetes.io/metadata.name".to_owned();
    Labels::from([(label, name.to_owned())])
}

/// Whether a policy without rules closes every pod for a direction, so that only connections in other policies are allowed.
pub(crate) fn is_closed(render: &Render, workload: Workload<'_>, direction: &str) -> bool {
    policies(render, &workload.labels(), direction).any(|policy| {
        list(&policy["spec"][direction.to_lowercase()])
            .next()
            .is_none()
    })
}

impl End<'_> {
    /// Whether a peer of a rule matches this end of a connection. Only `0.0.0.0/0` contains all addresses.
    fn is(&self, peer: &Value, own_namespace: &Labels) -> bool {
        let (namespace, pods) = (&peer["namespaceSelector"], &peer["podSelector"]);
        if let Some(block) = peer["ipBlock"].as_object() {
            return block.get("cidr").is_some_and(|cidr| cidr == "0.0.0.0/0")
                && (matches!(self, End::World) || !block.contains_key("except"));
        }
        match self {
            End::World => false,
            // Any pod there may connect, so a selector of some of its pods does not match.
            End::Namespace(labels) => !namespace.is_null() && selects(namespace, labels),
            End::Pod(labels) => {
                (namespace.is_null() || selects(namespace, own_namespace))
                    && (pods.is_null() || selects(pods, labels))
            }
        }
    }
}

/// The policies that select a pod for a direction.
fn policies<'a>(
    render: &'a Render,
    labels: &'a Labels,
    direction: &'a str,
) -> impl Iterator<Item = &'a Value> + 'a {
    render.kind("NetworkPolicy").filter(move |policy| {
        let spec = &policy["spec"];
        let counts = match spec["policyTypes"].as_array() {
            Some(types) => types.iter().any(|t| t == direction),
            // The default of the API server: egress only if there are egress rules.
            None => direction == "Ingress" || !spec["egress"].is_null(),
        };
        counts && selects(&spec["podSelector"], labels)
    })
}

fn allows(
    render: &Render,
    labels: &Labels,
    direction: &str,
    port: &Port<'_>,
    is_peer: impl Fn(&Value) -> bool,
) -> bool {
    let peers = if direction == "Ingress" { "from" } else { "to" };
    let mut open = true;
    for policy in policies(render, labels, direction) {
        open = false;
        for rule in list(&policy["spec"][direction.to_lowercase()]) {
            let anyone = list(&rule[peers]).next().is_none();
            if (anyone || list(&rule[peers]).any(&is_peer)) && port.is_in(rule) {
                return true;
            }
        }
    }
    open
}

impl Port<'_> {
    fn is_in(&self, rule: &Value) -> bool {
        let mut ports = list(&rule["ports"]).peekable();
        ports.peek().is_none()
            || ports.any(|p| {
                let protocol = match text(&p["protocol"]) {
                    "" => "TCP",
                    said => said,
                };
                let number = match (&p["port"], p["endPort"].as_i64()) {
                    (Value::Null, _) => true,
                    (Value::String(name), _) => self.names.contains(&name.as_str()),
                    (first, Some(last)) => first
                        .as_i64()
                        .is_some_and(|first| (first..=last).contains(&self.number)),
                    (one, None) => one.as_i64() == Some(self.number),
                };
                protocol == self.protocol && number
            })
    }
}

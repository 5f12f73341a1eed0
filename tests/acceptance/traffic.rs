//! What the NetworkPolicies of a rendering let pass.
//!
//! A pod that no policy selects for a direction is open in it; policies add up. A connection between two pods has to be
//! let out at one end and in at the other.

use serde_json::Value;

use super::render::{Labels, Render, Workload, list, selects, text};

/// Where a connection starts.
enum Source<'a> {
    Pods(Vec<Workload<'a>>),
    OtherNamespace,
    World,
}

/// Where it ends, as the rules at the starting end see it.
enum Goal<'a> {
    /// A pod, by its labels, in the same namespace.
    Pod(&'a Labels),
    /// Something in another namespace.
    OtherNamespace,
    /// Wherever the name may lead, but not to the system's own pods.
    Anywhere,
}

/// A port at the end of a connection, with the names that the pod there gives it.
struct Port<'a> {
    number: i64,
    protocol: &'static str,
    names: Vec<&'a str>,
}

/// Whether `<source> → <goal>` passes. Sources: `every pod`, `another namespace`, `the world`, `Kind/name`. Goals: `DNS`,
/// `elsewhere:<port>` (out of the system), `<Service>:<port>`, `Kind/name:<port of the pods>`.
pub(crate) fn passes(render: &Render, connection: &str) -> Result<bool, String> {
    let (from, to) = connection
        .split_once(" → ")
        .ok_or_else(|| format!("{connection:?} is not <source> → <goal>"))?;
    let source = match from {
        "every pod" => Source::Pods(render.workloads().collect()),
        "another namespace" => Source::OtherNamespace,
        "the world" => Source::World,
        id => Source::Pods(vec![render.workload(id)?]),
    };
    if let Source::Pods(pods) = &source
        && pods.is_empty()
    {
        return Err("there are no pods".to_owned());
    }
    let own = render.namespace_labels();
    let out = |goal: &Goal<'_>, port: &Port<'_>| match &source {
        Source::Pods(pods) => pods.iter().all(|pod| {
            allows(render, &pod.labels(), "Egress", port, |peer| {
                goal.is(peer, &own)
            })
        }),
        Source::OtherNamespace | Source::World => true,
    };
    if to == "DNS" {
        return Ok(["UDP", "TCP"].iter().all(|protocol| {
            let port = Port {
                number: 53,
                protocol,
                names: Vec::new(),
            };
            out(&Goal::OtherNamespace, &port)
        }));
    }
    let (end, port) = to
        .rsplit_once(':')
        .ok_or_else(|| format!("{to:?} names no port"))?;
    let number: i64 = port.parse().map_err(|_| format!("{port:?} is no port"))?;
    let mut port = Port {
        number,
        protocol: "TCP",
        names: Vec::new(),
    };
    if end == "elsewhere" {
        return Ok(out(&Goal::Anywhere, &port));
    }
    let goal = if end.contains('/') {
        render.workload(end)?
    } else {
        let service = render.get(&format!("Service/{end}"))?;
        let target = render.target_port(service, number);
        port.number = target.ok_or_else(|| format!("Service/{end}:{number} leads nowhere"))?;
        let pods = render.behind(service);
        pods.ok_or_else(|| format!("Service/{end} selects no pod"))?
    };
    port.names = goal.port_names(port.number);
    let labels = goal.labels();
    let comes_in = |is: &dyn Fn(&Value) -> bool| allows(render, &labels, "Ingress", &port, is);
    let in_ = match &source {
        Source::Pods(pods) => pods.iter().all(|pod| {
            let from = pod.labels();
            comes_in(&|peer| Goal::Pod(&from).is(peer, &own))
        }),
        Source::OtherNamespace => comes_in(&|peer| Goal::OtherNamespace.is(peer, &own)),
        Source::World => comes_in(&|peer| !peer["ipBlock"].is_null()),
    };
    Ok(in_ && out(&Goal::Pod(&labels), &port))
}

/// Whether a policy without a rule closes every pod for a direction, so that only what others name may pass.
pub(crate) fn is_closed(render: &Render, workload: Workload<'_>, direction: &str) -> bool {
    policies(render, &workload.labels(), direction).any(|policy| {
        list(&policy["spec"][direction.to_lowercase()])
            .next()
            .is_none()
    })
}

impl Goal<'_> {
    /// Whether a peer of a rule is this end of a connection. Of addresses only `0.0.0.0/0` surely holds a given pod.
    fn is(&self, peer: &Value, own_namespace: &Labels) -> bool {
        let namespace = &peer["namespaceSelector"];
        let block = &peer["ipBlock"];
        match self {
            Goal::Anywhere => peer["podSelector"].is_null() || !namespace.is_null(),
            Goal::OtherNamespace => {
                let every = namespace.as_object().is_some_and(serde_json::Map::is_empty);
                !block.is_null()
                    || (!namespace.is_null() && (every || !selects(namespace, own_namespace)))
            }
            Goal::Pod(_) if !block.is_null() => block["cidr"] == "0.0.0.0/0",
            Goal::Pod(labels) => {
                let pods = &peer["podSelector"];
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
            // What the API server assumes: egress only where rules speak of it.
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

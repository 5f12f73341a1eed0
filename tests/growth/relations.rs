//! Inputs in which each of many objects is related to each of many others.

use super::shapes::{
    Input, Shape, Workload, account, autoscaler, binding, budget, claim, containers, each,
    in_container, in_pod, ingress, limit_range, list, monitor, named_ports, object, policy, quota,
    route, rule, service, services, vertical_autoscaler, volumes, web, webs,
};

/// Workloads whose pods have the same labels.
fn alike(count: usize) -> String {
    each(count, |n| Workload::new(n).labels("app: web").yaml())
}

/// Labels of which [`subset`] selects some.
const TAGS: usize = 14;

fn tags() -> String {
    list(TAGS, |n| format!("t{n}: v"))
}

/// A selector that differs for each number and matches [`tags`].
fn subset(number: usize) -> String {
    let bits = (0..TAGS).filter(|bit| (number + 1) >> bit & 1 == 1);
    let tags: Vec<String> = bits.map(|bit| format!("t{bit}: v")).collect();
    tags.join(", ")
}

/// A selector that differs for each number and matches all pods.
fn but(number: usize) -> String {
    format!("matchExpressions: [{{key: app, operator: NotIn, values: [x{number}]}}]")
}

fn tagged(count: usize) -> String {
    each(count, |n| {
        Workload::new(n)
            .labels(format!("app: web-{n}, {}", tags()))
            .yaml()
    })
}

fn named_port(selector: &str, port: &str) -> String {
    format!("podSelector: {{{selector}}}, ingress: [{{ports: [{{port: {port}}}]}}]")
}

/// With a config that annotates Services.
fn on_services(manifests: String) -> Input {
    let config = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: x}\nspec:\n  environment: production\n  prometheus: {placement: Service, onAmbiguous: First}\n";
    Input {
        manifests,
        config: config.to_owned(),
    }
}

fn annotated(service: String) -> String {
    service.replace(
        "metadata: {",
        "metadata: {annotations: {prometheus.io/scrape: 'true', prometheus.io/port: '8080'}, ",
    )
}

fn monitor_of(kind: &str, number: usize, namespaces: &str, endpoints: &str) -> String {
    let spec = format!(
        "spec: {{selector: {{}}, namespaceSelector: {{{namespaces}}}, {endpoints}: [{{port: http}}]}}"
    );
    let name = format!("m-{number}");
    object("monitoring.coreos.com/v1", kind, name, "shop", &spec)
}

fn port_of_pod(kind: &str, number: usize, selector: &str) -> String {
    monitor(kind, number, selector, "podMetricsEndpoints")
}

fn unnamed(text: &str) -> String {
    text.replace(", namespace: shop", "")
}

/// A policy with one rule for each peer of `peers`.
fn to_peers(count: usize, peer: impl Fn(usize) -> String) -> String {
    let rules = list(count, |n| {
        format!("{{to: [{}], ports: [{{port: http}}]}}", peer(n))
    });
    policy(0, &format!("podSelector: {{}}, egress: [{rules}]"))
}

fn stateful(count: usize, spec: &str) -> String {
    each(count, |n| {
        Workload {
            kind: "StatefulSet",
            spec: spec.to_owned(),
            ..Workload::new(n)
        }
        .yaml()
    })
}

fn limits_of(number: usize, amounts: &str) -> String {
    let spec = format!("spec: {{limits: [{{type: Container, {amounts}}}]}}");
    object("v1", "LimitRange", format!("l-{number}"), "shop", &spec)
}

/// With a config that annotates pods in a way.
fn scraped(settings: &str, manifests: String) -> Input {
    let config = on_services(String::new()).config;
    let default = "{placement: Service, onAmbiguous: First}";
    assert!(config.contains(default));
    Input {
        manifests,
        config: config.replace(default, &format!("{{{settings}}}")),
    }
}

fn numbers(count: usize) -> String {
    list(count, |n| (n % 60_000 + 1).to_string())
}

fn scrape_config(number: usize, spec: &str) -> String {
    let spec = format!("spec: {{{spec}}}");
    let name = format!("c-{number}");
    object(
        "monitoring.coreos.com/v1alpha1",
        "ScrapeConfig",
        name,
        "shop",
        &spec,
    )
}

fn with_address(number: usize, address: &str) -> String {
    scrape_config(
        number,
        &format!("staticConfigs: [{{targets: ['{address}']}}]"),
    )
}

/// The discoveries of one scrape config.
fn discoveries(count: usize, role: &str, selector: impl Fn(usize) -> String) -> String {
    let one = |n| {
        let selector = selector(n);
        format!("{{role: {role}, selectors: [{{role: {role}, label: '{selector}'}}]}}")
    };
    scrape_config(0, &format!("kubernetesSDConfigs: [{}]", list(count, one)))
}

fn victoria(kind: &str, number: usize, spec: &str) -> String {
    let spec = format!("spec: {{{spec}}}");
    let name = format!("v-{number}");
    object(
        "operator.victoriametrics.com/v1beta1",
        kind,
        name,
        "shop",
        &spec,
    )
}

fn counting(number: usize, hard: &str) -> String {
    let spec = format!("spec: {{hard: {{{hard}}}}}");
    object("v1", "ResourceQuota", format!("q{number}"), "shop", &spec)
}

/// Deployments, and a list of the config with as many rows.
fn webs_with(name: &str, n: usize, row: impl Fn(usize) -> String) -> Input {
    Input {
        manifests: webs(n),
        config: format!("  {name}:\n{}", each(n, row)),
    }
}

/// The annotations of an author that exempt from these words.
fn exempt(words: &str) -> String {
    format!("fitout.dev/exempt-reason: because it is so, fitout.dev/exempt: '{words}'")
}

/// Many containers, whose author exempts from these words.
fn exempt_containers(count: usize, words: &str) -> Input {
    let containers = containers(count, |_| String::new());
    containers.annotations(exempt(words)).yaml().into()
}

/// Many containers, and exemptions of the config for some of them.
fn exempting(count: usize, exemptions: usize, select: impl Fn(usize) -> String) -> Input {
    let exemption = |n| {
        let select = select(n);
        format!(
            "  - {{reason: because it is so, fields: [resources.limits.cpu], select: {{containers: {{{select}}}}}}}\n"
        )
    };
    Input {
        manifests: containers(count, |_| String::new()).yaml(),
        config: format!("  exemptions:\n{}", each(exemptions, exemption)),
    }
}

/// Annotations of kustomize, each with a list.
fn renamed<const N: usize>(count: usize, notes: [(&str, &str); N]) -> String {
    let notes = notes.map(|(name, item)| {
        let items = list(count, |n| format!("{item}{n}")).replace(' ', "");
        format!("internal.config.kubernetes.io/{name}: '{items}'")
    });
    notes.join(", ")
}

/// The whole table.
pub(super) const RELATIONS: &[Shape] = &[
    ("services × pods", |n| {
        (alike(n) + &each(n, |n| service(n, "shop", "app: web"))).into()
    }),
    ("services × pods, by other labels", |n| {
        (tagged(n) + &each(n, |n| service(n, "shop", &subset(n)))).into()
    }),
    ("services × pods without namespaces", |n| {
        let pods = each(n, |n| Workload::alone(n).yaml());
        (pods + &unnamed(&each(n, |n| service(n, "shop", "app: web")))).into()
    }),
    ("services of namespaces × pods without", |n| {
        (unnamed(&alike(n)) + &each(n, |n| service(n, &format!("n{n}"), "app: web"))).into()
    }),
    ("services without pods × pods", |n| {
        let service = |n| service(n, "shop", &format!("app: web, tier: x{n}"));
        (alike(n) + &each(n, service)).into()
    }),
    ("services × labels of a pod", |n| {
        let labels = list(n, |n| format!("l{n}: v"));
        (Workload::new(0).labels(labels).yaml()
            + &each(n, |n| service(n, "shop", &format!("l{n}: v"))))
            .into()
    }),
    ("services × ports of a pod", |n| {
        let pod = Workload::new(0).labels(tags()).ports(named_ports(n));
        (pod.yaml() + &each(n, |n| service(n, "shop", &subset(n)))).into()
    }),
    ("services that are scraped × pods", |n| {
        (alike(n) + &annotated(each(n, |n| service(n, "shop", "app: web")))).into()
    }),
    ("services that are scraped, by other labels", |n| {
        (tagged(n) + &annotated(each(n, |n| service(n, "shop", &subset(n))))).into()
    }),
    ("services with ports of their own × pods", |n| {
        let services = each(n, |n| {
            annotated(service(n, "shop", "app: web")).replace("8080", &(n % 60_000).to_string())
        });
        (alike(n) + &services).into()
    }),
    ("annotated services", |n| {
        on_services(webs(n) + &services(n))
    }),
    ("annotated services × pods", |n| {
        on_services(alike(n) + &each(n, |n| service(n, "shop", "app: web")))
    }),
    ("annotated services × pods, by other labels", |n| {
        on_services(tagged(n) + &each(n, |n| service(n, "shop", &subset(n))))
    }),
    ("annotated services of all and of each", |n| {
        let all = each(n, |n| service(n, "shop", "tier: web"));
        let pod = |n| Workload::new(n).labels(format!("app: web-{n}, tier: web"));
        on_services(each(n, |n| pod(n).yaml()) + &all + &services(n).replace("s-", "t-"))
    }),
    ("annotated services × labels of a pod", |n| {
        let labels = list(n, |n| format!("l{n}: v"));
        on_services(
            Workload::new(0).labels(labels).yaml()
                + &each(n, |n| service(n, "shop", &format!("l{n}: v"))),
        )
    }),
    ("ports of annotated services × pods", |n| {
        let ports = list(n, |n| {
            format!("{{name: p{n}, port: {n}, targetPort: http}}")
        });
        let spec = format!("spec: {{selector: {{app: web}}, ports: [{ports}]}}");
        on_services(alike(n) + &object("v1", "Service", "s", "shop", &spec))
    }),
    ("budgets × pods", |n| {
        (webs(n) + &each(n, |n| budget(n, ""))).into()
    }),
    ("budgets × pods, by other labels", |n| {
        (webs(n) + &each(n, |n| budget(n, &but(n)))).into()
    }),
    ("policies × pods", |n| {
        (webs(n) + &each(n, |n| policy(n, &named_port("", "http")))).into()
    }),
    ("policies × pods, by other labels", |n| {
        (webs(n) + &each(n, |n| policy(n, &named_port(&but(n), "http")))).into()
    }),
    ("policies × ports that no pod has", |n| {
        (alike(n)
            + &each(n, |n| {
                policy(n, &named_port("matchLabels: {app: web}", "nope"))
            }))
            .into()
    }),
    ("policies × ports of a pod", |n| {
        let pod = Workload::new(0).ports(named_ports(n)).yaml();
        (pod + &each(n, |n| policy(n, &named_port(&but(n), "nope")))).into()
    }),
    ("rules × peers", |n| {
        (webs(n) + &to_peers(n, |_| "{podSelector: {}}".to_owned())).into()
    }),
    ("rules × peers, by other labels", |n| {
        (webs(n) + &to_peers(n, |n| format!("{{podSelector: {{{}}}}}", but(n)))).into()
    }),
    ("rules × peers of all and of each", |n| {
        let peers = |n| {
            format!("{{podSelector: {{}}}}, {{podSelector: {{matchLabels: {{app: web-{n}}}}}}}")
        };
        (webs(n) + &to_peers(n, peers)).into()
    }),
    ("peers × ports of one rule", |n| {
        let peers = list(n, |n| {
            format!("{{podSelector: {{matchLabels: {{app: web-{n}}}}}}}")
        });
        let ports = list(n, |n| format!("{{port: p{n}}}"));
        let spec = format!("podSelector: {{}}, egress: [{{to: [{peers}], ports: [{ports}]}}]");
        (webs(n) + &policy(0, &spec)).into()
    }),
    ("peers in namespaces", |n| {
        let peer = |n| {
            format!(
                "{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: n{n}}}}}, podSelector: {{matchLabels: {{app: web}}}}}}"
            )
        };
        let namespace =
            |n| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: n{n}}}\n---\n");
        let pods = each(n, |n| namespace(n) + &Workload::alone(n).yaml());
        (web(0) + &pods + &to_peers(n, peer)).into()
    }),
    ("pod monitors × pods", |n| {
        (webs(n) + &each(n, |n| port_of_pod("PodMonitor", n, ""))).into()
    }),
    ("pod monitors × pods, by other labels", |n| {
        (webs(n) + &each(n, |n| port_of_pod("PodMonitor", n, &but(n)))).into()
    }),
    ("pod monitors of all and services of each", |n| {
        (webs(n) + &services(n) + &each(n, |n| port_of_pod("PodMonitor", n, ""))).into()
    }),
    ("monitors × services", |n| {
        (webs(n) + &services(n) + &each(n, |n| monitor("ServiceMonitor", n, "", "endpoints")))
            .into()
    }),
    ("monitors × services × pods", |n| {
        let services = each(n, |n| service(n, "shop", "app: web"));
        (alike(n) + &services + &each(n, |n| monitor("ServiceMonitor", n, "", "endpoints"))).into()
    }),
    ("monitors × services, by other labels", |n| {
        let monitors = each(n, |n| monitor("ServiceMonitor", n, &but(n), "endpoints"));
        (webs(n) + &services(n) + &monitors).into()
    }),
    ("monitors × annotated services", |n| {
        let monitors = each(n, |n| monitor("ServiceMonitor", n, "", "endpoints"));
        on_services(webs(n) + &services(n) + &monitors)
    }),
    ("monitors of any namespace", |n| {
        let pods = each(n, |n| Workload::alone(n).yaml());
        let monitor = |n| monitor_of("PodMonitor", n, "any: true", "podMetricsEndpoints");
        (pods + &each(n, monitor)).into()
    }),
    ("monitors of one namespace each", |n| {
        let pods = each(n, |n| Workload::alone(n).yaml());
        let monitor = |n| {
            let names = format!("matchNames: [n{n}]");
            monitor_of("PodMonitor", n, &names, "podMetricsEndpoints")
        };
        (pods + &each(n, monitor)).into()
    }),
    ("a monitor of many namespaces", |n| {
        let pods = each(n, |n| Workload::alone(n).yaml());
        let names = format!("matchNames: [{}]", list(n, |n| format!("n{n}")));
        (pods + &monitor_of("PodMonitor", 0, &names, "podMetricsEndpoints")).into()
    }),
    ("monitors that select nothing", |n| {
        let monitor = |n| {
            victoria(
                "VMPodScrape",
                n,
                &format!("selector: {{matchLabels: {{app: web-x{n}}}}}"),
            )
        };
        (webs(n) + &each(n, monitor)).into()
    }),
    ("monitors that select others' pods", |n| {
        let pods = each(n, |n| Workload::alone(n).yaml());
        let monitor = |n| port_of_pod("PodMonitor", n, "matchLabels: {app: web}");
        (web(0) + &pods + &each(n, monitor)).into()
    }),
    ("monitors without selectors × pods", |n| {
        (webs(n) + &each(n, |n| victoria("VMPodScrape", n, ""))).into()
    }),
    ("monitors of all namespaces × pods, by other labels", |n| {
        let monitor = |n| {
            let spec = format!(
                "spec: {{selector: {{{}}}, endpoints: [{{port: nope}}]}}",
                but(n)
            );
            object(
                "monitoring.googleapis.com/v1",
                "ClusterPodMonitoring",
                format!("g{n}"),
                "shop",
                &spec,
            )
        };
        (each(n, |n| Workload::alone(n).yaml()) + &each(n, monitor)).into()
    }),
    ("monitors × ports of a pod", |n| {
        let pod = Workload::new(0).ports(named_ports(n)).yaml();
        let monitor = |n| port_of_pod("PodMonitor", n, &but(n)).replace("port: http", "port: nope");
        (pod + &each(n, monitor)).into()
    }),
    ("endpoints of a monitor × ports of a pod", |n| {
        let pod = Workload::new(0).ports(named_ports(n)).yaml();
        let ports = list(n, |n| format!("{{port: q{n}}}"));
        (pod + &victoria("VMPodScrape", 0, &format!("podMetricsEndpoints: [{ports}]"))).into()
    }),
    ("endpoints of a monitor × services", |n| {
        let ports = list(n, |n| format!("{{port: q{n}}}"));
        (webs(n) + &services(n) + &victoria("VMServiceScrape", 0, &format!("endpoints: [{ports}]")))
            .into()
    }),
    ("namespaces of a monitor × labels", |n| {
        let names = list(n, |n| format!("n{n}"));
        let labels = list(n, |n| format!("l{n}: v{n}"));
        let made = object("example.com/v1", "Made", "made", "shop", "");
        let spec = format!(
            "namespaceSelector: {{matchNames: [{names}]}}, selector: {{matchLabels: {{{labels}}}}}"
        );
        let pods = each(n, |n| Workload::alone(n).yaml());
        (pods + &made + &victoria("VMPodScrape", 0, &spec)).into()
    }),
    ("discoveries × pods", |n| {
        (alike(n) + &discoveries(n, "pod", |_| "app=web".to_owned())).into()
    }),
    ("discoveries × pods, by other labels", |n| {
        (alike(n) + &discoveries(n, "pod", |n| format!("app!=x{n}"))).into()
    }),
    ("discoveries × services, by other labels", |n| {
        let services = each(n, |n| service(n, "shop", "app: web"));
        (alike(n) + &services + &discoveries(n, "endpoints", |n| format!("app!=x{n}"))).into()
    }),
    ("addresses of one service", |n| {
        (web(0) + &services(1) + &each(n, |n| with_address(n, "s-0.shop.svc:80"))).into()
    }),
    ("addresses × services of one name", |n| {
        let services = each(n, |_| service(0, "shop", "app: web"));
        (alike(n) + &services + &each(n, |n| with_address(n, "s-0.shop.svc:80"))).into()
    }),
    ("addresses in namespaces × services", |n| {
        let services = each(n, |n| service(0, &format!("n{n}"), "app: web"));
        let pods = each(n, |n| Workload::alone(n).yaml());
        (pods + &services + &each(n, |n| with_address(n, &format!("s-0.n{n}:80")))).into()
    }),
    ("addresses in namespaces × services without", |n| {
        let services = unnamed(&each(n, |_| service(0, "shop", "app: web")));
        let pods = each(n, |n| Workload::alone(n).yaml());
        (pods + &services + &each(n, |n| with_address(n, &format!("s-0.n{n}:80")))).into()
    }),
    ("addresses of one scrape config × pods", |n| {
        let targets = list(n, |_| "'s-0:80'".to_owned());
        let config = scrape_config(0, &format!("staticConfigs: [{{targets: [{targets}]}}]"));
        (alike(n) + &service(0, "shop", "app: web") + &config).into()
    }),
    ("hints × ports of a pod", |n| {
        let hints = list(n, |n| {
            format!(
                "io.opentelemetry.discovery.metrics.{}/enabled: 'true'",
                n % 60_000 + 1
            )
        });
        let pod = Workload::new(0).ports(named_ports(n)).yaml();
        let pod = pod.replace(
            "metadata: {labels:",
            &format!("metadata: {{annotations: {{{hints}}}, labels:"),
        );
        scraped("convention: OpenTelemetry", pod)
    }),
    ("ports of the config × ports of a pod", |n| {
        let pod = Workload::new(0).ports(named_ports(n)).yaml();
        scraped(
            &format!("convention: OpenTelemetry, port: [{}]", numbers(n)),
            pod,
        )
    }),
    ("ports of the config that no pod has", |n| {
        scraped(
            &format!("convention: OpenTelemetry, port: [{}]", numbers(n)),
            web(0),
        )
    }),
    ("names of ports of the config × ports of a pod", |n| {
        let names = list(n, |n| format!("p{n}"));
        let pod = Workload::new(0).ports(named_ports(n)).yaml();
        scraped(&format!("convention: OpenTelemetry, port: [{names}]"), pod)
    }),
    ("ports of the config × containers", |n| {
        let containers = containers(n, |n| {
            format!(", ports: [{{containerPort: {}}}]", n % 60_000 + 1)
        });
        scraped(
            &format!("convention: Datadog, port: [{}]", numbers(n)),
            containers.yaml(),
        )
    }),
    ("autoscalers that measure a container × containers", |n| {
        let spec = "spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web-0}, metrics: [{type: ContainerResource, containerResource: {name: cpu, container: nope, target: {type: Utilization, averageUtilization: 80}}}]}";
        let autoscaler = |n| {
            object(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                format!("h{n}"),
                "shop",
                spec,
            )
        };
        (containers(n, |_| String::new()).yaml() + &each(n, autoscaler)).into()
    }),
    ("containers that are measured × containers", |n| {
        let metrics = list(n, |n| {
            format!(
                "{{type: ContainerResource, containerResource: {{name: cpu, container: x{n}, target: {{type: Utilization, averageUtilization: 80}}}}}}"
            )
        });
        let spec = format!(
            "spec: {{maxReplicas: 3, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web-0}}, metrics: [{metrics}]}}"
        );
        let autoscaler = object(
            "autoscaling/v2", "HorizontalPodAutoscaler", "h", "shop", &spec,
        );
        (containers(n, |_| String::new()).yaml() + &autoscaler).into()
    }),
    ("quotas of objects × services", |n| {
        (webs(n)
            + &services(n)
            + &each(n, |n| {
                counting(
                    n,
                    "services: 1, count/deployments.apps: 1, services.nodeports: 1, pods: 1",
                )
            }))
            .into()
    }),
    ("names of classes in a quota × claims", |n| {
        let names = list(n, |n| {
            format!("c{n}.storageclass.storage.k8s.io/requests.storage: 1")
        });
        (web(0) + &each(n, |n| claim(format!("d{n}"), "shop")) + &counting(0, &names)).into()
    }),
    ("names of limit ranges of claims × pods", |n| {
        let range = |k| limits_of(k, &format!("max: {{example.com/x{k}: 1}}"));
        let ranges = each(n, range).replace("Container", "PersistentVolumeClaim");
        (webs(n) + &ranges).into()
    }),
    ("names of limit ranges of claims × claims", |n| {
        let range = |k| limits_of(k, &format!("max: {{example.com/x{k}: 1, storage: 1Mi}}"));
        let ranges = each(n, range).replace("Container", "PersistentVolumeClaim");
        (web(0) + &each(n, |n| claim(format!("d{n}"), "shop")) + &ranges).into()
    }),
    ("mirrors × services", |n| {
        let mirrors = list(n, |n| {
            format!(
                "{{type: RequestMirror, requestMirror: {{backendRef: {{name: s-{n}, port: 81}}}}}}"
            )
        });
        let spec = format!("spec: {{rules: [{{filters: [{mirrors}]}}]}}");
        let route = object(
            "gateway.networking.k8s.io/v1", "HTTPRoute", "r", "shop", &spec,
        );
        (webs(n) + &services(n) + &route).into()
    }),
    ("vertical autoscalers × containers", |n| {
        (containers(n, |_| String::new()).yaml() + &each(n, |n| vertical_autoscaler(n, "web-0")))
            .into()
    }),
    ("policies of a vertical autoscaler × containers", |n| {
        let policies = list(n, |n| format!("{{containerName: c{n}, mode: Auto}}"));
        let spec = format!(
            "spec: {{targetRef: {{apiVersion: apps/v1, kind: Deployment, name: web-0}}, resourcePolicy: {{containerPolicies: [{policies}]}}}}"
        );
        let autoscaler = object(
            "autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "v", "shop", &spec,
        );
        (containers(n, |_| String::new()).yaml() + &autoscaler).into()
    }),
    ("autoscalers × containers", |n| {
        (containers(n, |_| String::new()).yaml() + &each(n, |n| autoscaler(n, "shop", "web-0")))
            .into()
    }),
    ("metrics of an autoscaler × containers", |n| {
        let metrics = list(n, |n| {
            format!(
                "{{type: Resource, resource: {{name: r{n}, target: {{type: Utilization, averageUtilization: 80}}}}}}"
            )
        });
        let spec = format!(
            "spec: {{maxReplicas: 3, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web-0}}, metrics: [{metrics}]}}"
        );
        let autoscaler = object(
            "autoscaling/v2", "HorizontalPodAutoscaler", "h", "shop", &spec,
        );
        (containers(n, |_| String::new()).yaml() + &autoscaler).into()
    }),
    ("metrics for containers of an autoscaler", |n| {
        let metrics = list(n, |n| {
            format!(
                "{{type: ContainerResource, containerResource: {{name: ephemeral-storage, container: c{n}, target: {{type: Utilization, averageUtilization: 80}}}}}}"
            )
        });
        let spec = format!(
            "spec: {{maxReplicas: 3, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web-0}}, metrics: [{metrics}]}}"
        );
        let autoscaler = object(
            "autoscaling/v2", "HorizontalPodAutoscaler", "h", "shop", &spec,
        );
        (containers(n, |_| String::new()).yaml() + &autoscaler).into()
    }),
    ("autoscalers without namespaces", |n| {
        let pods = each(n, |n| Workload::alone(n).yaml());
        (pods + &unnamed(&each(n, |n| autoscaler(n, "shop", "web")))).into()
    }),
    ("autoscalers of repeated objects", |n| {
        (each(n, |_| web(0)) + &each(n, |n| autoscaler(n, "shop", "web-0"))).into()
    }),
    ("ingress rules × services", |n| {
        let rules = list(n, |n| rule(n, &format!("s-{n}")));
        (web(0) + &services(n) + &ingress(0, &format!("rules: [{rules}]"))).into()
    }),
    ("ingresses without namespaces", |n| {
        let services = each(n, |n| service(0, &format!("n{n}"), "app: web"));
        let ingress = |n| ingress(n, &format!("rules: [{}]", rule(n, "s-0")));
        (web(0) + &services + &unnamed(&each(n, ingress))).into()
    }),
    ("ingresses to a service with many ports", |n| {
        let ports = list(n, |n| format!("{{name: p{n}, port: {}}}", n + 1000));
        let spec = format!("spec: {{selector: {{app: web-0}}, ports: [{ports}]}}");
        let ingresses = each(n, |n| ingress(n, &format!("rules: [{}]", rule(n, "s"))));
        (web(0) + &object("v1", "Service", "s", "shop", &spec) + &ingresses).into()
    }),
    ("routes of services in namespaces", |n| {
        let services = each(n, |n| service(n, &format!("n{n}"), "app: web"));
        (web(0) + &services + &route(n, |n| format!("s-{n}, namespace: n{n}"))).into()
    }),
    ("pods × one claim", |n| {
        let volumes = "      volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]\n";
        (each(n, |n| Workload::new(n).pod(volumes).yaml()) + &claim("data", "shop")).into()
    }),
    ("claims × classes", |n| {
        let class = |n| {
            object(
                "storage.k8s.io/v1",
                "StorageClass",
                format!("c{n}"),
                "",
                "provisioner: x",
            )
            .replace(", namespace: ", "")
        };
        let claim = |n| {
            claim(format!("d{n}"), "shop")
                .replace("spec: {", &format!("spec: {{storageClassName: c{n}, "))
        };
        (web(0) + &each(n, class) + &each(n, claim)).into()
    }),
    ("claims × quotas", |n| {
        let spec = "spec: {hard: {requests.storage: 1Gi, persistentvolumeclaims: 1}}";
        let quota = |n| object("v1", "ResourceQuota", format!("q{n}"), "shop", spec);
        (web(0) + &each(n, |n| claim(format!("d{n}"), "shop")) + &each(n, quota)).into()
    }),
    ("claims × limit ranges", |n| {
        let spec = "spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 1Mi}}]}";
        let range = |n| object("v1", "LimitRange", format!("l{n}"), "shop", spec);
        (web(0) + &each(n, |n| claim(format!("d{n}"), "shop")) + &each(n, range)).into()
    }),
    ("claim templates × quotas", |n| {
        let templates = "  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]\n";
        let spec = "spec: {hard: {requests.storage: 1Gi, persistentvolumeclaims: 1}}";
        let quota = |n| object("v1", "ResourceQuota", format!("q{n}"), "shop", spec);
        (stateful(n, templates) + &each(n, quota)).into()
    }),
    ("claim templates × mounts", |n| {
        let templates = each(n, |n| {
            format!(
                "  - {{metadata: {{name: v{n}}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}\n"
            )
        });
        let mounts = in_container("volumeMounts", n, |n| {
            format!("{{name: v{n}, mountPath: /m{n}}}")
        });
        Workload {
            kind: "StatefulSet",
            spec: format!("  volumeClaimTemplates:\n{templates}"),
            ..Workload::new(0).container(mounts)
        }
        .yaml()
        .into()
    }),
    ("quotas × pods", |n| {
        (webs(n) + &each(n, |n| quota(n, "shop"))).into()
    }),
    ("quotas × containers", |n| {
        let spec = "spec: {hard: {requests.ephemeral-storage: 1, limits.cpu: 1}}";
        let quota = |n| object("v1", "ResourceQuota", format!("q{n}"), "shop", spec);
        (containers(n, |_| String::new()).yaml() + &each(n, quota)).into()
    }),
    ("names of a quota × pods", |n| {
        let hard = list(n, |n| format!("requests.example.com/x{n}: 1"));
        let quota = object(
            "v1",
            "ResourceQuota",
            "q",
            "shop",
            &format!("spec: {{hard: {{{hard}}}}}"),
        );
        (webs(n) + &quota).into()
    }),
    ("limit ranges × pods", |n| {
        (webs(n) + &each(n, |n| limit_range(n, "shop"))).into()
    }),
    ("limit ranges that refuse × pods", |n| {
        (webs(n) + &each(n, |n| limits_of(n, "max: {cpu: 1m}"))).into()
    }),
    ("limit ranges that refuse × containers", |n| {
        (containers(n, |_| String::new()).yaml() + &each(n, |n| limits_of(n, "max: {cpu: 1m}")))
            .into()
    }),
    ("limit ranges of pods that refuse × pods", |n| {
        let ranges = each(n, |n| {
            limits_of(n, "max: {cpu: 1m}").replace("Container", "Pod")
        });
        (webs(n) + &ranges).into()
    }),
    ("names of a limit range × pods", |n| {
        let amounts = list(n, |n| format!("example.com/x{n}: 1"));
        (webs(n) + &limits_of(0, &format!("max: {{{amounts}}}"))).into()
    }),
    ("names of limit ranges × containers", |n| {
        let ranges = each(n, |k| {
            limits_of(k, &format!("default: {{example.com/x{k}: 1}}"))
        });
        (containers(n, |_| String::new()).yaml() + &ranges).into()
    }),
    ("bindings × one account", |n| {
        let subject = "{kind: ServiceAccount, name: sa-0, namespace: shop}";
        (account(0) + &each(n, |n| binding(n, subject)) + &webs(n)).into()
    }),
    ("bindings × accounts of one name", |n| {
        let accounts = each(n, |n| {
            object("v1", "ServiceAccount", "web", &format!("n{n}"), "")
        });
        let binding = |n| binding(n, "{kind: ServiceAccount, name: web}");
        (accounts + &unnamed(&each(n, binding)) + &webs(n)).into()
    }),
    ("pods × accounts of one name", |n| {
        let accounts = each(n, |n| {
            object("v1", "ServiceAccount", "web", &format!("n{n}"), "")
        });
        let pod = |n| {
            Workload::new(n)
                .pod("      serviceAccountName: web\n")
                .yaml()
        };
        (accounts + &unnamed(&each(n, pod))).into()
    }),
    ("pods × one account", |n| {
        let pod = |n| {
            Workload::new(n)
                .pod("      serviceAccountName: sa-0\n")
                .yaml()
        };
        (account(0) + &each(n, pod)).into()
    }),
    ("mounts × containers of one volume", |n| {
        let mounts = list(n, |n| format!("{{name: v, mountPath: /m{n}}}"));
        containers(n, |_| ", volumeMounts: [{name: v, mountPath: /v}]".to_owned())
            .pod(format!(
                "      initContainers: [{{name: i, image: 'x:1', volumeMounts: [{mounts}]}}]\n      volumes: [{{name: v, emptyDir: {{}}}}]\n"
            ))
            .yaml()
            .into()
    }),
    ("mounts × variables", |n| {
        let mounts = in_container("volumeMounts", n, |n| {
            format!("{{name: v{n}, mountPath: /m{n}}}")
        });
        let env = in_container("env", n, |n| format!("{{name: V{n}, value: /m{n}/x}}"));
        Workload::new(0)
            .pod(volumes(n))
            .container(mounts + &env)
            .yaml()
            .into()
    }),
    ("mounts × arguments", |n| {
        let mounts = in_container("volumeMounts", n, |n| {
            format!("{{name: v{n}, mountPath: /m{n}}}")
        });
        let arguments = in_container("args", n, |n| format!("--dir=/m{n}/x"));
        Workload::new(0)
            .pod(volumes(n))
            .container(mounts + &arguments)
            .yaml()
            .into()
    }),
    ("variables that use each other", |n| {
        let env = |n: usize| format!("{{name: V{n}, value: '$(V{})'}}", n / 2);
        let env = in_container("env", n, env);
        Workload::new(0).container(env).yaml().into()
    }),
    ("variables of one name", |n| {
        let env = in_container("env", n, |n| format!("{{name: V, value: '{n}'}}"));
        Workload::new(0).container(env).yaml().into()
    }),
    ("variables × containers", |n| {
        let env = |n| format!(", env: [{{name: V{n}, value: '{n}'}}]");
        containers(n, env).yaml().into()
    }),
    ("probes × ports", |n| {
        let probe = |n| {
            format!(
                ", ports: [{{name: p{n}, containerPort: {}}}], livenessProbe: {{httpGet: {{port: p{n}}}}}",
                n % 60_000 + 1
            )
        };
        containers(n, probe).yaml().into()
    }),
    ("probes of ports that are not there", |n| {
        let probe = |_| ", livenessProbe: {httpGet: {port: nope}}".to_owned();
        containers(n, probe).yaml().into()
    }),
    ("ports of one name", |n| {
        let port = |n| {
            format!(
                ", ports: [{{name: http, containerPort: {}}}]",
                n % 60_000 + 1
            )
        };
        (containers(n, port).yaml() + &service(0, "shop", "app: web-0")).into()
    }),
    ("sources of a volume", |n| {
        let sources = list(n, |n| format!("{{configMap: {{name: c{n}}}}}"));
        let volume = format!("      volumes: [{{name: v, projected: {{sources: [{sources}]}}}}]\n");
        Workload::new(0).pod(volume).yaml().into()
    }),
    ("images of the catalogue", |n| {
        let images = [
            "postgres:17", "redis:8", "nginx:1.29", "grafana/grafana:12.1.0",
        ];
        let pod = |n: usize| Workload {
            image: images[n % images.len()].to_owned(),
            ..Workload::new(n)
        };
        each(n, |n| pod(n).yaml()).into()
    }),
    ("entries of the catalogue × images", |n| {
        let pod = |n| Workload {
            image: format!("example/x{n}:1"),
            ..Workload::new(n)
        };
        let entry = |n| format!("    - {{image: example/x{n}, runAsUser: 1000}}\n");
        Input {
            manifests: each(n, |n| pod(n).yaml()),
            config: format!("  catalogue:\n{}", each(n, entry)),
        }
    }),
    ("exemptions × workloads", |n| {
        let exemption = |n| {
            format!(
                "  - {{reason: because it is so, rules: [FIT-SEC002], select: {{name: web-{n}}}}}\n"
            )
        };
        webs_with("exemptions", n, exemption)
    }),
    ("exemptions of every workload", |n| {
        let exemption = |_| {
            "  - {reason: because it is so, rules: [FIT-SEC002], select: {kind: Deployment}}\n"
                .to_owned()
        };
        webs_with("exemptions", n, exemption)
    }),
    ("exclusions × workloads", |n| {
        webs_with("exclude", n, |n| format!("  - {{name: wex-{n}}}\n"))
    }),
    ("profiles × workloads", |n| {
        let profile = |n| {
            format!(
                "  - {{name: p{n}, select: {{name: web-{n}}}, resources: {{containers: {{requests: {{cpu: {}m}}}}}}}}\n",
                n % 400 + 100
            )
        };
        webs_with("profiles", n, profile)
    }),
    ("profiles of names that begin alike × workloads", |n| {
        let profile = |n| {
            format!("  - {{name: p{n}, select: {{name: web-{n}.*}}, prometheus: {{mode: Off}}}}\n")
        };
        webs_with("profiles", n, profile)
    }),
    ("profiles of labels × workloads", |n| {
        let profile = |n| {
            format!(
                "  - {{name: p{n}, select: {{kind: Deployment, podLabelSelector: app=web-{n}}}, prometheus: {{mode: Off}}}}\n"
            )
        };
        webs_with("profiles", n, profile)
    }),
    ("profiles that match nothing × workloads", |n| {
        let profile = |n| {
            format!(
                "  - {{name: p{n}, required: true, select: {{name: wbe-{n}}}, prometheus: {{mode: Off}}}}\n"
            )
        };
        webs_with("profiles", n, profile)
    }),
    ("exclusions of a profile × workloads", |n| {
        let names = each(n, |n| format!("    - {{name: wex-{n}, namespace: shop}}\n"));
        Input {
            manifests: webs(n),
            config: format!(
                "  profiles:\n  - name: p\n    select: {{}}\n    prometheus: {{mode: Off}}\n    exclude:\n{names}"
            ),
        }
    }),
    ("unknown profiles of authors × profiles", |n| {
        let profile = |n| {
            format!(
                "  - {{name: p{n}, byAnnotation: true, select: {{name: x}}, prometheus: {{mode: Off}}}}\n"
            )
        };
        let pod = |n| Workload::new(n).annotations(format!("fitout.dev/profile: q{n}"));
        Input {
            manifests: each(n, |n| pod(n).yaml()),
            config: format!("  profiles:\n{}", each(n, profile)),
        }
    }),
    ("exemptions of authors", |n| {
        let pod = |n| {
            Workload::new(n).annotations("fitout.dev/exempt-reason: because it is so, fitout.dev/exempt: 'resources, FIT-PRM002'")
        };
        each(n, |n| pod(n).yaml()).into()
    }),
    ("exemptions of authors × containers", |n| {
        exempt_containers(n, &list(n, |n| format!("c{n}:limits.cpu")))
    }),
    ("an exemption of an author × containers", |n| {
        exempt_containers(n, "limits.cpu")
    }),
    ("an exemption of one container × containers", |n| {
        exempt_containers(n, "c0:limits.cpu, c1:FIT-PRB001")
    }),
    ("words of an author × containers", |n| {
        exempt_containers(n, &list(n, |n| format!("storage.size.c{n}")))
    }),
    ("words of an author × other containers", |n| {
        let words = list(n, |n| format!("x{n}:limits.cpu, last:extra.k{n}"));
        exempt_containers(n, &words)
    }),
    ("words of an author × containers of one name", |n| {
        let words = list(n, |n| format!("main:resources.limits.cpu, main:extra.k{n}"));
        let templates = list(n, |n| {
            format!("{{name: t{n}, container: {{image: 'x:1'}}}}")
        });
        let spec = format!("spec: {{entrypoint: t0, templates: [{templates}]}}");
        let workflow = object("argoproj.io/v1alpha1", "Workflow", "w", "shop", &spec);
        let notes = format!("metadata: {{annotations: {{{}}}, ", exempt(&words));
        workflow.replace("metadata: {", &notes).into()
    }),
    ("words of an author × claims", |n| {
        let claims = each(n, |n| {
            format!(
                "  - {{metadata: {{name: c{n}}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}\n"
            )
        });
        Workload {
            kind: "StatefulSet",
            spec: format!("  serviceName: x\n  volumeClaimTemplates:\n{claims}"),
            ..Workload::new(0)
        }
        .annotations(exempt(&list(n, |n| format!("size.c{n}"))))
        .yaml()
        .into()
    }),
    ("a reason of an author × containers", |n| {
        let reason = "because it is so ".repeat(n);
        let notes = exempt("limits.cpu").replace("because it is so", &reason);
        let containers = containers(n, |_| String::new());
        containers.annotations(notes).yaml().into()
    }),
    ("exemptions of the config × containers", |n| {
        exempting(n, n, |n| format!("names: [c{n}]"))
    }),
    ("an exemption of images × containers", |n| {
        exempting(n, 1, |_| "images: ['x/*', 'x:*']".to_owned())
    }),
    ("an exemption of other images × containers", |n| {
        exempting(n, 1, |_| "images: ['z:*']".to_owned())
    }),
    ("misspelt annotations", |n| {
        let notes = list(n, |n| format!("fitout.dev/exemp{n}: x"));
        Workload::new(0).annotations(notes).yaml().into()
    }),
    ("previous names and namespaces", |n| {
        let notes = renamed(n, [("previousNames", "w"), ("previousNamespaces", "n")]);
        let of_operator = object("acme.io/v1", "Db", "d", "shop", "spec: {}").replace(
            "metadata: {",
            &format!("metadata: {{annotations: {{{notes}}}, "),
        );
        let pod = |n| Workload::new(n).annotations(notes.clone());
        (each(10, |n| pod(n).yaml()) + &of_operator).into()
    }),
    ("previous namespaces × references", |n| {
        let notes = renamed(n, [("previousNamespaces", "n")]);
        let pod = Workload::new(0).namespace("n0").annotations(notes);
        (pod.yaml() + &each(n, |n| autoscaler(n, &format!("n{n}"), "web-0"))).into()
    }),
    ("prefixes × references", |n| {
        let notes = renamed(n, [("prefixes", "p"), ("suffixes", "s")]);
        let maps = object("v1", "ConfigMap", "m", "shop", "data: {a: b}").repeat(2);
        let from = in_container("envFrom", n, |_| "{configMapRef: {name: m}}".to_owned());
        (Workload::new(0).annotations(notes).container(from).yaml() + &maps).into()
    }),
    ("profiles × previous names", |n| {
        let profile =
            |n| format!("  - {{name: p{n}, select: {{name: w{n}}}, prometheus: {{mode: Off}}}}\n");
        let pod = Workload::new(0).annotations(renamed(n, [("previousNames", "w")]));
        Input {
            manifests: pod.yaml(),
            config: format!("  profiles:\n{}", each(n, profile)),
        }
    }),
    ("previous names", |n| {
        let names = list(n, |n| format!("w{n}"));
        let note = format!(
            "internal.config.kubernetes.io/previousNames: '{}'",
            names.replace(' ', "")
        );
        (Workload::new(0).annotations(note).yaml()
            + &each(n, |n| autoscaler(n, "shop", &format!("w{n}"))))
            .into()
    }),
    ("owners", |n| {
        let owners = list(n, |n| {
            format!("{{apiVersion: v1, kind: X, name: o{n}, uid: u{n}}}")
        });
        web(0)
            .replace(
                "metadata: {name: web-0,",
                &format!("metadata: {{ownerReferences: [{owners}], name: web-0,"),
            )
            .into()
    }),
    ("templates of a workflow", |n| {
        let templates = list(n, |n| {
            format!("{{name: t{n}, container: {{image: 'x:1'}}}}")
        });
        object(
            "argoproj.io/v1alpha1",
            "Workflow",
            "w",
            "shop",
            &format!("spec: {{entrypoint: t0, templates: [{templates}]}}"),
        )
        .into()
    }),
    ("steps of a task", |n| {
        let steps = list(n, |n| format!("{{name: t{n}, image: 'x:1'}}"));
        object(
            "tekton.dev/v1",
            "Task",
            "t",
            "shop",
            &format!("spec: {{steps: [{steps}]}}"),
        )
        .into()
    }),
    ("jobs of a set", |n| {
        let jobs = list(n, |n| {
            format!(
                "{{name: j{n}, template: {{spec: {{template: {{spec: {{containers: [{{name: c, image: 'x:1'}}]}}}}}}}}}}"
            )
        });
        object(
            "jobset.x-k8s.io/v1alpha2",
            "JobSet",
            "j",
            "shop",
            &format!("spec: {{replicatedJobs: [{jobs}]}}"),
        )
        .into()
    }),
    ("objects of a template", |n| {
        let objects = list(n, |n| {
            format!(
                "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: d{n}}}, spec: {{template: {{spec: {{containers: [{{name: c, image: 'x:1'}}]}}}}}}}}"
            )
        });
        object(
            "template.openshift.io/v1",
            "Template",
            "t",
            "shop",
            &format!("objects: [{objects}]"),
        )
        .into()
    }),
    ("lists in a list", |n| {
        let list_of = |n| {
            format!(
                "{{apiVersion: v1, kind: List, items: [{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{n}}}}}]}}"
            )
        };
        format!(
            "{{apiVersion: v1, kind: List, items: [{}]}}\n",
            list(n, list_of)
        )
        .into()
    }),
    ("binary values", |n| {
        let data = each(n, |n| format!("  k{n}: !!binary aGVsbG8=\n"));
        object(
            "v1",
            "ConfigMap",
            "c",
            "shop",
            format!("binaryData:\n{data}").trim_end(),
        )
        .into()
    }),
    ("containers by alias, in reverse", |n| {
        let first = in_pod("initContainers", n, |n| {
            format!("&c{n} {{name: c{n}, image: 'x:1'}}")
        });
        let last = each(n, |k| format!("      - *c{}\n", n - 1 - k));
        let containers = Workload::new(0).pod(first).yaml();
        containers.replace("---\n", &format!("{last}---\n")).into()
    }),
    ("comments between containers", |n| {
        containers(n, |_| {
            "} # a comment\n      # another\n      #- {name: x".to_owned()
        })
        .yaml()
        .into()
    }),
    ("comments between keys", |n| {
        let labels = each(n, |n| {
            format!("        # about the next\n        l{n}: v # about this\n\n")
        });
        web(0)
            .replace(
                "    metadata: {labels: {app: web-0}}",
                &format!("    metadata:\n      labels:\n        app: web-0\n{labels}"),
            )
            .into()
    }),
    ("comments at the end of a document", |n| {
        format!(
            "{}{}---\n{}",
            web(0).trim_end_matches("---\n"),
            "      # the end\n".repeat(n),
            web(1)
        )
        .into()
    }),
    ("problems on a line that is not ASCII", |n| {
        let items = list(n, |n| {
            format!(
                "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: w{n}, annotations: {{a: 'ä€'}}}}, spec: {{template: {{spec: {{containers: x}}}}}}}}"
            )
        });
        format!("{{apiVersion: v1, kind: List, items: [{items}]}}\n").into()
    }),
    ("workloads on a line that is not ASCII", |n| {
        let items = list(n, |n| {
            format!(
                "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: w{n}, annotations: {{a: 'ä€'}}}}, spec: {{template: {{spec: {{containers: [{{name: c, image: 'x:1'}}]}}}}}}}}"
            )
        });
        format!("{{apiVersion: v1, kind: List, items: [{items}]}}\n").into()
    }),
    ("namespaces of one name", |n| {
        let namespace = |_| {
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}\n---\n".to_owned()
        };
        (each(n, namespace) + &webs(n)).into()
    }),
    ("images of one workload", |n| {
        containers(n, |n| {
            format!("}}\n      - {{name: d{n}, image: 'example.com/x{n}:1'")
        })
        .yaml()
        .into()
    }),
];

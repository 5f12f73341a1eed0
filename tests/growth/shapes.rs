//! Inputs that repeat one structure a given number of times.

use std::fmt::Write;

/// A structure: its name, and the input with it.
pub(super) type Shape = (&'static str, fn(usize) -> Input);

/// Manifests, and the config, or the entries that it has in addition to those of every measurement.
pub(super) struct Input {
    pub(super) manifests: String,
    pub(super) config: String,
}

impl From<String> for Input {
    fn from(manifests: String) -> Input {
        let config = String::new();
        Input { manifests, config }
    }
}

/// A Deployment with one container.
pub(super) struct Workload {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) labels: String,
    pub(super) annotations: String,
    /// Further fields of the pods, of the container and of the object, each in lines.
    pub(super) pod: String,
    pub(super) container: String,
    pub(super) spec: String,
    pub(super) ports: String,
    pub(super) image: String,
}

impl Workload {
    pub(super) fn new(number: usize) -> Workload {
        Workload {
            kind: "Deployment",
            name: format!("web-{number}"),
            namespace: "shop".to_owned(),
            labels: format!("app: web-{number}"),
            annotations: String::new(),
            pod: String::new(),
            container: String::new(),
            spec: String::new(),
            ports: "{name: http, containerPort: 8080}".to_owned(),
            image: "example.com/x:1".to_owned(),
        }
    }

    /// The same name and labels in a namespace of its own.
    pub(super) fn alone(number: usize) -> Workload {
        Workload {
            name: "web".to_owned(),
            namespace: format!("n{number}"),
            labels: "app: web".to_owned(),
            ..Workload::new(number)
        }
    }

    pub(super) fn labels(self, labels: impl Into<String>) -> Workload {
        Workload {
            labels: labels.into(),
            ..self
        }
    }

    pub(super) fn annotations(self, annotations: impl Into<String>) -> Workload {
        Workload {
            annotations: annotations.into(),
            ..self
        }
    }

    pub(super) fn namespace(self, namespace: impl Into<String>) -> Workload {
        Workload {
            namespace: namespace.into(),
            ..self
        }
    }

    pub(super) fn pod(self, pod: impl Into<String>) -> Workload {
        Workload {
            pod: pod.into(),
            ..self
        }
    }

    pub(super) fn container(self, container: impl Into<String>) -> Workload {
        Workload {
            container: container.into(),
            ..self
        }
    }

    pub(super) fn ports(self, ports: impl Into<String>) -> Workload {
        Workload {
            ports: ports.into(),
            ..self
        }
    }

    pub(super) fn yaml(&self) -> String {
        let Workload {
            kind,
            name,
            namespace,
            labels,
            annotations,
            pod,
            container,
            spec,
            ports,
            image,
        } = self;
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}, annotations: {{{annotations}}}}}\n\
             spec:\n  selector: {{matchLabels: {{{labels}}}}}\n{spec}  template:\n    metadata: {{labels: {{{labels}}}}}\n    spec:\n\
             {pod}      containers:\n      - name: c\n        image: {image}\n{container}        ports: [{ports}]\n---\n"
        )
    }
}

pub(super) fn each(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect()
}

pub(super) fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for number in 0..count {
        let comma = if number == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{}", item(number));
    }
    text
}

pub(super) fn web(number: usize) -> String {
    Workload::new(number).yaml()
}

pub(super) fn webs(count: usize) -> String {
    each(count, web)
}

pub(super) fn object(
    api: &str,
    kind: &str,
    name: impl std::fmt::Display,
    namespace: &str,
    rest: &str,
) -> String {
    format!(
        "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n{rest}\n---\n"
    )
}

pub(super) fn service(number: usize, namespace: &str, selector: &str) -> String {
    let spec =
        format!("spec: {{selector: {{{selector}}}, ports: [{{port: 80, targetPort: http}}]}}");
    object("v1", "Service", format!("s-{number}"), namespace, &spec)
}

pub(super) fn services(count: usize) -> String {
    each(count, |n| service(n, "shop", &format!("app: web-{n}")))
}

pub(super) fn account(number: usize) -> String {
    object("v1", "ServiceAccount", format!("sa-{number}"), "shop", "")
}

pub(super) fn policy(number: usize, spec: &str) -> String {
    let spec = format!("spec: {{{spec}}}");
    object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        format!("np-{number}"),
        "shop",
        &spec,
    )
}

pub(super) fn policies(count: usize, spec: impl Fn(usize) -> String) -> String {
    webs(count) + &each(count, |n| policy(n, &spec(n)))
}

pub(super) fn budget(number: usize, selector: &str) -> String {
    let spec = format!("spec: {{minAvailable: 1, selector: {{{selector}}}}}");
    object(
        "policy/v1",
        "PodDisruptionBudget",
        format!("p-{number}"),
        "shop",
        &spec,
    )
}

pub(super) fn autoscaler(number: usize, namespace: &str, target: &str) -> String {
    let spec = format!(
        "spec: {{maxReplicas: 3, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {target}}}}}"
    );
    object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        format!("h-{number}"),
        namespace,
        &spec,
    )
}

pub(super) fn vertical_autoscaler(number: usize, target: &str) -> String {
    let spec =
        format!("spec: {{targetRef: {{apiVersion: apps/v1, kind: Deployment, name: {target}}}}}");
    object(
        "autoscaling.k8s.io/v1",
        "VerticalPodAutoscaler",
        format!("v-{number}"),
        "shop",
        &spec,
    )
}

pub(super) fn rule(host: usize, service: &str) -> String {
    format!(
        "{{host: h{host}.example.com, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}]}}}}"
    )
}

pub(super) fn ingress(number: usize, spec: &str) -> String {
    let spec = format!("spec: {{{spec}}}");
    object(
        "networking.k8s.io/v1",
        "Ingress",
        format!("i-{number}"),
        "shop",
        &spec,
    )
}

pub(super) fn route(count: usize, service: impl Fn(usize) -> String) -> String {
    let rules = list(count, |n| {
        format!("{{backendRefs: [{{name: {}, port: 80}}]}}", service(n))
    });
    object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        "r",
        "shop",
        &format!("spec: {{rules: [{rules}]}}"),
    )
}

pub(super) fn monitor(kind: &str, number: usize, selector: &str, endpoints: &str) -> String {
    let spec = format!("spec: {{selector: {{{selector}}}, {endpoints}: [{{port: http}}]}}");
    object(
        "monitoring.coreos.com/v1",
        kind,
        format!("m-{number}"),
        "shop",
        &spec,
    )
}

pub(super) fn claim(name: impl std::fmt::Display, namespace: &str) -> String {
    let spec = "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}";
    object("v1", "PersistentVolumeClaim", name, namespace, spec)
}

pub(super) fn binding(number: usize, subjects: &str) -> String {
    let rest = format!(
        "roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}\nsubjects: [{subjects}]"
    );
    object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        format!("rb-{number}"),
        "shop",
        &rest,
    )
}

pub(super) fn limit_range(number: usize, namespace: &str) -> String {
    let spec = "spec: {limits: [{type: Container, default: {cpu: 1, memory: 1Gi}}]}";
    object("v1", "LimitRange", format!("l-{number}"), namespace, spec)
}

pub(super) fn quota(number: usize, namespace: &str) -> String {
    let spec = "spec: {hard: {requests.cpu: 1, limits.memory: 1Gi}}";
    object(
        "v1",
        "ResourceQuota",
        format!("q-{number}"),
        namespace,
        spec,
    )
}

pub(super) fn config_map(data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n{data}---\n{}",
        web(0)
    )
}

pub(super) fn custom(kind: &str, name: &str) -> String {
    object("acme.io/v1", kind, name, "shop", "")
}

/// Lines of items below a key of the pods.
pub(super) fn in_pod(key: &str, count: usize, item: impl Fn(usize) -> String) -> String {
    format!(
        "      {key}:\n{}",
        each(count, |n| format!("      - {}\n", item(n)))
    )
}

pub(super) fn in_container(key: &str, count: usize, item: impl Fn(usize) -> String) -> String {
    format!(
        "        {key}:\n{}",
        each(count, |n| format!("        - {}\n", item(n)))
    )
}

pub(super) fn volumes(count: usize) -> String {
    in_pod("volumes", count, |n| {
        format!("{{name: v{n}, emptyDir: {{}}}}")
    })
}

/// A Deployment with further containers.
pub(super) fn containers(count: usize, fields: impl Fn(usize) -> String) -> Workload {
    let more = each(count, |n| {
        format!("      - {{name: c{n}, image: 'x:1'{}}}\n", fields(n))
    });
    let last = "      - name: last\n        image: x:1\n";
    Workload::new(0).container(format!("{more}{last}"))
}

pub(super) fn named_ports(count: usize) -> String {
    list(count, |n| {
        format!("{{name: p{n}, containerPort: {}}}", n % 60_000 + 1)
    })
}

pub(super) fn port_service(count: usize, prefix: &str) -> String {
    let ports = list(count, |n| {
        format!("{{port: {}, targetPort: {prefix}{n}}}", n % 60_000 + 1)
    });
    let spec = format!("spec: {{selector: {{app: web-0}}, ports: [{ports}]}}");
    object("v1", "Service", "s", "shop", &spec)
}

/// The manifests as one JSON list.
fn json(count: usize, separator: &str) -> String {
    let items = list(count, |n| {
        format!(
            r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web-{n}","namespace":"shop"}},"spec":{{"selector":{{"matchLabels":{{"app":"web-{n}"}}}},"template":{{"metadata":{{"labels":{{"app":"web-{n}"}}}},"spec":{{"containers":[{{"name":"c","image":"x:1"}}]}}}}}}}}{separator}"#
        )
    });
    format!(r#"{{"apiVersion":"v1","kind":"List","items":[{items}]}}"#)
}

fn deep(depth: usize) -> String {
    // The reader allows 512 levels, so the depth is limited, and the number of objects grows.
    each(depth / 250 + 1, |n| {
        let (open, close) = ("{a: ".repeat(250), "}".repeat(250));
        object(
            "acme.io/v1",
            "Deep",
            n,
            "shop",
            &format!("spec: {open}1{close}"),
        )
    })
}

/// The whole table. Each entry repeats one structure.
pub(super) const SHAPES: &[Shape] = &[
    ("workloads", |n| webs(n).into()),
    ("accounts used", |n| {
        (each(n, |n| {
            Workload::new(n)
                .pod(format!("      serviceAccountName: sa-{n}\n"))
                .yaml()
        }) + &each(n, account))
            .into()
    }),
    ("accounts missing", |n| {
        (each(n, |n| {
            Workload::new(n)
                .pod(format!("      serviceAccountName: zz{n}\n"))
                .yaml()
        }) + &each(n, account))
            .into()
    }),
    ("accounts alike", |n| {
        (each(n, |n| {
            Workload::new(n)
                .pod(format!("      serviceAccountName: sa-{n}x\n"))
                .yaml()
        }) + &each(n, account))
            .into()
    }),
    ("accounts of one name", |n| {
        each(n, |n| {
            Workload::alone(n)
                .pod("      serviceAccountName: web\n")
                .yaml()
                + &object("v1", "ServiceAccount", "web", &format!("n{n}"), "")
        })
        .into()
    }),
    ("bindings", |n| {
        let subject = |n| format!("{{kind: ServiceAccount, name: sa-{n}, namespace: shop}}");
        (each(n, account) + &each(n, |n| binding(n, &subject(n))) + &web(0)).into()
    }),
    ("subjects", |n| {
        let subjects = list(n, |n| {
            format!("{{kind: ServiceAccount, name: sa-{n}, namespace: shop}}")
        });
        (each(n, account) + &binding(0, &subjects) + &webs(n)).into()
    }),
    ("users", |n| {
        let subjects = list(n, |n| {
            format!("{{kind: User, name: 'system:serviceaccount:shop:sa-{n}'}}")
        });
        (each(n, account) + &binding(0, &subjects) + &webs(n)).into()
    }),
    ("groups", |n| {
        let subjects = list(n, |n| {
            format!("{{kind: Group, name: 'system:serviceaccounts:n{n}'}}")
        });
        (each(n, account) + &binding(0, &subjects) + &webs(n)).into()
    }),
    ("subjects elsewhere", |n| {
        let subjects = list(n, |n| {
            format!("{{kind: ServiceAccount, name: default, namespace: n{n}}}")
        });
        (binding(0, &subjects) + &webs(n)).into()
    }),
    ("services", |n| (webs(n) + &services(n)).into()),
    ("services of the same pods", |n| {
        let workloads = each(n, |n| Workload::new(n).labels("app: web").yaml());
        (workloads + &service(0, "shop", "app: web")).into()
    }),
    ("services without pods", |n| {
        (webs(n) + &each(n, |n| service(n, "shop", &format!("app: wex-{n}")))).into()
    }),
    ("services in other namespaces", |n| {
        (webs(n)
            + &each(n, |n| {
                service(n, &format!("ns-{n}"), &format!("app: nope-{n}"))
            }))
            .into()
    }),
    ("services of pods elsewhere", |n| {
        (webs(n) + &each(n, |n| service(n, "other", &format!("app: web-{n}")))).into()
    }),
    ("services of one label", |n| {
        (each(n, |n| {
            Workload::new(n)
                .labels(format!("app: web-{n}, tier: web"))
                .yaml()
        }) + &each(n, |n| {
            service(n, "shop", &format!("tier: web, app: web-{n}"))
        }))
            .into()
    }),
    ("services, one name, many namespaces", |n| {
        each(n, |n| {
            let spec = "spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}";
            Workload::alone(n).yaml() + &object("v1", "Service", "web", &format!("n{n}"), spec)
        })
        .into()
    }),
    ("policies with In", |n| {
        policies(n, |n| {
            format!(
                "podSelector: {{matchExpressions: [{{key: app, operator: In, values: [web-{n}]}}]}}"
            )
        })
        .into()
    }),
    ("policies with two values", |n| {
        policies(n, |n| format!("podSelector: {{matchExpressions: [{{key: app, operator: In, values: [web-{n}, web-x{n}]}}]}}")).into()
    }),
    ("policies with Exists", |n| {
        policies(n, |n| {
            format!("podSelector: {{matchExpressions: [{{key: k{n}, operator: Exists}}]}}")
        })
        .into()
    }),
    ("values of one In", |n| {
        let values = list(n, |n| format!("web-{n}"));
        (webs(n) + &policy(0, &format!("podSelector: {{matchExpressions: [{{key: app, operator: In, values: [{values}]}}]}}"))).into()
    }),
    ("values of one NotIn", |n| {
        let values = list(n, |n| format!("wex-{n}"));
        (webs(n) + &policy(0, &format!("podSelector: {{matchExpressions: [{{key: app, operator: NotIn, values: [{values}]}}]}}"))).into()
    }),
    ("expressions of one selector", |n| {
        let all = list(n, |n| format!("{{key: k{n}, operator: DoesNotExist}}"));
        (webs(10) + &policy(0, &format!("podSelector: {{matchExpressions: [{all}]}}"))).into()
    }),
    ("policies of each other", |n| {
        policies(n, |k| format!("podSelector: {{matchLabels: {{app: web-{k}}}}}, ingress: [{{from: [{{podSelector: {{matchLabels: {{app: web-{}}}}}}}], ports: [{{port: http}}]}}]", k + 1)).into()
    }),
    ("policy peers", |n| {
        let peers = list(n, |_| {
            "{podSelector: {matchLabels: {app: web-0}}}".to_owned()
        });
        (web(0)
            + &policy(
                0,
                &format!(
                    "podSelector: {{}}, ingress: [{{from: [{peers}], ports: [{{port: http}}]}}]"
                ),
            ))
            .into()
    }),
    ("policy rules", |n| {
        let rules = list(n, |_| {
            "{from: [{podSelector: {}}], ports: [{port: http}]}".to_owned()
        });
        (web(0) + &policy(0, &format!("podSelector: {{}}, ingress: [{rules}]"))).into()
    }),
    ("policy ports", |n| {
        let ports = list(n, |n| format!("{{port: p{n}}}"));
        (Workload::new(0).ports(named_ports(n)).yaml()
            + &policy(
                0,
                &format!("podSelector: {{}}, ingress: [{{ports: [{ports}]}}]"),
            ))
            .into()
    }),
    ("policy ports missing", |n| {
        let ports = list(n, |n| format!("{{port: q{n}}}"));
        (Workload::new(0).ports(named_ports(n)).yaml()
            + &policy(
                0,
                &format!("podSelector: {{}}, ingress: [{{ports: [{ports}]}}]"),
            ))
            .into()
    }),
    ("budgets", |n| {
        (webs(n) + &each(n, |n| budget(n, &format!("matchLabels: {{app: web-{n}}}")))).into()
    }),
    ("budgets with In", |n| {
        (webs(n)
            + &each(n, |n| {
                budget(
                    n,
                    &format!(
                        "matchExpressions: [{{key: app, operator: In, values: [web-{n}, x{n}]}}]"
                    ),
                )
            }))
            .into()
    }),
    ("budgets without pods", |n| {
        (webs(n) + &each(n, |n| budget(n, &format!("matchLabels: {{app: wex-{n}}}")))).into()
    }),
    ("autoscalers", |n| {
        (webs(n) + &each(n, |n| autoscaler(n, "shop", &format!("web-{n}")))).into()
    }),
    ("autoscalers of one workload", |n| {
        (web(0) + &each(n, |n| autoscaler(n, "shop", "web-0"))).into()
    }),
    ("autoscalers without targets", |n| {
        (webs(n) + &each(n, |n| autoscaler(n, "shop", &format!("wxx-{n}")))).into()
    }),
    ("autoscalers in other namespaces", |n| {
        (webs(n) + &each(n, |n| autoscaler(n, &format!("n{n}"), &format!("wxx-{n}")))).into()
    }),
    ("autoscalers, one name", |n| {
        each(n, |n| {
            Workload::alone(n).yaml() + &autoscaler(n, &format!("n{n}"), "web")
        })
        .into()
    }),
    ("vertical autoscalers", |n| {
        (webs(n) + &each(n, |n| vertical_autoscaler(n, &format!("web-{n}")))).into()
    }),
    ("ingresses", |n| {
        (webs(n)
            + &services(n)
            + &each(n, |n| {
                ingress(n, &format!("rules: [{}]", rule(n, &format!("s-{n}"))))
            }))
            .into()
    }),
    ("ingresses without services", |n| {
        (services(n)
            + &web(0)
            + &each(n, |n| {
                ingress(n, &format!("rules: [{}]", rule(n, &format!("zz{n}"))))
            }))
            .into()
    }),
    ("ingresses to services alike", |n| {
        (services(n)
            + &web(0)
            + &each(n, |n| {
                ingress(n, &format!("rules: [{}]", rule(n, &format!("s-{n}x"))))
            }))
            .into()
    }),
    ("ingress rules", |n| {
        (web(0) + &services(1) + &ingress(0, &format!("rules: [{}]", list(n, |n| rule(n, "s-0")))))
            .into()
    }),
    ("ingress hosts and TLS hosts", |n| {
        let hosts = list(n, |n| format!("t{n}.example.com"));
        (web(0)
            + &services(1)
            + &ingress(
                0,
                &format!(
                    "tls: [{{hosts: [{hosts}]}}], rules: [{}]",
                    list(n, |n| rule(n, "s-0"))
                ),
            ))
            .into()
    }),
    ("ingress wildcards", |n| {
        let hosts = list(n, |n| format!("'*.t{n}.example.com'"));
        (web(0)
            + &services(1)
            + &ingress(
                0,
                &format!(
                    "tls: [{{hosts: [{hosts}]}}], rules: [{}]",
                    list(n, |n| rule(n, "s-0"))
                ),
            ))
            .into()
    }),
    ("ingress ports missing", |n| {
        let rules = list(n, |n| {
            rule(n, "s").replace("number: 80", &format!("name: r{n}"))
        });
        (Workload::new(0).ports(named_ports(n)).yaml()
            + &port_service(n, "p")
            + &ingress(0, &format!("rules: [{rules}]")))
            .into()
    }),
    ("routes", |n| {
        (web(0) + &services(n) + &route(n, |n| format!("s-{n}"))).into()
    }),
    ("routes without services", |n| {
        (web(0) + &services(n) + &route(n, |n| format!("zz{n}"))).into()
    }),
    ("claims, one name", |n| {
        let volumes = "      volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]\n";
        each(n, |n| {
            Workload::alone(n).pod(volumes).yaml() + &claim("data", &format!("n{n}"))
        })
        .into()
    }),
    ("claims made, one name", |n| {
        let volumes = "      volumes: [{name: d, persistentVolumeClaim: {claimName: data-db-0}}]\n";
        let templates = "  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]\n";
        each(n, |n| {
            let set = Workload {
                kind: "StatefulSet",
                name: "db".to_owned(),
                spec: templates.to_owned(),
                ..Workload::alone(n)
            };
            set.yaml() + &Workload::alone(n).pod(volumes).yaml()
        })
        .into()
    }),
    ("claims of one pod", |n| {
        let volumes = in_pod("volumes", n, |n| {
            format!("{{name: v{n}, persistentVolumeClaim: {{claimName: d{n}}}}}")
        });
        (Workload::new(0).pod(volumes).yaml() + &each(n, |n| claim(format!("d{n}"), "shop"))).into()
    }),
    ("claim templates", |n| {
        let templates = each(n, |n| {
            format!(
                "  - {{metadata: {{name: v{n}}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}\n"
            )
        });
        Workload {
            kind: "StatefulSet",
            spec: format!("  volumeClaimTemplates:\n{templates}"),
            ..Workload::new(0)
        }
        .yaml()
        .into()
    }),
    ("ephemeral claims", |n| {
        let volumes = in_pod("volumes", n, |n| {
            format!(
                "{{name: v{n}, ephemeral: {{volumeClaimTemplate: {{spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}}}}}"
            )
        });
        Workload::new(0).pod(volumes).yaml().into()
    }),
    ("limit ranges", |n| {
        each(n, |n| {
            Workload::alone(n).yaml() + &limit_range(n, &format!("n{n}"))
        })
        .into()
    }),
    ("quotas", |n| {
        each(n, |n| {
            Workload::alone(n).yaml() + &quota(n, &format!("n{n}"))
        })
        .into()
    }),
    ("limit ranges of one pod", |n| {
        (web(0) + &each(n, |n| limit_range(n, "shop"))).into()
    }),
    ("quotas of one pod", |n| {
        (web(0) + &each(n, |n| quota(n, "shop"))).into()
    }),
    ("namespaces", |n| {
        each(n, |n| {
            let namespace = format!("n{n}");
            format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}\n---\n")
                + &Workload::alone(n).yaml()
        }).into()
    }),
    ("containers", |n| {
        containers(n, |_| String::new()).yaml().into()
    }),
    ("lists of containers of an unknown kind", |n| {
        let lists = list(n, |n| {
            format!("k{n}: [{{name: c{n}, image: 'x:1', securityContext: {{privileged: true}}}}]")
        });
        object(
            "acme.io/v1",
            "Widget",
            "a",
            "shop",
            &format!("spec: {{c: {{{lists}}}}}\n"),
        )
        .into()
    }),
    ("lists of containers of a workflow", |n| {
        let lists = list(n, |n| {
            format!("k{n}: [{{name: c{n}, image: 'x:1', securityContext: {{privileged: true}}}}]")
        });
        let spec = format!(
            "spec: {{entrypoint: t, templates: [{{name: t, container: {{image: 'x:1'}}}}], {lists}}}\n"
        );
        object("argoproj.io/v1alpha1", "Workflow", "a", "shop", &spec).into()
    }),
    ("containers of one volume", |n| {
        containers(n, |_| {
            ", volumeMounts: [{name: v, mountPath: /v}]".to_owned()
        })
        .pod("      volumes: [{name: v, emptyDir: {}}]\n")
        .yaml()
        .into()
    }),
    ("containers with volumes of their own", |n| {
        containers(n, |n| {
            format!(", volumeMounts: [{{name: v{n}, mountPath: /v}}]")
        })
        .pod(volumes(n))
        .yaml()
        .into()
    }),
    ("containers with ports", |n| {
        containers(n, |n| {
            format!(
                ", ports: [{{name: p{n}, containerPort: {}}}]",
                n % 60_000 + 1
            )
        })
        .yaml()
        .into()
    }),
    ("containers of one name", |n| {
        containers(n, |_| String::new())
            .yaml()
            .replace("name: c", "name: same")
            .into()
    }),
    ("containers that read each other", |n| {
        let env = |n: usize| {
            format!(
                ", env: [{{name: A, valueFrom: {{resourceFieldRef: {{containerName: c{}, resource: limits.cpu}}}}}}]",
                n / 2
            )
        };
        containers(n, env).yaml().into()
    }),
    ("init containers", |n| {
        Workload::new(0)
            .pod(in_pod("initContainers", n, |n| {
                format!("{{name: i{n}, image: 'x:1'}}")
            }))
            .yaml()
            .into()
    }),
    ("sidecars", |n| {
        Workload::new(0)
            .pod(in_pod("initContainers", n, |n| {
                format!("{{name: i{n}, image: 'x:1', restartPolicy: Always}}")
            }))
            .yaml()
            .into()
    }),
    ("volumes", |n| {
        Workload::new(0).pod(volumes(n)).yaml().into()
    }),
    ("volumes with mounts", |n| {
        let mounts = in_container("volumeMounts", n, |n| {
            format!("{{name: v{n}, mountPath: /m{n}}}")
        });
        Workload::new(0)
            .pod(volumes(n))
            .container(mounts)
            .yaml()
            .into()
    }),
    ("mounts below each other", |n| {
        let mounts = in_container("volumeMounts", n, |n| {
            format!("{{name: v{n}, mountPath: /m/{n}/{n}}}")
        });
        Workload::new(0)
            .pod(volumes(n))
            .container(mounts)
            .yaml()
            .into()
    }),
    ("mounts of no volume", |n| {
        Workload::new(0)
            .container(in_container("volumeMounts", n, |n| {
                format!("{{name: v{n}, mountPath: /m{n}}}")
            }))
            .yaml()
            .into()
    }),
    ("host paths", |n| {
        Workload::new(0)
            .pod(in_pod("volumes", n, |n| {
                format!("{{name: v{n}, hostPath: {{path: /h{n}}}}}")
            }))
            .yaml()
            .into()
    }),
    ("volumes in memory", |n| {
        Workload::new(0)
            .pod(in_pod("volumes", n, |n| {
                format!("{{name: v{n}, emptyDir: {{medium: Memory, sizeLimit: 1Mi}}}}")
            }))
            .container(in_container("volumeMounts", n, |n| {
                format!("{{name: v{n}, mountPath: /m{n}}}")
            }))
            .yaml()
            .into()
    }),
    ("resource claims", |n| {
        let claims = list(n, |n| format!("{{name: c{n}}}"));
        Workload::new(0)
            .pod(in_pod("resourceClaims", n, |n| {
                format!("{{name: c{n}, resourceClaimName: r{n}}}")
            }))
            .container(format!("        resources: {{claims: [{claims}]}}\n"))
            .yaml()
            .into()
    }),
    ("variables", |n| {
        Workload::new(0)
            .container(in_container("env", n, |n| {
                format!("{{name: V{n}, value: '{n}'}}")
            }))
            .yaml()
            .into()
    }),
    ("variables that read amounts", |n| {
        let env = in_container("env", n, |n| {
            format!("{{name: V{n}, valueFrom: {{resourceFieldRef: {{resource: limits.cpu}}}}}}")
        });
        Workload::new(0).container(env).yaml().into()
    }),
    ("arguments", |n| {
        Workload::new(0)
            .container(in_container("args", n, |n| format!("--a={n}")))
            .yaml()
            .into()
    }),
    ("capabilities", |n| {
        let add = list(n, |n| format!("CAP{n}"));
        Workload::new(0)
            .container(format!(
                "        securityContext: {{capabilities: {{add: [{add}], drop: [{add}]}}}}\n"
            ))
            .yaml()
            .into()
    }),
    ("sysctls", |n| {
        let all = list(n, |n| format!("{{name: net.x{n}, value: '1'}}"));
        Workload::new(0)
            .pod(format!("      securityContext: {{sysctls: [{all}]}}\n"))
            .yaml()
            .into()
    }),
    ("resource names", |n| {
        let all = list(n, |n| format!("example.com/x{n}: 1"));
        Workload::new(0)
            .container(format!(
                "        resources: {{requests: {{{all}}}, limits: {{{all}}}}}\n"
            ))
            .yaml()
            .into()
    }),
    ("ports", |n| {
        Workload::new(0).ports(named_ports(n)).yaml().into()
    }),
    ("service ports", |n| {
        (Workload::new(0).ports(named_ports(n)).yaml() + &port_service(n, "p")).into()
    }),
    ("service ports missing", |n| {
        (Workload::new(0).ports(named_ports(n)).yaml() + &port_service(n, "q")).into()
    }),
    ("labels", |n| {
        Workload::new(0)
            .labels(list(n, |n| format!("l{n}: v")))
            .yaml()
            .into()
    }),
    ("labels of a service", |n| {
        let labels = list(n, |n| format!("l{n}: v"));
        (Workload::new(0).labels(labels.clone()).yaml() + &service(0, "shop", &labels)).into()
    }),
    ("annotations", |n| {
        Workload::new(0)
            .annotations(list(n, |n| format!("a{n}: v")))
            .yaml()
            .into()
    }),
    ("annotations of AppArmor", |n| {
        let all = list(n, |n| {
            format!("container.apparmor.security.beta.kubernetes.io/c{n}: unconfined")
        });
        Workload::new(0)
            .yaml()
            .replace(
                "    metadata: {labels",
                &format!("    metadata: {{annotations: {{{all}}}, labels"),
            )
            .into()
    }),
    ("exemptions of an author", |n| {
        let words = list(n, |_| "FIT-SEC002".to_owned());
        Workload::new(0)
            .annotations(format!(
                "fitout.dev/exempt-reason: because it is so, fitout.dev/exempt: '{words}'"
            ))
            .yaml()
            .into()
    }),
    ("unknown exemptions of an author", |n| {
        let words = list(n, |n| format!("FIT-SEC{n}"));
        Workload::new(0)
            .annotations(format!(
                "fitout.dev/exempt-reason: because it is so, fitout.dev/exempt: '{words}'"
            ))
            .yaml()
            .into()
    }),
    ("unknown words in skip", |n| {
        Workload::new(0)
            .annotations(format!(
                "fitout.dev/skip: '{}'",
                list(n, |n| format!("s{n}"))
            ))
            .yaml()
            .into()
    }),
    ("exemptions of the config", |n| Input {
        manifests: webs(100),
        config: format!(
            "  exemptions:\n{}",
            each(n, |n| format!(
                "  - {{reason: because it is so, rules: [FIT-SEC002], select: {{name: web-{n}}}}}\n"
            ))
        ),
    }),
    ("amounts to remove", |n| {
        Input {
        manifests: containers(n, |_| ", resources: {limits: {cpu: 1, memory: 1Gi}}".to_owned())
            .yaml(),
        config: "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: x}\nspec:\n  environment: production\n  resources: {modes: {limits: Remove}}\n".to_owned(),
    }
    }),
    ("excluded by the config", |n| Input {
        manifests: webs(100),
        config: format!(
            "  exclude:\n{}",
            each(n, |n| format!("  - {{name: wex-{n}}}\n"))
        ),
    }),
    ("kinds of the config", |n| Input {
        manifests: each(100, |n| {
            object(
                "acme.io/v1",
                &format!("K{n}"),
                n,
                "shop",
                "spec: {template: {spec: {containers: [{name: c, image: 'x:1'}]}}}",
            )
        }),
        config: format!(
            "  podSpecs:\n{}",
            each(n, |n| format!(
                "  - {{group: acme.io, kind: K{n}, path: spec/template}}\n"
            ))
        ),
    }),
    ("unknown fields of the config", |n| Input {
        manifests: web(0),
        config: each(n, |n| format!("  unknown{n}: 1\n")),
    }),
    ("names like custom resources", |n| {
        (web(0)
            + &service(0, "shop", &format!("app: '{}a'", "a-".repeat(n)))
            + &custom("Foo", "foo"))
            .into()
    }),
    ("dashes", |n| {
        (web(0) + &service(0, "shop", &format!("app: '{}a'", "a-".repeat(n)))).into()
    }),
    ("custom resources, one name", |n| {
        let custom = |n| object("acme.io/v1", "Foo", "orders", &format!("n{n}"), "");
        (each(n, custom) + &web(0) + &each(n, |k| service(k, "shop", &format!("app: orders-{k}"))))
            .into()
    }),
    ("custom resources that hold pods", |n| {
        let spec = "spec: {a: {template: {spec: {containers: [{name: c, image: 'x:1'}]}}}}";
        each(n, |n| {
            object("acme.io/v1", "Foo", format!("f{n}"), "shop", spec)
        })
        .into()
    }),
    ("places of pods in a custom resource", |n| {
        let all = list(n, |n| format!("p{n}: {{spec: {{x: [1]}}}}"));
        object(
            "acme.io/v1",
            "Foo",
            "f",
            "shop",
            &format!("spec: {{image: x, {all}}}"),
        )
        .into()
    }),
    ("one object, repeated", |n| each(n, |_| web(0)).into()),
    ("monitors", |n| {
        (webs(n)
            + &services(n)
            + &each(n, |n| {
                monitor(
                    "ServiceMonitor",
                    n,
                    &format!("matchLabels: {{app: web-{n}}}"),
                    "endpoints",
                )
            }))
            .into()
    }),
    ("pod monitors", |n| {
        (webs(n)
            + &each(n, |n| {
                monitor(
                    "PodMonitor",
                    n,
                    &format!("matchLabels: {{app: web-{n}}}"),
                    "podMetricsEndpoints",
                )
            }))
            .into()
    }),
    ("pod monitors with In", |n| {
        (webs(n)
            + &each(n, |n| {
                monitor(
                    "PodMonitor",
                    n,
                    &format!(
                        "matchExpressions: [{{key: app, operator: In, values: [web-{n}, x{n}]}}]"
                    ),
                    "podMetricsEndpoints",
                )
            }))
            .into()
    }),
    ("keys of a mapping", |n| {
        config_map(&each(n, |n| format!("  k{n}: v\n"))).into()
    }),
    ("keys of a Secret", |n| {
        config_map(&each(n, |n| format!("  k{n}: dg==\n")))
            .replace("ConfigMap", "Secret")
            .into()
    }),
    ("secrets", |n| {
        (each(n, |n| {
            object("v1", "Secret", format!("s{n}"), "shop", "data: {k: dg==}")
        }) + &webs(n))
            .into()
    }),
    ("a block list", |n| {
        let item = |n| {
            format!(
                "- {}\n",
                web(n).replace("---\n", "").trim_end().replace('\n', "\n  ")
            )
        };
        format!("apiVersion: v1\nkind: List\nitems:\n{}", each(n, item)).into()
    }),
    ("JSON on one line", |n| json(n, "").into()),
    ("JSON in lines", |n| json(n, "\n").into()),
    ("malformed objects", |n| {
        each(n, |n| format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{n}}}\nspec: {{template: {{spec: {{containers: x}}}}}}\n---\n")).into()
    }),
    ("malformed objects on one line", |n| {
        let items = list(n, |n| {
            format!(
                "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: w{n}}}, spec: {{template: {{spec: {{containers: x}}}}}}}}"
            )
        });
        format!("{{apiVersion: v1, kind: List, items: [{items}]}}\n").into()
    }),
    ("lines of a scalar", |n| {
        config_map(&format!(
            "  k: |\n{}",
            "    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(n)
        ))
        .into()
    }),
    ("characters of a scalar", |n| {
        config_map(&format!("  k: '{}'\n", "x''".repeat(20 * n))).into()
    }),
    ("comments", |n| ("# comment\n".repeat(n) + &web(0)).into()),
    ("blank lines", |n| ("\n".repeat(n) + &web(0)).into()),
    ("empty documents", |n| {
        ("---\n# nothing\n".repeat(n) + "---\n" + &web(0)).into()
    }),
    ("anchors", |n| {
        config_map(
            &(each(n, |n| format!("  k{n}: &a{n} v\n")) + &each(n, |n| format!("  j{n}: *a{n}\n"))),
        )
        .into()
    }),
    ("one anchor, repeated", |n| {
        config_map(&each(n, |n| format!("  k{n}: &a v\n  j{n}: *a\n"))).into()
    }),
    ("aliases of one mapping", |n| {
        let env = "        env: &env [{name: A, value: b}]\n".to_owned();
        let other = containers(n, |_| ", env: *env".to_owned());
        Workload {
            container: env + &other.container,
            ..other
        }
        .yaml()
        .into()
    }),
    ("a chain of anchors", |n| {
        config_map(
            &("  k0: &a0 v\n".to_owned()
                + &each(n, |n| format!("  k{}: &a{} [*a{n}]\n", n + 1, n + 1))),
        )
        .into()
    }),
    ("merge keys", |n| {
        each(n, |n| {
            Workload::new(n)
                .labels(format!("<<: {{k: v}}, app: web-{n}"))
                .yaml()
        })
        .into()
    }),
    ("keys of one merge", |n| {
        config_map(&format!(
            "  a: &a {{{}}}\n  b: {{<<: *a, c: d}}\n",
            list(n, |n| format!("k{n}: v"))
        ))
        .into()
    }),
    ("deep mappings", |n| deep(n).into()),
    ("images", |n| {
        each(n, |n| {
            Workload {
                image: format!("example.com/a/x{n}:1"),
                ..Workload::new(n)
            }
            .yaml()
        })
        .into()
    }),
    ("config maps of variables", |n| {
        each(n, |n| {
            Workload::new(n)
                .container(format!(
                    "        envFrom: [{{configMapRef: {{name: c{n}}}}}]\n"
                ))
                .yaml()
        })
        .into()
    }),
    ("namespaces of workloads", |n| {
        each(n, |n| Workload::new(n).namespace(format!("n{n}")).yaml()).into()
    }),
    ("objects of a definition", |n| {
        let object = |n| custom_object(0, n);
        format!("{}{}", definition(0), each(n, object)).into()
    }),
    ("definitions", |n| {
        each(n, |n| format!("{}{}", definition(n), custom_object(n, n))).into()
    }),
    ("fields of a definition", |n| {
        let fields = list(n, |n| format!("f{n}: {{type: string}}"));
        let values = list(n, |n| format!("g{n}: a"));
        let schema = format!(
            "{{type: object, properties: {{spec: {{type: object, properties: {{{fields}}}}}}}}}"
        );
        format!(
            "{}apiVersion: example.com/v1\nkind: Cache0\nmetadata: {{name: a}}\nspec: {{{values}}}\n",
            definition_with(0, &schema)
        )
        .into()
    }),
    ("items of an object of a definition", |n| {
        let items = list(n, |n| format!("{{name: a{n}, note: b}}"));
        format!(
            "{}apiVersion: example.com/v1\nkind: Cache0\nmetadata: {{name: a}}\nspec: {{items: [{items}]}}\n",
            definition(0)
        )
        .into()
    }),
];

fn definition(number: usize) -> String {
    definition_with(
        number,
        "{type: object, properties: {spec: {type: object, properties: {size: {type: integer, maximum: 9}, \
         items: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [note, name], \
         items: {type: object, properties: {name: {type: string, pattern: '^a'}, note: {type: string}}}}}}}}",
    )
}

fn definition_with(number: usize, schema: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: caches{number}.example.com}}\n\
         spec:\n  group: example.com\n  scope: Namespaced\n  names: {{kind: Cache{number}, plural: caches{number}}}\n  versions:\n  \
         - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}\n---\n"
    )
}

fn custom_object(definition: usize, number: usize) -> String {
    format!(
        "apiVersion: example.com/v1\nkind: Cache{definition}\nmetadata: {{name: a{number}}}\n\
         spec: {{sise: 1, size: 10, items: [{{name: b}}]}}\n---\n"
    )
}

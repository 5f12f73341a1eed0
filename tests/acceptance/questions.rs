//! Every question that a row may have, and how a rendering answers it.
//!
//! Most questions ask for things that should not exist, so that a failing row lists them. If such a question has nothing to
//! check, that is an error: a rendering without containers does not pass a row about its containers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::render::{Container, Render, Workload, id, list, selects, strings, target, text};
use super::{reach, traffic, versions};

/// The answer of a rendering.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Any number of texts, in an order that does not depend on the rendering's.
    Texts(Vec<String>),
    /// A Kubernetes quantity, which may be written in several ways.
    Quantity(String),
}

type Answered = Result<Answer, String>;

/// The arguments in backticks, in groups: `a`, `b` of `c` has the groups `[a, b]` and `[c]`.
pub(crate) type Arguments<'a> = [Vec<&'a str>];

/// A sentence with `{}` for each group of arguments, and its answer.
pub(crate) type Question = (&'static str, fn(&Render, &Arguments<'_>) -> Answered);

/// Everything that can be asked.
pub(crate) const QUESTIONS: &[Question] = &[
    // Objects.
    ("does {} exist", |r, a| Ok(yes(r.get(a[0][0]).is_ok()))),
    ("number of {}", |r, a| Ok(one(r.kind(a[0][0]).count()))),
    ("{} of {}", |r, a| {
        let object = r.get(a[1][0])?;
        Ok(texts(a[0].iter().map(|path| shown(field(object, path)))))
    }),
    ("namespaces of all objects", |r, _| {
        let name = |o: &Value| shown(&o["metadata"]["namespace"]);
        Ok(unique(r.namespaced().map(name)))
    }),
    ("prefix of every name", |r, _| {
        Ok(one(r.prefix().ok_or("there are no objects")?))
    }),
    ("values of label {} on all objects", |r, a| {
        let value = |o: &Value| shown(&o["metadata"]["labels"][a[0][0]]);
        Ok(unique(r.objects.iter().map(value)))
    }),
    ("values of labels {} on all pods", |r, a| {
        let values = |w: Workload<'_>| pair(&a[0], &w.template["metadata"]["labels"]);
        Ok(unique(r.workloads().map(values)))
    }),
    ("labels {} on the pods of {}", |r, a| {
        let labels = r.workload(a[1][0])?.labels();
        let value = |l: &&str| {
            labels
                .get(*l)
                .cloned()
                .unwrap_or_else(|| "absent".to_owned())
        };
        Ok(texts(a[0].iter().map(value)))
    }),
    (
        "values of labels {} in selectors of Deployments and Services",
        |r, a| {
            let deployments = r
                .kind("Deployment")
                .map(|o| &o["spec"]["selector"]["matchLabels"]);
            let services = r.kind("Service").map(|o| &o["spec"]["selector"]);
            let selectors = deployments.chain(services.filter(|s| !s.is_null()));
            Ok(unique(selectors.map(|s| pair(&a[0], s))))
        },
    ),
    ("labels and annotations that are not strings", |r, _| {
        let mut checked = Vec::new();
        let templates = r.workloads().map(|w| (w.id(), &w.template["metadata"]));
        let objects = r.objects.iter().map(|o| (id(o), &o["metadata"]));
        for (name, metadata) in objects.chain(templates) {
            for field in ["labels", "annotations"] {
                for (key, value) in metadata[field].as_object().into_iter().flatten() {
                    checked.push((format!("{name} {key}"), !value.is_string()));
                }
            }
        }
        culprits(checked)
    }),
    ("objects that contain {}", |r, a| {
        let holds = |o: &&Value| o["kind"] != "Secret" && o.to_string().contains(a[0][0]);
        Ok(unique(r.objects.iter().filter(holds).map(id)))
    }),
    // Namespaces.
    ("Pod Security level that {} enforces", |r, a| {
        let labels = strings(&r.get(a[0][0])?["metadata"]["labels"]);
        let level = labels.get("pod-security.kubernetes.io/enforce");
        Ok(one(level.ok_or("it enforces none")?))
    }),
    (
        "highest Pod Security level that {} enforces or warns about",
        |r, a| {
            let labels = strings(&r.get(a[0][0])?["metadata"]["labels"]);
            let level = |mode: &str| labels.get(&format!("pod-security.kubernetes.io/{mode}"));
            let levels: Vec<&String> = [level("enforce"), level("warn")]
                .into_iter()
                .flatten()
                .collect();
            let highest = ["restricted", "baseline", "privileged"]
                .into_iter()
                .find(|level| levels.iter().any(|l| l == level));
            Ok(one(highest.ok_or("it names none")?))
        },
    ),
    (
        "namespaces whose Pod Security version is not pinned",
        |r, _| {
            culprits(r.kind("Namespace").map(|n| {
                let version =
                    text(&n["metadata"]["labels"]["pod-security.kubernetes.io/enforce-version"]);
                let minor = version.strip_prefix("v1.").unwrap_or_default();
                (
                    id(n),
                    minor.is_empty() || !minor.chars().all(|c| c.is_ascii_digit()),
                )
            }))
        },
    ),
    ("number of {} with content", |r, a| {
        Ok(texts(a[0].iter().map(|kind| {
            let full = |o: &&Value| {
                ["hard", "limits"].iter().any(|f| match &o["spec"][*f] {
                    Value::Array(items) => !items.is_empty(),
                    Value::Object(fields) => !fields.is_empty(),
                    _ => false,
                })
            };
            r.kind(kind).filter(full).count().to_string()
        })))
    }),
    // Security of pods.
    ("containers that may run as root", |r, _| {
        containers(r, |c| c.effective("runAsNonRoot") != true)
    }),
    ("containers that keep capabilities", |r, _| {
        containers(r, |c| {
            let capabilities = &c.value["securityContext"]["capabilities"];
            !list(&capabilities["drop"]).any(|d| d == "ALL")
                || list(&capabilities["add"]).any(|a| a != "NET_BIND_SERVICE")
        })
    }),
    ("containers that may gain privileges", |r, _| {
        containers(r, |c| {
            c.value["securityContext"]["allowPrivilegeEscalation"] != false
        })
    }),
    ("containers without a seccomp profile", |r, _| {
        containers(r, |c| {
            let kind = text(&c.effective("seccompProfile")["type"]);
            !["RuntimeDefault", "Localhost"].contains(&kind)
        })
    }),
    ("pods with access to their node", |r, _| {
        workloads(r, |w| {
            let host = ["hostNetwork", "hostPID", "hostIPC"];
            host.iter().any(|f| w.pod()[*f] == true)
                || list(&w.pod()["volumes"]).any(|v| !v["hostPath"].is_null())
                || w.containers()
                    .any(|c| c.value["securityContext"]["privileged"] == true)
        })
    }),
    ("containers that write to their root filesystem", |r, _| {
        containers(r, |c| {
            c.value["securityContext"]["readOnlyRootFilesystem"] != true
        })
    }),
    (
        "containers that write to their root filesystem without a reason",
        |r, _| {
            containers(r, |c| {
                let reason =
                    |m: &Value| !text(&m["annotations"]["fitout.dev/exempt-reason"]).is_empty();
                let w = c.workload;
                c.value["securityContext"]["readOnlyRootFilesystem"] != true
                    && !reason(&w.object["metadata"])
                    && !reason(&w.template["metadata"])
            })
        },
    ),
    ("users that containers run as", |r, _| {
        Ok(unique(
            r.containers().map(|c| shown(c.effective("runAsUser"))),
        ))
    }),
    ("containers whose user is root or not set", |r, _| {
        containers(r, |c| {
            c.effective("runAsUser")
                .as_i64()
                .is_none_or(|user| user == 0)
        })
    }),
    ("pods that mount a token without permissions", |r, _| {
        workloads(r, |w| {
            let account = w.account();
            mounts_token(r, w) && (account == "default" || r.bindings_of(account).next().is_none())
        })
    }),
    ("workloads that mount a token", |r, _| {
        let mounting = r.workloads().filter(|w| mounts_token(r, *w));
        Ok(unique(mounting.map(Workload::id)))
    }),
    (
        "pods whose ServiceAccount is the default or missing",
        |r, _| {
            workloads(r, |w| {
                w.account() == "default" || !r.has("ServiceAccount", w.account())
            })
        },
    ),
    ("pods whose ServiceAccount has no Role", |r, _| {
        workloads(r, |w| {
            let account = w.account();
            let bound = r
                .bindings_of(account)
                .any(|b| b["kind"] == "RoleBinding" && r.get(&role_of(b)).is_ok());
            !bound || !r.has("ServiceAccount", account)
        })
    }),
    ("wildcards in Roles", |r, _| {
        let mut checked = Vec::new();
        for role in r.kind("Role").chain(r.kind("ClusterRole")) {
            for rule in list(&role["rules"]) {
                for field in ["verbs", "resources"] {
                    let wild = list(&rule[field]).any(|v| v == "*");
                    checked.push((format!("{} {field}", id(role)), wild));
                }
            }
        }
        culprits(checked)
    }),
    ("verbs on {} that the ServiceAccount of {} has", |r, a| {
        let workload = r.workload(a[1][0])?;
        let mut verbs = Vec::new();
        if workload.pod()["automountServiceAccountToken"] == false {
            return Ok(texts([])); // Without a token the rights have no effect.
        }
        for binding in r.bindings_of(workload.account()) {
            for rule in list(&r.get(&role_of(binding))?["rules"]) {
                let core = list(&rule["apiGroups"]).any(|group| group == "");
                if core && list(&rule["resources"]).any(|v| v == a[0][0]) {
                    verbs.extend(list(&rule["verbs"]).map(shown));
                }
            }
        }
        Ok(unique(verbs))
    }),
    ("images that are not pinned", |r, _| {
        containers(r, |c| {
            let (path, tag) = c.image().rsplit_once(':').unwrap_or_default();
            let pinned = !path.is_empty() && !tag.contains('/') && tag != "latest";
            !pinned && !c.image().contains("@sha256:")
        })
    }),
    ("images that contain {}", |r, a| {
        let images = r.containers().map(Container::image);
        Ok(unique(
            images.filter(|i| i.contains(a[0][0])).map(str::to_owned),
        ))
    }),
    ("image of {}", |r, a| Ok(one(main(r, a[0][0])?.image()))),
    ("containers of {}", |r, a| {
        let pod = r.workload(a[0][0])?.pod();
        Ok(texts(list(&pod["containers"]).map(|c| shown(&c["name"]))))
    }),
    ("commands of the containers of {}, in order", |r, a| {
        let pod = r.workload(a[0][0])?.pod();
        let fields = ["initContainers", "containers"].into_iter();
        let containers = fields.flat_map(|field| list(&pod[field]));
        Ok(texts(containers.map(|c| {
            let command = list(&c["command"]).chain(list(&c["args"]));
            command.map(text).collect::<Vec<_>>().join(" ")
        })))
    }),
    ("fields that need a Kubernetes version after {}", |r, a| {
        if a[0][0] != format!("1.{}", versions::FLOOR) {
            return Err("the only supported version is the floor of versions.rs".to_owned());
        }
        let young = versions::young(r).into_iter();
        Ok(texts(
            young.map(|(field, since)| format!("{field} 1.{since}")),
        ))
    }),
    // Resources and replicas.
    (
        "containers without requests and limits for cpu and memory",
        |r, _| {
            containers(r, |c| {
                let resources = &c.value["resources"];
                ["requests", "limits"]
                    .iter()
                    .any(|f| resources[*f]["cpu"].is_null() || resources[*f]["memory"].is_null())
            })
        },
    ),
    ("cpu request of {}", |r, a| amount(r, a, "/requests/cpu")),
    ("memory request of {}", |r, a| {
        amount(r, a, "/requests/memory")
    }),
    ("cpu limit of {}", |r, a| amount(r, a, "/limits/cpu")),
    ("memory limit of {}", |r, a| amount(r, a, "/limits/memory")),
    ("replicas of {}", |r, a| {
        Ok(one(r.least_replicas(r.workload(a[0][0])?)))
    }),
    ("autoscaled workloads", |r, _| {
        Ok(unique(r.kind("HorizontalPodAutoscaler").map(target)))
    }),
    ("range of the autoscaler of {}", |r, a| {
        let spec = match r.autoscaler(r.workload(a[0][0])?) {
            Some(autoscaler) => &autoscaler["spec"],
            None => return Ok(texts([])),
        };
        let least = spec["minReplicas"].as_i64().unwrap_or(1);
        Ok(one(format!("{least} to {}", shown(&spec["maxReplicas"]))))
    }),
    ("maximum replicas of the autoscaler of {}", |r, a| {
        let autoscaler = r.autoscaler(r.workload(a[0][0])?);
        Ok(texts(autoscaler.map(|h| shown(&h["spec"]["maxReplicas"]))))
    }),
    ("targets of the autoscaler of {}", |r, a| {
        let autoscaler = r.autoscaler(r.workload(a[0][0])?);
        let metrics = autoscaler
            .into_iter()
            .flat_map(|h| list(&h["spec"]["metrics"]));
        Ok(unique(metrics.map(|m| {
            let resource = &m["resource"];
            let target = shown(&resource["target"]["averageUtilization"]);
            format!("{} {target} %", text(&resource["name"]))
        })))
    }),
    (
        "autoscalers without a metric, a range or a target",
        |r, _| {
            offenders(r.kind("HorizontalPodAutoscaler").map(|h| {
                let spec = &h["spec"];
                let least = spec["minReplicas"].as_i64().unwrap_or(1);
                let bad = list(&spec["metrics"]).next().is_none()
                    || spec["maxReplicas"]
                        .as_i64()
                        .is_none_or(|most| most <= least)
                    || r.get(&target(h)).is_err();
                (id(h), bad)
            }))
        },
    ),
    ("autoscaled workloads that set replicas", |r, _| {
        offenders(
            r.workloads()
                .filter(|w| r.autoscaler(*w).is_some())
                .map(|w| (w.id(), !w.object["spec"]["replicas"].is_null())),
        )
    }),
    (
        "VerticalPodAutoscalers that act on autoscaled workloads",
        |r, _| {
            let autoscaled: BTreeSet<String> =
                r.kind("HorizontalPodAutoscaler").map(target).collect();
            offenders(r.kind("VerticalPodAutoscaler").map(|v| {
                let of = &v["spec"]["targetRef"];
                let of = format!("{}/{}", text(&of["kind"]), text(&of["name"]));
                let acts = v["spec"]["updatePolicy"]["updateMode"] != "Off";
                (id(v), acts && autoscaled.contains(&of))
            }))
        },
    ),
    ("number of disruption budgets for {}", |r, a| {
        Ok(one(r.budgets(r.workload(a[0][0])?).count()))
    }),
    ("disruption budgets that allow no eviction", |r, _| {
        let mut checked = Vec::new();
        for workload in r.workloads() {
            let replicas = r.least_replicas(workload);
            let budgets = r.budgets(workload);
            checked.extend(budgets.map(|b| (id(b), !may_evict(&b["spec"], replicas))));
        }
        offenders(checked)
    }),
    ("topology keys that {} is spread over", |r, a| {
        let keys = r.workload(a[0][0])?.spread_over();
        Ok(unique(keys.into_iter().map(str::to_owned)))
    }),
    ("Deployments of several pods that are not spread", |r, _| {
        let several = r
            .workloads()
            .filter(|w| w.kind() == "Deployment" && r.least_replicas(*w) > 1);
        culprits(several.map(|w| (w.id(), w.spread_over().is_empty())))
    }),
    ("pods restricted to some nodes", |r, _| {
        workloads(r, |w| {
            let required = "requiredDuringSchedulingIgnoredDuringExecution";
            !w.pod()["affinity"]["nodeAffinity"][required].is_null()
        })
    }),
    // Probes and metrics.
    ("{} probe of {}", |r, a| {
        Ok(texts(a[0].iter().map(|kind| {
            main(r, a[1][0]).map_or_else(|e| e, |c| probe(c, kind))
        })))
    }),
    ("{} probe of {}, with its delay and period", |r, a| {
        let main = main(r, a[1][0])?;
        let settings = &main.value[format!("{}Probe", a[0][0])];
        Ok(one(format!(
            "{}, after {} s, every {} s",
            probe(main, a[0][0]),
            settings["initialDelaySeconds"].as_i64().unwrap_or(0),
            settings["periodSeconds"].as_i64().unwrap_or(10),
        )))
    }),
    (
        "long-running pods without liveness and readiness probes",
        |r, _| {
            culprits(r.long_running().map(|w| {
                let lacks = |field: &str| w.main().is_none_or(|c| c.value[field].is_null());
                (w.id(), lacks("livenessProbe") || lacks("readinessProbe"))
            }))
        },
    ),
    ("where Prometheus scrapes {}", |r, a| {
        let scraped = a[0].iter().map(|id| {
            let annotations = r.workload(id)?.annotations();
            let annotation = |key: &str| annotations.get(&format!("prometheus.io/{key}"));
            Ok(match annotation("scrape").map(String::as_str) {
                Some("true") => {
                    let path = annotation("path").map_or("/metrics", String::as_str);
                    format!(":{}{path}", annotation("port").map_or("?", String::as_str))
                }
                _ => "nowhere".to_owned(),
            })
        });
        Ok(texts(scraped.collect::<Result<Vec<_>, String>>()?))
    }),
    ("scraped ports that no container declares", |r, _| {
        let scraped = r.workloads().filter_map(|w| {
            let port = w.annotations().remove("prometheus.io/port")?;
            Some((w, port))
        });
        culprits(scraped.map(|(w, port)| {
            let number: Option<i64> = port.parse().ok();
            let declared = w
                .ports()
                .any(|p| number.is_some() && p["containerPort"].as_i64() == number);
            (format!("{} {port}", w.id()), !declared)
        }))
    }),
    ("workloads that are scraped", |r, _| {
        let scraped = |w: &Workload<'_>| {
            let annotated = w
                .annotations()
                .get("prometheus.io/scrape")
                .is_some_and(|s| s == "true");
            annotated
                || r.kind("Service").any(|s| {
                    r.behind(s).is_some_and(|b| b.id() == w.id()) && !monitored(r, s).is_empty()
                })
        };
        Ok(unique(r.long_running().filter(scraped).map(Workload::id)))
    }),
    (
        "ports and paths of {} that ServiceMonitors scrape",
        |r, a| Ok(unique(monitored(r, r.get(a[0][0])?))),
    ),
    ("job label on the metrics of {}", |r, a| {
        let service = r.get(a[0][0])?;
        let monitor = monitors(r, service)
            .next()
            .ok_or("no ServiceMonitor selects it")?;
        let relabeled = list(&monitor["spec"]["endpoints"])
            .flat_map(|e| list(&e["relabelings"]))
            .find(|l| l["targetLabel"] == "job")
            .map(|l| &l["replacement"]);
        let by_label = || {
            let label = monitor["spec"]["jobLabel"].as_str()?;
            service["metadata"]["labels"].get(label)
        };
        let name = &service["metadata"]["name"];
        Ok(one(shown(relabeled.or_else(by_label).unwrap_or(name))))
    }),
    ("alert {} in group {} of {}", |r, a| {
        let alert = alert(r, a)?;
        let severity = shown(&alert["labels"]["severity"]);
        Ok(one(format!(
            "{} for {}, {severity}",
            shown(&alert["expr"]),
            shown(&alert["for"])
        )))
    }),
    ("summary of alert {} in group {} of {}", |r, a| {
        Ok(one(shown(&alert(r, a)?["annotations"]["summary"])))
    }),
    // Configuration and secrets.
    ("values in all ConfigMaps of {}", |r, a| {
        Ok(texts(a[0].iter().map(|key| {
            let values = r.kind("ConfigMap").filter_map(|c| c["data"][*key].as_str());
            values.collect::<Vec<_>>().join(" and ")
        })))
    }),
    ("keys missing from {}, among {}", |r, a| {
        let data = strings(&r.get(a[0][0])?["data"]);
        let lacking = a[1].iter().filter(|key| !data.contains_key(**key));
        Ok(unique(lacking.map(|key| (*key).to_owned())))
    }),
    ("values in {} of {}", |r, a| {
        let object = r.get(a[0][0])?;
        Ok(texts(a[1].iter().map(|key| shown(&object["data"][*key]))))
    }),
    ("values in {} of the variables {}", |r, a| {
        let main = main(r, a[0][0])?;
        Ok(texts(a[1].iter().map(|name| {
            r.variable(main.value, name)
                .unwrap_or_else(|| "nothing".to_owned())
        })))
    }),
    ("workloads whose settings contain {}", |r, a| {
        let contain = |w: &Workload<'_>| r.settings_of(*w).iter().any(|t| t.contains(a[0][0]));
        Ok(unique(r.workloads().filter(contain).map(Workload::id)))
    }),
    ("does {} read {}", |r, a| {
        let (_, name) = a[1][0].split_once('/').ok_or("not Kind/name")?;
        let read = r.workload(a[0][0])?.config_maps();
        Ok(yes(r.get(a[1][0]).is_ok()
            && read.iter().any(|n| {
                super::render::is_named("ConfigMap", n, name)
            })))
    }),
    ("does {} mount Secret {}", |r, a| {
        let workload = r.workload(a[0][0])?;
        let holds = |v: &&Value| {
            v["secret"]["secretName"] == a[1][0]
                || list(&v["projected"]["sources"]).any(|s| s["secret"]["name"] == a[1][0])
        };
        Ok(yes(list(&workload.pod()["volumes"]).filter(holds).any(
            |v| {
                let mut mounts = workload
                    .containers()
                    .flat_map(|c| list(&c.value["volumeMounts"]));
                mounts.any(|m| m["name"] == v["name"])
            },
        )))
    }),
    ("workloads that use {} of Secret {}", |r, a| {
        let uses = |w: &Workload<'_>| w.uses_secret(a[1][0], a[0][0]);
        Ok(unique(r.workloads().filter(uses).map(Workload::id)))
    }),
    ("objects that provide {} of Secret {}", |r, a| {
        let (key, secret) = (a[0][0], a[1][0]);
        let of_secret = r.kind("Secret").filter(|s| {
            let has = |f: &str| !s[f][key].is_null();
            s["metadata"]["name"] == secret && (has("data") || has("stringData"))
        });
        let external = r.kind("ExternalSecret").filter(|e| {
            e["spec"]["target"]["name"] == secret
                && list(&e["spec"]["data"]).any(|d| d["secretKey"] == key)
        });
        Ok(unique(of_secret.chain(external).map(id)))
    }),
    ("remote key of {} for {}", |r, a| {
        let external = r.get(a[0][0])?;
        let entry = list(&external["spec"]["data"]).find(|d| d["secretKey"] == a[1][0]);
        let remote = &entry.ok_or("it does not make that key")?["remoteRef"];
        Ok(one(format!(
            "{}#{}",
            shown(&remote["key"]),
            shown(&remote["property"])
        )))
    }),
    ("Secrets that an ExternalSecret also creates", |r, _| {
        let made = |s: &&Value| {
            r.kind("ExternalSecret")
                .any(|e| e["spec"]["target"]["name"] == s["metadata"]["name"])
        };
        Ok(unique(r.kind("Secret").filter(made).map(id)))
    }),
    ("Secret values that are not placeholders", |r, _| {
        let mut checked = Vec::new();
        for secret in r.kind("Secret") {
            for (key, value) in strings(&secret["stringData"]) {
                checked.push((format!("{} {key}", id(secret)), !is_placeholder(&value)));
            }
            for (key, value) in strings(&secret["data"]) {
                let clear = base64(&value).ok_or_else(|| format!("{key} is not base64"))?;
                checked.push((format!("{} {key}", id(secret)), !is_placeholder(&clear)));
            }
        }
        offenders(checked)
    }),
    (
        "containers with a password in a literal variable",
        |r, _| {
            containers(r, |c| {
                list(&c.value["env"]).any(|e| {
                    let name = text(&e["name"]).to_uppercase();
                    let names = ["PASSWORD", "PASSWD", "SECRET_KEY"];
                    let value = text(&e["value"]);
                    names.iter().any(|n| name.contains(n))
                        && !name.ends_with("_FILE")
                        && !value.is_empty()
                        && !value.contains("$(")
                })
            })
        },
    ),
    ("rendered kinds that pods use, among {}", |r, a| {
        let used = |kind: &&&str| {
            r.workloads().any(|w| match **kind {
                "ConfigMap" => w.config_maps().iter().any(|n| r.has("ConfigMap", n)),
                "Secret" => w.secrets().iter().any(|(n, _)| r.has("Secret", n)),
                _ => !r.claims(w).is_empty(),
            })
        };
        Ok(unique(a[0].iter().filter(used).map(|k| (*k).to_owned())))
    }),
    // Claims.
    ("storage classes of all claims", |r, _| {
        Ok(unique(
            r.all_claims()
                .iter()
                .map(|(_, c)| shown(&c["spec"]["storageClassName"])),
        ))
    }),
    ("size of claim {} of {}", |r, a| {
        Ok(Answer::Quantity(shown(
            &claim(r, a)?["spec"]["resources"]["requests"]["storage"],
        )))
    }),
    ("access modes of all claims", |r, _| {
        let claims = r.all_claims();
        let modes = claims
            .iter()
            .flat_map(|(_, c)| list(&c["spec"]["accessModes"]));
        Ok(unique(modes.map(shown)))
    }),
    ("access modes of claim {} of {}", |r, a| {
        Ok(unique(
            list(&claim(r, a)?["spec"]["accessModes"]).map(shown),
        ))
    }),
    ("storage class of claim {} of {}", |r, a| {
        Ok(one(shown(&claim(r, a)?["spec"]["storageClassName"])))
    }),
    ("size of the claim behind {}", |r, a| {
        let workload = r.behind(r.get(a[0][0])?).ok_or("it selects no pod")?;
        let claims = r.claims(workload);
        let claim = claims.first().ok_or("its pods mount no claim")?;
        Ok(Answer::Quantity(shown(
            &claim["spec"]["resources"]["requests"]["storage"],
        )))
    }),
    ("workload with a claim behind {}", |r, a| {
        let workload = r.behind(r.get(a[0][0])?).ok_or("it selects no pod")?;
        Ok(texts(
            (!r.claims(workload).is_empty()).then(|| workload.id()),
        ))
    }),
    (
        "Deployments of several pods with a claim for one node",
        |r, _| {
            culprits(
                claiming(r, "Deployment")
                    .map(|w| (w.id(), r.most_replicas(w) > 1 && holds_one_node(r, w))),
            )
        },
    ),
    (
        "Deployments whose rollout runs two pods with a claim for one node",
        |r, _| {
            culprits(
                claiming(r, "Deployment")
                    .filter(|w| holds_one_node(r, *w))
                    .map(|w| {
                        let strategy = &w.object["spec"]["strategy"];
                        let surge = shown(&strategy["rollingUpdate"]["maxSurge"]);
                        let one = strategy["type"] == "Recreate" || surge == "0" || surge == "0%";
                        (w.id(), !one)
                    }),
            )
        },
    ),
    (
        "is the data directory of {} below the root of volume {}",
        |r, a| {
            let main = main(r, a[0][0])?;
            let mount = list(&main.value["volumeMounts"])
                .find(|m| m["name"] == a[1][0])
                .ok_or("the volume is not mounted")?;
            let path = text(&mount["mountPath"]);
            let data = r.variable(main.value, "PGDATA").unwrap_or_default();
            Ok(yes(
                data.starts_with(&format!("{path}/")) || !mount["subPath"].is_null()
            ))
        },
    ),
    ("pods that mount a claim without fsGroup", |r, _| {
        let mounting = r.workloads().filter(|w| !r.claims(*w).is_empty());
        culprits(mounting.map(|w| (w.id(), w.pod()["securityContext"]["fsGroup"].is_null())))
    }),
    ("paths that {} cannot write, among {}", |r, a| {
        let workload = r.workload(a[0][0])?;
        let cannot = |path: &&&str| !workload.can_write(path);
        Ok(unique(a[1].iter().filter(cannot).map(|p| (*p).to_owned())))
    }),
    // Services, Ingresses and traffic.
    ("type and ports of {}", |r, a| {
        let spec = &r.get(a[0][0])?["spec"];
        let kind = match text(&spec["type"]) {
            "" => "ClusterIP",
            other => other,
        };
        let ports: Vec<String> = list(&spec["ports"]).map(|p| shown(&p["port"])).collect();
        Ok(one(format!("{kind} {}", ports.join(" "))))
    }),
    ("target of port {} of {}", |r, a| {
        let service = r.get(a[1][0])?;
        let entry = list(&service["spec"]["ports"]).find(|p| p["name"] == a[0][0]);
        let port = entry.ok_or("it has no such port")?["port"]
            .as_i64()
            .ok_or("its port is not a number")?;
        let leads = r.target_port(service, port).ok_or("it has no target")?;
        Ok(one(format!("{port} → {leads}")))
    }),
    ("node port of port {} of {}", |r, a| {
        let spec = &r.get(a[1][0])?["spec"];
        let entry = list(&spec["ports"])
            .find(|p| p["name"] == a[0][0])
            .ok_or("no such port")?;
        Ok(match &entry["nodePort"] {
            Value::Null if spec["type"] == "NodePort" => one("any"),
            Value::Null => texts([]),
            number => one(shown(number)),
        })
    }),
    ("Services that select no pod", |r, _| {
        let selecting = r
            .kind("Service")
            .filter(|s| !s["spec"]["selector"].is_null());
        culprits(selecting.map(|s| (id(s), r.behind(s).is_none())))
    }),
    ("Service ports without a declared container port", |r, _| {
        let mut checked = Vec::new();
        for service in r
            .kind("Service")
            .filter(|s| !s["spec"]["selector"].is_null())
        {
            for port in list(&service["spec"]["ports"]).filter_map(|p| p["port"].as_i64()) {
                let leads = r.target_port(service, port);
                let declared = leads.is_some_and(|number| {
                    r.behind(service)
                        .is_some_and(|w| w.ports().any(|p| p["containerPort"] == number))
                });
                checked.push((format!("{} {port}", id(service)), !declared));
            }
        }
        culprits(checked)
    }),
    (
        "StatefulSets whose Service selects none of their pods",
        |r, _| {
            culprits(r.kind("StatefulSet").map(|s| {
                let name = text(&s["spec"]["serviceName"]);
                let service = r.get(&format!("Service/{name}")).ok();
                let behind = service.and_then(|service| r.behind(service));
                (id(s), behind.is_none_or(|w| w.id() != id(s)))
            }))
        },
    ),
    ("hosts of Ingresses", |r, _| {
        Ok(unique(
            r.routes().iter().map(|(host, ..)| (*host).to_owned()),
        ))
    }),
    ("routes of host {}", |r, a| {
        let routes = r.routes().into_iter().filter(|(host, ..)| *host == a[0][0]);
        Ok(unique(routes.map(|(_, path, backend)| {
            format!("{path} → {}", service_port(r, backend))
        })))
    }),
    ("backends of Ingresses", |r, _| {
        Ok(unique(
            r.routes()
                .iter()
                .map(|(.., backend)| service_port(r, backend)),
        ))
    }),
    ("classes of Ingresses", |r, _| {
        Ok(unique(
            r.kind("Ingress")
                .map(|i| shown(&i["spec"]["ingressClassName"])),
        ))
    }),
    ("Ingress hosts without TLS", |r, _| {
        culprits(hosts(r).map(|(i, host)| {
            let covered = list(&i["spec"]["tls"]).any(|t| {
                !text(&t["secretName"]).is_empty() && list(&t["hosts"]).any(|h| h == host)
            });
            (host.to_owned(), !covered)
        }))
    }),
    ("Ingress hosts without a cert-manager issuer", |r, _| {
        culprits(hosts(r).map(|(i, host)| {
            let annotations = strings(&i["metadata"]["annotations"]);
            let issuers = ["cert-manager.io/issuer", "cert-manager.io/cluster-issuer"];
            let issued = issuers.iter().any(|k| annotations.contains_key(*k));
            let certified = || {
                let secrets: Vec<&Value> = r
                    .kind("Certificate")
                    .map(|c| &c["spec"]["secretName"])
                    .collect();
                list(&i["spec"]["tls"]).all(|t| secrets.contains(&&t["secretName"]))
            };
            (host.to_owned(), !issued && !certified())
        }))
    }),
    (
        "Ingress backends that are not a port of a rendered Service",
        |r, _| {
            culprits(r.routes().into_iter().map(|(.., backend)| {
                let name = text(&backend["service"]["name"]);
                let port = r.backend_port(backend);
                let there = r.get(&format!("Service/{name}")).is_ok_and(|s| {
                    list(&s["spec"]["ports"]).any(|p| port.is_some() && p["port"].as_i64() == port)
                });
                (service_port(r, backend), !there)
            }))
        },
    ),
    ("Ingress backends that namespace {} cannot reach", |r, a| {
        backends(r, a, false)
    }),
    ("Ingress backends that namespace {} reaches", |r, a| {
        backends(r, a, true)
    }),
    ("pods and directions of {}", |r, a| {
        let spec = &r.get(a[0][0])?["spec"];
        let pods = strings(&spec["podSelector"]["matchLabels"]);
        let pods: Vec<String> = pods.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let types: BTreeSet<&str> = list(&spec["policyTypes"]).map(text).collect();
        let types: Vec<&str> = types.into_iter().collect();
        Ok(one(format!("{}: {}", pods.join(" "), types.join(" "))))
    }),
    ("namespaces that {} allows", |r, a| {
        let spec = &r.get(a[0][0])?["spec"];
        let named = |rules: &str, peers: &str| {
            let peers = list(&spec[rules]).flat_map(|rule| list(&rule[peers]));
            let labels = peers.flat_map(|p| strings(&p["namespaceSelector"]["matchLabels"]));
            labels
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let (from, to) = (named("ingress", "from"), named("egress", "to"));
        Ok(one(format!("from {from}, to {to}")))
    }),
    ("pods that no policy isolates in both directions", |r, _| {
        workloads(r, |w| {
            !traffic::is_closed(r, w, "Ingress") || !traffic::is_closed(r, w, "Egress")
        })
    }),
    ("addresses in settings that pods cannot reach", |r, _| {
        let addresses = reach::addresses(r)?.into_iter();
        culprits(addresses.map(|it| (it.connection(), !it.is_reachable && it.excuse().is_none())))
    }),
    ("blocked connections among {}", |r, a| {
        connections(r, a, false)
    }),
    ("allowed connections among {}", |r, a| {
        connections(r, a, true)
    }),
];

fn one(value: impl ToString) -> Answer {
    Answer::Texts(vec![value.to_string()])
}

fn yes(is: bool) -> Answer {
    one(if is { "yes" } else { "no" })
}

fn texts(values: impl IntoIterator<Item = String>) -> Answer {
    Answer::Texts(values.into_iter().collect())
}

fn unique(values: impl IntoIterator<Item = String>) -> Answer {
    texts(values.into_iter().collect::<BTreeSet<String>>())
}

/// The names of the bad items; an error if there are no items at all.
fn culprits(checked: impl IntoIterator<Item = (String, bool)>) -> Answered {
    let checked: Vec<(String, bool)> = checked.into_iter().collect();
    if checked.is_empty() {
        return Err("there is nothing to check".to_owned());
    }
    offenders(checked)
}

/// The names of the bad items, which may be absent.
fn offenders(checked: impl IntoIterator<Item = (String, bool)>) -> Answered {
    let bad = checked.into_iter().filter(|(_, bad)| *bad);
    Ok(unique(bad.map(|(name, _)| name)))
}

fn containers(render: &Render, bad: impl Fn(Container<'_>) -> bool) -> Answered {
    culprits(render.containers().map(|c| (c.id(), bad(c))))
}

fn workloads(render: &Render, bad: impl Fn(Workload<'_>) -> bool) -> Answered {
    culprits(render.workloads().map(|w| (w.id(), bad(w))))
}

/// A field as text: strings as they are, everything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A field by its dotted path.
fn field<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, key| &value[key])
}

fn pair(labels: &[&str], of: &Value) -> String {
    let values: Vec<String> = labels.iter().map(|l| shown(&of[*l])).collect();
    values.join(" ")
}

fn main<'a>(render: &'a Render, workload: &str) -> Result<Container<'a>, String> {
    let workload = render.workload(workload)?;
    workload
        .main()
        .ok_or_else(|| format!("{} has no container", workload.id()))
}

/// Whether the pods of a workload mount the token of their ServiceAccount.
fn mounts_token(render: &Render, workload: Workload<'_>) -> bool {
    let own = &workload.pod()["automountServiceAccountToken"];
    let account = render.get(&format!("ServiceAccount/{}", workload.account()));
    let of_account = account.map_or(&Value::Null, |a| &a["automountServiceAccountToken"]);
    own != false && !(own.is_null() && of_account == false)
}

fn amount(render: &Render, arguments: &Arguments<'_>, pointer: &str) -> Answered {
    let main = main(render, arguments[0][0])?;
    let amount = main.value["resources"].pointer(pointer);
    let amount = amount.ok_or_else(|| format!("{} has none", main.id()))?;
    Ok(Answer::Quantity(shown(amount)))
}

/// Whether a budget allows the eviction of one of so many pods.
fn may_evict(budget: &Value, replicas: i64) -> bool {
    let count = |value: &Value| -> Option<i64> {
        let percent = value.as_str().and_then(|s| s.strip_suffix('%'));
        match percent {
            Some(percent) => {
                let share: i64 = percent.parse().ok()?;
                Some((share * replicas + 99).div_euclid(100)) // rounded up, as the controller does
            }
            None => value.as_i64(),
        }
    };
    match (&budget["maxUnavailable"], &budget["minAvailable"]) {
        (Value::Null, least) => count(least).is_some_and(|least| least < replicas),
        (most, _) => count(most).is_some_and(|most| most > 0),
    }
}

fn probe(container: Container<'_>, kind: &str) -> String {
    let probe = &container.value[format!("{kind}Probe")];
    let port = |port: &Value| {
        let number = container.workload.port(port);
        number.map_or_else(|| "no port".to_owned(), |n| n.to_string())
    };
    if let Some(http) = probe.get("httpGet") {
        let scheme = match text(&http["scheme"]) {
            "" => "HTTP",
            other => other,
        };
        format!(
            "{scheme} GET {} on {}",
            text(&http["path"]),
            port(&http["port"])
        )
    } else if let Some(tcp) = probe.get("tcpSocket") {
        format!("TCP on {}", port(&tcp["port"]))
    } else if let Some(exec) = probe.get("exec") {
        let command: Vec<&str> = list(&exec["command"]).map(text).collect();
        command.join(" ")
    } else {
        "none".to_owned()
    }
}

fn monitors<'a>(render: &'a Render, service: &Value) -> impl Iterator<Item = &'a Value> {
    let labels = strings(&service["metadata"]["labels"]);
    render
        .kind("ServiceMonitor")
        .filter(move |m| selects(&m["spec"]["selector"], &labels))
}

/// Port and path of every endpoint of a monitor that meets a port of a Service.
fn monitored(render: &Render, service: &Value) -> Vec<String> {
    let mut scraped = Vec::new();
    for endpoint in monitors(render, service).flat_map(|m| list(&m["spec"]["endpoints"])) {
        for port in list(&service["spec"]["ports"]).filter(|p| p["name"] == endpoint["port"]) {
            let path = match text(&endpoint["path"]) {
                "" => "/metrics",
                other => other,
            };
            scraped.push(format!(":{}{path}", shown(&port["port"])));
        }
    }
    scraped
}

fn alert<'a>(render: &'a Render, arguments: &Arguments<'_>) -> Result<&'a Value, String> {
    let groups = list(&render.get(arguments[2][0])?["spec"]["groups"]);
    let alert = groups
        .filter(|group| group["name"] == arguments[1][0])
        .flat_map(|g| list(&g["rules"]))
        .find(|rule| rule["alert"] == arguments[0][0]);
    alert.ok_or_else(|| "it has no such alert".to_owned())
}

fn claim<'a>(render: &'a Render, arguments: &Arguments<'_>) -> Result<&'a Value, String> {
    let claims = render.claims(render.workload(arguments[1][0])?);
    let claim = claims
        .into_iter()
        .find(|c| c["metadata"]["name"] == arguments[0][0]);
    claim.ok_or_else(|| "it has no such claim".to_owned())
}

fn claiming<'a>(render: &'a Render, kind: &'a str) -> impl Iterator<Item = Workload<'a>> {
    render
        .workloads()
        .filter(move |w| w.kind() == kind && !render.claims(*w).is_empty())
}

/// Whether a claim of the workload can be mounted on one node only.
fn holds_one_node(render: &Render, workload: Workload<'_>) -> bool {
    render.claims(workload).iter().any(|claim| {
        list(&claim["spec"]["accessModes"])
            .any(|mode| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod")
    })
}

fn hosts(render: &Render) -> impl Iterator<Item = (&Value, &str)> {
    render
        .kind("Ingress")
        .flat_map(|i| list(&i["spec"]["rules"]).map(move |rule| (i, text(&rule["host"]))))
}

fn service_port(render: &Render, backend: &Value) -> String {
    let port = render.backend_port(backend);
    let port = port.map_or_else(|| "?".to_owned(), |p| p.to_string());
    format!("{}:{port}", text(&backend["service"]["name"]))
}

/// The Ingress backends that a namespace can reach, or cannot.
fn backends(render: &Render, arguments: &Arguments<'_>, pass: bool) -> Answered {
    let mut checked = Vec::new();
    for (.., backend) in render.routes() {
        let end = service_port(render, backend);
        let connection = format!("namespace {} → {end}", arguments[0][0]);
        checked.push((end, traffic::passes(render, &connection)? == pass));
    }
    culprits(checked)
}

/// The given connections that are allowed, or blocked.
fn connections(render: &Render, arguments: &Arguments<'_>, pass: bool) -> Answered {
    let mut checked = BTreeMap::new();
    for connection in &arguments[0] {
        let passes = traffic::passes(render, connection)?;
        checked.insert((*connection).to_owned(), passes == pass);
    }
    culprits(checked)
}

/// Whether a value is empty or obviously a placeholder.
fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    let words = [
        "change", "replace", "your", "insert", "set", "example", "dummy", "todo", "placeholder",
    ];
    let lower = value.to_lowercase();
    value.is_empty()
        || (value.starts_with('<') && value.ends_with('>'))
        || words.iter().any(|word| {
            let rest = lower.strip_prefix(word);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '-', '_']))
        })
}

/// `Kind/name` of the role that a binding gives.
fn role_of(binding: &Value) -> String {
    let role = &binding["roleRef"];
    format!("{}/{}", text(&role["kind"]), text(&role["name"]))
}

/// Decodes base64 to text.
fn base64(encoded: &str) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0u32, 0u32, Vec::new());
    for c in encoded.chars().filter(|c| !c.is_whitespace() && *c != '=') {
        bits = (bits << 6) | u32::try_from(ALPHABET.find(c)?).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}

//! Mutations of every field that a check reads: set, taken away, null, empty, in the wrong case, and many at once. Values of
//! a wrong type are not included; fitout rejects those elsewhere.

use serde_json::{Map, Value, json};

use super::oracle::Question;

const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

const CAPABILITIES: [&str; 14] = [
    "ALL", "all", "CAP_ALL", "NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE", "net_bind_service",
    "CHOWN", "SYS_CHROOT", "MKNOD", "NET_RAW", "CAP_SYS_ADMIN", "BPF", "", "SETFCAP",
];

const PROFILES: [&str; 7] = [
    "RuntimeDefault", "Localhost", "Unconfined", "runtimedefault", "unconfined", "",
    "a \"quoted\" one",
];

const ANNOTATIONS: [&str; 9] = [
    "runtime/default",
    "docker/default",
    "localhost/mine",
    "localhost/",
    "unconfined",
    "Runtime/Default",
    "",
    "\"\\\n\t\u{1}é\u{200b}e\u{301}\u{1f600}",
    "runtime/default ",
];

const SE_LINUX: [&str; 7] = [
    "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "spc_t",
    "Container_t", "",
];

const SYSCTLS: [&str; 17] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_notsent_lowat",
    "net/ipv4/tcp_rmem",
    "kernel.msgmax",
    "",
];

const SOURCES: [&str; 33] = [
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "configMap", "csi",
    "downwardAPI", "emptyDir", "ephemeral", "fc", "flexVolume", "flocker", "gcePersistentDisk",
    "gitRepo", "glusterfs", "hostPath", "image", "iscsi", "nfs", "persistentVolumeClaim",
    "photonPersistentDisk", "portworxVolume", "projected", "quobyte", "rbd", "scaleIO", "secret",
    "storageos", "vsphereVolume", "hostpath", "HostPath", "ofTheFuture",
];

const NAMES: [&str; 6] = ["a", "b", "a", "container1", "with \"quotes\" and é", ""];

const HOSTS: [&str; 4] = ["", "127.0.0.1", "other.example", "localhost"];

const PORTS: [u32; 6] = [0, 9, 80, 443, 8080, 65_535];

const USERS: [i64; 5] = [0, 1, 1000, -1, 0];

/// Mutates; the same seed gives the same pods.
pub(super) struct Mutator {
    state: u64,
}

impl Mutator {
    pub(super) fn new(seed: u64) -> Mutator {
        Mutator { state: seed }
    }

    /// A number below `end` (splitmix64).
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % end as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// One of the texts, or sometimes null.
    fn text(&mut self, from: &[&str]) -> Value {
        match self.one_in(8) {
            true => Value::Null,
            false => self.pick(from).into(),
        }
    }

    fn flag(&mut self) -> Value {
        self.pick(&[Some(true), Some(false), None]).into()
    }

    fn list(&mut self, longest: usize, mut item: impl FnMut(&mut Mutator) -> Value) -> Value {
        if self.one_in(12) {
            return Value::Null;
        }
        let length = self.below(longest + 1);
        (0..length).map(|_| item(self)).collect()
    }

    /// An object with some of the fields, or sometimes null.
    fn object(&mut self, fields: &[(&str, Value)]) -> Value {
        if self.one_in(10) {
            return Value::Null;
        }
        let mut object = Map::new();
        for (name, value) in fields {
            if !self.one_in(4) {
                object.insert((*name).to_owned(), value.clone());
            }
        }
        Value::Object(object)
    }

    /// A mutation of an object, at some level and version.
    pub(super) fn question(&mut self, seed: &Value, template: &str) -> Question {
        let mut object = seed.clone();
        let template = object.pointer_mut(template).unwrap();
        for _ in 0..self.below(9) {
            self.mutate(template);
        }
        let level = self.pick(&[
            "restricted", "baseline", "restricted", "restricted", "baseline",
        ]);
        let level = if self.one_in(50) { "privileged" } else { level };
        let version = match self.below(42) {
            41 => "latest".to_owned(),
            minor => format!("v1.{minor}"),
        };
        Question {
            level: level.to_owned(),
            version,
            text: object.to_string(),
            who: String::new(),
        }
    }

    fn mutate(&mut self, template: &mut Value) {
        match self.below(24) {
            0 | 1 => return self.annotate(template),
            2 if self.one_in(4) => return put(template, "metadata", Value::Null),
            _ => {}
        }
        let Some(spec) = template.get_mut("spec").filter(|it| it.is_object()) else {
            return;
        };
        match self.below(20) {
            0 => {
                let name = self.pick(&["hostNetwork", "hostPID", "hostIPC"]);
                put(spec, name, self.flag());
            }
            1 | 2 => put(spec, "hostUsers", self.flag()),
            3 => {
                let name = self.text(&["windows", "windows", "linux", "Windows", ""]);
                put(spec, "os", self.object(&[("name", name)]));
            }
            4 => {
                let volumes = self.list(4, Mutator::volume);
                put(spec, "volumes", volumes);
            }
            5..=8 => self.change_context(spec, true),
            9 | 10 => self.change_list(spec),
            _ => self.change_container(spec),
        }
    }

    fn annotate(&mut self, template: &mut Value) {
        if template.get("metadata").is_none_or(|it| !it.is_object()) {
            put(template, "metadata", json!({}));
        }
        let metadata = &mut template["metadata"];
        if metadata.get("annotations").is_none_or(|it| !it.is_object()) || self.one_in(10) {
            let empty = self.pick(&["{}", "{}", "{}", "null"]);
            put(
                metadata,
                "annotations",
                serde_json::from_str(empty).unwrap(),
            );
        }
        let key = match self.below(4) {
            0 => "seccomp.security.alpha.kubernetes.io/pod".to_owned(),
            1 => format!(
                "container.seccomp.security.alpha.kubernetes.io/{}",
                self.pick(&NAMES)
            ),
            2 => "seccomp.security.alpha.kubernetes.io/Pod".to_owned(),
            _ => format!(
                "container.apparmor.security.beta.kubernetes.io/{}",
                self.pick(&NAMES)
            ),
        };
        let value = self.text(&ANNOTATIONS);
        if metadata["annotations"].is_object() {
            put(&mut metadata["annotations"], &key, value);
        }
    }

    fn volume(&mut self) -> Value {
        let mut volume = json!({});
        if !self.one_in(12) {
            put(&mut volume, "name", self.text(&["v", "w", "data", ""]));
        }
        for _ in 0..self.pick(&[0, 1, 1, 1, 1, 2]) {
            let source = self.pick(&SOURCES);
            let value = if self.one_in(8) {
                Value::Null
            } else {
                json!({})
            };
            put(&mut volume, source, value);
        }
        if self.one_in(30) { Value::Null } else { volume }
    }

    /// Sets, nulls or drops a field of a security context, or the whole of it.
    fn change_context(&mut self, owner: &mut Value, is_pod: bool) {
        if owner
            .get("securityContext")
            .is_none_or(|it| !it.is_object())
        {
            put(owner, "securityContext", json!({}));
        }
        if self.one_in(16) {
            return match self.below(3) {
                0 => put(owner, "securityContext", Value::Null),
                1 => put(owner, "securityContext", json!({})),
                _ => take(owner, "securityContext"),
            };
        }
        let fields: &[&str] = match is_pod {
            true => &[
                "runAsNonRoot", "runAsUser", "seccompProfile", "appArmorProfile", "seLinuxOptions",
                "windowsOptions", "sysctls",
                // A field of containers, which has no effect here.
                "privileged",
            ],
            false => &[
                "runAsNonRoot", "runAsUser", "seccompProfile", "appArmorProfile", "seLinuxOptions",
                "windowsOptions", "allowPrivilegeEscalation", "privileged", "procMount",
                "capabilities", "capabilities",
            ],
        };
        let field = self.pick(fields);
        let context = &mut owner["securityContext"];
        if self.one_in(8) {
            return take(context, field);
        }
        let value = self.value_of(field);
        put(context, field, value);
    }

    fn value_of(&mut self, field: &str) -> Value {
        match field {
            "runAsUser" => match self.one_in(8) {
                true => Value::Null,
                false => self.pick(&USERS).into(),
            },
            "seccompProfile" | "appArmorProfile" => {
                let kind = self.text(&PROFILES);
                self.object(&[("type", kind), ("localhostProfile", "x".into())])
            }
            "seLinuxOptions" => {
                let kind = self.text(&SE_LINUX);
                let user = self.text(&["", "", "user_u"]);
                let role = self.text(&["", "", "role_r"]);
                self.object(&[
                    ("type", kind),
                    ("user", user),
                    ("role", role),
                    ("level", "s0".into()),
                ])
            }
            "windowsOptions" => {
                let flag = self.flag();
                self.object(&[("hostProcess", flag)])
            }
            "capabilities" => {
                let add = self.list(3, |it| it.text(&CAPABILITIES));
                let drop = self.list(3, |it| it.text(&CAPABILITIES));
                self.object(&[("add", add), ("drop", drop)])
            }
            "procMount" => self.text(&["Default", "Unmasked", "Unmasked", "default", ""]),
            "sysctls" => self.list(4, |it| {
                let name = it.text(&SYSCTLS);
                it.object(&[("name", name), ("value", "1".into())])
            }),
            _ => self.flag(),
        }
    }

    /// Adds, takes away or empties containers.
    fn change_list(&mut self, spec: &mut Value) {
        let list = self.pick(&LISTS);
        match self.below(10) {
            0 => put(spec, list, Value::Null),
            1 => put(spec, list, json!([])),
            2 => take(spec, list),
            3 => {
                let containers = spec.get_mut(list).and_then(Value::as_array_mut);
                let Some(containers) = containers.filter(|it| !it.is_empty()) else {
                    return;
                };
                containers.remove(self.below(containers.len()));
            }
            _ => {
                if spec.get(list).is_none_or(|it| !it.is_array()) {
                    put(spec, list, json!([]));
                }
                let mut container = json!({"image": "i"});
                if !self.one_in(12) {
                    put(&mut container, "name", self.text(&NAMES));
                }
                for _ in 0..self.below(4) {
                    self.change_context(&mut container, false);
                }
                let container = match self.one_in(30) {
                    true => Value::Null,
                    false => container,
                };
                let containers = spec[list].as_array_mut().unwrap();
                containers.push(container);
            }
        }
    }

    fn change_container(&mut self, spec: &mut Value) {
        let list = self.pick(&LISTS);
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        let Some(containers) = containers.filter(|it| !it.is_empty()) else {
            return;
        };
        let index = self.below(containers.len());
        let container = &mut containers[index];
        if !container.is_object() {
            return;
        }
        match self.below(8) {
            0 => {
                let ports = self.list(3, |it| {
                    let (host, own) = (it.pick(&PORTS), it.pick(&PORTS));
                    it.object(&[("hostPort", host.into()), ("containerPort", own.into())])
                });
                put(container, "ports", ports);
            }
            1 => {
                let probe = self.pick(&["livenessProbe", "readinessProbe", "startupProbe"]);
                let handler = self.handler();
                put(container, probe, handler);
            }
            2 => {
                let (start, stop) = (self.handler(), self.handler());
                let hooks = self.object(&[("postStart", start), ("preStop", stop)]);
                put(container, "lifecycle", hooks);
            }
            _ => self.change_context(container, false),
        }
    }

    fn handler(&mut self) -> Value {
        let mut actions = Vec::new();
        for action in ["httpGet", "tcpSocket", "exec"] {
            let host = self.text(&HOSTS);
            let value = match action {
                "exec" => json!({"command": ["true"]}),
                _ => self.object(&[("host", host), ("port", 80.into())]),
            };
            actions.push((action, value));
        }
        self.object(&actions)
    }
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn take(object: &mut Value, key: &str) {
    if let Some(object) = object.as_object_mut() {
        object.shift_remove(key);
    }
}

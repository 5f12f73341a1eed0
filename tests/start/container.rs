//! A pod's container in Docker.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Program;
use super::pod::{Pod, list, text};
use super::volumes::{Volumes, kibibytes};
use crate::hosts::bench::Ran;

/// Ten times what a program needs on an idle machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a program that reported its problem may still start to serve.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// Every other field of a container is an error, so that no part of a fitted pod is left out. Docker needs no `ports`
/// without a network, and the requests only count for the scheduler.
const FIELDS: [&str; 9] = [
    "args", "command", "env", "image", "name", "ports", "resources", "securityContext",
    "volumeMounts",
];

pub(super) struct Container<'p> {
    pod: &'p Pod,
    volumes: Volumes,
    /// Its id, or why kubelet does not start it.
    id: Result<String, String>,
}

pub(super) struct Outcome {
    /// Why it does not serve.
    pub(super) fault: Option<String>,
    pub(super) log: String,
    after: Duration,
}

impl Outcome {
    pub(super) fn served(&self) -> String {
        match &self.fault {
            None => format!("after {:.1} s", self.after.as_secs_f64()),
            Some(_) => "no".to_owned(),
        }
    }
}

impl Container<'_> {
    pub(super) fn start<'p>(image: &str, pod: &'p Pod) -> Container<'p> {
        let volumes = Volumes::of(pod, image);
        let id = may_start(image, pod).map(|()| {
            let mut arguments = vec!["run".to_owned(), "-d".to_owned()];
            arguments.extend(options(pod));
            arguments.extend(volumes.mounts(pod));
            arguments.extend(command(image, pod));
            docker(&arguments).succeeded().trim().to_owned()
        });
        Container { pod, volumes, id }
    }

    /// Waits until the program answers its probe, ends, or has said `complaint` and still does not answer.
    pub(super) fn serve(&self, program: &Program, complaint: Option<&str>) -> Outcome {
        let start = Instant::now();
        let outcome = |fault, log| Outcome {
            fault,
            log,
            after: start.elapsed(),
        };
        let id = match &self.id {
            Ok(id) => id,
            Err(why) => return outcome(Some(why.clone()), why.clone()),
        };
        let mut end = start + PATIENCE;
        let mut complained = false;
        loop {
            let ran = docker(&["exec", id, "bash", "-c", &program.probe]);
            if ran.code == Some(0) && ran.stdout.trim_end() == program.answer {
                let over = self.volumes.over_limit(self.pod);
                let fault = (!over.is_empty()).then(|| over.join(", "));
                return outcome(fault, self.log());
            }
            let state = docker(&[
                "inspect",
                "-f",
                "{{.State.Running}} {{.State.ExitCode}}",
                id,
            ]);
            let log = self.log();
            if let Some(code) = state.stdout.trim().strip_prefix("false ") {
                let fault = format!("it ended with {code}:\n{log}");
                return outcome(Some(fault), log);
            }
            if Instant::now() > end {
                let Ran { stdout, stderr, .. } = ran;
                let fault =
                    format!("the probe says {stdout:?} {stderr:?}; the program says\n{log}");
                return outcome(Some(fault), log);
            }
            if !complained && complaint.is_some_and(|it| log.contains(it)) {
                complained = true;
                end = end.min(Instant::now() + AFTERWARDS);
            }
            sleep(Duration::from_millis(200));
        }
    }

    fn log(&self) -> String {
        let id = self.id.as_ref().unwrap();
        let Ran { stdout, stderr, .. } = docker(&["logs", "--tail", "200", id]);
        stdout + &stderr
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if let Ok(id) = &self.id {
            docker(&["rm", "-fv", id]).succeeded();
        }
    }
}

fn docker<S: AsRef<str>>(arguments: &[S]) -> Ran {
    let arguments: Vec<&str> = arguments.iter().map(S::as_ref).collect();
    let mut command = Command::new("docker");
    command.args(&arguments);
    Ran::of(command, format!("docker {}", arguments.join(" ")), b"")
}

/// Kubelet's verifyRunAsNonRoot.
fn may_start(image: &str, pod: &Pod) -> Result<(), String> {
    if pod.security("runAsNonRoot") != true {
        return Ok(());
    }
    let user = match pod.security("runAsUser") {
        Value::Null => docker(&["image", "inspect", "-f", "{{.Config.User}}", image]).succeeded(),
        user => user.to_string(),
    };
    match user.trim().split(':').next().unwrap() {
        "" | "0" => Err("container has runAsNonRoot and image will run as root".to_owned()),
        user if user.parse::<u32>().is_err() => Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root"
        )),
        _ => Ok(()),
    }
}

/// The options of `docker run` that mean what the pod says.
fn options(pod: &Pod) -> Vec<String> {
    let container = pod.container();
    for field in container.as_object().unwrap().keys() {
        assert!(
            FIELDS.contains(&&**field),
            "the test does not run containers with {field}"
        );
    }
    let mut options = vec![
        "--network=none".to_owned(),
        format!("--hostname={}", pod.name),
        // Kubelet writes the pod's address.
        format!("--add-host={}:127.0.0.1", pod.name),
    ];
    let mut add = |option: String| options.push(option);

    match (pod.security("runAsUser"), pod.security("runAsGroup")) {
        (Value::Null, Value::Null) => {}
        (Value::Null, group) => panic!("Docker has no group {group} without a user"),
        (user, Value::Null) => add(format!("--user={user}")),
        (user, group) => add(format!("--user={user}:{group}")),
    }
    let groups = list(&pod.spec["securityContext"]["supplementalGroups"]);
    let groups = groups.iter().filter_map(Value::as_i64);
    for group in pod.fs_group().into_iter().chain(groups) {
        add(format!("--group-add={group}"));
    }
    if pod.is_root_read_only() {
        add("--read-only".to_owned());
    }
    if pod.security("allowPrivilegeEscalation") == false {
        add("--security-opt=no-new-privileges".to_owned());
    }
    assert_eq!(pod.security("privileged"), &Value::Null);
    // RuntimeDefault is Docker's default; kubelet's is no profile.
    match pod.security("seccompProfile")["type"].as_str() {
        Some("RuntimeDefault") => {}
        None | Some("Unconfined") => add("--security-opt=seccomp=unconfined".to_owned()),
        Some(other) => panic!("the test has no seccomp profile {other}"),
    }
    let capabilities = pod.security("capabilities");
    for name in list(&capabilities["drop"]) {
        add(format!("--cap-drop={}", text(name)));
    }
    for name in list(&capabilities["add"]) {
        add(format!("--cap-add={}", text(name)));
    }
    // Docker's default is 0; that of most nodes is the kernel's.
    let sysctls = list(&pod.spec["securityContext"]["sysctls"]);
    let ports = "net.ipv4.ip_unprivileged_port_start";
    if !sysctls.iter().any(|it| it["name"] == ports) {
        add(format!("--sysctl={ports}=1024"));
    }
    for it in sysctls {
        add(format!(
            "--sysctl={}={}",
            text(&it["name"]),
            text(&it["value"])
        ));
    }
    for (resource, limit) in container["resources"]["limits"]
        .as_object()
        .into_iter()
        .flatten()
    {
        match &**resource {
            "memory" => add(format!("--memory={}k", kibibytes(limit.as_str().unwrap()))),
            other => panic!("the test does not know a limit of {other}"),
        }
    }
    for variable in list(&container["env"]) {
        let from = &variable["valueFrom"];
        let value = if let Some(value) = variable["value"].as_str() {
            assert!(!value.contains("$("), "the test does not expand {value}");
            value.to_owned()
        } else if let Some(secret) = from["secretKeyRef"].as_object() {
            let data = pod.data_of("Secret", &secret["name"]);
            data[secret["key"].as_str().unwrap()].clone()
        } else {
            panic!("the test does not know the variable {variable}")
        };
        add(format!("--env={}={value}", text(&variable["name"])));
    }
    options
}

/// `command` replaces the entrypoint and the command of the image, `args` only the command.
fn command(image: &str, pod: &Pod) -> Vec<String> {
    let mut words: Vec<String> = list(&pod.container()["command"]).iter().map(text).collect();
    let mut arguments = Vec::new();
    if !words.is_empty() {
        arguments.push(format!("--entrypoint={}", words.remove(0)));
    }
    arguments.push(image.to_owned());
    arguments.extend(words);
    arguments.extend(list(&pod.container()["args"]).iter().map(text));
    arguments
}

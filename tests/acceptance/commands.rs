//! Every name in the commands on the pages exists: objects, namespaces, containers, labels, ports, keys, users, images, files.
//!
//! The commands are read from the blocks of shell lines, and from code in running text that begins with a program's name. In
//! a table only the last cell of a row counts: the first may quote another system's command.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::references::ELSEWHERE;
use super::render::{Render, Workload, list, strings, text};
use crate::hosts::bench::root;

/// The namespace in which Circle Core's page deploys it.
const UNNAMED: &str = "circle-core";

/// Overlays that a page asks its reader to write.
const INVENTED: [&str; 2] = ["overlays/my-namespace/caracal", "overlays/staging/shop"];

/// Folders of this repository that commands name files in.
const FOLDERS: [&str; 6] = [
    "base/", "docs/", "examples/", "fn-config/", "overlays/", "scripts/",
];

/// kubectl's names of the kinds that the pages use.
const KINDS: [(&str, &str); 24] = [
    ("configmap", "ConfigMap"),
    ("deployment", "Deployment"),
    ("events", "Event"),
    ("externalsecret", "ExternalSecret"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("ingress", "Ingress"),
    ("job", "Job"),
    ("lease", "Lease"),
    ("namespace", "Namespace"),
    ("networkpolicy", "NetworkPolicy"),
    ("persistentvolume", "PersistentVolume"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("persistentvolumeclaims", "PersistentVolumeClaim"),
    ("pod", "Pod"),
    ("pods", "Pod"),
    ("pvc", "PersistentVolumeClaim"),
    ("resourcequota", "ResourceQuota"),
    ("secret", "Secret"),
    ("service", "Service"),
    ("serviceaccount", "ServiceAccount"),
    ("statefulset", "StatefulSet"),
    ("storageclass", "StorageClass"),
    ("svc", "Service"),
];

/// Flags of kubectl whose value is the next word.
const WITH_VALUE: [&str; 19] = [
    "--cert", "--container", "--context", "--external-name", "--field-manager", "--field-selector",
    "--filename", "--for", "--image", "--key", "--namespace", "--output", "--patch", "--selector",
    "-c", "-f", "-l", "-n", "-o",
];

/// Everything that a command may name.
pub(crate) struct World {
    /// The renders of all environments, with the namespace that they go to.
    renders: Vec<(String, Render)>,
}

/// The result of checking a page's commands.
#[derive(Default)]
pub(crate) struct Checked {
    /// How many names were looked up.
    pub(crate) names: usize,
    pub(crate) problems: Vec<String>,
    /// Local ports that an earlier command forwards.
    forwarded: BTreeSet<String>,
}

impl World {
    /// Renders, and objects that an operator adds to any of them.
    pub(crate) fn new(renders: Vec<Render>, extra: &str) -> World {
        let placed = renders.into_iter().map(|mut render| {
            render.objects.extend(Render::of(extra).objects);
            let namespace = render.kind("Namespace").next();
            let name = namespace.map_or(UNNAMED, |it| text(&it["metadata"]["name"]));
            (name.to_owned(), render)
        });
        World {
            renders: placed.collect(),
        }
    }

    fn within<'a>(&'a self, namespace: Option<&'a str>) -> impl Iterator<Item = &'a Render> {
        let named = move |name: &str| namespace.is_none_or(|wanted| wanted == name);
        let renders = self.renders.iter();
        renders
            .filter(move |(name, _)| named(name))
            .map(|(_, render)| render)
    }

    fn has(&self, namespace: Option<&str>, kind: &str, name: &str) -> bool {
        if kind == "Namespace" {
            return self.renders.iter().any(|(own, _)| own == name);
        }
        self.within(namespace).any(|render| match kind {
            "Pod" => render.has(kind, name) || pod_of(render, name).is_some(),
            "PersistentVolumeClaim" => render.has(kind, name) || is_claim_of_set(render, name),
            "Secret" => secrets(render).contains(name),
            _ => render.has(kind, name),
        })
    }

    /// The workload that a command's first argument names.
    fn workloads<'a>(
        &'a self,
        namespace: Option<&'a str>,
        named: &str,
    ) -> Vec<(&'a Render, Workload<'a>)> {
        let (kind, name) = named.split_once('/').unwrap_or(("pod", named));
        let find = |render: &'a Render| match kind_of(kind) {
            Some("Pod") => {
                pod_of(render, name).or_else(|| render.workload(&format!("Pod/{name}")).ok())
            }
            Some(kind) => render.workload(&format!("{kind}/{name}")).ok(),
            None => None,
        };
        self.within(namespace)
            .filter_map(|render| Some((render, find(render)?)))
            .collect()
    }
}

fn kind_of(word: &str) -> Option<&'static str> {
    let found = KINDS.iter().find(|(name, _)| *name == word)?;
    Some(found.1)
}

/// The StatefulSet of a pod, by the pod's name.
fn pod_of<'a>(render: &'a Render, pod: &str) -> Option<Workload<'a>> {
    let (set, number) = pod.rsplit_once('-')?;
    let workload = render.workload(&format!("StatefulSet/{set}")).ok()?;
    let number: i64 = number.parse().ok()?;
    (number < render.most_replicas(workload)).then_some(workload)
}

fn is_claim_of_set(render: &Render, claim: &str) -> bool {
    render.workloads().any(|workload| {
        let name = text(&workload.object["metadata"]["name"]);
        workload.claim_templates().any(|template| {
            let prefix = format!("{}-", text(&template["metadata"]["name"]));
            let pod = claim.strip_prefix(&prefix);
            pod.is_some_and(|pod| pod.starts_with(name) && pod_of(render, pod).is_some())
        })
    })
}

/// Names of Secrets: rendered, made by the External Secrets Operator or by cert-manager.
fn secrets(render: &Render) -> BTreeSet<&str> {
    let own = render
        .kind("Secret")
        .map(|it| text(&it["metadata"]["name"]));
    let external = render
        .kind("ExternalSecret")
        .map(|it| text(&it["spec"]["target"]["name"]));
    let certificates = render
        .kind("Ingress")
        .flat_map(|it| list(&it["spec"]["tls"]))
        .map(|it| text(&it["secretName"]));
    own.chain(external).chain(certificates).collect()
}

/// The keys of a Secret, from the objects that create it and those that read it.
fn keys(render: &Render, secret: &str) -> BTreeSet<String> {
    let external = render
        .kind("ExternalSecret")
        .filter(|it| it["spec"]["target"]["name"] == secret)
        .flat_map(|it| list(&it["spec"]["data"]))
        .map(|it| text(&it["secretKey"]).to_owned());
    let read = render
        .containers()
        .flat_map(|it| list(&it.value["env"]))
        .map(|it| &it["valueFrom"]["secretKeyRef"])
        .filter(|it| it["name"] == secret)
        .map(|it| text(&it["key"]).to_owned());
    external.chain(read).collect()
}

/// Every word in the settings of a render's containers: values of variables, commands, and probes.
fn words(render: &Render) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for container in render.containers() {
        let variables = render.variables(container.value);
        words.extend(variables.into_iter().map(|(_, value)| value));
        let probes = ["startupProbe", "livenessProbe", "readinessProbe"];
        let commands = probes.map(|probe| &container.value[probe]["exec"]["command"]);
        let own = [&container.value["command"], &container.value["args"]];
        for command in commands.into_iter().chain(own) {
            words.extend(list(command).map(|word| text(word).to_owned()));
        }
    }
    words
}

/// Checks all commands of a page.
pub(crate) fn check(page: &str, world: &World) -> Checked {
    let mut checked = Checked::default();
    for line in lines(page) {
        let mut folder = PathBuf::new();
        for mut command in commands(&line) {
            while command
                .first()
                .is_some_and(|word| word == "do" || is_assignment(word))
            {
                command.remove(0);
            }
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let before = checked.problems.len();
            checked.files(&folder, &words);
            match words.as_slice() {
                ["cd", path] => folder = path.into(),
                ["kubectl", rest @ ..] => checked.kubectl(world, rest),
                ["kustomize", "edit", "set", what, rest @ ..] => {
                    rest.iter()
                        .for_each(|it| checked.edited(world, &folder, what, it));
                }
                ["sed", "-i", script, .., file] => checked.replaced(script, file),
                ["curl", rest @ ..] => checked.local_urls(rest),
                ["fitout", rest @ ..] => checked.fitout(rest),
                _ => {}
            }
            for problem in &mut checked.problems[before..] {
                *problem = format!("{problem}\n    in: {}", words.join(" "));
            }
        }
    }
    checked
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Lines of shell, continued ones joined, and pieces of code that begin with a program.
fn lines(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut prose = String::new();
    let mut fence = None::<(bool, String)>;
    for line in page.lines() {
        let start = line.trim_start();
        match &mut fence {
            Some((is_shell, block)) if start.starts_with("```") => {
                if *is_shell {
                    let joined = block.replace("\\\n", " ");
                    lines.extend(joined.lines().map(|line| line.trim().to_owned()));
                }
                fence = None;
            }
            Some((_, block)) => {
                block.push_str(line);
                block.push('\n');
            }
            None if start.starts_with("```") => {
                fence = Some((start == "```sh", String::new()));
            }
            None if start.starts_with('|') => {
                let row = start
                    .trim_end()
                    .trim_end_matches('|')
                    .replace("\\|", "\u{1}");
                let cell = row.rsplit('|').next().unwrap_or_default();
                lines.extend(code(&cell.replace('\u{1}', "|")));
            }
            None => {
                prose.push_str(line.trim());
                prose.push(' ');
            }
        }
    }
    lines.extend(code(&prose));
    lines
}

/// Commands between backticks, and paths. Fewer than four words only mention one, as in `kubectl set image`.
fn code(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    let is_command = |span: &&str| {
        let program = span.split(' ').next().unwrap_or_default();
        let is_long = span.split(' ').count() > 3;
        match program {
            "kubectl" | "fitout" | "kustomize" => is_long,
            "curl" => true,
            _ => FOLDERS.iter().any(|folder| span.starts_with(folder)),
        }
    };
    spans.filter(is_command).map(str::to_owned).collect()
}

/// The simple commands of a line, without quotes, comments and redirections.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word = None::<String>;
    let mut quote = None::<char>;
    let mut chars = line.chars();
    let mut is_target = false;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ' | '|' | ';' | '&' | '(' | ')' | '<' | '>') => {
                if let Some(word) = word.take()
                    && !std::mem::take(&mut is_target)
                {
                    commands.last_mut().unwrap().push(word);
                }
                match c {
                    ' ' => {}
                    '<' | '>' => is_target = true,
                    _ => commands.push(Vec::new()),
                }
            }
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(word) = word.filter(|_| !is_target) {
        commands.last_mut().unwrap().push(word);
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// A parsed kubectl command.
#[derive(Default)]
struct Kubectl<'a> {
    namespace: Option<&'a str>,
    flags: Vec<(&'a str, &'a str)>,
    /// The verb and its arguments.
    words: Vec<&'a str>,
    /// The command to run in the container.
    inner: Vec<&'a str>,
}

impl<'a> Kubectl<'a> {
    fn parse(words: &[&'a str]) -> Kubectl<'a> {
        let mut parsed = Kubectl::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if *word == "--" {
                parsed.inner = words.copied().collect();
                break;
            }
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) if word.starts_with("--") => (flag, value),
                _ if WITH_VALUE.contains(word) => {
                    (*word, words.next().copied().unwrap_or_default())
                }
                _ if word.starts_with('-') && word.len() > 1 => (*word, ""),
                _ => {
                    parsed.words.push(word);
                    continue;
                }
            };
            if ["-n", "--namespace"].contains(&flag) {
                parsed.namespace = Some(value);
            }
            parsed.flags.push((flag, value));
        }
        parsed
    }

    fn values<'b>(&'b self, flag: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        let flags = self.flags.iter().filter(move |(name, _)| *name == flag);
        flags.map(|(_, value)| *value)
    }
}

impl Checked {
    fn unless(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        self.names += 1;
        if !holds {
            self.problems.push(problem());
        }
    }

    /// Files of the repository, by any program.
    fn files(&mut self, folder: &Path, words: &[&str]) {
        for word in words {
            let path = word.rsplit('=').next().unwrap_or_default();
            let path = path.trim_end_matches('/');
            let is_ours = FOLDERS.iter().any(|it| format!("{path}/").starts_with(it));
            let is_open = path.contains(['<', '…', '*', '$', '{', ' ']);
            let is_invented = INVENTED.iter().any(|it| path.starts_with(it));
            if is_ours && !is_open && !is_invented {
                let path = folder.join(path);
                self.unless(root().join(&path).exists(), || {
                    format!("there is no {}", path.display())
                });
            }
        }
    }

    fn kubectl(&mut self, world: &World, words: &[&str]) {
        let command = Kubectl::parse(words);
        let namespace = command.namespace;
        if let Some(name) = namespace {
            self.unless(world.has(None, "Namespace", name), || {
                format!("no namespace {name}")
            });
        }
        for selector in command.values("-l") {
            let is_there = world.within(namespace).any(|render| {
                render.workloads().any(|workload| {
                    let labels = workload.labels();
                    let mut pairs = selector.split(',').filter_map(|pair| pair.split_once('='));
                    pairs.all(|(name, value)| labels.get(name).is_some_and(|it| it == value))
                })
            });
            self.unless(is_there, || format!("no pod has {selector}"));
        }
        let objects =
            |checked: &mut Checked, words: &[&str]| checked.objects(world, &command, words);
        match command.words.as_slice() {
            [
                "get" | "describe" | "delete" | "patch" | "scale" | "annotate" | "label" | "wait",
                rest @ ..,
            ] => {
                objects(self, rest);
            }
            [
                "rollout",
                "status" | "undo" | "restart" | "history",
                rest @ ..,
            ] => objects(self, rest),
            ["set", "image", target, images @ ..] => {
                objects(self, &[target]);
                for image in images {
                    let container = image.split('=').next().unwrap_or_default();
                    self.container(&world.workloads(namespace, target), container);
                }
            }
            ["logs" | "exec" | "debug" | "port-forward", rest @ ..] => {
                self.pod(world, &command, rest)
            }
            ["create", "namespace", name] => {
                self.unless(world.has(None, "Namespace", name), || {
                    format!("no namespace {name}")
                });
            }
            ["create", "secret", _, name] => self.secret(world, &command, name),
            ["create", "service", "externalname", name] => {
                self.unless(ELSEWHERE.contains(name), || {
                    format!("nothing asks for a Service {name}")
                });
            }
            ["apply" | "diff" | "kustomize" | "config" | "version", ..] => {}
            _ => self
                .problems
                .push("what does this command name?".to_owned()),
        }
        if let ["get", "secret", name] = command.words.as_slice() {
            let template = command
                .values("-o")
                .find_map(|it| it.strip_prefix("jsonpath={.data."));
            if let Some(key) = template.and_then(|it| it.strip_suffix('}')) {
                self.key(world, namespace, name, key);
            }
        }
        for patch in command.values("--patch") {
            self.patch(world, &command, patch);
        }
    }

    /// `KIND/NAME…`, or `KIND,… NAME…`; words with a `=` are labels.
    fn objects(&mut self, world: &World, command: &Kubectl<'_>, words: &[&str]) {
        let names = words.iter().filter(|word| !word.contains(['=', '$']));
        let mut kinds = Vec::new();
        for (index, word) in names.enumerate() {
            if let Some((kind, name)) = word.split_once('/') {
                let is_there =
                    kind_of(kind).is_some_and(|it| world.has(command.namespace, it, name));
                self.unless(is_there, || format!("there is no {word}"));
            } else if index == 0 {
                for word in word.split(',') {
                    kinds.extend(kind_of(word));
                    self.unless(kind_of(word).is_some(), || format!("unknown kind {word}"));
                }
            } else {
                let is_there = kinds
                    .iter()
                    .any(|it| world.has(command.namespace, it, word));
                self.unless(is_there, || format!("there is no {word}"));
            }
        }
    }

    /// A pod, or a workload with pods, and what is in it.
    fn pod(&mut self, world: &World, command: &Kubectl<'_>, words: &[&str]) {
        let namespace = command.namespace;
        let service = |name: &str| {
            let mut renders = world.within(namespace);
            renders.find_map(|render| render.get(&format!("Service/{name}")).ok())
        };
        let (target, ports) = words
            .split_first()
            .map_or(("", words), |(it, rest)| (*it, rest));
        let workloads = if target.is_empty() {
            // By label, which was looked up already.
            let all = world
                .within(namespace)
                .flat_map(|it| it.workloads().map(move |w| (it, w)));
            all.collect()
        } else {
            world.workloads(namespace, target)
        };
        let name = target
            .strip_prefix("service/")
            .or(target.strip_prefix("svc/"));
        let ports_there: BTreeSet<i64> = match name.and_then(service) {
            Some(service) => list(&service["spec"]["ports"])
                .filter_map(|it| it["port"].as_i64())
                .collect(),
            None => {
                if !target.starts_with('$') {
                    self.unless(!workloads.is_empty(), || format!("there is no {target}"));
                }
                let containers = workloads.iter().flat_map(|(_, it)| it.containers());
                let ports = containers.flat_map(|it| list(&it.value["ports"]));
                ports
                    .filter_map(|it| it["containerPort"].as_i64())
                    .collect()
            }
        };
        for port in ports {
            let (local, remote) = port.split_once(':').unwrap_or((port, port));
            let is_there = remote.parse().is_ok_and(|port| ports_there.contains(&port));
            self.unless(is_there, || format!("{target} has no port {remote}"));
            self.forwarded.insert(local.to_owned());
        }
        for container in command.values("-c") {
            self.container(&workloads, container);
            self.inner(world, command, &workloads, container);
        }
        // If a pod has several containers, kubectl selects one.
        if command.words[0] == "exec" {
            self.unless(command.values("-c").next().is_some(), || "no -c".to_owned());
        }
    }

    fn container(&mut self, workloads: &[(&Render, Workload<'_>)], name: &str) {
        let mut containers = workloads.iter().flat_map(|(_, it)| it.containers());
        let is_there = containers.any(|it| it.value["name"] == name);
        self.unless(is_there, || format!("no container {name}"));
    }

    /// The names in a command in a container: users, databases, hosts, and the container's variables.
    fn inner(
        &mut self,
        world: &World,
        command: &Kubectl<'_>,
        workloads: &[(&Render, Workload<'_>)],
        container: &str,
    ) {
        let joined = command.inner.join(" ");
        let tokens: Vec<&str> = joined.split_whitespace().collect();
        let known: BTreeSet<String> = world.within(command.namespace).flat_map(words).collect();
        for pair in tokens.windows(2) {
            match pair[0] {
                "-U" | "--username" | "-d" | "--db" => {
                    self.unless(known.contains(pair[1]), || {
                        format!("no user or database {}", pair[1])
                    });
                }
                "-h" | "--host" if pair[1] != "127.0.0.1" => {
                    self.service(world, command, pair[1], None)
                }
                _ => {}
            }
        }
        for token in &tokens {
            if let Some((_, rest)) = token.split_once("://") {
                let host = rest.split('/').next().unwrap_or_default();
                let (host, port) = host.split_once(':').unwrap_or((host, ""));
                self.service(world, command, host, port.parse().ok());
            }
            if let Some(name) = token.trim_matches('"').strip_prefix('$') {
                let of = |render: &Render, it: &Workload<'_>| {
                    let mut containers = it.containers().filter(|it| it.value["name"] == container);
                    containers.any(|it| render.variable(it.value, name).is_some())
                };
                let is_there = workloads.iter().any(|(render, it)| of(render, it));
                // Outside a shell in the container it is the reader's own variable.
                if tokens[0] == "sh" {
                    self.unless(is_there, || {
                        format!("container {container} has no variable {name}")
                    });
                }
            }
        }
    }

    fn service(&mut self, world: &World, command: &Kubectl<'_>, name: &str, port: Option<i64>) {
        let is_there = world.within(command.namespace).any(|render| {
            let service = render.get(&format!("Service/{name}")).ok();
            service.is_some_and(|it| {
                port.is_none() || list(&it["spec"]["ports"]).any(|p| p["port"].as_i64() == port)
            })
        });
        self.unless(is_there, || format!("no Service {name} with port {port:?}"));
    }

    fn secret(&mut self, world: &World, command: &Kubectl<'_>, name: &str) {
        let namespace = command.namespace;
        self.unless(world.has(namespace, "Secret", name), || {
            format!("nothing reads a Secret {name}")
        });
        let literals = command
            .values("--from-literal")
            .filter_map(|it| it.split('=').next());
        let files = command
            .values("--from-file")
            .map(|it| match it.split_once('=') {
                Some((key, _)) => key,
                None => it.rsplit('/').next().unwrap_or_default(),
            });
        let given: Vec<&str> = literals.chain(files).collect();
        for key in &given {
            self.key(world, namespace, name, key);
        }
        if command.words[2] == "generic" {
            let wanted: BTreeSet<String> = world
                .within(namespace)
                .flat_map(|it| keys(it, name))
                .collect();
            let lacking = wanted.iter().find(|key| !given.contains(&key.as_str()));
            self.unless(lacking.is_none(), || {
                format!("Secret {name} lacks {lacking:?}")
            });
        }
    }

    fn key(&mut self, world: &World, namespace: Option<&str>, secret: &str, key: &str) {
        let is_there = world
            .within(namespace)
            .any(|it| keys(it, secret).contains(key));
        self.unless(is_there, || format!("Secret {secret} has no key {key}"));
    }

    fn patch(&mut self, world: &World, command: &Kubectl<'_>, patch: &str) {
        let Ok(patch) = serde_json::from_str::<Value>(patch) else {
            self.problems.push("the patch is not JSON".to_owned());
            return;
        };
        let name = command.words.last().copied().unwrap_or_default();
        for key in strings(&patch["stringData"]).keys() {
            self.key(world, command.namespace, name, key);
        }
        if let Some(least) = patch["spec"]["minReplicas"].as_i64() {
            let is_possible = world.within(command.namespace).any(|render| {
                let autoscaler = render.get(&format!("HorizontalPodAutoscaler/{name}")).ok();
                autoscaler.is_some_and(|it| it["spec"]["maxReplicas"].as_i64() >= Some(least))
            });
            self.unless(is_possible, || {
                format!("{name} has a lower maximum than {least}")
            });
        }
    }

    /// `kustomize edit set image|replicas` in the folder of an overlay.
    fn edited(&mut self, world: &World, folder: &Path, what: &str, edit: &str) {
        let name = edit.split(['=', ':']).next().unwrap_or_default();
        if name.contains('$') {
            return;
        }
        let system = folder
            .file_name()
            .and_then(|it| it.to_str())
            .unwrap_or_default();
        let is_there = match what {
            "image" => {
                let image = format!("image: {name}");
                let of_system = |it: &fs::DirEntry| system.is_empty() || it.file_name() == system;
                let systems = fs::read_dir(root().join("base"))
                    .unwrap()
                    .map(|it| it.unwrap())
                    .filter(of_system);
                let mut files = systems.flat_map(|it| fs::read_dir(it.path()).unwrap());
                files.any(|file| {
                    let text = fs::read_to_string(file.unwrap().path()).unwrap();
                    text.lines()
                        .filter_map(|it| it.trim().trim_start_matches("- ").strip_prefix(&image))
                        .any(|rest| rest.is_empty() || rest.starts_with([':', '@', ' ']))
                })
            }
            "replicas" => world.has(None, "Deployment", name),
            _ => false,
        };
        self.unless(is_there, || format!("no {what} {name} to edit"));
    }

    /// `sed -i` finds what it replaces.
    fn replaced(&mut self, script: &str, file: &str) {
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            self.problems.push(format!("there is no {file}"));
            return;
        };
        for part in script.split("; ") {
            if let Some(component) = part.strip_prefix("/^components:/a - ") {
                let has_list = text.lines().any(|line| line == "components:");
                self.unless(has_list, || format!("{file} has no components"));
                let path = Path::new(file).with_file_name(component);
                let path = resolved(&path);
                self.unless(root().join(&path).exists(), || {
                    format!("there is no {}", path.display())
                });
                continue;
            }
            let wanted = part.strip_prefix("s#").and_then(|it| it.split('#').next());
            let wanted = wanted.unwrap_or_default().replace("\\.", ".");
            let is_there = match wanted.strip_suffix('$') {
                Some(end) => text.lines().any(|line| line.ends_with(end)),
                None => text.contains(&wanted),
            };
            self.unless(!wanted.is_empty() && is_there, || {
                format!("{file} has nothing like {part}")
            });
        }
    }

    fn local_urls(&mut self, words: &[&str]) {
        for word in words {
            if let Some((_, rest)) = word.split_once("://localhost:") {
                let port = rest.split('/').next().unwrap_or_default();
                let is_there = self.forwarded.contains(port);
                self.unless(is_there, || format!("nothing forwards port {port} before"));
            }
        }
    }

    fn fitout(&mut self, words: &[&str]) {
        if let ["-e", environment] = words[words.len().saturating_sub(2)..] {
            let folder = root().join("fn-config").join(environment);
            self.unless(folder.exists(), || format!("no environment {environment}"));
        }
    }
}

/// A path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            resolved.pop();
        } else {
            resolved.push(part);
        }
    }
    resolved
}

/// Broken links of a page.
pub(crate) fn dead_links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|it| it.split(')').next());
    let local = links.filter(|it| !it.contains("://"));
    let dead = local.filter(|link| {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() {
            page.to_owned()
        } else {
            page.with_file_name(file)
        };
        let is_heading = |text: String| {
            text.lines()
                .filter(|it| it.starts_with('#'))
                .any(|it| slug(it) == anchor)
        };
        let found = match fs::read_to_string(&target) {
            Ok(text) => anchor.is_empty() || is_heading(text),
            Err(_) => target.is_dir(),
        };
        !found
    });
    dead.map(|link| format!("{}: {link}", page.display()))
        .collect()
}

/// The anchor of a heading.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

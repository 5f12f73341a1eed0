//! Input and configs that are wrong, through the real binary: as a function and as `fitout apply`.
//!
//! Each is rejected as a whole: an exit code, nothing on standard output, and a message with the place, what was
//! expected, and a suggestion.
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use kustomize_krm_types::ResourceList;

use crate::program::{Folder, Run};

const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  template:
    spec:
      containers:
      - name: shop
        image: example.com/shop:1.0
";

const SPEC: &str = "\
environment: test
resources:
  containers:
    requests:
      cpu: 100m
";

fn config(spec: &str) -> String {
    let head = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata:\n  name: test\nspec:\n";
    head.to_owned() + &indented(spec, "  ")
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

/// A ResourceList of one item and a config.
fn list(item: &str, config: &str) -> String {
    let item = indented(item, "  ").replacen("  ", "- ", 1);
    let config = indented(config, "  ");
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{item}functionConfig:\n{config}"
    )
}

fn as_function(list: &str) -> Run {
    Folder::with(&[]).feed(&[], list.as_bytes())
}

fn apply(manifest: &str, config: &str) -> Run {
    let folder = Folder::with(&[
        ("shop.yaml", manifest),
        ("fn-config/test/fitout.yaml", config),
    ]);
    let run = folder.run(&["apply", "-i", "-f", "shop.yaml", "-e", "test"]);
    assert_eq!(folder.read("shop.yaml"), manifest, "the file was written");
    run
}

/// A wrong manifest: the function says which object and field, the command line also the line and column.
#[track_caller]
fn manifest_is_refused(what: &str, manifest: &str, place: &str, expected: &[&str]) {
    as_function(&list(manifest, &config(SPEC))).refused(what, 1, expected);
    let run = apply(manifest, &config(SPEC));
    run.refused(what, 3, expected);
    run.refused(what, 3, &[&format!("shop.yaml:{place}")]);
}

/// A wrong config: the function says which field, the command line also the line and column.
#[track_caller]
fn config_is_refused(what: &str, spec: &str, place: &str, expected: &[&str]) {
    as_function(&list(SHOP, &config(spec))).refused(what, 1, expected);
    let run = apply(SHOP, &config(spec));
    run.refused(what, 2, expected);
    run.refused(what, 2, &[&format!("fn-config/test/fitout.yaml:{place}")]);
}

#[test]
fn the_unbroken_input_is_accepted() {
    let run = as_function(&list(SHOP, &config(SPEC)));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let list: ResourceList = serde_yaml::from_str(&run.stdout).unwrap();
    assert_eq!(list.items.len(), 1);
}

#[test]
fn standard_input_is_not_a_resource_list() {
    let refused = |input: &str, expected: &[&str]| as_function(input).refused(input, 1, expected);
    refused(
        "",
        &["FIT-INP001", "standard input is empty", "fitout apply -f"],
    );
    refused(
        "# nothing\n---\n",
        &["FIT-INP001", "no document", "ResourceList"],
    );
    refused(
        "items: [\n",
        &["FIT-INP001", "not YAML", "`[` is never closed", "stdin:1:8"],
    );
    refused(
        "items:\n- a: 'b\n",
        &["FIT-INP001", "not YAML", "began on line 2"],
    );
    refused(
        SHOP,
        &[
            "FIT-INP002", "stdin:2:7", "expected kind ResourceList", "Deployment",
            "fitout apply -f -",
        ],
    );
    refused("[]\n", &["FIT-INP002", "expected a ResourceList", "a list"]);
    refused(
        "apiVersion: config.kubernetes.io/v9\nkind: ResourceList\nitems: []\n",
        &[
            "FIT-INP002", "config.kubernetes.io/v9", "config.kubernetes.io/v1", "stdin:1:13",
        ],
    );
    refused(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: {}\n",
        &["FIT-INP003", "expected a list, found a mapping", "items"],
    );
    refused(
        &format!("{}---\n{SHOP}", list(SHOP, &config(SPEC))),
        &["FIT-INP001", "found a second one"],
    );
    refused(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: [null]\nfunctionConfig: {}\n",
        &["FIT-INP003", "items[0]", "expected an object"],
    );
}

#[test]
fn the_function_config_is_missing_or_of_another_kind() {
    let items = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n";
    as_function(items).refused(
        "missing",
        1,
        &["FIT-CFG001", "no functionConfig", "fitout.dev/v1alpha1"],
    );
    let refused = |config: &str, expected: &[&str]| {
        as_function(&list(SHOP, config)).refused(config, 1, expected);
        apply(SHOP, config).refused(config, 2, expected);
    };
    refused(
        &config(SPEC).replace("kind: Fitout", "kind: Fitut"),
        &["FIT-CFG001", "Fitut", "kind Fitout"],
    );
    refused(
        &config(SPEC).replace("v1alpha1", "v2"),
        &[
            "FIT-CFG001",
            "unknown apiVersion fitout.dev/v2",
            "fitout.dev/v1alpha1",
        ],
    );
    refused("- a\n", &["FIT-CFG001", "expected a Fitout", "a list"]);
    refused(
        &config(SPEC).replace("spec:", "specs:"),
        &["FIT-CFG001", "specs", "spec"],
    );
    refused(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: test}\ndata:\n  enviroment: test\n",
        &["FIT-CFG001", "enviroment", "did you mean `environment`"],
    );
}

#[test]
fn fields_of_the_config_that_are_unknown_or_misspelt() {
    config_is_refused(
        "top",
        "environment: test\nresorces: {}\n",
        "7:3",
        &[
            "FIT-CFG001", "unknown field `resorces`", "did you mean `resources`", "spec.resorces",
        ],
    );
    config_is_refused(
        "environment",
        "enviroment: test\n",
        "6:3",
        &[
            "FIT-CFG001", "unknown field `enviroment`", "did you mean `environment`",
        ],
    );
    config_is_refused(
        "deep",
        "environment: test\nresources:\n  containers:\n    request: {cpu: 1}\n",
        "9:7",
        &[
            "FIT-CFG001",
            "`request`",
            "did you mean `requests`",
            "spec.resources.containers.request",
        ],
    );
    config_is_refused(
        "a field of Kubernetes' own type",
        "environment: test\nsecurityContext:\n  pod: {runAsUsr: 1}\n",
        "8:11",
        &["FIT-CFG001", "`runAsUsr`", "did you mean `runAsUser`"],
    );
    config_is_refused(
        "in a profile",
        "environment: test\nprofiles:\n- name: db\n  select: {kindd: Pod}\n",
        "9:14",
        &[
            "FIT-CFG001",
            "`kindd`",
            "did you mean `kind`",
            "spec.profiles[db].select.kindd",
        ],
    );
    config_is_refused(
        "no environment",
        "resources: {}\n",
        "",
        &["FIT-CFG001", "`environment` is missing"],
    );
    config_is_refused(
        "duplicate field",
        "environment: test\nresources: {}\nresources: {}\n",
        "8:3",
        &["FIT-INP004", "duplicate key `resources`"],
    );
}

#[test]
fn values_of_the_config_that_are_wrong() {
    config_is_refused(
        "quantity",
        "environment: test\nresources:\n  containers:\n    limits: {memory: 1GB}\n",
        "9:24",
        &[
            "FIT-CFG003",
            "1GB",
            "did you mean `1G`",
            "spec.resources.containers.limits.memory",
        ],
    );
    config_is_refused(
        "label selector",
        "environment: test\nprofiles:\n- name: db\n  select: {labelSelector: \"tier in database\"}\n",
        "9:29",
        &[
            "FIT-CFG003",
            "tier in database",
            "spec.profiles[db].select.labelSelector",
        ],
    );
    config_is_refused(
        "pattern",
        "environment: test\nselect: {name: \"a(b\"}\n",
        "7:18",
        &[
            "FIT-CFG003",
            "`a(b` is not a regular expression",
            "spec.select.name",
        ],
    );
    config_is_refused(
        "a version without quotes",
        "environment: test\nkubernetesVersion: 1.30\n",
        "7:22",
        &[
            "FIT-CFG002",
            "expected a string, found the number 1.30",
            "quote it: \"1.30\"",
        ],
    );
    config_is_refused(
        "a misspelt mode",
        "environment: test\nresources: {mode: Overide}\n",
        "7:21",
        &["FIT-CFG003", "`Overide`", "did you mean `Override`"],
    );
    config_is_refused(
        "a path of no mode",
        "environment: test\nresources: {modes: {limit: Override}}\n",
        "7:",
        &["FIT-CFG003", "`limit`", "did you mean `limits`?"],
    );
    config_is_refused(
        "a request above its limit",
        "environment: test\nresources: {containers: {requests: {cpu: 2}, limits: {cpu: 1}}}\n",
        "7:",
        &[
            "FIT-CFG003",
            "above its limit",
            "spec.resources.containers.requests.cpu",
        ],
    );
    config_is_refused(
        "a pair that no cluster takes",
        "environment: test\nsecurityContext: {container: {privileged: true, allowPrivilegeEscalation: false}}\n",
        "7:",
        &[
            "FIT-CFG003",
            "privileged: true",
            "spec.securityContext.container.privileged",
        ],
    );
    config_is_refused(
        "a port that is none",
        "environment: test\nprometheus: {port: 70000}\n",
        "7:",
        &["FIT-CFG003", "70000", "65535"],
    );
    config_is_refused(
        "a path that cannot be mounted",
        "environment: test\nsecurityContext: {writablePaths: [{path: tmp}]}\n",
        "7:",
        &["FIT-CFG003", "`tmp` cannot be mounted", "absolute"],
    );
    config_is_refused(
        "a path to pods that is none",
        "environment: test\npodSpecs:\n- {group: acme.io, kind: Gadget, path: spec/template}\n- {group: acme.io, kind: Widget, path: \"spec/pools[0]/template\"}\n",
        "9:42",
        &[
            "FIT-CFG003",
            "`pools[0]` in `spec/pools[0]/template` is not a key",
            "spec.podSpecs[1].path",
            "spec/pools[]/template",
        ],
    );
    config_is_refused(
        "a path to a claim that is none",
        "environment: test\nclaims:\n- {group: acme.io, kind: Widget, path: /spec/disk}\n",
        "8:42",
        &[
            "FIT-CFG003",
            "`` in `/spec/disk` is not a key",
            "spec.claims[0].path",
        ],
    );
    config_is_refused(
        "a flat claim of which nothing is known",
        "environment: test\nclaims:\n- {group: acme.io, kind: Widget, path: spec/disk, form: Flat}\n",
        "8:5",
        &[
            "FIT-CFG003", "the form Flat needs `keys`", "spec.claims[0].keys",
        ],
    );
    config_is_refused(
        "keys of what has its own",
        "environment: test\nclaims:\n- {group: acme.io, kind: Widget, path: spec/disk, keys: {size: gigabytes}}\n",
        "8:59",
        &["FIT-CFG003", "`keys` are only for the form Flat"],
    );
    config_is_refused(
        "a form that is none",
        "environment: test\npodSpecs:\n- {group: acme.io, kind: Widget, path: spec, form: Podspec}\n",
        "8:",
        &["FIT-CFG003", "`Podspec`", "did you mean `PodSpec`"],
    );
}

#[test]
fn all_mistakes_of_a_config_are_reported_together() {
    let spec =
        "environment: test\nresorces: {}\nstorage: {storageClas: fast}\nprometheus: {prot: 1}\n";
    config_is_refused("three", spec, "7:3", &["resorces", "storageClas", "prot"]);
}

#[test]
fn manifests_of_a_wrong_shape() {
    let containers = "\n      - name: shop\n        image: example.com/shop:1.0\n";
    manifest_is_refused(
        "containers are no list",
        &SHOP.replace(containers, " {name: shop}\n"),
        "8:19",
        &[
            "FIT-INP003",
            "expected a list, found a mapping",
            "Deployment shop",
            "spec.template.spec.containers",
        ],
    );
    manifest_is_refused(
        "a container is no mapping",
        &SHOP.replace(containers, " [shop]\n"),
        "8:20",
        &[
            "FIT-INP003",
            "expected a mapping",
            "spec.template.spec.containers[0]",
        ],
    );
    manifest_is_refused(
        "a template that was never rendered",
        &SHOP.replace("example.com/shop:1.0", "{{ .Values.image }}"),
        "10:17",
        &["FIT-INP005", "is `{{ }}` an unrendered template?"],
    );
    manifest_is_refused(
        "a quantity",
        &format!("{SHOP}        resources: {{requests: {{cpu: 1 core}}}}\n"),
        "11:37",
        &[
            "FIT-INP003",
            "1 core",
            "spec.template.spec.containers[0].resources.requests.cpu",
        ],
    );
    manifest_is_refused(
        "a field that is written twice",
        &format!("{SHOP}        image: example.com/shop:2.0\n"),
        "11:9",
        &["FIT-INP004", "duplicate key `image`, first on line"],
    );
    manifest_is_refused(
        "metadata",
        &SHOP.replace("metadata:\n  name: shop", "metadata: [shop]"),
        "3:11",
        &["FIT-INP003", "expected a mapping, found a list", "metadata"],
    );
}

#[test]
fn a_port_that_is_a_string() {
    let manifest = format!("{SHOP}        ports: [{{name: metrics, containerPort: \"9090\"}}]\n");
    let config = config("environment: test\nprometheus: {}\n");
    let expected = [
        "FIT-INP003",
        "expected a whole number of 32 bits, found the string \"9090\"",
        "without quotes",
        "containers[0].ports[0].containerPort",
    ];
    as_function(&list(&manifest, &config)).refused("function", 1, &expected);
    let run = apply(&manifest, &config);
    run.refused("apply", 3, &expected);
    run.refused("apply", 3, &["shop.yaml:11:48"]);
}

#[test]
fn a_manifest_that_is_not_yaml() {
    let manifest = format!("{SHOP}        command: [\"a\n");
    let run = apply(&manifest, &config(SPEC));
    run.refused("apply", 3, &["FIT-INP001", "not YAML", "shop.yaml:11:"]);
}

#[test]
fn a_file_that_does_not_exist() {
    let folder = Folder::with(&[("fn-config/test/fitout.yaml", &config(SPEC))]);
    folder
        .run(&["apply", "-f", "nothing.yaml", "-e", "test"])
        .refused("manifest", 3, &["nothing.yaml"]);
    let run = folder.run(&["apply", "-f", ".", "-e", "prod"]);
    run.refused(
        "environment",
        2,
        &[
            "no environment `prod`", "fn-config/prod/fitout.yaml", "test",
        ],
    );
    folder
        .run(&["apply", "-f", "."])
        .refused("neither", 2, &["-e NAME or -c FILE", "test"]);
    folder.run(&["aply"]).refused("command", 2, &["aply"]);
}

#[test]
fn a_closed_standard_output_is_not_a_bug() {
    let folder = Folder::with(&[
        ("shop.yaml", SHOP),
        ("fn-config/test/fitout.yaml", &config(SPEC)),
    ]);
    let many: String = (0..100).map(|_| format!("---\n{SHOP}")).collect();
    folder.write("many.yaml", &many);
    for (arguments, expected) in [
        (&["apply", "-f", "many.yaml", "-e", "test"][..], 4),
        (&["plan", "-f", "many.yaml", "-e", "test"][..], 0),
        (&["check", "-f", "many.yaml", "-e", "test"][..], 1),
        (&["--help"][..], 0),
    ] {
        let mut command = folder.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(expected), "{arguments:?}: {stderr}");
        assert!(
            !stderr.contains("panicked") && !stderr.contains("bug"),
            "{arguments:?}: {stderr}"
        );
    }
}

/// A config without sections, which changes nothing.
const NO_SECTION: [&str; 3] = ["a19", "g13", "g15"];

/// A null as key, and numbers and booleans in the environment: the API server answers 400.
const NOT_DECODED: [&str; 2] = ["b02", "b13"];

/// A misspelt field for one that the config sets: clients that do not validate would ignore the author's values.
const MISSPELT: [&str; 2] = ["d42", "d43"];

#[test]
fn hostile_input_of_the_shared_collection() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/hostile");
    // A worktree is one folder deeper than a clone.
    let nearby = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/hostile");
    let Some(folder) = [folder, nearby].into_iter().find(|folder| folder.is_dir()) else {
        // Not `println!`: the output of a passing test is hidden.
        let _ = std::io::stderr().write_all(b"skip: there is no ../shared/hostile\n");
        return;
    };
    let table = fs::read_to_string(folder.join("EXPECT.tsv")).unwrap();
    let mut wrong = Vec::new();
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let (id, file, expected) = (cells[0], cells[1], cells[2]);
        let input = fs::read(folder.join(file)).unwrap();
        let run = Folder::with(&[]).feed(&[], &input);
        let what = match run.code {
            Some(1) if run.stdout.is_empty() && run.stderr.contains("error[") => "refuse",
            Some(0) if items(run.stdout.as_bytes()) == items(&input) => "unchanged",
            Some(0) => "change",
            _ => "bug",
        };
        let short = id.split('-').next().unwrap();
        let allowed = expected.split('|').any(|word| word == what)
            || (what == "unchanged" && NO_SECTION.contains(&short))
            || (what == "refuse" && NOT_DECODED.contains(&short))
            || (what == "refuse" && MISSPELT.contains(&short));
        if !allowed {
            wrong.push(format!(
                "{id}: expected {expected}, was {what} {}",
                run.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The items of a ResourceList; `None` for other texts.
fn items(list: &[u8]) -> Option<String> {
    let stream = fitout::yaml::Stream::from_bytes(list.to_vec()).ok()?;
    let root = stream
        .documents()
        .find(|document| !document.is_empty())?
        .root();
    Some(root.get("items")?.value().ok()?.to_string())
}

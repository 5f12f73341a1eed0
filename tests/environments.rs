//! One config for all environments: selecting an environment, `config print` and `config show`.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use fitout::config::self_contained;
use fitout::yaml::Stream;

use crate::program::{Folder, Run};

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  containers:
  - name: shop
    image: shop:1
";

/// A config of several environments.
fn config(environments: &str) -> String {
    format!(
        "apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {{name: all}}
spec:
  resources:
    containers:
      requests: {{cpu: 100m}}
  environments:
{environments}"
    )
}

/// An environment with a request of its own.
fn environment(name: &str, cpu: &str) -> String {
    format!("    {name}:\n      resources: {{containers: {{requests: {{cpu: {cpu}}}}}}}\n")
}

fn single(environment: &str, cpu: &str) -> String {
    format!(
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {{name: {environment}}}\nspec:\n  environment: \
         {environment}\n  resources: {{containers: {{requests: {{cpu: {cpu}}}}}}}\n"
    )
}

fn request(run: &Run) -> &str {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let (_, rest) = run.stdout.split_once("cpu: ").unwrap();
    rest.lines().next().unwrap().trim_matches('"')
}

#[test]
fn an_environment_is_found_in_its_own_file_or_in_one_of_all() {
    let both = config(&(environment("staging", "2") + &environment("production", "3")));
    let folder = Folder::with(&[
        ("pod.yaml", POD),
        ("fn-config/test/fitout.yaml", &single("test", "1")),
        ("fn-config/all/fitout.yaml", &both),
        // If the nearest config does not describe the environment, one further away can.
        (
            "near/fn-config/fitout.yaml",
            &config(&environment("staging", "20")),
        ),
        ("near/pod.yaml", POD),
    ]);
    for (name, cpu) in [("test", "1"), ("staging", "2"), ("production", "3")] {
        let run = folder.run(&["apply", "-f", "pod.yaml", "-e", name]);
        assert_eq!(request(&run), cpu, "{name}");
    }
    let near = |name: &str| {
        let mut command = folder.command(&["apply", "-f", "pod.yaml", "-e", name]);
        command.current_dir(folder.path().join("near"));
        let output = command.output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    };
    for (name, cpu) in [("test", "1"), ("staging", "20"), ("production", "3")] {
        assert_eq!(request(&near(name)), cpu, "{name}");
    }
    folder
        .run(&["apply", "-f", "pod.yaml", "-e", "stagin"])
        .refused(
            "misspelt",
            2,
            &[
                "no environment `stagin`",
                "did you mean `staging`?",
                "known environments: production, staging, test",
            ],
        );
}

#[test]
fn a_file_and_a_name_choose_together() {
    let folder = Folder::with(&[
        ("pod.yaml", POD),
        (
            "all.yaml",
            &config(&(environment("staging", "2") + &environment("production", "3"))),
        ),
        ("single.yaml", &single("test", "1")),
    ]);
    let apply = |more: &[&str]| folder.run(&[&["apply", "-f", "pod.yaml"], more].concat());
    assert_eq!(request(&apply(&["-c", "all.yaml", "-e", "staging"])), "2");
    assert_eq!(request(&apply(&["-c", "single.yaml"])), "1");
    apply(&["-c", "single.yaml", "-e", "test"]).refused(
        "no environments",
        2,
        &["single.yaml has no `spec.environments`"],
    );
    apply(&["-c", "all.yaml"]).refused(
        "no choice",
        2,
        &[
            "no environment is chosen", "staging, production", "all.yaml:9:",
        ],
    );
    apply(&["-c", "all.yaml", "-e", "prodction"]).refused(
        "misspelt",
        2,
        &["FIT-CFG003", "did you mean `production`?"],
    );
    let by_variables = |variables: &[(&str, &str)]| {
        let mut command = folder.command(&["apply", "-f", "pod.yaml"]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, stdout, _) =
        by_variables(&[("FITOUT_CONFIG", "all.yaml"), ("FITOUT_ENV", "production")]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("cpu: \"3\"\n"), "{stdout}");
    let (code, _, stderr) =
        by_variables(&[("FITOUT_CONFIG", "single.yaml"), ("FITOUT_ENV", "test")]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("has no `spec.environments`"), "{stderr}");
}

const COMMENTED: &str = "\
# Of all environments.
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata:
  name: all
spec:
  # The cluster.
  kubernetesVersion: \"1.34\" # quoted
  resources:
    # Sizes.
    containers:
      requests:
        cpu: 100m # measured
        memory: 128Mi
      limits: {cpu: 500m, memory: 8Gi} # in braces
    scale: {cpu: \"0.5\"}
  storage:
    accessModes:
      - ReadWriteMany # shared
      - ReadOnlyMany
  profiles:
  # The database.
  - name: database
    select: {kind: StatefulSet}
    resources:
      sidecars:
        requests:
          cpu: 5m
  # What differs.
  environments:
    production:
      resources:
        containers:
          requests:
            cpu: 200m
            # For its index.
            ephemeral-storage: 1Gi # at most
          limits: {cpu: null}
        scale: null
      storage:
        # One node.
        accessModes:
        - ReadWriteOnce
        storageClassName: fast # local
      profiles:
      - name: database
        resources:
          sidecars:
            requests:
              cpu: 50m # busy
          containers:
            requests: {memory: 4Gi}
      # Only here.
      - name: load-test
        select:
          name: load
        prometheus:
          scrape: true
      exemptions:
      - select: {name: legacy}
        fields: [resources]
        reason: |-
          its author measures it
          this quarter
    staging: {}
";

const PRINTED: &str = "\
# Of all environments.
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata:
  name: all
spec:
  environment: production
  # The cluster.
  kubernetesVersion: \"1.34\" # quoted
  resources:
    # Sizes.
    containers:
      requests:
        cpu: 200m # measured
        memory: 128Mi
        # For its index.
        ephemeral-storage: 1Gi # at most
      limits: {cpu: null, memory: 8Gi} # in braces
    scale: null
  storage:
    # One node.
    accessModes:
    - ReadWriteOnce
    storageClassName: fast # local
  profiles:
  # The database.
  - name: database
    select: {kind: StatefulSet}
    resources:
      sidecars:
        requests:
          cpu: 50m # busy
      containers:
        requests: {memory: 4Gi}
  # Only here.
  - name: load-test
    select:
      name: load
    prometheus:
      scrape: true
  exemptions:
  - select: {name: legacy}
    fields: [resources]
    reason: |-
      its author measures it
      this quarter
";

#[test]
fn what_is_printed_keeps_comments_where_they_belong() {
    let stream = Stream::parse(COMMENTED).unwrap();
    let print = |environment| self_contained(&stream, environment, fitout::VOCABULARY).unwrap();
    similar_asserts(&print("production"), PRINTED);
    let staging = print("staging");
    let (general, _) = COMMENTED.split_once("  # What differs.").unwrap();
    similar_asserts(
        &staging,
        &general.replace("\nspec:\n", "\nspec:\n  environment: staging\n"),
    );
}

fn similar_asserts(found: &str, wanted: &str) {
    let diff = similar::TextDiff::from_lines(wanted, found);
    assert!(
        found == wanted,
        "{}",
        diff.unified_diff().header("wanted", "found")
    );
}

#[test]
fn a_printed_config_says_where_it_comes_from_and_when_it_is_stale() {
    let folder = Folder::with(&[("fn-config/all/fitout.yaml", COMMENTED), ("pod.yaml", POD)]);
    let print = ["config", "print", "-e", "production"];
    let printed = folder.run(&print);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let header = "# Printed from fn-config/all/fitout.yaml for production.";
    assert!(printed.stdout.starts_with(header), "{}", printed.stdout);
    assert!(printed.stdout.ends_with(PRINTED), "{}", printed.stdout);
    folder.write("kpt.yaml", &printed.stdout);
    let check = ["config", "print", "-e", "production", "--check", "kpt.yaml"];
    let fresh = folder.run(&check);
    assert_eq!(
        (fresh.code, &*fresh.stdout, &*fresh.stderr),
        (Some(0), "", "")
    );
    // A value of one environment does not affect the others.
    let other = COMMENTED.replace(
        "    staging: {}\n",
        "    staging: {report: {changes: Full}}\n",
    );
    folder.write("fn-config/all/fitout.yaml", &other);
    assert_eq!(folder.run(&check).code, Some(0));
    folder.write(
        "fn-config/all/fitout.yaml",
        &COMMENTED.replace("memory: 128Mi", "memory: 256Mi"),
    );
    let stale = folder.run(&check);
    stale.refused(
        "stale",
        1,
        &[
            "kpt.yaml is out of date",
            "memory: 128Mi",
            "memory: 256Mi",
            "help: fitout config print -e production > kpt.yaml",
        ],
    );
    let twice = folder.run(&["config", "print", "-c", "kpt.yaml"]);
    assert!(twice.stdout.ends_with(PRINTED), "{}", twice.stdout);
}

#[test]
fn what_is_shown_names_the_line_that_decides() {
    let folder = Folder::with(&[("fn-config/all/fitout.yaml", COMMENTED), ("pod.yaml", POD)]);
    let show = folder.run(&["config", "show", "-e", "production"]);
    assert_eq!(show.code, Some(0), "{}", show.stderr);
    let line = |wanted: &str| {
        1 + COMMENTED
            .lines()
            .position(|it| it.trim() == wanted)
            .unwrap()
    };
    let place = |wanted: &str| format!("fn-config/all/fitout.yaml:{} ", line(wanted));
    for (leaf, value, place, layer) in [
        (
            "kubernetesVersion",
            "1.34",
            place("kubernetesVersion: \"1.34\" # quoted"),
            "spec",
        ),
        (
            "resources.containers.requests.cpu",
            "200m",
            place("cpu: 200m"),
            "spec.environments.production",
        ),
        (
            "resources.containers.requests.memory",
            "128Mi",
            place("memory: 128Mi"),
            "spec",
        ),
        (
            "resources.containers.limits.cpu",
            "null",
            place("limits: {cpu: null}"),
            "spec.environments.production",
        ),
        (
            "resources.sidecars.requests.cpu",
            "50m",
            place("cpu: 50m # busy"),
            "spec.environments.production.profiles[database]",
        ),
        (
            "select.kind",
            "StatefulSet",
            place("select: {kind: StatefulSet}"),
            "spec.profiles[database]",
        ),
        (
            "prometheus.scrape",
            "true",
            place("scrape: true"),
            "spec.environments.production.profiles[load-test]",
        ),
    ] {
        let is_it = |it: &&str| {
            let words: Vec<&str> = it.split_whitespace().collect();
            words == [leaf, value, place.trim(), layer]
        };
        assert!(
            show.stdout.lines().any(|it| is_it(&it)),
            "{leaf} {value} {place} {layer}\n{}",
            show.stdout
        );
    }
    let show = folder.run(&["config", "show", "-e", "staging", "-f", "pod.yaml"]);
    let (title, leaves) = show.stdout.split_once('\n').unwrap();
    assert_eq!(title, "Pod shop");
    assert!(leaves.contains("  100m"), "{leaves}");
    assert!(!leaves.contains("profiles["), "{leaves}");
}

//! CustomResourceDefinitions in files that the config names, and names that kustomizations generate.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use crate::hosts::bench::{find, skip};
use crate::program::Folder;

const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Backup, plural: backups}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [schedule]
            properties:
              schedule: {type: string}
              keep: {type: integer, maximum: 30}
";

const BACKUP: &str = "\
apiVersion: example.com/v1
kind: Backup
metadata: {name: nightly}
spec: {shedule: daily, keep: 90}
";

fn config(checks: &str) -> String {
    format!(
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {{name: test}}\nspec: {{environment: test, checks: {{{checks}}}}}\n"
    )
}

#[test]
fn definitions_that_the_config_names_are_schemas() {
    let config = config("definitions: [../crds]");
    let folder = Folder::with(&[
        ("config/c.yaml", &config),
        ("crds/backups.yaml", DEFINITION),
        ("p/backup.yaml", BACKUP),
    ]);
    let run = folder.run(&["check", "-f", "p", "-c", "config/c.yaml"]);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    for part in [
        "unknown field `shedule`",
        "did you mean `schedule`?",
        "expected a number of at most 30, found the number 90",
        "p/backup.yaml:4:",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
    // What is misspelt is not missing as well.
    assert!(!run.stdout.contains("is missing"), "{}", run.stdout);
    // Only the objects of the input are checked.
    assert!(!run.stdout.contains("crds/"), "{}", run.stdout);
    let wrong = folder.run(&["check", "-f", "p", "-c", "config/c.yaml", "-o", "json"]);
    assert!(!wrong.stdout.contains("backups.example.com"));
}

#[test]
fn definitions_count_for_what_an_overlay_builds() {
    if find("kustomize").is_none() && find("kubectl").is_none() {
        skip("neither kustomize nor kubectl");
        return;
    }
    let function = format!(
        "{{name: test, annotations: {{config.kubernetes.io/function: 'container: {{image: {}}}'}}}}",
        fitout::IMAGE
    );
    // The folder is relative to the config of the overlay.
    let config = config("definitions: [../crds]").replace("{name: test}", &function);
    let folder = Folder::with(&[
        ("p/fitout.yaml", &config),
        ("crds/backups.yaml", DEFINITION),
        ("p/backup.yaml", BACKUP),
        (
            "p/kustomization.yaml",
            "resources: [backup.yaml]\ntransformers: [fitout.yaml]\n",
        ),
    ]);
    let run = folder.run(&["check", "-k", "p"]);
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    for part in [
        "did you mean `schedule`?",
        "expected a number of at most 30, found the number 90",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

#[test]
fn definitions_that_are_not_there_fail_the_check() {
    let config = config("definitions: [crds]");
    let folder = Folder::with(&[("c.yaml", &config), ("p/backup.yaml", BACKUP)]);
    let run = folder.run(&["check", "-f", "p", "-c", "c.yaml"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("crds"), "{}", run.stderr);
    // What writes manifests needs no schemas.
    let run = folder.run(&["plan", "-f", "p", "-c", "c.yaml"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn names_that_kustomizations_generate_are_no_findings() {
    let pod = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web
    image: web:1.4
    envFrom:
    - configMapRef: {name: settings}
    - secretRef: {name: token}
";
    let kustomization = "\
resources: [pod.yaml]
configMapGenerator:
- {name: settings, literals: [MODE=production]}
secretGenerator:
- {name: token, literals: [TOKEN=a]}
";
    let config = config("references: Closed, profile: privileged");
    let folder = Folder::with(&[("c.yaml", &config), ("p/pod.yaml", pod)]);
    let check = || folder.run(&["check", "-f", "p", "-c", "c.yaml"]);
    let run = check();
    assert!(run.stdout.contains("FIT-REF002"), "{}", run.stdout);
    folder.write("p/kustomization.yaml", kustomization);
    let run = check();
    assert!(!run.stdout.contains("FIT-REF002"), "{}", run.stdout);
    // A build gives both the same suffix.
    let built = format!(
        "{}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings-9m4k2b8fhc}}\ndata: {{MODE: production}}\n\
         ---\napiVersion: v1\nkind: Secret\nmetadata: {{name: token-5tt8h2cbmg}}\ndata: {{TOKEN: YQ==}}\n",
        pod.replace("settings", "settings-9m4k2b8fhc")
            .replace("name: token", "name: token-5tt8h2cbmg")
    );
    folder.write("built.yaml", &built);
    let run = folder.run(&["check", "-f", "built.yaml", "-c", "c.yaml"]);
    assert!(!run.stdout.contains("FIT-REF"), "{}", run.stdout);
}

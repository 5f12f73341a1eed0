//! Findings are worth reading: groups, advice that helps, one finding per cause, and what an apply does.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;

use serde_json::{Value, json};

use crate::golden::{cases, fit, objects};
use crate::program::Folder;

/// The report of a run as JSON; `None` if problems stopped it.
fn report(input: &str, config: &str) -> Option<Value> {
    let report = fit(input, config).report?;
    Some(serde_json::from_str(&report.to_json()).unwrap())
}

/// Pastes lines into the spec of a config: maps are merged, and lists are continued.
fn paste(config: &Value, lines: &str) -> Value {
    fn merge(into: &mut Value, lines: Value) {
        match (into, lines) {
            (Value::Object(into), Value::Object(lines)) => {
                for (key, value) in lines {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
            (Value::Array(into), Value::Array(lines)) => into.extend(lines),
            (into, lines) => *into = lines,
        }
    }
    let lines = lines.replace("reason: \"\"", "reason: it is known and accepted");
    // What only who makes the image knows.
    let lines = lines.replace("runAsUser: …", "runAsUser: 1000");
    let lines = lines.replace("[…]", "[/data]").replace(", …]", "]");
    let mut pasted = config.clone();
    merge(&mut pasted["spec"], objects(&lines).remove(0));
    pasted
}

/// What a finding is about, to find it again.
fn subject(finding: &Value) -> [&Value; 3] {
    [
        &finding["rule"], &finding["object"], &finding["field"]["path"],
    ]
}

#[test]
fn the_lines_of_each_group_resolve_it() {
    let (mut failures, mut count) = (Vec::new(), [0, 0]);
    for folder in cases() {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let (input, config) = (read("input.yaml"), read("fn-config.yaml"));
        // As JSON it would be false.
        let config = config.replace("mode: Off", "mode: \"Off\"");
        let Some(before) = report(&input, &config) else {
            continue;
        };
        let config = objects(&config).remove(0);
        if config["kind"] != "Fitout" {
            continue;
        }
        for group in before["groups"].as_array().unwrap() {
            let Some(lines) = group["configLines"].as_str() else {
                continue;
            };
            count[usize::from(lines.starts_with("exemptions:"))] += 1;
            let pasted = paste(&config, lines);
            let Some(after) = report(&input, &pasted.to_string()) else {
                failures.push(format!("{}: invalid:\n{lines}", folder.display()));
                continue;
            };
            let members = group["results"].as_array().unwrap();
            let members = members
                .iter()
                .map(|it| &before["results"][it.as_u64().unwrap() as usize]);
            let remains = |member: &Value| {
                let mut results = after["results"].as_array().unwrap().iter();
                results.any(|it| it["type"] == "finding" && subject(it) == subject(member))
            };
            for member in members.filter(|it| remains(it)) {
                failures.push(format!(
                    "{}: {}\n{lines}",
                    folder.display(),
                    member["message"]
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count[0] > 3 && count[1] > 20, "{count:?}");
}

#[test]
fn no_help_advises_what_is_in_effect() {
    let (mut failures, mut count) = (Vec::new(), 0);
    for folder in cases() {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let Some(report) = report(&read("input.yaml"), &read("fn-config.yaml")) else {
            continue;
        };
        for finding in report["results"].as_array().unwrap() {
            let (Some(help), Some(mode)) =
                (finding["help"].as_str(), finding["tags"]["mode"].as_str())
            else {
                continue;
            };
            // A difference is found as if the mode were Override.
            if finding["rule"] == "FIT-RUN003" {
                continue;
            }
            count += 1;
            if help.contains(&format!("mode {mode}"))
                || (mode == "Override" && help.contains("to Override"))
            {
                failures.push(format!(
                    "{}: {}: {help}",
                    folder.display(),
                    finding["message"]
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 100, "{count}");
}

const CONFIG: &str = "\
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: test}
spec:
  environment: test
  kubernetesVersion: \"1.34\"
  securityContext: {}
";

fn workload(kind: &str, name: &str, spec: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n  selector: {{matchLabels: {{app: a}}}}\n  \
         template:\n    metadata: {{labels: {{app: a}}}}\n    spec:\n      securityContext: {{runAsUser: 10001}}\n      containers: \
         [{{name: c, image: \"registry.example.com/c:1\", {container}}}]\n---\n"
    )
}

#[test]
fn findings_with_one_sentence_are_one_group() {
    let drop = "securityContext: {capabilities: {drop: [all]}}";
    let names = ["a", "b", "c", "d", "e"];
    let input: String = names
        .iter()
        .map(|name| workload("Deployment", name, "replicas: 1", drop))
        .collect();
    let folder = Folder::with(&[("config.yaml", CONFIG), ("input.yaml", &input)]);
    let run = |more: &[&str]| {
        let arguments = ["plan", "-c", "config.yaml", "-f", "input.yaml"];
        folder.run(&[&arguments, more].concat())
    };
    // `all` is one finding, although two rules are about it.
    let text = run(&[]).stderr;
    let expected = "\
warning[FIT-PSS-capabilities_restricted]: it does not drop the capability ALL; the API server accepts the object, but a namespace \
that enforces restricted rejects its pods (5 objects)
  --> input.yaml:11:104  Deployment a  container \"c\"
  --> input.yaml:23:104  Deployment b  container \"c\"
  --> input.yaml:35:104  Deployment c  container \"c\"
  --> and 2 more, which -v shows
  = config: config.yaml:7 spec.securityContext
  = help: write `ALL`, the only spelling that the Pod Security Standards recognize; or set the mode of this field to Override
  = lines for the config's spec:
      securityContext:
        modes: {capabilities.drop: Override}
";
    assert_eq!(text, expected);
    let all = run(&["-v"]).stderr;
    assert!(all.contains("  Deployment e  container \"c\"\n"), "{all}");
    let json: Value = serde_json::from_str(&run(&["-o", "json"]).stdout).unwrap();
    let group = &json["groups"][0];
    assert_eq!(
        (&group["places"], &group["objects"]),
        (&json!(5), &json!(5))
    );
    assert_eq!(group["results"].as_array().unwrap().len(), 5);
    assert_eq!(
        group["configLines"],
        "securityContext:\n  modes: {capabilities.drop: Override}"
    );
}

#[test]
fn plan_ends_with_what_an_apply_does() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  template:\n    spec:\n      restartPolicy: \
               Never\n      securityContext: {runAsUser: 1}\n      containers: [{name: c, image: \"registry.example.com/c:1\"}]\n---\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: bare}\nspec:\n  securityContext: {runAsUser: 1}\n  containers: [{name: c, \
               image: \"registry.example.com/c:1\"}]\n---\n";
    let cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec:\n  schedule: 0 1 * * *\n  jobTemplate:\n    \
                spec:\n      template:\n        spec:\n          restartPolicy: Never\n          securityContext: {runAsUser: 1}\n          \
                containers: [{name: c, image: \"registry.example.com/c:1\"}]\n---\n";
    let input = [
        &workload("Deployment", "web", "replicas: 1", ""),
        &workload("DaemonSet", "agent", "updateStrategy: {type: OnDelete}", ""),
        job,
        pod,
        cron,
    ]
    .concat();
    let folder = Folder::with(&[("config.yaml", CONFIG), ("input.yaml", &input)]);
    let plan = |more: &[&str]| {
        let arguments = ["plan", "-c", "config.yaml", "-f", "input.yaml"];
        folder.run(&[&arguments, more].concat()).stdout
    };
    let line = "On apply  1 object (Deployment) restarts; 1 object (DaemonSet) restarts when its pods are deleted; 1 object \
                (CronJob) changes with its next pods; 2 objects (1 Job, 1 Pod) are rejected if they exist, because the fields are \
                immutable\n";
    assert!(plan(&[]).contains(line), "{}", plan(&[]));
    let all = plan(&["-v"]);
    for name in [
        "  Deployment web: restarts\n",
        "  CronJob nightly: changes with its next pods\n",
    ] {
        assert!(all.contains(name), "{all}");
    }
    assert!(
        all.contains("  Job once: is rejected if it exists: spec.template.spec."),
        "{all}"
    );
    let json: Value = serde_json::from_str(&plan(&["-o", "json"])).unwrap();
    let effects = &json["onApply"];
    assert_eq!(effects["restarts"][0]["name"], "web");
    assert_eq!(effects["restartsOnDelete"][0]["name"], "agent");
    assert_eq!(effects["nextRun"][0]["name"], "nightly");
    let immutable = effects["immutable"].as_array().unwrap().iter();
    let names: Vec<&Value> = immutable.map(|it| &it["resourceRef"]["name"]).collect();
    assert_eq!(names, ["once", "bare"]);
}

#[test]
fn a_required_profile_that_may_have_matched_before_a_prefix_does_not_fail() {
    let profiles = "  profiles:\n  - name: web\n    required: true\n    select: {name: web}\n    securityContext: {}\n";
    let config = CONFIG.to_owned() + profiles;
    for (name, code) in [("prod-web", 0), ("prod-shop", 1)] {
        let input = workload("Deployment", name, "replicas: 1", "");
        let folder = Folder::with(&[("config.yaml", config.as_str()), ("input.yaml", &input)]);
        // Without the profile the function runs as with it, because its section is empty.
        let optional = config.replace("required: true", "required: false");
        folder.write("optional.yaml", &optional);
        let apply = folder.run(&["apply", "-i", "-c", "optional.yaml", "-f", "input.yaml"]);
        assert_eq!(apply.code, Some(0), "{}", apply.stderr);
        let run = folder.run(&["check", "-c", "config.yaml", "-f", "input.yaml"]);
        assert_eq!(run.code, Some(code), "{}", run.stdout);
        assert!(run.stdout.contains("[FIT-CFG004]"), "{}", run.stdout);
    }
}

#[test]
fn exemptions_with_one_reason_are_one_line() {
    let exemptions = "  exemptions:\n  - select: {}\n    fields: [securityContext.runAsNonRoot]\n    reason: they start as root\n";
    let config = CONFIG.to_owned() + exemptions;
    let input = workload("Deployment", "a", "replicas: 1", "")
        + &workload("Deployment", "b", "replicas: 1", "");
    let folder = Folder::with(&[("config.yaml", config.as_str()), ("input.yaml", &input)]);
    let run = folder.run(&["plan", "-v", "-c", "config.yaml", "-f", "input.yaml"]);
    let line = "Exempt  Deployment a, Deployment b: securityContext.runAsNonRoot, by spec.exemptions[0] in config.yaml:9: they start as root\n";
    assert!(run.stdout.contains(line), "{}", run.stdout);
}

/// An author can write a name that is a pattern: the lines that fitout suggests must exempt only that object.
#[test]
fn suggested_lines_exempt_no_other_object() {
    let pod = |name: &str, namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: '{name}', namespace: '{namespace}'}}\nspec: {{hostPID: true, containers: [{{name: a, image: 'redis:7.4'}}]}}\n---\n"
        )
    };
    let config = serde_json::json!({
        "apiVersion": "fitout.dev/v1alpha1", "kind": "Fitout", "metadata": {"name": "test"},
        "spec": {"environment": "test", "securityContext": {"profile": "restricted"}},
    });
    let violations = |report: &Value| {
        let results = report["results"].as_array().unwrap().iter();
        let of_rule = results.filter(|it| it["rule"] == "FIT-PSS-hostNamespaces");
        of_rule.filter(|it| it["type"] == "finding").count()
    };
    for (name, namespace) in [
        ("[^A-Z]+", "[a-z]+"),
        ("carts.db", "s.op"),
        (".*", ".*"),
        ("a|carts-db", "b|shop"),
    ] {
        let odd = pod(name, namespace);
        let before = report(&odd, &config.to_string()).unwrap();
        let groups = before["groups"].as_array().unwrap().iter();
        let mut lines = groups.filter_map(|it| it["configLines"].as_str());
        let lines = lines
            .find(|it| it.contains("FIT-PSS-hostNamespaces"))
            .unwrap();
        let pasted = paste(&config, lines).to_string();
        let both = odd + &pod("carts-db", "shop");
        assert_eq!(violations(&report(&both, &config.to_string()).unwrap()), 2);
        assert_eq!(violations(&report(&both, &pasted).unwrap()), 1, "{lines}");
    }
}

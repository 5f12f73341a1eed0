//! Fixes in SARIF: editors make one at a time, so each is a whole without the others, whatever the form of the manifest.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::HashSet;

use serde_json::Value;

use crate::program::Folder;

/// A fix, and the fields of the result that it is at.
#[derive(Debug)]
pub(crate) struct Fix {
    pub(crate) edits: Vec<Edit>,
    fields: Vec<Field>,
}

/// The name of an object, and a path in it.
type Field = (String, String);

/// A replacement: the lines and columns of both ends, and what is written between them.
#[derive(Debug)]
pub(crate) struct Edit {
    ends: [(usize, usize); 2],
    new: String,
}

/// The fixes of a report, which are all about one file.
pub(crate) fn fixes_of(log: &Value, uri: &str) -> Vec<Fix> {
    let mut fixes = Vec::new();
    for result in log["runs"][0]["results"].as_array().unwrap() {
        for fix in result["fixes"].as_array().into_iter().flatten() {
            let mut edits = Vec::new();
            for change in fix["artifactChanges"].as_array().unwrap() {
                assert_eq!(change["artifactLocation"]["uri"], uri);
                assert_eq!(change["artifactLocation"]["uriBaseId"], "%SRCROOT%");
                edits.extend(change["replacements"].as_array().unwrap().iter().map(edit));
            }
            assert!(!edits.is_empty(), "{result}");
            let fields = fields_of(result);
            fixes.push(Fix { edits, fields });
        }
    }
    fixes
}

fn edit(replacement: &Value) -> Edit {
    let region = &replacement["deletedRegion"];
    let number = |name: &str| usize::try_from(region[name].as_u64().unwrap()).unwrap();
    Edit {
        ends: [
            (number("startLine"), number("startColumn")),
            (number("endLine"), number("endColumn")),
        ],
        new: replacement["insertedContent"]["text"]
            .as_str()
            .unwrap()
            .to_owned(),
    }
}

/// The fields of a result.
fn fields_of(result: &Value) -> Vec<Field> {
    let object = &result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    let fields = result["properties"]["fields"]
        .as_array()
        .into_iter()
        .flatten();
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    fields.map(|it| (text(object), text(&it["path"]))).collect()
}

/// The text with these edits.
pub(crate) fn made<'e>(edits: impl Iterator<Item = &'e Edit>, text: &str) -> String {
    let mut starts = vec![0];
    starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let offset = |(line, column): (usize, usize)| {
        let start = starts[line - 1];
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let columns = text[start..end].char_indices().map(|(at, _)| start + at);
        let mut columns = columns.chain([end]);
        columns.nth(column - 1).expect("the column is in its line")
    };
    let edits = edits.map(|it| (it.ends.map(offset), &it.new));
    let mut edits: Vec<([usize; 2], &String)> = edits.collect();
    edits.sort_by_key(|(ends, _)| std::cmp::Reverse(*ends));
    let mut fixed = text.to_owned();
    for ([from, to], new) in edits {
        fixed.replace_range(from..to, new);
    }
    fixed
}

/// The text with each of the fixes alone.
pub(crate) fn alone<'f>(fixes: &'f [Fix], text: &str) -> impl Iterator<Item = (&'f Fix, String)> {
    fixes
        .iter()
        .map(move |fix| (fix, made(fix.edits.iter(), text)))
}

const CONFIGS: [&str; 2] = [
    "resources:\n    containers: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}\n  \
     securityContext: {profile: restricted, pod: {runAsUser: 1000, runAsGroup: 1000}}\n  prometheus: {}\n",
    "securityContext:\n    profile: restricted\n    modes: {privileged: Remove, automountServiceAccountToken: Remove, runAsUser: Remove}\n  \
     resources:\n    modes: {limits.cpu: Remove, requests.cpu: Override}\n    \
     containers: {requests: {cpu: 200m}, limits: {memory: 128Mi}}\n",
];

/// Objects with what is empty, absent, null or there, in different places of a pod.
const OBJECTS: [&str; 8] = [
    "{containers: [{name: c, image: 'redis:7.4'}], volumes: []}",
    "{containers: [{name: c, image: 'acme/x:1'}]}",
    "{hostPID: true, containers: [{name: c, image: 'redis:7.4', resources: {}, securityContext: {}, volumeMounts: []}], \
      securityContext: {}, volumes: null}",
    "{volumes: [{name: a, emptyDir: {}}], securityContext: {runAsUser: 5}, containers: [{resources: null, \
      volumeMounts: [{name: a, mountPath: /a}], name: c, image: 'redis:7.4'}]}",
    "{containers: [{name: c, image: 'redis:7.4', resources: {limits: {cpu: 1}}, securityContext: {privileged: true}}, \
      {name: d, image: 'nginx:1.29', securityContext: {capabilities: {}}}], hostPID: true}",
    "{initContainers: [{name: i, image: 'redis:7.4', resources: {requests: {cpu: 5m}}}], containers: [{image: \
      'nginx:1.29', name: c, resources: {requests: {}, limits: {}}}], restartPolicy: Always}",
    "{securityContext: null, containers: [{securityContext: null, name: c, image: 'postgres:16', env: []}], \
      automountServiceAccountToken: true}",
    "{containers: [{name: c, image: 'redis:7.4', securityContext: {runAsUser: 7}}], securityContext: {runAsUser: 7}}",
];

/// Texts whose form matters.
const TEXTS: [&str; 6] = [
    "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec: {\n  containers: [\n    {name: c, image: \"acme/x:1\"}\n  ] # list\n}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec:\n  containers:\n  - name: c\n    image: redis:7.4\n    \
     resources: {} # none\n    # securityContext: {}\n  # - name: d\n  volumes: [] # none\n# the end",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec:\n  containers:\n  - name: c\n    image: redis:7.4\n    \
     resources: &r {}\n  - name: d\n    image: redis:7.4\n    resources: *r\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec:\n  containers:\n  - name: c\n    image: redis:7.4\n    \
     securityContext: &s\n      runAsGroup: 7\n    resources: &r\n      limits: &l {cpu: 1}\n  - name: d\n    \
     image: nginx:1.29\n    securityContext: *s\n    resources: *r\n  - name: e\n    image: nginx:1.29\n    \
     securityContext:\n      <<: *s\n    resources: {limits: *l}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec:\n  hostPID: true\n  containers:\n  - name: c\n    \
     command: [sh]\n    args:\n    - |\n      exec x\n    image: redis:7.4\n    securityContext:\n      \
     # why\n      runAsUser: 5 # or 6\n    tty: true\n    terminationMessagePath: |\n      /dev/x",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec:\n    containers: &c\n    \
     - {name: c, image: 'redis:7.4', resources: {limits: {cpu: 1}}, securityContext: {\n        privileged: true }}\n- \
     apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n  spec:\n    containers: *c\n    volumes: []\n",
];

/// KYAML, as `kubectl -o kyaml` writes it.
fn kyaml(value: &Value, indent: usize) -> String {
    let (pad, close) = (" ".repeat(indent + 2), " ".repeat(indent));
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let lines = entries.iter();
            let lines = lines.map(|(key, it)| format!("{pad}{key}: {},\n", kyaml(it, indent + 2)));
            format!("{{\n{}{close}}}", lines.collect::<String>())
        }
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(|it| kyaml(it, indent)).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

/// The manifests: each object in each form.
fn manifests() -> Vec<String> {
    let mut texts: Vec<String> = TEXTS.iter().map(|it| (*it).to_owned()).collect();
    for (number, spec) in OBJECTS.into_iter().enumerate() {
        let head = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: w\n";
        let text = format!("{head}spec: {spec}\n");
        let value: Value = serde_yaml::from_str(&text).unwrap();
        let block = serde_yaml::to_string(&value).unwrap();
        let first = block
            .replace("kind: Pod\n", "")
            .replace("metadata:", "kind: Pod\nmetadata:");
        let two = block.replace("name: w", &format!("name: v{number}"));
        let forms = [
            serde_json::to_string_pretty(&value).unwrap() + "\n",
            serde_json::to_string(&value).unwrap() + "\n",
            format!("---\n{}\n", kyaml(&value, 0)),
            format!("# first\n{first}# last\n---\n{two}"),
            block,
            text,
        ];
        // Each form with each end of lines.
        let ends = forms.into_iter().zip(number..);
        texts.extend(ends.map(|(form, end)| match end % 3 {
            0 => form.replace('\n', "\r\n"),
            1 => form.trim_end().to_owned(),
            _ => form,
        }));
    }
    texts
}

/// The fields that fitout would still set, and the rules of all other errors.
fn findings(log: &Value) -> (HashSet<Field>, HashSet<String>) {
    let (mut fields, mut errors) = (HashSet::new(), HashSet::new());
    for result in log["runs"][0]["results"].as_array().unwrap() {
        if result["ruleId"] == "FIT-RUN001" {
            fields.extend(fields_of(result));
        } else if result["level"] == "error" {
            errors.insert(result["ruleId"].to_string());
        }
    }
    (fields, errors)
}

/// Makes each fix of one manifest alone, and returns how many there are.
fn make_each(text: &str, config: &str) -> usize {
    let folder = Folder::with(&[("w.yaml", text), ("config", config)]);
    let check = |text: &str| {
        folder.write("w.yaml", text);
        let run = folder.run(&["check", "-f", "w.yaml", "-c", "config", "-o", "sarif"]);
        assert!(run.code.is_some_and(|it| it < 2), "{}\n{text}", run.stderr);
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let log = check(text);
    let (_, errors) = findings(&log);
    let fixes = fixes_of(&log, "w.yaml");
    folder.write("w.yaml", text);
    let applied = folder.run(&["apply", "-f", "w.yaml", "-c", "config"]);
    assert_eq!(applied.code, Some(0), "{}\n{text}", applied.stderr);
    let together = made(fixes.iter().flat_map(|it| &it.edits), text);
    assert_eq!(together, applied.stdout, "{text}");
    for (fix, fixed) in alone(&fixes, text) {
        let (fields, other_errors) = findings(&check(&fixed));
        let left: Vec<&Field> = fix
            .fields
            .iter()
            .filter(|it| fields.contains(*it))
            .collect();
        assert!(left.is_empty(), "{left:?} are still to be set in\n{fixed}");
        let new: Vec<&String> = other_errors.difference(&errors).collect();
        assert!(new.is_empty(), "{new:?} in\n{fixed}");
    }
    fixes.len()
}

#[test]
fn each_fix_can_be_made_alone() {
    let manifests = manifests();
    let parts = manifests.chunks(manifests.len().div_ceil(4));
    let fixes: usize = std::thread::scope(|scope| {
        let parts: Vec<_> = parts
            .map(|texts| {
                scope.spawn(|| {
                    let of_text = |text: &String| {
                        let configs = CONFIGS.iter().map(|sections| {
                            format!(
                                "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {{name: a}}\nspec:\n  \
                                 environment: test\n  {sections}"
                            )
                        });
                        configs.map(|config| make_each(text, &config)).sum::<usize>()
                    };
                    texts.iter().map(of_text).sum::<usize>()
                })
            })
            .collect();
        parts.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(fixes > 200, "only {fixes} fixes");
}

//! `docs/config.md` is made from the doc comments of the config's types, and is current.
//!
//! `make golden` writes it, so a field is documented once, where it is declared.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;

use crate::program::Folder;

/// The parts of the reference that are not sections: heading, file, and the type that it begins with.
const PARTS: [(&str, &str, &str); 8] = [
    ("spec", "src/config/general.rs", "General"),
    ("profiles", "src/config/general.rs", "ProfileHead"),
    ("select and exclude", "src/config/selector.rs", "Selector"),
    ("podSpecs", "src/objects/places.rs", "PodSpecs"),
    ("claims", "src/objects/claims.rs", "ClaimSpecs"),
    ("exemptions", "src/config/exemption.rs", "Exemption"),
    ("authors", "src/config/authors.rs", "Authors"),
    ("checks", "src/config/checks.rs", "Checks"),
];

/// All parts; those of the sections follow from their names.
fn parts() -> Vec<(String, String, String)> {
    let general = PARTS.map(|(heading, file, first)| (heading.into(), file.into(), first.into()));
    let sections = fitout::transformers::NAMES.iter().map(|name| {
        let words = name.chars().map(|c| {
            if c.is_uppercase() {
                format!("_{}", c.to_lowercase())
            } else {
                c.into()
            }
        });
        let file = format!("src/transformers/{}.rs", words.collect::<String>());
        (
            (*name).to_owned(),
            file,
            name[..1].to_uppercase() + &name[1..],
        )
    });
    general.into_iter().chain(sections).collect()
}

const HEAD: &str = "# The config

`make golden` generates this page from the doc comments of the code, and a test checks that it is current.

A config is a document with `apiVersion: fitout.dev/v1alpha1` and `kind: Fitout`. All settings are under `spec`;
`spec.environment` names the environment. Messages use `metadata.name` to name the config. A `v1` `ConfigMap` also works:
`data.config` is the YAML text of a `spec`, and every other key is a dotted path into it
(`resources.containers.requests.cpu`), which takes precedence.

Every section also has the fields `mode`, and `modes` for single fields by path: `modes: {limits: Override,
requests.cpu: Off}`. The longest path takes precedence, then the section's `mode`, then `spec.mode`.
";

const PRECEDENCE: &str = "
## Environments and precedence

One config describes all environments: `spec` holds the values that they share, and `spec.environments.<name>` holds a part
of a `spec` with the values that differ in that environment. `spec.environment` selects the environment: set it with
`-e` on the command line, or in kustomize with a patch of `/spec/environment`. A config without `environments` describes only
the environment that it names.

For each field, the last entry of this list that sets it takes precedence:

1. the general sections of `spec`
2. the environment: `spec.environments.<name>`
3. the first profile that matches
4. the environment's part of that profile: the profile of the same name in `spec.environments.<name>.profiles`
5. the next profile that matches, then the environment's part of it, and so on
6. the manifest, unless the mode is `Override` or another mode that replaces the value of the manifest

Maps merge field by field. Lists replace each other, with these exceptions:

- `profiles`: the environment's part of a profile is merged into the profile of that name; new profiles follow the general ones.
- `exemptions`, `catalogue`, `podSpecs` and `claims`: the entries of the environment follow the general ones.
- `securityContext.writablePaths` and `securityContext.container.capabilities.add`: the entries of all parts are combined.

`null` in an environment removes the value of `spec`. `null` in a profile, or in an environment's part of one, removes the
values of all earlier parts and the built-in default.

An example, with production selected:

";

const TRANSCRIPT_OF_CHANGE: &str = "\
for e in development staging production; do fitout apply -q -f base/caracal -e $e > $e.before; done
sed -i 's/^    staging: {}/    staging: {storage: {storageClassName: local}}/' fn-config/all/fitout.yaml
for e in development staging production; do echo \"# $e\"; fitout apply -q -f base/caracal -e $e | diff $e.before -; done
";

/// The case whose config and manifests are the example in the section about precedence.
const EXAMPLE: &str = "tests/cases/config/an-environment-overrides-a-profile";

/// The section about precedence, with the output of an example.
fn precedence() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(EXAMPLE).join(name)).unwrap();
    let (config, input) = (read("fn-config.yaml"), read("input.yaml"));
    let folder = Folder::with(&[
        ("fn-config/all/fitout.yaml", &config),
        ("shop.yaml", &input),
    ]);
    let show = folder.run(&["config", "show", "-e", "production", "-f", "shop.yaml"]);
    assert_eq!(show.code, Some(0), "{}", show.stderr);
    let folder = Folder::with_copy(&["base/caracal", "fn-config"]);
    let mut changed = String::new();
    for line in TRANSCRIPT_OF_CHANGE.lines() {
        let ran = folder.shell(line);
        assert!(ran.stderr.is_empty(), "{ran:?}");
        write!(changed, "$ {line}\n{}", ran.stdout).unwrap();
    }
    let show = show.stdout.trim_end();
    format!(
        "{PRECEDENCE}```yaml\n{config}```\n\n```console\n$ fitout config show -e production -f shop.yaml\n{show}\n```\n\n\
         A change to the value of one environment changes that environment only:\n\n```console\n{changed}```\n\n\
         kpt and `docker run` pass one document to the function and cannot select an environment. `fitout config print -e production` prints\n\
         the config of production as such a document, with its comments; `--check FILE` fails if `FILE` differs from that output.\n"
    )
}

#[test]
fn the_reference_of_the_config_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = HEAD.to_owned() + &precedence();
    for (heading, file, first) in parts() {
        let read = |file: &str| crate::pages::read(&root.join(file));
        // All sections have modes.
        let source = Source(read(&file) + &read("src/finding.rs"));
        write!(page, "\n## {heading}\n\n").unwrap();
        if file.contains("transformers") {
            writeln!(page, "{}", source.head()).unwrap();
        }
        page.push_str(&source.example(&first));
        source.describe(&first, &mut Vec::new(), &mut page);
    }
    crate::pages::keep("docs/config.md", &page);
}

struct Source(String);

/// A field or a variant with its documentation.
struct Item {
    name: String,
    kind: String,
    docs: String,
}

impl Source {
    /// The module's own documentation.
    fn head(&self) -> String {
        let lines = self.0.lines().take_while(|line| line.starts_with("//!"));
        let lines: Vec<&str> = lines
            .map(|line| {
                line.trim_start_matches("//!")
                    .strip_prefix(' ')
                    .unwrap_or("")
            })
            .collect();
        let title = lines
            .first()
            .and_then(|line| line.split_once(": "))
            .map(|(_, title)| title)
            .unwrap_or_default();
        let mut first = title.chars();
        let title: String = first
            .next()
            .map(|c| c.to_uppercase().chain(first).collect())
            .unwrap_or_default();
        std::iter::once(title.as_str())
            .chain(lines.iter().skip(1).copied())
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// A type's own documentation, if it has an example.
    fn example(&self, name: &str) -> String {
        let lines: Vec<&str> = self.0.lines().collect();
        let start = lines
            .iter()
            .position(|line| *line == format!("pub struct {name} {{"));
        let above = lines[..start.unwrap_or(0)].iter().rev();
        let docs = above
            .skip_while(|line| line.starts_with("#["))
            .map_while(|line| line.strip_prefix("///"));
        let mut docs: Vec<&str> = docs
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        docs.reverse();
        match docs.contains(&"```yaml") {
            true => docs.join("\n") + "\n\n",
            false => String::new(),
        }
    }

    /// The lines of a type's body, and whether it is an enum.
    fn body(&self, name: &str) -> Option<(bool, Vec<&str>)> {
        let is_start = |line: &&str| {
            let line = line
                .trim_start_matches("pub(super) ")
                .trim_start_matches("pub ");
            [format!("struct {name} {{"), format!("enum {name} {{")]
                .contains(&line.trim().to_owned())
        };
        let mut lines = self.0.lines().skip_while(|line| !is_start(line));
        let is_enum = lines.next()?.contains("enum ");
        Some((
            is_enum,
            lines
                .take_while(|line| *line != "}")
                .map(str::trim)
                .collect(),
        ))
    }

    fn items(&self, name: &str) -> Option<(bool, Vec<Item>)> {
        let (is_enum, lines) = self.body(name)?;
        let mut items = Vec::new();
        let mut docs = Vec::new();
        let mut rename = None;
        // A field that is not read from the config.
        let mut is_skipped = false;
        for line in lines {
            if let Some(doc) = line.strip_prefix("///") {
                docs.push(doc.trim());
            } else if line == "#[serde(skip)]" {
                is_skipped = true;
            } else if let Some(new) = line.strip_prefix("#[serde(rename = \"") {
                rename = new.split('"').next().map(str::to_owned);
            } else if !line.starts_with("#[") && !line.is_empty() {
                if line.starts_with("//") {
                    continue;
                }
                if std::mem::take(&mut is_skipped) {
                    docs.clear();
                    continue;
                }
                let line = line
                    .trim_start_matches("pub(super) ")
                    .trim_start_matches("pub ")
                    .trim_end_matches(',');
                let (name, kind) = line.split_once(": ").unwrap_or((line, ""));
                let name = rename.take().unwrap_or_else(|| camel_case(name));
                items.push(Item {
                    name,
                    kind: kind.to_owned(),
                    docs: docs.join(" "),
                });
                docs.clear();
            }
        }
        Some((is_enum, items))
    }

    /// Writes a type's fields as a table, and below it the types of this file that they use.
    fn describe(&self, name: &str, described: &mut Vec<String>, page: &mut String) {
        let Some((_, items)) = self.items(name) else {
            panic!("no type {name}")
        };
        described.push(name.to_owned());
        page.push_str("| field | meaning |\n|---|---|\n");
        let mut below = Vec::new();
        for item in &items {
            assert!(
                !item.docs.is_empty(),
                "{name}.{} has no documentation",
                item.name
            );
            let mut meaning = item.docs.clone();
            for inner in words(&item.kind)
                .into_iter()
                .filter(|inner| self.is_shape(inner))
            {
                match self.items(inner) {
                    Some((true, variants)) => {
                        let lower = self
                            .attributes(inner)
                            .contains("rename_all = \"lowercase\"");
                        for variant in &variants {
                            let name = if lower {
                                variant.name.to_lowercase()
                            } else {
                                variant.name.clone()
                            };
                            let docs = if variant.docs.is_empty() {
                                String::new()
                            } else {
                                format!(": {}", variant.docs)
                            };
                            write!(meaning, "<br>`{name}`{docs}").unwrap();
                        }
                    }
                    Some((false, _))
                        if !described.contains(&inner.to_owned())
                            && !below.contains(&(inner, &item.name)) =>
                    {
                        below.push((inner, &item.name));
                    }
                    _ => {}
                }
            }
            writeln!(page, "| `{}` | {meaning} |", item.name).unwrap();
        }
        for (inner, field) in below {
            if !described.contains(&inner.to_owned()) {
                write!(page, "\nIn `{field}`:\n\n").unwrap();
                self.describe(inner, described, page);
            }
        }
    }

    /// The attributes of a type, in one text.
    fn attributes(&self, name: &str) -> String {
        let lines: Vec<&str> = self.0.lines().collect();
        let is_start = |line: &&str| {
            line.contains(&format!("struct {name} ")) || line.contains(&format!("enum {name} "))
        };
        let start = lines.iter().position(is_start).unwrap_or(0);
        lines[..start]
            .iter()
            .rev()
            .take_while(|line| !line.is_empty())
            .copied()
            .collect()
    }

    /// Whether a type is read by fields or variants, and not from a text with its own syntax.
    fn is_shape(&self, name: &str) -> bool {
        let attributes = self.attributes(name);
        attributes.contains("Deserialize") && !attributes.contains("try_from")
    }
}

fn words(kind: &str) -> Vec<&str> {
    kind.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.starts_with(char::is_uppercase))
        .collect()
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        name + &word[..1].to_uppercase() + &word[1..]
    })
}

//! `docs/rules/<id>.md`: a page for each rule, from its metadata, the head of its file, and the smallest case that shows it.
//!
//! `fitout explain <id>` prints the page.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use fitout::VOCABULARY;
use fitout::checks::CHECKS;
use fitout::report::findings;
use fitout::rules::{RULES, Rule, When};
use kustomize_krm_types::Severity;

use crate::golden::fit;
use crate::pages::{comment, head, read, settings, snake_case, title};
use crate::program::Folder;

/// Rules that no example can show: a build needs kustomize, a failure is not about manifests, and a comparison has two environments.
const WITHOUT_EXAMPLE: [&str; 3] = ["FIT-CMP001", "FIT-INP011", "FIT-INP012"];

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  containers:\n  - name: web\n    image: shop/web:1.0\n";
const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec:\n  environment: test\n";

/// Examples of rules that stop a run before there are results, which cases have: the rule, what it shows, and the files. They are
/// run with `fitout check`, or the first as the input of the function.
const EXAMPLES: [(&str, &str, &str, &str); 11] = [
    (
        "FIT-CFG006",
        "kustomize has added a prefix to the name.",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: dev-web\n  annotations:\n    internal.config.kubernetes.io/previousNames: web\nspec:\n  containers:\n  - name: web\n    image: shop/web:1.0\n",
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec:\n  environment: test\n  profiles:\n  - name: web\n    select: {name: web}\n",
    ),
    (
        "FIT-CFG007",
        "A number in `data`, which has only strings.",
        POD,
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fitout\ndata:\n  environment: test\n  strict: true\n",
    ),
    (
        "FIT-INP001",
        "A list without its closing bracket.",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, finalizers: [a\n",
        CONFIG,
    ),
    (
        "FIT-INP002",
        "A manifest on the standard input of the function.",
        POD,
        "",
    ),
    (
        "FIT-INP004",
        "A key twice.",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  name: shop\n",
        CONFIG,
    ),
    (
        "FIT-INP005",
        "A list as a key.",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels:\n    [a, b]: c\n",
        CONFIG,
    ),
    (
        "FIT-INP006",
        "Each line has ten times the values of the line before.",
        "",
        CONFIG,
    ),
    (
        "FIT-INP008",
        "A list of objects without a List.",
        "- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: web\n  spec:\n    containers:\n    - name: web\n      image: shop/web:1.0\n",
        CONFIG,
    ),
    (
        "FIT-INP010",
        "An action of a template as a name.",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: '{{ .Release.Name }}'\nspec:\n  containers:\n  - name: web\n    image: shop/web:1.0\n",
        CONFIG,
    ),
    (
        "FIT-VAL056",
        "A key with a slash.",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  a/b: c\n",
        CONFIG,
    ),
    (
        "FIT-SEC007",
        "A capability with `CAP_`, which most runtimes add themselves.",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n    image: shop/web:1.0\n    securityContext:\n      capabilities:\n        add: [CAP_CHOWN]\n",
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nspec:\n  environment: test\n  securityContext: {profile: privileged}\n",
    ),
];

/// Aliases of aliases.
fn bomb() -> String {
    let mut text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\na: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in [
        ("b", "a"),
        ("c", "b"),
        ("d", "c"),
        ("e", "d"),
        ("f", "e"),
        ("g", "f"),
    ] {
        let items = vec![format!("*{of}"); 10].join(", ");
        let _ = writeln!(text, "{name}: &{name} [{items}]");
    }
    text
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_pages_of_the_rules_are_current() {
    let sources = crate::tidy::files("src");
    let cases = cases_by_rule();
    let mut pages = BTreeMap::new();
    let mut without = BTreeSet::new();
    for rule in VOCABULARY.rules() {
        let example = cases.get(rule.id).and_then(|cases| example(rule, cases));
        let example = example.or_else(|| run(rule));
        if example.is_none() {
            without.insert(rule.id);
        }
        let page = page(rule, &sources, example);
        pages.insert(format!("{}.md", rule.id), page);
    }
    assert_eq!(
        without,
        BTreeSet::from(WITHOUT_EXAMPLE),
        "rules without an example"
    );
    let folder = root().join("docs/rules");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, page) in &pages {
            fs::write(folder.join(name), page).unwrap();
        }
    }
    let kept = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path());
    let kept = kept.map(|it| {
        (
            it.file_name().unwrap().to_str().unwrap().to_owned(),
            read(&it),
        )
    });
    let kept: BTreeMap<String, String> = kept.collect();
    let stale = pages
        .iter()
        .filter(|(name, page)| kept.get(*name) != Some(page));
    let stale: Vec<_> = stale.map(|(name, _)| name).collect();
    assert!(
        stale.is_empty() && kept.len() == pages.len(),
        "`make golden` rewrites docs/rules: {stale:?}; read the diff"
    );
}

#[test]
fn explain_prints_the_page_of_a_rule() {
    let folder = Folder::with(&[]);
    for id in ["FIT-RES002", "fit-res002", "RES002"] {
        let run = folder.run(&["explain", id]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(
            run.stdout
                .starts_with("# FIT-RES002: a request above its limit\n"),
            "{}",
            run.stdout
        );
        assert!(!run.stdout.contains("]("), "{}", run.stdout);
    }
    let run = folder.run(&["explain", "FIT-RES999"]);
    run.refused(
        "an unknown rule",
        2,
        &["there is no rule `FIT-RES999`", "did you mean `FIT-RES0"],
    );
    let run = folder.run(&["explain", "FIT-NET004", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&json["rule"], &json["severity"]),
        (&"FIT-NET004".into(), &"error".into())
    );
    assert!(json["page"].as_str().unwrap().contains("## Why"));
}

/// The cases in whose results a rule is.
fn cases_by_rule() -> HashMap<&'static str, Vec<PathBuf>> {
    let mut cases: HashMap<&str, Vec<PathBuf>> = HashMap::new();
    for case in crate::golden::cases() {
        let text = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
        let results = text("results.yaml") + &text("errors.txt");
        let words = results.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
        let words: BTreeSet<&str> = words.filter(|it| it.starts_with("FIT-")).collect();
        for rule in VOCABULARY.rules().filter(|rule| words.contains(rule.id)) {
            cases.entry(rule.id).or_default().push(case.clone());
        }
    }
    cases
}

/// An input and a config, and what `check` says about them.
struct Example {
    intro: String,
    input: String,
    config: String,
    said: String,
    help: Option<String>,
}

/// The smallest case that shows a rule; one of its own check, if it has any.
fn example(rule: &Rule, cases: &[PathBuf]) -> Option<Example> {
    let check = CHECKS.iter().find(|check| check.rules.contains(rule));
    let size = |case: &PathBuf| {
        let length = |name: &str| {
            fs::read_to_string(case.join(name))
                .unwrap_or_default()
                .len()
        };
        let of = case.parent().unwrap().file_name().unwrap();
        let is_own = check.is_some_and(|check| of == check.name);
        (
            !is_own,
            length("input.yaml") + 2 * length("fn-config.yaml"),
            case.clone(),
        )
    };
    let mut cases: Vec<_> = cases.iter().collect();
    cases.sort_by_key(|it| size(it));
    cases.into_iter().find_map(|case| said(rule, case))
}

/// One of [`EXAMPLES`].
fn run(rule: &Rule) -> Option<Example> {
    let (_, intro, input, config) = EXAMPLES.into_iter().find(|it| it.0 == rule.id)?;
    let input = match rule.id {
        "FIT-INP006" => bomb(),
        _ => input.to_owned(),
    };
    let folder = Folder::with(&[("input.yaml", &input), ("fn-config.yaml", config)]);
    let run = match config.is_empty() {
        true => folder.feed(&[], input.as_bytes()),
        // Where a standard is checked, it reports the same.
        false if rule.id == "FIT-SEC007" => {
            folder.run(&["plan", "-f", "input.yaml", "-c", "fn-config.yaml"])
        }
        false => folder.run(&["check", "-f", "input.yaml", "-c", "fn-config.yaml", "-v"]),
    };
    let said = lines_of(rule, &(run.stdout + &run.stderr))?;
    Some(Example {
        intro: intro.to_owned(),
        help: help_in(&said),
        input,
        config: config.to_owned(),
        said,
    })
}

/// What fitout says about a case, if the rule is in it.
fn said(rule: &Rule, case: &Path) -> Option<Example> {
    let (input, config) = (
        read(&case.join("input.yaml")),
        read(&case.join("fn-config.yaml")),
    );
    let fitting = fit(&input, &config);
    let (text, help) = match &fitting.report {
        Some(report) => {
            let mut results = report.results.iter().filter(|it| it.rule == rule.id);
            let help = results.find_map(|it| it.help.clone().map(String::from));
            (findings(report, Severity::Info).as_str().to_owned(), help)
        }
        None => (fitting.text.err()?, None),
    };
    let said = lines_of(rule, &text)?;
    let intro = match comment(&input).as_str() {
        "" => format!("{}:", title(case)),
        intro => intro.to_owned(),
    };
    Some(Example {
        intro,
        help: help.or_else(|| help_in(&said)),
        input,
        config,
        said,
    })
}

fn help_in(said: &str) -> Option<String> {
    let mut lines = said.lines();
    lines.find_map(|line| line.split_once("= help: ").map(|(_, help)| help.to_owned()))
}

/// The messages of a rule, each with its indented lines.
fn lines_of(rule: &Rule, text: &str) -> Option<String> {
    let mark = format!("[{}]: ", rule.id);
    let mut lines: Vec<&str> = Vec::new();
    let mut is_wanted = false;
    for line in text.lines() {
        let is_more = line.starts_with(' ') || line.trim_start().starts_with('|') || {
            line.split_once('|')
                .is_some_and(|(number, _)| number.trim().parse::<u32>().is_ok())
        };
        if !is_more {
            is_wanted = line.contains(&mark);
        }
        if is_wanted {
            lines.push(line);
        }
    }
    const MOST: usize = 14;
    if lines.len() > MOST {
        lines.truncate(MOST - 1);
        lines.push("…");
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The file that declares a rule, and the comment above the declaration.
fn declaration<'s>(rule: &Rule, sources: &'s [(String, String)]) -> (&'s str, String) {
    let quoted = format!("\"{}\"", rule.id);
    for (file, text) in sources
        .iter()
        .filter(|(name, _)| name.ends_with(".rs") && !name.contains("/tests"))
        .filter(|(name, _)| !name.starts_with("src/cli"))
    {
        let lines: Vec<&str> = text.lines().collect();
        for at in (0..lines.len()).filter(|at| lines[*at].contains(&quoted)) {
            // A line of `rules!` or of another table, or `const NAME: Rule = rule(` in one line or several.
            let is_row = [" Always ", " OnCheck ", " OnRequest ", " OnCompare "]
                .iter()
                .any(|it| lines[at].contains(it) || lines[at].ends_with(it.trim_end()));
            let start = (at.saturating_sub(4)..=at).rev().find(|at| {
                let line = lines[*at].trim_start();
                line.contains(" rule(") || line.contains(": Rule = ") || line.contains("PSS")
            });
            let Some(start) = is_row.then_some(at).or(start) else {
                continue;
            };
            let above = lines[..start].iter().rev();
            let docs = above
                .skip_while(|it| it.contains(": Rule = "))
                .map_while(|it| it.trim_start().strip_prefix("///"));
            let mut docs: Vec<&str> = docs.map(str::trim).collect();
            docs.reverse();
            return (file, docs.join("\n"));
        }
    }
    panic!("{} is declared nowhere", rule.id)
}

fn page(rule: &Rule, sources: &[(String, String)], example: Option<Example>) -> String {
    let check = CHECKS.iter().find(|check| check.rules.contains(rule));
    let is_problem = RULES.contains(rule);
    let mut page = format!("# {}: {}\n\n", rule.id, rule.meaning);
    let runs = match (is_problem, rule.when) {
        (true, _) => "Stops the run.",
        (_, When::Always) => "Runs whenever fitout runs.",
        (_, When::OnCheck) => "Runs in `fitout check`, and with `mode: Check`.",
        (_, When::OnCompare) => "Runs in `fitout compare`.",
        (_, When::OnRequest) => {
            "Runs only if `checks.severity` names it, in `fitout check` and with `mode: Check`."
        }
    };
    let _ = write!(page, "Severity: {}. {runs}", rule.severity);
    if !rule.peers.is_empty() {
        let _ = write!(page, " In other tools: {}.", rule.peers);
    }
    page.push('\n');

    let (file, own) = declaration(rule, sources);
    let head = match check {
        Some(check) => head(&read(
            &root().join(format!("src/checks/{}.rs", snake_case(check.name))),
        )),
        None => String::new(),
    };
    let (source, why): (Vec<&str>, Vec<&str>) =
        head.split("\n\n").partition(|it| it.starts_with("Source"));
    let mut why = why;
    if !own.is_empty() {
        why.insert(0, &own);
    }
    let why = why.join("\n\n");
    if !why.trim().is_empty() {
        let _ = write!(page, "\n## Why\n\n{}\n", why.trim());
    }
    let mut fix = None;
    if let Some(Example {
        intro,
        input,
        config,
        said,
        help,
    }) = example
    {
        let _ = write!(page, "\n## Example\n\n{intro}\n\n");
        let spec = settings(&config, &["environment: test", "mode: Check"]);
        if !spec.trim().is_empty() {
            let _ = write!(
                page,
                "The `spec` of the config:\n\n```yaml\n{}\n```\n\n",
                spec.trim_end()
            );
        } else if config.contains("kind: ConfigMap") {
            let _ = write!(
                page,
                "The config:\n\n```yaml\n{}\n```\n\n",
                config.trim_end()
            );
        }
        let input: Vec<&str> = input
            .lines()
            .skip_while(|line| line.starts_with('#'))
            .collect();
        let _ = write!(
            page,
            "```yaml\n{}\n```\n\n```text\n{said}\n```\n",
            input.join("\n").trim_end()
        );
        fix = help;
    }
    if let Some(fix) = fix {
        let mut letters = fix.chars();
        let first = letters
            .next()
            .map(|c| c.to_uppercase().to_string())
            .unwrap_or_default();
        let _ = write!(
            page,
            "\n## Fix\n\n{first}{}.\n",
            letters.as_str().trim_end_matches('.')
        );
    }
    match is_problem {
        true => page.push_str(
            "\n## Severity\n\nThe input or the config cannot be read, so nothing is written. The rule has no other severity, and no exemption.\n",
        ),
        false => {
            let other = match rule.severity {
                Severity::Error => "Warning",
                _ => "Error",
            };
            let id = rule.id;
            let _ = write!(
                page,
                "\n## Severity and exemptions\n\n```yaml\nspec:\n  checks:\n    severity: {{{id}: {other}}}  # for all objects\n    disable: [{id}]  # or not at all\n  \
                 exemptions:  # or not for some objects\n  - select: {{kind: Deployment, name: web}}\n    rules: [{id}]\n    reason: why this object needs it\n```\n"
            );
        }
    }
    page.push_str("\n## Source\n\n");
    for source in source {
        let _ = write!(page, "{source}\n\n");
    }
    match check {
        Some(check) => {
            let name = check.name;
            let _ = writeln!(
                page,
                "The check [{name}](../checks.md#{}), in `{file}`.",
                name.to_lowercase()
            );
        }
        None => {
            let _ = writeln!(page, "`{file}`.");
        }
    }
    page
}

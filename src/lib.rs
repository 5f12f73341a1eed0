//! fitout configures workloads for an environment: it sets resource requests and limits, security contexts, Prometheus
//! annotations and storage classes, and reports the reason for each change.
//!
//! # The layers
//!
//! The table begins with the modules that all others use. A module imports only modules listed before it. The files in each
//! of the folders `transformers`, `checks` and `report` do not import each other. A test checks every `use` against the table.
//!
//! | | module | what it does |
//! |---|---|---|
//! | 1 | [`sorting`] | stable sorts with the code of one |
//! | 2 | [`yaml`] | lossless YAML: text to nodes, edits to text |
//! | 3 | [`hashing`] | maps with a cheap hash |
//! | 4 | [`compressed`] | texts that the build compresses |
//! | 5 | [`parallel`] | runs work on all cores, and keeps the order of its results |
//! | 6 | [`kubernetes`] | quantities, selectors, versions, patterns: what Kubernetes defines |
//! | 7 | [`text`] | text for people, with everything from outside escaped |
//! | 8 | [`secrets`] | the parts of a text that belong to Secrets |
//! | 9 | [`problem`] | problems that stop a run, with place and help |
//! | 10 | [`rules`] | rules: ids, severities, meanings |
//! | 11 | [`read`] | reads bytes into documents and [`read::Resource`]s; detects the host |
//! | 12 | [`catalogue`] | facts about common images |
//! | 13 | [`objects`] | pod templates, containers and claims of objects, and references between objects |
//! | 14 | [`finding`] | findings about objects, and the settings that decided |
//! | 15 | [`config`] | decodes the functionConfig into a typed [`config::Config`]; rejects unknown fields |
//! | 16 | [`select`] | selects objects by the config; the others are passed over |
//! | 17 | [`edit`] | [`edit::Edits`]: changes with their reasons |
//! | 18 | [`ledger`] | the outcome of every object, container and claim |
//! | 19 | [`facts`] | pods before and after the edits |
//! | 20 | [`funnel`] | applies severities and exemptions to findings, and removes duplicates |
//! | 21 | [`pod_security`] | the Pod Security Standards, as upstream evaluates them |
//! | 22 | [`transformers`] | request the desired state |
//! | 23 | [`checks`] | report problems |
//! | 24 | [`explain`] | why the fields of an object have their values |
//! | 25 | [`report`] | changes, findings and the ledger as text, JSON and KRM results |
//! | 26 | [`mod@write`] | splices edits into the text; copies every other byte |
//!
//! [`fit`] calls them in order.
//!
//! # Invariants
//!
//! Each has a test.
//!
//! 1. [`yaml`] imports no other module, and `kustomize-krm-types` does not depend on fitout.
//! 2. Transformers and checks cannot modify documents: every change goes through [`edit::Edits`].
//! 3. Without edits the output equals the input, byte for byte. With edits, every byte outside the spliced spans is the
//!    same, except for the host's `id` annotations (see [`read::ResourceList::bookkeeping_to_drop`]).
//! 4. Only `main.rs` and `cli/` print, read files or the environment, or exit. The library is pure:
//!    no clock, no randomness, no network.
//! 5. A second run changes nothing, and the order of the items does not matter.
//! 6. The results of a golden case list every edit, and the diff has no other change.
//! 7. Transformers, their files and their folders of cases have the same names.
//! 8. No input causes a panic, a stack overflow or more than linear time.
//! 9. The values of a Secret never appear in a report, and no text from outside can begin a line of one.
//! 10. The output has every item of the input, except that a validator in kustomize returns none.

/// The JSON Schema of a type that is read from a text with its own syntax.
#[cfg(test)]
macro_rules! schema {
    ($of:ident, $json:tt) => {
        impl schemars::JsonSchema for $of {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($of).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($json)
            }
        }
    };
}

pub mod catalogue;
pub mod checks;
pub mod compressed;
pub mod config;
pub mod edit;
pub mod explain;
pub mod facts;
pub mod finding;
pub mod funnel;
pub mod hashing;
pub mod kubernetes;
pub mod ledger;
pub mod objects;
pub mod parallel;
pub mod pod_security;
pub mod problem;
pub mod read;
pub mod report;
pub mod rules;
pub mod secrets;
pub mod select;
pub mod sorting;
pub mod text;
pub mod transformers;
pub mod write;
pub mod yaml;

#[cfg(test)]
#[path = "tests/schema.rs"]
mod schema_of_configs;

use crate::config::{Config, FunctionConfig};
use crate::objects::Objects;
use crate::problem::{Place, Problem, Problems};
use crate::read::{Host, Resource, ResourceList};
use crate::report::{DetailLevel, Fitted, Report};
use crate::select::Selection;
use crate::yaml::{Edited, Fault, Lines, Node, Stream};

/// The image of this version. No other code repeats it.
pub const IMAGE: &str = "ghcr.io/fitout/fitout:v0.1.0";

/// The names that a config can use for sections and rules.
pub const VOCABULARY: &config::Vocabulary = &config::Vocabulary {
    sections: transformers::SECTIONS,
    names: transformers::NAMES,
    rules: &[
        &[
            rules::COMPARED,
            rules::RULES,
            finding::RULES,
            edit::RULES,
            funnel::RULES,
        ],
        transformers::RULES,
        checks::RULES,
    ],
};

/// The result of a run of the function.
#[derive(Debug)]
pub struct Outcome {
    /// The output; `None` if there are errors.
    pub output: Option<String>,
    /// Whether the run succeeded.
    pub passed: bool,
    /// The report; `None` if problems stopped the run.
    pub report: Option<Report>,
    /// The problems that stopped the run.
    pub problems: Vec<Problem>,
    /// The host.
    pub host: Host,
    /// The fields of the list's functionConfig that another config overrules.
    pub overruled: Vec<String>,
}

/// Whether the output contains results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Results {
    /// Yes, except for kustomize, which discards them.
    #[default]
    ByHost,
    /// Yes.
    Always,
    /// No.
    Never,
    /// No, and the report is not read either: it has only the totals, and checks of pods that cannot fail the run are left
    /// out.
    Unread,
}

/// Runs the KRM function on the bytes of a ResourceList.
///
/// A pure function of its arguments. On any error there is no output, because a host would accept a partial one.
/// `today` overrides the config's date for expired exemptions.
pub fn run(bytes: Vec<u8>, results: Results, today: Option<kubernetes::Date>) -> Outcome {
    run_built(bytes, results, today, &config::Sources::default(), None)
}

/// Receives the outcome and the output of a run that no problem stopped.
pub type Last<'f> = &'f dyn Fn(&Outcome, Option<&Edited<'_>>);

/// Like [`run`], but passes the output to `last` before anything is freed, and returns an outcome without it.
pub fn run_to_end(
    bytes: Vec<u8>,
    results: Results,
    today: Option<kubernetes::Date>,
    last: Last<'_>,
) -> Outcome {
    let sources = config::Sources::default();
    run_and(bytes, results, today, (&sources, None), Some(last))
}

/// Like [`run`], for a functionConfig that kustomize built from `sources`: reasons and problems name the lines of these
/// files. `chosen` replaces the functionConfig, except for its mode `Check`.
pub fn run_built(
    bytes: Vec<u8>,
    results: Results,
    today: Option<kubernetes::Date>,
    sources: &config::Sources,
    chosen: Option<&FunctionConfig<'_>>,
) -> Outcome {
    run_and(bytes, results, today, (sources, chosen), None)
}

fn run_and(
    bytes: Vec<u8>,
    results: Results,
    today: Option<kubernetes::Date>,
    (sources, chosen): (&config::Sources, Option<&FunctionConfig<'_>>),
    last: Option<Last<'_>>,
) -> Outcome {
    let mut host = Host::Unknown;
    let outcome = try_run(bytes, results, today, (sources, chosen), &mut host, last);
    outcome.unwrap_or_else(|Problems(problems)| Outcome {
        output: None,
        passed: false,
        report: None,
        problems,
        host,
        overruled: Vec::new(),
    })
}

/// Like [`run`]; sets `host` as soon as the list is read, even if problems stop the run.
fn try_run(
    bytes: Vec<u8>,
    results: Results,
    today: Option<kubernetes::Date>,
    (sources, chosen): (&config::Sources, Option<&FunctionConfig<'_>>),
    host: &mut Host,
    last: Option<Last<'_>>,
) -> Result<Outcome, Problems> {
    let stream = Stream::from_bytes(bytes).map_err(|error| not_yaml(&error, None))?;
    let list = ResourceList::read(&stream)?;
    *host = list.host;
    let Some(node) = list.function_config else {
        return Err(
            Problem::new("FIT-CFG001", "the ResourceList has no functionConfig")
                .help(format!(
                    "set functionConfig to a {} of {}; see fn-config/ in the repository for examples",
                    config::KIND,
                    config::API_VERSION
                ))
                .into(),
        );
    };
    let function_config = FunctionConfig::of_build(node, sources)?;
    let mut overruled = Vec::new();
    let mut config = match chosen {
        None => function_config.decode(VOCABULARY)?,
        Some(chosen) => {
            let own = function_config.decode(VOCABULARY)?;
            let mut config = chosen.decode(VOCABULARY)?;
            config.validate_only |= own.validate_only;
            overruled = config.differences(&own);
            config
        }
    };
    config.today = today.or(config.today);
    if results == Results::Unread {
        config.checks.read_from = Some(config.fail_on().lowest());
    }
    let mut fitted = fit(&config, &list.resources, Some(node))?;
    let wants_results = match results {
        Results::ByHost => list.host != Host::Kustomize,
        Results::Always => true,
        Results::Never | Results::Unread => false,
    };
    let detail = match config.report_changes {
        _ if results == Results::Unread => DetailLevel::Totals,
        _ if !wants_results => DetailLevel::Problems,
        config::ChangesReport::Full => DetailLevel::EachChange,
        config::ChangesReport::Summary => DetailLevel::Counts,
        config::ChangesReport::None => DetailLevel::Problems,
    };
    let report = Report::of(&mut fitted, &list.resources, &config, detail);
    let passed = report.passes(config.fail_on());
    let mut outcome = Outcome {
        output: None,
        passed,
        report: Some(report),
        problems: Vec::new(),
        host: list.host,
        overruled,
    };
    let changes = config.report_changes;
    let report = outcome.report.as_ref();
    let write = |lines: &mut Lines<'_>| {
        if let Some(report) = report {
            report.write_krm_results(changes, lines);
        }
    };
    let has_results = wants_results && report.is_some_and(|it| it.has_krm_results(changes));
    let krm_results: Option<&write::Results<'_>> = has_results.then_some(&write);
    let output = match (config.validate_only, list.host) {
        (true, Host::Kustomize) => passed.then(|| write::passed_validation().into()),
        // A validator changes nothing, so output is safe, and kpt shows the results of a failed run too.
        (true, _) => Some(write::resource_list(&list, &[], krm_results)?),
        (false, _) if passed => Some(write::resource_list(&list, &fitted.changes, krm_results)?),
        (false, _) => None,
    };
    match last {
        Some(last) => last(&outcome, output.as_ref()),
        None => {
            let text = output.map(Edited::into_text);
            outcome.output = text;
        }
    }
    Ok(outcome)
}

/// Runs transformers and checks on objects.
///
/// `function_config` is passed over if a host also lists it in the objects.
///
/// # Errors
/// Every object that does not match the schema of its kind, or has an invalid value in a field that fitout changes.
pub fn fit(
    config: &Config<'_>,
    resources: &[Resource<'_>],
    function_config: Option<Node<'_>>,
) -> Result<Fitted, Problems> {
    let index = || {
        Objects::of(
            resources, &config.pod_specs, &config.claims, function_config,
        )
    };
    let decide = |objects: &Objects<'_>| {
        let selection = Selection::of(config, objects)?;
        let (edits, verdict) = checks::decide(config, &selection)?;
        Ok(Fitted::of(config, &selection, edits, verdict))
    };
    let objects = index();
    let fitted = decide(&objects);
    match objects.is_unsettled() {
        true => decide(&index().with_one_thread()),
        false => fitted,
    }
}

/// The problem with a text that is not YAML, or that Kubernetes does not read.
pub fn not_yaml(error: &yaml::SyntaxError, text: Option<(&str, &str)>) -> Problem {
    let (id, message) = match error.fault {
        Fault::Syntax => ("FIT-INP001", format!("not YAML: {}", error.message)),
        Fault::DuplicateKey => ("FIT-INP004", error.message.clone()),
        Fault::Disputed => ("FIT-INP005", error.message.clone()),
        Fault::Expansion => ("FIT-INP006", error.message.clone()),
    };
    let problem = Problem::new(id, message);
    match text {
        Some((file, text)) => {
            let problem = problem.at(Place::of_syntax_error(error, text, Some(file)));
            match is_template(text, error.offset) {
                true => problem.help(UNRENDERED),
                false => problem,
            }
        }
        None => problem.field(format!("stdin:{}", error.position)),
    }
}

/// The help for a text with actions of Go templates.
pub const UNRENDERED: &str =
    "this is an unrendered Helm template; render it with `helm template`, and pass its output";

/// Whether a syntax error comes from a Go template: its line has an action (`{{`), or a line before begins with one.
fn is_template(text: &str, offset: usize) -> bool {
    let offset = text.floor_char_boundary(offset);
    let end = text[offset..]
        .find('\n')
        .map_or(text.len(), |line| offset + line);
    let mut lines = text[..end].lines().rev();
    let has_action = |line: &str| line.contains("{{");
    lines.next().is_some_and(has_action) || lines.any(|line| line.trim_start().starts_with("{{"))
}

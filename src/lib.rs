//! fitout fits a base out for one environment: resource requests and limits, security contexts,
//! Prometheus annotations and storage classes, in every workload, with the reason of each change.
//!
//! # The layers
//!
//! Imports only run down this table: a module uses those above its own row and no other. Files in one of the folders
//! `transformers`, `checks` and `report` do not know one another. A test reads the table and holds every `use` to it.
//!
//! | | module | what it does |
//! |---|---|---|
//! | 1 | [`yaml`] | lossless YAML: text to nodes, edits to text |
//! | 2 | [`kubernetes`] | quantities, selectors, versions, patterns: what Kubernetes defines |
//! | 3 | [`problem`] | what stops a run, with its place and the way out |
//! | 4 | [`rules`] | what can be found: ids, severities, meanings |
//! | 5 | [`read`] | bytes become documents and [`read::Resource`]s; which host is calling |
//! | 6 | [`catalogue`] | what is known of images |
//! | 7 | [`objects`] | pod templates, containers and claims of objects, and what objects say of one another |
//! | 8 | [`finding`] | what can be said of an object, and by whose decision |
//! | 9 | [`config`] | the functionConfig becomes a typed [`config::Config`]; anything unknown is refused in place |
//! | 10 | [`select`] | config × objects: who is fitted, and who is passed over |
//! | 11 | [`edit`] | [`edit::Edits`]: what changes, and why |
//! | 12 | [`ledger`] | what became of every object, container and claim |
//! | 13 | [`facts`] | pods as they are, and as edits will make them |
//! | 14 | [`funnel`] | severity, exemptions and duplicates of findings, applied once |
//! | 15 | [`pod_security`] | the Pod Security Standards, as upstream evaluates them |
//! | 16 | [`transformers`] | ask for the desired state |
//! | 17 | [`checks`] | find what is wrong |
//! | 18 | [`report`] | changes, findings and the ledger as text, JSON and KRM results |
//! | 19 | [`mod@write`] | edits are spliced into the text; every other byte is copied |
//!
//! [`fit`] is the way through them.
//!
//! # Invariants
//!
//! Each is kept by a test.
//!
//! 1. [`yaml`] names no other module, and `kustomize-krm-types` nothing of fitout.
//! 2. Transformers and checks get no mutable document: all change goes through [`edit::Edits`].
//! 3. Without edits the bytes that go out are the bytes that came in. With edits, every byte outside
//!    the spliced spans is the same. (The two `id` annotations of a host are the exception; see
//!    [`read::ResourceList::bookkeeping_to_drop`].)
//! 4. Only `main.rs` and `cli/` print, read files or the environment, or exit. The library is pure:
//!    no clock, no randomness, no network.
//! 5. Running twice is running once, and the order of the items does not matter.
//! 6. Every edit of a golden case is in its results, and the diff holds nothing else.
//! 7. The rows of the transformers' table, their files and their folders of cases are the same set.
//! 8. No input makes it panic, overflow the stack or take more than linear time.
//! 9. A Secret's values never appear in a report.

pub mod catalogue;
pub mod checks;
pub mod config;
pub mod edit;
pub mod facts;
pub mod finding;
pub mod funnel;
pub mod kubernetes;
pub mod ledger;
pub mod objects;
pub mod pod_security;
pub mod problem;
pub mod read;
pub mod report;
pub mod rules;
pub mod select;
pub mod transformers;
pub mod write;
pub mod yaml;

use crate::config::{Config, FunctionConfig};
use crate::funnel::Funnel;
use crate::objects::Objects;
use crate::problem::{Place, Problem, Problems};
use crate::read::{Host, Resource, ResourceList};
use crate::report::{Detail, Fitted, Report};
use crate::select::Selection;
use crate::transformers::Transformers;
use crate::yaml::{Node, Stream};

/// The image of this version: the one place in the code that names it.
pub const IMAGE: &str = "ghcr.io/fitout/fitout:v0.1.0";

/// The sections and rules that a config may name.
pub const VOCABULARY: &config::Vocabulary = &config::Vocabulary {
    sections: transformers::SECTIONS,
    names: transformers::NAMES,
    rules: &[
        &[rules::RULES, finding::RULES, edit::RULES, funnel::RULES],
        transformers::RULES,
        checks::RULES,
    ],
};

/// What a run of the function comes to.
#[derive(Debug)]
pub struct Outcome {
    /// The whole output; `None` when something is an error, for then nothing may be written.
    pub output: Option<String>,
    /// The host may go on.
    pub passed: bool,
    /// What was changed and found; `None` when the input could not be understood.
    pub report: Option<Report>,
    /// Why nothing was written, when it is not a finding of the report.
    pub problems: Vec<Problem>,
    /// Who called.
    pub host: Host,
}

/// Where results are to go, as far as that is the function's business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Results {
    /// Into the output, except for kustomize, which throws them away.
    #[default]
    ByHost,
    /// Into the output.
    Always,
    /// Nowhere.
    Never,
}

/// Runs the KRM function on the bytes of a ResourceList.
///
/// Pure: the outcome depends on the arguments alone. On any error there is no output at all, because
/// a host would take a part of it, or nothing, for the whole.
/// `today` is the day by which exemptions end, where the caller knows it better than the config.
pub fn run(bytes: Vec<u8>, results: Results, today: Option<kubernetes::Date>) -> Outcome {
    run_built(bytes, results, today, &config::Sources::default())
}

/// The same, where the files are known that kustomize has built the functionConfig from: reasons and problems then name
/// their lines.
pub fn run_built(
    bytes: Vec<u8>,
    results: Results,
    today: Option<kubernetes::Date>,
    sources: &config::Sources,
) -> Outcome {
    let mut host = Host::Unknown;
    try_run(bytes, results, today, sources, &mut host).unwrap_or_else(|Problems(problems)| {
        Outcome {
            output: None,
            passed: false,
            report: None,
            problems,
            host,
        }
    })
}

/// The same; `host` is known as soon as the list is read, whatever is wrong with it.
fn try_run(
    bytes: Vec<u8>,
    results: Results,
    today: Option<kubernetes::Date>,
    sources: &config::Sources,
    host: &mut Host,
) -> Result<Outcome, Problems> {
    let stream = Stream::from_bytes(bytes).map_err(|error| not_yaml(&error, None))?;
    let list = ResourceList::read(&stream)?;
    *host = list.host;
    let Some(node) = list.function_config else {
        return Err(
            Problem::new("FIT-CFG001", "the ResourceList has no functionConfig")
                .help(format!(
                    "give the function a {} of {}: see fn-config/ in the repository",
                    config::KIND,
                    config::API_VERSION
                ))
                .into(),
        );
    };
    let function_config = FunctionConfig::of_build(node, sources)?;
    let mut config = function_config.decode(VOCABULARY)?;
    config.today = today.or(config.today);
    let mut fitted = fit(&config, &list.resources, Some(node))?;
    let wants_results = match results {
        Results::ByHost => list.host != Host::Kustomize,
        Results::Always => true,
        Results::Never => false,
    };
    let detail = match config.report_changes {
        _ if !wants_results => Detail::Totals,
        config::ChangesReport::Full => Detail::EachChange,
        config::ChangesReport::Summary => Detail::Counts,
        config::ChangesReport::None => Detail::Totals,
    };
    let report = Report::of(&mut fitted, &list.resources, &config, detail);
    let krm_results = match wants_results {
        true => report.krm_results(config.report_changes),
        false => Vec::new(),
    };
    let passed = match config.judges {
        true => report.passes(config.checks.fail_on),
        false => !report.has_errors(),
    };
    let output = match (config.judges, list.host) {
        (true, Host::Kustomize) => passed.then(write::passed_validation),
        // Nothing is changed, so nothing can be half done, and kpt reads the results of a failure as well.
        (true, _) => Some(write::resource_list(&list, &[], &krm_results)?),
        (false, _) if passed => Some(write::resource_list(&list, &fitted.changes, &krm_results)?),
        (false, _) => None,
    };
    Ok(Outcome {
        output,
        passed,
        report: Some(report),
        problems: Vec::new(),
        host: list.host,
    })
}

/// Fits objects: what changes, and what is found.
///
/// `function_config` is known again among the objects, where a host lists it there.
///
/// # Errors
/// Every object that does not have the shape of its kind, or has a value that cannot be read where it must be.
pub fn fit(
    config: &Config<'_>,
    resources: &[Resource<'_>],
    function_config: Option<Node<'_>>,
) -> Result<Fitted, Problems> {
    let objects = Objects::of(
        resources,
        &config.pod_specs,
        &config.claims,
        function_config,
    );
    let selection = Selection::of(config, &objects)?;
    let mut funnel = Funnel::new(config);
    let transformers = Transformers::new(config);
    let edits = transformers.run(config, &selection, &mut funnel)?;
    checks::run(
        config,
        &selection,
        &transformers,
        &edits.changes,
        &mut funnel,
    );
    Ok(Fitted::of(
        config,
        &selection,
        edits,
        funnel.finish(&selection),
    ))
}

/// The problem that a text is not YAML.
pub fn not_yaml(error: &yaml::SyntaxError, text: Option<(&str, &str)>) -> Problem {
    let problem = Problem::new("FIT-INP001", format!("not YAML: {}", error.message));
    match text {
        Some((file, text)) => problem.at(Place::of_syntax_error(error, text, Some(file))),
        None => problem.field(format!("stdin:{}", error.position)),
    }
}

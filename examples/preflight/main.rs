//! What `kubectl apply` would tell too late or half-way, asked of the cluster before anything is applied.
//!
//! ```text
//! fitout apply -k overlays/production/caracal | cargo run --release --example preflight -- -
//! ```
//!
//! Whoever applies first and looks later finds claims that wait for a storage class for ever, Deployments without pods
//! because their namespace refuses them, and half of a release because the other half was immutable.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod checks;
mod cluster;
mod render;

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use cluster::Cluster;
use render::Render;

/// The cluster takes the render.
const FINE: u8 = 0;
/// The cluster would not take it, or would not run it.
const FOUND: u8 = 1;
/// The cluster or the render could not be read.
const UNREADABLE: u8 = 2;

/// Ask the cluster of the current kubectl context what it lacks for a render and would refuse of it; nothing is applied
///
/// Looked for are kinds that the cluster does not know, storage classes that it lacks, pods that their namespace would
/// refuse, and changes to objects that are there already which the API server would refuse. A warning, which does not count as
/// found, is a class for shared claims that is not known to provide ReadWriteMany.
///
/// For the pods a namespace of the name `fitout-preflight-…` is made with the Pod Security labels that the pods' own
/// would have, and each pod is posted there with a server-side dry run. It is removed in every case. Exits with 0 when
/// nothing was found, 1 when something was, 2 when the cluster or the render could not be read.
#[derive(Parser)]
#[command(name = "preflight")]
struct Arguments {
    /// The manifests, as they would be applied, or - for standard input
    #[arg(value_name = "RENDER", required_unless_present = "remove_when_alone")]
    render: Option<PathBuf>,

    /// The kubectl context, if not the current one
    #[arg(long)]
    context: Option<String>,

    /// The namespace of the objects that name none, if not the context's
    #[arg(short, long)]
    namespace: Option<String>,

    /// Waits until standard input ends, and removes this namespace: how it is removed in every case
    #[arg(long, hide = true)]
    remove_when_alone: Option<String>,
}

/// One reason why the render would not run.
struct Finding {
    /// `StatefulSet caracal/caracal-postgres`.
    object: String,
    /// `spec.volumeClaimTemplates[0].spec.storageClassName`.
    field: String,
    /// What is wrong with it.
    what: String,
    /// Whether the cluster may well take it.
    is_warning: bool,
    /// What a person can do about it.
    remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what.replace('\n', "\n  ");
        let warning = if self.is_warning { "warning: " } else { "" };
        writeln!(f, "{warning}{}: {}", self.object, self.field)?;
        writeln!(f, "  {what}")?;
        writeln!(f, "  to do: {}", self.remedy)
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(UNREADABLE)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let cluster = Cluster::new(arguments.context.clone());
    if let Some(namespace) = &arguments.remove_when_alone {
        return cluster.remove_when_alone(namespace).map(|()| FINE);
    }
    let Some(path) = &arguments.render else {
        return Ok(UNREADABLE);
    };
    cluster.reach()?;
    let namespace = match &arguments.namespace {
        Some(namespace) => namespace.clone(),
        None => cluster.default_namespace()?,
    };
    let mut render = Render::of(&read(path)?)?;
    let mut findings = checks::kinds(&cluster, &mut render, &namespace)?;
    findings.extend(checks::storage_classes(&cluster, &render)?);
    findings.extend(checks::pods(&cluster, &render)?);
    findings.extend(checks::changes(&cluster, &render)?);

    for finding in &findings {
        println!("{finding}");
    }
    let objects = render.objects.len();
    let warnings = findings.iter().filter(|it| it.is_warning).count();
    let warned = match warnings {
        0 => String::new(),
        1 => ", 1 warning".into(),
        many => format!(", {many} warnings"),
    };
    if findings.len() == warnings {
        eprintln!("preflight: {objects} objects, nothing found{warned}");
        return Ok(FINE);
    }
    let found = findings.len() - warnings;
    eprintln!("preflight: {objects} objects, {found} found{warned}");
    Ok(FOUND)
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

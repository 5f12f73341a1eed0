//! `fitout preflight`: asks a cluster, through kubectl, what it lacks for a render or would reject of it, before anything
//! is applied.
//!
//! Without it, claims stay Pending for a storage class that does not exist, Deployments get no pods because their
//! namespace rejects them, and an apply stops half-way at an immutable field.

mod checks;
mod cluster;
mod render;

use std::fmt;
use std::path::PathBuf;

use clap::Args;

use super::inputs::{Manifest, Manifests, failure};
use super::output::Output;
use super::{
    Color, FINDINGS, Failure, SUCCESS, Source, UNREADABLE, Verbosity, WRONG_USE, kustomize,
};
use cluster::Cluster;
use render::Render;

/// Ask the cluster, through kubectl, what it lacks for manifests or would reject; applies nothing
///
/// Reports kinds that the cluster does not serve, storage classes that it does not have, pods that their namespace would
/// reject, and changes to existing objects that the API server would reject. It warns, without failing, of a storage class
/// for shared claims that is not known to provide ReadWriteMany. It does not count quotas, and does not validate new
/// objects: `kubectl apply --dry-run=server` does that where the namespace exists.
///
/// To try the pods, preflight creates a namespace named fitout-preflight-… with the Pod Security labels that their own
/// namespace will have, posts each pod there as a server-side dry run, and deletes the namespace again, also when it is
/// interrupted. The kubectl on PATH needs the right to create and delete namespaces.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fitout preflight -k overlays/production/caracal\n  \
                  fitout apply -k overlays/production/caracal | fitout preflight -f -\n  \
                  fitout preflight -f rendered.yaml --context staging --namespace circle-core\n\n\
                  Exit codes: 0 nothing found, 1 findings, 2 wrong use (kubectl is missing, for example),\n\
                  3 the manifests or the cluster cannot be read."
)]
pub(super) struct Preflight {
    /// Files or directories of manifests as they would be applied, or - for a stream on standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1..,
          required_unless_present_any = ["kustomization", "remove_when_alone"])]
    filenames: Vec<PathBuf>,
    /// An overlay, as `fitout apply -k` builds it
    #[arg(
        short = 'k',
        long = "kustomize",
        value_name = "DIR",
        conflicts_with = "filenames"
    )]
    kustomization: Option<PathBuf>,
    /// The kubectl context, if not the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The namespace of objects that name none, if not the context's
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// Waits until standard input ends, then deletes this namespace: so it goes however preflight ends.
    #[arg(long, hide = true, value_name = "NAME")]
    remove_when_alone: Option<String>,
}

/// One reason why the manifests would not run.
struct Finding {
    /// `StatefulSet caracal/caracal-postgres`.
    object: String,
    /// `spec.volumeClaimTemplates[0].spec.storageClassName`.
    field: String,
    /// What is wrong with it.
    what: String,
    /// Whether the cluster may accept and run it all the same.
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
        writeln!(f, "  = help: {}", self.remedy)
    }
}

impl Preflight {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let cluster = Cluster::new(self.context.clone())?;
        if let Some(namespace) = &self.remove_when_alone {
            let removed = cluster.remove_when_alone(namespace);
            return removed
                .map(|()| SUCCESS)
                .map_err(unreadable("cannot delete the namespace"));
        }
        let mut render = self.render()?;
        cluster.reach()?;
        let findings = self
            .findings(&cluster, &mut render)
            .map_err(unreadable("cannot ask the cluster"))?;
        for finding in &findings {
            Output::stdout(&format!("{finding}\n"));
        }
        let warnings = findings.iter().filter(|it| it.is_warning).count();
        let found = findings.len() - warnings;
        Output::stderr(&format!(
            "Preflight  {}: {}, {}",
            counted(render.objects.len(), "object"),
            counted(found, "finding"),
            counted(warnings, "warning")
        ));
        Ok(if found == 0 { SUCCESS } else { FINDINGS })
    }

    fn findings(&self, cluster: &Cluster, render: &mut Render) -> anyhow::Result<Vec<Finding>> {
        let namespace = match &self.namespace {
            Some(namespace) => namespace.clone(),
            None => cluster.default_namespace()?,
        };
        let mut findings = checks::kinds(cluster, render, &namespace)?;
        findings.extend(checks::storage_classes(cluster, render)?);
        findings.extend(checks::pods(cluster, render)?);
        findings.extend(checks::changes(cluster, render)?);
        Ok(findings)
    }

    /// The manifests, read before the cluster is asked: a wrong path needs no cluster to be noticed.
    fn render(&self) -> Result<Render, Failure> {
        let verbosity = Verbosity {
            fail_on: None,
            color: Color::Auto,
            quiet: false,
            verbose: false,
        };
        let unreadable = |problems| failure(&problems, &verbosity, UNREADABLE);
        let manifests = match &self.kustomization {
            Some(directory) => {
                let build = kustomize::Build::run(directory, false, WRONG_USE)?;
                let stream = fitout::yaml::Stream::parse(build.output)
                    .map_err(|error| unreadable(fitout::not_yaml(&error, None).into()))?;
                Manifests {
                    texts: vec![Manifest {
                        name: directory.display().to_string(),
                        file: None,
                        stream,
                    }],
                    files: Vec::new(),
                }
            }
            None => {
                let source = Source {
                    filenames: self.filenames.clone(),
                    kustomization: None,
                    environment: None,
                    config: None,
                };
                Manifests::read(&source, &verbosity)?
            }
        };
        let resources = manifests.resources().map_err(unreadable)?;
        Render::of(&resources).map_err(Failure::of(
            UNREADABLE,
            "error: cannot read the manifests".to_owned(),
        ))
    }
}

/// `1 object`, `2 objects`.
fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn unreadable(tried: &str) -> impl FnOnce(anyhow::Error) -> Failure {
    Failure::of(UNREADABLE, format!("error: {tried}"))
}

//! `fitout preflight`: asks a cluster, through kubectl, what it would reject and what it lacks, before anything is applied.
//!
//! It finds what otherwise shows after an apply: claims that stay Pending because their storage class does not exist,
//! Deployments without pods because their namespace rejects them, and an apply that stops at an immutable field.

mod changes;
mod cluster;
mod kinds;
mod pods;
mod render;
mod storage;

use std::path::PathBuf;

use clap::Args;
use fitout::text::{Text, counted};

use super::files::{Choice, Reader};
use super::inputs::{Manifests, failure};
use super::output::Output;
use super::{Color, FINDINGS, Failure, SUCCESS, UNREADABLE, Verbosity, WRONG_USE, kustomize};
use cluster::Cluster;
use render::Render;

/// Ask the cluster, through kubectl, what it would reject and what it lacks; applies nothing
///
/// Reports kinds that the cluster does not serve, missing storage classes, pods that their namespace would reject, and
/// changes to existing objects that the API server would reject. Warns about a shared claim whose storage class is not known
/// to provide ReadWriteMany. Preflight does not check quotas, and does not validate new objects: use
/// `kubectl apply --dry-run=server` for that, once the namespace exists.
///
/// To check the pods, preflight creates a temporary namespace fitout-preflight-… with the Pod Security labels of their own
/// namespace, creates each pod there as a server-side dry run, and deletes the namespace, even if it is interrupted. kubectl
/// needs permission to create and delete namespaces.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  fitout preflight -k overlays/production/caracal\n  \
                  fitout apply -k overlays/production/caracal | fitout preflight -f -\n  \
                  fitout preflight -f rendered.yaml --context staging --namespace circle-core\n\n\
                  Exit codes: 0 no findings, 1 findings, 2 wrong usage (for example, kubectl is missing),\n\
                  3 unreadable manifests or cluster."
)]
pub(super) struct Preflight {
    /// Files or directories of manifests to apply, or - for standard input
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1..,
          required_unless_present_any = ["kustomization", "remove_when_alone"])]
    filenames: Vec<PathBuf>,
    #[command(flatten)]
    overlay: kustomize::Overlay,
    /// The kubectl context; by default the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The namespace of objects without one; by default that of the context
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// Waits until standard input ends, then deletes this namespace.
    #[arg(long, hide = true, value_name = "NAME")]
    remove_when_alone: Option<String>,
}

/// A reason why the manifests would not run.
struct Finding {
    /// `StatefulSet caracal/caracal-postgres`.
    object: String,
    /// `spec.volumeClaimTemplates[0].spec.storageClassName`.
    field: String,
    /// What is wrong.
    what: String,
    /// Whether the cluster may accept and run it anyway.
    is_warning: bool,
    /// How to fix it.
    remedy: String,
}

impl Finding {
    fn text(&self) -> Text {
        let warning = if self.is_warning { "warning: " } else { "" };
        let mut text = Text::of(format_args!("{warning}{}: {}", self.object, self.field));
        // Messages of the API server can have several lines.
        for line in self.what.lines() {
            text.line(format_args!("  {line}"));
        }
        text.line(format_args!("  = help: {}", self.remedy));
        text.end();
        text
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
            .map_err(unreadable("cannot query the cluster"))?;
        for finding in &findings {
            Output::report(&finding.text())?;
        }
        let warnings = findings.iter().filter(|it| it.is_warning).count();
        let found = findings.len() - warnings;
        Output::notice(format_args!(
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
        let mut findings = kinds::find(cluster, render, &namespace)?;
        findings.extend(storage::find(cluster, render)?);
        findings.extend(pods::find(cluster, render)?);
        findings.extend(changes::find(cluster, render)?);
        Ok(findings)
    }

    /// The manifests, which are read first, because a wrong path can be reported without a cluster.
    fn render(&self) -> Result<Render, Failure> {
        let verbosity = Verbosity::with_color(Color::Auto);
        let manifests = match &self.overlay.kustomization {
            Some(directory) => {
                let build =
                    kustomize::Build::run(&self.overlay, directory, None, false, WRONG_USE)?;
                Manifests::of_build(directory.display().to_string(), build.output, &verbosity)?
            }
            None => {
                let choice = Choice {
                    reader: Reader::Checker {
                        respects_gitignore: false,
                    },
                    ..Choice::default()
                };
                Manifests::read(&self.filenames, choice, &verbosity)?
            }
        };
        let unreadable = |problems| failure(&problems, &verbosity, UNREADABLE);
        let resources = manifests.resources().map_err(unreadable)?;
        Render::of(&resources).map_err(Failure::of(
            UNREADABLE,
            "error: cannot read the manifests".to_owned(),
        ))
    }
}

fn unreadable(tried: &str) -> impl FnOnce(anyhow::Error) -> Failure {
    Failure::of(UNREADABLE, format!("error: {tried}"))
}

//! The ways in which people run fitout in other programs.

use super::canary::Form;
use super::trials::Outcome;

/// A way to run fitout, as people type it. In it, OVERLAY, PACKAGE, CONFIG and CHART are those of the canary.
pub(super) struct Way {
    pub(super) line: &'static str,
    pub(super) form: Option<Form>,
    pub(super) expected: Outcome,
    /// What to do instead, or besides.
    pub(super) advice: &'static str,
}

const fn way(
    line: &'static str,
    form: Option<Form>,
    expected: Outcome,
    advice: &'static str,
) -> Way {
    Way {
        line,
        form,
        expected,
        advice,
    }
}

pub(super) const CONTAINER: Option<Form> = Some(Form::Container);
const EXEC: Option<Form> = Some(Form::Exec);

const KUSTOMIZE: &[Way] = &[
    way(
        "fitout apply -k OVERLAY",
        CONTAINER,
        Outcome::Works,
        "needs no Docker",
    ),
    way(
        "kustomize build --enable-alpha-plugins OVERLAY",
        CONTAINER,
        Outcome::Works,
        "",
    ),
    way(
        "kustomize build --enable-alpha-plugins --enable-exec OVERLAY",
        EXEC,
        Outcome::Works,
        "",
    ),
    way(
        "kustomize build --enable-alpha-plugins OVERLAY",
        EXEC,
        Outcome::SkipsSilently,
        "add --enable-exec",
    ),
    way(
        "kustomize build OVERLAY",
        CONTAINER,
        Outcome::Fails,
        "add --enable-alpha-plugins",
    ),
];

const KUBECTL: &[Way] = &[
    way(
        "kubectl kustomize --enable-alpha-plugins OVERLAY",
        CONTAINER,
        Outcome::Works,
        "",
    ),
    way(
        "kubectl kustomize --enable-alpha-plugins OVERLAY",
        EXEC,
        Outcome::SkipsSilently,
        "kubectl has no --enable-exec: use the form `container`",
    ),
    way(
        "kubectl kustomize OVERLAY",
        CONTAINER,
        Outcome::Fails,
        "add --enable-alpha-plugins; `kubectl apply -k` has no such flag: apply the output with `kubectl apply -f -`",
    ),
];

const KPT: &[Way] = &[
    way("kpt fn render PACKAGE", CONTAINER, Outcome::Works, ""),
    way(
        "kpt fn render PACKAGE --allow-exec",
        EXEC,
        Outcome::Works,
        "",
    ),
    way(
        "kpt fn render PACKAGE",
        EXEC,
        Outcome::Fails,
        "add --allow-exec",
    ),
    way(
        "kpt fn eval PACKAGE --exec fitout --fn-config CONFIG",
        None,
        Outcome::Works,
        "",
    ),
];

const WITHOUT_POST_RENDERER: Way = way(
    "helm template RELEASE CHART",
    None,
    Outcome::SkipsSilently,
    "pass --post-renderer to `helm template`, `helm install` and `helm upgrade`, each time",
);

const HELM_4: &[Way] = &[
    way(
        "helm template RELEASE CHART --post-renderer fitout --post-renderer-args=-cCONFIG",
        None,
        Outcome::Works,
        "",
    ),
    WITHOUT_POST_RENDERER,
];

pub(super) const HELM_3: &[Way] = &[
    way(
        "helm template RELEASE CHART --post-renderer fitout --post-renderer-args helm-plugin --post-renderer-args run --post-renderer-args=-cCONFIG",
        None,
        Outcome::Works,
        "",
    ),
    WITHOUT_POST_RENDERER,
];

const DOCKER: &[Way] = &[way(
    "docker run --rm -i --network none IMAGE",
    None,
    Outcome::Works,
    "",
)];

/// The programs, how each says its version, and the ways.
pub(super) const TOOLS: [(&str, &[&str], &[Way]); 5] = [
    ("kustomize", &["version"], KUSTOMIZE),
    ("kubectl", &["version", "--client"], KUBECTL),
    ("kpt", &["version"], KPT),
    ("helm", &["version", "--template", "{{.Version}}"], HELM_4),
    (
        "docker",
        &["version", "--format", "{{.Client.Version}}"],
        DOCKER,
    ),
];

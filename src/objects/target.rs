//! Objects with their pod templates, containers and claims, in known kinds and in kinds that a config declares.
//!
//! Sources: `PodTemplateSpec` users in k8s.io/api (core/v1, apps/v1, batch/v1), and
//! `ValidatePodTemplateSpec` in kubernetes `pkg/apis/core/validation/validation.go`, which forbids
//! ephemeral containers in templates.

use std::borrow::Cow;

use kustomize_krm_types::annotations;

use super::claims::{Claim, ClaimSpecs, claims_of};
use super::container::Container;
use super::index::SkipReason;
use super::places::PodSpecs;
use super::template::Template;
use super::undeclared::{Gap, Undeclared};
use crate::problem::Problem;
use crate::read::Resource;
use crate::yaml::Node;

/// Kinds of packages and configs, which never run in a cluster.
const NEVER_TOUCHED: [(&str, &str); 5] = [
    ("kustomize.config.k8s.io", "Kustomization"),
    ("kustomize.config.k8s.io", "Component"),
    ("kpt.dev", "Kptfile"),
    ("config.kubernetes.io", "ResourceList"),
    ("fitout.dev", "Fitout"),
];

/// An object with all its parts that transformers may change.
#[derive(Debug)]
pub struct Target<'a> {
    /// The object.
    pub resource: &'a Resource<'a>,
    /// Its pod templates.
    pub templates: Vec<Template<'a>>,
    /// Its claims: itself, its claim templates, and the ephemeral volumes of its pods.
    pub claims: Vec<Claim<'a>>,
    /// What it holds besides, which is never changed.
    pub undeclared: Option<Box<Undeclared<'a>>>,
}

/// An annotation of the object, or else of a template.
pub fn annotation<'t>(
    resource: &'t Resource<'_>,
    templates: &'t [Template<'_>],
    name: &str,
) -> Option<Cow<'t, str>> {
    let on_template = || templates.iter().find_map(|it| it.annotation(name)?.text());
    resource.annotation(name).or_else(on_template)
}

impl<'a> Target<'a> {
    /// An annotation of the object, or else of one of its templates.
    pub fn annotation(&self, name: &str) -> Option<Cow<'_, str>> {
        annotation(self.resource, &self.templates, name)
    }

    /// Finds the pod templates and claims of an object.
    ///
    /// # Errors
    /// `FIT-INP003` when a list of containers, volumes or claims is not a list of mappings.
    pub fn of(
        resource: &'a Resource<'a>,
        pod_specs: &[PodSpecs],
        claims: &[ClaimSpecs],
    ) -> Result<Target<'a>, Problem> {
        let (templates, empty) = Template::all(resource, pod_specs)?;
        let claims = claims_of(resource, &templates, claims)?;
        let undeclared = Undeclared::of(resource, &templates, &claims, empty, pod_specs);
        Ok(Target {
            resource,
            templates,
            claims,
            undeclared,
        })
    }

    /// The pods that only checks look at.
    pub fn only_checked(&self) -> &[Template<'a>] {
        let undeclared = self.undeclared.as_ref();
        undeclared.map_or(&[], |it| it.templates.as_slice())
    }

    /// The containers of pods in kinds that fitout does not know.
    pub fn undeclared_containers(&self) -> impl Iterator<Item = &Container<'a>> {
        let pods = self
            .only_checked()
            .iter()
            .filter(|it| !it.has_more_containers);
        pods.flat_map(|template| &template.containers)
    }

    /// Whether some of its pods or containers are those of a kind that fitout does not know.
    pub fn holds_undeclared_pods(&self) -> bool {
        self.undeclared_containers().next().is_some()
    }

    /// What checks cannot look at.
    pub fn gap(&self) -> Option<&Gap> {
        self.undeclared.as_ref()?.gap.as_ref()
    }

    /// The containers of all its pods.
    pub fn containers(&self) -> impl Iterator<Item = &Container<'a>> {
        let templates = self.templates.iter();
        templates.flat_map(|template| template.containers.iter().chain(&template.made))
    }

    /// Why an object is never changed; `None` if it may be.
    pub fn passed_over(
        resource: &Resource<'_>,
        function_config: Option<Node<'_>>,
    ) -> Option<SkipReason> {
        let group = resource.group();
        let is_package = NEVER_TOUCHED
            .iter()
            .any(|(g, k)| group == *g && resource.kind == *k);
        let is_local = resource
            .annotation(annotations::LOCAL_CONFIG)
            .is_some_and(|value| value != "false");
        let is_config = function_config.is_some_and(|config| is_same_object(config, resource));
        match () {
            () if is_package => Some(SkipReason::Package),
            () if is_config => Some(SkipReason::FunctionConfig),
            () if is_local => Some(SkipReason::LocalConfig),
            () if is_owned(resource) => Some(SkipReason::Owned),
            () => None,
        }
    }
}

/// Whether an item is the functionConfig itself: kpt and generators list it in the items too.
fn is_same_object(config: Node<'_>, resource: &Resource<'_>) -> bool {
    let has = |keys: &[&str], text: &str| {
        let own = config.text_at(keys.iter().copied());
        own.unwrap_or_default() == text
    };
    has(&["apiVersion"], &resource.api_version)
        && has(&["kind"], &resource.kind)
        && has(&["metadata", "name"], &resource.name)
        && has(
            &["metadata", "namespace"],
            resource.namespace.as_deref().unwrap_or_default(),
        )
}

fn is_owned(resource: &Resource<'_>) -> bool {
    let mut owners = resource.node.items_at(["metadata", "ownerReferences"]);
    owners.any(|owner| owner.bool_at(["controller"]) == Some(true))
}

//! Selectors of objects and containers.
//!
//! All fields of a selector must match. Patterns are regular expressions that must match the whole
//! text, as in kustomize (`api/types/selector.go`), so `A|B` matches either.

use serde::Deserialize;

use crate::kubernetes::{Glob, LabelSelector, LabelSelectorError, Pattern};
use crate::objects::{Container, ContainerType, Target, Template};
use crate::read::Resource;
use crate::yaml::Node;

/// `select` and `exclude` in the config.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    /// API group; the core group is the empty string.
    pub group: Option<Pattern>,
    /// API version without the group.
    pub version: Option<Pattern>,
    /// Kind.
    pub kind: Option<Pattern>,
    /// Name. In `select` it matches also the name before kustomize's prefix; in `exclude`, `not` and `exemptions` only the
    /// current name, because an author can write the others.
    pub name: Option<Pattern>,
    /// Namespace.
    pub namespace: Option<Pattern>,
    /// Labels of the object, in the syntax of `kubectl -l`.
    pub label_selector: Option<Labels>,
    /// Annotations of the object, in the same syntax.
    pub annotation_selector: Option<Labels>,
    /// Labels of the object's pod template.
    pub pod_label_selector: Option<Labels>,
    /// Whether its pods mount persistent volume claims.
    pub has_volume_claims: Option<bool>,
    /// A selector that must not match.
    #[cfg_attr(test, schemars(with = "Option<Box<Selector>>"))]
    pub not: Option<Not>,
    /// The containers. If absent, all containers and the fields of the object itself.
    pub containers: Option<ContainerSelector>,
}

/// The containers of a selected object.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerSelector {
    /// Names, with `*` and `?`. If set, at least one must match.
    pub names: Vec<Glob>,
    /// Full image references, with `*` and `?`. If set, at least one must match.
    pub images: Vec<Glob>,
    /// Types. If set, at least one must match.
    pub types: Vec<ContainerType>,
}

impl ContainerSelector {
    /// The first field of a container that does not match.
    fn mismatch(&self, container: &Container<'_>) -> Option<&'static str> {
        let any = |globs: &[Glob], text: &str| {
            globs.is_empty() || globs.iter().any(|glob| glob.matches(text))
        };
        let types = &self.types;
        match () {
            () if !any(&self.names, &container.name) => Some("name"),
            () if !any(&self.images, &container.image()) => Some("image"),
            () if !types.is_empty() && !types.contains(&container.container_type) => Some("type"),
            () => None,
        }
    }
}

/// A negated selector inside a selector.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Selector")]
pub struct Not(Box<Selector>);

impl TryFrom<Selector> for Not {
    type Error = String;

    fn try_from(selector: Selector) -> Result<Not, String> {
        if selector.containers.is_some() {
            return Err("`not` cannot select containers; use `exclude`".to_owned());
        }
        Ok(Not(Box::new(selector)))
    }
}

/// Whether an object matches a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// No match.
    No,
    /// A match, but only by a name that kustomize has replaced.
    ByPreviousName,
    /// A match.
    Yes,
}

/// Why an object does not match a selector that it nearly matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// What the selector and the object have.
    pub reason: String,
    /// What the selector probably means.
    pub suggestion: String,
}

impl Near {
    fn of(field: &str, wanted: &str, found: &str, object: &str) -> Near {
        Near {
            reason: format!("{field} is `{wanted}`, but {object} has `{found}`"),
            suggestion: format!("did you mean `{found}`?"),
        }
    }
}

impl Selector {
    /// Whether the object is selected, regardless of its containers.
    pub fn matches(&self, resource: &Resource<'_>, templates: &[Template<'_>]) -> Match {
        self.found(resource, templates, true)
    }

    /// Whether the object is excluded or exempt, regardless of its containers. A match by a previous name does not count: the
    /// annotation with these names can be written by the object's author.
    pub fn excludes(&self, resource: &Resource<'_>, templates: &[Template<'_>]) -> Match {
        self.found(resource, templates, false)
    }

    fn found(&self, resource: &Resource<'_>, templates: &[Template<'_>], counts: bool) -> Match {
        let misses = self.misses(resource, templates, counts);
        match misses.as_slice() {
            [] => Match::Yes,
            [Miss::Name(name)] if had_name(resource, name) => Match::ByPreviousName,
            _ => Match::No,
        }
    }

    /// Whether a container of a selected object is selected.
    pub fn matches_container(&self, container: &Container<'_>) -> bool {
        let containers = self.containers.as_ref();
        containers.is_none_or(|it| it.mismatch(container).is_none())
    }

    /// The names of the containers, if it selects them by whole names and nothing else.
    pub fn container_names(&self) -> Option<Vec<&str>> {
        let wanted = self.containers.as_ref()?;
        let names = wanted.names.iter().map(Glob::as_str);
        let is_by_name = !wanted.names.is_empty()
            && wanted.images.is_empty()
            && wanted.types.is_empty()
            && !names.clone().any(|name| name.contains(['*', '?']));
        is_by_name.then(|| names.collect())
    }

    /// Why an object is not selected, if only one field does not match and the difference looks like a typo.
    pub fn near_miss(&self, resource: &Resource<'_>, templates: &[Template<'_>]) -> Option<Near> {
        let misses = self.misses(resource, templates, true);
        let [miss] = misses.as_slice() else {
            return None;
        };
        let (field, wanted, found) = match miss {
            Miss::Other => return None,
            Miss::Field(field, pattern, found) => (
                *field,
                similar_option(pattern.as_str(), found)?,
                found.clone(),
            ),
            Miss::Name(pattern) => {
                let found = &resource.name;
                (
                    "name",
                    similar_option(pattern.as_str(), found)?,
                    found.to_string(),
                )
            }
            Miss::Labels(field, labels, maps) => {
                let mut near = maps
                    .iter()
                    .filter_map(|map| labels.0.near_miss(*map, similar));
                let (wanted, found) = near.next()?;
                (*field, wanted, found)
            }
        };
        Some(Near::of(field, &wanted, &found, &resource.display_name()))
    }

    /// What of an object the selector does not match, in words; `None` if it matches.
    pub fn why_not(&self, resource: &Resource<'_>, templates: &[Template<'_>]) -> Option<String> {
        if self.matches(resource, templates) != Match::No {
            return None;
        }
        let misses = self.misses(resource, templates, true);
        let words = misses.iter().map(|miss| match miss {
            Miss::Other => "another field of the selector does not match".to_owned(),
            Miss::Field(field, pattern, found) => {
                format!("{field} is `{found}`, not `{}`", pattern.as_str())
            }
            Miss::Name(pattern) => {
                format!("name is `{}`, not `{}`", resource.name, pattern.as_str())
            }
            Miss::Labels(field, labels, maps) => {
                let unmet = labels.wanted().find_map(|(key, values)| {
                    let found = maps.iter().find_map(|map| map.get(key)?.text());
                    let is_met =
                        |found: &str| values.is_none_or(|it| it.iter().any(|it| it == found));
                    match found {
                        Some(found) if is_met(&found) => None,
                        Some(found) => {
                            let wanted = values.unwrap_or_default().join("` or `");
                            Some(format!("{key} is `{found}`, not `{wanted}`"))
                        }
                        None => Some(format!("it has no {key}")),
                    }
                });
                let unmet = unmet.unwrap_or_else(|| "it has what must not be there".to_owned());
                format!("{field}: {unmet}")
            }
        });
        Some(words.collect::<Vec<_>>().join(", and "))
    }

    /// What of a container the selector does not match, in words; `None` if it matches.
    pub fn why_not_container(&self, container: &Container<'_>) -> Option<String> {
        let wanted = self.containers.as_ref()?;
        let field = wanted.mismatch(container)?;
        fn list(globs: &[Glob]) -> Vec<&str> {
            globs.iter().map(Glob::as_str).collect()
        }
        let (found, wanted) = match field {
            "name" => ((&*container.name).into(), list(&wanted.names)),
            "image" => (container.image(), list(&wanted.images)),
            _ => {
                let types = wanted.types.iter().map(|it| it.as_str());
                (container.container_type.as_str().into(), types.collect())
            }
        };
        let wanted = wanted.join(", ");
        Some(format!(
            "the container's {field} is `{found}`, not `{wanted}`"
        ))
    }

    /// Why a selector of containers includes none of an object that it selects, if the difference looks like a typo.
    pub fn near_container(&self, target: &Target<'_>) -> Option<Near> {
        let wanted = self.containers.as_ref()?;
        let near = |field: &str, globs: &[Glob], found: &str| {
            let wanted = globs
                .iter()
                .take(32)
                .find(|glob| similar(glob.as_str(), found))?;
            let object = target.resource.display_name();
            Some(Near::of(field, wanted.as_str(), found, &object))
        };
        let mut containers = target.containers();
        containers.find_map(|container| {
            near("containers.names", &wanted.names, &container.name)
                .or_else(|| near("containers.images", &wanted.images, &container.image()))
        })
    }

    /// Whether an object that is not selected may have matched before a prefix, a suffix or a hash was added to its name:
    /// whether some part of the name between `-` matches.
    pub fn may_have_matched(&self, resource: &Resource<'_>, templates: &[Template<'_>]) -> bool {
        let misses = self.misses(resource, templates, true);
        let [Miss::Name(pattern)] = misses.as_slice() else {
            return false;
        };
        possible_names(&resource.name).any(|name| pattern.matches(name))
    }

    /// What does not match. `counts` says whether a previous name of the object counts as its name, and so does not where the
    /// selector is negated.
    fn misses<'s>(
        &'s self,
        resource: &'s Resource<'_>,
        templates: &'s [Template<'_>],
        counts: bool,
    ) -> Vec<Miss<'s>> {
        let mut misses = Vec::new();
        let namespace = resource.namespace.as_deref().unwrap_or_default();
        let fields = [
            ("group", &self.group, resource.group()),
            ("version", &self.version, resource.version()),
            ("kind", &self.kind, &*resource.kind),
            ("namespace", &self.namespace, namespace),
        ];
        for (field, pattern, found) in fields {
            if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.matches(found)) {
                misses.push(Miss::Field(field, pattern, found.to_owned()));
            }
        }
        if let Some(name) = self
            .name
            .as_ref()
            .filter(|name| !name.matches(&resource.name))
        {
            misses.push(Miss::Name(name));
        }
        if let Some(labels) = &self.label_selector
            && !labels.0.matches(|key| resource.label(key))
        {
            let map = resource.labels().into_iter().collect();
            misses.push(Miss::Labels("labelSelector", labels, map));
        }
        if let Some(annotations) = &self.annotation_selector
            && !annotations.0.matches(|key| resource.annotation(key))
        {
            let map = resource.annotations().into_iter().collect();
            misses.push(Miss::Labels("annotationSelector", annotations, map));
        }
        let keeps_data = || keeps_data(resource, templates);
        if self
            .has_volume_claims
            .is_some_and(|wanted| wanted != keeps_data())
        {
            misses.push(Miss::Other);
        }
        let is_not = |not: &Not| match not.0.found(resource, templates, !counts) {
            Match::Yes => true,
            Match::ByPreviousName => !counts,
            Match::No => false,
        };
        if self.not.as_ref().is_some_and(is_not) {
            misses.push(Miss::Other);
        }
        if let Some(labels) = &self.pod_label_selector
            && !templates
                .iter()
                .any(|template| labels.0.matches(|key| template.label(key)))
        {
            let maps = templates.iter().filter_map(Template::labels).collect();
            misses.push(Miss::Labels("podLabelSelector", labels, maps));
        }
        misses
    }
}

/// Whether a previous name of an object matches.
fn had_name(resource: &Resource<'_>, pattern: &Pattern) -> bool {
    let previous = resource.distinct_previous_names();
    if previous.is_empty() {
        return false;
    }
    match pattern.starts() {
        // Nothing else can match.
        Some(names) if names.iter().all(|(_, is_whole)| *is_whole) => {
            let mut names = names.iter().map(|(name, _)| *name);
            names.any(|name| previous.contains(name) && pattern.matches(name))
        }
        _ => previous.iter().any(|name| pattern.matches(name)),
    }
}

/// The names that an object may have had before a prefix, a suffix or a hash was added: each part between `-`.
pub(super) fn possible_names(name: &str) -> impl Iterator<Item = &str> {
    let dashes = || name.match_indices('-').map(|(at, _)| at);
    let starts = std::iter::once(0).chain(dashes().map(|at| at + 1));
    starts.flat_map(move |start| {
        let ends = dashes().chain(std::iter::once(name.len()));
        ends.filter_map(move |end| name.get(start..end).filter(|part| !part.is_empty()))
    })
}

/// Whether the pods mount a claim or an ephemeral volume, or have claim templates.
fn keeps_data(resource: &Resource<'_>, templates: &[Template<'_>]) -> bool {
    let sources = ["persistentVolumeClaim", "ephemeral"];
    let mounts = |template: &Template<'_>| {
        let mut volumes = template.volumes();
        volumes.any(|volume| sources.iter().any(|source| volume.get(source).is_some()))
    };
    let mut made = resource.node.items_at(["spec", "volumeClaimTemplates"]);
    templates.iter().any(mounts) || made.next().is_some()
}

/// A field of a selector that an object does not match.
enum Miss<'s> {
    /// A field that has no near misses.
    Other,
    Field(&'static str, &'s Pattern, String),
    Name(&'s Pattern),
    /// A selector of labels or annotations, and the maps that do not match.
    Labels(&'static str, &'s Labels, Vec<Node<'s>>),
}

/// The alternative of a pattern that differs from a text by a typo.
fn similar_option(pattern: &str, found: &str) -> Option<String> {
    let mut options = pattern.split('|').take(32);
    options
        .find(|option| similar(option, found))
        .map(str::to_owned)
}

/// Whether two words differ by a typo: two edits, or one in short words. Words that differ only in digits, such as `web-1` and
/// `web-2`, are probably different on purpose.
fn similar(wanted: &str, found: &str) -> bool {
    let letters = |word: &str| word.replace(|c: char| c.is_ascii_digit(), "");
    if wanted.len().abs_diff(found.len()) > 8 || letters(wanted) == letters(found) {
        return false;
    }
    let edits = strsim::damerau_levenshtein(&wanted.to_lowercase(), &found.to_lowercase());
    let allowed = if found.chars().count() > 3 { 2 } else { 1 };
    wanted != found && found.chars().count() > 1 && edits <= allowed
}

/// A label selector in the syntax of `kubectl -l`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Labels(LabelSelector);

#[cfg(test)]
schema!(Labels, {"type": "string"});

impl Labels {
    /// The keys that matching labels must have, each with its permitted values if they are listed.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (&str, Option<&[String]>)> {
        self.0.wanted()
    }
}

impl TryFrom<String> for Labels {
    type Error = String;

    fn try_from(text: String) -> Result<Labels, String> {
        text.parse()
            .map(Labels)
            .map_err(|error: LabelSelectorError| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_is_similar_and_another_word_is_not() {
        assert!(similar("gateway", "gatewya"));
        assert!(!similar("gateway", "database"));
        assert!(!similar("web-1", "web-2"));
    }
}

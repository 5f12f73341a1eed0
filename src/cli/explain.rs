//! `fitout explain`: why a field of an object has its value, or what a rule means.

mod field;
mod object;

use clap::Args;
use fitout::VOCABULARY;
use fitout::config::{Config, FunctionConfig};
use fitout::explain::{Explanation, explain};
use fitout::finding::Part;
use fitout::problem::suggestion;
use fitout::read::Resource;
use fitout::report::Explained;
use fitout::rules::{Rule, When};
use fitout::text::Text;
use fitout::yaml::Node;

use super::config_text::ConfigText;
use super::files::{Choice, Reader};
use super::inputs::{Manifests, config_of, decoded, failure};
use super::kustomize::Build;
use super::output::Output;
use super::{Color, Failure, Form, SUCCESS, Source, UNREADABLE, Verbosity, WRONG_USE, embedded};

use field::chosen;

/// Explain why the fields of an object have their values, or what a rule means
///
/// With a FIELD it shows the value, the settings that decide it, with their lines, the profiles that do not apply and why, the values
/// in the other environments, and where to change it. Without one it lists the fields that the config sets or could set. A FIELD is
/// a path or a part of one: `spec.template.spec.containers[web].resources.limits.memory`, `web:limits.memory`, `securityContext`.
#[derive(Debug, Args)]
#[command(mut_arg("filenames", |it| it.num_args(1).required_unless_present("subject")))]
pub(super) struct Explain {
    /// An object as in kubectl, such as deployment/web or Deployment.apps/web; or a rule, such as FIT-RES002
    #[arg(value_name = "RESOURCE|RULE")]
    subject: String,
    /// A field of the object
    #[arg(value_name = "FIELD")]
    field: Option<String>,
    /// The namespace of the object
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Format of the explanation
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "text")]
    output: Form,
    /// Also list all profiles that do not apply
    #[arg(short, long)]
    verbose: bool,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

impl Explain {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        if let Some(rule) = self.rule()? {
            return self.explain_rule(rule);
        }
        if let Some(directory) = &self.source.overlay.kustomization {
            return self.explain_in_overlay(directory);
        }
        if self.source.filenames.is_empty() {
            let message = format_args!("error: no manifests given for {}", self.subject);
            return Err(Failure::new(WRONG_USE, message).note(
                "  = help: name the files or the overlay: `fitout explain deployment/web -f base -e production`",
            ));
        }
        let verbosity = &self.verbosity();
        let unreadable = |problems| failure(&problems, verbosity, UNREADABLE);
        let choice = Choice {
            patterns: &self.source.patterns,
            reader: Reader::Editor,
        };
        let configs = self.source.configs(verbosity)?;
        let manifests = Manifests::read(&self.source.filenames, choice, verbosity)?;
        let resources = manifests.resources().map_err(unreadable)?;
        let index = self.find(&resources)?;
        for text in &configs {
            let function_config = text.function_config(verbosity)?;
            let config = config_of(&function_config, verbosity)?;
            let object = (&*resources, None, index);
            let read = || text.function_config(verbosity);
            let elsewhere = self.elsewhere(read, &config.environment, object)?;
            self.print(&config, object, &elsewhere, &text.name)?;
        }
        Ok(SUCCESS)
    }

    fn verbosity(&self) -> Verbosity {
        Verbosity::with_color(self.color)
    }

    /// Explains an object of the build of an overlay, as the function sees it.
    fn explain_in_overlay(&self, directory: &std::path::Path) -> Result<u8, Failure> {
        let verbosity = &self.verbosity();
        for chosen in self.source.chosen(verbosity)? {
            self.explain_build(directory, chosen.as_ref())?;
        }
        Ok(SUCCESS)
    }

    fn explain_build(
        &self,
        directory: &std::path::Path,
        chosen: Option<&ConfigText>,
    ) -> Result<(), Failure> {
        let verbosity = &self.verbosity();
        let overlay = &self.source.overlay;
        let inputs = Build::run(overlay, directory, chosen, true, WRONG_USE)?.inputs;
        let (mut is_found, mut missing) = (false, None);
        Build::each(&inputs, directory, chosen, verbosity, |input| {
            let resources = &input.list.resources;
            let index = match self.find(resources) {
                Ok(index) => index,
                // Another function of the overlay may have it.
                Err(failure) => {
                    missing.get_or_insert(failure);
                    return Ok(());
                }
            };
            is_found = true;
            let own = || {
                FunctionConfig::of_list(input.node).map_err(|it| failure(&it, verbosity, WRONG_USE))
            };
            let function_config = || match chosen {
                Some(chosen) => chosen.function_config(verbosity),
                None => own(),
            };
            let object = (&**resources, Some(input.node), index);
            let own_name = &input.config.environment;
            let elsewhere = self.elsewhere(function_config, own_name, object)?;
            let name = chosen.map_or("the config of the overlay", |it| &it.name);
            self.print(input.config, object, &elsewhere, name)?;
            Ok(())
        })?;
        match missing.filter(|_| !is_found) {
            Some(failure) => Err(failure),
            None if is_found => Ok(()),
            None => Err(Failure::new(
                WRONG_USE,
                format_args!("error: {} does not run fitout", directory.display()),
            )),
        }
    }

    /// The explanations with the other environments of a config; none where they are not shown.
    fn elsewhere<'c>(
        &self,
        read: impl Fn() -> Result<FunctionConfig<'c>, Failure>,
        own: &str,
        (resources, node, index): (&[Resource<'_>], Option<Node<'_>>, usize),
    ) -> Result<Vec<(String, Explanation)>, Failure> {
        if self.field.is_none() && self.output == Form::Text {
            return Ok(Vec::new());
        }
        let names = read()?.environments().into_iter().filter(|it| it != own);
        names
            .map(|name| {
                let mut other = read()?;
                other.choose(name.as_str());
                let config = decoded(&other, &self.verbosity())?;
                let explained = explain(&config, resources, node, index);
                let unreadable = |it| failure(&it, &self.verbosity(), UNREADABLE);
                Ok((name, explained.map_err(unreadable)?))
            })
            .collect()
    }

    fn print(
        &self,
        config: &Config<'_>,
        (resources, node, index): (&[Resource<'_>], Option<Node<'_>>, usize),
        elsewhere: &[(String, Explanation)],
        config_name: &str,
    ) -> Result<u8, Failure> {
        let explanation = explain(config, resources, node, index);
        let mut explanation =
            explanation.map_err(|problems| failure(&problems, &self.verbosity(), UNREADABLE))?;
        let resource = &resources[index];
        let shown = match &self.field {
            None => (0..explanation.fields.len()).collect(),
            Some(field) => chosen(field, resource, &mut explanation)?,
        };
        let explained = Explained {
            environment: &config.environment,
            resource,
            explanation: &explanation,
            shown,
            elsewhere,
            config: config_name,
            is_verbose: self.verbose,
        };
        match (self.output, &self.field) {
            (Form::Json, _) => Output::data(&explained.to_json())?,
            (Form::Text, None) => {
                let mut text = explained.overview();
                let settable = explanation.fields.iter().find(|it| !it.steps.is_empty());
                if let Some(field) = settable {
                    let path = match &field.part {
                        Part::Container { name, .. } => format!("{name}:{}", field.short_path),
                        _ => field.short_path.clone(),
                    };
                    let subject = &self.subject;
                    text.line(format_args!(
                        "For the settings behind a field, add it: fitout explain {subject} {path} …"
                    ));
                }
                Output::report(&text)?;
            }
            (Form::Text, Some(_)) => Output::report(&explained.details())?,
        }
        Ok(SUCCESS)
    }

    /// The rule that the arguments name, if they do not name an object.
    fn rule(&self) -> Result<Option<&'static Rule>, Failure> {
        let upper = self.subject.to_uppercase();
        let mut rules = VOCABULARY.rules();
        let is_it = |it: &&Rule| {
            let id = it.id.to_uppercase();
            id == upper || id.strip_prefix("FIT-") == Some(&upper)
        };
        let found = rules.find(is_it);
        if found.is_some() || !upper.starts_with("FIT-") || self.subject.contains('/') {
            return Ok(found);
        }
        let subject = &self.subject;
        let help = suggestion(&upper, VOCABULARY.rules().map(|it| it.id));
        let help = help.unwrap_or_else(|| "docs/checks.md lists all rules".to_owned());
        let message = format_args!("error: there is no rule `{subject}`");
        Err(Failure::new(WRONG_USE, message).note(format_args!("  = help: {help}")))
    }

    /// Prints the page of a rule.
    fn explain_rule(&self, rule: &Rule) -> Result<u8, Failure> {
        let page = without_links(&embedded::text(&format!("docs/rules/{}.md", rule.id))?);
        match self.output {
            Form::Text => Output::report(&Text::of_program(&page))?,
            Form::Json => {
                let when = match rule.when {
                    When::Always => "always",
                    When::OnCheck => "on-check",
                    When::OnRequest => "on-request",
                    When::OnCompare => "on-compare",
                };
                let json = serde_json::json!({
                    "apiVersion": fitout::report::API_VERSION,
                    "kind": "Rule",
                    "rule": rule.id,
                    "severity": rule.severity.as_str(),
                    "when": when,
                    "meaning": rule.meaning,
                    "otherTools": rule.peers,
                    "page": page,
                });
                Output::data(&fitout::text::json(&json))?;
            }
        }
        Ok(SUCCESS)
    }
}

/// Markdown without the targets of links.
fn without_links(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("](") {
        let (start, end) = (before.rfind('['), after.find(')'));
        match (start, end) {
            (Some(start), Some(end)) if !before[start..].contains('\n') => {
                text.push_str(&before[..start]);
                text.push_str(&before[start + 1..]);
                rest = &after[end + 1..];
            }
            _ => {
                text.push_str(before);
                text.push_str("](");
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::without_links;

    #[test]
    fn links_are_their_texts() {
        assert_eq!(
            without_links("see [the check](a.md#b), [x]"),
            "see the check, [x]"
        );
    }
}

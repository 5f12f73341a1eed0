//! Why fields have their values, as text and JSON.

use serde::Serialize;

use super::{API_VERSION, Places, at_line, name_of, reference};
use crate::config::Leaf;
use crate::explain::{Effect, ExplainedField, Explanation, Outcome, Step};
use crate::finding::{Finding, Part, Plain};
use crate::hashing::HashMap;
use crate::read::{OriginLines, Resource};
use crate::secrets;
use crate::sorting;
use crate::text::Text;
use crate::yaml::Value;

/// The explanation of an object, and its values in other environments.
#[derive(Debug)]
pub struct Explained<'e, 'a> {
    /// The environment.
    pub environment: &'e str,
    /// The object.
    pub resource: &'e Resource<'a>,
    /// Why its fields have their values.
    pub explanation: &'e Explanation,
    /// The fields to show, by index.
    pub shown: Vec<usize>,
    /// The explanations of the same object in the other environments of the config, by their names.
    pub elsewhere: &'e [(String, Explanation)],
    /// The file of the config, for settings that nothing has yet.
    pub config: &'e str,
    /// Whether all profiles that do not apply are listed.
    pub is_verbose: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'e> {
    api_version: &'static str,
    kind: &'static str,
    environment: &'e str,
    resource_ref: kustomize_krm_types::ResourceIdentifier,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<std::sync::Arc<super::FilePlace>>,
    /// Why nothing of the object is changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_over: Option<&'e str>,
    fields: Vec<FieldEntry<'e>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldEntry<'e> {
    path: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'static str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<Manifest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e str>,
    settings: Vec<Setting<'e>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_profiles: Vec<Setting<'e>>,
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    environments: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_with: Option<Setting<'e>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingEntry<'e>>,
}

/// The value of the manifest.
#[derive(Serialize)]
struct Manifest {
    value: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// A setting of the config.
#[derive(Serialize)]
struct Setting<'e> {
    field: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'e str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e str>,
}

#[derive(Serialize)]
struct FindingEntry<'e> {
    rule: &'static str,
    severity: kustomize_krm_types::Severity,
    message: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'e str>,
}

impl<'e> Explained<'e, '_> {
    /// The explanation as JSON with a final newline.
    pub fn to_json(&self) -> String {
        let document = Document {
            api_version: API_VERSION,
            kind: "Explanation",
            environment: self.environment,
            resource_ref: reference(self.resource),
            file: Places::default().place(self.resource, None),
            passed_over: self.explanation.passed_over.as_deref(),
            fields: self.fields().map(|it| self.entry(it)).collect(),
        };
        crate::text::json(&document)
    }

    fn fields(&self) -> impl Iterator<Item = &'e ExplainedField> {
        let explanation = self.explanation;
        self.shown
            .iter()
            .filter_map(move |at| explanation.fields.get(*at))
    }

    fn entry(&self, field: &'e ExplainedField) -> FieldEntry<'e> {
        let setting = |leaf: &'e Leaf| Setting {
            field: &leaf.path,
            profile: leaf
                .path
                .contains("profiles[")
                .then_some(leaf.layer.as_str()),
            value: &leaf.value,
            file: leaf.file.as_deref(),
            line: leaf.position.map(|it| it.line),
            effect: None,
            reason: None,
        };
        let json = |value: &Value| self.json(value);
        FieldEntry {
            path: &field.path,
            container: match &field.part {
                Part::Container { name, .. } => Some(name),
                _ => None,
            },
            section: field.section,
            outcome: field.outcome.word(),
            mode: field.mode.map(|it| it.to_string()),
            value: field.value.as_ref().map(json),
            manifest: field.authors.as_ref().map(|value| Manifest {
                value: json(value),
                file: self.resource.origin.path.as_deref().map(str::to_owned),
                line: self.line_in_manifest(field),
            }),
            reason: field.reason.as_deref(),
            settings: field
                .steps
                .iter()
                .map(|step| Setting {
                    effect: Some(step.effect.word()),
                    ..setting(&step.leaf)
                })
                .collect(),
            other_profiles: field
                .others
                .iter()
                .map(|it| Setting {
                    profile: Some(&it.profile),
                    reason: Some(&it.reason),
                    ..setting(&it.leaf)
                })
                .collect(),
            environments: self
                .others(field)
                .map(|(name, value)| (name.to_owned(), value.map_or(serde_json::Value::Null, json)))
                .collect(),
            change_with: field.change.as_ref().map(|leaf| Setting {
                value: "",
                file: leaf.file.as_deref().or(Some(self.config)),
                ..setting(leaf)
            }),
            findings: field.findings.iter().map(of_finding).collect(),
        }
    }

    /// The values of a field in the other environments.
    fn others(
        &self,
        field: &'e ExplainedField,
    ) -> impl Iterator<Item = (&'e str, Option<&'e Value>)> {
        self.elsewhere.iter().map(|(name, explanation)| {
            let same = explanation
                .fields
                .iter()
                .find(|it| it.pointer == field.pointer);
            let value = match same {
                Some(same) => same.value.as_ref(),
                // Nothing explains it there, so the manifest decides.
                None => field.authors.as_ref(),
            };
            (name.as_str(), value)
        })
    }

    fn is_hidden(&self) -> bool {
        secrets::is_hidden(self.resource.node)
    }

    fn json(&self, value: &Value) -> serde_json::Value {
        match self.is_hidden() {
            true => HIDDEN.into(),
            false => serde_json::to_value(value).unwrap_or_default(),
        }
    }

    fn shown(&self, value: Option<&Value>) -> String {
        match value {
            None => "not set".to_owned(),
            Some(_) if self.is_hidden() => HIDDEN.to_owned(),
            Some(value) => Plain(value).to_string(),
        }
    }

    /// The fields of the object, one on each line.
    pub fn overview(&self) -> Text {
        let mut text = self.head();
        let mut rows = Vec::new();
        let mut unset: Vec<&str> = Vec::new();
        let mut part: Option<&Part> = None;
        let mut fields: Vec<&ExplainedField> = self.fields().collect();
        // By part, in the order in which the parts come first.
        let mut firsts: HashMap<&Part, usize> = HashMap::default();
        for (at, field) in fields.iter().enumerate() {
            firsts.entry(&field.part).or_insert(at);
        }
        sorting::sort_by_key(&mut fields, |it| firsts.get(&it.part).copied());
        for field in fields {
            let has_setting = |it: &Step| !matches!(it.effect, Effect::Modifies | Effect::Mode);
            let has_setting = field.steps.iter().any(has_setting);
            let is_idle = match field.outcome {
                Outcome::NotSet => !has_setting && field.findings.is_empty() || field.is_inherited,
                // Lists that sections only add to.
                Outcome::Kept => !has_setting && matches!(field.value, Some(Value::Sequence(_))),
                _ => false,
            };
            if is_idle {
                if !field.is_inherited && field.outcome == Outcome::NotSet {
                    unset.push(&field.path);
                }
                continue;
            }
            if part != Some(&field.part) {
                part = Some(&field.part);
                rows.push(vec![field.part.to_string()]);
            }
            let place = match field.outcome {
                Outcome::Kept => self.place_in_manifest(field),
                _ => field
                    .change
                    .as_ref()
                    .map_or(String::new(), |it| place(it, "")),
            };
            let by = field.steps.iter().rfind(|it| it.effect == Effect::Decides);
            let by = by.map_or(String::new(), |it| it.leaf.path.clone());
            let short = &field.short_path;
            rows.push(vec![
                format!("  {short}"),
                shortened(self.shown(field.value.as_ref())),
                field.outcome.word().to_owned(),
                place,
                by,
            ]);
        }
        text.columns("", &rows);
        if !unset.is_empty() {
            let fields = if unset.len() == 1 { "field" } else { "fields" };
            text.line(format_args!(
                "{} {fields} that no setting applies to, such as {}",
                unset.len(),
                unset[0]
            ));
        }
        text
    }

    /// The object, its place, and why it is passed over.
    fn head(&self) -> Text {
        let name = name_of(&reference(self.resource));
        let place = Places::default().place(self.resource, None);
        let place = place.map_or(String::new(), |it| format!("  {}", it.at_line()));
        let mut text = Text::of(format_args!("{name}{place}  in {}", self.environment));
        if let Some(reason) = &self.explanation.passed_over {
            text.line(format_args!("nothing of it is changed: {reason}"));
        }
        text
    }

    /// Each field with everything that is known about it.
    pub fn details(&self) -> Text {
        let mut text = self.head();
        for field in self.fields() {
            text.end();
            self.detail(field, &mut text);
        }
        text
    }

    fn detail(&self, field: &'e ExplainedField, text: &mut Text) {
        text.line(&field.path);
        let value = self.shown(field.value.as_ref());
        let manifest = self.shown(field.authors.as_ref());
        let section = field.section.unwrap_or_default();
        let what = match field.outcome {
            Outcome::Added => format!("set by {section}; the manifest does not set it"),
            Outcome::Changed => format!("set by {section}; the manifest has {manifest}"),
            Outcome::Removed => format!("removed by {section}; the manifest has {manifest}"),
            Outcome::Kept | Outcome::NotManaged => "from the manifest".to_owned(),
            Outcome::NotSet => String::new(),
        };
        let reason = field.reason.as_deref().unwrap_or_default();
        let separator = if what.is_empty() || reason.is_empty() {
            ""
        } else {
            "; "
        };
        text.line(format_args!("  {value}  {what}{separator}{reason}"));
        let mut rows = Vec::new();
        if field.authors.is_some() {
            let effect = match field.outcome {
                Outcome::Changed => "replaced",
                Outcome::Removed => "removed",
                _ => "decides",
            };
            let place = self.place_in_manifest(field);
            rows.push(
                ["manifest", &place, &manifest, effect]
                    .map(str::to_owned)
                    .to_vec(),
            );
        }
        for step in &field.steps {
            let effect = match (step.effect, field.outcome) {
                (Effect::Yields, _) => "yields to the manifest",
                (Effect::Decides, Outcome::Kept | Outcome::NotSet) => "applies",
                (effect, _) => effect.word(),
            };
            let leaf = &step.leaf;
            let row = [&*leaf.path, &place(leaf, ""), &leaf.value, effect];
            rows.push(row.map(str::to_owned).to_vec());
        }
        if !rows.is_empty() {
            text.line("  How it comes about");
            text.columns("    ", &rows);
        }
        if !field.others.is_empty() {
            text.line("  Profiles that do not apply");
            const MOST: usize = 6;
            let most = if self.is_verbose { usize::MAX } else { MOST };
            let rows = field.others.iter().take(most).map(|it| {
                let leaf = &it.leaf;
                let row = [&*it.profile, &place(leaf, ""), &leaf.value, &it.reason];
                row.map(str::to_owned).to_vec()
            });
            text.columns("    ", &rows.collect::<Vec<_>>());
            if let Some(left @ 1..) = field.others.len().checked_sub(most) {
                text.line(format_args!("    and {left} more, which -v lists"));
            }
        }
        let elsewhere: Vec<String> = self
            .others(field)
            .map(|(name, value)| format!("{name} {}", self.shown(value)))
            .collect();
        if !elsewhere.is_empty() {
            text.line(format_args!("  Elsewhere  {}", elsewhere.join(", ")));
        }
        for finding in &field.findings {
            text.line(format_args!(
                "  {}[{}]: {}",
                finding.severity, finding.rule.id, finding.message
            ));
            if let Some(help) = &finding.help {
                text.line(format_args!("    = help: {help}"));
            }
        }
        match (&field.change, field.outcome) {
            (Some(leaf), Outcome::Kept) => {
                let own = self.own_place(field);
                let setting = leaf.path.rsplit_once(&format!("{section}."));
                let setting = setting.map_or("", |(_, it)| it);
                let path = crate::config::mode_path(setting);
                let config = place(leaf, self.config);
                let how = match leaf.position {
                    Some(_) => format!("`modes: {{{path}: Override}}`"),
                    None => format!("{} and `modes: {{{path}: Override}}`", leaf.path),
                };
                text.line(format_args!("  Change it  {own}, or {config} with {how}"));
            }
            (Some(leaf), _) => {
                text.line(format_args!(
                    "  Change it  {}  {}",
                    place(leaf, self.config),
                    leaf.path
                ));
            }
            (None, _) => {
                text.line(format_args!("  Change it  {}", self.own_place(field)));
            }
        }
    }

    /// Where the value of the manifest is changed.
    fn own_place(&self, field: &ExplainedField) -> String {
        let place = self.place_in_manifest(field);
        match self.resource.origin.lines {
            OriginLines::OfRendering => format!("{place} or the values of the chart"),
            _ => place,
        }
    }

    /// `base/web.yaml:12`.
    fn place_in_manifest(&self, field: &ExplainedField) -> String {
        let file = self.resource.origin.path.as_deref();
        at_line(file.unwrap_or("the manifest"), self.line_in_manifest(field))
    }

    fn line_in_manifest(&self, field: &ExplainedField) -> Option<usize> {
        let position = field.authors_position?;
        (self.resource.origin.lines == OriginLines::OfFile).then_some(position.line)
    }
}

/// What is shown instead of the values of Secrets.
const HIDDEN: &str = "(hidden: a Secret)";

fn of_finding(finding: &Finding) -> FindingEntry<'_> {
    FindingEntry {
        rule: finding.rule.id,
        severity: finding.severity,
        message: &finding.message,
        help: finding.help.as_deref(),
    }
}

/// A value for a column.
fn shortened(value: String) -> String {
    const MOST: usize = 40;
    match value.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value,
    }
}

/// `fn-config/all/fitout.yaml:12`.
fn place(leaf: &Leaf, unknown: &str) -> String {
    let line = leaf.position.map(|it| it.line);
    leaf.file
        .as_ref()
        .map_or_else(|| unknown.to_owned(), |file| at_line(file, line))
}

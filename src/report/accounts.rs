//! The ledger in reports: as one line, as a list, and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use kustomize_krm_types::ResourceIdentifier;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{FilePlace, References, Report, counted, granted, name_of, plural};
use crate::finding::Part;
use crate::hashing::HashMap;
use crate::ledger::{Account, Ledger, PartRow};
use crate::objects::{ContainerType, reasons};
use crate::problem::field_path;
use crate::text::Text;

/// The outcome of every object, container, claim and file of the input.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Default, Serialize)]
pub struct Accounts {
    /// The objects, in the order of the input.
    pub objects: Vec<ObjectAccount>,
    /// Their containers.
    #[cfg_attr(test, schemars(with = "Vec<PartEntry<'_>>"))]
    pub containers: Vec<PartRow>,
    /// Their claims.
    #[cfg_attr(test, schemars(with = "Vec<PartEntry<'_>>"))]
    pub claims: Vec<PartRow>,
    /// The files, and their documents that are not objects; empty in a host.
    pub files: Vec<FileAccount>,
}

/// The outcome of an object.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectAccount {
    /// The object.
    #[cfg_attr(test, schemars(with = "super::ResourceRef"))]
    pub resource_ref: Arc<ResourceIdentifier>,
    /// Its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePlace>,
    /// The outcome.
    #[serde(flatten)]
    #[cfg_attr(test, schemars(with = "super::Outcome"))]
    pub account: Account,
}

/// The outcome of a container or claim.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PartAccount"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartEntry<'p> {
    /// The index of its object in `objects`.
    object: usize,
    /// Its name.
    name: &'p str,
    /// The type of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    container_type: Option<&'static str>,
    /// Its path in the object.
    field: String,
    /// The outcome.
    #[serde(flatten)]
    #[cfg_attr(test, schemars(with = "super::Outcome"))]
    account: Account,
}

/// The outcome of a file, or of a document in it.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileAccount {
    /// The file, or an ignored folder.
    pub path: String,
    /// The index of the document, from 0; absent for the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The outcome.
    #[serde(flatten)]
    #[cfg_attr(test, schemars(with = "super::Outcome"))]
    pub outcome: FileOutcome,
}

/// The outcome of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileOutcome {
    /// It is read, and its objects are in the ledger.
    Read,
    /// It is not read, or has no objects.
    PassedOver(FileReason),
}

impl FileOutcome {
    /// Why it is passed over, as in reports; `None` if it is read.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            FileOutcome::Read => None,
            FileOutcome::PassedOver(reason) => Some(reason.word()),
        }
    }
}

reasons! {
    /// Why a file is passed over.
    FileReason
    /// A `.gitignore` matches it or its folder.
    Ignored = "ignored",
    /// Its name or that of its folder begins with a dot.
    Hidden = "hidden",
    /// A pattern of `--exclude` matches it or its folder.
    Excluded = "excluded",
    /// No pattern of `--include` matches it or its folder.
    NotIncluded = "not-included",
    /// Its name does not end in `.yaml`, `.yml` or `.json`, in any case, and no kustomization names it under `resources`.
    Extension = "extension",
    /// It is a link that is broken or leads out of the repository, or to a folder; `check` follows links to folders in the repository.
    Link = "link",
    /// It is not a regular file: a FIFO, socket or device.
    Special = "special",
    /// It is a kustomization without objects, or a kustomization names it under another field than `resources` and `patches`.
    Package = "package",
    /// A kustomization names it as a patch.
    Patch = "patch",
    /// It is the folder of a Helm chart, whose templates Helm has to render first. `check` reads the files in it that are plain manifests.
    Chart = "chart",
    /// It has no Kubernetes objects, or configures a tool.
    NoObjects = "no-objects",
    /// The arguments contain it twice, or also through a link.
    Duplicate = "duplicate",
}

impl Serialize for FileOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(
            self.reason().map_or("read", |_| PASSED_OVER),
            self.reason(),
            serializer,
        )
    }
}

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.word(), self.reason().map(|it| it.word()), serializer)
    }
}

const PASSED_OVER: &str = "passed-over";

fn serialize<S: Serializer>(
    state: &str,
    reason: Option<&str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut members = serializer.serialize_map(None)?;
    members.serialize_entry("state", state)?;
    if let Some(reason) = reason {
        members.serialize_entry("reason", reason)?;
    }
    members.end()
}

impl Accounts {
    pub(super) fn of(ledger: &Ledger, references: &References<'_>) -> Accounts {
        let objects = ledger.objects.iter().zip(references.resources).enumerate();
        let objects = objects.map(|(object, (row, resource))| ObjectAccount {
            resource_ref: references.of(object),
            // The document is enough to find an object by its name; to count lines would cost more than all else here.
            file: resource.origin.path.clone().map(|path| FilePlace {
                path,
                index: resource.origin.index,
                line: None,
                column: None,
                span: None,
            }),
            account: row.account,
        });
        Accounts {
            objects: objects.collect(),
            containers: ledger.containers.clone(),
            claims: ledger.claims.clone(),
            files: Vec::new(),
        }
    }

    /// Merges the outcomes for another config: of two, the greater one counts.
    pub(super) fn add(&mut self, other: Accounts) {
        for (mine, other) in self.objects.iter_mut().zip(other.objects) {
            mine.account = mine.account.max(other.account);
        }
        add_parts(&mut self.containers, other.containers);
        add_parts(&mut self.claims, other.claims);
    }

    /// Whether the line says more than the totals: something is passed over, or only checked by a transformer.
    fn is_worth_a_line(&self, validate_only: bool) -> bool {
        let is_left = |account: Account| match account {
            Account::PassedOver(_) | Account::NotExamined | Account::CheckedOnly(Some(_)) => true,
            Account::CheckedOnly(None) => !validate_only,
            _ => false,
        };
        let parts = self.containers.iter().chain(&self.claims);
        let objects = self.objects.iter().map(|it| it.account);
        objects.chain(parts.map(|it| it.account)).any(is_left)
            || self.files.iter().any(|it| it.outcome != FileOutcome::Read)
    }
}

fn add_parts(mine: &mut Vec<PartRow>, others: Vec<PartRow>) {
    let key = |part: &PartRow| {
        let subject = &part.subject;
        (part.object, subject.path.clone(), subject.part.clone())
    };
    let known: HashMap<_, usize> = mine.iter().map(key).zip(0..).collect();
    for other in others {
        match known.get(&key(&other)) {
            Some(at) => mine[*at].account = mine[*at].account.max(other.account),
            None => mine.push(other),
        }
    }
}

/// The name of a part, and the type of a container.
fn name_and_type(part: &Part) -> (&str, Option<ContainerType>) {
    match part {
        Part::Container {
            name,
            container_type,
        } => (name, Some(*container_type)),
        Part::Claim { name } => (name, None),
        Part::Object | Part::Pod => ("", None),
    }
}

impl Serialize for PartRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, container_type) = name_and_type(&self.subject.part);
        let entry = PartEntry {
            object: self.object,
            name,
            container_type: container_type.map(ContainerType::as_str),
            field: field_path(&self.subject.path),
            account: self.account,
        };
        entry.serialize(serializer)
    }
}

/// The name of a part in messages.
fn title_of(part: &Part) -> String {
    match name_and_type(part) {
        (name, Some(ContainerType::Container)) => format!("container \"{name}\""),
        (name, Some(container_type)) => {
            let container_type = container_type.as_str().to_lowercase();
            format!("{container_type} container \"{name}\"")
        }
        (name, None) => format!("claim \"{name}\""),
    }
}

/// The exemptions in effect, one on each line, and the ledger as text: one line if anything is passed over, and with `each` also a list of everything.
pub fn accounts(report: &Report, each: bool) -> Text {
    let Some(accounts) = &report.ledger else {
        return Text::default();
    };
    let mut text = granted(report);
    if each || accounts.is_worth_a_line(report.validate_only) {
        text.line(format_args!(
            "Ledger  {}",
            line(accounts, report.validate_only)
        ));
    }
    if each {
        list(accounts, &mut text);
    }
    text
}

/// `12 objects: 7 fitted, 2 right already, 2 no workload, 1 passed over (local-config)`
fn line(accounts: &Accounts, validate_only: bool) -> String {
    let objects = accounts.objects.iter().map(|it| it.account);
    let total = plural(accounts.objects.len(), "object", "objects");
    let mut states = Vec::new();
    for (word, _) in Account::ALL {
        let of_state = objects.clone().filter(|account| account.word() == word);
        let count = of_state.clone().count();
        let title = match word {
            "fitted" if validate_only => "would change".to_owned(),
            word => word.replace('-', " "),
        };
        if count > 0 {
            states.push(format!("{count} {title}{}", reasons(of_state)));
        }
    }
    let mut line = match states.is_empty() {
        true => total,
        false => format!("{total}: {}", states.join(", ")),
    };
    for (parts, one, many) in [
        (&accounts.containers, "container", "containers"),
        (&accounts.claims, "claim", "claims"),
    ] {
        // Parts of objects that are passed over are not counted.
        let left = parts.iter().filter(|part| {
            let object = accounts.objects[part.object].account;
            part.account.is_passed_over() && !object.is_passed_over()
        });
        let left = left.map(|part| part.account);
        let count = left.clone().count();
        if count > 0 {
            let what = plural(count, one, many);
            let _ = write!(line, "; {what} passed over{}", reasons(left));
        }
    }
    let left = accounts.files.iter().filter_map(|it| it.outcome.reason());
    let count = left.clone().count();
    if count > 0 {
        let what = plural(count, "file", "files");
        let _ = write!(line, "; {what} passed over{}", counted(left));
    }
    line
}

fn reasons(accounts: impl Iterator<Item = Account>) -> String {
    counted(accounts.filter_map(|account| Some(account.reason()?.word())))
}

/// One line for each row, with parts below their object.
fn list(accounts: &Accounts, text: &mut Text) {
    fn title(account: Account) -> String {
        let reason = account
            .reason()
            .map(|reason| format!(": {}", reason.word()));
        account.word().replace('-', " ") + &reason.unwrap_or_default()
    }
    let mut parts: BTreeMap<usize, Vec<&PartRow>> = BTreeMap::new();
    for part in accounts.containers.iter().chain(&accounts.claims) {
        parts.entry(part.object).or_default().push(part);
    }
    for (index, object) in accounts.objects.iter().enumerate() {
        let name = name_of(&object.resource_ref);
        let file = object.file.as_ref().map_or("", |file| &file.path);
        let row = format!("  {name}  {file}");
        text.line(format_args!(
            "{}: {}",
            row.trim_end(),
            title(object.account)
        ));
        for part in parts.get(&index).into_iter().flatten() {
            text.line(format_args!(
                "    {}: {}",
                title_of(&part.subject.part),
                title(part.account)
            ));
        }
    }
    for file in &accounts.files {
        let Some(reason) = file.outcome.reason() else {
            continue;
        };
        let document = file.index.map(|index| format!(" document {index}"));
        let document = document.unwrap_or_default();
        text.line(format_args!(
            "  {}{document}: passed over: {reason}",
            file.path
        ));
    }
}

//! References to ports, by number or name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::index::Objects;
use crate::hashing::HashMap;
use crate::yaml::{Node, Scalar, Value};

/// A reference to a port: Kubernetes' `IntOrString`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PortRef<'n> {
    /// By its number.
    Number(i64),
    /// By its name.
    Name(Cow<'n, str>),
}

impl<'n> PortRef<'n> {
    /// The reference at a node; `None` if it is neither a number nor a name.
    pub fn of(node: Node<'n>) -> Option<PortRef<'n>> {
        match node.scalar()? {
            Scalar::Int(number) => i64::try_from(number).ok().map(PortRef::Number),
            Scalar::Text(name) if !name.is_empty() => Some(PortRef::Name(name)),
            _ => None,
        }
    }

    /// Whether the reference matches a declared port, of any protocol. `number` is the key of the port's number.
    pub fn is(&self, port: Node<'_>, number: &str) -> bool {
        match self {
            PortRef::Number(wanted) => port.int_at([number]) == Some(*wanted),
            PortRef::Name(name) => port.text_at(["name"]).as_deref() == Some(name),
        }
    }

    /// The number, if it was quoted by mistake: names need a letter (`IsValidPortName`).
    pub fn quoted_number(&self) -> Option<Value> {
        match self {
            PortRef::Number(_) => None,
            PortRef::Name(name) => name.parse::<i64>().ok().map(Value::from),
        }
    }
}

/// The most ports that a message lists.
const MOST_LISTED: usize = 16;

/// Declared ports, for references to them.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    /// The numbers, in the order of the ports.
    numbers: Vec<i64>,
    by_number: HashMap<i64, Alike<String>>,
    by_name: BTreeMap<String, Alike<i64>>,
}

/// Ports with the same number, or with the same name.
#[derive(Clone, Debug)]
struct Alike<T> {
    protocols: BTreeSet<String>,
    /// Their names, or their numbers.
    others: BTreeSet<T>,
}

impl<T> Default for Alike<T> {
    fn default() -> Alike<T> {
        Alike {
            protocols: BTreeSet::new(),
            others: BTreeSet::new(),
        }
    }
}

impl<T: Clone + Ord> Alike<T> {
    fn add(&mut self, protocol: &str, other: Option<T>) {
        if !self.protocols.contains(protocol) {
            self.protocols.insert(protocol.to_owned());
        }
        self.others.extend(other);
    }

    fn extend(&mut self, more: &Alike<T>) {
        self.protocols.extend(more.protocols.iter().cloned());
        self.others.extend(more.others.iter().cloned());
    }
}

/// The ports of pods.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The ports that their containers declare.
    pub ports: Ports,
    /// Whether each of their containers declares one.
    pub by_all: bool,
}

/// A port of the pods behind a Service, to which one of its own ports leads.
#[derive(Clone, Debug)]
pub struct TargetPort {
    /// Its names in the Service and in the pods.
    pub names: Vec<String>,
    /// Its number in the pods.
    pub number: u16,
}

impl Ports {
    /// The ports at some nodes; `number` is the key of a port's number.
    pub fn of<'n>(ports: impl Iterator<Item = Node<'n>>, number: &str) -> Ports {
        let mut all = Ports::default();
        for port in ports {
            let protocol = protocol(port);
            let number = port.int_at([number]);
            let name = port.text_at(["name"]).map(Cow::into_owned);
            if let Some(number) = number {
                all.numbers.push(number);
                let alike = all.by_number.entry(number).or_default();
                alike.add(&protocol, name.clone());
            }
            if let Some(name) = name {
                all.by_name.entry(name).or_default().add(&protocol, number);
            }
        }
        all
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_number.len() + self.by_name.len()
    }

    /// Adds other ports.
    pub(super) fn extend(&mut self, more: &Ports) {
        self.numbers.extend(&more.numbers);
        for (number, alike) in &more.by_number {
            self.by_number.entry(*number).or_default().extend(alike);
        }
        for (name, alike) in &more.by_name {
            match self.by_name.get_mut(name) {
                Some(known) => known.extend(alike),
                None => {
                    self.by_name.insert(name.clone(), alike.clone());
                }
            }
        }
    }

    /// The port that a port of a Service leads to, given the Service's name for it; `None` unless it is the same in all pods.
    pub(super) fn target(&self, wanted: &str, name: Option<String>) -> Option<TargetPort> {
        let by_name = || {
            let numbers = &self.by_name.get(wanted)?.others;
            let numbers = numbers.iter().filter_map(|it| u16::try_from(*it).ok());
            let mut numbers = numbers.peekable();
            let number = numbers.next()?;
            numbers.peek().is_none().then_some(number)
        };
        let names = |number: u16| {
            let declared = self.by_number.get(&i64::from(number));
            declared
                .into_iter()
                .flat_map(|it| it.others.iter().cloned())
        };
        // A Service reaches a port by its number whether or not a container declares it.
        let (number, names): (u16, Vec<String>) = match wanted.parse() {
            Ok(number) => (number, names(number).collect()),
            Err(_) => (by_name()?, vec![wanted.to_owned()]),
        };
        let names = name.into_iter().chain(names).collect();
        Some(TargetPort { names, number })
    }

    /// Whether none has a number or a name.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty() && self.by_name.is_empty()
    }

    /// Whether a reference matches any of them; `None` for any protocol.
    pub fn has(&self, wanted: &PortRef<'_>, protocol: Option<&str>) -> bool {
        let protocols = match wanted {
            PortRef::Number(number) => self.by_number.get(number).map(|it| &it.protocols),
            PortRef::Name(name) => self.by_name.get(name.as_ref()).map(|it| &it.protocols),
        };
        protocols.is_some_and(|it| protocol.is_none_or(|protocol| it.contains(protocol)))
    }

    /// The numbers in a message.
    pub fn numbers(&self) -> String {
        listed(self.numbers.iter().map(i64::to_string))
    }

    /// A suggestion for a reference that none of them matches.
    pub fn help(&self, wanted: &PortRef<'_>, objects: &Objects<'_>) -> String {
        Ports::help_of(&[self], wanted, objects)
    }

    /// The same for several ports together.
    pub(super) fn help_of(all: &[&Ports], wanted: &PortRef<'_>, objects: &Objects<'_>) -> String {
        let PortRef::Name(name) = wanted else {
            return "declare the port, or correct the number".to_owned();
        };
        if wanted.quoted_number().is_some() {
            return "remove the quotes: a quoted number is a port name to Kubernetes, and names need a letter".to_owned();
        }
        if all.iter().any(|it| it.by_name.contains_key(name.as_ref())) {
            return "a port with this name is declared with another protocol".to_owned();
        }
        let names = || {
            all.iter()
                .flat_map(|it| it.by_name.keys().map(String::as_str))
        };
        let count = all.iter().map(|it| it.by_name.len()).sum();
        let similar = objects.did_you_mean(name, names(), count);
        let few = all
            .iter()
            .flat_map(|it| it.by_name.keys().take(MOST_LISTED + 1));
        let few: BTreeSet<String> = few.cloned().collect();
        match similar {
            Some(similar) => format!("did you mean `{similar}`?"),
            None if few.is_empty() => {
                "none of the ports has a name: name the port, or use its number".to_owned()
            }
            None => format!("declared ports: {}", listed(few.into_iter())),
        }
    }
}

/// The first of some ports.
fn listed(ports: impl Iterator<Item = String>) -> String {
    let mut ports: Vec<String> = ports.take(MOST_LISTED + 1).collect();
    if let Some(last) = ports.get_mut(MOST_LISTED) {
        "…".clone_into(last);
    }
    ports.join(", ")
}

impl std::fmt::Display for PortRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PortRef::Number(number) => number.fmt(f),
            PortRef::Name(name) => write!(f, "named {name:?}"),
        }
    }
}

/// The protocol of a port; TCP by default.
pub fn protocol(port: Node<'_>) -> Cow<'_, str> {
    port.text_at(["protocol"]).unwrap_or(Cow::Borrowed("TCP"))
}

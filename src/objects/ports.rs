//! References to ports, by number or name.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::index::Objects;
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
#[derive(Debug, Default)]
pub struct Ports {
    /// The numbers, in the order of the ports.
    numbers: Vec<i64>,
    /// The protocols of each number and of each name.
    by_number: HashMap<i64, HashSet<String>>,
    by_name: BTreeMap<String, HashSet<String>>,
}

impl Ports {
    /// The ports at some nodes; `number` is the key of a port's number.
    pub fn of<'n>(ports: impl Iterator<Item = Node<'n>>, number: &str) -> Ports {
        let mut all = Ports::default();
        for port in ports {
            let protocol = protocol(port);
            if let Some(number) = port.int_at([number]) {
                let protocols = all.by_number.entry(number).or_default();
                protocols.insert(protocol.to_string());
                all.numbers.push(number);
            }
            if let Some(name) = port.text_at(["name"]) {
                let protocols = all.by_name.entry(name.into_owned()).or_default();
                protocols.insert(protocol.into_owned());
            }
        }
        all
    }

    /// Whether none has a number or a name.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty() && self.by_name.is_empty()
    }

    /// Whether a reference matches any of them; `None` for any protocol.
    pub fn has(&self, wanted: &PortRef<'_>, protocol: Option<&str>) -> bool {
        let protocols = match wanted {
            PortRef::Number(number) => self.by_number.get(number),
            PortRef::Name(name) => self.by_name.get(name.as_ref()),
        };
        protocols.is_some_and(|it| protocol.is_none_or(|protocol| it.contains(protocol)))
    }

    /// The numbers in a message.
    pub fn numbers(&self) -> String {
        listed(self.numbers.iter().map(i64::to_string))
    }

    /// A suggestion for a reference that none of them matches.
    pub fn help(&self, wanted: &PortRef<'_>, objects: &Objects<'_>) -> String {
        let PortRef::Name(name) = wanted else {
            return "declare the port, or correct the number".to_owned();
        };
        if wanted.quoted_number().is_some() {
            return "remove the quotes: a quoted number is a port name to Kubernetes, and names need a letter".to_owned();
        }
        if self.by_name.contains_key(name.as_ref()) {
            return "a port with this name is declared with another protocol".to_owned();
        }
        let names = || self.by_name.keys().map(String::as_str);
        let similar = objects.did_you_mean(name, names(), self.by_name.len());
        match similar {
            Some(similar) => format!("did you mean `{similar}`?"),
            None if self.by_name.is_empty() => {
                "none of the ports has a name: name the port, or use its number".to_owned()
            }
            None => format!("declared ports: {}", listed(names().map(str::to_owned))),
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

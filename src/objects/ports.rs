//! References to ports, by number or name.

use std::borrow::Cow;

use crate::problem::suggestion;
use crate::yaml::{Node, Scalar, Value};

/// A reference to a port: Kubernetes' `IntOrString`.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// A suggestion for a reference that none of these ports matches.
    pub fn help<'p>(&self, ports: impl Iterator<Item = Node<'p>>) -> String {
        let PortRef::Name(name) = self else {
            return "declare the port, or correct the number".to_owned();
        };
        if self.quoted_number().is_some() {
            return "remove the quotes: a quoted number is a port name to Kubernetes, and names need a letter".to_owned();
        }
        let mut names: Vec<String> = ports
            .filter_map(|port| Some(port.text_at(["name"])?.into_owned()))
            .collect();
        names.sort();
        names.dedup();
        if names.iter().any(|declared| declared == name) {
            return "a port with this name is declared with another protocol".to_owned();
        }
        let similar = suggestion(name, names.iter().map(String::as_str));
        similar.unwrap_or_else(|| match names.is_empty() {
            true => "none of the ports has a name: name the port, or use its number".to_owned(),
            false => format!("declared ports: {}", names.join(", ")),
        })
    }
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

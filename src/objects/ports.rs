//! Ports, as others refer to them.

use std::borrow::Cow;

use crate::problem::suggestion;
use crate::yaml::{Node, Scalar, Value};

/// A port as others refer to it: Kubernetes' `IntOrString`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortRef<'n> {
    /// By its number.
    Number(i64),
    /// By its name.
    Name(Cow<'n, str>),
}

impl<'n> PortRef<'n> {
    /// The reference at a node; `None` where there is none that could be one.
    pub fn of(node: Node<'n>) -> Option<PortRef<'n>> {
        match node.scalar()? {
            Scalar::Int(number) => i64::try_from(number).ok().map(PortRef::Number),
            Scalar::Text(name) if !name.is_empty() => Some(PortRef::Name(name)),
            _ => None,
        }
    }

    /// Whether a declared port is meant, whatever its protocol. `number` is the key that holds its number.
    pub fn is(&self, port: Node<'_>, number: &str) -> bool {
        match self {
            PortRef::Number(wanted) => port.int_at([number]) == Some(*wanted),
            PortRef::Name(name) => port.text_at(["name"]).as_deref() == Some(name),
        }
    }

    /// The number that was meant where somebody has put it in quotes: names need a letter (`IsValidPortName`).
    pub fn quoted_number(&self) -> Option<Value> {
        match self {
            PortRef::Number(_) => None,
            PortRef::Name(name) => name.parse::<i64>().ok().map(Value::from),
        }
    }

    /// What may have been meant, where nothing of this name is declared among some ports.
    pub fn help<'p>(&self, ports: impl Iterator<Item = Node<'p>>) -> String {
        let PortRef::Name(name) = self else {
            return "declare the port, or correct the number".to_owned();
        };
        if self.quoted_number().is_some() {
            return "in quotes it is a name to Kubernetes, and names need a letter: leave the quotes out".to_owned();
        }
        let mut names: Vec<String> = ports
            .filter_map(|port| Some(port.text_at(["name"])?.into_owned()))
            .collect();
        names.sort();
        names.dedup();
        if names.iter().any(|declared| declared == name) {
            return "it is declared with another protocol".to_owned();
        }
        let meant = suggestion(name, names.iter().map(String::as_str));
        meant.unwrap_or_else(|| match names.is_empty() {
            true => "no port there has a name: name it, or use its number".to_owned(),
            false => format!("declared are: {}", names.join(", ")),
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

/// The protocol of a port; TCP unless it says otherwise.
pub fn protocol(port: Node<'_>) -> Cow<'_, str> {
    port.text_at(["protocol"]).unwrap_or(Cow::Borrowed("TCP"))
}

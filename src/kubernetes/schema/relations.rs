//! What validation refuses beyond the types of fields: relations between fields, and forms of values. `relations.txt` has them
//! as rows.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use jsonptr::{PointerBuf, Token};

use super::violations::{Fault, Violation};
use super::{Quantity, Versions};
use crate::kubernetes::names::{is_label, is_port_name, is_subdomain};
use crate::yaml::Node;

const TEXT: &str = include_str!("relations.txt");

/// What the rows about a type refuse.
struct Block {
    /// The number of the rule.
    rule: &'static str,
    /// Whether it is only for whole objects.
    is_top: bool,
    rows: Vec<Row>,
}

struct Row {
    /// The path of what the row is about.
    base: &'static str,
    /// The operator and its arguments.
    text: &'static str,
    conditions: Vec<Condition>,
}

/// When a row applies.
struct Condition {
    path: &'static str,
    test: Test,
}

enum Test {
    Version(Versions),
    Set,
    NotSet,
    /// One of these values, between `|`.
    Is(&'static str),
    IsNot(&'static str),
}

/// The rows about each type, read once.
fn blocks() -> &'static HashMap<&'static str, Vec<Arc<Block>>> {
    static BLOCKS: OnceLock<HashMap<&'static str, Vec<Arc<Block>>>> = OnceLock::new();
    BLOCKS.get_or_init(|| {
        let mut blocks: HashMap<_, Vec<_>> = HashMap::new();
        for block in TEXT.split("\ntype: ").skip(1) {
            let (head, rows) = block.split_once('\n').unwrap_or((block, ""));
            let (rule, types) = head.split_once(' ').unwrap_or_default();
            let block = Arc::new(Block {
                rule,
                is_top: types.starts_with("top "),
                rows: rows.lines().map(row).collect(),
            });
            for name in types.split(' ') {
                blocks.entry(name).or_default().push(Arc::clone(&block));
            }
        }
        blocks
    })
}

fn row(line: &'static str) -> Row {
    let (row, conditions) = line.split_once(" if ").unwrap_or((line, ""));
    let (base, text) = match row.strip_prefix("for ") {
        Some(row) => row.split_once(' ').unwrap_or_default(),
        None => ("", row),
    };
    let conditions = conditions.split(" & ").filter(|it| !it.is_empty());
    Row {
        base,
        text,
        conditions: conditions.map(Condition::of).collect(),
    }
}

/// A step from the checked mapping to a value below it.
#[derive(Clone)]
enum Step<'a> {
    Key(Cow<'a, str>),
    Item(usize),
}

impl Step<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Step::Key(key) => Cow::Borrowed(key),
            Step::Item(index) => Cow::Owned(index.to_string()),
        }
    }
}

/// A value below the checked one, or the place of one.
type At<'a> = (Vec<Step<'a>>, Node<'a>);

struct Relations<'a, 'v> {
    rule: &'static str,
    /// The path of the checked mapping.
    top: &'v dyn Fn() -> PointerBuf,
    required: &'v dyn Fn(&str) -> bool,
    found: &'v mut Vec<Violation<'a>>,
}

/// Finds what the rows of a type refuse.
pub(super) fn find<'a>(
    name: &str,
    (node, top): (Node<'a>, &dyn Fn() -> PointerBuf),
    is_whole: bool,
    minor: u8,
    required: &dyn Fn(&str) -> bool,
    found: &mut Vec<Violation<'a>>,
) {
    let blocks = blocks().get(name).into_iter().flatten();
    for block in blocks.filter(|it| is_whole || !it.is_top) {
        let mut relations = Relations {
            rule: block.rule,
            top,
            required,
            found,
        };
        for row in &block.rows {
            for at in expand((Vec::new(), node), row.base) {
                if at.1.is_map() && row.conditions.iter().all(|it| it.holds(at.1, minor)) {
                    relations.row(&at, row);
                }
            }
        }
    }
}

fn decoded(token: &'static str) -> Cow<'static, str> {
    match token.contains("~1") {
        true => Cow::Owned(token.replace("~1", "/")),
        false => Cow::Borrowed(token),
    }
}

/// Calls `look` with every value at a path below a node, and its steps.
fn walk<'a>(
    node: Node<'a>,
    path: &'static str,
    steps: &mut Vec<Step<'a>>,
    look: &mut dyn FnMut(&[Step<'a>], Node<'a>),
) {
    let (token, rest) = path.split_once('/').unwrap_or((path, ""));
    let mut step = |step, node| {
        steps.push(step);
        walk(node, rest, steps, look);
        steps.pop();
    };
    match token {
        "" => look(steps, node),
        "*" => {
            for (index, item) in node.items().enumerate() {
                step(Step::Item(index), item);
            }
            for (key, value) in node.entries() {
                step(Step::Key(key.text().unwrap_or_default()), value);
            }
        }
        token => {
            let key = decoded(token);
            let child = match key.parse() {
                Ok(index) if node.is_sequence() => node.item(index),
                _ => node.get(&key),
            };
            if let Some(child) = child {
                step(Step::Key(key), child);
            }
        }
    }
}

fn expand<'a>((mut steps, node): At<'a>, path: &'static str) -> Vec<At<'a>> {
    let mut found = Vec::new();
    walk(node, path, &mut steps, &mut |steps, node| {
        found.push((steps.to_vec(), node));
    });
    found
}

/// The items of the lists and the values of the maps at a path.
fn items<'a>(at: &At<'a>, path: &'static str) -> Vec<At<'a>> {
    let lists = expand(at.clone(), path).into_iter();
    lists.flat_map(|list| expand(list, "*")).collect()
}

fn is_set(node: Node<'_>, is_zero_set: bool) -> bool {
    let is_empty = node.is_null()
        || node.is_sequence() && node.is_empty_collection()
        || node.str().is_some_and(|it| it.is_empty());
    !is_empty && (is_zero_set || node.int::<i64>() != Some(0))
}

/// Whether a value at a path is set. `+` after a path of a number leaves 0 out; after one of a text it lets the empty text
/// count.
fn counts(node: Node<'_>, is_plus: bool) -> bool {
    is_set(node, !is_plus) || is_plus && node.str().is_some_and(|it| it.is_empty())
}

fn without_plus(path: &'static str) -> (&'static str, bool) {
    match path.strip_suffix('+') {
        Some(path) => (path, true),
        None => (path, false),
    }
}

/// The set values at a path.
fn set<'a>(at: &At<'a>, path: &'static str) -> Vec<At<'a>> {
    let (path, is_plus) = without_plus(path);
    let mut found = expand(at.clone(), path);
    found.retain(|(_, it)| counts(*it, is_plus));
    found
}

fn has(node: Node<'_>, path: &'static str) -> bool {
    let (path, is_plus) = without_plus(path);
    let mut has = false;
    walk(node, path, &mut Vec::new(), &mut |_, it| {
        has |= counts(it, is_plus);
    });
    has
}

impl Condition {
    fn of(text: &'static str) -> Condition {
        let (path, test) = if let Some(path) = text.strip_prefix('!') {
            (path, Test::NotSet)
        } else if let Some((path, values)) = text.split_once("!=") {
            (path, Test::IsNot(values))
        } else if let Some((path, values)) = text.split_once('=') {
            (path, Test::Is(values))
        } else {
            (text, Versions::parse(text).map_or(Test::Set, Test::Version))
        };
        Condition { path, test }
    }

    fn holds(&self, node: Node<'_>, minor: u8) -> bool {
        let is = |values: &str| {
            let mut text = None;
            walk(node, self.path, &mut Vec::new(), &mut |_, it| {
                text.get_or_insert(it.text().filter(|_| !it.is_null()));
            });
            let text = text.flatten().unwrap_or_default();
            values.split('|').any(|it| it == text)
        };
        match &self.test {
            Test::Version(versions) => versions.has(minor),
            Test::Set => has(node, self.path),
            Test::NotSet => !has(node, self.path),
            Test::Is(values) => is(values),
            Test::IsNot(values) => !is(values),
        }
    }
}

/// The name of a path in a message.
struct Name(&'static str);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.trim_end_matches(['+', '*', '/']);
        let path = path.rsplit_once("*/").map_or(path, |(_, it)| it);
        write!(f, "`{}`", path.replace('/', ".").replace("~1", "/"))
    }
}

/// The conditions in words.
fn when(conditions: &[Condition]) -> String {
    let values = |it: &str| it.trim_end_matches('|').replace('|', " or ");
    let word = |it: &Condition| {
        let name = Name(it.path);
        Some(match it.test {
            Test::Version(_) => return None,
            Test::Set => format!("{name} is set"),
            Test::NotSet => format!("{name} is not set"),
            Test::Is(wanted) => format!("{name} is {}", values(wanted)),
            Test::IsNot(refused) => format!("{name} is not {}", values(refused)),
        })
    };
    let words: Vec<_> = conditions.iter().filter_map(word).collect();
    match words.is_empty() {
        true => String::new(),
        false => format!(" if {}", words.join(" and ")),
    }
}

impl<'a> Relations<'a, '_> {
    fn report(&mut self, (steps, node): At<'a>, message: String) {
        let mut path = (self.top)();
        for step in &steps {
            path.push_back(Token::new(step.text()));
        }
        // One fault is one finding. What only server-side apply refuses gives way to what is always refused.
        let from = self.found.len().saturating_sub(64);
        match self.found[from..].iter().position(|it| it.path == path) {
            Some(at) if matches!(self.found[from + at].fault, Fault::Duplicate { .. }) => {
                self.found.remove(from + at);
            }
            Some(at) if !matches!(self.found[from + at].fault, Fault::Gated(_)) => return,
            _ => {}
        }
        let rule = self.rule;
        let fault = Fault::Relation { rule, message };
        self.found.push(Violation { node, path, fault });
    }

    fn row(&mut self, at: &At<'a>, row: &Row) {
        let is_own = row.base.is_empty();
        let mut words = row.text.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (operator, path, first, second) = (word(), word(), word(), word());
        let name = Name(path);
        let when = || when(&row.conditions);
        match operator {
            "need" => {
                let found = expand(at.clone(), path);
                let is_missing = match found.first() {
                    // A required field that is missing is reported as such.
                    None => !(is_own && (self.required)(path)),
                    Some((_, it)) if it.is_null() => !(is_own && (self.required)(path)),
                    Some((_, it)) => !is_set(*it, true) || it.is_map() && it.is_empty_collection(),
                };
                if is_missing {
                    let mut steps = at.0.clone();
                    steps.extend(path.split('/').map(|it| Step::Key(decoded(it))));
                    let node = found.first().map_or(at.1, |it| it.1);
                    self.report((steps, node), format!("{name} must be set{}", when()));
                }
            }
            "not" => {
                for it in set(at, path) {
                    self.report(it, format!("{name} must not be set{}", when()));
                }
            }
            "one" | "any" | "most" => {
                let found: Vec<_> = path.split(',').flat_map(|it| set(at, it)).collect();
                let names = || {
                    let names: Vec<_> = path.split(',').map(|it| Name(it).to_string()).collect();
                    match names.len() > 6 {
                        true => format!("{}, …", names[..6].join(", ")),
                        false => names.join(", "),
                    }
                };
                match (operator, found.len()) {
                    ("one" | "any", 0) => {
                        let count = if operator == "one" {
                            "one"
                        } else {
                            "at least one"
                        };
                        let message = format!("{count} of {} must be set{}", names(), when());
                        self.report(at.clone(), message);
                    }
                    ("one" | "most", 2..) => {
                        let message = format!("only one of {} can be set{}", names(), when());
                        found
                            .into_iter()
                            .skip(1)
                            .take(1)
                            .for_each(|it| self.report(it, message.clone()));
                    }
                    _ => {}
                }
            }
            "in" => {
                for it in set(at, path) {
                    if !it
                        .1
                        .text()
                        .is_some_and(|text| first.split('|').any(|it| it == text))
                    {
                        let message = match first {
                            "" => format!("{name} cannot have this value{}", when()),
                            _ => format!("{name} must be {}{}", first.replace('|', " or "), when()),
                        };
                        self.report(it, message);
                    }
                }
            }
            "range" => {
                let bound = |it: &str| it.parse::<i64>().unwrap_or_default();
                for it in expand(at.clone(), path) {
                    let value = it.1.int::<i64>();
                    if value.is_some_and(|it| !(bound(first)..=bound(second)).contains(&it)) {
                        let message = match bound(second) >= i64::from(i32::MAX) {
                            true => format!("{name} must be at least {first}"),
                            false => format!("{name} must be from {first} to {second}"),
                        };
                        self.report(it, message);
                    }
                }
            }
            "above" => {
                for it in expand(at.clone(), path) {
                    let quantity = Quantity::of_node(it.1);
                    let is_low = |it: Quantity| it.is_negative() || first == "0" && it.is_zero();
                    if quantity.is_ok_and(is_low) {
                        let least = if first == "0" {
                            "greater than 0"
                        } else {
                            "0 or more"
                        };
                        self.report(it, format!("{name} must be {least}"));
                    }
                }
            }
            "le" => self.at_most(at, path, first),
            "distinct" => {
                let (main, others) = first.split_once(',').unwrap_or((first, ""));
                let mut seen = std::collections::HashSet::new();
                for item in items(at, path) {
                    let text = |key: &'static str| {
                        let node = set(&item, key).first().map(|it| it.1)?;
                        Some(node.text()?.into_owned())
                    };
                    let Some(key) = text(main) else { continue };
                    let other = match others {
                        "" => String::new(),
                        "protocol" => text(others).unwrap_or_else(|| "TCP".to_owned()),
                        others => text(others).unwrap_or_default(),
                    };
                    if !seen.insert((key, other)) {
                        let key = main.trim_end_matches('+');
                        let message = match key {
                            "" => format!("an earlier item of {name} has the same value"),
                            key => format!("an earlier item of {name} has the same {key}"),
                        };
                        self.report(item, message);
                    }
                }
            }
            "named" => {
                let items = items(at, path);
                if items.len() > 1 {
                    for mut item in items {
                        if !has(item.1, "name") {
                            item.0.push(Step::Key("name".into()));
                            self.report(item, format!("each of several {path} must have a name"));
                        }
                    }
                }
            }
            "alone" => {
                for list in expand(at.clone(), path) {
                    let is_with = list.1.items().any(|it| it.text().as_deref() == Some(first));
                    let is_other = list.1.items().any(|it| it.text().as_deref() != Some(first));
                    if is_with && is_other {
                        self.report(list, format!("{first} must be the only item of {name}"));
                    }
                }
            }
            "form" | "keys" => {
                for it in expand(at.clone(), path) {
                    let keys = match operator {
                        "keys" => it.1.entries().map(|(key, _)| key).collect(),
                        _ if is_set(it.1, true) => vec![it.1],
                        _ => Vec::new(),
                    };
                    for key in keys {
                        let Some(words) = key.text().and_then(|text| fault(first, key, &text))
                        else {
                            continue;
                        };
                        let message = match operator {
                            "keys" => format!("a key of {name} must be {words}"),
                            _ => format!("{name} must be {words}{}", when()),
                        };
                        let mut steps = it.0.clone();
                        if operator == "keys" {
                            steps.push(Step::Key(key.text().unwrap_or_default()));
                        }
                        self.report((steps, key), message);
                    }
                }
            }
            "size" => {
                let bound = |it: &str| it.parse::<usize>().unwrap_or_default();
                for it in expand(at.clone(), path) {
                    if it.1.is_sequence() && !(bound(first)..=bound(second)).contains(&it.1.len()) {
                        let message = match it.1.len() < bound(first) {
                            true => format!("{name} must have at least {first} items"),
                            false => format!("{name} can have at most {second} items"),
                        };
                        self.report(it, message);
                    }
                }
            }
            "only" => {
                for it in items(at, path) {
                    let key = it.0.last().map(|it| it.text().into_owned());
                    if !key.is_some_and(|key| first.split('|').any(|it| it == key)) {
                        self.report(
                            it,
                            format!("{name} can only have {}", first.replace('|', " and ")),
                        );
                    }
                }
            }
            "once" => {
                let items = items(at, path).into_iter().flat_map(|it| expand(it, first));
                let count = items.filter(|(_, it)| it.bool() == Some(true)).count();
                let lists = expand(at.clone(), path).into_iter();
                for list in lists.filter(|it| count != 1 && !it.1.is_empty_collection()) {
                    let message = format!("`{first}` must be true in exactly one item of {name}");
                    self.report(list, message);
                }
            }
            "joined" => {
                let text = |path: &str| at.1.text_at(path.split('/')).unwrap_or_default();
                let whole = format!("{}.{}", text(first), text(second));
                for it in set(at, path) {
                    if it.1.text().is_some_and(|it| it != whole) {
                        let (first, second) = (Name(first), Name(second));
                        let message =
                            format!("{name} must be {first} and {second}, joined with a dot");
                        self.report(it, message);
                    }
                }
            }
            "total" => {
                // Four digits of base64 are three bytes, of which two may be none. `stringData` replaces values of `data`.
                let is_digit = |it: &u8| !matches!(it, b'\n' | b'\r');
                let plain = items(at, path).into_iter();
                let plain = plain.filter_map(|it| Some(it.1.text()?.len()));
                let coded = at.1.get(first).into_iter().flat_map(Node::entries);
                let coded = coded.filter_map(|(key, value)| {
                    let is_replaced = at.1.at([path, &*key.text()?]).is_some();
                    let digits = value.text()?.bytes().filter(is_digit).count();
                    (!is_replaced).then(|| (digits / 4 * 3).saturating_sub(2))
                });
                let bytes: usize = plain.chain(coded).sum();
                if second.parse().is_ok_and(|most: usize| bytes > most) {
                    self.report(at.clone(), "the data must have at most 1 MiB".to_owned());
                }
            }
            "apart" => {
                for it in items(at, path) {
                    let key =
                        it.0.last()
                            .map(|it| it.text().into_owned())
                            .unwrap_or_default();
                    if at
                        .1
                        .get(first)
                        .is_some_and(|other| other.get(&key).is_some())
                    {
                        self.report(it, format!("{} has the same key", Name(first)));
                    }
                }
            }
            _ => debug_assert!(false, "unknown operator in {}", row.text),
        }
    }

    /// A number is at most another, or each quantity of a map is at most that of another.
    fn at_most(&mut self, at: &At<'a>, low: &'static str, high: &str) {
        let (Some(below), Some(above)) = (at.1.get(low), at.1.get(high)) else {
            return;
        };
        let message = format!("`{low}` must be at most `{high}`");
        let mut steps = at.0.clone();
        steps.push(Step::Key(low.into()));
        if let (Some(least), Some(most)) = (below.int::<i64>(), above.int::<i64>()) {
            if least > most {
                self.report((steps, below), message);
            }
            return;
        }
        for (key, value) in below.entries() {
            let key = key.text().unwrap_or_default();
            let other = above.get(&key).map(Quantity::of_node);
            if let (Ok(value_of), Some(Ok(other))) = (Quantity::of_node(value), other)
                && value_of > other
            {
                let mut steps = steps.clone();
                steps.push(Step::Key(key));
                self.report((steps, value), message.clone());
            }
        }
    }
}

/// What a text must be that has not this form.
fn fault(form: &str, node: Node<'_>, text: &str) -> Option<&'static str> {
    let number = node.int::<i64>().filter(|_| node.str().is_none());
    let is_wildcard = |it: &str| it.strip_prefix("*.").is_some_and(is_subdomain) && it.len() <= 253;
    let is_host = |it: &str| match it.contains('*') {
        true => is_wildcard(it),
        false => is_subdomain(it),
    };
    let (is_right, words) = match form {
        "label" => (
            is_label(text),
            "at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends",
        ),
        "dns1035" => (
            is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase()),
            "at most 63 lower-case letters, digits and `-`, with a letter first and a letter or digit last",
        ),
        "subdomain" => (is_subdomain(text), "a DNS name in lower case"),
        "qualified" => (
            is_subdomain(text) && text.matches('.').count() >= 2,
            "a DNS name in lower case with at least three parts",
        ),
        "domainpath" => (
            text.len() <= 250
                && text
                    .split_once('/')
                    .is_some_and(|(domain, path)| is_subdomain(domain) && !path.is_empty()),
            "a domain and a path, such as `example.com/name`",
        ),
        "host" => (
            is_host(text) && ip(text).is_none(),
            "a DNS name in lower case, which can begin with `*.`",
        ),
        "wildcard" => (
            is_host(text),
            "a DNS name in lower case, which can begin with `*.`",
        ),
        "absolute" | "rooted" => (text.starts_with('/'), "a path that begins with `/`"),
        "clean" => (
            !["//", "/./", "/../", "%2f", "%2F"]
                .iter()
                .any(|it| text.contains(it))
                && !text.ends_with("/..")
                && !text.ends_with("/."),
            "a path without `//`, `/./`, `/../` and `%2F`",
        ),
        "portname" => (
            is_port_name(text),
            "at most 15 lower-case letters, digits and `-`, with a letter, such as `http`",
        ),
        "port" => (
            number.map_or_else(
                || node.str().is_none() || is_port_name(text),
                |it| (1..=65535).contains(&it),
            ),
            "a number from 1 to 65535, or the name of a port",
        ),
        "number" => (number.is_some(), "a number"),
        "segment" => (
            !matches!(text, "." | "..") && !text.contains(['/', '%']),
            "a name without `/` and `%`",
        ),
        "key" => (
            text.len() <= 253
                && text != "."
                && !text.starts_with("..")
                && !text.is_empty()
                && text
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)),
            "at most 253 letters, digits, `-`, `_` and `.`",
        ),
        "ip" => (ip(text).is_some(), "an IP address"),
        "ipv4" => (ip(text).is_some_and(|it| it.is_ipv4()), "an IPv4 address"),
        "ipv6" => (ip(text).is_some_and(|it| it.is_ipv6()), "an IPv6 address"),
        "cidr" => (
            text.trim()
                .split_once('/')
                .is_some_and(|(address, length)| {
                    let most = ip(address).map_or(0, |it| if it.is_ipv4() { 32 } else { 128 });
                    most > 0 && length.parse::<u8>().is_ok_and(|it| it <= most)
                }),
            "a range of addresses, such as `10.0.0.0/8`",
        ),
        "percent" => (
            match node.str() {
                None => number.is_none_or(|it| it >= 0),
                Some(text) => text.strip_suffix('%').is_some_and(|it| {
                    !it.is_empty()
                        && it.bytes().all(|c| c.is_ascii_digit())
                        && it.parse::<u32>().is_ok_and(|it| it <= 100)
                }),
            },
            "0 or more, or a percentage of at most 100%",
        ),
        // An object of JSON is one of YAML as well; what is not even begun and ended as one is refused.
        "json" => (
            text.trim().starts_with('{') && text.trim().ends_with('}'),
            "a JSON object",
        ),
        _ => (true, ""),
    };
    (!is_right).then_some(words)
}

/// An address as Go's sloppy parser reads it, with leading zeros.
fn ip(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let octet = |it: &&str| {
        it.bytes()
            .all(|c| c.is_ascii_digit())
            .then(|| it.parse::<u8>().ok())?
    };
    let octets: Vec<u8> = parts.iter().filter_map(octet).collect();
    let octets: [u8; 4] = octets.try_into().ok().filter(|_| parts.len() == 4)?;
    Some(IpAddr::V4(Ipv4Addr::from(octets)))
}

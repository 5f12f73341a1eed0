//! Paths in an object: keys, `name[]` for the items of a list, `*` for the values of a map.

use jsonptr::{Pointer, PointerBuf};

use crate::kubernetes::schema::Object;
use crate::problem::{Problem, field_path};
use crate::read::Resource;
use crate::yaml::{Node, push_token};

/// A path with more tokens.
pub fn below<'t, T>(path: &Pointer, tokens: T) -> PointerBuf
where
    T: IntoIterator<Item = &'t str, IntoIter: Clone>,
{
    let tokens = tokens.into_iter();
    // Each change and each finding has one, so it has no room for more. Escaped tokens are rare.
    let length: usize = tokens.clone().map(|token| 1 + token.len()).sum();
    let mut text = String::with_capacity(path.len() + length);
    text.push_str(path.as_str());
    for token in tokens {
        push_token(&mut text, token);
    }
    // It is valid: each token is escaped.
    PointerBuf::parse(text).unwrap_or_default()
}

/// What is wrong with a configured path, if anything.
pub(super) fn fault(path: &str) -> Option<String> {
    let is_bad = |key: &&str| {
        let name = key.strip_suffix("[]").unwrap_or(key);
        name.is_empty() || name.contains(['[', ']']) || name.contains('*') && *key != "*"
    };
    let bad = path.split('/').find(is_bad)?;
    Some(format!("`{bad}` in `{path}` is not a key, `name[]` or `*`"))
}

/// The mappings at a path, with their pointers; empty if absent.
pub(super) fn places_in<'a>(
    resource: &'a Resource<'a>,
    path: &str,
) -> Result<Vec<(PointerBuf, Node<'a>)>, Problem> {
    places_below(resource, (Pointer::root(), resource.node), path)
}

/// The mappings at a path below a node.
pub(super) fn places_below<'a>(
    resource: &'a Resource<'a>,
    (at, node): (&Pointer, Node<'a>),
    path: &str,
) -> Result<Vec<(PointerBuf, Node<'a>)>, Problem> {
    // Up to the first list or map there is one place.
    let end = match memchr::memchr2(b'[', b'*', path.as_bytes()) {
        Some(at) => path[..at].rfind('/').map_or(0, |slash| slash + 1),
        None => path.len(),
    };
    let (first, rest) = path.split_at(end);
    let (mut only, mut walked) = (node, 0);
    for key in keys(first) {
        match map_at(resource, only, &|| below(at, keys(&first[..walked])), key)? {
            Some(node) => only = node,
            None => return Ok(Vec::new()),
        }
        walked += key.len() + 1;
    }
    let mut places = vec![(below(at, keys(first)), only)];
    for key in keys(rest) {
        let mut below_here = Vec::new();
        for (at, node) in places {
            match key.strip_suffix("[]") {
                Some(list) => {
                    let Some(items) = node.get(list) else {
                        continue;
                    };
                    let path = below(&at, [list]);
                    for item in maps_in(resource, Some(items), || path.clone())? {
                        let (index, item) = item?;
                        below_here.push((below(&path, [index.to_string().as_str()]), item));
                    }
                }
                None if key == "*" => {
                    for (key, _) in node.entries() {
                        let key = key.text().unwrap_or_default();
                        if let Some(value) = map_at(resource, node, &|| at.clone(), &key)? {
                            below_here.push((below(&at, [key.as_ref()]), value));
                        }
                    }
                }
                None => {
                    let value = map_at(resource, node, &|| at.clone(), key)?;
                    below_here.extend(value.map(|value| (below(&at, [key]), value)));
                }
            }
        }
        places = below_here;
    }
    Ok(places)
}

/// The keys of a path.
fn keys(path: &str) -> impl Iterator<Item = &str> + Clone {
    path.split('/').filter(|key| !key.is_empty())
}

/// The mapping at a key of the node at a path; `None` if absent or null.
pub(super) fn map_at<'a>(
    resource: &'a Resource<'a>,
    node: Node<'a>,
    path: &dyn Fn() -> PointerBuf,
    key: &str,
) -> Result<Option<Node<'a>>, Problem> {
    match node.at([key]) {
        Some(node) if !node.is_map() => Err(expected(
            resource,
            node,
            "a mapping",
            &below(&path(), [key]),
        )),
        node => Ok(node),
    }
}

/// The items of the list of mappings at a path, with their positions; none if absent or null.
pub(super) fn maps_in<'a>(
    resource: &'a Resource<'a>,
    list: Option<Node<'a>>,
    path: impl Fn() -> PointerBuf,
) -> Result<impl Iterator<Item = Result<(usize, Node<'a>), Problem>>, Problem> {
    let list = list.filter(|list| !list.is_null());
    if let Some(list) = list.filter(|list| !list.is_sequence()) {
        return Err(expected(resource, list, "a list", &path()));
    }
    let check = move |(index, item): (usize, Node<'a>)| match item.is_map() {
        true => Ok((index, item)),
        false => {
            let path = below(&path(), [index.to_string().as_str()]);
            Err(expected(resource, item, "a mapping", &path))
        }
    };
    let items = list.into_iter().flat_map(Node::items);
    Ok(items.enumerate().map(check))
}

/// Checks the types of fields that a part of an object shares with Kubernetes' own kinds.
pub(super) fn typed<'a>(
    resource: &Resource<'a>,
    at: &Pointer,
    fields: &'static Object,
    node: Node<'a>,
    is_read: impl Fn(&str) -> bool,
) -> Result<(), Problem> {
    let mut mismatches = fields.types(node).mismatches.into_iter();
    let first = mismatches.find(|it| it.path.front().is_none_or(|it| is_read(&it.decoded())));
    first.map_or(Ok(()), |mut mismatch| {
        mismatch.path = at.concat(&mismatch.path);
        Err(resource.mismatch(mismatch))
    })
}

/// The problem that a field has the wrong type.
pub fn expected<'a>(
    resource: &Resource<'a>,
    node: Node<'a>,
    what: &str,
    path: &Pointer,
) -> Problem {
    let message = format!("expected {what}, found {}", crate::secrets::described(node));
    resource.problem("FIT-INP003", message, node, field_path(path))
}

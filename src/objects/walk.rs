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
    places_below(resource, PointerBuf::new(), resource.node, path)
}

/// The mappings at a path below a node.
pub(super) fn places_below<'a>(
    resource: &'a Resource<'a>,
    at: PointerBuf,
    node: Node<'a>,
    path: &str,
) -> Result<Vec<(PointerBuf, Node<'a>)>, Problem> {
    let mut places = vec![(at, node)];
    for key in path.split('/').filter(|key| !key.is_empty()) {
        let mut below_here = Vec::new();
        for (at, node) in places {
            match key.strip_suffix("[]") {
                Some(list) => {
                    let Some(items) = node.get(list) else {
                        continue;
                    };
                    let path = below(&at, [list]);
                    let items = maps_in(resource, Some(items), &path)?;
                    below_here.reserve_exact(items.len());
                    for (index, item) in items {
                        below_here.push((below(&path, [index.to_string().as_str()]), item));
                    }
                }
                None if key == "*" => {
                    for (key, _) in node.entries() {
                        let key = key.text().unwrap_or_default();
                        if let Some(value) = map_at(resource, node, &at, &key)? {
                            below_here.push((below(&at, [key.as_ref()]), value));
                        }
                    }
                }
                None => {
                    let value = map_at(resource, node, &at, key)?;
                    below_here.extend(value.map(|value| (below(&at, [key]), value)));
                }
            }
        }
        places = below_here;
    }
    Ok(places)
}

/// The mapping at a key; `None` if absent or null.
pub(super) fn map_at<'a>(
    resource: &'a Resource<'a>,
    node: Node<'a>,
    path: &Pointer,
    key: &str,
) -> Result<Option<Node<'a>>, Problem> {
    match node.at([key]) {
        Some(node) if !node.is_map() => {
            Err(expected(resource, node, "a mapping", &below(path, [key])))
        }
        node => Ok(node),
    }
}

/// The items of a list of mappings with their positions; empty if absent or null.
pub(super) fn maps_in<'a>(
    resource: &'a Resource<'a>,
    list: Option<Node<'a>>,
    path: &Pointer,
) -> Result<Vec<(usize, Node<'a>)>, Problem> {
    let Some(list) = list.filter(|list| !list.is_null()) else {
        return Ok(Vec::new());
    };
    if !list.is_sequence() {
        return Err(expected(resource, list, "a list", path));
    }
    let check = |(index, item): (usize, Node<'a>)| match item.is_map() {
        true => Ok((index, item)),
        false => {
            let path = below(path, [index.to_string().as_str()]);
            Err(expected(resource, item, "a mapping", &path))
        }
    };
    list.items().enumerate().map(check).collect()
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

//! The fields that an argument names.

use fitout::explain::{ExplainedField, Explanation, name_of_item, unmanaged};
use fitout::finding::Part;
use fitout::problem::did_you_mean;
use fitout::read::Resource;
use fitout::yaml::{Node, unescaped};
use jsonptr::PointerBuf;

use super::super::{Failure, WRONG_USE};

/// The fields that an argument names; a field that no section sets is added.
pub(super) fn chosen(
    written: &str,
    resource: &Resource<'_>,
    explanation: &mut Explanation,
) -> Result<Vec<usize>, Failure> {
    let (container, path) = match written.split_once(':') {
        Some((container, path)) if !container.contains(['.', '[', '/']) => (Some(container), path),
        _ => (None, written),
    };
    let wanted = tokens(path);
    // The longest match is the one that is meant: the whole path, then its beginning, then a part of it.
    let mut best: (u8, Vec<usize>) = (0, Vec::new());
    for (index, field) in explanation.fields.iter().enumerate() {
        if container.is_some_and(|it| !is_of_container(it, field)) {
            continue;
        }
        let rank = rank(
            &wanted,
            &tokens(&field.path),
            &tokens(field.pointer.as_str()),
        );
        match rank.cmp(&best.0) {
            std::cmp::Ordering::Greater => best = (rank, vec![index]),
            std::cmp::Ordering::Equal if rank > 0 => best.1.push(index),
            _ => {}
        }
    }
    if best.0 > 0 {
        return Ok(best.1);
    }
    let whole = match container {
        None => Some(wanted.clone()),
        Some(container) => {
            let mut fields = explanation.fields.iter();
            let field = fields.find(|it| is_of_container(container, it));
            field.map(|field| {
                let mut whole = tokens(field.pointer.as_str());
                whole.truncate(whole.len() - tokens(&field.short_path).len());
                whole.extend_from_slice(&wanted);
                whole
            })
        }
    };
    let in_manifest = whole.and_then(|it| in_manifest(&it, resource));
    if let Some(field) = in_manifest.and_then(|it| unmanaged(resource, it)) {
        explanation.fields.push(field);
        return Ok(vec![explanation.fields.len() - 1]);
    }
    let name = resource.display_name();
    let message = format_args!(
        "error: {name} has no field `{written}` that is set or that the config could set"
    );
    let failure = Failure::new(WRONG_USE, message);
    let paths = || explanation.fields.iter().map(|it| it.path.as_str());
    // People mostly write the end of a path.
    let count = wanted.len().max(1);
    let ends = paths().map(|path| {
        let mut starts = path.rmatch_indices('.').map(|(at, _)| at + 1);
        starts.nth(count - 1).map_or(path, |start| &path[start..])
    });
    let help = match did_you_mean(path, paths().chain(ends)) {
        Some(nearest) => {
            let container = container.map_or(String::new(), |it| format!("{it}:"));
            format!("did you mean `{container}{nearest}`?")
        }
        None => format!("`fitout explain` without a field lists the fields of {name}"),
    };
    Err(failure.note(format_args!("  = help: {help}")))
}

fn is_of_container(container: &str, field: &ExplainedField) -> bool {
    matches!(&field.part, Part::Container { name, .. } if **name == *container)
}

/// How well a path names a field: 4 for the whole path, 3 for its beginning, 2 for its end, 1 for another part.
fn rank(wanted: &[String], named: &[String], numbered: &[String]) -> u8 {
    let is_key =
        |at: usize, key: &String| named.get(at) == Some(key) || numbered.get(at) == Some(key);
    let count = named.len();
    if wanted.is_empty() || wanted.len() > count {
        return 0;
    }
    let is_at = |start: usize| {
        wanted
            .iter()
            .enumerate()
            .all(|(at, key)| is_key(start + at, key))
    };
    let last = count - wanted.len();
    match (is_at(0), last) {
        (true, 0) => 4,
        (true, _) => 3,
        (false, _) if is_at(last) => 2,
        (false, _) if (1..last).any(is_at) => 1,
        _ => 0,
    }
}

/// The keys of a path: `a.b[c].d`, `a.b["c.d"]`, `a.b[name=c]` or `/a/b/0`.
fn tokens(path: &str) -> Vec<String> {
    if let Some(path) = path.strip_prefix('/') {
        let tokens = path.split('/');
        return tokens.map(|it| unescaped(it).into_owned()).collect();
    }
    let mut tokens = Vec::new();
    let mut key = String::new();
    let mut rest = path.trim_start_matches(['.', '$']);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '.' => tokens.extend((!key.is_empty()).then(|| std::mem::take(&mut key))),
            '[' => {
                tokens.extend((!key.is_empty()).then(|| std::mem::take(&mut key)));
                let (inside, after) = rest.split_once(']').unwrap_or((rest, ""));
                let inside = inside.trim_start_matches("name=").trim_matches(['"', '\'']);
                tokens.push(inside.to_owned());
                rest = after;
            }
            c => key.push(c),
        }
    }
    tokens.extend((!key.is_empty()).then_some(key));
    tokens
}

/// The pointer of a path in the manifest, where items of lists go by name or number.
fn in_manifest(wanted: &[String], resource: &Resource<'_>) -> Option<PointerBuf> {
    let mut node = resource.node;
    let mut pointer = PointerBuf::new();
    for key in wanted {
        let (next, token) = if node.is_sequence() {
            let is_named = |item: &Node<'_>| name_of_item(*item).as_deref() == Some(key.as_str());
            let index = node
                .items()
                .position(|item| is_named(&item))
                .or_else(|| key.parse().ok())?;
            (node.item(index)?, index.to_string())
        } else {
            (node.get(key)?, key.clone())
        };
        pointer.push_back(jsonptr::Token::new(token));
        node = next;
    }
    (!wanted.is_empty()).then_some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_people_write_them() {
        let keys = ["spec", "containers", "web", "resources"];
        for path in [
            "spec.containers[web].resources",
            ".spec.containers[name=web].resources",
            "spec.containers[\"web\"].resources",
            "/spec/containers/web/resources",
        ] {
            assert_eq!(tokens(path), keys, "{path}");
        }
        assert_eq!(
            tokens("metadata.annotations[\"a.b/c\"]"),
            ["metadata", "annotations", "a.b/c"]
        );
        assert_eq!(tokens(""), [""; 0]);
    }

    #[test]
    fn the_whole_path_counts_most() {
        let field = tokens("spec.containers[web].resources.limits.memory");
        let numbered = tokens("/spec/containers/0/resources/limits/memory");
        let rank = |path: &str| rank(&tokens(path), &field, &numbered);
        assert_eq!(rank("spec.containers[0].resources.limits.memory"), 4);
        assert_eq!(rank("spec.containers[web].resources"), 3);
        assert_eq!(rank("limits.memory"), 2);
        assert_eq!(rank("limits"), 1);
        assert_eq!(rank("limits.cpu"), 0);
    }
}

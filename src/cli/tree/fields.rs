//! Fields of kustomizations and of kustomize's plugins. kustomize decodes both with Go's `encoding/json`, which takes a key for
//! a field whatever the case of its letters (`Unmarshal` in kustomize `api/types/kustomization.go`).

use std::borrow::Cow;

use fitout::yaml::Node;

/// The values of a field: several if a map has it in several spellings.
pub(in crate::cli) fn fields<'a>(
    of: Node<'a>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a>> {
    let is_it = move |key: Node<'a>| key.text().is_some_and(|key| names(&key, name));
    let entries = of.entries().filter(move |(key, _)| is_it(*key));
    entries.map(|(_, value)| value)
}

/// The text of a field.
pub(in crate::cli) fn text<'a>(of: Node<'a>, name: &'static str) -> Option<Cow<'a, str>> {
    let mut values = fields(of, name).filter(|it| !it.is_null());
    values.find_map(Node::text)
}

/// The items of a list.
pub(in crate::cli) fn items<'a>(
    of: Node<'a>,
    list: &'static str,
) -> impl Iterator<Item = Node<'a>> {
    fields(of, list).flat_map(Node::items)
}

/// The texts of a list, or of the one text that takes its place.
pub(in crate::cli) fn texts(of: Node<'_>, list: &'static str) -> Vec<String> {
    let own = text(of, list);
    let items = items(of, list).filter_map(Node::text);
    own.into_iter().chain(items).map(Cow::into_owned).collect()
}

/// Whether a key names a field: two letters outside of ASCII fold to letters of it.
fn names(key: &str, field: &str) -> bool {
    let folded = key.chars().map(|c| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    });
    folded.eq(field.chars().map(|c| c.to_ascii_lowercase()))
}

//! How capabilities are spelled.

use k8s_openapi::api::core::v1 as core;

/// The name of a capability as Kubernetes writes it, where this is another spelling of it.
pub fn spelling(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let right = upper.strip_prefix("CAP_").unwrap_or(&upper);
    (right != name).then(|| right.to_owned())
}

/// The configured capabilities, each with the list that it is in.
pub(super) fn capabilities(
    context: &core::SecurityContext,
) -> impl Iterator<Item = (&'static str, &str)> {
    let lists = context.capabilities.as_ref();
    let add = lists.and_then(|it| it.add.as_ref()).into_iter().flatten();
    let drop = lists.and_then(|it| it.drop.as_ref()).into_iter().flatten();
    let add = add.map(|name| ("add", name.as_str()));
    add.chain(drop.map(|name| ("drop", name.as_str())))
}

//! Where a field belongs that is written in another place of an object.

use super::{Object, Type};

/// How many levels below a mapping are searched.
const DEPTH: usize = 3;

impl Object {
    /// The place of the field `name`, near the mapping at `path`: below it, or below what holds it. None if several are as near.
    #[must_use]
    pub fn place_of(&'static self, path: &[&str], name: &str, minor: u8) -> Option<String> {
        // The mappings that hold it, from the object.
        let mut holders = vec![(self, String::new())];
        // A list or map on the way to the next one.
        let mut on_the_way: Option<(&'static Type, String)> = None;
        for token in path {
            let (next, place) = match on_the_way.take() {
                Some((Type::List(item), place)) => (&**item, place + "[*]"),
                Some((Type::Map(value), place)) => (&**value, place + ".*"),
                _ => {
                    let (holder, place) = holders.last()?;
                    (holder.field(token)?, joined(place, token))
                }
            };
            match next {
                Type::Nested(object) => holders.push((object.get(), place)),
                other => on_the_way = Some((other, place)),
            }
        }
        holders.iter().rev().find_map(|(holder, place)| {
            let mut level = vec![(*holder, place.clone())];
            for depth in 0..=DEPTH {
                let has = |of: &Object| {
                    let rows = of.rows(name).iter();
                    depth > 0 && rows.clone().any(|row| row.versions.has(minor))
                };
                let found: Vec<_> = level.iter().filter(|(of, _)| has(of)).collect();
                // The ordinary containers stand for all.
                let is_other = |place: &str| {
                    place.contains("initContainers") || place.contains("ephemeralContainers")
                };
                let mut ordinary = found.iter().filter(|(_, place)| !is_other(place));
                if let Some((_, place)) = ordinary.next() {
                    return ordinary.next().is_none().then(|| place.clone());
                }
                level = level
                    .iter()
                    .flat_map(|(of, place)| of.below(place, minor))
                    .collect();
            }
            None
        })
    }

    /// The mappings one level below, and their places.
    fn below(&'static self, place: &str, minor: u8) -> Vec<(&'static Object, String)> {
        let fields = self.fields.iter().filter(|it| it.versions.has(minor));
        let nested = fields.filter_map(|field| {
            let place = joined(place, field.name);
            match &field.of {
                Type::Nested(of) => Some((of.get(), place)),
                Type::List(item) => match &**item {
                    Type::Nested(of) => Some((of.get(), place + "[*]")),
                    _ => None,
                },
                _ => None,
            }
        });
        nested.collect()
    }
}

fn joined(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::fields_of;

    #[test]
    fn a_field_belongs_near_where_it_is_written() {
        let rows = [
            (
                "apps/v1",
                "Deployment",
                "spec.template.spec.containers.0.securityContext",
                "fsGroup",
                Some("spec.template.spec.securityContext"),
            ),
            (
                "v1",
                "Pod",
                "spec.securityContext",
                "capabilities",
                Some("spec.containers[*].securityContext"),
            ),
            (
                "batch/v1",
                "CronJob",
                "spec",
                "backoffLimit",
                Some("spec.jobTemplate.spec"),
            ),
            (
                "apps/v1",
                "Deployment",
                "spec.strategy",
                "maxSurge",
                Some("spec.strategy.rollingUpdate"),
            ),
            (
                "apps/v1",
                "Deployment",
                "spec",
                "nodeSelector",
                Some("spec.template.spec"),
            ),
            ("v1", "Pod", "", "namespace", Some("metadata")),
            ("v1", "Pod", "spec.containers.0", "livenessProb", None),
            ("v1", "Pod", "spec.containers.0", "httpGet", None),
        ];
        for (version, kind, path, name, place) in rows {
            let path: Vec<&str> = path.split('.').filter(|it| !it.is_empty()).collect();
            let of = fields_of(version, kind).unwrap();
            assert_eq!(of.place_of(&path, name, 37).as_deref(), place, "{name}");
        }
    }
}

//! Amounts of the section that contradict each other, and resources that fitout does not set.

use super::{FITTED, FITTED_FOR_PODS, Resources};
use crate::config::Objection;
use crate::facts::Half;
use crate::problem::suggestion;

impl Resources {
    /// What is wrong with the settings.
    pub(super) fn objections(&self) -> Vec<Objection> {
        let mut objections = Vec::new();
        let lists = [
            ("containers", &self.containers),
            ("initContainers", &self.init_containers),
            ("sidecars", &self.sidecars),
            ("podLevel", &self.pod_level),
        ];
        for (list, amounts) in lists {
            let (known, parts) = match list {
                "podLevel" => (&FITTED_FOR_PODS[..], "pods"),
                _ => (&FITTED[..], "containers"),
            };
            for half in Half::BOTH {
                let names = amounts.half(half).keys();
                for name in names.filter(|name| !known.contains(&name.as_str())) {
                    let others = || {
                        let known = known.join(", ");
                        format!("fitout sets {known}; set other resources in the manifest")
                    };
                    let help = suggestion(name, known.iter().copied()).unwrap_or_else(others);
                    let message = format!("fitout does not set `{name}` for {parts}");
                    let path = format!("{list}.{half}.{name}");
                    objections.push(Objection::new(path, message, help));
                }
            }
            for (name, request) in &amounts.requests {
                if let Some(limit) = amounts.limits.get(name).filter(|limit| limit.0 < request.0) {
                    let message = format!(
                        "the request of {name} ({}) is above its limit ({})",
                        request.0, limit.0
                    );
                    let help = "raise the limit or lower the request";
                    let objection =
                        Objection::new(format!("{list}.requests.{name}"), message, help);
                    objections.push(objection.contradicts(format!("{list}.limits.{name}")));
                }
            }
        }
        let by_name: [(&str, Vec<&String>); 4] = [
            ("scale", self.scale.keys().collect()),
            (
                "limitRequestRatio",
                self.limit_request_ratio.keys().collect(),
            ),
            ("min", self.min.keys().collect()),
            ("max", self.max.keys().collect()),
        ];
        for (setting, names) in by_name {
            for name in names.iter().filter(|it| !FITTED.contains(&it.as_str())) {
                let message = format!("fitout does not set `{name}`");
                let known = || format!("known: {}", FITTED.join(", "));
                let help = suggestion(name, FITTED).unwrap_or_else(known);
                objections.push(Objection::new(format!("{setting}.{name}"), message, help));
            }
        }
        for (name, ratio) in &self.limit_request_ratio {
            if ratio.0.is_below_one() {
                let message = format!("a limit of {name} cannot be below its request");
                let help = "write a ratio of at least 1";
                objections.push(Objection::new(
                    format!("limitRequestRatio.{name}"),
                    message,
                    help,
                ));
            }
        }
        for (name, min) in &self.min {
            if let Some(max) = self.max.get(name).filter(|max| max.0 < min.0) {
                let message = format!("`min` of {name} ({}) is above `max` ({})", min.0, max.0);
                let help = "raise `max` or lower `min`";
                let objection = Objection::new(format!("min.{name}"), message, help);
                objections.push(objection.contradicts(format!("max.{name}")));
            }
        }
        objections
    }
}

//! A run with a config that is not written yet, and what it says about the config.

use fitout::config::FunctionConfig;
use fitout::problem::Problems;
use fitout::read::Resource;
use fitout::report::{self, DetailLevel, Report};
use fitout::yaml::Stream;

use super::super::inputs::failure;
use super::super::{BUG, Color, Failure, UNREADABLE, Verbosity};
use super::config::{Lessons, Suggestion};
use super::files::CONFIG;
use super::found::is_plain;

/// Runs fitout with a config that is not written yet.
pub(super) fn first_run(
    suggestion: &Suggestion,
    environment: &str,
    resources: &[Resource<'_>],
) -> Result<Report, Failure> {
    let verbosity = Verbosity::with_color(Color::Never);
    let bug = |problems: Problems| {
        let mut failure = failure(&problems, &verbosity, BUG);
        failure.problems.clear();
        failure.note("this is a bug in fitout: it does not accept the config that it suggests, and has written nothing")
    };
    let unreadable = |problems| failure(&problems, &verbosity, UNREADABLE);
    let stream = Stream::parse(suggestion.text.clone());
    let stream = stream
        .map_err(|error| bug(fitout::not_yaml(&error, Some((CONFIG, &suggestion.text))).into()))?;
    let mut function_config = FunctionConfig::of_file(&stream, CONFIG).map_err(bug)?;
    function_config.choose(environment);
    let config = function_config.decode(fitout::VOCABULARY).map_err(bug)?;
    let mut fitted = fitout::fit(&config, resources, None).map_err(unreadable)?;
    Ok(Report::of(
        &mut fitted,
        resources,
        &config,
        DetailLevel::EachChange,
    ))
}

/// What the findings of a first run say about the config.
pub(super) fn learn(report: &Report, resources: &[Resource<'_>]) -> Lessons {
    let mut lessons = Lessons::default();
    for entry in &report.results {
        let object = entry.object.map(|index| &resources[index]);
        match (entry.rule, object) {
            ("FIT-SEC009", Some(object)) if is_plain(&object.name) => {
                lessons.low_ports.insert((
                    object.kind.clone().into_owned(),
                    object.name.clone().into_owned(),
                ));
            }
            ("FIT-PSS-capabilities_restricted", _) => {
                let lines = report::config_lines(entry);
                lessons.respells_all |=
                    lines.is_some_and(|it| it.contains("capabilities.drop: Override"));
            }
            ("FIT-SEC004", _) => {
                // Its help is the entry for the catalogue.
                let help = entry.help.as_deref().unwrap_or_default();
                let lines = help
                    .split_once("`- {image: ")
                    .and_then(|(_, it)| it.split_once("}`"));
                if let Some((image, rest)) = lines.and_then(|(line, _)| line.split_once(", ")) {
                    let entry_line = format!("{{image: {image}, {rest}}}");
                    lessons
                        .entries
                        .insert(image.to_owned(), (entry_line, rest.contains("runAsUser")));
                }
            }
            _ => {}
        }
    }
    lessons
}

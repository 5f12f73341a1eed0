//! What `fitout init` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fitout::problem::Problem;
use fitout::read::Resource;
use fitout::report::{self, Report};
use fitout::text::Text;

use super::Init;
use super::files::{Addition, CONFIG, Planned};
use super::found::{self, Chart, Ci, Found, Image, Workload, is_plain};

/// The most workloads and images that are listed without -v.
const LISTED: usize = 12;

/// A chart as the arguments of helm: the release, the folder, and the values of an environment.
fn as_arguments(chart: &Chart, environment: &str) -> String {
    let name = if is_plain(&chart.name) {
        chart.name.as_str()
    } else {
        "release"
    };
    let folder = &chart.folder;
    let mut values = chart.values.iter().filter(|(name, _)| name == environment);
    let values = values
        .next()
        .map(|(_, file)| format!(" -f {folder}/{file}"));
    format!("{name} {folder}{}", values.unwrap_or_default())
}

/// How many are left out of a list.
fn rest(all: usize, shown: usize, text: &mut Text) {
    if all > shown {
        text.line(format_args!("  and {} more, which -v shows", all - shown));
    }
}

pub(super) fn show_additions(additions: &[Addition], all: bool, text: &mut Text) {
    if additions.is_empty() {
        return;
    }
    text.line("Add, because these files exist");
    let mut by_lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for it in additions {
        match by_lines.iter_mut().find(|(lines, _)| *lines == it.lines) {
            Some((_, paths)) => paths.push(&it.path),
            None => by_lines.push((&it.lines, vec![&it.path])),
        }
    }
    for (lines, paths) in by_lines {
        let shown = if all { paths.len() } else { LISTED };
        for path in paths.iter().take(shown) {
            text.line(format_args!("  {path}"));
        }
        rest(paths.len(), shown, text);
        for line in lines.lines() {
            text.line(format_args!("      {line}"));
        }
    }
}

pub(super) fn unreadable(problem: &Problem) -> String {
    let place = problem.place.as_ref();
    let place = place.and_then(|it| Some(format!("{}:{}: ", it.file.as_ref()?, it.position.line)));
    format!("{}{}", place.unwrap_or_default(), problem.message)
}

/// An image without its digest.
fn short(image: &str) -> &str {
    image.split('@').next().unwrap_or(image)
}

fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

impl Init {
    /// The workloads and images that the suggestions rest on.
    pub(super) fn show_found(
        &self,
        found: &Found,
        resources: &[Resource<'_>],
        workloads: &[Workload],
        images: &BTreeMap<String, Image>,
        text: &mut Text,
    ) {
        let files: BTreeSet<_> = resources.iter().map(|it| it.text).collect();
        let mut parts = vec![format!(
            "{} in {}",
            plural(workloads.len(), "workload"),
            plural(files.len(), "file")
        )];
        for (count, word) in [
            (found.overlays.len(), "overlay"),
            (found.bases.len(), "kustomization without an environment"),
            (found.charts.len(), "chart"),
        ] {
            if count > 0 {
                parts.push(match word {
                    word if word.starts_with("kustomization ") && count > 1 => {
                        format!("{count} kustomizations without an environment")
                    }
                    word => plural(count, word),
                });
            }
        }
        parts.push(match found.ci {
            Ci::Github => "GitHub Actions".to_owned(),
            Ci::Gitlab => "GitLab CI".to_owned(),
            Ci::None => "no CI".to_owned(),
        });
        text.line(format_args!("Found   {}", parts.join(", ")));
        for (folder, count) in &found.left_out {
            text.line(format_args!("        left out: {folder} ({}), which is not deployed by its name; name it with -f to include it", plural(*count, "file")));
        }
        for problem in &found.unreadable {
            text.line(format_args!("        left out: {}", unreadable(problem)));
        }
        for odd in &found.odd {
            text.line(format_args!(
                "        left out: {odd}, whose name needs quotes in a shell"
            ));
        }
        let shown = if self.verbose {
            workloads.len()
        } else {
            LISTED
        };
        let row = |it: &Workload| {
            let class = match () {
                () if it.is_database => "  database",
                () if it.is_of_node => "  uses the node",
                () => "",
            };
            let component = it.component.as_ref();
            let component = component.map_or(String::new(), |(it, _)| format!("  component {it}"));
            let images: Vec<&str> = it.images.iter().map(|it| short(it)).collect();
            let images = images.join(", ");
            vec![it.display.clone(), format!("{images}{class}{component}")]
        };
        let rows: Vec<_> = workloads.iter().take(shown).map(row).collect();
        text.columns("  ", &rows);
        rest(workloads.len(), shown, text);
        for chart in &found.charts {
            let name = &chart.name;
            text.line(format_args!(
                "  chart {name}  {}  {}",
                chart.folder,
                plural(chart.images.len(), "image")
            ));
        }
        let (known, unknown): (Vec<_>, Vec<_>) =
            images.iter().partition(|(_, it)| it.known.is_some());
        text.line(format_args!(
            "Images  {}: {} known, {} not",
            plural(images.len(), "image"),
            known.len(),
            unknown.len()
        ));
        let shown = if self.verbose { images.len() } else { LISTED };
        let facts = |it: &Image| it.known.clone().unwrap_or_default();
        let rows = known
            .iter()
            .take(shown)
            .map(|(image, it)| vec![short(image).to_owned(), facts(it)]);
        text.columns("  ", &rows.collect::<Vec<_>>());
        if !unknown.is_empty() {
            let all = unknown.iter().take(shown).map(|(image, _)| short(image));
            let mut all: Vec<&str> = all.collect();
            all.dedup();
            let more = match unknown.len().saturating_sub(shown) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            text.line(format_args!("  not known: {}{more}", all.join(", ")));
        }
    }

    pub(super) fn show_files(
        &self,
        found: &Found,
        new: &[Planned],
        known: &[Planned],
        text: &mut Text,
    ) {
        let verb = if self.dry_run { "Would write" } else { "Write" };
        let shown = |file: &Planned| found::relative(Path::new("."), &self.place(found, file));
        if !new.is_empty() {
            text.line(verb);
        }
        let mut rows = Vec::new();
        for file in new {
            let lines = plural(file.text.lines().count(), "line");
            rows.push(vec![shown(file), format!("{lines:>9}  {}", file.what)]);
        }
        let kept = "exists and stays as it is".to_owned();
        rows.extend(known.iter().map(|file| vec![shown(file), kept.clone()]));
        text.columns("  ", &rows);
        for file in new.iter().filter(|_| self.verbose) {
            text.end();
            text.line(format_args!("--- {}", shown(file)));
            for line in file.text.lines() {
                text.line(line);
            }
        }
    }

    /// What a first plan says, and what to type next.
    pub(super) fn show_next<'s>(
        &self,
        found: &Found,
        plans: &[(String, Report)],
        unknown: impl Iterator<Item = &'s String>,
        text: &mut Text,
    ) {
        if !found.paths.is_empty() || !self.filenames.is_empty() {
            text.line("First plan");
            let rows = plans.iter();
            let rows = rows.map(|(name, report)| vec![name.clone(), report::totals(report)]);
            text.columns("  ", &rows.collect::<Vec<_>>());
        }
        text.line("Next");
        let unknown = unknown.filter(|it| it.contains("runAsUser: …")).count();
        if unknown > 0 {
            let images = plural(unknown, "image");
            text.line(format_args!(
                "  fill in the catalogue in {CONFIG}: {images} would not start if they run as root"
            ));
        }
        if !matches!(self.directory.to_str(), Some("." | "./")) {
            text.line(format_args!("  cd {}", self.directory.display()));
        }
        let last = plans.last().map_or("production", |(name, _)| name.as_str());
        if !found.paths.is_empty() {
            let paths = found.filenames();
            text.line(format_args!("  fitout plan {paths} -e {last}"));
            if found.overlays.is_empty() && found.bases.is_empty() {
                text.line(format_args!(
                    "  fitout apply {paths} -e {last} | kubectl apply -f -"
                ));
            }
        }
        if let Some(overlay) = found
            .overlays
            .iter()
            .rev()
            .find(|it| it.environment == last)
        {
            text.line(format_args!(
                "  fitout check -k {} -e {last}   # once the overlay lists fitout",
                overlay.folder
            ));
        }
        for chart in found.charts.iter().take(3) {
            let chart = as_arguments(chart, last);
            text.line(format_args!(
                "  helm template {chart} | fitout plan -f - -e {last}"
            ));
        }
        if let Some(chart) = found.charts.first() {
            let chart = as_arguments(chart, last);
            text.line("  fitout helm-plugin install");
            text.line(format_args!(
                "  helm upgrade --install {chart} --post-renderer fitout --post-renderer-args=-e{last}"
            ));
        }
    }
}

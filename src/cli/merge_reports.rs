//! `fitout merge-reports`: the reports of all shards as one.

use std::path::PathBuf;

use clap::Args;
use fitout::text::json;
use serde_json::Value;

use super::inputs::shown;
use super::output::{format_and_file, write_report};
use super::{FINDINGS, Failure, SUCCESS, UNREADABLE, WRONG_USE};

/// Merge the JSON reports of all shards of a run into the report that one run would have written
///
/// The exit code is 1 if the merged report has errors.
#[derive(Debug, Args)]
pub(super) struct MergeReports {
    /// The reports that `-o json=FILE` of each run with --shard wrote, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the merged report, which is JSON, to FILE instead of standard output
    #[arg(short, long, value_name = "json[=FILE]")]
    output: Option<Requested>,
}

/// `-o json[=FILE]`, as other commands take it.
#[derive(Clone, Debug)]
struct Requested {
    /// Standard output when absent.
    file: Option<PathBuf>,
}

impl std::str::FromStr for Requested {
    type Err = String;

    fn from_str(text: &str) -> Result<Requested, String> {
        let (_, file) = format_and_file(text, &["json"])?;
        Ok(Requested { file })
    }
}

impl MergeReports {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let read = |file: &PathBuf| {
            let tried = || format!("error: cannot read {}", shown(file));
            let bytes = std::fs::read(file).map_err(Failure::of(UNREADABLE, tried()))?;
            let report: Value =
                serde_json::from_slice(&bytes).map_err(Failure::of(UNREADABLE, tried()))?;
            let what = match fitout::report::is_report(&report) {
                true => return Ok(report),
                false if report["kind"] == "Comparison" => "is a comparison, which has no shards",
                false => "is not a report of fitout",
            };
            let message = format!("error: {} {what}", shown(file));
            Err(Failure::new(UNREADABLE, message))
        };
        let reports: Vec<Value> = self.files.iter().map(read).collect::<Result<_, _>>()?;
        let merged = fitout::report::merge(reports, fitout::VOCABULARY).map_err(|why| {
            Failure::new(
                WRONG_USE,
                format_args!("error: cannot merge the reports: {why}"),
            )
        })?;
        let runs = merged["items"]
            .as_array()
            .map_or(std::slice::from_ref(&merged), Vec::as_slice);
        let has_errors = runs.iter().any(|it| it["summary"]["errors"] != 0);
        let file = self.output.as_ref().and_then(|it| it.file.as_deref());
        write_report(file, &json(&merged))?;
        Ok(if has_errors { FINDINGS } else { SUCCESS })
    }
}

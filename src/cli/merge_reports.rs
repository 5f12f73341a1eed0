//! `fitout merge-reports`: the reports of all shards as one.

use std::path::PathBuf;

use clap::Args;
use fitout::text::json;
use serde_json::Value;

use super::inputs::shown;
use super::output::write_report;
use super::{FINDINGS, Failure, SUCCESS, UNREADABLE, WRONG_USE};

/// Merge the JSON reports of all shards of a run into the report that one run would have written
///
/// The exit code is 1 if the merged report has errors.
#[derive(Debug, Args)]
pub(super) struct MergeReports {
    /// The reports that `-o json=FILE` of each run with --shard wrote, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write the merged report to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl MergeReports {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        let read = |file: &PathBuf| {
            let tried = || format!("error: cannot read {}", shown(file));
            let bytes = std::fs::read(file).map_err(Failure::of(UNREADABLE, tried()))?;
            let report: Value =
                serde_json::from_slice(&bytes).map_err(Failure::of(UNREADABLE, tried()))?;
            match fitout::report::is_report(&report) {
                true => Ok(report),
                false => Err(Failure::new(
                    UNREADABLE,
                    format_args!("error: {} is not a report of fitout", shown(file)),
                )),
            }
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
        write_report(self.output.as_deref(), &json(&merged))?;
        Ok(if has_errors { FINDINGS } else { SUCCESS })
    }
}

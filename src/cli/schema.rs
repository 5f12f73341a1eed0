//! `fitout schema`: prints the JSON Schema of configs.

use clap::Args;

use super::output::Output;
use super::{Failure, SUCCESS, embedded};

/// Print the JSON Schema of configs, for editors
///
/// An editor with a YAML language server checks a config and shows the meaning of its fields if the config names the schema:
/// `fitout schema > fitout.schema.json`, and in the config the comment
/// `# yaml-language-server: $schema=fitout.schema.json`.
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    #[allow(clippy::unused_self)]
    pub(super) fn run(&self) -> Result<u8, Failure> {
        Output::data(&embedded::text("schema/fitout.schema.json")?)?;
        Ok(SUCCESS)
    }
}

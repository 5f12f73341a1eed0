//! `fitout completions`: prints the completions of a shell. A test makes them from the commands.

use clap::{Args, ValueEnum};

use super::output::Output;
use super::{Failure, SUCCESS, embedded};

/// Print the completions for a shell
///
/// bash: `source <(fitout completions bash)` in ~/.bashrc. zsh: `fitout completions zsh > "${fpath[1]}/_fitout"`. fish:
/// `fitout completions fish > ~/.config/fish/completions/fitout.fish`. PowerShell:
/// `fitout completions powershell | Out-String | Invoke-Expression` in $PROFILE.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// GNU Bash.
    Bash,
    /// The Z shell.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
}

impl Shell {
    /// The file that the shell looks for.
    pub(super) fn file(self) -> &'static str {
        match self {
            Shell::Bash => "completions/fitout.bash",
            Shell::Zsh => "completions/_fitout",
            Shell::Fish => "completions/fitout.fish",
            Shell::Powershell => "completions/_fitout.ps1",
        }
    }
}

impl Completions {
    pub(super) fn run(&self) -> Result<u8, Failure> {
        Output::data(&embedded::text(self.shell.file())?)?;
        Ok(SUCCESS)
    }
}

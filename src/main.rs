//! The process edge. What it does is in [`cli`].

mod cli;

/// The static binary's allocator; see Cargo.toml for why it is not musl's.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}

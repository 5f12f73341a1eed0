//! The binary; see [`cli`].

mod cli;

/// The allocator of the static binary; Cargo.toml explains why it is not musl's.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}

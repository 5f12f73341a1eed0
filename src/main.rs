//! The binary; see [`cli`].

mod cli;

use std::process::ExitCode;

/// The allocator of the static binary; Cargo.toml explains why it is not musl's.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}

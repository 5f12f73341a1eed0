//! The binary; see [`cli`].

mod cli;

use std::process::ExitCode;
#[cfg(target_env = "musl")]
use {
    spin::{Yield, mutex::SpinMutex},
    std::alloc::System,
    talc::{TalcLock, source::GlobalAllocSource},
};

/// The allocator of the static binary; Cargo.toml explains why it is not musl's.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: TalcLock<SpinMutex<(), Yield>, GlobalAllocSource<System>> =
    TalcLock::new(GlobalAllocSource::new(System));

fn main() -> ExitCode {
    cli::main()
}

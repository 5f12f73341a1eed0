//! The same overlay through every host that a person may use, with the real programs.
//!
//! `make test-hosts` sets `FITOUT_HOST_TESTS=1` and `FITOUT_BIN`, the static binary that is also in the image. Without
//! them each test here prints one line and passes, so that `cargo test` needs nothing but Rust. What is not on the
//! machine is a skip that can be seen; with `CI=true` it is a failure.
//!
//! One rendering is the measure for all others: `kustomize build` with the binary as executable, the host that needs
//! least.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

pub(crate) mod bench;
mod builds;
mod failures;
mod ids;
mod image;
pub(crate) mod objects;
mod packages;
mod validators;

//! The same overlay through every supported host, with the real programs.
//!
//! `make test-hosts` sets `FITOUT_HOST_TESTS=1` and `FITOUT_BIN`, the static binary that is also in the image. Without
//! them each test here prints one line and passes, so that `cargo test` only needs Rust. A missing host is
//! a visible skip, and with `CI=true` a failure.
//!
//! All renderings are compared with one: that of `kustomize build` with the binary as executable, the host with the fewest
//! requirements.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

pub(crate) mod bench;
mod builds;
mod doctor;
mod failures;
pub(crate) mod helm;
mod ids;
mod image;
pub(crate) mod objects;
mod packages;
mod shards;
mod validators;

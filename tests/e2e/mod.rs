//! Every overlay on a real control plane, with API server, controllers and scheduler.
//!
//! `make e2e` builds and starts the plane (`scripts/controlplane`) and sets `FITOUT_E2E` to the folder of its state.
//! Without it each test here prints one line and passes. The tests only use that control plane, never
//! the current context of kubectl. The nodes are kwok's: pods are admitted, scheduled, counted and reported ready, no image runs.
//!
//! The tests print what they observe, with `--nocapture --test-threads=1` as a report. Each begins with an empty cluster.
//! The systems are the folders below `overlays/`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

mod bases;
mod cluster;
mod corpus;
mod operating;
mod overlays;
mod preflight;
mod promotion;
mod render;
mod settle;
mod shards;

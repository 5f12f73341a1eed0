//! Every overlay on a real control plane: what the API server, the controllers and the scheduler make of a render.
//!
//! `make e2e` builds and starts the plane (`scripts/controlplane`) and sets `FITOUT_E2E` to the folder of its state.
//! Without it each test here prints one line and passes. Only that plane is ever spoken to, never the cluster of a
//! person's own context. The nodes are kwok's: pods are admitted, scheduled, counted and reported ready, no image runs.
//!
//! The tests print what they saw; with `--nocapture --test-threads=1` that is a report. Each begins with an empty
//! cluster, and all systems are found by the folders below `overlays/`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
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

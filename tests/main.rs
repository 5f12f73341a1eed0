//! The one test binary: everything that needs the library, the binary or a host.

mod acceptance;
mod bad_input;
mod checks_page;
mod cli;
mod creates;
mod docs;
mod e2e;
mod english;
mod environments;
mod fuzzing;
mod golden;
mod hosts;
mod layers;
mod ledger;
mod pages;
mod pod_security;
mod preflight;
mod program;
mod properties;
mod reading;
mod readme;
mod restricted;
mod signs;
mod tidy;

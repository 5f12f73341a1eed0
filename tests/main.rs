//! The one test binary: everything that needs the library, the binary or a host.

mod docs;
mod golden;
mod hosts;
mod readme;

//! The types of the KRM function contract: what a host such as kustomize or kpt hands to a function
//! on standard input, and what the function hands back.
//!
//! Sources: the KRM Functions Specification (kustomize, `cmd/config/docs/api-conventions/functions-spec.md`)
//! and what its reference implementation kyaml (v0.21.2) does where the two differ.
//!
//! The items themselves are left to the caller's YAML library. The types are plain serde data:
//! absent members are not written, and equal values always serialise to equal bytes.

pub mod annotations;
mod function;
mod resource_list;
mod result;
mod selector;

pub use function::{ContainerSpec, ExecSpec, FunctionSpec, StorageMount};
pub use resource_list::ResourceList;
pub use result::{Field, File, ResourceIdentifier, ResourceRef, Result, Severity};
pub use selector::Selector;

//! The types of the KRM function contract: what a host such as kustomize or kpt writes to a function's standard input,
//! and what the function writes to its standard output.
//!
//! A function reads a [`ResourceList`], changes its `items`, adds a [`Result`] for each finding or change, and writes the
//! list back. It exits with a code other than 0 if any result is an error. The types are serde data and work with every
//! serde format; hosts send YAML:
//!
//! ```
//! use kustomize_krm_types::{ResourceList, Result, Severity};
//!
//! let input = "
//! apiVersion: config.kubernetes.io/v1
//! kind: ResourceList
//! items:
//! - apiVersion: v1
//!   kind: ConfigMap
//!   metadata: {name: settings}
//! functionConfig:
//!   apiVersion: v1
//!   kind: ConfigMap
//!   metadata: {name: function-input}
//!   data: {team: shop}
//! ";
//! let mut list: ResourceList = serde_yaml::from_str(input)?;
//! let team = list.function_config.as_ref().and_then(|config| config["data"]["team"].as_str());
//! assert_eq!(team, Some("shop"));
//!
//! let result = Result::new(Severity::Info, "nothing to do").about(&list.items[0]);
//! list.results.push(result);
//! assert!(!list.has_errors());
//!
//! let output = serde_yaml::to_string(&list)?;
//! assert!(output.contains("message: nothing to do"));
//! # Ok::<(), serde_yaml::Error>(())
//! ```
//!
//! `examples/set_label.rs` is a complete function.
//!
//! Items are [`serde_json::Value`]s, which have no comments and no formatting. A function that must preserve them needs a
//! lossless YAML editor for the list, and can still use the constants, the annotations and the results of this crate.
//!
//! Sources: the KRM Functions Specification (kustomize, `cmd/config/docs/api-conventions/functions-spec.md`), and its
//! reference implementation kyaml (v0.21.2) where the two differ. Absent members are not written, and equal values
//! always serialize to equal bytes.

pub mod annotations;
mod function;
mod resource_list;
mod result;

pub use function::{ContainerSpec, ExecSpec, FunctionSpec, StorageMount};
pub use resource_list::ResourceList;
pub use result::{Field, File, ResourceIdentifier, Result, Severity};

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Fits Kubernetes manifests out for one environment.

pub mod label_selector;
pub mod quantity;
pub mod yaml;

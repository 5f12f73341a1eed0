//! Fits Kubernetes manifests out for one environment.

pub mod yaml;

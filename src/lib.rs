//! Fits Kubernetes manifests out for one environment.

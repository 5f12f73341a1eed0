//! The types of the KRM function contract.

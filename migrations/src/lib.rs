//! The schema of Consign, step by step.

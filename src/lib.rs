//! Stagegate.

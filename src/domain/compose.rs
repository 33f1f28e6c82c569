//! Compose ids: the names pungi gives its output directories, and their order.
//!
//! Only what can be said from the name itself; what is on disk is read by [`crate::compose`].

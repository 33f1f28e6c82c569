//! Drives the loop with scripted keys on a terminal in memory.

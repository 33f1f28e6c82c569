//! Tests of reading vars files.

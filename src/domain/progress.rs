//! Reads how far a command has come from what it prints.

/// Which tool's output to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProgressFormat {
    /// Nothing can be read.
    #[default]
    None,
}

/// How far a command has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// From 0 to 0.99; the end is for the process to tell.
    pub fraction: Option<f32>,
    /// What it is at, at most 60 characters, free of escape sequences.
    pub label: String,
}

/// Reads progress from a stream of output.
#[derive(Debug)]
pub struct ProgressReader {}

impl ProgressReader {
    /// Makes a reader.
    pub fn new(_format: ProgressFormat) -> Self {
        Self {}
    }
    /// Reads on.
    pub fn feed(&mut self, _piece: &[u8]) {}
    /// Tells.
    pub fn current(&self) -> Option<Progress> {
        None
    }
}

//! later
use crate::sandbox::layout::HostPaths;

pub(super) fn text(paths: &HostPaths) -> String {
    paths.root().display().to_string()
}

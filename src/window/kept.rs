//! What one window leaves to the next while the process runs.

use super::listing::{Filter, Sort};

/// The state of the window that is worth keeping when it is closed and opened again.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub window_size: Option<[f32; 2]>,
    pub details_height: f32,
    pub filter: Filter,
    pub sort: Sort,
    /// The span of a job's graph, in seconds.
    pub span_secs: u32,
    /// The span of the link's graph, in seconds.
    pub link_span_secs: u32,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            window_size: None,
            details_height: 272.0,
            filter: Filter::All,
            sort: None,
            span_secs: 60,
            // Long enough to see how it makes way.
            link_span_secs: 300,
        }
    }
}

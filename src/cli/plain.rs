//! bitsadmin's way to show jobs (bits.md 8.1), for scripts that were made for it.

use crate::engine::JobView;
use crate::job::JobState;

use super::print;

/// What stands above each look of `monitor --plain`.
pub(super) fn header(refresh_secs: u32) -> String {
    format!("MONITORING BACKGROUND COPY MANAGER({refresh_secs} second refresh)")
}

/// One job: `{GUID} name STATE filesDone / filesTotal bytesDone / bytesTotal`.
pub(super) fn line(view: &JobView) -> String {
    let files_done = view.job.wanted_files().filter(|file| file.finished).count();
    let files = view.job.wanted_files().count();
    let total = view.job.total_bytes().map_or_else(|| "UNKNOWN".to_owned(), |bytes| bytes.to_string());
    format!(
        "{{{}}} {} {} {files_done} / {files} {} / {total}",
        view.job.id.to_string().to_uppercase(),
        print::name(view),
        state(&view.job.state),
        view.done_bytes,
    )
}

/// What stands below a list.
pub(super) fn footer(jobs: usize) -> String {
    format!("Listed {jobs} job(s).")
}

/// BITS's word for a state (bits.md 1.2).
const fn state(state: &JobState) -> &'static str {
    match state {
        JobState::Queued => "QUEUED",
        JobState::Connecting => "CONNECTING",
        JobState::Transferring => "TRANSFERRING",
        JobState::Suspended => "SUSPENDED",
        JobState::Error(_) => "ERROR",
        JobState::Waiting(_) => "TRANSIENT_ERROR",
        JobState::Transferred => "TRANSFERRED",
        JobState::Acknowledged => "ACKNOWLEDGED",
        JobState::Cancelled => "CANCELLED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::job::{Trouble, Waiting, Why};

    #[test]
    fn a_line_is_bitsadmins() {
        let view = samples::with_id("debian.iso", "aaaa1111-0000-4000-8000-00000000abcd");
        let view = samples::changed(view, |job| {
            job.files = vec![job.files[0].clone(); 3];
            job.files[0].finished = true;
            job.files[2].trouble = Some(Trouble::LeftOut);
            job.state = JobState::Waiting(Waiting::for_condition(Why::NoNetwork, None));
        });
        let view = JobView { done_bytes: 7, ..view };
        let start = "{AAAA1111-0000-4000-8000-00000000ABCD} debian.iso TRANSIENT_ERROR 1 / 2 7 / ";
        assert_eq!(line(&view), format!("{start}UNKNOWN"));
        let view =
            samples::changed(view, |job| job.files.iter_mut().for_each(|file| file.total_bytes = Some(50)));
        assert_eq!(line(&view), format!("{start}100"));
        assert_eq!(header(5), "MONITORING BACKGROUND COPY MANAGER(5 second refresh)");
        assert_eq!(footer(2), "Listed 2 job(s).");
    }
}

//! `files`: the files of one download.

use super::exit::{Exit, Failure};
use super::port::Port;
use super::print::{self, Out};
use super::table::{Column, Table};
use super::{json, pick};
use crate::engine::JobView;
use crate::job::{JobFile, bytes_in_words};

/// Lists them, with the numbers `file` takes.
pub(super) async fn files(port: &Port, job: &str, out: &mut Out<'_>) -> Result<Exit, Failure> {
    let snapshot = port.snapshot().await?;
    let view = pick::one(&snapshot, job)?;
    if out.is_json() {
        out.json(&json::files(view))?;
    } else {
        table(view).print(out)?;
    }
    Ok(Exit::Done)
}

fn table(view: &JobView) -> Table {
    let mut table = Table::new(&[Column::Right, Column::Left, Column::Right, Column::Left, Column::Left]);
    table.row(["NO", "STATE", "SIZE", "NAME", "ADDRESS"].map(String::from));
    for (index, file) in view.job.files.iter().enumerate() {
        let name = print::clean(&file.display_name());
        table.row([(index + 1).to_string(), state(view, index), size(file), name, file.url.to_string()]);
    }
    table
}

/// The state in words, with the percents on the way and the reason where it is stuck.
pub(super) fn state(view: &JobView, index: usize) -> String {
    let Some(file) = view.job.files.get(index) else { return String::new() };
    let word = match json::file_state(view, index) {
        "transferring" => "downloading",
        "suspended" => "paused",
        "error" => "failed",
        "left_out" => "left out",
        word => word,
    };
    let percent = file.total_bytes.filter(|total| *total > 0 && file.is_pending());
    let percent = percent.map(|total| u128::from(file.synced_bytes()) * 100 / u128::from(total));
    match (file.fault(), percent.filter(|percent| *percent > 0)) {
        (Some(fault), _) => format!("{word}: {}", fault.what()),
        (None, Some(percent)) => format!("{word} {percent}%"),
        (None, None) => word.to_owned(),
    }
}

fn size(file: &JobFile) -> String {
    file.total_bytes.map_or_else(|| "-".to_owned(), bytes_in_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::job::{Fault, FaultKind, Trouble};

    #[test]
    fn each_file_has_its_number_and_what_is_wrong_with_it() {
        let view = samples::changed(samples::view("http://a.org/f", samples::QUEUED), |job| {
            job.files = vec![job.files[0].clone(); 3];
            job.files[0].total_bytes = Some(2048);
            job.files[0].synced = crate::job::Extents::from_start(1024);
            job.files[1].trouble = Some(Trouble::Failed(Fault::new(FaultKind::Status(404), "")));
            job.files[2].trouble = Some(Trouble::LeftOut);
        });
        let lines: Vec<_> = table(&view).lines().collect();
        assert_eq!(
            lines,
            [
                "NO  STATE                                           SIZE  NAME  ADDRESS",
                " 1  queued 50%                                   2.0 KiB  f     http://a.org/f",
                " 2  failed: The file is not on the server (404)        -  f     http://a.org/f",
                " 3  left out                                           -  f     http://a.org/f",
            ]
        );
    }
}

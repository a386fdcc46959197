//! The commands that help where a download has stopped.

use crate::engine::JobView;
use crate::job::{Fault, JobFile, Remedy};

/// The command for what can be done about a file (by its number from 0), as one would type it with capitals filled in.
/// `None` for what is not done on the command line.
fn command(view: &JobView, file: usize, remedy: Remedy) -> Option<String> {
    let id = view.job.id.short();
    let is_alone = view.job.files.len() == 1;
    let number = file + 1;
    Some(match remedy {
        Remedy::Retry if is_alone => format!("meanwhile retry {id}"),
        Remedy::Retry => format!("meanwhile file {id} {number} retry"),
        Remedy::ChangeAddress if is_alone => format!("meanwhile set {id} address URL"),
        Remedy::ChangeAddress => format!("meanwhile file {id} {number} address URL"),
        Remedy::EnterLogin => format!("meanwhile set {id} login NAME"),
        Remedy::ChooseFolder => format!("meanwhile set {id} folder DIR"),
        Remedy::FreeSpace => return None,
        Remedy::ChooseName => format!("meanwhile file {id} {number} name NAME"),
        Remedy::Number if is_alone => format!("meanwhile set {id} if-exists number"),
        Remedy::Number => format!("meanwhile file {id} {number} if-exists number"),
        Remedy::Overwrite if is_alone => format!("meanwhile set {id} if-exists overwrite"),
        Remedy::Overwrite => format!("meanwhile file {id} {number} if-exists overwrite"),
        Remedy::StartOver => format!("meanwhile file {id} {number} restart"),
        Remedy::ChangeChecksum if is_alone => format!("meanwhile set {id} checksum SUM"),
        Remedy::ChangeChecksum => format!("meanwhile file {id} {number} checksum SUM"),
        Remedy::Settings => "meanwhile settings".to_owned(),
    })
}

/// The commands that help with one file, the most helpful first; none where nothing is wrong with it.
pub(super) fn of_file(view: &JobView, file: usize) -> Vec<String> {
    let fault = view.job.files.get(file).and_then(JobFile::fault);
    let remedies = fault.map_or(&[][..], Fault::remedies);
    remedies.iter().filter_map(|remedy| command(view, file, *remedy)).collect()
}

/// The first command that helps with a job that has stopped or waits because of a fault.
pub(super) fn first(view: &JobView) -> Option<String> {
    let fault = view.job.state.fault()?;
    let file = view.job.files.iter().position(|file| file.fault() == Some(fault)).unwrap_or_default();
    fault.remedies().iter().find_map(|remedy| command(view, file, *remedy))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::Words;
    use crate::cli::samples;
    use crate::job::{FaultKind, JobState, Trouble};

    fn failed(kind: FaultKind, files: usize) -> JobView {
        samples::changed(samples::view("http://a.org/f", samples::QUEUED), |job| {
            let fault = Fault::new(kind, "");
            job.files = vec![job.files[0].clone(); files];
            if let Some(last) = job.files.last_mut() {
                last.trouble = Some(Trouble::Failed(fault.clone()));
            }
            job.state = JobState::Error(fault);
        })
    }

    #[test]
    fn every_command_that_is_named_is_understood() {
        for files in [1, 3] {
            let view = failed(FaultKind::Stalled, files);
            for remedy in Remedy::ALL {
                let Some(command) = command(&view, files - 1, remedy) else { continue };
                let words = command.replace("SUM", &"0".repeat(64)).replace("URL", "http://b.org/f");
                let read = Words::try_parse_from(words.split_whitespace());
                assert!(read.is_ok(), "{command}: {:?}", read.err());
            }
        }
    }

    #[test]
    fn the_first_is_that_of_the_file_that_failed() {
        let id = |view: &JobView| view.job.id.short();
        let one = failed(FaultKind::Status(404), 1);
        assert_eq!(first(&one), Some(format!("meanwhile set {} address URL", id(&one))));
        let third = failed(FaultKind::AnotherFile, 3);
        assert_eq!(first(&third), Some(format!("meanwhile file {} 3 address URL", id(&third))));
        assert_eq!(of_file(&third, 2).len(), 2);
        assert_eq!(of_file(&third, 0), [""; 0]);
        // To free space is nothing a command of ours could do.
        let full = failed(FaultKind::DiskFull, 1);
        assert_eq!(first(&full), Some(format!("meanwhile set {} folder DIR", id(&full))));
        assert_eq!(first(&samples::view("http://a.org/f", samples::QUEUED)), None);
    }
}

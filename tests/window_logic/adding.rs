//! The dialog that adds downloads.

use egui::{Key, Modifiers};
use meanwhile::engine::{Change, Command, Probe, Refusal, Reply};
use meanwhile::job::{FaultKind, JobId, NewFile, NewHeader, NewJob, Priority, Rate};

use super::stage::{Stage, fault, one_of_each, several};

#[test]
fn adding_probes_shows_and_sends() {
    let mut stage = Stage::new(Vec::new());
    stage.key(Modifiers::COMMAND, Key::N);
    stage.type_into("Addresses", "https://example.org/big.iso");
    stage.let_time_pass();
    let probe = stage.next().expect("a probe");
    let Command::Probe(asked) = probe.command else { panic!("not a probe: {:?}", probe.command) };
    assert_eq!(asked.files[0].url, "https://example.org/big.iso");
    let answer = Probe {
        name: "big-1.0.iso".into(),
        total_bytes: Some(3 << 30),
        resumable: true,
        final_url: asked.files[0].url.clone(),
        free_bytes: None,
    };
    stage.border.answer(probe.answer, Ok(Reply::Probed(answer)));
    stage.window.run();
    assert!(stage.shows("big-1.0.iso"));
    assert!(stage.shows("3.0 GiB · can resume"));
    assert!(stage.shows("412 GiB free"));

    stage.type_into("File name", "mine.iso");
    stage.press("More");
    stage.type_into("Cap of this download", "1.5M");
    stage.type_into("Headers", "Referer: https://example.org/");
    stage.click("Start paused");
    stage.click("Hold until I accept");
    stage.let_time_pass();
    // With another header the answer may be another one.
    assert!(matches!(stage.command(), Command::Probe(_)));
    stage.click("Download");
    let file = NewFile {
        url: "https://example.org/big.iso".into(),
        file_name: Some("mine.iso".into()),
        ..NewFile::default()
    };
    let wanted = NewJob {
        files: vec![file],
        folder: "/home/ada/Downloads".into(),
        priority: Priority::Normal,
        limit: Rate::from_bytes_per_sec(1_572_864),
        headers: vec![NewHeader { name: "Referer".into(), value: "https://example.org/".into() }],
        paused: true,
        hold_finished: true,
        asked_by: format!("the window (process {})", std::process::id()),
        ..NewJob::default()
    };
    let envelope = stage.next().expect("an addition");
    assert_eq!(envelope.command, Command::Add(vec![wanted]));

    stage.border.answer(envelope.answer, Err(Refusal::Fault(fault(FaultKind::NoFolder))));
    stage.window.run();
    assert!(stage.shows("The folder is not there"), "a refusal keeps the dialog open");

    stage.click("Download");
    let envelope = stage.next().expect("another try");
    stage.border.answer(envelope.answer, Ok(Reply::Added(vec![JobId::random()])));
    stage.window.run();
    assert!(!stage.shows("Add downloads"));
    assert!(stage.is_quiet(), "the folder was the usual one");
}

#[test]
fn a_pasted_link_opens_the_dialog_and_is_asked_at_once() {
    let mut stage = Stage::new(one_of_each());
    let text = "https://example.org/a.iso\nhttps://example.org/running.iso nonsense://x/y";
    stage.window.event(egui::Event::Paste(text.into()));
    stage.window.run();
    stage.window.run();
    let mut asked = Vec::new();
    while let Some(envelope) = stage.next() {
        if let Command::Probe(new) = envelope.command {
            asked.push(new.files[0].url.clone());
        }
    }
    assert_eq!(asked, ["https://example.org/a.iso", "https://example.org/running.iso"]);
    assert!(stage.shows("already in the list"));
    assert!(stage.shows("This kind of address cannot be downloaded"));
    assert!(stage.shows("2 files"));
}

#[test]
fn another_folder_is_remembered_once_it_was_used() {
    let mut stage = Stage::new(Vec::new());
    stage.window.event(egui::Event::Paste("https://example.org/a".into()));
    stage.window.run();
    stage.type_into("Folder", "/Linux");
    stage.key(Modifiers::COMMAND, Key::Enter);
    let add = loop {
        let envelope = stage.next().expect("an addition");
        if matches!(envelope.command, Command::Add(_)) {
            break envelope;
        }
    };
    stage.border.answer(add.answer, Ok(Reply::Added(vec![JobId::random()])));
    stage.window.run();
    assert_eq!(stage.command(), Command::SetDownloadFolder("/home/ada/Downloads/Linux".into()));
}

#[test]
fn several_addresses_can_become_one_download() {
    let mut stage = Stage::new(Vec::new());
    stage.paste("https://example.org/a.iso");
    assert!(!stage.shows("One download with"), "there is nothing to put together");
    stage.paste("\nhttps://example.org/b.iso https://example.net/c.iso");
    assert!(!stage.shows("Files at once"));
    stage.click("One download with 3 files");
    stage.type_into("Name of the download", "Debian, all discs");
    stage.click("Files of the new download at once");
    stage.click("3");
    stage.click("Download");
    let envelope = stage.without_probes();
    let Command::Add(jobs) = &envelope.command else { panic!("not an addition: {:?}", envelope.command) };
    let [job] = jobs.as_slice() else { panic!("{} jobs", jobs.len()) };
    let urls: Vec<_> = job.files.iter().map(|file| file.url.as_str()).collect();
    assert_eq!(urls, ["https://example.org/a.iso", "https://example.org/b.iso", "https://example.net/c.iso"]);
    assert_eq!((job.name.as_deref(), job.files_at_once), (Some("Debian, all discs"), 3));
    stage.border.answer(envelope.answer, Ok(Reply::Added(vec![JobId::random()])));
    stage.window.run();
    assert!(!stage.shows("Add downloads"));
}

/// A Metalink file with two files; the first has a mirror and a checksum.
const METALINK: &str = "<?xml version=\"1.0\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n\
    <file name=\"discs/one.iso\"><hash type=\"md5\">00112233445566778899aabbccddeeff</hash>\n\
    <url priority=\"2\">https://example.net/one.iso</url><url priority=\"1\">https://example.org/one.iso</url></file>\n\
    <file name=\"two.iso\"><url>https://example.org/two.iso</url></file></metalink>\n";

#[test]
fn a_metalink_file_is_what_is_in_it() {
    let mut pasted = Stage::new(Vec::new());
    pasted.paste(METALINK);
    let mut typed = Stage::new(Vec::new());
    typed.key(Modifiers::COMMAND, Key::N);
    typed.type_into("Addresses", METALINK);
    for stage in [pasted, typed] {
        its_files_are_added(stage);
    }
}

fn its_files_are_added(mut stage: Stage) {
    assert!(stage.shows("2 files"));
    stage.click("Download");
    let Command::Add(jobs) = stage.without_probes().command else { panic!("not an addition") };
    let files: Vec<NewFile> = jobs.into_iter().flat_map(|job| job.files).collect();
    let one = NewFile {
        url: "https://example.org/one.iso".into(),
        folder: "/home/ada/Downloads/discs".into(),
        file_name: Some("one.iso".into()),
        expected: Some("md5:00112233445566778899aabbccddeeff".into()),
        mirrors: vec!["https://example.net/one.iso".into()],
        ..NewFile::default()
    };
    let two = NewFile {
        url: "https://example.org/two.iso".into(),
        file_name: Some("two.iso".into()),
        ..NewFile::default()
    };
    assert_eq!(files, [one, two]);
}

#[test]
fn a_damaged_metalink_file_says_so() {
    let mut stage = Stage::new(Vec::new());
    let (half, _) = METALINK.split_at(METALINK.len() / 2);
    stage.paste(half);
    assert!(stage.shows("This Metalink file cannot be read: it is damaged or incomplete in line 4. You can"));
    assert!(!stage.shows("Add downloads"));
    let mut stage = Stage::new(Vec::new());
    stage.key(Modifiers::COMMAND, Key::N);
    stage.type_into("Addresses", half);
    assert!(stage.shows("This Metalink file cannot be read"));
    assert!(stage.is_quiet(), "no server is asked for what is half an address");
}

#[test]
fn apart_they_are_downloads_of_their_own() {
    let mut stage = Stage::new(Vec::new());
    stage.paste("https://example.org/a.iso https://example.org/b.iso");
    stage.click("Download");
    let Command::Add(jobs) = stage.without_probes().command else { panic!("not an addition") };
    assert_eq!(jobs.iter().map(|job| job.files.len()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn files_are_added_to_a_job() {
    let view = several();
    let id = view.job.id;
    let mut stage = Stage::new(vec![view]);
    stage.click_row("All discs", Modifiers::NONE);
    stage.click("Files");
    stage.press("Add files…");
    assert!(stage.shows("Add files to “All discs”"));
    assert!(!stage.shows("Priority of the new downloads"));
    stage.type_into("Addresses", "https://example.org/disc-5.iso");
    stage.key(Modifiers::COMMAND, Key::Enter);
    let file =
        NewFile { url: "https://example.org/disc-5.iso".into(), folder: "/tmp".into(), ..NewFile::default() };
    let envelope = stage.without_probes();
    assert_eq!(envelope.command, Command::Change(vec![id], Change::AddFiles(vec![file])));
    stage.border.answer(envelope.answer, Ok(Reply::Done));
    stage.window.run();
    assert!(!stage.shows("Add files to"));
    assert!(stage.is_quiet(), "the folder of new downloads stays what it was");
}

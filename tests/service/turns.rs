//! Whose turn it is.

use meanwhile::job::{JobId, JobState, NewJob, Priority};

use crate::stage::{Service, Step, nothing_was_fetched_twice};
use crate::support::nginx::Nginx;
use crate::support::{SOON, assert_is, content, until};

fn is_active(service: &Service, ids: &[JobId]) -> Vec<bool> {
    let snapshot = service.snapshot();
    ids.iter().map(|id| snapshot.job(*id).is_some_and(|view| view.job.state.is_active())).collect()
}

#[test]
fn a_more_urgent_job_takes_the_slot_and_the_other_goes_on_behind_it() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let service = Service::start(&[("background_jobs", "1")]);
    let (low_bytes, high_bytes) = (content(1, 3_000_000), content(2, 2_500_000));
    nginx.put("low", &low_bytes);
    nginx.put("high", &high_bytes);
    nginx.put("now", &high_bytes);
    let new = |file: &str, priority| NewJob { priority, ..NewJob::of(nginx.url(file), "") };
    let low = service.add(new("low?rate=1m", Priority::Low));
    service.wait_bytes(low, 500_000);
    let high = service.add(new("high?rate=1m", Priority::High));
    until("the high one has taken its turn", SOON, || {
        (is_active(&service, &[low, high]) == [false, true]).then_some(())
    });
    assert_eq!(service.view(low).job.state, JobState::Queued);
    // A foreground job takes no slot: it runs beside.
    let now = service.add(new("now?rate=1m", Priority::Foreground));
    until("both run at once", SOON, || {
        (is_active(&service, &[low, high, now]) == [false, true, true]).then_some(())
    });
    service.wait_finished(high);
    service.wait_finished(low);
    service.wait_finished(now);
    for (name, bytes) in [("low", &low_bytes), ("high", &high_bytes), ("now", &high_bytes)] {
        assert_is(&service.home.file(name), bytes);
    }
    let course = service.course(low);
    assert!(
        matches!(course[..], [Step::Began(0), Step::Stopped(one), Step::Began(other), Step::Whole(3_000_000)] if one == other && one >= 500_000),
        "{course:?}"
    );
    nothing_was_fetched_twice(&nginx, "low", &course);
    for (id, name) in [(high, "high"), (now, "now")] {
        assert_eq!(service.course(id), [Step::Began(0), Step::Whole(2_500_000)], "never held up");
        nothing_was_fetched_twice(&nginx, name, &service.course(id));
    }
}

#[test]
fn two_of_a_level_take_turns() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    // Ten seconds is the shortest slice there is.
    let service = Service::start(&[("background_jobs", "1"), ("slice_secs", "10")]);
    let bytes = [content(1, 3_600_000), content(2, 3_600_000)];
    let ids = [0, 1].map(|number| {
        nginx.put(&format!("f{number}"), &bytes[number]);
        service.add(NewJob::of(nginx.url(&format!("f{number}?rate=256k")), ""))
    });
    let mut seen = Vec::new();
    until("both are finished", 2 * SOON, || {
        let active = is_active(&service, &ids);
        assert!(active != [true, true], "one at a time");
        if active != [false, false] && seen.last() != Some(&active) {
            seen.push(active);
        }
        let states = ids.map(|id| service.view(id).job.state.clone());
        (states == [JobState::Acknowledged, JobState::Acknowledged]).then_some(())
    });
    let courses = ids.map(|id| service.course(id));
    assert_eq!(
        seen,
        [[true, false], [false, true], [true, false], [false, true]],
        "they took turns: {courses:?}"
    );
    for (number, id) in ids.into_iter().enumerate() {
        assert_is(&service.home.file(&format!("f{number}")), &bytes[number]);
        let course = service.course(id);
        assert!(
            matches!(course[..], [Step::Began(0), Step::Stopped(one), Step::Began(other), Step::Whole(3_600_000)] if one == other && one > 0),
            "{course:?}"
        );
        nothing_was_fetched_twice(&nginx, &format!("f{number}"), &course);
    }
}

#[test]
fn a_server_that_takes_one_connection_gets_one_while_others_are_asked() {
    let (root, other_root) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (nginx, other) = (Nginx::start(root.path()), Nginx::start(other_root.path()));
    let service = Service::start(&[("per_host", "1"), ("background_jobs", "3")]);
    let bytes = content(1, 1_000_000);
    let urls = [nginx.put("one", &bytes), nginx.put("two", &bytes), other.put("three", &bytes)];
    let ids = urls.map(|url| service.add(NewJob::of(format!("{url}?rate=700k"), "")));
    let mut together = false;
    until("all are finished", SOON, || {
        let active = is_active(&service, &ids);
        assert!(!(active[0] && active[1]), "one connection to a server");
        together |= active[0] && active[2];
        ids.iter().all(|id| service.view(*id).job.state == JobState::Acknowledged).then_some(())
    });
    assert!(together, "another server is another matter");
    let asked: Vec<String> = nginx.log_of(2).into_iter().map(|request| request.target).collect();
    assert_eq!(asked, ["/one?rate=700k", "/two?rate=700k"], "in their order");
    for name in ["one", "two", "three"] {
        assert_is(&service.home.file(name), &bytes);
    }
}

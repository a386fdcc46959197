//! Which cap is named.

use meanwhile::engine::{Change, Command, WhichCap};
use meanwhile::job::{NewJob, Priority, Rate};

use crate::stage::Service;
use crate::support::content;
use crate::support::nginx::Nginx;

#[test]
fn the_lowest_cap_is_the_one_that_is_named() {
    let root = tempfile::tempdir().expect("a folder");
    let nginx = Nginx::start(root.path());
    let service = Service::start(&[("slow_bps", "200K")]);
    nginx.put("file", &content(1, 20_000_000));
    let new = |priority| NewJob { priority, ..NewJob::of(nginx.url("file?rate=100k"), "") };
    let low = service.add(new(Priority::Low));
    let foreground = service.add(new(Priority::Foreground));
    let named = |id, which: Option<(u64, WhichCap)>| {
        service.wait(id, &format!("{which:?}"), |view| {
            view.done_bytes > 0 && view.cap.map(|cap| (cap.rate.bytes_per_sec() >> 10, cap.which)) == which
        });
    };
    named(low, None);
    named(foreground, None);
    service.set("limit_low_bps", "300K");
    named(low, Some((300, WhichCap::Priority)));
    // That of another priority is none for it.
    service.set("limit_high_bps", "10K");
    named(foreground, None);
    service.ask(Command::SetSlow(true));
    named(low, Some((200, WhichCap::Slow)));
    named(foreground, Some((200, WhichCap::Slow)));
    service.ask(Command::SetLimit(Rate::from_bytes_per_sec(150 << 10)));
    named(low, Some((150, WhichCap::All)));
    named(foreground, Some((150, WhichCap::All)));
    service.set("limit_low_bps", "120K");
    named(low, Some((120, WhichCap::Priority)));
    named(foreground, Some((150, WhichCap::All)));
    service.change(foreground, Change::SetLimit(Rate::from_bytes_per_sec(100 << 10)));
    named(foreground, Some((100, WhichCap::Job)));
    // Another level has other caps.
    service.change(low, Change::SetPriority(Priority::High));
    named(low, Some((10, WhichCap::Priority)));
    for (key, value) in [("limit_high_bps", "off"), ("limit_bps", "off"), ("slow", "off")] {
        service.set(key, value);
    }
    service.change(foreground, Change::SetLimit(None));
    named(low, None);
    named(foreground, None);
}

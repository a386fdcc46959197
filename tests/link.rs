//! wip

#![allow(clippy::expect_used, clippy::panic, reason = "what a test cannot set up, it fails at")]

mod support;

use std::time::Duration;

use support::home_link::{HERE, HomeLink, Link, SERVER, THERE, players};
use support::namespace::{Own, inside};

#[test]
fn the_link_itself() {
    inside(Own::Network, "the_link_itself", || {
        let home = HomeLink::new(Link::CABLE);
        let from = home.bottleneck.now();
        home.here.run(|| players::bulk(HERE, &home.url("large"), Duration::from_secs(4)));
        let course = home.course_since(from);
        eprintln!("bulk {:.3} queue {:?} {:?}", course.share(HERE), course.queue(), course.shares(HERE));
        let pages = home.there.run(|| players::pages(THERE, &home.url("page"), 3));
        eprintln!("{pages:?}");
        let call = home.there.run(|| players::call(THERE, SERVER, Duration::from_secs(3)));
        eprintln!("{} {:?} {:?} {:?}", call.len(), call[0], call[call.len() / 2], call.last());
        eprintln!("{:?}", home.bottleneck.health());
    });
}

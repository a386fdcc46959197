//! The window: sends commands, draws snapshots.
//!
//! Here live the window itself ([`App`]), its coming and going ([`Door`], [`run`]), and everything drawn in it:
//!
//! | what | where |
//! |---|---|
//! | the whole, and what becomes of the user's wishes | `app`, `app/deeds`, `app/keyboard` |
//! | opening, closing, waiting in between | `door`, `kept` |
//! | what can be done: texts, icons, shortcuts | `actions` |
//! | the bars | `top_bar`, `cap`, `sidebar`, `status_bar` |
//! | the list | `listing` (which rows), `list`, `row`, `sparkline`, `reorder` |
//! | the link, in place of the list | `link` with `link_graph`, `link_math` |
//! | what all graphs over time are made of | `plot`, `graph_math` |
//! | the selected job | `details` with `graph`, `facts`, `remedies`, `segment_map`, `files`, `log` |
//! | dialogs and messages | `add` with `add/form`, `addresses`, `inquiry`, `new_address`, `login`, `one_field`, `confirm`, `orphans`, `notices`, `toasts` |
//! | the painted week | `timetable` with `timetable/draft`, `timetable/grid`, `timetable/words`, `timetable/form` |
//! | the settings, and what is opened once they are known | `settings`, `sheet` |
//! | looks and words | `theme`, `blank`, `icons`, `words`, `clock`, `rate_field` |
//! | what takes time outside the engine | `errands` |
//!
//! What may not live here: anything that blocks, and any knowledge of the engine beyond its border. Nothing is
//! painted unless something has changed.

mod actions;
mod add;
mod addresses;
mod app;
mod blank;
mod cap;
mod clock;
mod confirm;
mod details;
mod door;
mod errands;
mod facts;
mod files;
mod graph;
mod graph_math;
mod icons;
mod inquiry;
mod kept;
mod link;
mod link_graph;
mod link_math;
mod list;
mod listing;
mod log;
mod login;
mod new_address;
mod notices;
mod one_field;
mod orphans;
mod plot;
mod rate_field;
mod remedies;
mod reorder;
mod row;
mod segment_map;
mod settings;
mod sheet;
mod sidebar;
mod sparkline;
mod status_bar;
mod theme;
mod timetable;
mod toasts;
mod top_bar;
mod words;

pub use app::App;
pub use door::{Door, WindowError, run};

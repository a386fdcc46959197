//! A real pair, damaged at random and cut short everywhere: it always opens, and nothing is believed or lost that
//! should not be.

//! The store through its public doors.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod catalog;
mod crashes;
mod currencies;
mod doors;
mod following;
mod formats;
mod holdout;
mod imports;
mod keeping;
mod live;
mod mending;
mod online_retail;
mod power;
mod relations;
mod repeats;
mod round_trip;
mod row_groups;
mod shop;
mod twin;

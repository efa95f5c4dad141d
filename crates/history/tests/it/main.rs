//! The store through its public doors.

mod catalog;
mod crashes;
mod doors;
mod formats;
mod imports;
mod keeping;
mod live;
mod online_retail;
mod power;
mod shop;
mod twin;

//! The store through its public doors.

mod imports;
mod live;
mod online_retail;
mod shop;

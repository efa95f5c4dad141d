//! The store through its public doors.

mod imports;
mod online_retail;
mod shop;

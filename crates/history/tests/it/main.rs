//! The store through its public doors.

mod imports;
mod keeping;
mod live;
mod online_retail;
mod shop;

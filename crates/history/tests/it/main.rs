//! The store through its public doors.

mod crashes;
mod doors;
mod imports;
mod keeping;
mod live;
mod online_retail;
mod power;
mod shop;

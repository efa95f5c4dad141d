//! The API through its router, without a port.

mod access;
mod bad_input;
mod catalog;
mod events;
mod operations;
mod recommend;
mod relations;
mod swap;

//! What can go wrong when the service is set up or run; what goes wrong within a request is a
//! [`crate::problem::Problem`].

use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operator has to choose another address or make a key.
    #[error(
        "refusing to listen on {address}: there are no API keys, so everybody who reaches this \
         address could read and change everything; make one with `alongside keys create \
         --secret`, or listen on 127.0.0.1"
    )]
    OpenToTheWorld { address: SocketAddr },
    #[error(
        "port {} of {} is in use by another program; choose another with --listen",
        .address.port(),
        .address.ip()
    )]
    AddressInUse { address: SocketAddr },
    #[error("cannot {action} {}: {source}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(
        "the key file {} cannot be read: {detail}; restore it from a backup, or delete it and \
         make new keys", .path.display()
    )]
    KeyFileCorrupt { path: PathBuf, detail: String },
    #[error(
        "the key file {} has format {found}, this version reads up to {supported}; use a newer \
         alongside", .path.display()
    )]
    KeyFileTooNew { path: PathBuf, found: u32, supported: u32 },
    #[error("there is no key {id:?}; `alongside keys list` shows the ids")]
    NoSuchKey { id: String },
    #[error("no random numbers from the operating system: {detail}")]
    NoRandomness { detail: String },
    #[error("the {what} setting is wrong: {detail}")]
    Setting { what: &'static str, detail: String },
}

pub type Result<T> = std::result::Result<T, Error>;

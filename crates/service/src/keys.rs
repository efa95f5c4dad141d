//! API keys: who may do what.
//!
//! A *secret* key is for servers and may do everything. A *public* key may stand in a page: it
//! sends browser events and asks for offers, and learns nothing personal unless a signed user
//! token comes along ([`crate::user_token`]).
//!
//! A key holds 256 random bits, so it is stored as a plain SHA-256: there is no dictionary of keys
//! to try, which is all that a slow password hash would guard against, and a fast hash keeps the
//! check out of the way of the answer. The signing secret of a public key must be kept as it is
//! (an HMAC needs it), which is why the key file is readable by its owner only.
//!
//! Deliberately absent: users, roles, sessions.

mod file;
mod ring;

pub use file::{KeyFile, KeyInfo, NewKey};
pub use ring::{KeyEntry, KeyRing};

use sha2::{Digest, Sha256};

/// Who holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    Secret,
    Public,
}

impl KeyKind {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyKind::Secret => "secret",
            KeyKind::Public => "public",
        }
    }

    /// Secret and public keys look different, so that a leak scanner and a reader can tell them.
    fn prefix(self) -> &'static str {
        match self {
            KeyKind::Secret => "alsk_",
            KeyKind::Public => "alpk_",
        }
    }
}

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Ask for offers, send browser events: with either kind of key.
    Browser,
    /// Everything else: with a secret key only.
    Server,
}

impl Scope {
    pub fn allows(self, kind: KeyKind) -> bool {
        match self {
            Scope::Browser => true,
            Scope::Server => kind == KeyKind::Secret,
        }
    }
}

pub(crate) fn hash_key(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

//! Signed user tokens: with a public key, proof that the shop itself named this customer.
//!
//! ```text
//! user_token = EXPIRES "." HEX(HMAC-SHA256(signing_secret, USER_ID "\n" EXPIRES))
//! ```
//!
//! EXPIRES is in Unix seconds, in decimal; HEX in lower case; the signing secret is the text that
//! `alongside keys create --public` shows. The last line of the signed text is always digits, so
//! no user id can be mistaken for another one with another expiry. Any language makes this in
//! three lines, in the shop's server, never in the page.

use crate::hex;
use events::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Why a token does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// Not of the form `EXPIRES.HEX`.
    Malformed,
    /// Signed by another secret, for another user or with another expiry.
    Forged,
    Expired,
}

impl TokenFault {
    pub fn detail(self) -> &'static str {
        match self {
            TokenFault::Malformed => {
                "user_token must be EXPIRES.HEX: the expiry in Unix seconds, a dot, and the \
                 HMAC-SHA256 in lower-case hexadecimal."
            }
            TokenFault::Forged => {
                "user_token was not signed for this user_id with the signing secret of this key."
            }
            TokenFault::Expired => "user_token has expired; let the server sign a new one.",
        }
    }
}

/// Signs a token; for shops written in Rust, the demo and tests.
pub fn sign(signing_secret: &str, user_id: &str, expires: Timestamp) -> String {
    let expires_s = expires.0.div_euclid(1_000_000);
    let tag = tag_of(signing_secret, user_id, &expires_s.to_string()).finalize().into_bytes();
    format!("{expires_s}.{}", hex::encode(&tag.into()))
}

/// Checks that `token` was signed for `user_id` and is still valid.
pub fn verify(
    signing_secret: &str,
    user_id: &str,
    token: &str,
    now: Timestamp,
) -> Result<(), TokenFault> {
    let (expires_text, hex_tag) = token.split_once('.').ok_or(TokenFault::Malformed)?;
    let expires_s: i64 = expires_text.parse().map_err(|_| TokenFault::Malformed)?;
    let tag = hex::decode(hex_tag).ok_or(TokenFault::Malformed)?;
    // The text as it came is signed, so "007" and "7" are two tokens.
    tag_of(signing_secret, user_id, expires_text)
        .verify_slice(&tag)
        .map_err(|_| TokenFault::Forged)?;
    if Timestamp::from_seconds(expires_s) <= now {
        return Err(TokenFault::Expired);
    }
    Ok(())
}

fn tag_of(signing_secret: &str, user_id: &str, expires_text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(signing_secret.as_bytes())
        .expect("HMAC takes keys of every length");
    mac.update(user_id.as_bytes());
    mac.update(b"\n");
    mac.update(expires_text.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
    const LATER: Timestamp = Timestamp(1_700_000_600_000_000);
    const OPENSSL: &str =
        "1700000600.44b88435c0163330b5721e11b512162cdac019a50266d53e8f1fabc2eb01a1ad";

    #[test]
    fn holds_for_its_user_and_until_its_time_only() {
        let token = sign("secret", "anna", LATER);
        assert_eq!(verify("secret", "anna", &token, NOW), Ok(()));
        assert_eq!(verify("secret", "bert", &token, NOW), Err(TokenFault::Forged));
        assert_eq!(verify("other", "anna", &token, NOW), Err(TokenFault::Forged));
        assert_eq!(verify("secret", "anna", &token, LATER), Err(TokenFault::Expired));
        let longer = token.replacen("1700000600", "1900000600", 1);
        assert_eq!(verify("secret", "anna", &longer, NOW), Err(TokenFault::Forged));
    }

    #[test]
    fn garbage_is_malformed() {
        for token in ["", ".", "x.y", "123.", "123.abc", "99999999999999999999.00"] {
            assert_eq!(verify("s", "anna", token, NOW), Err(TokenFault::Malformed), "{token:?}");
        }
    }

    /// Fixed by `printf 'anna\n1700000600' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn is_what_openssl_makes() {
        assert_eq!(sign("secret", "anna", LATER), OPENSSL);
    }
}

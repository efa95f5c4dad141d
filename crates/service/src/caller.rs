//! Who is asking: the key of a request, checked against what the route wants.

use crate::keys::{KeyEntry, KeyKind, KeyRing, Scope};
use crate::limits::check_key;
use crate::problem::{Code, Problem};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::sync::Arc;

/// A caller who may go on.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// There are no keys and only this machine can reach us: developer mode.
    Open,
    Holder(Arc<KeyEntry>),
}

impl Caller {
    pub(crate) fn admit(
        ring: &KeyRing,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<Caller, Problem> {
        if ring.is_open() {
            return Ok(Caller::Open);
        }
        let Some(presented) = presented_key(headers) else {
            let detail = "Send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`; \
                          `alongside keys create` makes one.";
            return Err(Problem::new(Code::KeyMissing, detail));
        };
        let Some(entry) = ring.find(&presented) else {
            let detail = "This API key was never made here, or it was revoked.";
            return Err(Problem::new(Code::KeyUnknown, detail));
        };
        check_key(&entry.limiter)?;
        if !scope.allows(entry.kind) {
            let detail = "This needs a secret key, which belongs on a server and never in a page.";
            return Err(Problem::new(Code::KeyScope, detail));
        }
        Ok(Caller::Holder(Arc::clone(entry)))
    }

    /// Does a valid secret key come along?
    pub(crate) fn holds_secret_key(ring: &KeyRing, headers: &HeaderMap) -> bool {
        let entry = presented_key(headers).and_then(|presented| ring.find(&presented).cloned());
        entry.is_some_and(|entry| entry.kind == KeyKind::Secret)
    }

    /// A server or the developer: may speak for customers and confirm purchases.
    pub(crate) fn is_trusted(&self) -> bool {
        match self {
            Caller::Open => true,
            Caller::Holder(entry) => entry.kind == KeyKind::Secret,
        }
    }

    pub(crate) fn signing_secret(&self) -> Option<&str> {
        match self {
            Caller::Open => None,
            Caller::Holder(entry) => entry.signing_secret.as_deref(),
        }
    }

    pub(crate) fn key_id(&self) -> Option<&str> {
        match self {
            Caller::Open => None,
            Caller::Holder(entry) => Some(&entry.id),
        }
    }
}

/// Bearer, `X-API-Key`, or the password of Basic (for an operator's browser).
fn presented_key(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    if let Some(key) = headers.get("x-api-key") {
        return key.to_str().ok().map(|key| Cow::Borrowed(key.trim()));
    }
    let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = authorization.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Cow::Borrowed(rest.trim()));
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        return decoded.split_once(':').map(|(_, password)| Cow::Owned(password.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyFile;
    use events::Timestamp;
    use std::num::NonZeroU32;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    fn refusal(ring: &KeyRing, headers: &HeaderMap, scope: Scope) -> Code {
        Caller::admit(ring, headers, scope).unwrap_err().code
    }

    #[test]
    fn each_way_to_show_a_key_and_what_it_opens() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::in_dir(dir.path());
        let secret = file.create(KeyKind::Secret, "", Timestamp(1)).unwrap().key;
        let public = file.create(KeyKind::Public, "", Timestamp(1)).unwrap().key;
        let ring = file.load(NonZeroU32::MAX).unwrap();
        let basic = format!("Basic {}", STANDARD.encode(format!("operator:{secret}")));
        for headers in [
            headers("authorization", &format!("Bearer {secret}")),
            headers("authorization", &format!("bearer  {secret}")),
            headers("authorization", &basic),
            headers("x-api-key", &secret),
        ] {
            assert!(Caller::admit(&ring, &headers, Scope::Server).unwrap().is_trusted());
        }
        let public = headers("x-api-key", &public);
        let caller = Caller::admit(&ring, &public, Scope::Browser).unwrap();
        assert!(!caller.is_trusted() && caller.signing_secret().is_some());
        assert_eq!(refusal(&ring, &public, Scope::Server), Code::KeyScope);
        assert_eq!(refusal(&ring, &HeaderMap::new(), Scope::Browser), Code::KeyMissing);
        for wrong in ["Bearer alsk_no", "Basic !!", "Bearer", "Digest x"] {
            let code = refusal(&ring, &headers("authorization", wrong), Scope::Browser);
            assert!(matches!(code, Code::KeyUnknown | Code::KeyMissing), "{wrong}");
        }
    }

    #[test]
    fn without_any_key_the_house_is_open() {
        let ring = KeyRing::default();
        let caller = Caller::admit(&ring, &HeaderMap::new(), Scope::Server).unwrap();
        assert!(caller.is_trusted() && caller.key_id().is_none());
    }

    #[test]
    fn a_key_has_an_allowance() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::in_dir(dir.path());
        let key = file.create(KeyKind::Secret, "", Timestamp(1)).unwrap().key;
        let ring = file.load(NonZeroU32::MIN).unwrap();
        let headers = headers("x-api-key", &key);
        let codes: Vec<_> = (0..4)
            .map(|_| Caller::admit(&ring, &headers, Scope::Server).err().map(|p| p.code))
            .collect();
        assert_eq!(codes[..2], [None, None]);
        assert_eq!(codes[3], Some(Code::RateLimited));
    }
}

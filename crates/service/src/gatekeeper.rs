//! From where a request may come: Host and Origin, against DNS rebinding and requests that
//! another site's page makes in a visitor's browser.
//!
//! In developer mode there is no key that another site would lack, so only loopback names may
//! stand in `Host` (a rebound name would not), and a page of another origin may change nothing.
//! With keys, `Origin` must be our own or on the allow-list.

use crate::problem::{Code, Problem};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};

/// Pages of which other sites may call us, and by which names we are called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OriginSettings {
    /// As a browser writes them: `https://shop.example`.
    pub allowed_origins: Vec<String>,
    /// Names beside the loopback ones that may stand in `Host` in developer mode: `till.lan` for
    /// any port, `till.lan:8080` for one.
    pub allowed_hosts: Vec<String>,
}

impl OriginSettings {
    pub fn check(&self) -> crate::error::Result<()> {
        for origin in &self.allowed_origins {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let is_origin = host.is_some_and(|host| {
                !host.is_empty() && !host.contains(['/', '*', ' ', '?', '#', '@'])
            });
            if !is_origin || HeaderValue::from_str(origin).is_err() {
                return Err(crate::error::Error::Setting {
                    what: "CORS",
                    detail: format!(
                        "{origin:?} is no origin; write it as a browser does, such as \
                         https://shop.example"
                    ),
                });
            }
        }
        Ok(())
    }
}

/// What the answer must carry for the browser.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CrossOrigin {
    /// Same origin, or no browser.
    No,
    /// An allowed page of another origin; the header value to echo.
    Allowed(HeaderValue),
    /// A page of another origin that may only be shown what any link shows.
    Foreign,
}

pub(crate) fn check(
    settings: &OriginSettings,
    is_open: bool,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<CrossOrigin, Problem> {
    let host = uri.authority().map(|authority| authority.as_str());
    let host = host.or_else(|| headers.get(HOST)?.to_str().ok()).unwrap_or_default();
    let names = [host, name_of(host)];
    let is_allowed = || names.iter().any(|name| is_listed(&settings.allowed_hosts, name));
    if is_open && !is_loopback_name(host) && !is_allowed() {
        let shown: String = host.chars().take(100).collect();
        let detail = format!(
            "Without API keys, only this machine is served, by the names localhost, 127.0.0.1 and \
             [::1]; the request names {shown:?}."
        );
        return Err(Problem::new(Code::HostRefused, detail));
    }
    let cross = cross_origin(settings, host, headers);
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if cross == CrossOrigin::Foreign && changes {
        let detail = "This origin is not on the allow-list of pages that may call; the operator \
                      adds it with `serve --allow-origin`.";
        return Err(Problem::new(Code::OriginRefused, detail));
    }
    Ok(cross)
}

fn cross_origin(settings: &OriginSettings, host: &str, headers: &HeaderMap) -> CrossOrigin {
    let Some(origin) = headers.get(ORIGIN) else { return CrossOrigin::No };
    let Ok(text) = origin.to_str() else { return CrossOrigin::Foreign };
    let named = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match named {
        Some(named) if named.eq_ignore_ascii_case(host) => CrossOrigin::No,
        _ if is_listed(&settings.allowed_origins, text) => CrossOrigin::Allowed(origin.clone()),
        _ => CrossOrigin::Foreign,
    }
}

fn is_listed(list: &[String], text: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case(text))
}

/// Without the port: `till.lan` of `till.lan:8080`, `[::1]` of `[::1]:80`.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

fn is_loopback_name(host: &str) -> bool {
    let name = name_of(host);
    if name == "[::1]" {
        return true;
    }
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(is_open: bool, method: &Method, host: &str, origin: Option<&str>) -> String {
        let settings = OriginSettings {
            allowed_origins: vec!["https://shop.example".to_owned()],
            allowed_hosts: vec!["box.lan:8080".to_owned(), "till.lan".to_owned()],
        };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        match check(&settings, is_open, method, &Uri::from_static("/"), &headers) {
            Ok(CrossOrigin::No) => "own".to_owned(),
            Ok(CrossOrigin::Allowed(origin)) => format!("echo {}", origin.to_str().unwrap()),
            Ok(CrossOrigin::Foreign) => "foreign".to_owned(),
            Err(problem) => problem.code.as_str().to_owned(),
        }
    }

    #[test]
    fn a_rebound_name_is_refused_in_developer_mode() {
        for host in [
            "localhost:8080",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:80",
            "box.lan:8080",
            "till.lan:9",
            "TILL.lan",
        ] {
            assert_eq!(check_one(true, &Method::GET, host, None), "own", "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "[::2]",
            "127.0.0.1.evil.example",
            "box.lan:1",
        ] {
            assert_eq!(check_one(true, &Method::GET, host, None), "host_refused", "{host}");
            assert_eq!(check_one(false, &Method::GET, host, None), "own", "{host}");
        }
    }

    #[test]
    fn a_foreign_page_changes_nothing() {
        let here = "localhost:8080";
        let post = |origin| check_one(true, &Method::POST, here, origin);
        assert_eq!(post(Some("http://localhost:8080")), "own");
        assert_eq!(post(Some("http://localhost:9999")), "origin_refused");
        assert_eq!(post(Some("https://evil.example")), "origin_refused");
        assert_eq!(post(Some("null")), "origin_refused");
        assert_eq!(post(Some("https://shop.example")), "echo https://shop.example");
        assert_eq!(post(None), "own");
        assert_eq!(check_one(true, &Method::GET, here, Some("https://evil.example")), "foreign");
    }

    #[test]
    fn the_allow_list_takes_origins_only() {
        let check = |origin: &str| {
            let allowed_origins = vec![origin.to_owned()];
            OriginSettings { allowed_origins, ..OriginSettings::default() }.check().is_ok()
        };
        assert!(check("https://shop.example") && check("http://localhost:3000"));
        for wrong in ["*", "shop.example", "https://", "https://shop.example/", "https://*.x"] {
            assert!(!check(wrong), "{wrong}");
        }
    }
}

//! Rate limits: per key (kept with the key) and per network address.
//!
//! Addresses on this machine are not limited: what runs here could do worse. Nor are calls with a
//! secret key, which a shop's server sends from one address for all of its visitors; calls without
//! a key, with a public one or with a wrong one are. Behind a proxy on
//! this machine, `trust_forwarded` takes the address that the proxy names instead.

use crate::problem::{Code, Problem};
use axum::http::HeaderMap;
use governor::clock::Clock as _;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

/// How much one key and one address may ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitSettings {
    /// Requests a second of one key; twice as many at once.
    pub per_key_per_second: NonZeroU32,
    /// Requests a second of one address; twice as many at once.
    pub per_address_per_second: NonZeroU32,
    /// Believe the last entry of `X-Forwarded-For`: only behind a proxy that sets it.
    pub trust_forwarded: bool,
}

impl Default for LimitSettings {
    fn default() -> LimitSettings {
        LimitSettings {
            per_key_per_second: const { NonZeroU32::new(20_000).expect("not zero") },
            per_address_per_second: const { NonZeroU32::new(200).expect("not zero") },
            trust_forwarded: false,
        }
    }
}

/// The addresses seen lately and what they have left.
pub(crate) struct AddressLimits {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    trust_forwarded: bool,
}

impl AddressLimits {
    pub(crate) fn new(settings: &LimitSettings) -> AddressLimits {
        let per_second = settings.per_address_per_second;
        let quota = Quota::per_second(per_second)
            .allow_burst(per_second.saturating_mul(const { NonZeroU32::new(2).expect("two") }));
        AddressLimits {
            limiter: RateLimiter::keyed(quota),
            trust_forwarded: settings.trust_forwarded,
        }
    }

    /// `is_exempt` is asked only of an address that has a limit: a server with a secret key goes by
    /// the limit of its key.
    pub(crate) fn check(
        &self,
        peer: Option<IpAddr>,
        headers: &HeaderMap,
        is_exempt: impl FnOnce() -> bool,
    ) -> Result<(), Problem> {
        let forwarded = if self.trust_forwarded { forwarded_address(headers) } else { None };
        let Some(address) = forwarded.or(peer) else { return Ok(()) };
        if forwarded.is_none() && address.is_loopback() || is_exempt() {
            return Ok(());
        }
        self.limiter.check_key(&network_of(address)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.limiter.clock().now());
            too_many("This network address", wait)
        })
    }

    /// Forgets addresses that are back at their full allowance, so that memory stays bounded.
    pub(crate) fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

pub(crate) fn check_key(limiter: &DefaultDirectRateLimiter) -> Result<(), Problem> {
    limiter
        .check()
        .map_err(|not_until| too_many("This key", not_until.wait_time_from(limiter.clock().now())))
}

fn too_many(who: &str, wait: std::time::Duration) -> Problem {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let detail = format!("{who} has used up its allowance; come back in {} s.", seconds.max(1));
    Problem::new(Code::RateLimited, detail).retry_after(seconds.max(1))
}

/// A household has a whole /64 of IPv6, so single addresses would be no limit.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        },
    }
}

/// The last entry: the one that our own proxy wrote.
fn forwarded_address(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_second: u32, trust_forwarded: bool) -> AddressLimits {
        let per_address_per_second = NonZeroU32::new(per_second).unwrap();
        AddressLimits::new(&LimitSettings {
            per_address_per_second,
            trust_forwarded,
            ..LimitSettings::default()
        })
    }

    fn n_passed(limits: &AddressLimits, peer: &str, headers: &HeaderMap) -> usize {
        let peer = peer.parse().ok();
        (0..20).take_while(|_| limits.check(peer, headers, || false).is_ok()).count()
    }

    #[test]
    fn an_address_gets_its_burst_and_is_then_told_when_to_return() {
        let limits = limits(1, false);
        let none = HeaderMap::new();
        assert_eq!(n_passed(&limits, "203.0.113.5", &none), 2);
        let refusal = limits.check("203.0.113.5".parse().ok(), &none, || false).unwrap_err();
        assert_eq!((refusal.code, refusal.retry_after_s), (Code::RateLimited, Some(1)));
        assert_eq!(n_passed(&limits, "203.0.113.6", &none), 2, "another address is not hit");
        assert_eq!(n_passed(&limits, "127.0.0.1", &none), 20);
    }

    #[test]
    fn ipv6_counts_by_network_and_mapped_ipv4_as_ipv4() {
        let limits = limits(1, false);
        let none = HeaderMap::new();
        assert_eq!(n_passed(&limits, "2001:db8:1:2::1", &none), 2);
        assert_eq!(n_passed(&limits, "2001:db8:1:2:ffff::9", &none), 0);
        assert_eq!(n_passed(&limits, "::ffff:203.0.113.5", &none), 2);
        assert_eq!(n_passed(&limits, "203.0.113.5", &none), 0);
    }

    #[test]
    fn a_forwarded_address_counts_only_when_trusted_and_only_the_last() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "198.51.100.1, 203.0.113.9".parse().unwrap());
        assert_eq!(n_passed(&limits(1, false), "127.0.0.1", &headers), 20);
        let trusting = limits(1, true);
        assert_eq!(n_passed(&trusting, "127.0.0.1", &headers), 2);
        headers.insert("x-forwarded-for", "198.51.100.77, 203.0.113.9".parse().unwrap());
        assert_eq!(n_passed(&trusting, "127.0.0.1", &headers), 0, "a client cannot pick its own");
    }
}

use crate::keys::{KeyFile, KeyKind, NewKey};
use crate::limits::LimitSettings;
use crate::testing::{Answer, NOW, TestShop, ids};
use crate::{Settings, gatekeeper::OriginSettings, user_token};
use axum::http::Method;
use events::Timestamp;
use std::num::NonZeroU32;

struct Guarded {
    shop: TestShop,
    secret: NewKey,
    public: NewKey,
    _dir: tempfile::TempDir,
}

fn guarded() -> Guarded {
    guarded_with(LimitSettings::default())
}

fn guarded_with(limits: LimitSettings) -> Guarded {
    let dir = tempfile::tempdir().unwrap();
    let file = KeyFile::in_dir(dir.path());
    let secret = file.create(KeyKind::Secret, "server", NOW).unwrap();
    let public = file.create(KeyKind::Public, "page", NOW).unwrap();
    let ring = file.load(NonZeroU32::new(10_000).unwrap()).unwrap();
    let origins = OriginSettings {
        allowed_origins: vec!["https://shop.example".to_owned()],
        ..OriginSettings::default()
    };
    let settings = Settings { origins, limits, with_shop: true, ..Settings::default() };
    Guarded { shop: TestShop::with(ring, settings), secret, public, _dir: dir }
}

impl Guarded {
    async fn post(&self, key: &NewKey, path: &str, extra: &[(&str, &str)], body: &str) -> Answer {
        let mut headers = vec![("x-api-key", key.key.as_str())];
        headers.extend_from_slice(extra);
        self.shop.call(Method::POST, path, &headers, body.to_owned()).await
    }
}

#[tokio::test]
async fn each_route_asks_for_its_key() {
    let it = guarded();
    for (method, path, with_public) in [
        (Method::POST, "/v1/recommend", "400 invalid_json"),
        (Method::POST, "/v1/events", "400 invalid_json"),
        (Method::POST, "/v1/recommend:batch", "403 key_scope"),
        (Method::PUT, "/v1/items", "403 key_scope"),
        (Method::PATCH, "/v1/items", "403 key_scope"),
        (Method::PUT, "/v1/customers", "403 key_scope"),
        (Method::PUT, "/v1/holdings", "403 key_scope"),
        (Method::GET, "/v1/items/A", "403 key_scope"),
        (Method::GET, "/v1/decisions/x", "403 key_scope"),
        (Method::GET, "/v1/decisions/x/why_not?item_id=A", "403 key_scope"),
        (Method::GET, "/metrics", "403 key_scope"),
        (Method::GET, "/dashboard", "403 key_scope"),
        (Method::GET, "/explore", "403 key_scope"),
        (Method::GET, "/explore/A", "403 key_scope"),
    ] {
        let none = it.shop.call(method.clone(), path, &[], "").await;
        assert_eq!(none.verdict(), "401 key_missing", "{path}");
        assert!(none.headers.contains_key("www-authenticate"));
        let wrong = [("authorization", "Bearer alsk_wrong")];
        let answer = it.shop.call(method.clone(), path, &wrong, "").await;
        assert_eq!(answer.verdict(), "401 key_unknown", "{path}");
        let public = [("x-api-key", it.public.key.as_str())];
        let answer = it.shop.call(method, path, &public, "").await;
        assert_eq!(answer.verdict(), with_public, "{path}");
    }
    for path in ["/health/live", "/health/ready", "/openapi.json", "/docs"] {
        assert_eq!(it.shop.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn nothing_personal_with_a_public_key_unless_signed() {
    let it = guarded();
    it.shop.state.inner.live.customers.set_idx("anna", 0);
    let ask = |token: &str| format!(r#"{{"placement":"home","user_id":"anna","count":2{token}}}"#);
    let secret = it.post(&it.secret, "/v1/recommend", &[], &ask("")).await.json();
    assert_eq!(secret["fallback"], "personal");
    let bare = it.post(&it.public, "/v1/recommend", &[], &ask("")).await.json();
    assert_eq!(
        (bare["fallback"].as_str(), bare["warnings"][0]["code"].as_str()),
        (Some("popular"), Some("not_personal"))
    );
    let signing = it.public.signing_secret.as_deref().unwrap();
    let later = Timestamp(NOW.0 + 60_000_000);
    let with = |token: String| ask(&format!(r#","user_token":"{token}""#));
    let signed = with(user_token::sign(signing, "anna", later));
    let told = it.post(&it.public, "/v1/recommend", &[], &signed).await.json();
    assert_eq!(told["fallback"], "personal");
    for forged in [
        user_token::sign("alss_other", "anna", later),
        user_token::sign(signing, "bert", later),
        user_token::sign(signing, "anna", NOW),
        "rubbish".to_owned(),
    ] {
        let answer = it.post(&it.public, "/v1/recommend", &[], &with(forged)).await;
        assert_eq!(answer.verdict(), "401 user_token_invalid");
    }
}

#[tokio::test]
async fn a_purchase_with_the_public_key_counts_for_nothing() {
    let it = guarded();
    let purchase = r#"{"event_id":"1","event_name":"purchase","order_id":"o1","user_id":"anna",
                       "session_id":"s","items":[{"item_id":"E"}]}"#;
    let answer = it.post(&it.public, "/v1/events", &[], purchase).await.json();
    assert_eq!(answer["accepted"], 1);
    assert!(
        answer["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|w| w.as_str().unwrap().contains("X-User-Token"))
    );
    {
        let state = it.shop.ledger.state();
        assert!(!state.events[0].confirmed);
        assert_eq!(state.events[0].customer_id, None, "a page cannot speak for anybody");
    }
    let ask = r#"{"placement":"home","user_id":"anna","count":2}"#;
    let slate = it.post(&it.secret, "/v1/recommend", &[], ask).await.json();
    assert_eq!(slate["fallback"], "popular");
    let refund = r#"{"event_id":"2","event_name":"refund","order_id":"o1"}"#;
    let answer = it.post(&it.public, "/v1/events", &[], refund).await;
    assert_eq!(answer.verdict(), "400 invalid_event");
    let confirmed = purchase.replace("\"1\"", "\"3\"");
    it.post(&it.secret, "/v1/events", &[], &confirmed).await;
    assert!(it.shop.ledger.state().events[1].confirmed);
    let slate = it.post(&it.secret, "/v1/recommend", &[], ask).await.json();
    assert_eq!(slate["fallback"], "personal");
}

#[tokio::test]
async fn a_signed_token_lets_a_page_speak_for_its_customer() {
    let it = guarded();
    let signing = it.public.signing_secret.as_deref().unwrap();
    let token = user_token::sign(signing, "anna", Timestamp(NOW.0 + 60_000_000));
    let view = r#"{"event_id":"1","event_name":"view_item","user_id":"anna","item_id":"A"}"#;
    let header = [("x-user-token", token.as_str())];
    assert_eq!(it.post(&it.public, "/v1/events", &header, view).await.status, 200);
    assert_eq!(it.shop.ledger.state().events[0].customer_id.as_deref(), Some("anna"));
    let other = view.replace("anna", "bert").replace("\"1\"", "\"2\"");
    let answer = it.post(&it.public, "/v1/events", &header, &other).await;
    assert_eq!(answer.verdict(), "401 user_token_invalid");
}

#[tokio::test]
async fn pages_of_other_origins() {
    let it = guarded();
    let body = r#"{"placement":"home","count":1}"#;
    let from = |origin: &'static str| [("origin", origin)];
    let allowed = it.post(&it.public, "/v1/recommend", &from("https://shop.example"), body).await;
    assert_eq!(allowed.headers["access-control-allow-origin"], "https://shop.example");
    let foreign = it.post(&it.public, "/v1/recommend", &from("https://evil.example"), body).await;
    assert_eq!(foreign.verdict(), "403 origin_refused");
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    let preflight =
        |origin: &'static str| [("origin", origin), ("access-control-request-method", "POST")];
    let asks = preflight("https://shop.example");
    let answer = it.shop.call(Method::OPTIONS, "/v1/recommend", &asks, "").await;
    assert_eq!(answer.status, 204);
    assert!(answer.headers["access-control-allow-headers"].to_str().unwrap().contains("x-api-key"));
    let asks = preflight("https://evil.example");
    let answer = it.shop.call(Method::OPTIONS, "/v1/recommend", &asks, "").await;
    assert_eq!(answer.verdict(), "403 origin_refused");
}

#[tokio::test]
async fn developer_mode_serves_this_machine_by_its_own_names_only() {
    let shop = TestShop::new();
    let request = axum::http::Request::post("/v1/recommend")
        .header("host", "evil.example")
        .body(r#"{"placement":"home"}"#.into())
        .unwrap();
    assert_eq!(shop.send(request).await.verdict(), "403 host_refused");
    let cross = [("origin", "https://evil.example")];
    let answer = shop.call(Method::POST, "/cart/add", &cross, "item=A").await;
    assert_eq!(answer.verdict(), "403 origin_refused");
    let answer = shop.call(Method::PUT, "/v1/items", &cross, r#"{"item_id":"A"}"#).await;
    assert_eq!(answer.verdict(), "403 origin_refused");
}

#[tokio::test]
async fn an_address_has_an_allowance() {
    let limits =
        LimitSettings { per_address_per_second: NonZeroU32::MIN, ..LimitSettings::default() };
    let settings = Settings { limits, ..Settings::default() };
    let shop = TestShop::with(crate::keys::KeyRing::default(), settings);
    let ask = async || {
        let mut request = axum::http::Request::get("/health/live")
            .header("host", "localhost")
            .body(axum::body::Body::empty())
            .unwrap();
        request.extensions_mut().insert(crate::PeerAddress("203.0.113.7".parse().unwrap()));
        shop.send(request).await
    };
    let verdicts = [ask().await.verdict(), ask().await.verdict(), ask().await.verdict()];
    assert_eq!(verdicts, ["200", "200", "429 rate_limited"]);
    assert_eq!(ask().await.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_request_id_is_kept_when_harmless() {
    let shop = TestShop::new();
    let named = shop.call(Method::GET, "/health/live", &[("x-request-id", "abc-1")], "").await;
    assert_eq!(named.headers["x-request-id"], "abc-1");
    let odd = shop.call(Method::GET, "/health/live", &[("x-request-id", "a\"b c")], "").await;
    assert_eq!(odd.headers["x-request-id"].len(), 23);
    assert!(!ids(&shop.recommend(r#"{"placement":"home"}"#).await.json()).is_empty());
}

#[tokio::test]
async fn a_server_is_limited_by_its_key_and_not_by_its_address() {
    let it = guarded_with(LimitSettings {
        per_address_per_second: NonZeroU32::MIN,
        ..LimitSettings::default()
    });
    let ask = async |key: &str| {
        let mut request = axum::http::Request::post("/v1/recommend")
            .header("host", "localhost")
            .header("x-api-key", key)
            .body(axum::body::Body::from(r#"{"placement":"home"}"#))
            .unwrap();
        request.extensions_mut().insert(crate::PeerAddress("203.0.113.9".parse().unwrap()));
        it.shop.send(request).await.verdict()
    };
    for _ in 0..10 {
        assert_eq!(ask(&it.secret.key).await, "200");
    }
    for wanted in ["200", "200", "429 rate_limited"] {
        assert_eq!(ask(&it.public.key).await, wanted, "a page's key is in every page");
    }
    assert_eq!(ask("alsk_guess").await, "429 rate_limited", "and nobody may guess keys for ever");
    assert_eq!(ask(&it.secret.key).await, "200");
}

#[tokio::test]
async fn the_shop_confirms_no_order_once_there_are_keys() {
    let it = guarded();
    let cookie = it.shop.get("/").await.headers["set-cookie"].to_str().unwrap().to_owned();
    let headers = [
        ("cookie", cookie.split(';').next().unwrap()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let post = async |path: &str, body: &'static str| {
        it.shop.call(Method::POST, path, &headers, body).await.status.as_u16()
    };
    assert_eq!((post("/cart/add", "item=A").await, post("/cart/checkout", "").await), (303, 200));
    let state = it.shop.ledger.state();
    assert_eq!(state.events.last().map(|event| event.kind), Some(events::EventKind::Purchase));
    assert!(state.events.iter().all(|event| !event.confirmed), "anybody may send this form");
}

#[tokio::test]
async fn what_a_sale_brings_is_told_to_servers_alone() {
    let it = guarded();
    let priced = r#"[{"item_id":"B","price":10,"cost":4,"currency":"GBP"},
        {"item_id":"C","price":10,"cost":9,"currency":"GBP"}]"#;
    let key = [("x-api-key", it.secret.key.as_str())];
    let patched = it.shop.call(Method::PATCH, "/v1/items", &key, priced.to_owned());
    assert_eq!(patched.await.verdict(), "200");
    let rule = async |version: u64, text: &str| {
        let (set, found) = policy::PolicySet::read(text);
        let set = std::sync::Arc::new(set.unwrap_or_else(|| panic!("{found:#?}")));
        it.shop.state.inner.set_policies(Some((version, set))).await.unwrap();
    };
    let ask = r#"{"placement":"pdp","item_ids":["A"],"explain":true}"#;
    let told = async |key: &NewKey| it.post(key, "/v1/recommend", &[], ask).await.json();
    let scores = |slate: &serde_json::Value| -> std::collections::BTreeMap<String, f64> {
        let offers = slate["items"].as_array().unwrap().iter();
        offers
            .map(|offer| {
                (offer["item_id"].as_str().unwrap().to_owned(), offer["score"].as_f64().unwrap())
            })
            .collect()
    };
    let plain = scores(&told(&it.public).await);
    rule(1, "[[placement]]\nname = 'pdp'\nvalue = 'margin'\n").await;
    let (server, page) = (told(&it.secret).await, told(&it.public).await);
    assert_eq!(ids(&server), ids(&page));
    assert_eq!(server["explain"]["factors"]["B"]["value"].as_f64(), Some(6.0));
    assert!(page["explain"]["factors"].is_null() && !page["explain"].is_null(), "{page}");
    // Nor do scores tell it.
    for (item, score) in scores(&page) {
        assert!((score - plain[&item]).abs() < 1e-3 * score, "{item}: {score} {plain:?}");
    }
    rule(2, "[[placement]]\nname = 'pdp'\ninterruption_cost = 1000\n").await;
    let (server, page) = (told(&it.secret).await, told(&it.public).await);
    assert_eq!(page["no_offer"]["code"], "interruption_cost");
    assert!(server["no_offer"]["expected_gain"].is_number());
    assert!(page["no_offer"]["expected_gain"].is_null(), "{page}");
}

use crate::testing::{Answer, TestShop};
use axum::http::Method;

async fn form(shop: &TestShop, cookie: &str, path: &str, body: &str, fragment: bool) -> Answer {
    let mut headers =
        vec![("cookie", cookie), ("content-type", "application/x-www-form-urlencoded")];
    if fragment {
        headers.push(("x-fragment", "1"));
    }
    shop.call(Method::POST, path, &headers, body.to_owned()).await
}

fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    cookie.split(';').next().unwrap().to_owned()
}

const ALL_PAGES: [&str; 10] = [
    "/",
    "/search?q=lantern",
    "/p/A",
    "/p/C",
    "/cart",
    "/explore",
    "/explore/A",
    "/dashboard",
    "/docs",
    "/p/F%2F1%20%C3%BC",
];

#[tokio::test]
async fn every_page_is_whole_and_lets_nothing_in() {
    let shop = TestShop::new();
    for path in ALL_PAGES {
        let answer = shop.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
        assert!(answer.body.contains("</html>"), "{path}");
        assert!(!answer.body.contains("style=") && !answer.body.contains("onclick"), "{path}");
        assert!(answer.body.contains("href=\"#main\""), "{path} has a skip link");
    }
}

#[tokio::test]
async fn titles_of_others_are_escaped_everywhere() {
    let shop = TestShop::new();
    let evil = r#"{"item_id":"<i>\"'&","title":"</a><script>alert(1)</script>","price":1}"#;
    shop.call(Method::PUT, "/v1/items", &[], evil).await;
    let path = format!("/p/{}", crate::pages::words::segment("<i>\"'&"));
    let searches = ["/search?q=script", "/search?q=script&fragment=1", path.as_str()];
    for path in ALL_PAGES.iter().copied().chain(searches) {
        let body = shop.get(path).await.body;
        assert!(!body.contains("<script>alert") && !body.contains("<b>R"), "{path}");
        assert!(!body.contains("<i>"), "{path}");
    }
    assert!(shop.get(&path).await.body.contains("alert(1)"), "it is there, as text");
}

#[tokio::test]
async fn a_fee_is_on_no_page() {
    let shop = TestShop::new();
    for path in ALL_PAGES.iter().copied().chain(["/search?q=postage", "/search?q=POST"]) {
        let body = shop.get(path).await.body.to_lowercase();
        let body = body.replace("value=\"postage\"", "").replace("“postage”", "");
        assert!(!body.contains("postage"), "{path}");
    }
    assert_eq!(shop.get("/p/POST").await.status, 404);
    assert_eq!(shop.get("/explore/POST").await.status, 404);
    assert_eq!(form(&shop, "", "/cart/add", "item=POST", false).await.status, 404);
}

#[tokio::test]
async fn a_purchase_from_search_to_thanks_without_script() {
    let shop = TestShop::new();
    let product = shop.get("/p/A").await;
    assert!(product.body.contains("Frequently bought together"));
    assert!(product.body.contains("£7.75"), "3.25 + 2.55 + 1.95 for the bundle");
    assert!(product.body.contains("Bought together in 18 of 23 orders"));
    let cookie = cookie_of(&product);
    let added = form(&shop, &cookie, "/cart/add", "item=A&item=B", false).await;
    assert_eq!(
        (added.status.as_u16(), added.headers["location"].to_str().unwrap()),
        (303, "/cart")
    );
    let headers = [("cookie", cookie.as_str())];
    let cart = shop.call(Method::GET, "/cart", &headers, "").await.body;
    assert!(cart.contains("£5.80") && cart.contains("Goes with this cart"), "{cart}");
    let bag = "JUMBO BAG";
    assert!(cart.contains(bag), "the add-on for this cart");
    form(&shop, &cookie, "/cart/remove", "item=A&all=1", false).await;
    let cart = shop.call(Method::GET, "/cart", &headers, "").await.body;
    assert!(cart.contains("£2.55"));
    let thanks = form(&shop, &cookie, "/cart/checkout", "", false).await;
    assert!(thanks.body.contains("Thank you") && thanks.body.contains("DEMO-"));
    let cart = shop.call(Method::GET, "/cart", &headers, "").await.body;
    assert!(cart.contains("The cart is empty"));
    let kinds: Vec<&str> =
        shop.ledger.state().events.iter().map(|event| event.kind.as_str()).collect();
    assert!(kinds.ends_with(&["add_to_cart", "remove_from_cart", "purchase"]), "{kinds:?}");
}

#[tokio::test]
async fn the_drawer_tells_what_changed() {
    let shop = TestShop::new();
    let cookie = cookie_of(&shop.get("/").await);
    let drawer = form(&shop, &cookie, "/cart/add", "item=D", true).await.body;
    assert!(drawer.contains("data-count=\"1\""), "{drawer}");
    assert!(drawer.contains("data-announce=\"Regency Cakestand 3 Tier is in the cart.\""));
    assert!(!drawer.contains("<html"));
    assert_eq!(form(&shop, &cookie, "/cart/add", "item=none", true).await.status, 404);
}

#[tokio::test]
async fn a_made_up_cookie_is_not_believed() {
    let shop = TestShop::new();
    let headers = [("cookie", "alongside_visit=shop-<script>; other=1")];
    let answer = shop.call(Method::GET, "/cart", &headers, "").await;
    assert!(answer.headers.contains_key("set-cookie"), "a new visit begins");
}

#[tokio::test]
async fn the_explorer_shows_both_directions_and_sorts() {
    let shop = TestShop::new();
    let page = shop.get("/explore/A").await.body;
    assert!(page.contains("78.3 %") && page.contains("100.0 %"), "18 of 23, and 18 of 18");
    let at = |body: &str, title: &str| body.find(&format!("<span>{title}")).unwrap_or(usize::MAX);
    assert!(at(&page, "Red Heart") < at(&page, "Jumbo Bag"));
    let sorted = shop.get("/explore/D?sort=together").await.body;
    assert!(at(&sorted, "Teapot") < at(&sorted, "White Metal Lantern"));
    assert!(sorted.contains("aria-sort=\"descending\""));
}

#[tokio::test]
async fn the_dashboard_tells_the_last_decision_and_why() {
    let shop = TestShop::new();
    shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await;
    let page = shop.get("/dashboard").await.body;
    for part in ["green", "White Metal Lantern", "18 of 23 orders", "1 hour", "Developer mode"] {
        assert!(page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn without_the_shop_the_start_is_the_dashboard() {
    let keys = crate::keys::KeyRing::default();
    let shop = TestShop::with(keys, crate::Settings::default());
    assert_eq!(shop.get("/").await.headers["location"], "/dashboard");
    assert_eq!(shop.get("/p/A").await.status, 404);
    assert_eq!(shop.get("/cart").await.status, 404);
}

#[tokio::test]
async fn sheet_script_and_pictures_are_served() {
    let shop = TestShop::new();
    for (path, kind) in [
        ("/assets/alongside.css", "text/css; charset=utf-8"),
        ("/assets/alongside.js", "text/javascript; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
        ("/art/A", "image/svg+xml"),
        ("/art/F%2F1%20%C3%BC", "image/svg+xml"),
    ] {
        let answer = shop.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["content-type"].to_str().unwrap()),
            (200, kind)
        );
    }
    assert_eq!(shop.get("/assets/other").await.status, 404);
    assert_eq!(shop.get("/art/none").await.status, 404);
}

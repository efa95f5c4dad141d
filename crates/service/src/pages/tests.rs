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
    let more = form(&shop, &cookie, "/cart/add", "item=D", true).await.body;
    assert!(more.contains("data-announce=\"Regency Cakestand 3 Tier: 2 in the cart.\""), "{more}");
    let gone = form(&shop, &cookie, "/cart/remove", "item=D&all=1", true).await.body;
    assert!(gone.contains("Regency Cakestand 3 Tier was taken out."), "{gone}");
    form(&shop, &cookie, "/cart/add", "item=D", true).await;
    assert_eq!(form(&shop, &cookie, "/cart/add", "item=none", true).await.status, 404);
}

async fn put(shop: &TestShop, item: &str) {
    let answer = shop.call(Method::PUT, "/v1/items", &[], item.to_owned()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn cart(shop: &TestShop, cookie: &str) -> String {
    shop.call(Method::GET, "/cart", &[("cookie", cookie)], "").await.body
}

#[tokio::test]
async fn what_is_no_longer_sold_can_be_taken_out_and_is_not_ordered() {
    let shop = TestShop::new();
    let cookie = cookie_of(&shop.get("/").await);
    form(&shop, &cookie, "/cart/add", "item=A&item=B&item=D", false).await;
    put(&shop, r#"{"item_id":"A","hidden":true}"#).await;
    put(&shop, r#"{"item_id":"D","stock":0}"#).await;
    let page = cart(&shop, &cookie).await;
    assert!(page.contains("No longer sold") && page.contains("Out of stock"), "{page}");
    assert!(page.contains("<strong>£2.55</strong>"), "B alone is in the total: {page}");
    let taken = form(&shop, &cookie, "/cart/remove", "item=A&all=1", true).await;
    assert!(taken.status == 200 && !taken.body.contains("White Metal Lantern</"), "{}", taken.body);
    let again = form(&shop, &cookie, "/cart/remove", "item=A&all=1", false).await;
    assert_eq!(again.headers["location"], "/cart", "taken out in another window before");
    form(&shop, &cookie, "/cart/checkout", "", false).await;
    let state = shop.ledger.state();
    let order = state.events.last().expect("the order");
    let bought: Vec<&str> = order.lines.iter().map(|line| line.item_id.as_str()).collect();
    assert_eq!((order.kind.as_str(), bought), ("purchase", vec!["B"]));
}

#[tokio::test]
async fn what_cannot_be_had_is_not_put_in_the_cart() {
    let shop = TestShop::new();
    let cookie = cookie_of(&shop.get("/").await);
    put(&shop, r#"{"item_id":"D","stock":0}"#).await;
    let refused = form(&shop, &cookie, "/cart/add", "item=D", false).await;
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains("Regency Cakestand 3 Tier is out of stock."));
    assert!(cart(&shop, &cookie).await.contains("The cart is empty"));
}

#[tokio::test]
async fn a_total_is_told_beside_what_has_no_price() {
    let shop = TestShop::new();
    let cookie = cookie_of(&shop.get("/").await);
    put(&shop, r#"{"item_id":"Z","title":"NEW THING"}"#).await;
    assert!(shop.get("/p/Z").await.body.contains("The catalog has no price for it."));
    form(&shop, &cookie, "/cart/add", "item=Z", false).await;
    assert!(cart(&shop, &cookie).await.contains("<strong>not known</strong>"));
    form(&shop, &cookie, "/cart/add", "item=B&item=B", false).await;
    let page = cart(&shop, &cookie).await;
    assert!(page.contains("<strong>£5.10</strong>") && page.contains("One product has no price"));
}

#[tokio::test]
async fn a_page_view_is_kept_and_counted() {
    let shop = TestShop::new();
    shop.get("/p/A").await;
    let count = || shop.state.inner.metrics.n_events_of(events::EventKind::ViewItem);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((count(), shop.ledger.state().events.len()), (1, 1));
}

#[tokio::test]
async fn each_suggestion_says_why_also_on_a_tile() {
    let shop = TestShop::new();
    let cookie = cookie_of(&shop.get("/p/A").await);
    let home = shop.call(Method::GET, "/", &[("cookie", cookie.as_str())], "").await.body;
    assert!(home.contains("In 18 of 23 orders with White Metal Lantern."), "{home}");
    for tile in home.split("<li class=\"tile\">").skip(1) {
        let tile = tile.split("</li>").next().unwrap_or_default();
        assert!(tile.contains("class=\"reason\""), "{tile}");
    }
}

/// What a screen reader says of a piece of a page.
fn words_of(html: &str) -> String {
    html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect()
}

#[tokio::test]
async fn every_link_and_button_has_a_name() {
    let shop = TestShop::new();
    let cookie = cookie_of(&shop.get("/p/A").await);
    form(&shop, &cookie, "/cart/add", "item=A", false).await;
    for path in ALL_PAGES {
        let body = shop.call(Method::GET, path, &[("cookie", cookie.as_str())], "").await.body;
        for (opening, closing) in [("<a ", "</a>"), ("<button", "</button>")] {
            for part in body.split(opening).skip(1) {
                let whole = format!("{opening}{}", part.split(closing).next().unwrap_or_default());
                let tag = whole.split('>').next().unwrap_or_default();
                // Said once by the link beside it; neither read nor reached.
                let is_silent = tag.contains("aria-hidden=\"true\"");
                let is_named = tag.contains("aria-label=") || !words_of(&whole).trim().is_empty();
                assert!(
                    is_named || is_silent && tag.contains("tabindex=\"-1\""),
                    "{path}: {whole}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_drawer_speaks_within_itself() {
    let shop = TestShop::new();
    let page = shop.get("/").await.body;
    let (_, rest) = page.split_once("<dialog").expect("the drawer");
    let (drawer, outside) = rest.split_once("</dialog>").expect("its end");
    // A modal dialog silences what lies beside it.
    for part in ["role=\"status\"", "id=\"drawer-title\" tabindex=\"-1\"", "data-drawer-body"] {
        assert!(drawer.contains(part), "{part} in {drawer}");
    }
    assert!(outside.contains("role=\"status\""));
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

/// The script tells what stands on the page and what was in view, in the name of the visit.
#[tokio::test]
async fn what_was_in_view_is_kept() {
    let shop = TestShop::new();
    let page = shop.get("/p/A").await;
    let cookie = cookie_of(&page);
    let offered = page.body.split("data-offer=\"").nth(1).expect("an offer names its decision");
    let from = offered.split('"').next().unwrap_or_default();
    let item = offered.split("data-item=\"").nth(1).and_then(|rest| rest.split('"').next());
    let item = item.expect("an offer names its item");
    let of_offers = || -> Vec<(events::EventKind, Option<String>, String)> {
        let state = shop.ledger.state();
        let own = state.events.iter().filter(|event| event.recommendation_id.is_some());
        own.map(|e| (e.kind, e.recommendation_id.clone(), e.lines[0].item_id.clone())).collect()
    };
    for what in ["shown", "seen"] {
        let told = format!("what={what}&from={from}&item={item}&item=NOTHING");
        assert_eq!(form(&shop, &cookie, "/seen", &told, false).await.status, 204);
    }
    let expected = |kind| (kind, Some(from.to_owned()), item.to_owned());
    use events::EventKind::{RecommendationImpression, RecommendationView};
    let both = [expected(RecommendationImpression), expected(RecommendationView)];
    assert_eq!(of_offers(), both);
    assert_eq!(shop.ledger.state().events.last().map(|event| event.lines.len()), Some(1));
    // No visit, no answer, no item, no such thing.
    let whole = format!("what=seen&from={from}&item={item}");
    assert_eq!(form(&shop, "", "/seen", &whole, false).await.status, 400);
    for bad in [
        format!("what=seen&from=search&item={item}"),
        format!("what=seen&from={from}&item=NOTHING"),
        format!("what=sold&from={from}&item={item}"),
    ] {
        assert_eq!(form(&shop, &cookie, "/seen", &bad, false).await.status, 400, "{bad}");
    }
    assert_eq!(of_offers(), both);
}

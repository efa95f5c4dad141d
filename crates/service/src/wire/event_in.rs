//! An event as the API describes it. `events` reads it by hand, with the names of other systems
//! too; a test holds this against what it knows.

use utoipa::ToSchema;

/// What a visitor, a shop or an offer did. Names of GA4; those of Segment and Google Retail are
/// understood as well.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "it is the description of what `events` reads")]
pub(crate) struct EventIn {
    /// `view_item`, `add_to_cart`, `remove_from_cart`, `begin_checkout`, `purchase`, `refund`,
    /// `recommendation_impression`, `recommendation_view`, `recommendation_click` or
    /// `recommendation_dismiss`.
    event_name: String,
    /// The same id again is the same event.
    event_id: Option<String>,
    /// RFC 3339 or Unix; left out: now.
    timestamp: Option<String>,
    /// With a public key only together with `X-User-Token`.
    customer_id: Option<String>,
    session_id: Option<String>,
    /// Of purchases and refunds.
    order_id: Option<String>,
    /// With the order id the identity of an order; left out: `shop`.
    source: Option<String>,
    currency: Option<String>,
    location_id: Option<String>,
    /// The answer that an event of offers is about; of a purchase or cart event, the answer that
    /// its items came from.
    recommendation_id: Option<String>,
    /// Of an impression: half of it was in view for a second. Then it is a `recommendation_view`.
    viewable: Option<bool>,
    /// The same told as measured: how long, and how much of it (0 to 1).
    visible_ms: Option<f64>,
    visible_share: Option<f64>,
    items: Option<Vec<EventItemIn>>,
}

#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "it is the description of what `events` reads")]
pub(crate) struct EventItemIn {
    item_id: String,
    /// More than zero; left out: 1.
    quantity: Option<f64>,
    /// A piece.
    price: Option<f64>,
    /// The answer that this line came from.
    recommendation_id: Option<String>,
    /// Where else it was found: `search`, `category`.
    item_list_id: Option<String>,
}

//! Live events, by the names of GA4.

use crate::{Amount, Currency, Timestamp};

/// What a visitor, a shop or an offer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    ViewItem = 0,
    AddToCart = 1,
    RemoveFromCart = 2,
    BeginCheckout = 3,
    Purchase = 4,
    Refund = 5,
    RecommendationImpression = 6,
    RecommendationClick = 7,
    RecommendationDismiss = 8,
    /// Half of an offer at least was in view for a second.
    RecommendationView = 9,
}

impl EventKind {
    pub const ALL: [EventKind; 10] = [
        EventKind::ViewItem,
        EventKind::AddToCart,
        EventKind::RemoveFromCart,
        EventKind::BeginCheckout,
        EventKind::Purchase,
        EventKind::Refund,
        EventKind::RecommendationImpression,
        EventKind::RecommendationClick,
        EventKind::RecommendationDismiss,
        EventKind::RecommendationView,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::ViewItem => "view_item",
            EventKind::AddToCart => "add_to_cart",
            EventKind::RemoveFromCart => "remove_from_cart",
            EventKind::BeginCheckout => "begin_checkout",
            EventKind::Purchase => "purchase",
            EventKind::Refund => "refund",
            EventKind::RecommendationImpression => "recommendation_impression",
            EventKind::RecommendationClick => "recommendation_click",
            EventKind::RecommendationDismiss => "recommendation_dismiss",
            EventKind::RecommendationView => "recommendation_view",
        }
    }

    pub fn parse(text: &str) -> Option<EventKind> {
        EventKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// By the names of other systems too: Segment (`Product Added`), Google Retail
    /// (`detail-page-view`), RetailRocket (`addtocart`, `transaction`), older Google Analytics.
    pub fn from_alias(text: &str) -> Option<EventKind> {
        if let Some(kind) = EventKind::parse(text) {
            return Some(kind);
        }
        let squeezed: String =
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Some(match squeezed.as_str() {
            "view" | "viewitem" | "viewproduct" | "itemview" | "itemviewed" | "productview"
            | "productviewed" | "detailpageview" | "detail" | "click" => EventKind::ViewItem,
            "addtocart" | "productadded" | "cartadd" | "add" | "cart" | "addedtocart" => {
                EventKind::AddToCart
            }
            "removefromcart" | "productremoved" | "cartremove" | "remove" => {
                EventKind::RemoveFromCart
            }
            "begincheckout"
            | "checkoutstarted"
            | "checkout"
            | "initiatecheckout"
            | "shoppingcartpageview" => EventKind::BeginCheckout,
            "purchase" | "transaction" | "ordercompleted" | "purchasecomplete" | "buy"
            | "order" | "inapppurchase" | "ecommercepurchase" | "sale" | "orderplaced" => {
                EventKind::Purchase
            }
            "refund" | "orderrefunded" | "return" => EventKind::Refund,
            "recommendationimpression" => EventKind::RecommendationImpression,
            "recommendationclick" => EventKind::RecommendationClick,
            "recommendationdismiss" => EventKind::RecommendationDismiss,
            "recommendationview"
            | "recommendationviewed"
            | "recommendationviewable"
            | "viewableimpression" => EventKind::RecommendationView,
            _ => return None,
        })
    }
}

/// Where an added or bought item was found: `search`, `category`, an offer's `recommendation_id`…
/// Displacement cannot be measured without it.
pub type Origin = String;

/// Is this the name of an answer (23 digits of base 32), not `search`, `category` and the like?
pub fn is_answer(origin: &str) -> bool {
    origin.len() == 23 && origin.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

/// One item of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventLine {
    pub item_id: String,
    pub quantity: Amount,
    pub unit_price: Option<Amount>,
    pub origin: Option<Origin>,
}

/// One live event. `event_id` is its idempotency key: the same id twice is one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub event_id: String,
    pub kind: EventKind,
    pub at: Timestamp,
    pub customer_id: Option<String>,
    pub session_id: Option<String>,
    /// `Purchase` and `Refund`: identity is (source, order_id).
    pub order_id: Option<String>,
    pub source: String,
    pub currency: Option<Currency>,
    pub location_id: Option<String>,
    pub recommendation_id: Option<String>,
    pub lines: Vec<EventLine>,
    /// False for a purchase that a browser sent and no server has confirmed: kept, counts for
    /// nothing.
    pub confirmed: bool,
}

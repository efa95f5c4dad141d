//! Where an offer appears, and what is right there by default.

/// Where an offer appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placement {
    Home,
    Category,
    Pdp,
    Cart,
    Checkout,
    PostPurchase,
    Email,
    Pos,
    Kiosk,
    CallCenter,
}

/// What a placement asks of its slate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacementRules {
    /// Offers when the request names no count.
    pub count: usize,
    /// The most that a request may ask for; more is cut, with a warning.
    pub max_count: usize,
    /// May items that merely sell well fill the slate when there is no evidence? Right on a home
    /// page, noise beside a product.
    pub fill_with_popular: bool,
    /// Must a significant pair speak for each offer?
    pub evidence_required: bool,
}

impl Placement {
    pub const ALL: [Placement; 10] = [
        Placement::Home,
        Placement::Category,
        Placement::Pdp,
        Placement::Cart,
        Placement::Checkout,
        Placement::PostPurchase,
        Placement::Email,
        Placement::Pos,
        Placement::Kiosk,
        Placement::CallCenter,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Placement::Home => "home",
            Placement::Category => "category",
            Placement::Pdp => "pdp",
            Placement::Cart => "cart",
            Placement::Checkout => "checkout",
            Placement::PostPurchase => "post_purchase",
            Placement::Email => "email",
            Placement::Pos => "pos",
            Placement::Kiosk => "kiosk",
            Placement::CallCenter => "call_center",
        }
    }

    pub fn parse(text: &str) -> Option<Placement> {
        Placement::ALL.into_iter().find(|placement| placement.as_str() == text)
    }

    pub fn rules(self) -> PlacementRules {
        let (count, fill_with_popular) = match self {
            Placement::Home | Placement::Email => (12, true),
            Placement::Category => (12, true),
            Placement::Pdp => (6, false),
            Placement::Cart => (4, false),
            Placement::Checkout => (2, false),
            Placement::PostPurchase => (4, false),
            Placement::Pos | Placement::Kiosk | Placement::CallCenter => (3, false),
        };
        PlacementRules {
            count,
            max_count: 100,
            fill_with_popular,
            evidence_required: !fill_with_popular,
        }
    }
}

//! Where an offer appears, and what is right there by default.

use events::{Amount, Relation};
use policy::{Cost, PlacementRule, Stage, Tone};

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

const HALF: Amount = Amount(events::amount::MICROS / 2);

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
    /// Fewer offers than this are none.
    pub min_count: usize,
    /// A pair counts and is told from so many baskets on.
    pub min_evidence_count: u32,
    /// Items that take the place of the page's, at most.
    pub max_upgrades: usize,
    /// Are plans offered for what they cover?
    pub offers_plans: bool,
    /// An offer costs at most this share of what is in the cart.
    pub max_price_share: Option<Amount>,
    /// May something be offered that the customer has already: a second account?
    pub offers_held: bool,
    /// A slate that is not expected to earn this is not shown.
    pub interruption_cost: Option<Cost>,
    /// The share of the slate for what the customer never bought; the rest of it stays empty
    /// rather than be filled by re-orders.
    pub new_share: f32,
    /// Of the places that a customer's past fills, this share is for what they never bought, as far
    /// as there is such a thing: re-orders are likelier, and would mostly come anyway.
    pub usual_new_share: f32,
    /// 1 − λ of [`crate::diversity`]; 0: offers as they are ranked.
    pub diversity: f32,
    /// Share of answers in which other than the best may stand in the last places; 0: in none.
    pub explore: f32,
    /// Last places that are explored, where any are.
    pub explore_places: usize,
    /// Steps of the ladder that may give offers: one bit a [`score::Rung`].
    pub rungs: u16,
    pub tone: Tone,
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

    /// Who stands beside or opens the mail may read it: what is sensitive is no reason there.
    pub fn is_seen_by_others(self) -> bool {
        matches!(self, Placement::Email | Placement::Pos | Placement::Kiosk)
    }

    /// How far whoever asks is, where the visit tells one thing and the page, or what is in the
    /// cart, another; `None`: nobody can tell.
    pub fn stage(self, of_visit: Option<Stage>, has_cart: bool) -> Option<Stage> {
        match (self, of_visit) {
            (Placement::Checkout, _) => Some(Stage::Checkout),
            (Placement::PostPurchase, _) => Some(Stage::Purchased),
            (Placement::Cart, _) => Some(Stage::Cart),
            (_, None | Some(Stage::Browsing | Stage::Considering)) if has_cart => Some(Stage::Cart),
            (_, stage) => stage,
        }
    }

    /// Does an offer here go after the customer, rather than wait where they came?
    pub fn is_contact(self) -> bool {
        self == Placement::Email
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
            min_count: 0,
            min_evidence_count: 0,
            max_upgrades: usize::from(self == Placement::Pdp),
            // Where nothing is bought there is nothing to cover.
            offers_plans: !matches!(self, Placement::Home | Placement::Category | Placement::Email),
            // Cheap against the cart: no second thoughts on the way to the till.
            max_price_share: (self == Placement::Checkout).then_some(HALF),
            offers_held: false,
            interruption_cost: None,
            new_share: 0.0,
            usual_new_share: 0.5,
            diversity: 0.0,
            explore: 0.0,
            explore_places: 1,
            rungs: u16::MAX,
            tone: Tone::default(),
        }
    }
}

impl PlacementRules {
    /// These rules with what a policy file says of the placement.
    #[must_use]
    pub fn with(self, told: &PlacementRule) -> PlacementRules {
        let fill_with_popular = told.fill_with_popular.unwrap_or(self.fill_with_popular);
        let max_count = told.max_count.unwrap_or(self.max_count);
        PlacementRules {
            count: told.count.unwrap_or(self.count).min(max_count),
            max_count,
            fill_with_popular,
            evidence_required: told.evidence_required.unwrap_or(self.evidence_required),
            min_count: told.min_count.unwrap_or(self.min_count),
            min_evidence_count: told.min_evidence_count.unwrap_or(self.min_evidence_count),
            max_upgrades: match told.relations {
                // Named, so wanted, wherever it is.
                Some(_) => usize::from(told.allows_relation(Relation::Upgrade as usize)),
                None => self.max_upgrades,
            },
            offers_plans: match told.relations {
                Some(_) => told.allows_relation(Relation::Attach as usize),
                None => self.offers_plans,
            },
            max_price_share: told.max_price_share.or(self.max_price_share),
            offers_held: told.offers_held.unwrap_or(self.offers_held),
            interruption_cost: told.interruption_cost.or(self.interruption_cost),
            new_share: told.new_share.unwrap_or(self.new_share),
            usual_new_share: told.new_share.map_or(self.usual_new_share, |_| 0.0),
            diversity: told.diversity.unwrap_or(self.diversity),
            explore: told.explore.unwrap_or(self.explore),
            explore_places: told.explore_places.unwrap_or(self.explore_places),
            rungs: told.fallback.unwrap_or(self.rungs),
            tone: told.tone.unwrap_or(self.tone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_name_placements_as_we_do() {
        assert_eq!(Placement::ALL.map(Placement::as_str), policy::PLACEMENTS);
        assert_eq!(
            Placement::ALL.map(|placement| placement as usize),
            std::array::from_fn(|at| at)
        );
        assert_eq!(Placement::ALL.map(|placement| placement.rules().count), policy::USUAL_COUNTS);
        let relations = crate::Relation::ALL;
        assert_eq!(relations.map(crate::Relation::as_str), policy::RELATIONS);
        assert_eq!(relations.map(|relation| relation as usize), std::array::from_fn(|at| at));
        let rungs = score::Rung::ALL.map(score::Rung::as_str);
        assert_eq!(rungs[..policy::RUNGS.len()], policy::RUNGS);
        assert!(score::Rung::ALL.iter().enumerate().all(|(at, rung)| *rung as usize == at));
    }
}

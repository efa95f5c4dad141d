//! An item as pages show it: on a card, in a list, in the cart.

use super::money;
use super::visitor::PageSlate;
use super::words::{calm, segment};
use crate::reason::{brief_page_reason, page_reason_of};
use decide::Offer;
use decide::words::name_of;
use events::Amount;
use score::World;

/// What a template needs of one item.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) item_id: String,
    /// As an address carries it.
    pub(crate) segment: String,
    pub(crate) title: String,
    pub(crate) image: String,
    pub(crate) price: String,
    pub(crate) amount: Option<Amount>,
    /// Why it is offered; empty where it is just shown.
    pub(crate) reason: String,
    /// The decision that offers it; empty where it is just shown.
    pub(crate) origin: String,
}

impl Card {
    pub(crate) fn of(world: &World, item: u32) -> Card {
        let item_id = world.item_id(item);
        let amount = world.catalog.state(item).price();
        let segment = segment(item_id);
        // A picture of the shop only over TLS; the policy of the page lets in nothing else.
        let image = match world.image_url(item) {
            url if url.starts_with("https://") => url.to_owned(),
            _ => format!("/art/{segment}"),
        };
        Card {
            title: calm(name_of(world, item)),
            image,
            price: amount
                .map(|amount| money::show(amount, world.currency(item)))
                .unwrap_or_default(),
            amount,
            reason: String::new(),
            origin: String::new(),
            item_id: item_id.to_owned(),
            segment,
        }
    }

    pub(crate) fn of_offer(world: &World, origin: &str, offer: &Offer) -> Card {
        let reason = page_reason_of(world, offer);
        Card { reason, origin: origin.to_owned(), ..Card::of(world, offer.item) }
    }

    /// With the reason in few words, for a tile.
    pub(crate) fn of_offer_in_brief(world: &World, origin: &str, offer: &Offer) -> Card {
        let reason = brief_page_reason(world, offer);
        Card { reason, origin: origin.to_owned(), ..Card::of(world, offer.item) }
    }

    pub(crate) fn of_slate(world: &World, slate: &PageSlate) -> Vec<Card> {
        let offers = slate.decision.offers.iter();
        offers.map(|offer| Card::of_offer(world, &slate.id, offer)).collect()
    }
}

/// May a page show it at all? Fees and hidden items are nowhere, whoever asks.
pub(crate) fn is_shown(world: &World, item: u32) -> bool {
    let state = world.catalog.state(item);
    !state.is_fee() && !state.is_hidden()
}

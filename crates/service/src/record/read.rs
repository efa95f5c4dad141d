//! A record, read back.

use super::VERSION;
use super::asked::{Asked, AskedLine};
use super::contact::{Contacted, RecordedNoOffer};
use crate::holdout::HELD_OUT;
use crate::live::KnownContacts;
use crate::question::item_ref;
use crate::reason::page_reason;
use crate::wire::{EvidenceOut, RebuyOut};
use decide::{
    About, CartLine, Circumstances, Evidence, Filter, ItemRef, KnownCustomer, OrderSince,
    Placement, Reason, ReasonCode, Rebuy, Relation, Request,
};
use events::{Amount, Timestamp};
use policy::{ContactFacts, PolicyTable};
use score::World;
use serde::Deserialize;

/// What was asked, read back from a record.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    version: u64,
    #[serde(default)]
    pub(super) at_us: i64,
    #[serde(default)]
    pub(crate) snapshot: String,
    variant: Option<String>,
    #[serde(default)]
    withheld: bool,
    policies: Option<RecordedPolicies>,
    live: Option<(String, u64)>,
    outcomes: Option<RecordedArm>,
    digest: Option<u64>,
    pub(super) asked: Asked,
    pub(super) contact: Option<Contacted>,
    fallback: String,
    no_offer: Option<RecordedNoOffer>,
    pub(crate) n_eligible: u64,
    pub(crate) explored: Option<Explored>,
    offers: Vec<RecordedOffer>,
}

#[derive(Debug, Deserialize)]
struct RecordedArm {
    version: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct RecordedPolicies {
    version: u64,
    /// Of a variant: those in force then.
    under: Option<u64>,
}

/// What was drawn.
#[derive(Debug, Deserialize)]
pub(crate) struct Explored {
    pub(crate) seed: u64,
    /// Place from 1, arm, arms, chance, chance of the best.
    pub(crate) places: Vec<(usize, usize, usize, f64, f64)>,
}

/// One offer of a record.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordedOffer {
    pub(crate) item_id: String,
    pub(crate) score: f64,
    pub(crate) relation: String,
    pub(crate) rung: String,
    pub(crate) code: String,
    pub(crate) evidence: Option<EvidenceOut>,
    pub(crate) about: Option<String>,
    units: Option<u32>,
    rebuy: Option<RebuyOut>,
    pub(crate) policy: Option<RecordedTouch>,
    pub(crate) likeness: Option<f64>,
    pub(crate) response: Option<f64>,
    pub(crate) here: Option<f64>,
    pub(crate) value: Option<f64>,
}

/// What a policy did to an offer.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordedTouch {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) factor: f64,
}

impl RecordedOffer {
    /// Why, in the words of the page; `None` when the item or its anchor is not known any more.
    pub(crate) fn reason(&self, world: &World) -> Option<String> {
        let evidence = match &self.evidence {
            Some(evidence) => Some(read_evidence(world, evidence)?),
            None => None,
        };
        let code = ReasonCode::ALL.into_iter().find(|code| code.as_str() == self.code)?;
        let item = world.item_idx(&self.item_id)?;
        let about = match &self.about {
            Some(item_id) => {
                Some(About { item: world.item_idx(item_id)?, n_units: self.units.unwrap_or(1) })
            }
            None => None,
        };
        let rebuy = self.rebuy.as_ref().map(|told| Rebuy {
            n_bought: told.n_bought,
            n_orders: told.n_orders,
            every_days: told.every_days,
            last_days: told.last_days,
        });
        Some(page_reason(world, item, &Reason { code, evidence, about, rebuy }))
    }
}

fn read_evidence(world: &World, evidence: &EvidenceOut) -> Option<Evidence> {
    Some(Evidence {
        anchor: world.item_idx(&evidence.anchor_item_id)?,
        n_both: evidence.n_both,
        n_anchor: evidence.n_anchor,
        n_item: evidence.n_item,
        n_baskets: evidence.n_orders,
        lift: evidence.lift as f32,
        g2: evidence.g2 as f32,
        wilson_low: evidence.probability_low as f32,
        probability: evidence.probability as f32,
        n_after: evidence.n_after,
        n_before: evidence.n_before,
    })
}

/// A list of the request of which the record keeps a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) what: &'static str,
    pub(crate) n_given: usize,
    pub(crate) n_kept: usize,
}

impl Record {
    /// `None`: written by another version, or damaged.
    pub(crate) fn read(payload: &[u8]) -> Option<Record> {
        let record: Record = serde_json::from_slice(payload).ok()?;
        (record.version == VERSION).then_some(record)
    }

    pub(crate) fn placement(&self) -> &str {
        &self.asked.placement
    }

    pub(crate) fn fallback(&self) -> &str {
        &self.fallback
    }

    pub(crate) fn offers(&self) -> &[RecordedOffer] {
        &self.offers
    }

    /// The epoch of the chronicle, and how many of its entries were in force.
    pub(crate) fn live(&self) -> Option<(&str, u64)> {
        self.live.as_ref().map(|(epoch, n)| (epoch.as_str(), *n))
    }

    /// Of the question, as it was when it was written.
    pub(crate) fn digest(&self) -> Option<u64> {
        self.digest
    }

    /// Was it decided in the world of this snapshot, after the last change of its catalog?
    pub(crate) fn is_of(&self, snapshot_id: &str, catalog_changed_at: Timestamp) -> bool {
        self.snapshot == snapshot_id && catalog_changed_at.0 < self.at_us
    }

    /// The version of what was learned from outcomes; `None`: it was not asked.
    pub(crate) fn responses_version(&self) -> Option<u64> {
        self.outcomes.as_ref().and_then(|outcomes| outcomes.version)
    }

    /// Was nothing shown, so that it can be told what the offers earn?
    pub(crate) fn is_held_out(&self) -> bool {
        self.variant.as_deref() == Some(HELD_OUT)
    }

    /// The version of the policies that were asked.
    pub(crate) fn policy_version(&self) -> Option<u64> {
        self.policies.as_ref().map(|policies| policies.version)
    }

    /// Of a variant with policies of its own: the version that was in force then, whose hard ones
    /// held as well.
    pub(crate) fn policies_under(&self) -> Option<u64> {
        self.policies.as_ref().and_then(|policies| policies.under)
    }

    /// What was given and is not in the record.
    pub(crate) fn cuts(&self) -> Vec<Cut> {
        let asked = &self.asked;
        let anchors = ("items that the page is about", asked.n_anchors, asked.anchors.len());
        let cart = ("cart lines", asked.n_cart, asked.cart.len());
        let cut = |(what, n_given, n_kept): (&'static str, Option<usize>, usize)| {
            Some(Cut { what, n_given: n_given?, n_kept })
        };
        let contacts = self.contact.as_ref().and_then(|contact| contact.cut());
        [anchors, cart].into_iter().filter_map(cut).chain(contacts).collect()
    }

    /// Was nothing shown, for whatever reason?
    pub(crate) fn is_withheld(&self) -> bool {
        self.withheld || self.is_held_out()
    }

    /// Did a contact policy count what had been shown by then, of which the record keeps nothing?
    pub(crate) fn lacks_contacts(&self) -> bool {
        self.contact.as_ref().is_some_and(|contact| !contact.is_kept())
    }

    /// What had been shown by then, as far as it was counted; `None`: nobody could tell.
    pub(crate) fn contacts(&self, world: &World) -> Option<KnownContacts> {
        match &self.contact {
            Some(contact) if contact.is_kept() => contact.counted(world),
            _ => Some(KnownContacts::default()),
        }
    }

    /// What the decision was asked about: anchors, then the cart.
    pub(crate) fn context(&self) -> impl Iterator<Item = &str> {
        let cart = self.asked.cart.iter().map(|line| line.item_id.as_str());
        self.asked.anchors.iter().map(String::as_str).chain(cart)
    }

    /// Asks the same again of a world and its policies, as of the time of the record.
    pub(crate) fn ask_again<'s, R>(
        &'s self,
        world: &World,
        policies: Option<&PolicyTable>,
        contact: Option<ContactFacts<'_>>,
        ask: impl FnOnce(&Request<'_>) -> R,
    ) -> Option<R> {
        let asked = &self.asked;
        let known = |ids: &[String]| -> Vec<u32> {
            ids.iter().filter_map(|id| world.item_idx(id)).collect()
        };
        let anchors: Vec<ItemRef<'_>> =
            asked.anchors.iter().map(|id| item_ref(world, id)).collect();
        let amount = |value: Option<f64>| Amount::from_f64(value?).ok();
        let line_of = |line: &'s AskedLine| CartLine {
            item: item_ref(world, &line.item_id),
            quantity: amount(line.quantity).unwrap_or(Amount::ONE),
            unit_price: amount(line.unit_price),
        };
        let cart: Vec<CartLine<'_>> = asked.cart.iter().map(line_of).collect();
        let session: Vec<u32> = known(&asked.session);
        let bought_since: Vec<u32> = known(&asked.bought_since);
        let order_of =
            |(at, ids): &(i64, Vec<String>)| OrderSince { at: Timestamp(*at), items: known(ids) };
        let orders_since: Vec<OrderSince> = asked.orders_since.iter().map(order_of).collect();
        let exclude: Vec<u32> = known(&asked.exclude);
        let (resting, held) = (known(&asked.resting), known(&asked.held));
        let customer = asked.known.as_ref().map(|known| KnownCustomer {
            consent: known.consent,
            attributes: known.attributes.clone(),
            holdings: known.holdings.clone(),
            bought_is_partial: known.bought_is_partial,
        });
        let filter = asked.filter.as_ref().map(|filter| Filter {
            categories: filter.categories.clone(),
            price_min: amount(filter.price_min),
            price_max: amount(filter.price_max),
            relations: filter.relations.iter().filter_map(|name| Relation::parse(name)).collect(),
        });
        Some(ask(&Request {
            anchors: &anchors,
            cart: &cart,
            session: &session,
            customer: asked.customer,
            bought_since: &bought_since,
            orders_since: &orders_since,
            category: asked.category.as_deref(),
            count: asked.count,
            filter: filter.as_ref(),
            resting: &resting,
            held: &held,
            exclude: &exclude,
            policies,
            is_incumbent: asked.incumbent,
            is_offered_anyway: asked.offered_anyway,
            circumstances: Circumstances {
                now: Some(Timestamp(self.at_us)),
                channel: asked.channel.as_deref(),
                locale: asked.locale.as_deref(),
                location: asked.location.as_deref(),
                stage: asked.stage.as_deref().and_then(policy::Stage::parse),
                customer: customer.as_ref(),
                contact,
                refuses_contact: self.no_offer.as_ref().is_some_and(|no| no.is_refusal()),
            },
            ..Request::at(Placement::parse(&asked.placement)?)
        }))
    }
}

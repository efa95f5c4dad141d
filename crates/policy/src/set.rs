//! Policies as checked: what a file of them says.

use crate::bundle::Bundle;
use crate::contact::{ContactRule, Counted, DISMISSED_REST_DAYS};
use crate::diagnostic::Diagnostic;
use crate::predicate::Predicate;
use crate::truth::Truth;
use crate::value::Value;
use events::{Amount, Currency, Timestamp};
use jiff::tz::TimeZone;
use std::ops::Range;

/// Places where offers appear, in the order of `decide::Placement`.
pub const PLACEMENTS: [&str; 10] = [
    "home",
    "category",
    "pdp",
    "cart",
    "checkout",
    "post_purchase",
    "email",
    "pos",
    "kiosk",
    "call_center",
];

/// Offers of a placement whose count nobody tells, as `decide` has it.
pub const USUAL_COUNTS: [usize; PLACEMENTS.len()] = [12, 12, 6, 4, 2, 4, 12, 3, 3, 3];

/// Steps of the ladder, in the order of `score::Rung`.
pub const RUNGS: [&str; 8] =
    ["personal", "basket", "session", "item", "content", "category", "segment_popular", "popular"];

/// How an offer stands to its anchor, in the order of `decide::Relation`.
pub const RELATIONS: [&str; 7] =
    ["complement", "upgrade", "substitute", "bundle", "attach", "replenish", "next_product"];

/// What a policy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Who may have it.
    Eligibility,
    /// When it makes sense.
    Applicability,
    /// For whom it is good.
    Suitability,
    /// Only these are offered.
    Include,
    /// These are not offered.
    Exclude,
    /// These are not offered, and are no anchor and no reason for anything else.
    Hide,
    /// This stands at a place of its own.
    Pin,
    /// The score is multiplied: above 1.
    Boost,
    /// The score is multiplied: below 1.
    Bury,
    /// Is shown to a customer so often in a time, and no more.
    Cap,
    /// Is not offered for a time after it was dismissed or bought.
    Rest,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Eligibility,
        Kind::Applicability,
        Kind::Suitability,
        Kind::Include,
        Kind::Exclude,
        Kind::Hide,
        Kind::Pin,
        Kind::Boost,
        Kind::Bury,
        Kind::Cap,
        Kind::Rest,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Eligibility => "eligibility",
            Kind::Applicability => "applicability",
            Kind::Suitability => "suitability",
            Kind::Include => "include",
            Kind::Exclude => "exclude",
            Kind::Hide => "hide",
            Kind::Pin => "pin",
            Kind::Boost => "boost",
            Kind::Bury => "bury",
            Kind::Cap => "cap",
            Kind::Rest => "rest",
        }
    }

    pub fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Hard policies stop items, and close where something is not known.
    pub fn is_hard(self) -> bool {
        !matches!(self, Kind::Pin | Kind::Boost | Kind::Bury)
    }

    /// Does it ask what the customer was shown, dismissed or bought?
    pub fn is_contact(self) -> bool {
        matches!(self, Kind::Cap | Kind::Rest)
    }

    /// Is `when` what an item must meet, rather than when the policy is in force?
    pub fn is_demand(self) -> bool {
        matches!(self, Kind::Eligibility | Kind::Applicability | Kind::Suitability)
    }
}

/// One policy.
#[derive(Clone, Debug)]
pub struct Policy {
    pub name: String,
    pub kind: Kind,
    /// Which items it is about; a condition on items alone.
    pub items: Option<Predicate>,
    pub when: Option<Predicate>,
    /// Of a pin, the first that may be offered is.
    pub pinned_ids: Vec<Box<str>>,
    /// One bit a placement.
    pub placements: u16,
    pub valid_from: Option<Timestamp>,
    /// From then on it is not in force.
    pub valid_until: Option<Timestamp>,
    pub owner: Option<String>,
    pub comment: Option<String>,
    /// Of a boost or bury.
    pub factor: f32,
    /// Of a pin, from 1.
    pub position: usize,
    /// Of a cap or rest.
    pub contact: Option<ContactRule>,
    /// The name in the file.
    pub span: Range<usize>,
}

impl Policy {
    pub fn is_at(&self, placement: usize) -> bool {
        self.placements & (1 << placement) != 0
    }

    /// Without a time, a policy with a term may or may not be in force.
    pub fn is_valid_at(&self, now: Option<Timestamp>) -> Truth {
        is_within(self.valid_from, self.valid_until, now)
    }

    /// Did it end by then?
    pub fn is_over_at(&self, now: Timestamp) -> bool {
        self.valid_until.is_some_and(|until| until <= now)
    }

    /// What must hold for the policy to act on an item: of a demand, that it is not met.
    pub(crate) fn condition(&self) -> Predicate {
        let mut parts: Vec<Predicate> = self.items.iter().cloned().collect();
        if let Some(when) = &self.when {
            parts.push(match self.kind.is_demand() {
                true => Predicate::Not(when.clone().into()),
                false => when.clone(),
            });
        }
        match parts.len() {
            0 => Predicate::Constant(true),
            1 => parts.remove(0),
            _ => Predicate::And(parts),
        }
    }

    fn visit_fields(&self, look: &mut dyn FnMut(&crate::Field)) {
        for predicate in self.items.iter().chain(&self.when) {
            predicate.visit_fields(look);
        }
    }
}

/// Is it a time from one to another?
pub(crate) fn is_within(
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    now: Option<Timestamp>,
) -> Truth {
    match now {
        Some(now) => {
            let has_begun = from.is_none_or(|from| from <= now);
            (has_begun && until.is_none_or(|until| now < until)).into()
        }
        None if from.is_none() && until.is_none() => Truth::True,
        None => Truth::Unknown,
    }
}

/// What a file says of a placement; `None`: as it is by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlacementRule {
    pub count: Option<usize>,
    pub max_count: Option<usize>,
    /// Fewer offers than this are none.
    pub min_count: Option<usize>,
    pub fill_with_popular: Option<bool>,
    pub evidence_required: Option<bool>,
    /// An offer's pair is told and counted from so many orders on.
    pub min_evidence_count: Option<u32>,
    /// An offer costs at most this share of what is in the cart.
    pub max_price_share: Option<Amount>,
    /// May something be offered that the customer has already?
    pub offers_held: Option<bool>,
    /// One bit a relation.
    pub relations: Option<u8>,
    /// Steps of the ladder that may give offers, one bit each.
    pub fallback: Option<u16>,
    pub tone: Option<Tone>,
    /// Where a slate is not expected to earn this, nothing is offered.
    pub interruption_cost: Option<Cost>,
    /// The share of the slate for what the customer never bought.
    pub new_share: Option<f32>,
    /// From 0, offers as they are ranked, to 1, unlike one another whatever their scores.
    pub diversity: Option<f32>,
    /// Share of answers in which another than the best may stand in the last places.
    pub explore: Option<f32>,
    /// How many of the last places.
    pub explore_places: Option<usize>,
    /// What came of offers moves those that come after.
    pub learn_from_outcomes: Option<bool>,
    /// Share of customers and visits that are answered as if nothing had been learned so.
    pub incumbent_share: Option<f32>,
    /// What a sale brings counts in the ranking; `None`: what is likeliest stands first.
    pub value: Option<Value>,
    /// Values are in this currency; `None`: there is but one.
    pub value_currency: Option<Currency>,
    /// For whom the placement is; `None`: for all.
    pub spend_on: Option<SpendOn>,
    /// Who is not expected to bring more than this is no responder; `None`: more than nothing.
    pub least_uplift: Option<Cost>,
}

/// On whom offers are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendOn {
    /// Who is expected to bring more for being offered something, and whoever is not known.
    Responders,
}

/// Names of [`SpendOn`] in a file: `all` says what holds where nothing is said.
pub const SPEND_ON: [&str; 2] = ["all", "responders"];

/// How reasons are told to customers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Whole sentences with the numbers behind them.
    #[default]
    Factual,
    /// Few words.
    Brief,
    /// Without numbers.
    Plain,
}

/// Names of [`Tone`] in a file, in its order.
pub const TONES: [&str; 3] = ["factual", "brief", "plain"];

impl Tone {
    pub fn parse(name: &str) -> Option<Tone> {
        let at = TONES.iter().position(|known| *known == name)?;
        Some([Tone::Factual, Tone::Brief, Tone::Plain][at])
    }
}

/// What something costs; without a currency, in that of the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub amount: Amount,
    pub currency: Option<Currency>,
}

/// Share of those answered by the incumbent where a file says nothing.
const INCUMBENT_SHARE: f32 = 0.1;

impl PlacementRule {
    pub fn learns_from_outcomes(&self) -> bool {
        self.learn_from_outcomes == Some(true)
    }

    pub fn incumbent_share(&self) -> f64 {
        f64::from(self.incumbent_share.unwrap_or(INCUMBENT_SHARE))
    }

    pub fn spends_on_responders(&self) -> bool {
        self.spend_on == Some(SpendOn::Responders)
    }

    pub fn allows_relation(&self, relation: usize) -> bool {
        self.relations.is_none_or(|allowed| allowed & (1 << relation) != 0)
    }
}

/// All policies of one version, checked.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub policies: Vec<Policy>,
    /// By place in [`PLACEMENTS`].
    pub placements: [PlacementRule; PLACEMENTS.len()],
    pub bundles: Vec<Bundle>,
    /// In which hours, days and dates are told.
    pub time_zone: TimeZone,
    /// How long a dismissed item rests; `None`: the default.
    pub dismissed_rest_days: Option<u32>,
}

impl Default for PolicySet {
    fn default() -> PolicySet {
        PolicySet {
            policies: Vec::new(),
            placements: Default::default(),
            bundles: Vec::new(),
            time_zone: TimeZone::UTC,
            dismissed_rest_days: None,
        }
    }
}

/// The name of the policy that stands for all while they cannot be read.
pub const UNREADABLE: &str = "policies_unreadable";

impl PolicySet {
    /// Reads a file. `None`: it has errors; warnings come with a set.
    pub fn read(text: &str) -> (Option<PolicySet>, Vec<Diagnostic>) {
        crate::file::read(text)
    }

    /// Offers nothing: in force while the real policies cannot be read.
    pub fn closed() -> PolicySet {
        let all = Policy {
            name: UNREADABLE.to_owned(),
            kind: Kind::Exclude,
            items: None,
            when: None,
            pinned_ids: Vec::new(),
            placements: u16::MAX,
            valid_from: None,
            valid_until: None,
            owner: None,
            comment: None,
            factor: 1.0,
            position: 0,
            contact: None,
            span: 0..0,
        };
        PolicySet { policies: vec![all], ..PolicySet::default() }
    }

    /// The same without terms, as of a moment: what is in force then is so whenever it is asked,
    /// the rest never. Without a moment, whatever is not over `now` is.
    #[must_use]
    pub fn as_of(mut self, moment: Option<Timestamp>, now: Timestamp) -> PolicySet {
        for policy in &mut self.policies {
            let is_in_force = match moment {
                Some(moment) => policy.is_valid_at(Some(moment)) == Truth::True,
                None => !policy.is_over_at(now),
            };
            (policy.valid_from, policy.valid_until) = (None, None);
            if !is_in_force {
                policy.placements = 0;
            }
        }
        for bundle in &mut self.bundles {
            let (from, until) = (bundle.valid_from.take(), bundle.valid_until.take());
            let is_sold = match moment {
                Some(moment) => is_within(from, until, Some(moment)) == Truth::True,
                None => until.is_none_or(|until| now < until),
            };
            if !is_sold {
                bundle.placements = 0;
            }
        }
        self
    }

    /// The same under the hard policies of another set as well: what either stops is stopped.
    /// Hours and days are told in that set's zone.
    #[must_use]
    pub fn and_hard_of(mut self, others: &PolicySet, version: u64) -> PolicySet {
        let says = |policy: &Policy| {
            let Policy { kind, items, when, placements, valid_from, valid_until, .. } = policy;
            let (term, contact) = ((valid_from, valid_until), &policy.contact);
            format!("{kind:?} {items:?} {when:?} {placements} {term:?} {contact:?}")
        };
        for policy in others.policies.iter().filter(|policy| policy.kind.is_hard()) {
            if self.policies.iter().any(|own| says(own) == says(policy)) {
                continue;
            }
            let mut policy = policy.clone();
            if self.policies.iter().any(|own| own.name == policy.name) {
                policy.name = format!("{} (of version {version})", policy.name);
            }
            self.policies.push(policy);
        }
        self.time_zone = others.time_zone.clone();
        if self.dismissed_rest_us() < others.dismissed_rest_us() {
            self.dismissed_rest_days = others.dismissed_rest_days;
        }
        self
    }

    /// Does nothing at all.
    pub fn is_empty(&self) -> bool {
        let is_default = |rule: &PlacementRule| *rule == PlacementRule::default();
        self.policies.is_empty()
            && self.bundles.is_empty()
            && self.placements.iter().all(is_default)
            && self.dismissed_rest_days.is_none()
    }

    /// How long an item rests that a customer dismissed; 0: not at all.
    pub fn dismissed_rest_us(&self) -> i64 {
        let days = self.dismissed_rest_days.unwrap_or(DISMISSED_REST_DAYS);
        i64::from(days) * events::time::DAY_US
    }

    /// The longest time that a contact policy looks back, over those that count what `is_meant`.
    pub fn contact_window_us(&self, is_meant: impl Fn(Counted) -> bool) -> Option<i64> {
        let rules = self.policies.iter().filter_map(|policy| policy.contact.as_ref());
        rules.filter(|rule| is_meant(rule.counted)).map(|rule| rule.window_us).max()
    }

    pub fn visit_fields(&self, look: &mut dyn FnMut(&crate::Field)) {
        for policy in &self.policies {
            policy.visit_fields(look);
        }
        for when in self.bundles.iter().filter_map(|bundle| bundle.when.as_ref()) {
            when.visit_fields(look);
        }
    }

    /// Must items bring their attributes?
    pub fn asks_item_attributes(&self) -> bool {
        use crate::Field::{AnchorAttribute, ItemAttribute};
        let has_values = self.placements.iter().any(|rule| rule.value.is_some());
        has_values || self.asks(|field| matches!(field, ItemAttribute(_) | AnchorAttribute(_)))
    }

    /// Is a placement for those who respond?
    pub fn spends_on_responders(&self) -> bool {
        self.placements.iter().any(PlacementRule::spends_on_responders)
    }

    /// Names of the customer's attributes that are asked for, in order.
    pub fn customer_attributes(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = Vec::new();
        self.visit_fields(&mut |field| match field {
            crate::Field::CustomerAttribute(name) => names.push(name.clone()),
            crate::Field::CustomerAge => names.push("age".into()),
            crate::Field::CustomerMarketing => names.push(crate::facts::MARKETING.into()),
            _ => {}
        });
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Names of the attributes of the cart's and page's items that are asked for, in order.
    pub fn anchor_attributes(&self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = Vec::new();
        self.visit_fields(&mut |field| {
            if let crate::Field::AnchorAttribute(name) = field {
                names.push(name.clone());
            }
        });
        names.sort_unstable();
        names.dedup();
        names
    }

    pub fn asks(&self, is_meant: impl Fn(&crate::Field) -> bool) -> bool {
        let mut is_asked = false;
        self.visit_fields(&mut |field| is_asked |= is_meant(field));
        is_asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> PolicySet {
        PolicySet::read(text).0.expect("sound")
    }

    #[test]
    fn hard_policies_of_another_set_are_added_once_and_under_a_name_of_their_own() {
        let policy = |name: &str, kind: &str, rest: &str| {
            format!("[[policy]]\nname = '{name}'\nkind = '{kind}'\n{rest}\n")
        };
        let own = policy("a", "exclude", "item_ids = ['A']")
            + &policy("b", "exclude", "item_ids = ['B']");
        let others = policy("a", "exclude", "item_ids = ['A']")
            + &policy("b", "exclude", "item_ids = ['C']")
            + &policy("c", "boost", "item_ids = ['A']\nfactor = 2");
        let others = format!("time_zone = 'Europe/Berlin'\n{others}");
        let both = set(&own).and_hard_of(&set(&others), 7);
        let names: Vec<&str> = both.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "b (of version 7)"]);
        assert_eq!(both.time_zone, set(&others).time_zone);
    }
    #[test]
    fn a_variant_loosens_no_cap_and_no_rest() {
        let cap = |days: u32, n: u32| {
            let head = format!("dismissed_rest_days = {days}\n[[policy]]\nname = 'cap'");
            set(&format!("{head}\nkind = 'cap'\nat_most = {n}\nwithin = '1 day'"))
        };
        let both = cap(0, 9).and_hard_of(&cap(90, 1), 7);
        let at_most = |policy: &Policy| policy.contact.as_ref().map(|rule| rule.at_most);
        assert_eq!(both.policies.iter().filter_map(at_most).collect::<Vec<_>>(), [9, 1]);
        assert_eq!(both.dismissed_rest_days, Some(90));
        assert_eq!(cap(90, 1).and_hard_of(&cap(0, 1), 7).policies.len(), 1);
    }
}

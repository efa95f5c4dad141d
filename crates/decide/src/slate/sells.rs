//! What sells: in a category, to the segment of a known customer, to all; each as it does here.

use super::Slate;
use crate::decision::{Offer, Reason, ReasonCode, Relation};
use crate::gate::{self, Marks};
use score::Rung;

/// Items in falling order of their sales.
struct Selling<'s> {
    items: &'s [u32],
    sales: &'s dyn Fn(u32) -> f32,
    rung: Rung,
}

impl Slate<'_> {
    pub(super) fn from_category(&mut self, category: &str, marks: &mut Marks) {
        let snapshot = &self.world.snapshot;
        for idx in 0..snapshot.n_categories() as u32 {
            if gate::is_below(snapshot.category_name(idx), category) {
                let (items, sales) = (snapshot.category_popular(idx), |item| snapshot.trend(item));
                self.fill(&Selling { items, sales: &sales, rung: Rung::Category }, marks);
            }
        }
    }

    /// Nothing where the snapshot knows no segment of whoever asks.
    pub(super) fn from_segment(&mut self, marks: &mut Marks) {
        let segments = self.world.snapshot.segments();
        let segment = self.request.customer.and_then(|customer| segments.of_customer(customer));
        let Some(segment) = segment else { return };
        let (items, trends) = segments.popular(segment);
        let sales = |item: u32| {
            let place = items.iter().position(|&other| other == item);
            place.map_or(0.0, |place| trends[place])
        };
        self.fill(&Selling { items, sales: &sales, rung: Rung::SegmentPopular }, marks);
    }

    pub(super) fn from_all(&mut self, marks: &mut Marks) {
        let snapshot = &self.world.snapshot;
        let (items, sales) = (snapshot.popular(), |item| snapshot.trend(item));
        self.fill(&Selling { items, sales: &sales, rung: Rung::Popular }, marks);
    }

    /// Takes from a list, best first, as far as the gates allow.
    fn fill(&mut self, selling: &Selling<'_>, marks: &mut Marks) {
        let &Selling { items, sales, rung } = selling;
        let code = match rung {
            Rung::Category => ReasonCode::PopularInCategory,
            _ => ReasonCode::Popular,
        };
        let here = self.world.snapshot.sells_at(self.request.placement.as_str());
        let items = self.levered_list(items, sales, &here, marks);
        let (from, limit) = (self.offers.len(), self.limit());
        for &item in items.iter() {
            if self.offers.len() >= limit {
                break;
            }
            if !gate::is_open(self.world, marks, &self.limits, item) {
                continue;
            }
            let ratio = here.ratio(item);
            let score = self.world.share_of(sales(item)) * ratio * self.factor_of(item);
            let reason = Reason { code, ..Reason::default() };
            let offer = Offer::plain((item, score), Relation::Complement, reason, rung);
            self.n_eligible += 1;
            self.take(Offer { here: (ratio != 1.0).then_some(ratio), ..offer }, marks);
        }
        self.settle(from, marks);
    }
}

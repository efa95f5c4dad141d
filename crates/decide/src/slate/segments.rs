//! What sells to the segment of a known customer, before what sells to all.

use super::Slate;
use crate::gate::Marks;
use score::Rung;

impl Slate<'_> {
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
        self.fill(items, &sales, Rung::SegmentPopular, marks);
    }
}

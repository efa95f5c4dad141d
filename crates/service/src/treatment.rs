//! What the experiments that run make of one slate.

use crate::json_text::JsonText;
use crate::state::Served;
use experiment::{Assigned, Running};
use measure::assignment::UnitId;
use policy::PolicyTable;

/// The variants of whoever asks, and what they change together; where two set the same, the one
/// created last.
#[derive(Debug, Default)]
pub(crate) struct Treatment<'a> {
    /// The world of a variant's snapshot, asked in place of that in force.
    pub(crate) served: Option<&'a Served>,
    /// Experiment and variant. Allocates nothing while there are none.
    variants: Vec<(&'a str, &'a str)>,
    /// Winners: served so to everybody, and compared no more.
    rollouts: Vec<(&'a str, &'a str)>,
    /// Nothing is shown; the record keeps what would have been.
    pub(crate) is_withheld: bool,
    pub(crate) count: Option<usize>,
    pub(crate) policies: Option<&'a PolicyTable>,
}

impl<'a> Treatment<'a> {
    pub(crate) fn of(
        running: &'a Running,
        main: &'a Served,
        unit: Option<UnitId>,
        placement: &'a str,
    ) -> Treatment<'a> {
        let mut treatment = Treatment::default();
        let is_whole = |assigned: &Assigned<'_>| is_whole(main, assigned);
        if !main.beside.is_empty() {
            let whole = running.at(unit, placement).filter(is_whole);
            let worlds = whole.filter_map(|assigned| main.of_variant(assigned.snapshot()?));
            treatment.served = worlds.last();
        }
        for assigned in running.at(unit, placement).filter(is_whole) {
            treatment.take(main, &assigned);
        }
        treatment
    }

    fn take(&mut self, main: &'a Served, assigned: &Assigned<'a>) {
        let variant = assigned.variant;
        if let Some(version) = variant.policy_version {
            let mut tables = self.served.unwrap_or(main).all_policies();
            self.policies = tables.find(|table| table.version() == version).or(self.policies);
        }
        let names = (assigned.experiment, variant.name.as_str());
        let list = if assigned.is_compared { &mut self.variants } else { &mut self.rollouts };
        list.push(names);
        self.is_withheld |= !variant.offers;
        self.count = variant.count.map(|count| count as usize).or(self.count);
    }

    /// For the answer: `,"experiments":[{"id":…,"variant":…}]`.
    pub(crate) fn write_answer(&self, out: &mut JsonText) {
        if self.variants.is_empty() {
            return;
        }
        out.raw(",\"experiments\":[");
        for (at, (experiment, variant)) in self.variants.iter().enumerate() {
            out.raw(if at == 0 { "{\"id\":" } else { ",{\"id\":" });
            out.string(experiment);
            out.raw(",\"variant\":");
            out.string(variant);
            out.raw("}");
        }
        out.raw("]");
    }

    /// For the record: with the unit, by which results are joined, and how long it took.
    pub(crate) fn write_record(&self, out: &mut JsonText, unit: Option<UnitId>, took_us: u64) {
        for (name, list) in
            [(",\"experiments\":[", &self.variants), (",\"rollouts\":[", &self.rollouts)]
        {
            if list.is_empty() {
                continue;
            }
            out.raw(name);
            for (at, (experiment, variant)) in list.iter().enumerate() {
                out.raw(if at == 0 { "[" } else { ",[" });
                out.string(experiment);
                out.raw(",");
                out.string(variant);
                out.raw("]");
            }
            out.raw("]");
        }
        if self.is_withheld {
            out.raw(",\"withheld\":true");
        }
        if let (Some(unit), false) = (unit, self.variants.is_empty()) {
            out.raw(",\"unit\":");
            out.number(unit.0);
            out.raw(",\"took_us\":");
            out.number(took_us);
        }
    }
}

/// A variant without its policies or its snapshot would be another than was meant: it is none.
fn is_whole(main: &Served, assigned: &Assigned<'_>) -> bool {
    let has = |version| main.all_policies().any(|table| table.version() == version);
    assigned.snapshot().is_none_or(|id| main.of_variant(id).is_some())
        && assigned.variant.policy_version.is_none_or(has)
}

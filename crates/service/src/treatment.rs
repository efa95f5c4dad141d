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
        // Policies are looked for in the world that is asked, so that is found first.
        if !main.beside.is_empty() {
            let of_variants = running
                .at(unit, placement)
                .filter_map(|assigned| main.of_variant(assigned.snapshot()?));
            treatment.served = of_variants.last();
        }
        for assigned in running.at(unit, placement) {
            treatment.take(main, &assigned);
        }
        treatment
    }

    /// A variant without its policies or its snapshot would be another than was meant: it is none.
    fn take(&mut self, main: &'a Served, assigned: &Assigned<'a>) {
        let variant = assigned.variant;
        if assigned.snapshot().is_some_and(|id| main.of_variant(id).is_none()) {
            return;
        }
        if let Some(version) = variant.policy_version {
            let is_it = |table: &&PolicyTable| table.version() == version;
            let served = self.served.unwrap_or(main);
            let Some(table) = served.all_policies().find(is_it) else { return };
            self.policies = Some(table);
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

//! The report for a terminal: sentences first, then numbers, then method.

use crate::show;
use proof::Findings;
use proof::words::{
    EVENT_HEADS, METRIC_HEADS, PLACEMENT_HEADS, RELATION_HEADS, SEGMENT_HEADS, event_rows,
    metric_rows, notes, placement_cells, relation_cells, segment_cells,
};

pub(super) fn print(findings: &Findings) -> anyhow::Result<()> {
    for sentence in &findings.sentences {
        show::line(sentence)?;
    }
    if findings.n_offers + findings.n_holdout == 0 {
        return Ok(());
    }
    show::line("")?;
    let mut table = show::table(&METRIC_HEADS, &[1, 2, 3, 4, 5]);
    metric_rows(&findings.metrics).iter().for_each(|row| show::row(&mut table, row));
    if !findings.metrics.is_empty() {
        show::line(table)?;
    }
    let mut table = show::table(&PLACEMENT_HEADS, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for placement in &findings.placements {
        show::row(&mut table, &placement_cells(placement));
    }
    show::line(table)?;
    if !findings.relations.is_empty() {
        let mut table = show::table(&RELATION_HEADS, &[1, 2, 3, 4, 5, 6]);
        findings.relations.iter().for_each(|one| show::row(&mut table, &relation_cells(one)));
        show::line(table)?;
    }
    if !findings.segments.is_empty() {
        let mut table = show::table(&SEGMENT_HEADS, &[1, 2, 3]);
        findings.segments.iter().for_each(|one| show::row(&mut table, &segment_cells(one)));
        show::line(table)?;
    }
    let mut table = show::table(&EVENT_HEADS, &[1]);
    event_rows(&findings.doubts).iter().for_each(|row| show::row(&mut table, row));
    show::line(table)?;
    for line in notes(findings) {
        show::line(line)?;
    }
    Ok(())
}

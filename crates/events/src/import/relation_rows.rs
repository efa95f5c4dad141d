//! Files of relations: one row says how one item stands to another.

use super::cell::Row;
use super::columns::{Field, FileKind};
use super::field_read::Fault;
use super::plan::ImportPlan;
use super::read::{ReadOptions, ReadSummary, read_file};
use super::records::{ReadRow, Reader, RecordSink, Records};
use super::source::Source;
use crate::record::RelationRecord;
use crate::{Error, RejectReason, Relation};

/// What stands for "nothing is declared any more".
const WITHDRAWN: &str = "none";
const MAX_TEXT_CHARS: usize = 1_000;

/// Reads relations. A row whose items are the same, whose relation has no name known here or whose
/// time ends before it begins is set aside.
pub fn read_relations(
    source: Source,
    plan: &ImportPlan,
    options: ReadOptions,
    sink: RecordSink<'_, RelationRecord>,
) -> Result<ReadSummary, Error> {
    plan.expect_kind(FileKind::Relations)?;
    read_file(source, plan, options, || Records::new(plan, RelationRow), sink)
}

#[derive(Clone, Copy)]
struct RelationRow;

impl ReadRow for RelationRow {
    type Record = RelationRecord;

    fn read<R: Row + ?Sized>(
        self,
        reader: &mut Reader<'_>,
        row: &R,
    ) -> Result<Option<RelationRecord>, Fault> {
        let from_item_id = reader.needed_id(row, Field::FromItem, RejectReason::MissingItem)?;
        let to_item_id = reader.needed_id(row, Field::ToItem, RejectReason::MissingItem)?;
        let bad = |detail: String| Err(Fault::new(RejectReason::BadValue, detail));
        if from_item_id == to_item_id {
            return bad(format!("{from_item_id:?} stands to itself; name two items"));
        }
        let text = reader.text(row, Field::Relation).unwrap_or_default();
        let relation = match Relation::parse(&text) {
            None if !text.trim().eq_ignore_ascii_case(WITHDRAWN) => {
                let names = Relation::ALL.map(Relation::as_str).join(", ");
                return bad(format!(
                    "{:?} is no relation; there are {names}, and {WITHDRAWN} to withdraw one",
                    short(text)
                ));
            }
            relation => relation,
        };
        let valid_from = reader.time(row, Field::Since)?;
        let valid_until = reader.time(row, Field::Until)?;
        if valid_from.zip(valid_until).is_some_and(|(from, until)| until <= from) {
            return bad("it ends before it begins; mend valid_from or valid_until".to_owned());
        }
        Ok(Some(RelationRecord {
            from_item_id,
            to_item_id,
            relation,
            source: reader.text(row, Field::Source).map(short).unwrap_or_default(),
            note: reader.text(row, Field::Note).map(short),
            valid_from,
            valid_until,
        }))
    }
}

fn short(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::PlanOptions;
    use std::ops::ControlFlow;

    fn read(text: &str) -> (Vec<RelationRecord>, Vec<String>) {
        let source = || Source::bytes("relations.csv", text.as_bytes().to_vec());
        let options = PlanOptions::default();
        let plan = ImportPlan::make(&mut source(), FileKind::Relations, &options).unwrap();
        let (mut records, mut faults) = (Vec::new(), Vec::new());
        let threads = ReadOptions { n_threads: 1 };
        read_relations(source(), &plan, threads, &mut |batch, rejects| {
            records.extend(batch);
            faults.extend(rejects.iter().map(|reject| reject.detail.clone()));
            ControlFlow::Continue(())
        })
        .unwrap();
        (records, faults)
    }

    #[test]
    fn rows_are_relations_and_what_cannot_be_is_set_aside() {
        let (records, faults) = read(
            "from_item,to_item,relation,provenance,note,valid_from,valid_to\n\
             A,B,Cross-sell,spring list,\"a, b\",2026-01-01,2026-02-01\n\
             A,C,upsell,,,,\n\
             A,D,none,,,,\n\
             A,A,upgrade,,,,\n\
             A,E,friend,,,,\n\
             ,E,attach,,,,\n\
             A,F,attach,,,2026-02-01,2026-01-01\n\
             A,G,attach,,,soon,\n",
        );
        let shown: Vec<String> = records
            .iter()
            .map(|r| {
                let relation = r.relation.map_or("-", Relation::as_str);
                format!("{} {} {relation} {:?}", r.from_item_id, r.to_item_id, r.source)
            })
            .collect();
        let expected = ["A B complement \"spring list\"", "A C upgrade \"\"", "A D - \"\""];
        assert_eq!(shown, expected);
        assert_eq!(records[0].note.as_deref(), Some("a, b"));
        assert_eq!(records[0].valid_until.unwrap().to_string(), "2026-02-01T00:00:00Z");
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert!(faults[0].contains("stands to itself") && faults[1].contains("next_product"));
        assert!(faults[2].contains("empty") && faults[3].contains("ends before"), "{faults:?}");
    }

    #[test]
    fn the_names_of_shop_systems_are_known_and_a_column_missing_is_said() {
        let (records, _) = read("sku,linked_sku,link_type\nA,B,crosssell\n");
        assert_eq!((&*records[0].from_item_id, &*records[0].to_item_id), ("A", "B"));
        let mut source = Source::bytes("x.csv", b"sku,link_type\nA,upsell\n".to_vec());
        let options = PlanOptions::default();
        let missing = ImportPlan::make(&mut source, FileKind::Relations, &options).unwrap_err();
        assert!(missing.to_string().contains("to_item"), "{missing}");
    }
}

//! A small snapshot in which every table holds something.

use crate::tables::{FLAG_HIDDEN, FLAG_SENSITIVE, NO_AMOUNT, NONE, PairStats, names, write_ids};
use crate::{Provenance, Rows, SnapshotWriter, StringTable};
use sparse::Csr;

pub(crate) const IDS: [&str; 4] = ["85123A", "é-1", "POST", "22720"];

pub(crate) fn provenance() -> Provenance {
    Provenance {
        code_version: "0.1.0".into(),
        data_from: Some("2010-12-01T08:26:00Z".into()),
        n_baskets: 9,
        n_items: 4,
        seed: 42,
        parameters: [("lambda".to_owned(), "10".to_owned())].into(),
        ..Provenance::default()
    }
}

pub(crate) fn pair(n_both: u32) -> PairStats {
    PairStats { n_both, n_after: 2, n_before: 1, is_significant: 1, lift: 1.5, ..pair_rest() }
}

fn pair_rest() -> PairStats {
    PairStats { g2: 7.25, wilson_low: 0.125, probability: 0.25, jaccard: 0.5, ..Default::default() }
}

/// `replace` names a section that is left out and written by the caller.
pub(crate) fn writer_without(replace: &[&str]) -> SnapshotWriter {
    let mut full = SnapshotWriter::new(&provenance());
    write_columns(&mut full);
    write_tables(&mut full);
    replace.iter().for_each(|name| full.remove(name));
    full
}

pub(crate) fn full_writer() -> SnapshotWriter {
    writer_without(&[])
}

fn write_columns(writer: &mut SnapshotWriter) {
    write_ids(writer, IDS.into_iter());
    StringTable::write(writer, names::TITLES, ["White heart", "Größe", "", "Tins"].into_iter());
    StringTable::write(writer, names::IMAGES, ["", "", "", "/tins.png"].into_iter());
    writer.add(names::KINDS, &[0_u8, 1, 4, 0]);
    writer.add(names::FLAGS, &[0_u8, FLAG_HIDDEN, 0, FLAG_SENSITIVE]);
    writer.add(names::PRICES, &[2_550_000_i64, NO_AMOUNT, 0, 4_950_000]);
    writer.add(names::COSTS, &[NO_AMOUNT, NO_AMOUNT, NO_AMOUNT, 1_i64]);
    writer.add(names::STOCKS, &[NO_AMOUNT, 0_i64, 7, -3]);
    writer.add(names::CURRENCIES, &[*b"GBP\0", [0; 4], *b"EUR\0", *b"GBP\0"]);
    writer.add(names::VARIANT_OF, &[NONE, 0, NONE, NONE]);
    writer.add(names::CATEGORY_OF, &[1_u32, 0, NONE, 1]);
    writer.add(names::N_BASKETS, &[5_u32, 3, 0, 2]);
    writer.add(names::TREND, &[2.5_f32, 1.0, 0.0, 0.5]);
    StringTable::write(writer, names::CATEGORY_NAMES, ["Garden", "Home > Tins"].into_iter());
}

fn write_tables(writer: &mut SnapshotWriter) {
    let rows = |rows: &[&[u32]]| rows.iter().collect::<Csr>();
    let by_category = rows(&[&[1], &[0, 3]]);
    Rows::write(writer, names::CATEGORY_POPULAR, &by_category, &[1.0_f32, 2.5, 0.5]);
    writer.add(names::POPULAR, &[0_u32, 1, 3]);
    let pairs = [pair(3), pair(2), pair(3)];
    Rows::write(writer, names::PAIRS, &rows(&[&[1, 3], &[0], &[], &[]]), &pairs);
    let neighbors = rows(&[&[3], &[], &[], &[0]]);
    Rows::write(writer, names::NEIGHBORS, &neighbors, &[0.75_f32, 0.75]);
    writer.add(names::EASE_ROW_OF_ITEM, &[0_u32, NONE, NONE, 1]);
    writer.add(names::EASE_ITEM_OF_ROW, &[0_u32, 3]);
    writer.add(names::EASE_WEIGHTS, &[0.0_f32, 0.3, 0.2, 0.0]);
    StringTable::write(writer, names::TOKENS, ["größe", "heart", "heat", "tin"].into_iter());
    let postings = rows(&[&[1], &[0], &[0], &[3, 0]]);
    Rows::write(writer, names::POSTINGS, &postings, &[1.0_f32, 1.1, 0.1, 2.0, 0.2]);
    Rows::write(writer, names::CONTENT, &rows(&[&[], &[], &[3, 0], &[]]), &[0.5_f32, 0.4]);
    let customers = rows(&[&[0], &[], &[3, 1]]);
    Rows::write(writer, names::CUSTOMERS, &customers, &[1.0_f32, 2.0, 0.5]);
    writer.add(names::BLEND, &[0.5_f32; 15]);
}

use super::*;
use crate::fixture::{IDS, full_writer, pair, provenance, writer_without};
use sparse::Csr;

fn snapshot() -> Snapshot {
    Snapshot::from_writer(&full_writer()).unwrap()
}

#[test]
fn columns_come_back_as_written() {
    let snapshot = snapshot();
    assert_eq!(snapshot.provenance(), &provenance());
    assert_eq!((snapshot.n_items(), snapshot.n_baskets()), (4, 9));
    for (idx, id) in IDS.into_iter().enumerate() {
        assert_eq!(snapshot.item_idx(id), Some(idx as u32));
        assert_eq!(snapshot.item_id(idx as u32), id);
    }
    assert_eq!(snapshot.item_idx("85123"), None);
    assert_eq!(snapshot.item_idx(""), None);
    assert_eq!(
        (snapshot.title(1), snapshot.title(2), snapshot.image_url(3)),
        ("Größe", "", "/tins.png")
    );
    assert_eq!([1, 2].map(|item| snapshot.kind(item)), [ItemKind::Service, ItemKind::Fee]);
    assert_eq!([1, 3].map(|item| snapshot.flags(item)), [FLAG_HIDDEN, FLAG_SENSITIVE]);
    let prices = [0, 1, 2].map(|item| snapshot.price(item));
    assert_eq!(prices, [Some(Amount(2_550_000)), None, Some(Amount(0))]);
    assert_eq!([0, 3].map(|item| snapshot.cost(item)), [None, Some(Amount(1))]);
    assert_eq!([0, 1, 3].map(|item| snapshot.stock(item)), [None, Some(0), Some(-3)]);
    assert_eq!([0, 1].map(|item| snapshot.currency(item)), [Currency::parse("GBP"), None]);
    assert_eq!([0, 1].map(|item| snapshot.variant_of(item)), [None, Some(0)]);
    assert_eq!([2, 3].map(|item| snapshot.category_of(item)), [None, Some(1)]);
    assert_eq!((snapshot.n_item_baskets(0), snapshot.trend(0)), (5, 2.5));
    assert_eq!((snapshot.n_categories(), snapshot.category_name(1)), (2, "Home > Tins"));
    assert_eq!([snapshot.category_idx("Garden"), snapshot.category_idx("x")], [Some(0), None]);
}

#[test]
fn tables_come_back_as_written() {
    let snapshot = snapshot();
    assert_eq!(snapshot.popular(), [0, 1, 3]);
    assert_eq!(snapshot.category_popular(1), [0, 3]);
    assert_eq!(snapshot.pairs(0), (&[1, 3][..], &[pair(3), pair(2)][..]));
    assert_eq!(snapshot.pairs(2).0, [0_u32; 0]);
    assert_eq!(snapshot.neighbors(3), (&[0][..], &[0.75][..]));
    assert_eq!(snapshot.ease_items(), [0, 3]);
    assert_eq!(snapshot.ease_row(3), Some(&[0.2, 0.0][..]));
    assert_eq!((snapshot.ease_row(1), snapshot.ease_row(99)), (None, None));
    assert_eq!(snapshot.postings("tin"), Some((&[3, 0][..], &[2.0, 0.2][..])));
    assert_eq!((snapshot.postings("ti"), snapshot.postings("zz")), (None, None));
    let found: Vec<&str> = snapshot.tokens_from("hea").map(|(token, ..)| token).collect();
    assert_eq!(found, ["heart", "heat"]);
    assert_eq!(snapshot.content(2), (&[3, 0][..], &[0.5, 0.4][..]));
    assert_eq!(snapshot.n_customers(), 3);
    assert_eq!(snapshot.customer_items(2), (&[3, 1][..], &[2.0, 0.5][..]));
    assert_eq!(snapshot.customer_items(3).0, [0_u32; 0]);
    assert_eq!(snapshot.blend(), [0.5; 15]);
}

#[test]
fn item_weights_by_row_stand_in_for_the_table() {
    let mut writer =
        writer_without(&[names::EASE_ROW_OF_ITEM, names::EASE_ITEM_OF_ROW, names::EASE_WEIGHTS]);
    let rows: sparse::Csr = [&[1_u32, 3][..], &[], &[0], &[]].into_iter().collect();
    Rows::write(&mut writer, names::SPARSE_INVERSE, &rows, &[0.5_f32, -0.25, 1.0]);
    let by_row = Snapshot::from_writer(&writer).unwrap();
    assert!(by_row.has_sparse_weights() && by_row.ease_items().is_empty());
    assert_eq!(by_row.sparse_weights(0), (&[1, 3][..], &[0.5, -0.25][..]));
    assert_eq!(by_row.sparse_weights(1).0, [0_u32; 0]);
    assert_eq!((by_row.ease_row(0), by_row.ease_row_idx(0)), (None, None));
    let table = snapshot();
    assert!(!table.has_sparse_weights());
    assert_eq!(table.sparse_weights(0).0, [0_u32; 0]);
    // Both at once say two things.
    let mut both = writer_without(&[]);
    Rows::write(&mut both, names::SPARSE_INVERSE, &rows, &[0.5_f32, -0.25, 1.0]);
    assert!(matches!(Snapshot::from_writer(&both), Err(Error::Corrupt { .. })));
}

#[test]
fn the_empty_snapshot_answers_everything_with_nothing() {
    let empty = Snapshot::empty();
    assert_eq!((empty.n_items(), empty.n_customers(), empty.n_categories()), (0, 0, 0));
    assert_eq!(empty.item_idx("85123A"), None);
    assert!(empty.popular().is_empty() && empty.ease_items().is_empty());
    assert!(empty.blend().is_empty() && empty.postings("tin").is_none());
    assert_eq!(empty.tokens_from("").count(), 0);
    assert_eq!(empty.ease_row(0), None);
    assert!(!empty.has_sparse_weights() && empty.sparse_weights(0).0.is_empty());
}

/// The fixture with one section replaced must be refused, and say why.
fn refused<T: Pod>(name: &str, items: &[T]) {
    let mut writer = writer_without(&[name]);
    writer.add(name, items);
    match Snapshot::from_writer(&writer) {
        Err(error @ Error::Corrupt { .. }) => assert!(error.to_string().contains("damaged")),
        Err(other) => panic!("`{name}`: {other}"),
        Ok(_) => panic!("a damaged `{name}` was taken"),
    }
}

#[test]
fn sections_of_a_wrong_size_are_refused() {
    for column in [names::PRICES, names::COSTS, names::STOCKS] {
        refused(column, &[1_i64; 3]);
        refused(column, &[1_i64; 5]);
        refused(column, &[1_u32; 4]);
        refused::<i64>(column, &[]);
    }
    refused(names::KINDS, &[0_u8; 5]);
    refused(names::FLAGS, &[0_u16; 4]);
    refused(names::CURRENCIES, &[[0_u8; 4]; 3]);
    refused(names::N_BASKETS, &[1_u32; 3]);
    refused(names::TREND, &[1.0_f32; 2]);
    refused(names::EASE_WEIGHTS, &[1.0_f32; 3]);
    refused(names::EASE_ROW_OF_ITEM, &[0_u32; 3]);
    refused(names::ID_SLOTS, &[NONE; 16]);
    refused(names::ID_SLOTS, &[0_u32, 1, 2]);
    refused("item.title.offsets", &[0_u64, 1, 2]);
    refused("pairs.values", &[pair(1); 2]);
    refused("neighbors.offsets", &[0_u64, 1, 2]);
    refused("customer.items.values", &[1.0_f32; 4]);
}

#[test]
fn indices_out_of_range_are_refused() {
    refused(names::VARIANT_OF, &[NONE, 4, NONE, NONE]);
    refused(names::CATEGORY_OF, &[2_u32, 0, 0, 0]);
    refused(names::POPULAR, &[4_u32]);
    refused(names::EASE_ITEM_OF_ROW, &[0_u32, 4]);
    refused(names::EASE_ROW_OF_ITEM, &[0_u32, NONE, NONE, 2]);
    refused(names::ID_SLOTS, &[0_u32, 1, 2, 9, NONE, NONE, NONE, NONE]);
    // A full index would be probed forever.
    refused(names::ID_SLOTS, &[0_u32, 1, 2, 3, 0, 1, 2, 3]);
    for table in ["pairs", "neighbors", "content", "customer.items", "category.popular"] {
        refused(&format!("{table}.items"), &[4_u32, 4, 4]);
    }
    refused("pairs.offsets", &[0_u64, 3, 2, 3, 3]);
    refused("pairs.offsets", &[1_u64, 2, 3, 3, 3]);
    refused("pairs.offsets", &[0_u64, 2, 3, 3, u64::MAX]);
}

#[test]
fn broken_strings_and_provenance_are_refused() {
    refused("item.title.bytes", &[0xff_u8; 21]);
    refused("item.title.offsets", &[0_u64, 14, 11, 17, 21]);
    // Within the two bytes of a letter.
    refused("item.id.offsets", &[0_u64, 7, 10, 14, 19]);
    refused("item.id.offsets", &[0_u64, 6, 10, 14, u64::MAX]);
    refused(crate::writer::PROVENANCE, b"{\"seed\":");
    refused(crate::writer::PROVENANCE, b"");
}

#[test]
fn the_order_of_adding_changes_no_byte() {
    let build = |is_reverse: bool| {
        let mut writer = SnapshotWriter::new(&provenance());
        let mut names = ["a", "b", "c"];
        if is_reverse {
            names.reverse();
        }
        names.into_iter().for_each(|name| writer.add(name, name.as_bytes()));
        let rows: Csr = [[0_u32, 1]].iter().collect();
        Rows::write(&mut writer, "rows", &rows, &[1.0_f32, 2.0]);
        writer.to_bytes()
    };
    assert_eq!(build(false), build(true));
}

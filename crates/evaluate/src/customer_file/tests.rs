use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

const HISTORY: &str = r#"{"10": [[-1], [7, 5, 5], [5], [-1]], "9": [[-1], [100], [-1]]}"#;
const FUTURE: &str = r#"{"10": [[-1], [5, 8], [-1]], "9": [[-1], [7], [-1]]}"#;
const KEYSET: &str = r#"{"item_num": 4, "train": ["9"], "test": ["10"]}"#;

static FOLDER: AtomicU32 = AtomicU32::new(0);

/// Reads the three texts from files of their own.
fn read(history: &str, future: &str, keyset: &str) -> Result<CustomerFile, Error> {
    let number = FOLDER.fetch_add(1, Ordering::Relaxed);
    let name = format!("customer-file-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (history, future) = (write("history.json", history), write("future.json", future));
    let read = CustomerFile::read(&history, &future, &[write("keyset.json", keyset)]);
    std::fs::remove_dir_all(&folder).unwrap();
    read
}

fn refusal(history: &str, future: &str, keyset: &str) -> String {
    read(history, future, keyset).unwrap_err().to_string()
}

#[test]
fn ids_are_in_order_of_numbers_and_baskets_distinct() {
    let file = read(HISTORY, FUTURE, KEYSET).unwrap();
    assert_eq!(file.customer_ids, ["9".into(), "10".into()]);
    assert_eq!(file.item_ids.join(" "), "5 7 8 100");
    assert_eq!(file.histories, [vec![vec![3]], vec![vec![0, 1], vec![0]]]);
    assert_eq!((file.folds.clone(), file.asked()), (vec![vec![1]], vec![1]));
    assert_eq!(file.futures, [vec![], vec![0, 2]]);
}

#[test]
fn text_ids_are_in_order_of_text() {
    let history = r#"{"b": [[-1], ["x", "10"], [-1]], "a": [[-1], ["9"], [-1]]}"#;
    let future = r#"{"a": [[-1], ["x"], [-1]]}"#;
    let file = read(history, future, r#"{"test": ["a"]}"#).unwrap();
    assert_eq!(
        (file.customer_ids.join(" "), file.item_ids.join(" ")),
        ("a b".into(), "10 9 x".into())
    );
}

#[test]
fn files_that_are_no_json_or_of_another_form_are_refused_by_name() {
    assert!(refusal("{", FUTURE, KEYSET).contains("history.json: EOF"));
    assert!(refusal("[]", FUTURE, KEYSET).contains("history.json: invalid type"));
    assert!(refusal("{}", FUTURE, KEYSET).contains("history.json: no customers"));
    let unmarked = r#"{"10": [[5], [7]]}"#;
    assert!(refusal(unmarked, FUTURE, KEYSET).contains("customer `10`: expected [[-1], basket"));
    let fraction = r#"{"10": [[-1], [1.5], [-1]]}"#;
    assert!(refusal(fraction, FUTURE, KEYSET).contains("baskets of item ids"));
    let hollow = r#"{"10": [[-1], [], [-1]]}"#;
    assert!(refusal(hollow, FUTURE, KEYSET).contains("customer `10` has a basket without items"));
}

#[test]
fn a_customer_to_ask_needs_a_history_and_one_future_basket() {
    let nobody = refusal(HISTORY, FUTURE, r#"{"test": ["11"]}"#);
    assert!(nobody.contains("keyset.json: customer `11` is not in the history"), "{nobody}");
    let missing = refusal(HISTORY, r#"{"9": [[-1], [7], [-1]]}"#, KEYSET);
    assert!(missing.contains("future.json: customer `10` of"), "{missing}");
    let two = r#"{"10": [[-1], [5], [8], [-1]]}"#;
    assert!(refusal(HISTORY, two, KEYSET).contains("customer `10` has 2 baskets, not one"));
    assert!(refusal(HISTORY, FUTURE, r#"{"test": []}"#).contains("names no customer"));
    assert!(refusal(HISTORY, FUTURE, r#"{"users": ["10"]}"#).contains("no list `test`"));
    let empty = r#"{"10": [[-1], [-1]]}"#;
    assert!(refusal(empty, FUTURE, KEYSET).contains("nothing to evaluate"));
}

#[test]
fn a_missing_file_is_named() {
    let path = Path::new("/nowhere/history.json");
    let error = CustomerFile::read(path, path, &[]).unwrap_err().to_string();
    assert!(error.contains("could not open /nowhere/history.json"), "{error}");
}

/// `n` baskets of items 0 and 1 for a customer.
fn orders(n_baskets: &[usize]) -> OrderFile {
    let mut file =
        OrderFile { item_ids: ["a", "b", "rare"].map(Into::into).to_vec(), ..OrderFile::default() };
    for (customer, &n) in n_baskets.iter().enumerate() {
        file.customer_ids.push(format!("c{customer}").into());
        for at in 0..n {
            file.basket_ids.push(format!("{customer}-{at:02}").into());
            file.items.push_row(if at == 0 { &[0, 1, 2] } else { &[0, 1] });
            file.customers.push(customer as u32);
        }
    }
    file
}

#[test]
fn orders_give_customers_of_3_to_50_baskets_without_rare_items() {
    let file = CustomerFile::from_orders(&orders(&[2, 3, 50, 51])).unwrap();
    assert_eq!(file.customer_ids, ["c1".into(), "c2".into()]);
    assert_eq!(file.histories[0], [[0, 1], [0, 1]]);
    assert_eq!((file.histories[1].len(), &file.futures[1][..]), (49, &[0, 1][..]));
    assert_eq!(file.asked(), [0, 1]);
    // sha256("c1") and sha256("c2") begin with these digits.
    assert_eq!([fold_by_id("c1"), fold_by_id("c2")], [0xd0f6_31ca % 5, 0x9c0a_be51 % 5]);
}

#[test]
fn one_basket_a_customer_leaves_nobody_to_ask() {
    let error = CustomerFile::from_orders(&orders(&[1, 1])).unwrap_err().to_string();
    assert!(error.contains("nothing to evaluate"), "{error}");
    assert!(CustomerFile::from_orders(&OrderFile::default()).is_err());
}

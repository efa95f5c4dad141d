use proptest::prelude::*;

use super::*;

const COMMA: Dialect = Dialect { delimiter: b',', terminator: b'\n' };

fn rows(text: &str) -> Vec<Vec<String>> {
    first_rows(text, COMMA, usize::MAX)
}

fn check(text: &str, expected: &str) {
    let shown: Vec<String> = rows(text).iter().map(|row| row.join("|")).collect();
    assert_eq!(shown.join(" / "), expected, "for {text:?}");
}

#[test]
fn records_and_fields() {
    check("a,b\nc,d\n", "a|b / c|d");
    check("a,b\r\nc,d", "a|b / c|d");
    check("a,,\n,\n", "a|| / |");
    check("\n\na\n", "a");
}

#[test]
fn quotes() {
    check("\"a,b\",c\n", "a,b|c");
    check("\"a\nb\",c\nd,e\n", "a\nb|c / d|e");
    check("\"say \"\"hi\"\"\",x\n", "say \"hi\"|x");
    check("12\" RULER,5\n", "12\" RULER|5");
    check("\"\",x\n", "|x");
    check("\"a\"b,c\n", "ab|c");
    check("a,\"b\r\n\"\r\nc,d\r\n", "a|b\r\n / c|d");
}

#[test]
fn an_open_quote_is_told() {
    let text = b"a,\"b\nc,d\n";
    let record = next_record(text, 0, COMMA);
    assert!(record.is_open);
    assert_eq!(record.next, text.len());
}

#[test]
fn a_quote_closed_by_that_of_another_line_is_told() {
    let mut fields = Fields::default();
    for (record, expected) in
        [("\"a\nb,\"c\"", true), ("\"a\nb\",c", false), ("\"a\"b,c", false), ("a,b", false)]
    {
        fields.split(record, true, b',');
        assert_eq!(fields.has_stray_quote(), expected, "{record:?}");
    }
}

#[test]
fn old_mac_line_ends() {
    assert_eq!(detect_terminator(b"a,b\rc,d\r"), b'\r');
    assert_eq!(detect_terminator(b"a,b\r\nc"), b'\n');
    let mac = Dialect { delimiter: b',', terminator: b'\r' };
    assert_eq!(first_rows("a,b\rc,d\r", mac, 9), [["a", "b"], ["c", "d"]]);
}

#[test]
fn delimiter_by_regularity_and_known_names() {
    let none = |_: &[String]| 0;
    let detect = |text: &str| detect_delimiter(text, b'\n', none).map(char::from);
    assert_eq!(detect("a,b,c\n1,2,3\n"), Some(','));
    assert_eq!(detect("a;b;c\n1,5;2;3\n2,5;2;3\n"), Some(';'));
    assert_eq!(detect("a\tb\n1\t2,3\n"), Some('\t'));
    assert_eq!(detect("a|b\n1|2\n"), Some('|'));
    assert_eq!(detect("a\nb\n"), None);
    // A title with commas in every row is as regular as columns are: the names decide.
    let known = |header: &[String]| header.iter().filter(|name| *name == "sku").count();
    let text = "sku;title, long\nx;a, b\ny;c, d\n";
    assert_eq!(detect_delimiter(text, b'\n', known), Some(b';'));
}

/// The csv crate, with the same rules: rows as it reads them.
fn rows_of_csv_crate(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(text.as_bytes());
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Any text at all, quotes and line ends in all places (without `\r`, which the csv crate
    /// keeps where the line ends with it), splits as the csv crate splits it.
    #[test]
    fn splits_as_the_csv_crate_does(text in "[ab,\"\n]{0,60}") {
        let ours: Vec<_> = rows(&text);
        let theirs: Vec<_> = rows_of_csv_crate(&text);
        // The csv crate skips only lines without any byte; blanks do not occur here.
        prop_assert_eq!(ours, theirs);
    }

    /// What a writer quotes comes back.
    #[test]
    fn reads_what_was_written(table in prop::collection::vec(
        prop::collection::vec("[a-z\",;é\n\r ]{1,8}", 3), 1..20)
    ) {
        let mut writer = csv::WriterBuilder::new()
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        prop_assert_eq!(rows(&text), table);
    }
}

use super::*;

fn code(text: &str) -> String {
    Source::new("crates/a/src/lib.rs", text).code
}

#[test]
fn comments_and_literals_are_blank_in_code() {
    assert_eq!(code("a // b {\nc"), "a       \nc");
    assert_eq!(code("a /* b /* c */ } */ d"), "a                   d");
    assert_eq!(code(r#"f("x \" { y") + g"#), r#"f("        ") + g"#);
    assert_eq!(code(r###"f(r#"a " { b"#, c)"###), r###"f(r          #, c)"###);
    assert_eq!(code("f(br\"{\", 'r', r#type)"), "f(br  \", ' ', r#type)");
    assert_eq!(code("m('{', '\\'', '\\u{7d}', b'}', 'é')"), "m(' ', '  ', '      ', b' ', '  ')");
    assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
}

#[test]
fn comments_keep_their_place() {
    let source = Source::new("x.rs", "a // TODO é\nb \"// no\" /* yes */");
    assert_eq!(source.comments, "  // TODO é\n          /* yes */");
    assert_eq!(source.comments.len(), source.text.len());
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let text = "\
fn one() -> [u8; 2] { [1, 2] }
trait T { fn none(&self); }
struct P { p: fn(u8) -> u8 }
pub fn two<'a>(
    x: &'a str, // {
) -> usize
where
    &'a str: Sized,
{
    let y = \"}\";
    x.len() + y.len()
}
";
    let found = Source::new("x.rs", text).functions();
    let told: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.first_line, f.n_lines)).collect();
    assert_eq!(told, [("one", 1, 1), ("two", 4, 9)]);
}

#[test]
fn test_regions_are_items_under_cfg_test() {
    let text = "\
use a;
#[cfg(test)]
use b;
fn f() {}
#[cfg(not(test))]
fn g() {}
#[cfg(test)]
mod tests {
    #[cfg(test)]
    fn h() { \"}\"; }
}
fn i() {}
";
    let source = Source::new("crates/a/src/b.rs", text);
    let lines: Vec<_> = source
        .test_regions
        .iter()
        .map(|region| (source.line_at(region.start), source.line_at(region.end - 1)))
        .collect();
    assert_eq!(lines, [(2, 3), (7, 11)]);
    assert_eq!(source.n_test_lines(), 7);
    assert!(source.is_test_at(text.find("fn h").unwrap()));
    assert!(!source.is_test_at(text.find("fn i").unwrap()));
}

#[test]
fn test_files_are_known_by_their_path() {
    let is_test = |path| Source::new(path, "").is_test_file();
    assert!(is_test("crates/a/src/b/tests.rs"));
    assert!(is_test("crates/a/src/b/tests/more.rs"));
    assert!(is_test("crates/a/benches/kernel.rs"));
    assert!(!is_test("crates/a/src/run_tests.rs"));
    assert_eq!(Source::new("crates/a/src/b.rs", "").crate_name(), "a");
    assert_eq!(Source::new("bench/x.py", "").crate_name(), "");
}

#[test]
fn words_stand_alone() {
    assert_eq!(find_word("fn f(my_fn, fnord) fn", "fn"), [0, 19]);
}

//! What a reader of JSON says of a wrong value, in the words of who wrote it: no names of Rust's
//! types, and what would have been right.

/// `invalid type: string "x", expected u64` → `the text "x" is no whole number of 0 or more`. What
/// is not of this form is ours already.
pub(crate) fn wrong_value(message: &str) -> String {
    let told = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|told| told.split_once(", expected "));
    if let Some((found, expected)) = told {
        return format!("expected {}, found {}", expected_words(expected), found_words(found));
    }
    let field = message.strip_prefix("missing field ");
    if let Some(field) = field {
        return format!("the field {field} is missing");
    }
    if let Some(field) = message.strip_prefix("duplicate field ") {
        return format!("the field {field} is there twice, by this name or another; give it once");
    }
    if message.starts_with("number out of range") {
        return "expected a smaller number".to_owned();
    }
    message.to_owned()
}

/// What stands there.
fn found_words(found: &str) -> String {
    let quoted = |text: &str| text.trim_matches('`').to_owned();
    match found.split_once(' ') {
        Some(("string", text)) => format!("the text {}", shortened(text)),
        Some(("integer" | "boolean", value)) => quoted(value),
        Some(("floating", value)) => quoted(value.trim_start_matches("point ")),
        _ => match found {
            "sequence" => "a list".to_owned(),
            "map" => "an object".to_owned(),
            // What stood for nothing at all is called a unit value.
            "unit value" => "null".to_owned(),
            other => other.to_owned(),
        },
    }
}

/// What would have been right. Types of the wire say it themselves; these are those of the library.
fn expected_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" | "str" => "a text",
        "a sequence" => "a list, in [ ]",
        "a map" => "an object, in { }",
        other => other,
    }
}

/// A text of the client's may be as long as the body.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where JSON breaks off, without the words of who takes it apart.
pub(crate) fn broken_json(message: &str) -> String {
    if message.starts_with("EOF while parsing") {
        return "the body ends in the middle; it was cut off".to_owned();
    }
    if message == "trailing characters" {
        return "something stands behind the end of the value; send one value".to_owned();
    }
    if message.starts_with("recursion limit") {
        return "lists and objects lie too deep in each other; the limit is 128".to_owned();
    }
    if message == "expected ident" || message == "expected value" {
        return "no value begins like this; texts stand in double quotes".to_owned();
    }
    if message == "key must be a string" {
        return "the name of a field stands in double quotes".to_owned();
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_type_reaches_a_person() {
        for (message, told) in [
            (
                "invalid type: string \"3\", expected u64",
                "expected a whole number of 0 or more, found the text \"3\"",
            ),
            (
                "invalid value: integer `-1`, expected u64",
                "expected a whole number of 0 or more, found -1",
            ),
            (
                "invalid type: floating point `1.5`, expected i64",
                "expected a whole number, found 1.5",
            ),
            ("invalid type: map, expected a sequence", "expected a list, in [ ], found an object"),
            ("invalid type: null, expected a text", "expected a text, found null"),
            ("invalid type: boolean `true`, expected an id", "expected an id, found true"),
            ("missing field `item_id`", "the field `item_id` is missing"),
            ("2 is below 0", "2 is below 0"),
        ] {
            assert_eq!(wrong_value(message), told);
        }
        let long = format!("invalid type: string \"{}\", expected u64", "é".repeat(500));
        assert!(wrong_value(&long).chars().count() < 200);
    }
}

//! From the bytes of a body to a request with the list of its unknown fields, or to the problem.

use super::fault_text;
use crate::problem::{Code, Problem};
use serde::Deserialize;
use serde_json::error::Category;

/// A request, and the paths of the fields that nobody knows.
#[derive(Debug)]
pub(crate) struct Parsed<T> {
    pub(crate) value: T,
    pub(crate) unknown_fields: Vec<String>,
}

/// More than this many unknown fields are not named one by one.
const MAX_UNKNOWN: usize = 20;

/// The fast way reads without keeping paths; only when it fails is the body read again to say
/// where.
pub(crate) fn parse_body<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Parsed<T>, Problem> {
    let mut unknown_fields = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = serde_ignored::deserialize(&mut reader, |path| {
        let path = path.to_string();
        // Whatever a client tells of its context is welcome, used or not.
        if unknown_fields.len() < MAX_UNKNOWN && !path.contains("context.") {
            unknown_fields.push(readable_path(&path));
        }
    });
    match parsed.and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok(Parsed { value, unknown_fields }),
        Err(error) => Err(explain::<T>(body, error)),
    }
}

fn explain<'a, T: Deserialize<'a>>(body: &'a [u8], first: serde_json::Error) -> Problem {
    let reader = &mut serde_json::Deserializer::from_slice(body);
    let (path, error) = match serde_path_to_error::deserialize::<_, T>(reader) {
        Ok(_) => (String::new(), first),
        Err(error) => (error.path().to_string(), error.into_inner()),
    };
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => wrong_value(&path, &error.to_string()),
        _ if body.is_empty() => Problem::new(Code::InvalidJson, "The body is empty."),
        _ if std::str::from_utf8(body).is_err() => {
            Problem::new(Code::InvalidJson, "The body is not UTF-8.")
        }
        _ => {
            let what = fault_text::broken_json(without_position(&error.to_string()));
            let detail = format!("Line {line}, column {column}: {what}.");
            Problem::new(Code::InvalidJson, detail)
        }
    }
}

fn wrong_value(path: &str, message: &str) -> Problem {
    let message = without_position(message);
    // `.` is how serde_path_to_error names the body as a whole.
    let (path, place) = match path {
        "" | "." => (String::new(), "The body".to_owned()),
        path => (path.to_owned(), format!("`{path}`")),
    };
    let code = match message.starts_with("missing field") {
        true => Code::MissingField,
        false => Code::InvalidValue,
    };
    let problem = Problem::new(code, format!("{place}: {}.", fault_text::wrong_value(message)));
    if path.is_empty() { problem } else { problem.at(path) }
}

/// serde_json puts ` at line 1 column 2` behind its message.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}

/// serde_ignored writes `cart.0.colour` and `?` for the inside of an option; people write
/// `cart[0].colour`.
fn readable_path(path: &str) -> String {
    let mut readable = String::new();
    for part in path.split('.').filter(|part| *part != "?") {
        if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() {
            readable.push_str(&format!("[{part}]"));
        } else {
            if !readable.is_empty() {
                readable.push('.');
            }
            readable.extend(part.chars().take(80));
        }
    }
    readable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RecommendRequest;

    fn refusal(body: &str) -> String {
        let problem = parse_body::<RecommendRequest<'_>>(body.as_bytes()).unwrap_err();
        format!("{}: {}", problem.code.as_str(), problem.detail)
    }

    #[test]
    fn says_where_a_value_is_wrong() {
        assert_eq!(
            refusal(r#"{"cart":[{"item_id":"A"},{"item_id":"B","quantity":"many"}]}"#),
            "invalid_value: `cart[1].quantity`: expected a number or a decimal text such as \
             \"2.55\"."
        );
        assert_eq!(
            refusal(r#"{"count":-1}"#),
            "invalid_value: `count`: expected a whole number of 0 or more, found -1."
        );
        assert_eq!(
            refusal(r#"{"cart":[{"quantity":1}]}"#),
            "missing_field: `cart[0]`: the field `item_id` is missing."
        );
        assert!(refusal(r#"{"item_ids":"A"}"#).starts_with("invalid_value: `item_ids`:"));
        assert!(refusal("[1]").starts_with("invalid_value: "));
    }

    #[test]
    fn says_where_json_breaks_off() {
        assert_eq!(refusal(""), "invalid_json: The body is empty.");
        assert_eq!(
            refusal(r#"{"count":"#),
            "invalid_json: Line 1, column 9: the body ends in the middle; it was cut off."
        );
        assert_eq!(
            refusal("{}\n{}"),
            "invalid_json: Line 2, column 1: something stands behind the end of the value; send \
             one value."
        );
        let deep = "[".repeat(100_000);
        let problem = parse_body::<RecommendRequest<'_>>(deep.as_bytes()).unwrap_err();
        assert_eq!(problem.code.status(), 400);
        let problem = parse_body::<RecommendRequest<'_>>(b"{\"count\":\xff}").unwrap_err();
        assert_eq!(problem.detail, "The body is not UTF-8.");
    }

    #[test]
    fn unknown_fields_are_named_and_context_is_free() {
        let body = br#"{"colour":1,"cart":[{"item_id":"A","size":"L"}],"context":{"x":{"y":1}}}"#;
        let parsed = parse_body::<RecommendRequest<'_>>(body).unwrap();
        assert_eq!(parsed.unknown_fields, ["colour", "cart[0].size"]);
    }
}

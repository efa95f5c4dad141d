//! One value of a row, as the file types it.

/// Text formats give [`Cell::Text`]; JSON and Parquet give typed values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Absent,
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Microseconds since 1970: of UTC, or of the clock on the wall.
    Time {
        us: i64,
        is_utc: bool,
    },
}

impl<'a> Cell<'a> {
    /// Text without outer blanks; what people and programs write for "nothing" is absent.
    #[inline]
    pub(crate) fn from_text(text: &'a str) -> Cell<'a> {
        let text = trim(text);
        if is_nothing(text) { Cell::Absent } else { Cell::Text(text) }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Cell::Absent)
    }

    /// The value as text, numbers written into `buffer`. Whole floats are written as integers, for
    /// Parquet and JSON keep nullable integer ids as floats.
    #[inline]
    pub(crate) fn text<'b>(&self, buffer: &'b mut String) -> Option<&'b str>
    where
        'a: 'b,
    {
        use std::fmt::Write;
        buffer.clear();
        let written = match *self {
            Cell::Absent => return None,
            Cell::Text(text) => return Some(text),
            Cell::Int(value) => write!(buffer, "{value}"),
            Cell::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                write!(buffer, "{}", value as i64)
            }
            Cell::Float(value) => write!(buffer, "{value}"),
            Cell::Bool(value) => write!(buffer, "{value}"),
            Cell::Time { us, .. } => write!(buffer, "{}", crate::Timestamp(us)),
        };
        written.expect("writing to a String does not fail");
        Some(buffer)
    }

    /// Yes or no as people write it; `None` for anything else.
    pub(crate) fn truth(&self) -> Option<bool> {
        match *self {
            Cell::Bool(value) => Some(value),
            Cell::Int(value) => Some(value != 0),
            Cell::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
                "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Trims like `str::trim`, but looks only at the ends where nothing is to be done.
#[inline]
fn trim(text: &str) -> &str {
    let plain = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_graphic());
    let bytes = text.as_bytes();
    if plain(bytes.first()) && plain(bytes.last()) { text } else { text.trim() }
}

#[inline]
fn is_nothing(text: &str) -> bool {
    match text.as_bytes() {
        [] => true,
        // All of the words begin with one of these.
        [b'N' | b'n' | b'\\' | b'#' | b'(', ..] => {
            matches!(
                text,
                "NULL" | "null" | "Null" | "\\N" | "NaN" | "nan" | "None" | "N/A" | "#N/A"
                    // Google Analytics.
                    | "(not set)" | "(none)" | "(not provided)"
            )
        }
        _ => false,
    }
}

/// A row whose cells are found by column number.
pub(crate) trait Row {
    fn cell(&self, column: usize) -> Cell<'_>;

    /// What stands in the file, where that is text: also where it stands for nothing.
    fn written(&self, _column: usize) -> &str {
        ""
    }

    /// The refund that the row is part of, where the file nests refunds in their orders.
    fn refund_id(&self) -> Cell<'_> {
        Cell::Absent
    }

    /// The map of all attributes, where the file nests one in its rows.
    fn attributes(&self) -> Option<&serde_json::Map<String, serde_json::Value>> {
        None
    }
}

impl Row for [Cell<'_>] {
    fn cell(&self, column: usize) -> Cell<'_> {
        self.get(column).copied().unwrap_or(Cell::Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_absent_and_blanks_are_trimmed() {
        for text in ["", "  ", "NULL", " nan ", "\\N", "None", "#N/A", "\u{a0}", "(not set)"] {
            assert_eq!(Cell::from_text(text), Cell::Absent, "{text:?}");
        }
        for (text, kept) in
            [(" a b ", "a b"), ("Nil", "Nil"), ("\u{a0}é ", "é"), ("N", "N"), ("(x)", "(x)")]
        {
            assert_eq!(Cell::from_text(text), Cell::Text(kept));
        }
    }

    #[test]
    fn whole_floats_are_integers() {
        let mut buffer = String::new();
        assert_eq!(Cell::Float(17850.0).text(&mut buffer), Some("17850"));
        assert_eq!(Cell::Float(1.5).text(&mut buffer), Some("1.5"));
        assert_eq!(Cell::Int(-3).text(&mut buffer), Some("-3"));
        assert_eq!(Cell::Absent.text(&mut buffer), None);
    }

    #[test]
    fn truths() {
        assert_eq!(Cell::Text("Yes").truth(), Some(true));
        assert_eq!(Cell::Text("0").truth(), Some(false));
        assert_eq!(Cell::Text("maybe").truth(), None);
        assert_eq!(Cell::Bool(true).truth(), Some(true));
    }
}

//! Texts of a catalog as a page shows them, and as an address carries them.

use std::fmt::Write;

/// Catalogs often shout: `WHITE HANGING HEART T-LIGHT HOLDER` reads better as
/// `White Hanging Heart T-Light Holder`. A title with small letters stays as it is.
pub(crate) fn calm(title: &str) -> String {
    if title.chars().any(char::is_lowercase) {
        return title.trim().to_owned();
    }
    let mut calm = String::with_capacity(title.len());
    let mut before = ' ';
    for char in title.trim().chars() {
        // After an apostrophe a word goes on: "Baker's".
        let goes_on = before.is_alphanumeric() || before == '\'';
        if goes_on {
            calm.extend(char.to_lowercase());
        } else {
            calm.push(char);
        }
        before = char;
    }
    calm
}

/// An item id as one segment of a path.
pub(crate) fn segment(item_id: &str) -> String {
    let mut text = String::with_capacity(item_id.len());
    for byte in item_id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// `3 minutes`, `2 days`: the largest unit that is at least one.
pub(crate) fn duration(seconds: f64) -> String {
    let units = [(86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second")];
    for (unit_s, name) in units {
        let n = (seconds / unit_s).floor();
        if 1.0 <= n {
            return format!("{n:.0} {name}{}", if n == 1.0 { "" } else { "s" });
        }
    }
    "a moment".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_calm_down() {
        assert_eq!(
            calm("WHITE HANGING HEART T-LIGHT HOLDER"),
            "White Hanging Heart T-Light Holder"
        );
        assert_eq!(calm(" BAKER'S SET/6 CUPS "), "Baker's Set/6 Cups");
        assert_eq!(calm("iPhone XS"), "iPhone XS");
        assert_eq!(calm("ÉTAGÈRE"), "Étagère");
    }

    #[test]
    fn ids_fit_a_path() {
        assert_eq!(segment("85123A"), "85123A");
        assert_eq!(segment("a b/ü?.."), "a%20b%2F%C3%BC%3F%2E%2E");
    }

    #[test]
    fn times_in_their_largest_unit() {
        assert_eq!(duration(0.2), "a moment");
        assert_eq!(duration(61.0), "1 minute");
        assert_eq!(duration(200_000.0), "2 days");
    }
}

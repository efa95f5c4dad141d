//! What is sold beside merchandise: postage, bank charges, adjustments. Never offered.
//!
//! A title is a fee only when every word of it speaks of fees, so that "FRENCH CARRIAGE LANTERN"
//! and "POSTAGE STAMP DESIGN MUG" stay goods. Words such as "manual" and "samples", which can be
//! goods or a note of the stock room, count only where the id is no article number.

use crate::record::ItemKind;

/// Alone they make a fee.
const STRONG: &[&str] = &[
    "postage",
    "shipping",
    "carriage",
    "delivery",
    "freight",
    "handling",
    "surcharge",
    "commission",
    "fee",
    "fees",
    "charge",
    "charges",
    "postageandpackaging",
    "versandkosten",
    "versand",
    "porto",
    "livraison",
    "debt",
    "discount",
    "discounts",
    "vat",
    "deposit",
    "tip",
    "gratuity",
    "amazonfee",
    "surcharges",
    "versandkostenpauschale",
    "lieferkosten",
    "bearbeitungsgebühr",
    "servicegebühr",
    "trinkgeld",
    "mwst",
    "frais",
    "envío",
    "envio",
    "envíos",
    "propina",
    "spedizione",
    "verzendkosten",
    "bezorgkosten",
    "frete",
    "frakt",
    "fragt",
    "dostawa",
];
/// They make a fee where the id is no article number.
const WEAK: &[&str] = &[
    "manual",
    "samples",
    "sample",
    "adjustment",
    "adjustments",
    "adjust",
    "adj",
    "rounding",
    "correction",
    "refund",
    "misc",
    "test",
];
/// They say which fee it is.
const QUALIFIERS: &[&str] = &[
    "and",
    "the",
    "of",
    "for",
    "to",
    "bank",
    "amazon",
    "ebay",
    "dotcom",
    "paypal",
    "stripe",
    "cruk",
    "next",
    "day",
    "same",
    "express",
    "standard",
    "free",
    "first",
    "second",
    "class",
    "international",
    "domestic",
    "uk",
    "eu",
    "us",
    "cost",
    "costs",
    "packing",
    "packaging",
    "service",
    "bad",
    "order",
    "credit",
    "card",
    "cod",
    "cash",
    "on",
    "fuel",
    "small",
    "late",
    "by",
    "air",
    "rate",
    "dhl",
    "ups",
    "fedex",
    "usps",
    "dpd",
    "gls",
    "hermes",
    "evri",
    "tnt",
    "postnl",
    "bpost",
    "colissimo",
    "chronopost",
    "correos",
    "seur",
    "royal",
    "mail",
    "de",
    "di",
    "du",
    "la",
    "port",
    "expédition",
    "traitement",
    "gastos",
    "coste",
    "costes",
    "spese",
    "fixed",
    "flat",
];

/// What an item seems to be, with the reason; `None` for goods.
pub fn propose_kind(item_id: &str, title: Option<&str>) -> Option<(ItemKind, &'static str)> {
    let text = match title.map(str::trim) {
        Some(title) if !title.is_empty() => title,
        _ => item_id,
    };
    if is_face_value_voucher(text) {
        return Some((ItemKind::Fee, "a voucher or top-up: money, no merchandise"));
    }
    if is_redemption(text) {
        return Some((ItemKind::Fee, "a voucher that was redeemed: a payment, no merchandise"));
    }
    let text = without_percentage(text);
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let is_strong = |word: &String| STRONG.contains(&word.as_str());
    let is_weak = |word: &String| WEAK.contains(&word.as_str());
    let is_qualifier = |word: &String| QUALIFIERS.contains(&word.as_str());
    if !words.iter().all(|word| is_strong(word) || is_weak(word) || is_qualifier(word)) {
        return None;
    }
    if words.iter().any(is_strong) {
        return Some((ItemKind::Fee, "every word of its title speaks of a fee"));
    }
    if words.iter().any(is_weak) && !is_article_number(item_id) {
        return Some((
            ItemKind::Fee,
            "a booking of the shop, under an id that is no article number",
        ));
    }
    None
}

/// `Service charge 12.5%` without the figure.
fn without_percentage(text: &str) -> String {
    let Some(sign) = text.find('%') else { return text.to_owned() };
    let is_figure = |c: char| c.is_ascii_digit() || c == '.' || c == ',' || c.is_whitespace();
    format!("{} {}", text[..sign].trim_end_matches(is_figure), &text[sign + 1..])
}

/// `Gift card redemption`, `Redeemed voucher`. A gift card without more is merchandise: it is sold.
fn is_redemption(title: &str) -> bool {
    let lower = title.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    has(&["redemption", "redeemed", "eingelöst"])
        && has(&["voucher", "gift card", "giftcard", "gift certificate", "coupon", "gutschein"])
}

/// Article numbers have at least three digits; `M`, `S`, `C2` and `POST` are no such.
fn is_article_number(item_id: &str) -> bool {
    item_id.bytes().filter(u8::is_ascii_digit).count() >= 3
}

/// `Gift Voucher £10.00`, `Gift card 50 EUR`, `Mobile top-up`: with a face value, or a top-up.
fn is_face_value_voucher(title: &str) -> bool {
    let lower = title.to_lowercase();
    let is_voucher = ["gift voucher", "gift card", "gift certificate", "giftcard", "e-gift"]
        .iter()
        .any(|name| lower.contains(name));
    let Some(figure) = lower.find(|c: char| c.is_ascii_digit()) else {
        return is_voucher && (lower.contains("top-up") || lower.contains("top up"));
    };
    let before = lower[..figure].trim_end();
    let after = lower[figure..]
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',')
        .trim();
    let symbols = ['£', '$', '€', '¥', '₹'];
    let codes = ["eur", "gbp", "usd", "£", "$", "€", "euro", "pounds", "dollars"];
    let has_currency = before.ends_with(symbols) || codes.contains(&after);
    is_voucher && has_currency && (after.is_empty() || codes.contains(&after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fee(item_id: &str, title: &str) -> bool {
        propose_kind(item_id, Some(title)).is_some()
    }

    #[test]
    fn fees_of_real_shops() {
        for (item_id, title) in [
            ("POST", "POSTAGE"),
            ("DOT", "DOTCOM POSTAGE"),
            ("C2", "CARRIAGE"),
            ("23444", "Next Day Carriage"),
            ("23574", "PACKING CHARGE"),
            ("BANK CHARGES", "Bank Charges"),
            ("AMAZONFEE", "AMAZON FEE"),
            ("CRUK", "CRUK Commission"),
            ("D", "Discount"),
            ("M", "Manual"),
            ("m", "Manual"),
            ("S", "SAMPLES"),
            ("B", "Adjust bad debt"),
            ("ship-1", "Shipping & Handling"),
            ("x", "Free delivery"),
            ("gift_0001_10", "Dotcomgiftshop Gift Voucher £10.00"),
            ("gc", "Gift card 50 EUR"),
            ("gc", "Gift card top-up"),
            ("x", "Express shipping (DHL)"),
            ("x", "Service Charge 12.5%"),
            ("x", "VAT 20 %"),
            ("x", "Frais de port"),
            ("x", "Envío"),
            ("x", "Gastos de envío"),
            ("x", "Spese di spedizione"),
            ("x", "Royal Mail First Class Postage"),
            ("gc", "Gift Card Redemption"),
            ("gc", "Redeemed voucher"),
        ] {
            assert!(is_fee(item_id, title), "{item_id} {title}");
        }
        assert!(propose_kind("BANK CHARGES", None).is_some());
        assert!(propose_kind("AMAZONFEE", Some(" ")).is_some());
    }

    #[test]
    fn goods_whose_titles_hold_such_words() {
        for (item_id, title) in [
            ("22000", "POSTAGE STAMP DESIGN MUG"),
            ("C2", "JUMBO TOTE BAG"),
            ("23099", "FRENCH CARRIAGE LANTERN"),
            ("85168B", "BLACK BAROQUE CARRIAGE CLOCK"),
            ("21518", "BANK ACCOUNT  GREETING  CARD"),
            ("22637", "PIGGY BANK RETROSPOT"),
            ("20847", "ZINC HEART LATTICE CHARGER LARGE"),
            ("21181", "adjustment"),
            ("22355", "test"),
            ("9001", "Manual"),
            ("1", "Gift card holder"),
            ("2", "Gift Voucher"),
            ("3", "Gift card box 3 pieces"),
            ("4", "Shop by the sea"),
            ("5", "Card"),
            ("6", "Gift Card"),
            ("7", "Port"),
            ("8", "Fitbit Charge 4"),
            ("9", "Charge 4"),
            ("10", "Dark chocolate 70%"),
            ("11", "Royal"),
            ("12", "Book of redemption"),
        ] {
            assert!(!is_fee(item_id, title), "{item_id} {title}");
        }
        assert!(propose_kind("POST", None).is_none(), "a post may be wooden");
        assert!(propose_kind("85123A", None).is_none());
        assert!(propose_kind("", Some("")).is_none());
    }
}

//! What an order line is: by the signs of its figures, by flags, by the state of its order.

use crate::Amount;
use crate::lines::LineKind;

/// A flag alone does not tell a credit note from an order that was called off: the sign does.
pub(crate) fn line_kind(quantity: Amount, price: Option<Amount>, is_cancelled: bool) -> LineKind {
    if is_cancelled {
        return if quantity.is_negative() { LineKind::Return } else { LineKind::Cancellation };
    }
    if quantity == Amount::ZERO || price.is_some_and(|price| price <= Amount::ZERO) {
        return LineKind::Adjustment;
    }
    if quantity.is_negative() { LineKind::Return } else { LineKind::Sale }
}

/// `C536379`, as the UCI file numbers credit notes.
pub(crate) fn is_credit_note(order_id: &str) -> bool {
    match order_id.as_bytes() {
        [b'C' | b'c', rest @ ..] => !rest.is_empty() && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Statuses of shops whose orders brought nothing.
pub(crate) fn is_void(status: &str) -> bool {
    let status = status.strip_prefix("wc-").unwrap_or(status);
    let words = [
        "cancelled",
        "canceled",
        "voided",
        "void",
        "refunded",
        "failed",
        "trash",
        "expired",
        "declined",
        "denied",
        "canceled_reversal",
        "returned",
    ];
    words.iter().any(|word| status.eq_ignore_ascii_case(word))
}

/// Price of one unit from the sum of a line; to the millionth, half away from zero. What comes back
/// is worth something, whichever sign the sum of its line has.
pub(crate) fn share(total: Amount, quantity: Amount) -> Option<Amount> {
    if quantity == Amount::ZERO {
        return None;
    }
    let total = if quantity.is_negative() { total.0.abs() } else { total.0 };
    let scaled = i128::from(total) * i128::from(crate::amount::MICROS);
    let divisor = i128::from(quantity.0).abs();
    let half = divisor / 2 * scaled.signum();
    i64::try_from((scaled + half) / divisor).ok().map(Amount)
}

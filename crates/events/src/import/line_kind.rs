//! What an order line is: by the signs of its figures, by flags, by the state of its order.

use super::columns::Shape;
use crate::Amount;
use crate::lines::LineKind;

/// More distinct values are no statuses.
const MAX_STATUSES: usize = 64;

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

/// Statuses of orders that brought nothing, squeezed: small letters and digits only.
const VOID: &[&str] = &[
    "cancelled",
    "canceled",
    "cancelledreversal",
    "canceledreversal",
    "void",
    "voided",
    "refunded",
    "fullyrefunded",
    "returned",
    "reversed",
    "chargeback",
    "chargedback",
    "failed",
    "paymentfailed",
    "failedpayment",
    "paymenterror",
    "paymentdeclined",
    "declined",
    "denied",
    "rejected",
    "trash",
    "expired",
    "abandoned",
    "draft",
    "autodraft",
    "checkoutdraft",
    "pendingpayment",
    "paymentpending",
    "awaitingpayment",
    // German
    "storniert",
    "storno",
    "abgebrochen",
    "abgelehnt",
    "fehlgeschlagen",
    "zahlungfehlgeschlagen",
    "erstattet",
    "rückerstattet",
    "entwurf",
    // French
    "annulé",
    "annulée",
    "annule",
    "annulee",
    "remboursé",
    "remboursée",
    "échoué",
    "échouée",
    "refusé",
    "refusée",
    "brouillon",
    // Spanish, Portuguese
    "cancelado",
    "cancelada",
    "anulado",
    "anulada",
    "reembolsado",
    "reembolsada",
    "fallido",
    "fallida",
    "rechazado",
    "rechazada",
    // Italian
    "annullato",
    "annullata",
    "rimborsato",
    "rimborsata",
    "fallito",
    "rifiutato",
    // Dutch
    "geannuleerd",
    "mislukt",
    "terugbetaald",
    // Polish
    "anulowane",
    "anulowano",
    "zwrócone",
];

/// Did an order of this status bring nothing?
pub(crate) fn is_void(status: &str, shape: Shape) -> bool {
    let status = status.strip_prefix("wc-").unwrap_or(status);
    let squeezed: String =
        status.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // Shopify's pending orders are placed, and paid by bank or at the door; elsewhere nobody has
    // gone to the till.
    VOID.contains(&squeezed.as_str()) || (squeezed == "pending" && shape != Shape::Shopify)
}

/// Says which statuses of the sample make its orders count for nothing.
pub(crate) fn note_void<'v>(
    statuses: impl Iterator<Item = &'v str>,
    shape: Shape,
    note: &mut impl FnMut(String),
) {
    let mut distinct: Vec<&str> = Vec::new();
    for status in statuses {
        if distinct.len() < MAX_STATUSES && !distinct.contains(&status) {
            distinct.push(status);
        }
    }
    distinct.retain(|status| is_void(status, shape));
    if !distinct.is_empty() {
        let words: Vec<String> = distinct.iter().map(|status| format!("{status:?}")).collect();
        note(format!(
            "orders that are {} count for nothing; if they are sales, leave the column out with \
             --map status=-",
            words.join(", ")
        ));
    }
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

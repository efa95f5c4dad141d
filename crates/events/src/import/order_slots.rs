//! The columns of a file of orders, by field.

use super::columns::Field;
use super::plan::ImportPlan;

/// Where the columns are. `None`: the file has no such column.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    pub item_id: Option<usize>,
    pub title: Option<usize>,
    pub category: Option<usize>,
    pub customer_id: Option<usize>,
    pub email: Option<usize>,
    pub session_id: Option<usize>,
    pub location_id: Option<usize>,
    pub timestamp: Option<usize>,
    pub clock: Option<usize>,
    pub quantity: Option<usize>,
    pub unit_price: Option<usize>,
    pub line_total: Option<usize>,
    pub currency: Option<usize>,
    pub status: Option<usize>,
    pub cancelled_at: Option<usize>,
    pub is_cancellation: Option<usize>,
    pub is_return: Option<usize>,
    pub event_name: Option<usize>,
    pub line_kind: Option<usize>,
    pub source: Option<usize>,
    pub refund_id: Option<usize>,
    pub item_kind: Option<usize>,
}

impl Slots {
    pub(crate) fn of(plan: &ImportPlan) -> Slots {
        let at = |field| plan.column_of(field);
        Slots {
            item_id: at(Field::ItemId),
            title: at(Field::Title),
            category: at(Field::Category),
            customer_id: at(Field::CustomerId),
            email: at(Field::Email),
            session_id: at(Field::SessionId),
            location_id: at(Field::LocationId),
            timestamp: at(Field::Timestamp),
            clock: at(Field::Clock),
            quantity: at(Field::Quantity),
            unit_price: at(Field::UnitPrice),
            line_total: at(Field::LineTotal),
            currency: at(Field::Currency),
            status: at(Field::Status),
            cancelled_at: at(Field::CancelledAt),
            is_cancellation: at(Field::IsCancellation),
            is_return: at(Field::IsReturn),
            event_name: at(Field::EventName),
            line_kind: at(Field::LineKind),
            source: at(Field::Source),
            refund_id: at(Field::RefundId),
            item_kind: at(Field::Kind),
        }
    }
}

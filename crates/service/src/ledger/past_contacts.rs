//! Contacts out of the logs of a store: answers, events, orders.

use super::{ContactsAsked, PastContact, PastPerson, TakeContact};
use crate::live::{Person, Told, contact_kind, told_of};
use crate::record::RecordedContacts;
use events::{Amount, EventKind, Timestamp};
use hashbrown::HashMap;
use history::Store;
use measure::assignment::UnitId;
use policy::ContactKind;
use policy::contact::ChannelCode;
use std::sync::{Arc, Mutex};

pub(super) async fn each(
    store: &Store,
    asked: ContactsAsked,
    take: TakeContact<'_>,
) -> history::Result<()> {
    if let Some(since) = asked.shown {
        let take = &mut *take;
        store
            .each_decision(since, |record| {
                take_shown(&record.payload, record.at, record.customer_idx.is_some(), take);
            })
            .await?;
    }
    if let Some(since) = [asked.shown, asked.dismissed].into_iter().flatten().min() {
        let take = &mut *take;
        store.each_event(since, |event| take_event(&event, asked, take)).await?;
    }
    if let Some(since) = asked.bought {
        take_bought(store, since, take).await?;
    }
    Ok(())
}

/// What one answer showed.
pub(super) fn take_shown(payload: &[u8], at: Timestamp, is_customer: bool, take: TakeContact<'_>) {
    let Some(record) = RecordedContacts::read(payload) else { return };
    let Some(unit) = record.unit() else { return };
    let person = PastPerson::Known(Person { unit: UnitId(unit), is_customer });
    let channel = record.channel().map(ChannelCode::of);
    for (item_id, relation) in record.offers() {
        let kind = ContactKind::Offered;
        let placement = record.placement();
        let told = Told { kind, at, placement, relation, channel, is_view: false };
        take(PastContact { person, item_id, told });
    }
}

fn take_event(event: &history::PastEvent, asked: ContactsAsked, take: TakeContact<'_>) {
    let Some(kind) = contact_kind(event.kind) else { return };
    let since = match kind {
        ContactKind::Dismissed => asked.dismissed,
        ContactKind::Seen => asked.shown,
        // Orders tell it.
        ContactKind::Bought | ContactKind::Offered => None,
    };
    let person = match (event.customer_idx, &event.session_id) {
        (Some(idx), _) => PastPerson::Customer(idx),
        (None, Some(session_id)) => PastPerson::Session(session_id),
        (None, None) => return,
    };
    if since.is_none_or(|since| event.at < since) {
        return;
    }
    let told = told_of(event.kind, kind, event.at);
    for line in &event.lines {
        take(PastContact { person, item_id: &line.item_id, told });
    }
}

/// What came live and what was imported; what came back was bought all the same.
async fn take_bought(
    store: &Store,
    since: Timestamp,
    take: TakeContact<'_>,
) -> history::Result<()> {
    let bought: Arc<Mutex<Vec<(u32, u32, Timestamp)>>> = Arc::default();
    let gathered = Arc::clone(&bought);
    let give = move |order: &history::PastOrder<'_>| {
        // When an order without a time was made, nobody can say.
        let (Some(customer), Some(at)) = (order.customer_idx, order.at) else { return };
        let lines = order.lines.iter().filter(|line| Amount::ZERO < line.quantity);
        let mut gathered = gathered.lock().unwrap_or_else(|poison| poison.into_inner());
        gathered.extend(lines.map(|line| (customer, line.item_idx, at)));
    };
    store.each_order(since, give).await?;
    let (items, _) = store.items_since(0).await?;
    let ids: HashMap<u32, &str> =
        items.iter().map(|item| (item.item_idx, &*item.entry.id)).collect();
    let bought = std::mem::take(&mut *bought.lock().unwrap_or_else(|poison| poison.into_inner()));
    for (customer, item, at) in bought {
        let Some(item_id) = ids.get(&item) else { continue };
        let kind = ContactKind::Bought;
        let told = told_of(EventKind::Purchase, kind, at);
        take(PastContact { person: PastPerson::Customer(customer), item_id, told });
    }
    Ok(())
}

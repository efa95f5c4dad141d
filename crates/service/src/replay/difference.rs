//! What differs between a recorded answer and the one that comes out now.

use crate::record::{Record, RecordedOffer};
use serde::Serialize;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Difference {
    /// `fallback`, `n_eligible`, `explored`, `place`, `score`, `reason`, `evidence`, `likeness`,
    /// `response` or `policy`.
    pub what: &'static str,
    /// The offer, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_id: Option<String>,
    pub recorded: String,
    pub replayed: String,
}

pub(super) fn between(then: &Record, now: &Record) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |what, recorded: &dyn ToString, replayed: &dyn ToString| {
        let (recorded, replayed) = (recorded.to_string(), replayed.to_string());
        if recorded != replayed {
            found.push(Difference { what, item_id: None, recorded, replayed });
        }
    };
    compare("fallback", &then.fallback(), &now.fallback());
    let explored = |record: &Record| match &record.explored {
        Some(explored) => format!("{:?}", explored.places),
        None => "none".to_owned(),
    };
    compare("explored", &explored(then), &explored(now));
    compare("n_eligible", &then.n_eligible, &now.n_eligible);
    let place = |offers: &[RecordedOffer], item_id: &str| {
        offers.iter().position(|offer| offer.item_id == item_id)
    };
    for (at, offer) in then.offers().iter().enumerate() {
        match place(now.offers(), &offer.item_id) {
            Some(other) => {
                if other != at {
                    found.push(moved(offer, Some(at), Some(other)));
                }
                compare_offers(&mut found, offer, &now.offers()[other]);
            }
            None => found.push(moved(offer, Some(at), None)),
        }
    }
    for (at, offer) in now.offers().iter().enumerate() {
        if place(then.offers(), &offer.item_id).is_none() {
            found.push(moved(offer, None, Some(at)));
        }
    }
    found
}

fn moved(offer: &RecordedOffer, then: Option<usize>, now: Option<usize>) -> Difference {
    let told = |place: Option<usize>| match place {
        Some(at) => (at + 1).to_string(),
        None => "not offered".to_owned(),
    };
    Difference {
        what: "place",
        item_id: Some(offer.item_id.clone()),
        recorded: told(then),
        replayed: told(now),
    }
}

fn compare_offers(found: &mut Vec<Difference>, then: &RecordedOffer, now: &RecordedOffer) {
    let reason = |offer: &RecordedOffer| {
        let about = offer.about.as_deref().map(|item_id| format!(" for {item_id}"));
        let about = about.unwrap_or_default();
        format!("{} {} on {}{about}", offer.code, offer.relation, offer.rung)
    };
    let policy = |offer: &RecordedOffer| match &offer.policy {
        Some(touch) => format!("{} {:?} × {}", touch.kind, touch.name, touch.factor),
        None => "none".to_owned(),
    };
    let evidence = |offer: &RecordedOffer| match &offer.evidence {
        Some(evidence) => format!("{evidence:?}"),
        None => "none".to_owned(),
    };
    let number = |number: Option<f64>| number.map_or("none".to_owned(), |n| n.to_string());
    for (what, recorded, replayed) in [
        ("likeness", number(then.likeness), number(now.likeness)),
        ("response", number(then.response), number(now.response)),
        ("here", number(then.here), number(now.here)),
        ("value", number(then.value), number(now.value)),
        ("score", then.score.to_string(), now.score.to_string()),
        ("reason", reason(then), reason(now)),
        ("policy", policy(then), policy(now)),
        ("evidence", evidence(then), evidence(now)),
    ] {
        if recorded != replayed {
            let item_id = Some(then.item_id.clone());
            found.push(Difference { what, item_id, recorded, replayed });
        }
    }
}

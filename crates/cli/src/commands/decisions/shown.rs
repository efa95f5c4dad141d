//! Records of decisions as people read them.

use crate::show;
use anyhow::Context;
use decide::{ItemRef, WhyNot, Workspace, why_not};
use events::Timestamp;
use history::DecisionRecord;
use policy::PolicyTable;
use score::World;
use serde_json::Value;
use service::replay::Scene;
use service::{Archive, Present};

/// Items that go with what was asked about and are looked up when they were not offered.
const MAX_OTHERS: usize = 12;
/// Ids that are shown of a list.
const MAX_IDS: usize = 4;

/// One line an answer.
pub(super) fn table_of<'a>(
    records: impl IntoIterator<Item = &'a (String, Timestamp, Value)>,
) -> comfy_table::Table {
    let heads = ["id", "when", "placement", "asked about", "offers", "fallback", "variant"];
    let mut table = show::table(&heads, &[]);
    for (id, at, record) in records {
        let row = [
            id.clone(),
            at.to_string(),
            text(&record["asked"]["placement"]),
            ids(&asked_ids(record)),
            ids(&offered_ids(record)),
            text(&record["fallback"]),
            text(&record["variant"]),
        ];
        show::row(&mut table, &row);
    }
    table
}

pub(super) fn show(
    record: &DecisionRecord,
    archive: &Archive,
    present: &Present,
) -> anyhow::Result<()> {
    let unreadable = || format!("the record {} cannot be read", record.recommendation_id);
    let payload: Value = serde_json::from_slice(&record.payload).with_context(unreadable)?;
    let scene = Scene::of(Some(archive), present, &record.payload).with_context(unreadable)?;
    show::line(heading(record, &payload))?;
    show::line(offers(&scene.world, &payload))?;
    let others = others(&scene, &offered_ids(&payload));
    if !others.is_empty() {
        let mut table = show::table(&["not offered", "title", "why"], &[]);
        others.iter().for_each(|row| show::row(&mut table, row));
        show::line(table)?;
    }
    for cause in scene.causes() {
        show::note(format!("{}: {}", cause.code, cause.detail));
    }
    Ok(())
}

fn heading(record: &DecisionRecord, payload: &Value) -> String {
    let mut lines = vec![format!("{}  {}", record.recommendation_id, record.at)];
    let asked = &payload["asked"];
    let mut facts = vec![format!("placement {}", text(&asked["placement"]))];
    for (name, list) in [
        ("about", asked_ids(payload)),
        ("seen", strings(&asked["session"])),
        ("bought since", strings(&asked["bought_since"])),
        ("excluded", strings(&asked["exclude"])),
    ] {
        if !list.is_empty() {
            facts.push(format!("{name} {}", ids(&list)));
        }
    }
    for name in ["category", "locale", "channel", "location", "stage"] {
        if let Some(told) = asked[name].as_str() {
            facts.push(format!("{name} {told}"));
        }
    }
    lines.push(format!("asked: {}", facts.join("; ")));
    let mut by = vec![format!("snapshot {}", text(&payload["snapshot"]))];
    if let Some(version) = payload["policies"]["version"].as_u64() {
        by.push(format!("policies {version}"));
    }
    if let Some(n) = payload["live"][1].as_u64() {
        by.push(format!("{n} changes of the catalog"));
    }
    if let Some(variant) = payload["variant"].as_str() {
        by.push(format!("variant {variant}"));
    }
    for pair in payload["experiments"].as_array().into_iter().flatten() {
        by.push(format!("{} = {}", text(&pair[0]), text(&pair[1])));
    }
    lines.push(format!("decided by: {}", by.join("; ")));
    if payload["outcomes"].is_object() {
        lines.push(match payload["outcomes"]["version"].as_u64() {
            Some(version) => format!("with what came of offers, version {version}"),
            None => "as if nothing had been learned from outcomes".to_owned(),
        });
    }
    for place in payload["explored"]["places"].as_array().into_iter().flatten() {
        lines.push(format!(
            "place {} was drawn: arm {} of {}, chance {}",
            place[0],
            place[1].as_u64().unwrap_or(0) + 1,
            place[2],
            place[3]
        ));
    }
    lines.push(format!(
        "{} items passed the gates; the answer is from: {}",
        payload["n_eligible"],
        text(&payload["fallback"])
    ));
    lines.extend(why_nothing(payload));
    lines.join("\n")
}

/// Why nothing was offered, and on whom an offer is not to be spent.
fn why_nothing(payload: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(code) = payload["no_offer"]["code"].as_str() {
        lines.push(format!("no offer: {code}"));
    }
    if let Some(spend) = payload["spend"].as_object() {
        let anyway = match spend["left_out"].as_bool() {
            Some(true) => "",
            _ => ", but this customer is of the share that is offered something anyway",
        };
        lines.push(format!(
            "offers are expected to bring {} of this customer, no more than {}{anyway}",
            spend["uplift"], spend["least"]
        ));
    }
    lines
}

/// Each offer with the factors of its score.
fn offers(world: &World, payload: &Value) -> comfy_table::Table {
    let heads = ["", "item", "title", "relation", "reason", "score", "evidence", "factors"];
    let mut table = show::table(&heads, &[0, 5]);
    for (at, offer) in payload["offers"].as_array().into_iter().flatten().enumerate() {
        let item_id = text(&offer["item_id"]);
        let title = world.item_idx(&item_id).map_or("", |item| world.title(item)).to_owned();
        let reason = format!("{} ({})", text(&offer["code"]), text(&offer["rung"]));
        let (relation, score) = (text(&offer["relation"]), offer["score"].to_string());
        let row = [
            (at + 1).to_string(),
            item_id,
            title,
            relation,
            reason,
            score,
            evidence(&offer["evidence"], &offer["rebuy"]),
            factors(offer),
        ];
        show::row(&mut table, &row);
    }
    table
}

fn evidence(evidence: &Value, rebuy: &Value) -> String {
    if rebuy.is_object() {
        return format!("in {} of their {} orders", rebuy["n_bought"], rebuy["n_orders"]);
    }
    if evidence.is_null() {
        return String::new();
    }
    format!(
        "{} of {} with {}, {} × chance",
        evidence["n_both"],
        evidence["n_anchor"],
        text(&evidence["anchor_item_id"]),
        evidence["lift"]
    )
}

fn factors(offer: &Value) -> String {
    let mut factors = Vec::new();
    let policy = &offer["policy"];
    if let Some(name) = policy["name"].as_str() {
        factors.push(format!("{} \"{name}\" × {}", text(&policy["kind"]), policy["factor"]));
    }
    if let Some(likeness) = offer["likeness"].as_f64() {
        factors.push(format!("likeness {likeness}"));
    }
    if let Some(here) = offer["here"].as_f64() {
        factors.push(format!("sells here × {here}"));
    }
    if let Some(response) = offer["response"].as_f64() {
        factors.push(format!("outcomes × {response}"));
    }
    if let Some(value) = offer["value"].as_f64() {
        factors.push(format!("value × {value}"));
    }
    factors.join("; ")
}

/// What goes with the items asked about and was not offered, with what stood in its way.
fn others(scene: &Scene, offered: &[String]) -> Vec<[String; 3]> {
    let mut workspace = Workspace::default();
    let found = scene.ask(|world, asked| {
        let context = asked.anchors.iter().copied().chain(asked.cart.iter().map(|line| line.item));
        let mut near: Vec<u32> = Vec::new();
        for item in context {
            let ItemRef::Known(item) = item else { continue };
            if world.is_learned(item) {
                near.extend(world.snapshot.pairs(item).0.iter().take(MAX_OTHERS));
            }
        }
        near.sort_unstable();
        near.dedup();
        let is_missing = |item: &&u32| !offered.iter().any(|id| id == world.item_id(**item));
        let rows = near.iter().filter(is_missing).take(MAX_OTHERS).map(|&item| {
            let why = told(why_not(world, asked, item, &mut workspace), asked.policies);
            [world.item_id(item).to_owned(), world.title(item).to_owned(), why]
        });
        rows.collect()
    });
    found.unwrap_or_default()
}

fn told(why: WhyNot, policies: Option<&PolicyTable>) -> String {
    match why {
        WhyNot::Offered { rank } => format!("offered at place {rank} now"),
        WhyNot::Stopped(decide::Gate::Policy(policy)) => match policies {
            Some(policies) => format!("policy \"{}\"", policies.policy(policy).name),
            None => "policy".to_owned(),
        },
        WhyNot::Stopped(gate) => gate.as_str().to_owned(),
        WhyNot::Outranked { rank, score } => format!("outranked: place {rank}, score {score:.4}"),
        WhyNot::TooAlike { rank, score } => {
            format!("too like an offer above: place {rank} by score, {score:.4}")
        }
        WhyNot::NotProposed => "nothing speaks for it".to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn asked_ids(record: &Value) -> Vec<String> {
    let asked = &record["asked"];
    let cart = asked["cart"].as_array().into_iter().flatten();
    let cart = cart.map(|line| text(&line["item_id"]));
    strings(&asked["anchors"]).into_iter().chain(cart).collect()
}

fn offered_ids(record: &Value) -> Vec<String> {
    let offers = record["offers"].as_array().into_iter().flatten();
    offers.map(|offer| text(&offer["item_id"])).collect()
}

fn ids(list: &[String]) -> String {
    let shown = list[..list.len().min(MAX_IDS)].join(", ");
    match list.len().saturating_sub(MAX_IDS) {
        0 => shown,
        n => format!("{shown} and {n} more"),
    }
}

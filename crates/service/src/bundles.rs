//! Bundles as answers tell them and records keep them.

use crate::answer::{write_amount, write_price};
use crate::json_text::JsonText;
use decide::words::write_bundle;
use decide::{BundleOffer, Language};
use policy::PolicyTable;
use score::World;

/// For the answer: `,"bundles":[…]`; nothing where there are none.
pub(crate) fn write(
    out: &mut JsonText,
    world: &World,
    language: &Language,
    policies: &PolicyTable,
    bundles: &[BundleOffer],
) {
    for (at, bundle) in bundles.iter().enumerate() {
        out.raw(if at == 0 { ",\"bundles\":[{\"name\":" } else { ",{\"name\":" });
        out.string(&policies.bundle(bundle.bundle).name);
        out.raw(",\"text\":\"");
        write_bundle(out, language, bundle);
        out.raw("\",\"items\":[");
        for (at, &item) in bundle.items.iter().enumerate() {
            out.raw(if at == 0 { "{\"item_id\":" } else { ",{\"item_id\":" });
            out.string(world.item_id(item));
            out.raw(",\"title\":");
            out.string(world.title(item));
            out.raw(",\"price\":");
            write_price(out, world.catalog.state(item).price(), world.currency(item));
            out.raw(if bundle.missing.contains(&item) {
                ",\"is_added\":true}"
            } else {
                ",\"is_added\":false}"
            });
        }
        out.raw("],\"sum\":");
        write_amount(out, bundle.sum);
        out.raw(",\"saving\":");
        write_amount(out, bundle.saving());
        out.raw(",\"price\":");
        write_price(out, Some(bundle.price), bundle.currency);
        out.raw(",\"score\":");
        out.estimate(f64::from(bundle.score));
        out.raw(",\"policy_version\":");
        out.number(policies.version());
        out.raw("}");
    }
    out.raw(if bundles.is_empty() { "" } else { "]" });
}

/// For the record: names, items that are added, prices.
pub(crate) fn write_recorded(
    out: &mut JsonText,
    world: &World,
    policies: Option<&PolicyTable>,
    bundles: &[BundleOffer],
) {
    let Some(policies) = policies.filter(|_| !bundles.is_empty()) else { return };
    for (at, bundle) in bundles.iter().enumerate() {
        out.raw(if at == 0 { ",\"bundles\":[{\"name\":" } else { ",{\"name\":" });
        out.string(&policies.bundle(bundle.bundle).name);
        out.raw(",\"added\":[");
        for (at, &item) in bundle.missing.iter().enumerate() {
            out.raw(if at == 0 { "" } else { "," });
            out.string(world.item_id(item));
        }
        out.raw("],\"sum\":");
        write_amount(out, bundle.sum);
        out.raw(",\"price\":");
        write_amount(out, bundle.price);
        out.raw(",\"score\":");
        out.estimate(f64::from(bundle.score));
        out.raw("}");
    }
    out.raw("]");
}

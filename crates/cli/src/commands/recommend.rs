//! `alongside recommend`: offers on the command line, with their evidence.

use super::policy::policy_dir;
use crate::args::placement_parser;
use crate::clock::{self, Stopwatch};
use crate::show;
use anyhow::Context;
use clap::Args;
use decide::words::write_reason_in;
use decide::{Benefit, Language, Languages, OrderSince};
use decide::{CartLine, Circumstances, Decision, ItemRef, Items, KnownCustomer, NoOffer, Offer};
use decide::{Placement, Request, Warning, Workspace, decide};
use events::{Amount, ItemRecord, Timestamp};
use history::{OpenMode, Store};
use policy::facts::{MARKETING, consent_in};
use policy::{ContactFacts, PolicyDir, PolicySet, PolicyTable, Stage, Tone};
use score::{World, search};
use service::wire::WarningOut;
use service::{Unrecorded, bought_since, learned_until};
use snapshot::SnapshotDir;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct RecommendArgs {
    /// What the customer looks at or has in the cart: an item id, or words of its title.
    #[arg(long = "item", visible_alias = "items", value_name = "ID|WORDS")]
    items: Vec<String>,
    /// Who asks: a customer id.
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Where the offers will appear [default: pdp for one item, cart for several, home for none].
    #[arg(long, value_parser = placement_parser())]
    placement: Option<Placement>,
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Language of the reasons, such as `de` or `de-AT`.
    #[arg(long, value_name = "LOCALE")]
    locale: Option<String>,
    /// Never offer these items.
    #[arg(long, value_name = "ID")]
    exclude: Vec<String>,
    /// Print the numbers behind each reason.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    output: crate::args::Output,
}

/// The world of the snapshot in force with today's catalogue, and the attributes of its items if a
/// policy asks for them.
pub(crate) async fn load_world(store: &Store, with_attributes: bool) -> anyhow::Result<World> {
    let snapshot = SnapshotDir::new(store.snapshots_dir()).open_current()?;
    let mut world = World::of(Arc::new(snapshot));
    // What the snapshot was made from says which version of the catalogue it knows.
    let learned = world.snapshot.provenance().sources.get("catalog_version");
    let mut learned = learned.and_then(|version| version.parse().ok()).unwrap_or(0);
    if with_attributes {
        // Of attributes a snapshot knows nothing.
        world = world.keeping_attributes();
        learned = 0;
    }
    let (items, _version) = store.items_since(learned).await?;
    let records: Vec<ItemRecord> = items.into_iter().map(ItemRecord::from).collect();
    let facts = store.declared_facts().await?;
    let records: Vec<ItemRecord> = records.into_iter().chain(facts.plans).collect();
    if !records.is_empty() {
        world = world.with_items(&records);
    }
    if !facts.relations.pairs.is_empty() {
        world = world.with_declared(&facts.relations);
    }
    Ok(world)
}

/// The policies in force with the number of their version.
pub(crate) fn policies_in_force(dir: &PolicyDir) -> anyhow::Result<Option<(u64, Arc<PolicySet>)>> {
    let Some(version) = dir.current()? else { return Ok(None) };
    Ok(Some((version, Arc::new(dir.load(version)?))))
}

pub(crate) async fn run(dir: &Path, args: RecommendArgs) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let policies = policies_in_force(&policy_dir(&store).await?)?;
    let asks_attributes = policies.as_ref().is_some_and(|(_, set)| set.asks_item_attributes());
    let world = load_world(&store, asks_attributes).await?;
    let policies =
        policies.map(|(version, set)| PolicyTable::compile(set, version, &Items(&world)));
    let asked: Vec<u32> =
        args.items.iter().map(|text| resolve(&world, text)).collect::<anyhow::Result<_>>()?;
    let (customer, mut known) = match &args.customer {
        Some(id) => find_customer(&store, id).await?.unzip(),
        None => (None, None),
    };
    let (bought_since, orders_since) = match (&args.customer, customer) {
        (Some(id), Some(_)) => bought_since_snapshot(&store, &world, id).await?,
        _ => (Vec::new(), Vec::new()),
    };
    if let (Some(customer), Some(known)) = (customer, &mut known) {
        known.bought_is_partial = unlearned_buyers(&store, &world).await?.contains(&customer);
    }
    let placement = args.placement.unwrap_or(default_placement(asked.len()));
    let mut remarks = Vec::new();
    let exclude = excluded(&world, &args.exclude, &mut remarks);
    let lines = lines_of(&asked);
    let anchors: Vec<ItemRef<'_>> = asked.iter().map(|&item| ItemRef::Known(item)).collect();
    let held = held_items(&world, known.as_ref());
    let is_cart = !matches!(placement, Placement::Pdp | Placement::PostPurchase);
    let request = Request {
        anchors: if is_cart { &[] } else { &anchors },
        cart: if is_cart { &lines } else { &[] },
        customer,
        bought_since: &bought_since,
        orders_since: &orders_since,
        count: args.count,
        held: &held,
        exclude: &exclude,
        policies: policies.as_ref(),
        circumstances: circumstances_of(
            &args,
            known.as_ref(),
            (placement, is_cart && !lines.is_empty()),
        ),
        ..Request::at(placement)
    };
    let languages = crate::languages::read(dir)?;
    let language = language_of(&languages, args.locale.as_deref())?;
    let watch = Stopwatch::start();
    let decision = decide(&world, &request, &mut Workspace::default());
    if args.output.json {
        let explain = snapshot_told(&store, args.explain)?;
        let answer = Unrecorded {
            world: &world,
            request: &request,
            decision: &decision,
            warnings: &remarks,
            language,
            explain: explain.as_deref(),
            took_us: watch.elapsed().as_micros() as u64,
        };
        return show::line(answer.to_json());
    }
    print_head(&world, &asked, placement, &decision, &remarks);
    if args.count == Some(0) {
        return show::line("No offer: none was asked for (--count 0).");
    }
    print(&world, language, &decision, args.explain)?;
    print_bundles(&world, language, policies.as_ref(), &decision)?;
    print_policies(&world, policies.as_ref(), &decision);
    Ok(())
}

/// What the customer has, as the shop recorded it, of what this world knows.
fn held_items(world: &World, known: Option<&KnownCustomer>) -> Vec<u32> {
    let ids = known.and_then(|known| known.holdings.as_deref()).unwrap_or_default();
    ids.iter().filter_map(|id| world.item_idx(id)).collect()
}

/// One of each.
fn lines_of(items: &[u32]) -> Vec<CartLine<'static>> {
    let line = |&item: &u32| {
        let item = ItemRef::Known(item);
        CartLine { item, quantity: Amount::ONE, unit_price: None }
    };
    items.iter().map(line).collect()
}

/// The snapshot's name where the answer is to tell how it came about.
fn snapshot_told(store: &Store, explain: bool) -> anyhow::Result<Option<String>> {
    match explain {
        true => Ok(SnapshotDir::new(store.snapshots_dir()).current_id()?),
        false => Ok(None),
    }
}

/// What is sold together for less.
fn print_bundles(
    world: &World,
    language: &Language,
    policies: Option<&PolicyTable>,
    decision: &Decision,
) -> anyhow::Result<()> {
    let Some(policies) = policies.filter(|_| !decision.bundles.is_empty()) else { return Ok(()) };
    let mut table = show::table(&["bundle", "items", "what it costs"], &[]);
    for bundle in &decision.bundles {
        let mark = |item: &u32| if bundle.missing.contains(item) { "+ " } else { "" };
        let name = |item: &u32| format!("{}{}", mark(item), decide::words::name_of(world, *item));
        let items: Vec<String> = bundle.items.iter().map(name).collect();
        let mut text = String::new();
        decide::words::write_bundle(&mut text, language, bundle);
        let name = policies.bundle(bundle.bundle).name.clone();
        show::row(&mut table, &[name, items.join("\n"), text]);
    }
    show::line(table)
}

/// Which policies moved an offer.
fn print_policies(world: &World, policies: Option<&PolicyTable>, decision: &Decision) {
    let Some(policies) = policies else { return };
    show::note(format!("policy version {}", policies.version()));
    for offer in &decision.offers {
        let Some(touch) = offer.policy else { continue };
        let policy = policies.policy(touch.policy);
        let how = match touch.pinned_at {
            Some(position) => format!("place {position}"),
            None => format!("score × {}", touch.factor),
        };
        let item = world.item_id(offer.item);
        show::note(format!("  {item}: {} \"{}\", {how}", policy.kind.as_str(), policy.name));
    }
}

/// What must not be offered. An id that nobody knows is told: it may be a slip of the pen.
fn excluded(world: &World, item_ids: &[String], remarks: &mut Vec<WarningOut>) -> Vec<u32> {
    let known = |item_id: &String| {
        let item = world.item_idx(item_id);
        if item.is_none() {
            remarks.push(WarningOut {
                code: "unknown_item".to_owned(),
                detail: format!(
                    "no item has the id `{item_id}`: --exclude leaves nothing out for it"
                ),
            });
        }
        item
    };
    item_ids.iter().filter_map(known).collect()
}

fn default_placement(n_items: usize) -> Placement {
    match n_items {
        0 => Placement::Home,
        1 => Placement::Pdp,
        _ => Placement::Cart,
    }
}

/// An id, or the best match of a search in titles.
fn resolve(world: &World, text: &str) -> anyhow::Result<u32> {
    if let Some(item) = world.item_idx(text) {
        return Ok(item);
    }
    let found = search(world, text, 5);
    let Some(&first) = found.first() else {
        anyhow::bail!(
            "no item has the id or the words `{text}`; look at the ids of your catalogue"
        );
    };
    let others: Vec<String> = found[1..].iter().map(|&item| name_of(world, item)).collect();
    show::note(format!("`{text}` is taken as {}", name_of(world, first)));
    if !others.is_empty() {
        show::note(format!("  (others: {})", others.join("; ")));
    }
    Ok(first)
}

/// The row of a customer, and what policies may ask of them.
async fn find_customer(store: &Store, id: &str) -> anyhow::Result<Option<(u32, KnownCustomer)>> {
    match store.customer(id).await? {
        Some(customer) if customer.consent == Some(false) => {
            show::note(format!("customer {id} has not consented: nothing personal is used"));
            Ok(None)
        }
        Some(customer) => {
            let held = store.holdings_of(customer.customer_idx, clock::now()).await?;
            let attribute = |(name, value): (String, String)| (name.into(), value.into());
            let known = KnownCustomer {
                consent: customer.consent,
                attributes: customer.attributes.into_iter().map(attribute).collect(),
                holdings: Some(held.into_iter().map(Into::into).collect()),
                bought_is_partial: false,
            };
            Ok(Some((customer.customer_idx, known)))
        }
        None => {
            show::note(format!("customer {id} is not known: the answer is that for a guest"));
            Ok(None)
        }
    }
}

fn circumstances_of<'a>(
    args: &'a RecommendArgs,
    known: Option<&'a KnownCustomer>,
    (placement, has_cart): (Placement, bool),
) -> Circumstances<'a> {
    Circumstances {
        now: Some(clock::now()),
        customer: known,
        locale: args.locale.as_deref(),
        stage: placement.stage(Some(Stage::Browsing), has_cart),
        // For whoever sits here: no customer is shown it, and no contact counts.
        contact: Some(ContactFacts::default()),
        refuses_contact: known.is_some_and(refuses_contact),
        ..Circumstances::default()
    }
}

fn refuses_contact(known: &KnownCustomer) -> bool {
    let told = known.attributes.iter().find(|(name, _)| **name == *MARKETING);
    told.and_then(|(_, value)| consent_in(value)) == Some(false)
}

/// What the customer bought and the snapshot does not know: as a server sees it.
async fn bought_since_snapshot(
    store: &Store,
    world: &World,
    customer_id: &str,
) -> anyhow::Result<(Vec<u32>, Vec<OrderSince>)> {
    let learned = world.snapshot.provenance().sources.get("sequence");
    let learned = learned.and_then(|sequence| sequence.parse().ok()).unwrap_or(0);
    let logged = store.purchases_after(learned).await?;
    let events = logged.iter().map(|logged| &logged.event);
    let since = bought_since(events, customer_id, (learned_until(world), clock::now()));
    let known = |item_ids: &[String]| -> Vec<u32> {
        item_ids.iter().filter_map(|item_id| world.item_idx(item_id)).collect()
    };
    let order_of = |(at, ids): &(Timestamp, Vec<String>)| OrderSince { at: *at, items: known(ids) };
    Ok((known(&since.item_ids), since.orders.iter().map(order_of).collect()))
}

/// Customers of whom orders were imported that the snapshot does not know.
pub(super) async fn unlearned_buyers(store: &Store, world: &World) -> anyhow::Result<HashSet<u32>> {
    let learned = world.snapshot.provenance().sources.get("sequence");
    let learned = learned.and_then(|sequence| sequence.parse().ok()).unwrap_or(0);
    let imported = store.buyers_imported_after(learned, None).await?;
    Ok(imported.map(|imported| imported.buyers).unwrap_or_default().into_iter().collect())
}

fn name_of(world: &World, item: u32) -> String {
    match world.title(item) {
        "" => world.item_id(item).to_owned(),
        title => format!("{} {title}", world.item_id(item)),
    }
}

fn print_head(
    world: &World,
    asked: &[u32],
    placement: Placement,
    decision: &Decision,
    remarks: &[WarningOut],
) {
    let names: Vec<String> = asked.iter().map(|&item| name_of(world, item)).collect();
    let beside = if names.is_empty() { "no item".to_owned() } else { names.join(" + ") };
    show::note(format!("{} · {beside} · rung: {}", placement.as_str(), decision.rung.as_str()));
    let warnings = decision.warnings.iter().map(warning_text);
    for remark in remarks.iter().map(|remark| remark.detail.clone()).chain(warnings) {
        show::note(format!("note: {remark}"));
    }
}

fn print(
    world: &World,
    language: &Language,
    decision: &Decision,
    explain: bool,
) -> anyhow::Result<()> {
    if decision.offers.is_empty() {
        return match decision.bundles.is_empty() {
            true => show::line(no_offer_text(decision)),
            false => Ok(()),
        };
    }
    let mut heads = vec!["#", "item", "title", "price", "relation", "why"];
    if explain {
        heads.extend(["both", "lift", "G2", "P", "P low", "after/before", "score"]);
    }
    let mut table = show::table(&heads, &[0, 3, 6, 7, 8, 9, 10, 11, 12]);
    for (at, offer) in decision.offers.iter().enumerate() {
        show::row(&mut table, &cells(world, (language, decision.tone), at + 1, offer, explain));
    }
    show::line(table)
}

fn cells(
    world: &World,
    (language, tone): (&Language, Tone),
    rank: usize,
    offer: &Offer,
    explain: bool,
) -> Vec<String> {
    let price = world.catalog.state(offer.item).price();
    let price = price.map_or(String::new(), |price| match world.currency(offer.item) {
        Some(currency) => format!("{price} {currency}"),
        None => price.to_string(),
    });
    let mut cells = vec![
        rank.to_string(),
        world.item_id(offer.item).to_owned(),
        world.title(offer.item).to_owned(),
        price,
        offer.relation.as_str().to_owned(),
        reason_text(world, language, offer, tone),
    ];
    if explain {
        match &offer.reason.evidence {
            Some(evidence) => cells.extend([
                evidence.n_both.to_string(),
                format!("{:.1}", evidence.lift),
                format!("{:.0}", evidence.g2),
                format!("{:.3}", evidence.probability),
                format!("{:.3}", evidence.wilson_low),
                format!("{}/{}", evidence.n_after, evidence.n_before),
            ]),
            None => cells.extend(std::iter::repeat_n(String::from("–"), 6)),
        }
        cells.push(format!("{:.3}", offer.score));
    }
    cells
}

fn language_of<'l>(languages: &'l Languages, locale: Option<&str>) -> anyhow::Result<&'l Language> {
    let Some(locale) = locale else { return Ok(languages.first()) };
    languages.find(locale).with_context(|| {
        let known: Vec<&str> = languages.tags().collect();
        format!(
            "--locale {locale}: there are sentences in {} (docs/languages.md)",
            known.join(", ")
        )
    })
}

/// The sentence behind an offer; every number comes from the evidence.
fn reason_text(world: &World, language: &Language, offer: &Offer, tone: Tone) -> String {
    let mut text = String::new();
    write_reason_in(&mut text, language, world, offer, tone);
    if let Some(benefit) = Benefit::of(world, language, offer) {
        text.push(' ');
        benefit.write(&mut text);
    }
    text
}

fn no_offer_text(decision: &Decision) -> String {
    match decision.no_offer {
        Some(NoOffer::InterruptionCost { gain, cost }) => format!(
            "No offer: the best slate is expected to earn {gain}, and an interruption here costs \
             {cost}."
        ),
        Some(NoOffer::MarketingRefused) => {
            "No offer: the customer refused to be contacted to be sold something.".to_owned()
        }
        Some(NoOffer::NoUplift { uplift, least }) => format!(
            "No offer: offers are expected to bring {uplift} more of this customer, and here they \
             are spent on those who bring more than {least}."
        ),
        _ => "No offer: there is no evidence for one. Silence beats noise.".to_owned(),
    }
}

fn warning_text(warning: &Warning) -> String {
    match warning {
        Warning::UnknownItem { item_id } => format!("item `{item_id}` is not known"),
        Warning::CountCut { asked, given } => {
            format!("asked for {asked}, at most {given} are given")
        }
        Warning::CartCut { lines, used } => {
            format!("of {lines} cart lines the last {used} are read")
        }
        Warning::TooFew { found, wanted } => {
            format!("{found} offers were found; this placement shows {wanted} or none")
        }
        Warning::AnchorsCut { given, used } => {
            format!("of {given} items the first {used} are read")
        }
    }
}

//! From a request to what the decision is asked: items looked up, session, cart and customer
//! added from the live state.

use crate::answer::Remark;
use crate::caller::Caller;
use crate::contacts::AskedContacts;
use crate::live::{CartLineLive, Customer, Live, learned_until};
use crate::problem::{Code, Problem};
use crate::state::Served;
use crate::user_token;
use crate::wire::{CartEntryIn, FilterIn, IdIn, RecommendRequest};
use decide::{
    CartLine, Circumstances, Filter, ItemRef, KnownCustomer, Language, Languages, OrderSince,
    Placement, Relation, Request,
};
use events::{Amount, Timestamp};
use policy::{PolicyTable, Stage};
use score::World;
use std::cell::OnceCell;

/// Texts and lists that are recorded with the answer.
const MAX_TEXT_BYTES: usize = 1_024;
const MAX_CATEGORIES: usize = 100;
const MAX_EXCLUDED: usize = 1_000;
/// An order is what a page after purchase is about for so long, where the page does not say.
const JUST_BOUGHT_US: i64 = 30 * events::time::DAY_US;

/// The cart of a session in which something lies that the catalog does not know: its id must
/// outlive the look at the session.
pub(crate) type Strangers = OnceCell<Vec<CartLineLive>>;

/// What is asked of all slates of one request.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) anchors: Vec<ItemRef<'a>>,
    pub(crate) cart: Vec<CartLine<'a>>,
    pub(crate) session: Vec<u32>,
    pub(crate) customer: Option<u32>,
    /// The id of the customer, when it may be used: by a trusted caller or with a token, and not
    /// against the customer's will.
    pub(crate) known_as: Option<&'a str>,
    pub(crate) bought_since: Vec<u32>,
    pub(crate) orders_since: Vec<OrderSince>,
    /// The latest order, of the visit or of the customer: what a page is about that comes after it.
    just_bought: Vec<ItemRef<'a>>,
    /// What the customer has.
    held: Vec<u32>,
    pub(crate) category: Option<&'a str>,
    pub(crate) count: Option<usize>,
    pub(crate) filter: Option<Filter>,
    /// Grows with each slate of the page.
    pub(crate) exclude: Vec<u32>,
    pub(crate) now: Timestamp,
    pub(crate) channel: Option<&'a str>,
    pub(crate) locale: Option<&'a str>,
    pub(crate) location: Option<&'a str>,
    /// Of the visit.
    stage: Option<Stage>,
    /// Gathered only where policies are in force.
    pub(crate) known: Option<KnownCustomer>,
    pub(crate) contacts: AskedContacts,
    pub(crate) refuses_contact: bool,
    /// Customers are not known yet, and one was named.
    is_unsure: bool,
    pub(crate) remarks: Vec<Remark>,
}

impl<'a> Question<'a> {
    pub(crate) fn of(
        request: &'a RecommendRequest<'a>,
        served: &Served,
        live: &Live,
        caller: &Caller,
        (now, strangers): (Timestamp, &'a Strangers),
    ) -> Result<Question<'a>, Problem> {
        check_texts(request)?;
        let world = &served.world;
        let context = request.context.as_ref();
        let mut question = Question {
            anchors: refs(world, request.item_ids.as_deref().unwrap_or_default()),
            cart: Vec::new(),
            session: Vec::new(),
            customer: None,
            known_as: None,
            bought_since: Vec::new(),
            orders_since: Vec::new(),
            just_bought: Vec::new(),
            held: Vec::new(),
            category: context.and_then(|context| context.category.as_deref()),
            count: request.count.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
            filter: request.filter.as_ref().map(filter_of).transpose()?,
            exclude: excluded(request, world)?,
            now,
            channel: context.and_then(|context| context.channel.as_deref()),
            locale: context.and_then(|context| context.locale.as_deref()),
            location: request.location_id.as_deref(),
            stage: None,
            known: None,
            contacts: AskedContacts::default(),
            refuses_contact: false,
            is_unsure: false,
            remarks: Vec::new(),
        };
        if let Some(session_id) = &request.session_id {
            question.read_session(session_id, world, live, now);
            if request.cart.is_none() {
                question.read_session_cart(session_id, world, live, strangers);
            }
        }
        if let Some(cart) = &request.cart {
            check_cart(cart)?;
            question.cart = cart.iter().map(|entry| line_of(world, entry)).collect();
        }
        let session_id = request.session_id.as_deref();
        if let Some(user_id) = personal(request, caller, now, &mut question.remarks)? {
            question.read_customer((user_id, session_id), served, live);
        } else if let Some(session_id) = session_id {
            question.read_visit_orders(session_id, world, live);
        }
        let contacts = &live.contacts;
        let persons = [
            question.known_as.map(|customer_id| contacts.customer(customer_id)),
            request.session_id.as_deref().map(|session_id| contacts.session(session_id)),
        ];
        question.contacts = AskedContacts::of(contacts, served, persons, now, question.is_unsure);
        Ok(question)
    }

    fn read_session(&mut self, session_id: &str, world: &World, live: &Live, now: Timestamp) {
        // A visit of which nothing was told has just begun.
        self.stage = Some(Stage::default());
        live.sessions.read(session_id, now, |session| {
            self.stage = Some(session.stage);
            self.session.extend(session.views.iter().filter_map(|id| world.item_idx(id)));
        });
    }

    /// What the visit bought, and its latest order. Of another customer than the one who asks
    /// nothing is read.
    fn read_visit_orders(&mut self, session_id: &str, world: &World, live: &Live) {
        let customer_id = self.known_as;
        live.sessions.read(session_id, self.now, |session| {
            for order in session.orders_of(customer_id) {
                self.just_bought.clear();
                for line in &order.lines {
                    let Some(item) = world.item_idx(&line.item_id) else { continue };
                    if !self.bought_since.contains(&item) {
                        self.bought_since.push(item);
                    }
                    self.just_bought.push(ItemRef::Known(item));
                }
            }
        });
    }

    /// What the catalog does not know lies in the cart all the same: policies ask for it.
    fn read_session_cart(
        &mut self,
        session_id: &str,
        world: &World,
        live: &Live,
        strangers: &'a Strangers,
    ) {
        let is_known = |line: &CartLineLive| world.item_idx(&line.item_id).is_some();
        let lines = live.sessions.read(session_id, self.now, |session| {
            if !session.cart.iter().all(is_known) {
                return Some(session.cart.clone());
            }
            self.cart.extend(session.cart.iter().filter_map(|line| {
                let item = ItemRef::Known(world.item_idx(&line.item_id)?);
                Some(CartLine { item, quantity: line.quantity, unit_price: line.unit_price })
            }));
            None
        });
        if let Some(lines) = lines.flatten() {
            self.cart.extend(strangers.get_or_init(|| lines).iter().map(|line| CartLine {
                item: item_ref(world, &line.item_id),
                quantity: line.quantity,
                unit_price: line.unit_price,
            }));
        }
    }

    fn read_customer(
        &mut self,
        (user_id, session_id): (&'a str, Option<&str>),
        served: &Served,
        live: &Live,
    ) {
        if !live.customers.is_loaded() {
            // Whatever they refused holds already.
            (self.is_unsure, self.refuses_contact) = (true, true);
            return;
        }
        self.known_as = Some(user_id);
        if let Some(session_id) = session_id {
            live.claim_if_willing(session_id, user_id, self.now);
        }
        live.customers.find(user_id, |customer| {
            self.refuses_contact = customer.refuses_contact();
            if customer.consent == Some(false) {
                self.known_as = None;
                return;
            }
            self.customer = customer.idx;
            let world = &served.world;
            let since = live.customers.unknown_since(learned_until(world));
            let bought = customer.bought_after(since);
            self.bought_since.extend(bought.filter_map(|id| world.item_idx(id)));
            self.just_bought = just_bought(customer, world, self.now);
            let learned_until = match customer.orders.is_empty() {
                true => None,
                false => learned_until(world),
            };
            let orders = customer.orders_after(learned_until);
            self.orders_since.extend(orders.map(|order| OrderSince {
                at: order.at,
                items: order.item_ids.iter().filter_map(|id| world.item_idx(id)).collect(),
            }));
            let has_holdings = live.customers.has_holdings();
            let known = || customer.known(self.now, has_holdings);
            // An id that nobody knows is a guest's.
            self.held.extend(customer.held_at(self.now).filter_map(|id| world.item_idx(id)));
            let is_asked = served.all_policies().next().is_some() && !customer.is_blank();
            self.known = is_asked.then(known);
        });
        if let Some(session_id) = session_id.filter(|_| self.known_as.is_some()) {
            self.read_visit_orders(session_id, &served.world, live);
        }
    }

    /// What reasons are told in: the language of the locale, else the first.
    pub(crate) fn language<'l>(&self, languages: &'l Languages) -> &'l Language {
        self.locale.and_then(|locale| languages.find(locale)).unwrap_or(languages.first())
    }

    /// Says so where the locale asks for a language that is not there.
    pub(crate) fn remark_on_language(&mut self, languages: &Languages) {
        if let Some(locale) = self.locale.filter(|locale| languages.find(locale).is_none()) {
            self.remarks.push(Remark::NoLanguage(locale.to_owned()));
        }
    }

    /// The question for one of the slates.
    pub(crate) fn at<'q>(
        &'q self,
        placement: Placement,
        policies: Option<&'q PolicyTable>,
    ) -> Request<'q> {
        let is_after = placement == Placement::PostPurchase && self.anchors.is_empty();
        Request {
            anchors: if is_after { &self.just_bought } else { &self.anchors },
            cart: &self.cart,
            session: &self.session,
            customer: self.customer,
            bought_since: &self.bought_since,
            orders_since: &self.orders_since,
            category: self.category,
            count: self.count,
            filter: self.filter.as_ref(),
            resting: &self.contacts.resting,
            held: &self.held,
            exclude: &self.exclude,
            policies,
            circumstances: Circumstances {
                contact: self.contacts.facts(),
                refuses_contact: self.refuses_contact,
                now: Some(self.now),
                channel: self.channel,
                locale: self.locale,
                location: self.location,
                stage: placement.stage(self.stage, !self.cart.is_empty()),
                customer: self.known.as_ref(),
            },
            ..Request::at(placement)
        }
    }
}

/// What the latest order of a customer held, where it is not long ago.
fn just_bought(customer: &Customer, world: &World, now: Timestamp) -> Vec<ItemRef<'static>> {
    let since = Timestamp(now.0.saturating_sub(JUST_BOUGHT_US));
    let latest = customer.orders.last().filter(|order| since < order.at);
    let item_ids = latest.map(|order| order.item_ids.as_slice()).unwrap_or_default();
    let known = item_ids.iter().filter_map(|id| world.item_idx(id));
    known.map(ItemRef::Known).collect()
}

/// The placements asked for, at least one.
pub(crate) fn placements_of(request: &RecommendRequest<'_>) -> Result<Vec<Placement>, Problem> {
    match (&request.placement, &request.placements) {
        (Some(_), Some(_)) => Err(Problem::new(
            Code::InvalidValue,
            "Give `placement` for one slate or `placements` for several, not both.",
        )),
        (Some(name), None) => Ok(vec![parse_placement(name, || "placement".to_owned())?]),
        (None, Some(names)) if names.is_empty() || crate::wire::MAX_PLACEMENTS < names.len() => {
            let detail = format!(
                "`placements` holds {} names; between 1 and {} can be answered at once.",
                names.len(),
                crate::wire::MAX_PLACEMENTS
            );
            Err(Problem::new(Code::InvalidValue, detail).at("placements"))
        }
        (None, Some(names)) => names
            .iter()
            .enumerate()
            .map(|(at, name)| parse_placement(name, || format!("placements[{at}]")))
            .collect(),
        (None, None) => {
            let detail = format!("`placement` says where the offers appear: {}.", known());
            Err(Problem::new(Code::MissingField, detail).at("placement").allowing(allowed()))
        }
    }
}

fn parse_placement(name: &str, path: impl FnOnce() -> String) -> Result<Placement, Problem> {
    Placement::parse(name).ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        let detail = format!("There is no placement {shown:?}; there are {}.", known());
        Problem::new(Code::UnknownPlacement, detail).at(path()).allowing(allowed())
    })
}

fn allowed() -> Vec<&'static str> {
    Placement::ALL.iter().map(|placement| placement.as_str()).collect()
}

fn known() -> String {
    allowed().join(", ")
}

/// The customer whose history may be read, after the rules for public keys.
fn personal<'a>(
    request: &'a RecommendRequest<'_>,
    caller: &Caller,
    now: Timestamp,
    remarks: &mut Vec<Remark>,
) -> Result<Option<&'a str>, Problem> {
    let Some(user_id) = request.user_id.as_deref() else { return Ok(None) };
    match (&request.user_token, caller.signing_secret()) {
        _ if caller.is_trusted() => Ok(Some(user_id)),
        (None, _) => {
            remarks.push(Remark::NotPersonal);
            Ok(None)
        }
        (Some(token), secret) => {
            let secret = secret.unwrap_or_default();
            user_token::verify(secret, user_id, token, now).map(|()| Some(user_id)).map_err(
                |fault| Problem::new(Code::UserTokenInvalid, fault.detail()).at("user_token"),
            )
        }
    }
}

pub(crate) fn item_ref<'a>(world: &World, item_id: &'a str) -> ItemRef<'a> {
    match world.item_idx(item_id) {
        Some(item) => ItemRef::Known(item),
        None => ItemRef::Unknown { item_id },
    }
}

fn refs<'a>(world: &World, item_ids: &'a [IdIn<'a>]) -> Vec<ItemRef<'a>> {
    item_ids.iter().map(|item_id| item_ref(world, item_id)).collect()
}

/// Categories are as long as the catalog makes them, and no longer.
fn check_texts(request: &RecommendRequest<'_>) -> Result<(), Problem> {
    let check = |text: &str, path: &dyn Fn() -> String| {
        if text.len() <= MAX_TEXT_BYTES {
            return Ok(());
        }
        let detail = format!("A text may have at most {MAX_TEXT_BYTES} bytes here.");
        Err(Problem::new(Code::InvalidValue, detail).at(path()))
    };
    let context = request.context.as_ref();
    for (name, text) in [
        ("category", context.and_then(|context| context.category.as_ref())),
        ("channel", context.and_then(|context| context.channel.as_ref())),
        ("locale", context.and_then(|context| context.locale.as_ref())),
    ] {
        if let Some(text) = text {
            check(text, &|| format!("context.{name}"))?;
        }
    }
    let filter = request.filter.as_ref().and_then(|filter| filter.categories.as_deref());
    let categories = filter.unwrap_or_default();
    if MAX_CATEGORIES < categories.len() {
        let n = categories.len();
        let detail = format!("`filter.categories` holds {n}; the limit is {MAX_CATEGORIES}.");
        return Err(Problem::new(Code::InvalidValue, detail).at("filter.categories"));
    }
    for (at, category) in categories.iter().enumerate() {
        check(category, &|| format!("filter.categories[{at}]"))?;
    }
    Ok(())
}

/// What is taken back lies in no cart: a total with it would be that of no cart.
fn check_cart(cart: &[CartEntryIn<'_>]) -> Result<(), Problem> {
    for (at, entry) in cart.iter().enumerate() {
        for (name, amount) in [("quantity", entry.quantity), ("price", entry.price)] {
            if amount.is_some_and(|amount| amount.0 < Amount::ZERO) {
                let detail = format!("`{name}` of a cart line is not below 0.");
                let problem = Problem::new(Code::InvalidValue, detail);
                return Err(problem.at(format!("cart[{at}].{name}")));
            }
        }
    }
    Ok(())
}

fn line_of<'a>(world: &World, entry: &'a CartEntryIn<'a>) -> CartLine<'a> {
    CartLine {
        item: item_ref(world, &entry.item_id),
        quantity: entry.quantity.map_or(Amount::ONE, |amount| amount.0),
        unit_price: entry.price.map(|amount| amount.0),
    }
}

fn filter_of(filter: &FilterIn<'_>) -> Result<Filter, Problem> {
    let categories = filter.categories.as_deref().unwrap_or_default();
    let names = filter.relations.as_deref().unwrap_or_default();
    let mut relations: Vec<Relation> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let relation = Relation::parse(name).ok_or_else(|| unknown_relation(name, at))?;
        if !relations.contains(&relation) {
            relations.push(relation);
        }
    }
    Ok(Filter {
        categories: categories.iter().map(|category| category.0.to_string()).collect(),
        price_min: filter.price_min.map(|amount| amount.0),
        price_max: filter.price_max.map(|amount| amount.0),
        relations,
    })
}

fn unknown_relation(name: &str, at: usize) -> Problem {
    let shown: String = name.chars().take(80).collect();
    let known: Vec<&str> = Relation::ALL.into_iter().map(Relation::as_str).collect();
    let detail = format!("There is no relation {shown:?}; there are {}.", known.join(", "));
    let problem = Problem::new(Code::InvalidValue, detail).at(format!("filter.relations[{at}]"));
    problem.allowing(known)
}

/// A list that were cut would offer what must not be offered, so a longer one is refused.
fn excluded(request: &RecommendRequest<'_>, world: &World) -> Result<Vec<u32>, Problem> {
    let item_ids = request.exclude_item_ids.as_deref().unwrap_or_default();
    if MAX_EXCLUDED < item_ids.len() {
        let detail = format!(
            "`exclude_item_ids` holds {} ids; the limit is {MAX_EXCLUDED}.",
            item_ids.len()
        );
        return Err(Problem::new(Code::InvalidValue, detail).at("exclude_item_ids"));
    }
    Ok(item_ids.iter().filter_map(|item_id| world.item_idx(item_id)).collect())
}

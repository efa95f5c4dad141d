//! Which column means what: the names that people really have, told apart by file kind.
//!
//! Names are compared without case, spaces, underscores, dots or a byte order mark. Columns of the
//! lines inside an order (`items[].sku`, `items.item_id`, `Lineitem sku`) are known as such, so
//! that `name` is the order in Shopify's export and the item's title in its lines.

use super::aliases::aliases;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Orders,
    Items,
    Customers,
    Holdings,
    Events,
    Relations,
}

impl FileKind {
    pub fn as_str(self) -> &'static str {
        match self {
            FileKind::Orders => "orders",
            FileKind::Items => "items",
            FileKind::Customers => "customers",
            FileKind::Holdings => "holdings",
            FileKind::Events => "events",
            FileKind::Relations => "relations",
        }
    }
}

macro_rules! fields {
    ($($variant:ident $name:literal)*) => {
        /// What a column can mean; the names are those of `--map`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $($variant),* }

        impl Field {
            pub const ALL: &[Field] = &[$(Field::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Field::$variant => $name),* }
            }
        }
    };
}

fields! {
    OrderId "order_id"
    ItemId "item_id"
    Title "title"
    Category "category"
    Subcategory "subcategory"
    CustomerId "customer_id"
    Email "email"
    SessionId "session_id"
    LocationId "location_id"
    TillId "till_id"
    Timestamp "timestamp"
    Clock "clock"
    Quantity "quantity"
    UnitPrice "unit_price"
    LineTotal "line_total"
    Currency "currency"
    Status "status"
    CancelledAt "cancelled_at"
    IsCancellation "is_cancellation"
    IsReturn "is_return"
    LineKind "line_kind"
    Source "source"
    RefundId "refund_id"
    EventName "event_name"
    EventId "event_id"
    Origin "origin"
    RecommendationId "recommendation_id"
    Kind "kind"
    Cost "cost"
    RegularPrice "regular_price"
    Stock "stock"
    InStock "in_stock"
    Hidden "hidden"
    Published "published"
    Visibility "visibility"
    VariantOf "variant_of"
    Sensitive "sensitive"
    ImageUrl "image_url"
    Url "url"
    Consent "consent"
    Since "since"
    Until "until"
    FromItem "from_item"
    ToItem "to_item"
    Relation "relation"
    Note "note"
}

/// The exports that have habits of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Generic,
    /// UCI Online Retail: invoice numbers that begin with C are credit notes.
    Uci,
    /// Order fields stand on the first line of an order only.
    Shopify,
    WooCommerce,
    /// Google Analytics 4: one row an event; only purchases and refunds are orders.
    Ga4,
    /// What `alongside export orders` writes.
    Alongside,
    /// Product fields stand on the first line of a product, its variants and pictures below it.
    ShopifyProducts,
    WooProducts,
}

impl Shape {
    pub fn as_str(self) -> &'static str {
        match self {
            Shape::Generic => "generic",
            Shape::Uci => "UCI Online Retail",
            Shape::Shopify => "Shopify order export",
            Shape::WooCommerce => "WooCommerce order export",
            Shape::Ga4 => "Google Analytics 4 export",
            Shape::Alongside => "Alongside order export",
            Shape::ShopifyProducts => "Shopify product export",
            Shape::WooProducts => "WooCommerce product export",
        }
    }
}

/// A column name made comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Norm {
    name: String,
    /// Belongs to the lines inside an order.
    is_line: bool,
}

pub(crate) fn squeeze(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// First words of columns that belong to the lines inside an order.
const LINE_PREFIXES: &[&[&str]] = &[
    &["line", "items"],
    &["line", "item"],
    &["lineitems"],
    &["lineitem"],
    &["order", "items"],
    &["items"],
    &["products"],
];

fn normalize(name: &str) -> Norm {
    let name = name.trim_start_matches('\u{feff}').trim();
    if let Some((_, leaf)) = name.split_once("[]") {
        let leaf = squeeze(leaf);
        return Norm { name: if leaf.is_empty() { "id".into() } else { leaf }, is_line: true };
    }
    let squeezed = squeeze(name);
    for prefix in ["ecommerce", "eventparams", "properties", "order"] {
        let stripped = squeezed.strip_prefix(&squeeze(prefix));
        if name.contains('.')
            && let Some(rest) = stripped
        {
            return Norm { name: rest.to_owned(), is_line: false };
        }
    }
    // `Lineitem sku`, `items.item_id`, `items_quantity`; but not `itemsku`.
    let words: Vec<String> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    for prefix in LINE_PREFIXES {
        if words.len() > prefix.len() && words.iter().zip(*prefix).all(|(word, of)| word == of) {
            return Norm { name: words[prefix.len()..].concat(), is_line: true };
        }
    }
    Norm { name: squeezed, is_line: false }
}

/// The columns of a file with the field of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recognition {
    pub shape: Shape,
    pub fields: Vec<Option<Field>>,
}

impl Recognition {
    pub(crate) fn column(&self, field: Field) -> Option<usize> {
        self.fields.iter().position(|found| *found == Some(field))
    }
}

/// How many of these names are known: a header has some, data has none.
pub(crate) fn n_known(kind: FileKind, names: &[String]) -> usize {
    recognize(kind, names).fields.iter().flatten().count()
}

pub(crate) fn recognize(kind: FileKind, names: &[String]) -> Recognition {
    let norms: Vec<Norm> = names.iter().map(|name| normalize(name)).collect();
    let shape = match kind {
        FileKind::Items => detect_catalog(&norms),
        _ => detect_shape(&norms),
    };
    let mut fields: Vec<Option<Field>> = vec![None; norms.len()];
    for &field in fields_of(kind) {
        let found = aliases(kind, field, shape).find_map(|alias| {
            let fits = |is_line: bool, norm: &Norm| norm.name == alias && norm.is_line == is_line;
            let free = |is_line: bool| {
                (0..norms.len()).find(|&i| fields[i].is_none() && fits(is_line, &norms[i]))
            };
            if is_of_line(field) { free(true).or_else(|| free(false)) } else { free(false) }
        });
        let found = found
            .or_else(|| of_line_by_short_name(field, &norms, &fields))
            .or_else(|| of_nested_order(field, names, &norms, &fields));
        if let Some(idx) = found {
            fields[idx] = Some(field);
        }
    }
    Recognition { shape, fields }
}

/// `id`, `name` and the like mean the item when they stand inside an order's lines.
fn of_line_by_short_name(field: Field, norms: &[Norm], fields: &[Option<Field>]) -> Option<usize> {
    let short: &[&str] = match field {
        Field::ItemId => &["id", "code", "number"],
        Field::Title => &["name", "title"],
        _ => return None,
    };
    short.iter().find_map(|alias| {
        (0..norms.len())
            .find(|&i| norms[i].is_line && fields[i].is_none() && norms[i].name == *alias)
    })
}

/// In JSON with the lines inside, a plain `number` or `id` is that of the order.
fn of_nested_order(
    field: Field,
    names: &[String],
    norms: &[Norm],
    fields: &[Option<Field>],
) -> Option<usize> {
    if field != Field::OrderId || !names.iter().any(|name| name.contains("[]")) {
        return None;
    }
    ["number", "id"].iter().find_map(|alias| {
        (0..norms.len()).find(|&i| {
            !norms[i].is_line && fields[i].is_none() && names[i].eq_ignore_ascii_case(alias)
        })
    })
}

fn is_of_line(field: Field) -> bool {
    use Field::*;
    matches!(
        field,
        ItemId | Title | Category | Subcategory | Quantity | UnitPrice | LineTotal | Origin
    )
}

fn detect_shape(norms: &[Norm]) -> Shape {
    let has = |name: &str| norms.iter().any(|norm| !norm.is_line && norm.name == name);
    let line_has = |name: &str| norms.iter().any(|norm| norm.is_line && norm.name == name);
    if has("name") && line_has("quantity") && line_has("name") {
        return Shape::Shopify;
    }
    if has("linekind") && has("source") && has("orderid") {
        return Shape::Alongside;
    }
    if line_has("productid") && line_has("sku") && has("number") && has("status") {
        return Shape::WooCommerce;
    }
    if has("stockcode") && (has("invoice") || has("invoiceno")) {
        return Shape::Uci;
    }
    if has("eventname") && (has("eventtimestamp") || has("userpseudoid") || has("eventdate")) {
        return Shape::Ga4;
    }
    let woo_line = ["itemname", "itemcost", "ordercurrency", "orderitemname", "productname"];
    if (has("orderstatus") || has("status"))
        && (has("ordernumber") || has("orderid"))
        && (woo_line.into_iter().any(has))
        && (has("sku") || has("productsku") || has("itemsku") || has("productid"))
    {
        return Shape::WooCommerce;
    }
    Shape::Generic
}

fn detect_catalog(norms: &[Norm]) -> Shape {
    let has = |name: &str| norms.iter().any(|norm| norm.name == name);
    if has("handle") && has("title") && has("variantprice") {
        return Shape::ShopifyProducts;
    }
    if has("regularprice") && has("name") && has("sku") && has("published") {
        return Shape::WooProducts;
    }
    Shape::Generic
}

/// The fields that a file of this kind may have, in the order in which they claim columns.
pub fn fields_of(kind: FileKind) -> &'static [Field] {
    use Field::*;
    match kind {
        FileKind::Orders => &[
            OrderId,
            ItemId,
            Title,
            Category,
            CustomerId,
            Email,
            SessionId,
            LocationId,
            TillId,
            Timestamp,
            Clock,
            Quantity,
            UnitPrice,
            LineTotal,
            Currency,
            Status,
            CancelledAt,
            IsCancellation,
            IsReturn,
            EventName,
            LineKind,
            Source,
            RefundId,
            Kind,
        ],
        FileKind::Items => &[
            ItemId,
            Title,
            Kind,
            Category,
            Subcategory,
            UnitPrice,
            RegularPrice,
            Cost,
            Currency,
            Stock,
            InStock,
            Hidden,
            Published,
            Visibility,
            Status,
            VariantOf,
            Sensitive,
            ImageUrl,
            Url,
        ],
        FileKind::Customers => &[CustomerId, Email, Consent],
        FileKind::Holdings => &[CustomerId, ItemId, Since, Until],
        FileKind::Relations => &[FromItem, ToItem, Relation, Source, Note, Since, Until],
        FileKind::Events => &[
            EventId,
            EventName,
            Timestamp,
            CustomerId,
            SessionId,
            OrderId,
            ItemId,
            Quantity,
            UnitPrice,
            Currency,
            LocationId,
            Origin,
            RecommendationId,
        ],
    }
}

/// Why a column that one might expect to be used is not.
pub(crate) fn why_ignored(kind: FileKind, name: &str) -> &'static str {
    match (kind, squeeze(name).as_str()) {
        (FileKind::Orders, "country" | "shippingcountry" | "billingcountry") => {
            "a country is no location of a shop"
        }
        (FileKind::Orders, "total" | "subtotal" | "ordertotal") => "a sum of the whole order",
        _ => "",
    }
}

#[cfg(test)]
mod tests;

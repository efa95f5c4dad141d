//! One entry of a chronicle, as it lies in the file.

use decide::Placement;
use events::{Amount, ClearedFields, Currency, ItemField, ItemKind, ItemRecord};
use events::{Relation, RelationList, RelationPair, RelationRecord, Timestamp};
use score::Factor;
use score::responses::Kind;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// Above this an entry is worth a little more work.
const LARGE_BYTES: usize = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The first of a file.
    Epoch {
        snapshot: String,
        program: String,
    },
    /// From here on attributes of items are kept.
    Attributes,
    Items(Vec<ItemLine>),
    /// All relations; those before hold no more.
    Relations(Vec<RelationLine>),
    /// Relations beside those before; without a relation, a pair has none any more.
    ChangedRelations(Vec<RelationLine>),
    /// What came of offers, beside what was told of it before.
    Responses {
        version: u64,
        changes: Vec<FactorLine>,
    },
}

/// What is to be expected of offers, in thousandths; 1000 takes back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FactorLine {
    placement: String,
    relation: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<u8>,
    factor: u16,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ItemLine {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// Millionths, as all amounts here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stock: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hidden: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sensitive: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant_of: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_url: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "is_zero")]
    cleared: u8,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RelationLine {
    from: String,
    to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relation: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until_us: Option<i64>,
}

fn is_zero(bits: &u8) -> bool {
    *bits == 0
}

impl Entry {
    pub(crate) fn epoch(snapshot_id: &str) -> Entry {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        Entry::Epoch { snapshot: snapshot_id.to_owned(), program }
    }

    pub(crate) fn items(records: &[ItemRecord]) -> Entry {
        Entry::Items(records.iter().map(item_line).collect())
    }

    pub(crate) fn relations(list: &RelationList) -> Entry {
        let id = |place: u32| list.item_ids[place as usize].to_string();
        let line = |pair: &RelationPair| RelationLine {
            from: id(pair.from),
            to: id(pair.to),
            relation: Some(pair.relation as u32),
            valid_from_us: pair.valid_from.map(|at| at.0),
            valid_until_us: pair.valid_until.map(|at| at.0),
        };
        Entry::Relations(list.pairs.iter().map(line).collect())
    }

    pub(crate) fn changed_relations(records: &[RelationRecord]) -> Entry {
        Entry::ChangedRelations(records.iter().map(relation_line).collect())
    }

    pub(crate) fn responses(version: u64, changes: &[Factor]) -> Entry {
        Entry::Responses { version, changes: changes.iter().map(factor_line).collect() }
    }
}

/// A picture is no part of a decision, but that an item has words of its own is. An address is not.
fn item_line(record: &ItemRecord) -> ItemLine {
    // Whoever adds a field decides here whether a decision may depend on it.
    let ItemRecord {
        item_id,
        title,
        kind,
        category,
        price,
        cost,
        currency,
        stock,
        hidden,
        variant_of,
        sensitive,
        image_url,
        url: _,
        attributes,
        cleared,
    } = record;
    ItemLine {
        id: item_id.clone(),
        title: title.clone(),
        kind: kind.map(|kind| kind as u8),
        category: category.clone(),
        price: price.map(|amount| amount.0),
        cost: cost.map(|amount| amount.0),
        currency: currency.map(|currency| currency.as_str().to_owned()),
        stock: *stock,
        hidden: *hidden,
        sensitive: *sensitive,
        variant_of: variant_of.clone(),
        image_url: image_url.clone(),
        attributes: attributes.clone(),
        cleared: cleared.bits(),
    }
}

impl ItemLine {
    pub(crate) fn into_record(self) -> ItemRecord {
        let mut cleared = ClearedFields::default();
        for field in [
            ItemField::Title,
            ItemField::Category,
            ItemField::Price,
            ItemField::Cost,
            ItemField::Currency,
            ItemField::Stock,
            ItemField::ImageUrl,
            ItemField::Url,
        ] {
            if self.cleared & field as u8 != 0 {
                cleared.add(field);
            }
        }
        ItemRecord {
            item_id: self.id,
            title: self.title,
            kind: self.kind.and_then(ItemKind::from_code),
            category: self.category,
            price: self.price.map(Amount),
            cost: self.cost.map(Amount),
            currency: self.currency.as_deref().and_then(Currency::parse),
            stock: self.stock,
            hidden: self.hidden,
            variant_of: self.variant_of,
            sensitive: self.sensitive,
            image_url: self.image_url,
            url: None,
            attributes: self.attributes,
            cleared,
        }
    }
}

fn relation_line(record: &RelationRecord) -> RelationLine {
    RelationLine {
        from: record.from_item_id.clone(),
        to: record.to_item_id.clone(),
        relation: record.relation.map(|relation| relation as u32),
        valid_from_us: record.valid_from.map(|at| at.0),
        valid_until_us: record.valid_until.map(|at| at.0),
    }
}

impl RelationLine {
    pub(crate) fn into_record(self) -> RelationRecord {
        RelationRecord {
            from_item_id: self.from,
            to_item_id: self.to,
            relation: self.relation.and_then(Relation::from_code),
            valid_from: self.valid_from_us.map(Timestamp),
            valid_until: self.valid_until_us.map(Timestamp),
            ..RelationRecord::default()
        }
    }
}

fn factor_line(factor: &Factor) -> FactorLine {
    let Kind { placement, relation, item_id, context } = &factor.kind;
    let placement = Placement::ALL.get(usize::from(*placement)).map_or("", |at| at.as_str());
    FactorLine {
        placement: placement.to_owned(),
        relation: u32::from(*relation),
        item: item_id.clone(),
        context: *context,
        factor: factor.thousandths,
    }
}

impl FactorLine {
    /// `None`: of a placement or relation that this program does not know.
    pub(crate) fn into_factor(self) -> Option<Factor> {
        let kind = Kind {
            placement: Placement::parse(&self.placement)? as u8,
            relation: Relation::from_code(self.relation)? as u8,
            item_id: self.item,
            context: self.context,
        };
        Some(Factor { kind, thousandths: self.factor })
    }
}

/// One frame, in one call to the system: a reader sees it whole or broken off, never mixed.
pub(crate) fn write_frame(file: &mut impl Write, entry: &Entry) -> io::Result<()> {
    let mut text = serde_json::to_vec(entry)?;
    text.push(b'\n');
    let level = if text.len() < LARGE_BYTES { 1 } else { 3 };
    file.write_all(&zstd::bulk::compress(&text, level)?)
}

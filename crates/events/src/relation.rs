//! How an item stands to an anchor.

use crate::Timestamp;
use crate::record::RelationRecord;
use hashbrown::HashMap;

/// What an item is to another one that is looked at, in a cart, or owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Relation {
    /// Adds to what is there.
    Complement = 0,
    /// Replaces it by a dearer one for the same need.
    Upgrade = 1,
    /// Serves the same need: never an add-on.
    Substitute = 2,
    Bundle = 3,
    /// Made for it: a plan that covers it, an accessory declared to fit.
    Attach = 4,
    Replenish = 5,
    NextProduct = 6,
}

impl Relation {
    pub const ALL: [Relation; 7] = [
        Relation::Complement,
        Relation::Upgrade,
        Relation::Substitute,
        Relation::Bundle,
        Relation::Attach,
        Relation::Replenish,
        Relation::NextProduct,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Complement => "complement",
            Relation::Upgrade => "upgrade",
            Relation::Substitute => "substitute",
            Relation::Bundle => "bundle",
            Relation::Attach => "attach",
            Relation::Replenish => "replenish",
            Relation::NextProduct => "next_product",
        }
    }

    /// By its name, or by what shop systems call it.
    pub fn parse(text: &str) -> Option<Relation> {
        let name: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
        Some(match name.to_lowercase().as_str() {
            "complement" | "complementary" | "accessory" | "crosssell" | "addon" => {
                Relation::Complement
            }
            "upgrade" | "upsell" => Relation::Upgrade,
            "substitute" | "alternative" => Relation::Substitute,
            "bundle" => Relation::Bundle,
            "attach" | "plan" => Relation::Attach,
            "replenish" | "refill" => Relation::Replenish,
            "nextproduct" => Relation::NextProduct,
            _ => return None,
        })
    }

    pub fn from_code(code: u32) -> Option<Relation> {
        Relation::ALL.get(code as usize).copied()
    }

    /// Does the item take the anchor's place?
    pub fn replaces(self) -> bool {
        matches!(self, Relation::Upgrade | Relation::Substitute)
    }
}

/// One of a list, its items by their place in [`RelationList::item_ids`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelationPair {
    /// The anchor.
    pub from: u32,
    pub to: u32,
    pub relation: Relation,
    pub valid_from: Option<Timestamp>,
    /// The first moment without it.
    pub valid_until: Option<Timestamp>,
}

/// Many relations, each id once: a million of them name some hundred thousand items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelationList {
    pub item_ids: Vec<Box<str>>,
    pub pairs: Vec<RelationPair>,
}

impl RelationList {
    /// Without those that withdraw.
    pub fn of(records: &[RelationRecord]) -> RelationList {
        let mut list = RelationList::default();
        let mut places: HashMap<&str, u32> = HashMap::new();
        let mut place = |id| {
            *places.entry(id).or_insert_with(|| {
                list.item_ids.push(Box::from(id));
                list.item_ids.len() as u32 - 1
            })
        };
        for record in records {
            let Some(relation) = record.relation else { continue };
            list.pairs.push(RelationPair {
                from: place(record.from_item_id.as_str()),
                to: place(record.to_item_id.as_str()),
                relation,
                valid_from: record.valid_from,
                valid_until: record.valid_until,
            });
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::Relation;

    #[test]
    fn names_and_codes_lead_back() {
        for (code, relation) in (0..).zip(Relation::ALL) {
            assert_eq!(Relation::parse(relation.as_str()), Some(relation));
            assert_eq!((Relation::from_code(code), relation as u32), (Some(relation), code));
        }
        assert_eq!(Relation::parse(" Cross-sell "), Some(Relation::Complement));
        assert_eq!((Relation::parse("friend"), Relation::from_code(7)), (None, None));
    }
}

//! One learned relation of an anchor to an item.

use bytemuck::{Pod, Zeroable};
use events::Relation;

/// How an item stands to the anchor of its row.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct RelationStats {
    /// The code of a [`Relation`]; one that this program does not know says nothing.
    pub code: u32,
    /// Probability, from 0 to 1.
    pub confidence: f32,
}

impl RelationStats {
    pub fn new(relation: Relation, confidence: f32) -> RelationStats {
        RelationStats { code: relation as u32, confidence }
    }

    #[inline]
    pub fn relation(&self) -> Option<Relation> {
        Relation::from_code(self.code)
    }
}

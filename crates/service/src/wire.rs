//! The wire format: what a client may send and what it gets, apart from the types of the house.
//!
//! Requests borrow from the body where they can. A field that nobody knows is no error but a
//! warning in the answer, so that a client of a newer version still gets its offers; a known field
//! of a wrong type is an error that names its path.

mod amount_in;
mod body;
mod catalog_in;
mod event_in;
mod fault_text;
mod recommend_in;
mod recommend_out;
mod relation_in;
mod text_in;

pub(crate) use amount_in::AmountIn;
pub(crate) use body::{Parsed, parse_body};
pub(crate) use catalog_in::OneOrMany;
pub use catalog_in::{CustomerIn, HoldingIn, ItemIn};
pub(crate) use event_in::EventIn;
pub use recommend_in::{BatchRequest, CartEntryIn, FilterIn, RecommendRequest};
pub(crate) use recommend_in::{MAX_PLACEMENTS, UnreadBatch};
pub use recommend_out::{
    AboutOut, BatchAnswer, EvidenceOut, ExperimentOut, OfferOut, PageAnswer, ReasonOut, RebuyOut,
    RecommendAnswer, RecommendReply, WarningOut,
};
pub use relation_in::RelationIn;
pub(crate) use text_in::{IdIn, TextIn};

//! The fallback ladder: one enum, one order.

/// How much was known when an offer was found, best first. Part of every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rung {
    /// The context together with the customer's own purchases.
    Personal,
    /// Several items in the cart.
    Basket,
    /// What was looked at in this session.
    Session,
    /// One item.
    Item,
    /// Items alike in title and category stand in for one without sales.
    Content,
    Category,
    /// What sells to customers of the same segment.
    SegmentPopular,
    Popular,
    None,
}

impl Rung {
    pub const ALL: [Rung; 9] = [
        Rung::Personal,
        Rung::Basket,
        Rung::Session,
        Rung::Item,
        Rung::Content,
        Rung::Category,
        Rung::SegmentPopular,
        Rung::Popular,
        Rung::None,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Rung::Personal => "personal",
            Rung::Basket => "basket",
            Rung::Session => "session",
            Rung::Item => "item",
            Rung::Content => "content",
            Rung::Category => "category",
            Rung::SegmentPopular => "segment_popular",
            Rung::Popular => "popular",
            Rung::None => "none",
        }
    }
}

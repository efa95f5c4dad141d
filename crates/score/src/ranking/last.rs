//! The question asked last, and what was answered about its items.

use crate::blend::Blend;
use crate::sources::Query;
use crate::world::World;
use snapshot::Snapshot;
use std::sync::Arc;

/// What of a question is known from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// The same question; other items are eligible.
    Question,
    /// The same question, of the same items: the order stands.
    Order,
}

/// Was an item asked for, and what was the answer?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    NotAsked,
    No,
    Yes,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LastQuestion {
    /// Of which world; held, so that no other can stand at its place.
    snapshot: Option<Arc<Snapshot>>,
    blend: Blend,
    has_ranker: bool,
    context: Vec<u32>,
    history: Vec<(u32, f32)>,
    customer: Option<u32>,
    asked: Vec<u32>,
    /// By item.
    answers: Vec<Answer>,
}

impl LastQuestion {
    /// Compares with the question before, and keeps this one in its place.
    pub(super) fn known(
        &mut self,
        world: &World,
        has_ranker: bool,
        query: &Query<'_>,
        is_eligible: &mut impl FnMut(u32) -> bool,
    ) -> Known {
        if !self.is(world, has_ranker, query) {
            self.forget();
            self.answers.resize(world.n_items().max(self.answers.len()), Answer::NotAsked);
            self.keep(world, has_ranker, query);
            return Known::Nothing;
        }
        let mut is_as_before = |item: u32| {
            let was = self.answers[item as usize] == Answer::Yes;
            is_eligible(item) == was
        };
        if self.asked.iter().all(|&item| is_as_before(item)) {
            return Known::Order;
        }
        self.forget();
        Known::Question
    }

    /// Is the item eligible? Asked once a question.
    pub(super) fn ask(&mut self, item: u32, is_eligible: &mut impl FnMut(u32) -> bool) -> bool {
        let answer = &mut self.answers[item as usize];
        if *answer == Answer::NotAsked {
            *answer = if is_eligible(item) { Answer::Yes } else { Answer::No };
            self.asked.push(item);
        }
        *answer == Answer::Yes
    }

    fn is(&self, world: &World, has_ranker: bool, query: &Query<'_>) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| Arc::ptr_eq(snapshot, &world.snapshot))
            && self.blend == world.blend
            && self.has_ranker == has_ranker
            && self.context == query.context
            && self.history == query.history
            && self.customer == query.customer
    }

    fn forget(&mut self) {
        for item in self.asked.drain(..) {
            self.answers[item as usize] = Answer::NotAsked;
        }
    }

    fn keep(&mut self, world: &World, has_ranker: bool, query: &Query<'_>) {
        self.snapshot = Some(Arc::clone(&world.snapshot));
        self.blend = world.blend;
        self.has_ranker = has_ranker;
        self.context.clear();
        self.context.extend_from_slice(query.context);
        self.history.clear();
        self.history.extend_from_slice(query.history);
        self.customer = query.customer;
    }
}

//! Records of decisions: given to who asks for them, and counted.

use super::Join;
use super::row::{Reader, Row};
use super::scan::MarkRow;
use super::spill::Spilled;
use super::units::Standing;
use crate::error::Result;
use crate::funnels::{Answer, Answers, Decided, Funnels, Outcome, SaidOfAnswer};
use crate::heard::mark;
use crate::sale::Families;
use events::Timestamp;
use hashbrown::{HashMap, HashSet};
use std::borrow::Cow;
use std::sync::Arc;

/// Of a decision; names of placements and relations by number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DecidedRow {
    pub(super) name: u64,
    /// Bits: it cannot be read, was held out, had nothing to offer, spared whoever asked.
    flags: u8,
    at_us: i64,
    customer: Option<u32>,
    placement: u32,
    offers: Vec<(u64, u32)>,
}

const BROKEN: u8 = 1;
const HELD_OUT: u8 = 2;
const EMPTY: u8 = 4;
const SPARED: u8 = 8;

impl Row for DecidedRow {
    fn put(&self, to: &mut Vec<u8>) {
        (self.name, self.flags).put(to);
        if self.flags & BROKEN == 0 {
            (self.at_us, self.customer, self.placement).put(to);
            self.offers.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> DecidedRow {
        let (name, flags) = Row::take(from);
        let mut row = DecidedRow { name, flags, ..DecidedRow::broken(name) };
        if flags & BROKEN == 0 {
            (row.at_us, row.customer, row.placement) = Row::take(from);
            row.offers = Row::take(from);
        }
        row
    }
}

impl DecidedRow {
    fn broken(name: u64) -> DecidedRow {
        let offers = Vec::new();
        DecidedRow { name, flags: BROKEN, at_us: 0, customer: None, placement: 0, offers }
    }

    fn decided<'n>(self, names: &'n [Arc<str>]) -> Decided<'n> {
        let text = |number: u32| Cow::Borrowed(&*names[number as usize]);
        let said = (self.flags & BROKEN == 0).then(|| SaidOfAnswer {
            at: Timestamp(self.at_us),
            customer: self.customer,
            till: None,
            is_held_out: self.flags & HELD_OUT != 0,
            is_empty: self.flags & EMPTY != 0,
            is_spared: self.flags & SPARED != 0,
            placement: text(self.placement),
            offers: self.offers.iter().map(|(item, relation)| (*item, text(*relation))).collect(),
        });
        Decided { name: self.name, said }
    }
}

/// Names of placements and relations; few.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let (name, number): (Arc<str>, u32) = (text.into(), self.texts.len() as u32);
        self.texts.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        number
    }

    pub(super) fn row(&mut self, decided: &Decided<'_>) -> DecidedRow {
        let Some(said) = &decided.said else { return DecidedRow::broken(decided.name) };
        let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        DecidedRow {
            name: decided.name,
            flags: flag(said.is_held_out, HELD_OUT)
                | flag(said.is_empty, EMPTY)
                | flag(said.is_spared, SPARED),
            at_us: said.at.0,
            customer: said.customer,
            placement: self.number(&said.placement),
            offers: said.offers.iter().map(|(item, name)| (*item, self.number(name))).collect(),
        }
    }

    pub(super) fn finish(self) -> Vec<Arc<str>> {
        self.texts
    }
}

/// By answer.
#[derive(Debug)]
pub(super) struct Decisions {
    pub(super) rows: Spilled<DecidedRow>,
    pub(super) names: Vec<Arc<str>>,
}

/// An answer as a buyer asks for it: name, time, customer and items.
pub(super) type GivenRow = (u64, i64, Option<u32>, Vec<u64>);

fn given_row(name: u64, answer: &Answer) -> GivenRow {
    let items = answer.offers.iter().map(|(item, _)| *item).collect();
    (name, answer.at_us, answer.customer, items)
}

pub(super) fn given((name, at_us, customer, items): GivenRow) -> (u64, Answer) {
    (name, Answer::to_sell(at_us, customer, items))
}

fn answers_of(join: &Join<'_>, standing: &Standing) -> Answers {
    let (older, since) = (standing.older.clone(), join.question.since);
    Answers { older, since, ..Answers::default() }
}

/// Answers to who asks for them.
pub(super) fn give(
    join: &mut Join<'_>,
    standing: &Standing,
    needs: &Spilled<(u64, u32)>,
    decisions: &Decisions,
) -> Result<Spilled<GivenRow>> {
    let mut given = join.plan.open::<GivenRow>();
    let mut answers = answers_of(join, standing);
    join.partitions("joining answers", |_, partition| {
        let mut asking: HashMap<u64, HashSet<u32>> = HashMap::new();
        let mut outcomes: HashMap<u64, Outcome> = HashMap::new();
        needs.each(partition, |(answer, home)| {
            asking.entry(answer).or_default().insert(home);
            outcomes.entry(answer).or_default().may_sell = true;
        })?;
        decisions.rows.each(partition, |row| {
            if asking.contains_key(&row.name) {
                answers.take(row.decided(&decisions.names), &mut outcomes);
            }
        })?;
        for (name, answer) in answers.kept.drain() {
            let row = given_row(name, &answer);
            let homes = asking.get(&name).into_iter().flatten();
            homes.for_each(|&home| given.push_to(home as usize, &row));
        }
        Ok(())
    })?;
    given.finish()
}

/// What became of all answers.
pub(super) fn count(
    join: &mut Join<'_>,
    standing: &Standing,
    (marks, decisions): (&Spilled<MarkRow>, &Decisions),
    (bought, families): (&Spilled<(u64, Outcome)>, &Families),
) -> Result<Funnels> {
    let mut answers = answers_of(join, standing);
    join.partitions("counting answers", |join, partition| {
        let mut outcomes: HashMap<u64, Outcome> = HashMap::new();
        marks.each(partition, |(answer, what, at_us)| {
            mark(&mut outcomes, (answer, at_us), what);
        })?;
        decisions.rows.each(partition, |row| {
            answers.take(row.decided(&decisions.names), &mut outcomes);
        })?;
        bought.each(partition, |(answer, one)| {
            outcomes.entry(answer).or_default().add_bought(&one);
        })?;
        for (name, answer) in std::mem::take(&mut answers.kept) {
            let Some(outcome) = outcomes.remove(&name) else { continue };
            answers.funnels.add(&answer, &outcome, families);
        }
        let n_named = outcomes.values().filter(|outcome| outcome.is_named).count();
        join.doubts.answers_without_record += n_named as u64;
        Ok(())
    })?;
    join.doubts.take_marks(&answers.funnels.doubts);
    Ok(answers.funnels)
}

//! What a file says of caps and rests.

use super::{PolicyIn, Reader};
use crate::contact::{
    ChannelCode, ContactRule, Counted, DISMISSED_REST_DAYS, MAX_WINDOW_DAYS, Per, window_us,
};
use crate::nearest::did_you_mean;
use crate::set::{Kind, RELATIONS};
use std::ops::Range;
use toml::Spanned;

const MAX_AT_MOST: u64 = 10_000;

impl Reader<'_> {
    /// Days that a dismissed item rests.
    pub(super) fn rest_days(&mut self, days: Option<&Spanned<u64>>) -> Option<u32> {
        let days = days?;
        if *days.get_ref() > MAX_WINDOW_DAYS as u64 {
            let message = format!("a rest has at most {MAX_WINDOW_DAYS} days");
            let mend = format!("left out, it is {DISMISSED_REST_DAYS}; 0: nothing rests");
            self.error(days.span(), message, mend);
        }
        u32::try_from(*days.get_ref()).ok()
    }

    /// The rule of a cap or rest; of other kinds there is none, and its keys are faults.
    pub(super) fn contact(&mut self, policy: &PolicyIn, kind: Kind) -> Option<ContactRule> {
        self.check_contact_keys(policy, kind);
        let rule = match kind {
            Kind::Cap => ContactRule {
                counted: self.word(policy.counted.as_ref(), "counted", &COUNTED)?,
                at_most: self.at_most(policy)?,
                window_us: self.window(policy, policy.within.as_ref(), "within")?,
                per: self.word(policy.per.as_ref(), "per", &PER)?,
                relations: self.contact_relations(policy),
                channels: self.channels(policy),
            },
            Kind::Rest => ContactRule {
                counted: self.after(policy)?,
                at_most: 1,
                window_us: self.window(policy, policy.lasting.as_ref(), "for")?,
                per: self.word(policy.per.as_ref(), "per", &PER)?,
                relations: None,
                channels: Vec::new(),
            },
            _ => return None,
        };
        Some(rule)
    }

    fn check_contact_keys(&mut self, policy: &PolicyIn, kind: Kind) {
        let text = |text: &Option<Spanned<String>>| text.as_ref().map(Spanned::span);
        let list = |list: &Option<Spanned<Vec<Spanned<String>>>>| list.as_ref().map(Spanned::span);
        let (is_cap, is_rest) = (kind == Kind::Cap, kind == Kind::Rest);
        let keys: [(&str, Option<Range<usize>>, bool); 8] = [
            ("at_most", policy.at_most.as_ref().map(Spanned::span), is_cap),
            ("within", text(&policy.within), is_cap),
            ("counted", text(&policy.counted), is_cap),
            ("relations", list(&policy.relations), is_cap),
            ("channels", list(&policy.channels), is_cap),
            ("after", text(&policy.after), is_rest),
            ("for", text(&policy.lasting), is_rest),
            ("per", text(&policy.per), is_cap || is_rest),
        ];
        for (key, span, is_used) in keys {
            if let (Some(span), false) = (span, is_used) {
                self.means_nothing(key, span, kind);
            }
        }
    }

    fn at_most(&mut self, policy: &PolicyIn) -> Option<u32> {
        let Some(at_most) = &policy.at_most else {
            let mend = "at_most = 3: with the fourth it closes";
            self.error(
                policy.name.span(),
                "`at_most` is missing: how often may it be shown?",
                mend,
            );
            return None;
        };
        let n = *at_most.get_ref();
        if n == 0 || MAX_AT_MOST < n {
            let message = format!("`at_most` lies between 1 and {MAX_AT_MOST}");
            self.error(at_most.span(), message, "never to show something is `exclude`");
        }
        u32::try_from(n).ok()
    }

    fn window(
        &mut self,
        policy: &PolicyIn,
        told: Option<&Spanned<String>>,
        key: &str,
    ) -> Option<i64> {
        let mend = format!("{key} = \"7 days\"; there are minutes, hours, days and weeks");
        let Some(told) = told else {
            let message = format!("`{key}` is missing: over what time?");
            self.error(policy.name.span(), message, mend);
            return None;
        };
        let window = window_us(told.get_ref());
        if window.is_none() {
            let text = told.get_ref();
            let message =
                format!("{text:?} is no time between a minute and {MAX_WINDOW_DAYS} days");
            self.error(told.span(), message, mend);
        }
        window
    }

    /// The first is what holds when nothing is told.
    fn word<T: Copy>(
        &mut self,
        told: Option<&Spanned<String>>,
        key: &str,
        all: &[(&str, T)],
    ) -> Option<T> {
        let Some(told) = told else { return all.first().map(|(_, value)| *value) };
        let word = told.get_ref();
        let found = all.iter().find(|(name, _)| name == word);
        if found.is_none() {
            let names = || all.iter().map(|(name, _)| *name);
            let mend = did_you_mean(word, names())
                .unwrap_or_else(|| format!("there are {}", names().collect::<Vec<_>>().join(", ")));
            self.error(told.span(), format!("`{key}` cannot be {word:?}"), mend);
        }
        found.map(|(_, value)| *value)
    }

    fn after(&mut self, policy: &PolicyIn) -> Option<Counted> {
        if policy.after.is_none() {
            let message = "`after` is missing: after what does it rest?";
            let mend = "after = \"dismissal\", or \"purchase\"";
            self.error(policy.name.span(), message, mend);
            return None;
        }
        self.word(policy.after.as_ref(), "after", &AFTER)
    }

    fn contact_relations(&mut self, policy: &PolicyIn) -> Option<u8> {
        let relations = policy.relations.as_ref()?;
        if relations.get_ref().is_empty() {
            let mend = "name relations, or leave the key out for all of them";
            self.error(relations.span(), "the list of relations is empty", mend);
        }
        Some(self.bits(relations.get_ref(), &RELATIONS, "relation") as u8)
    }

    fn channels(&mut self, policy: &PolicyIn) -> Vec<ChannelCode> {
        let Some(channels) = &policy.channels else { return Vec::new() };
        if channels.get_ref().is_empty() {
            let mend = "name channels, or leave the key out for all of them";
            self.error(channels.span(), "the list of channels is empty", mend);
        }
        channels.get_ref().iter().map(|name| ChannelCode::of(name.get_ref())).collect()
    }
}

const COUNTED: [(&str, Counted); 2] = [("offered", Counted::Offered), ("seen", Counted::Seen)];
const AFTER: [(&str, Counted); 2] =
    [("dismissal", Counted::Dismissed), ("purchase", Counted::Bought)];
const PER: [(&str, Per); 3] = [("item", Per::Item), ("category", Per::Category), ("all", Per::All)];

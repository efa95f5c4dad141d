//! Families of variants that have no head: items that are variants of themselves, or in a ring.

use std::collections::HashMap;

/// Items named in a warning.
const MAX_NAMED: usize = 5;

/// Says of which items each is a variant, and notes what leads back to itself.
#[derive(Default)]
pub(super) struct Families {
    head_of: HashMap<String, String>,
}

impl Families {
    pub(super) fn note(&mut self, item_id: &str, head: Option<&str>) {
        match head {
            // No family any more.
            Some("") => drop(self.head_of.remove(item_id)),
            Some(head) => drop(self.head_of.insert(item_id.to_owned(), head.to_owned())),
            None => {}
        }
    }

    /// The items of each ring, in order of their ids.
    fn ringed(&self) -> Vec<&str> {
        // 1: on the way that is being followed; 2: looked at.
        let mut state: HashMap<&str, u8> = HashMap::new();
        let mut ringed = Vec::new();
        for start in self.head_of.keys() {
            let mut way: Vec<&str> = Vec::new();
            let mut at = start.as_str();
            while let Some(head) = self.head_of.get(at)
                && !state.contains_key(at)
            {
                state.insert(at, 1);
                way.push(at);
                at = head;
            }
            if state.get(at) == Some(&1) {
                let first = way.iter().position(|item| *item == at).unwrap_or(way.len());
                ringed.extend_from_slice(&way[first..]);
            }
            for item in way {
                state.insert(item, 2);
            }
        }
        ringed.sort_unstable();
        ringed
    }

    pub(super) fn warning(&self) -> Option<String> {
        let ringed = self.ringed();
        let named = ringed.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
        match ringed.len() {
            0 => None,
            1 => Some(format!(
                "warning: {named} is a variant of itself, and so of no family: name another item \
                 in variant_of, or leave it empty"
            )),
            n => Some(format!(
                "warning: {n} items are variants of each other in a ring, or of themselves, such \
                 as {named}: a family needs one item that is a variant of none"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_back_to_itself_is_told() {
        let mut families = Families::default();
        for (item, head) in [("a", "b"), ("b", "c"), ("x", "b"), ("red", "shirt")] {
            families.note(item, Some(head));
        }
        assert_eq!(families.warning(), None);
        families.note("c", Some("a"));
        families.note("me", Some("me"));
        assert_eq!(families.ringed(), ["a", "b", "c", "me"]);
        families.note("c", Some(""));
        assert!(families.warning().unwrap().contains("me is a variant of itself"));
    }
}

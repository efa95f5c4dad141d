//! One policy taken out of a file: its lines become comments, all else stays as it is written.

use crate::set::PolicySet;

/// The file without the policy of this name; `None`: it has no such policy, or what is left would
/// not be the same but for it.
pub fn without(text: &str, name: &str) -> Option<String> {
    let before = PolicySet::read(text).0?;
    let at = before.policies.iter().position(|policy| policy.name == name)?;
    let named_at = before.policies[at].span.start;
    let mut lines: Vec<String> = Vec::new();
    let (mut offset, mut header, mut end) = (0, None, None);
    for (n, line) in text.split_inclusive('\n').enumerate() {
        let is_table = line.trim_start().starts_with('[');
        if is_table && offset <= named_at {
            header = Some(n);
        } else if is_table && end.is_none() {
            end = Some(n);
        }
        offset += line.len();
        lines.push(line.to_owned());
    }
    let (header, end) = (header?, end.unwrap_or(lines.len()));
    for line in &mut lines[header..end] {
        if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            line.insert_str(0, "# ");
        }
    }
    let after = lines.concat();
    is_same_without(&before, at, &after).then_some(after)
}

/// A text of several lines may hold what looks like a table.
fn is_same_without(before: &PolicySet, at: usize, after: &str) -> bool {
    let Some(after) = PolicySet::read(after).0 else { return false };
    let mut expected: Vec<String> = before.policies.iter().map(told).collect();
    expected.remove(at);
    expected == after.policies.iter().map(told).collect::<Vec<_>>()
        && before.placements == after.placements
        && before.bundles.iter().map(bundled).eq(after.bundles.iter().map(bundled))
        && before.time_zone == after.time_zone
        && before.dismissed_rest_days == after.dismissed_rest_days
}

fn bundled(bundle: &crate::Bundle) -> String {
    format!("{:?}", crate::Bundle { span: 0..0, ..bundle.clone() })
}

/// All of a policy but where it stands.
fn told(policy: &crate::Policy) -> String {
    format!("{:?}", crate::Policy { span: 0..0, ..policy.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "time_zone = \"Europe/Berlin\"\n\n# why\n[[policy]]\nname = \"a\"\n\
        kind = \"exclude\"\nitem_ids = [\n  \"X\",\n]\n\n[[policy]]\nkind = \"boost\"\n\
        items = \"item.price < 3\"\nname = \"b\"\n\n[[placement]]\nname = \"home\"\ncount = 3\n";

    #[test]
    fn its_lines_become_comments_and_the_rest_stays() {
        let without_a = without(FILE, "a").expect("there");
        assert!(without_a.contains("# [[policy]]\n# name = \"a\"\n# kind"), "{without_a}");
        assert!(without_a.contains("#   \"X\",\n# ]\n\n[[policy]]\nkind = \"boost\""));
        let set = PolicySet::read(&without_a).0.expect("sound");
        assert_eq!(set.policies.iter().map(|p| &*p.name).collect::<Vec<_>>(), ["b"]);
        let none = without(&without_a, "b").expect("there");
        let set = PolicySet::read(&none).0.expect("sound");
        assert_eq!((set.policies.len(), set.placements[0].count), (0, Some(3)));
        assert_eq!(without(FILE, "c"), None);
        assert_eq!(without(&none, "b"), None);
    }

    #[test]
    fn what_cannot_be_taken_out_cleanly_stays() {
        let odd = "[[policy]]\nname = \"a\"\nkind = \"exclude\"\nitem_ids = [\"X\"]\n\
                   comment = \"\"\"\n[[policy]]\n\"\"\"\n";
        assert!(PolicySet::read(odd).0.is_some());
        assert_eq!(without(odd, "a"), None);
    }
}

//! Two texts, line by line.

/// Above so many cells the changed part is shown as replaced whole.
const MAX_CELLS: usize = 4_000_000;
/// Lines around a change.
const N_AROUND: usize = 2;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Same,
    Gone,
    New,
}

/// `- gone`, `+ new` and a few lines around, `…` between; nothing when the texts are the same.
pub fn lines(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    if before == after {
        return Vec::new();
    }
    let marked = marked(&before, &after);
    let is_near = |at: usize| {
        let near = at.saturating_sub(N_AROUND)..(at + N_AROUND + 1).min(marked.len());
        marked[near].iter().any(|(mark, _)| *mark != Mark::Same)
    };
    let mut shown = Vec::new();
    let mut is_gap = false;
    for (at, (mark, line)) in marked.iter().enumerate() {
        if !is_near(at) {
            is_gap = true;
            continue;
        }
        if std::mem::take(&mut is_gap) && !shown.is_empty() {
            shown.push("…".to_owned());
        }
        let sign = match mark {
            Mark::Same => ' ',
            Mark::Gone => '-',
            Mark::New => '+',
        };
        shown.push(format!("{sign} {line}"));
    }
    shown
}

/// By the longest common subsequence of what lies between the same beginning and the same end.
fn marked<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<(Mark, &'a str)> {
    let n_head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (old, new) = (&before[n_head..], &after[n_head..]);
    let n_tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, tail) = old.split_at(old.len() - n_tail);
    let new = &new[..new.len() - n_tail];
    let same = |line: &&'a str| (Mark::Same, *line);
    let mut marked: Vec<(Mark, &str)> = before[..n_head].iter().map(same).collect();
    if old.len().saturating_mul(new.len()) <= MAX_CELLS {
        walk(old, new, &mut marked);
    } else {
        marked.extend(old.iter().map(|line| (Mark::Gone, *line)));
        marked.extend(new.iter().map(|line| (Mark::New, *line)));
    }
    marked.extend(tail.iter().map(same));
    marked
}

fn walk<'a>(old: &[&'a str], new: &[&'a str], marked: &mut Vec<(Mark, &'a str)>) {
    let width = new.len() + 1;
    // longest[i][j]: common lines of old[i..] and new[j..].
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = match old[i] == new[j] {
                true => longest[(i + 1) * width + j + 1] + 1,
                false => longest[(i + 1) * width + j].max(longest[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let (has_old, has_new) = (i < old.len(), j < new.len());
        if has_old && has_new && old[i] == new[j] {
            marked.push((Mark::Same, old[i]));
            (i, j) = (i + 1, j + 1);
        } else if has_old
            && (!has_new || longest[i * width + j + 1] <= longest[(i + 1) * width + j])
        {
            marked.push((Mark::Gone, old[i]));
            i += 1;
        } else {
            marked.push((Mark::New, new[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stand_with_a_few_lines_around() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj";
        let after = "a\nB\nc\nd\ne\nf\ng\nh\nj\nk";
        let expected = ["  a", "- b", "+ B", "  c", "  d", "…", "  g", "  h", "- i", "  j", "+ k"];
        assert_eq!(lines(before, after), expected);
        assert!(lines(before, before).is_empty());
        assert_eq!(lines("", "x"), ["+ x"]);
        assert_eq!(lines("x\ny", "y"), ["- x", "  y"]);
    }
}

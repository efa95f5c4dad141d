//! The name that was probably meant.

/// Of `names`, the one that differs least from `word`, if it differs little.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let distances = names.into_iter().map(|name| (distance(&word, &name.to_lowercase()), name));
    let (n_edits, name) = distances.min_by_key(|&(n_edits, _)| n_edits)?;
    (n_edits <= limit).then_some(name)
}

/// ` Did you mean …?`, or nothing.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, names).map(|name| format!("did you mean `{name}`?"))
}

/// Levenshtein distance: insertions, deletions and replacements of characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, &other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_mended_and_other_words_are_not() {
        let names = ["price", "category", "stock"];
        assert_eq!(nearest("pirce", names), None, "two replacements in five letters");
        assert_eq!(nearest("prise", names), Some("price"));
        assert_eq!(nearest("Categorie", names), Some("category"));
        assert_eq!(nearest("owner", names), None);
        assert_eq!((distance("", "abc"), distance("abc", "abd"), distance("ab", "ba")), (3, 1, 2));
    }
}

//! Words of titles, categories and searches.

/// Lower-case words of two letters or digits and more, a plural `s` dropped, so that LANTERNS and
/// "lantern" meet. Works for any alphabet that has lower case; others pass as they are.
pub fn tokens(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.chars().nth(1).is_some())
        .map(|word| {
            let mut token = word.to_lowercase();
            let is_plural = token.len() > 3 && token.ends_with('s') && !token.ends_with("ss");
            if is_plural {
                token.pop();
            }
            token
        })
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn words_meet_across_case_and_number() {
        let words: Vec<String> = tokens("SET OF 3 CAKE TINS, Größe-XL (glass)").collect();
        assert_eq!(words, ["set", "of", "cake", "tin", "größe", "xl", "glass"]);
    }
}

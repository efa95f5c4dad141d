use super::*;

const GERMAN: &str = include_str!("../../languages/de.toml");

fn fault_of(text: &str) -> String {
    Language::read(text).unwrap_err().to_string()
}

#[test]
fn a_locale_finds_its_language() {
    let mut languages = Languages::default();
    let brazil = GERMAN.replace("tag = \"de\"", "tag = \"pt-BR\"");
    languages.add(Language::read(&brazil).unwrap());
    for (locale, expected) in [
        ("de", Some("de")),
        ("DE-at", Some("de")),
        ("de_CH.UTF-8", Some("de")),
        ("en-GB", Some("en")),
        ("pt-BR", Some("pt-BR")),
        ("pt", Some("pt-BR")),
        ("fr", None),
        ("den", None),
        ("", None),
    ] {
        assert_eq!(languages.find(locale).map(Language::tag), expected, "{locale}");
    }
    assert_eq!(languages.first().tag(), "en");
}

#[test]
fn a_file_takes_the_place_of_the_language_it_names() {
    let mut languages = Languages::default();
    let own = GERMAN.replace("Beliebt.", "Gern gekauft.");
    languages.add(Language::read(&own).unwrap());
    assert_eq!(languages.tags().collect::<Vec<_>>(), ["en", "de"]);
    let parts = languages.find("de").unwrap().sentence(Sentence::PopularBare);
    assert_eq!(parts, [Part::Text("Gern gekauft.".into())]);
}

#[test]
fn what_is_no_language_is_refused_by_name() {
    let with = |from: &str, to: &str| {
        assert!(GERMAN.contains(from), "{from}");
        fault_of(&GERMAN.replace(from, to))
    };
    assert!(fault_of("tag = ").starts_with("no TOML"));
    assert_eq!(fault_of(""), "`tag` is missing");
    assert!(with("tag = \"de\"", "tag = \"d e\"").contains("\"fr\""));
    assert_eq!(with("tag = \"de\"", "tag = 1"), "`tag` must be a text in quotes");
    assert!(with("thousands = \".\"", "thousands = \"12345\"").starts_with("`thousands`"));
    assert!(with("chosen = ", "choosen = ").starts_with("`chosen` is missing"));
    assert!(with("[reason]", "[reason]\nhello = \"you\"").starts_with("`hello` is none of"));
    assert!(with("Beliebt.", "\\\"Beliebt\\\".").starts_with("`popular_bare`: straight quotes"));
    assert!(with("Beliebt.", "Beliebt {lift}.").contains("nothing is known here"));
    assert!(with("mit {anchor}.", "mit {anker}.").contains("there are n_both, n_anchor"));
    assert!(with("mit {anchor}.", "mit {anchor").contains("not closed"));
    assert!(with("mit {anchor}.", "mit anchor}.").contains("not opened"));
    assert!(with("{n_orders:Bestellung|Bestellungen}", "{n_orders:a}").contains("one word and"));
    assert!(with("mit {anchor}.", "mit {anchor:a|b}.").contains("one word and several"));
}

#[test]
fn a_file_from_before_re_orders_had_sentences_is_a_language() {
    let later = ["bought_before", "bought_before_bare", "due_again"];
    let is_later = |line: &str| later.iter().any(|name| line.starts_with(&format!("{name} = ")));
    let without = |keep: &dyn Fn(&str) -> bool| {
        let lines: Vec<&str> = GERMAN.lines().filter(|line| keep(line)).collect();
        Language::read(&lines.join("\n"))
    };
    let before = without(&|line| !is_later(line)).unwrap();
    let bare = [Part::Text("Passt zu Ihren früheren Einkäufen.".into())];
    for sentence in [Sentence::BoughtBefore, Sentence::BoughtBeforeBare, Sentence::DueAgain] {
        assert_eq!(before.sentence(sentence), bare);
    }
    let partly = without(&|line| !line.starts_with("due_again")).unwrap();
    assert_eq!(partly.sentence(Sentence::DueAgain), partly.sentence(Sentence::BoughtBefore));
    // All others must be there.
    assert!(without(&|line| !line.starts_with("for_you_bare")).is_err());
}

use super::*;
use crate::truth::Truth;
use events::Amount;

const GOOD: &str = r#"
time_zone = "Europe/Berlin"

[[policy]]
name = "adults only"
kind = "eligibility"
items = "item.category under 'Wine'"
when = "customer.age >= 18"
owner = "compliance"
comment = "Jugendschutzgesetz"

[[policy]]
name = "christmas"
kind = "boost"
items = "item.attr.season == 'christmas'"
factor = 1.5
placements = ["home", "email"]
valid_from = 2026-12-01
valid_until = 2026-12-24T18:00:00

[[policy]]
name = "our lamp"
kind = "pin"
item_ids = ["L2", "L1"]
position = 2
placements = ["home"]

[[policy]]
name = "discontinued"
kind = "exclude"
item_ids = ["X1", "X2"]

[[placement]]
name = "checkout"
count = 2
min_count = 1
max_price_share = 0.3
relations = ["complement", "attach"]
"#;

fn told(text: &str) -> Vec<String> {
    let (_, found) = read(text);
    found.iter().map(|diagnostic| diagnostic.render("p.toml", text)).collect()
}

#[track_caller]
fn one_fault(text: &str, place: &str, words: &[&str]) {
    let told = told(text);
    assert_eq!(told.len(), 1, "{told:#?}");
    let head = format!("error: p.toml:{place}: ");
    assert!(told[0].starts_with(&head), "{head} expected\n{}", told[0]);
    for word in words {
        assert!(told[0].contains(word), "{word:?} is missing\n{}", told[0]);
    }
    assert!(read(text).0.is_none());
}

#[test]
fn a_sound_file_is_read_whole() {
    let (set, found) = read(GOOD);
    assert_eq!(found, []);
    let set = set.expect("sound");
    let kinds: Vec<&str> = set.policies.iter().map(|policy| policy.kind.as_str()).collect();
    assert_eq!(kinds, ["eligibility", "boost", "pin", "exclude"]);
    let christmas = &set.policies[1];
    let term =
        [christmas.valid_from, christmas.valid_until].map(|time| time.map(|t| t.to_string()));
    // Midnight and 18:00 in Berlin, in winter.
    assert_eq!(
        term,
        [Some("2026-11-30T23:00:00Z".to_owned()), Some("2026-12-24T17:00:00Z".to_owned())]
    );
    assert_eq!((christmas.placements, christmas.factor), (0b100_0001, 1.5));
    assert_eq!(*set.policies[2].pinned_ids, ["L2".into(), "L1".into()]);
    assert_eq!(set.policies[0].placements, u16::MAX);
    assert!(set.asks_item_attributes() && !set.is_empty());
    assert_eq!(set.customer_attributes(), ["age".into()]);
    let checkout = &set.placements[4];
    assert_eq!(
        (checkout.count, checkout.min_count, checkout.relations),
        (Some(2), Some(1), Some(17))
    );
    assert_eq!(checkout.max_price_share, Some(Amount(300_000)));
    assert!(read("").0.is_some_and(|set| set.is_empty()));
}

fn policy(lines: &str) -> String {
    format!("[[policy]]\nname = \"p\"\n{lines}\n")
}

#[test]
fn a_fault_stands_where_it_is() {
    let exclude = |items: &str| policy(&format!("kind = \"exclude\"\nitems = {items}"));
    one_fault(
        &exclude("\"item.price < 3 and item.colour == 'red'\""),
        "4:29",
        &["no field `item.colour`", "^^^^^^^^^^^", "item.attr.colour"],
    );
    one_fault(&exclude("'''\nitem.price <\n  'ten'\n'''"), "6:3", &["a number is wanted"]);
    one_fault(&exclude("\"item.id == \\\"a\\\" and item.x == 1\""), "4:9", &["item.x"]);
    one_fault(&policy("kind = \"exclud\"\nitems = \"item.price < 3\""), "3:8", &["`exclude`"]);
    one_fault(&policy("kind = \"exclude\"\nitmes = \"item.price < 3\""), "4:1", &["`items`"]);
    one_fault("[[policy]]\nname = \"p\"\n", "1:1", &["missing field `kind`"]);
    one_fault(&policy("kind = \"exclude\"\nitems = item.price < 3"), "4:9", &["quotes"]);
    one_fault("time_zone = \"Berlin\"", "1:13", &["Europe/Berlin"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    one_fault(&policy("kind = \"exclude\""), "2:8", &["exclude everything, always"]);
    one_fault(&policy("kind = \"eligibility\"\nitems = \"item.price < 3\""), "2:8", &["`when`"]);
    one_fault(&policy("kind = \"boost\""), "2:8", &["`items` is missing"]);
    one_fault(&policy("kind = \"pin\"\nposition = 1"), "2:8", &["item_ids"]);
    let boost = |factor: &str| {
        policy(&format!("kind = \"boost\"\nitems = \"item.price < 3\"\nfactor = {factor}"))
    };
    one_fault(&boost("0.5"), "5:10", &["between 1 and 1000"]);
    one_fault(&boost("nan"), "5:10", &["between"]);
    let hide = |more: &str| policy(&format!("kind = \"hide\"\nitems = \"item.price < 3\"\n{more}"));
    one_fault(&hide("factor = 2.0"), "5:10", &["means nothing for hide"]);
    one_fault(&hide("placements = [\"basket\"]"), "5:15", &["cart"]);
    one_fault(&hide("placements = []"), "5:14", &["empty"]);
    one_fault(&hide("valid_from = 2026-02-02\nvalid_until = 2026-02-01"), "6:15", &["ends before"]);
    let include = "kind = \"include\"\nitems = \"item.price < 3\"\nwhen = \"item.stock > 1\"";
    one_fault(&policy(include), "5:8", &["asks about items"]);
    let sides = "kind = \"exclude\"\nitems = \"item.price < cart.total\"";
    one_fault(&policy(sides), "4:9", &["`when`"]);
    let twice = policy("kind = \"hide\"\nitems = \"item.price < 3\"").repeat(2);
    one_fault(&twice, "6:8", &["taken by the policy in line 2"]);
    let placement = |lines: &str| format!("[[placement]]\nname = \"cart\"\n{lines}");
    one_fault(&placement("count = 1000"), "3:9", &["at most 100"]);
    one_fault(&placement("max_price_share = -0.5"), "3:19", &["above 0"]);
    one_fault(&placement("count = 2\nmin_count = 3"), "2:8", &["min_count"]);
    one_fault(&placement("relations = [\"complements\"]"), "3:14", &["\"complement\""]);
    one_fault(&placement("").repeat(2), "4:8", &["before"]);
    one_fault(&placement("relations = []"), "3:13", &["empty"]);
}

#[test]
fn counts_that_leave_a_placement_empty_are_told() {
    let told_of = |lines: &str| {
        let text = format!("[[placement]]\nname = \"cart\"\n{lines}");
        assert!(read(&text).0.is_some(), "{lines}");
        told(&text).join("\n")
    };
    assert!(told_of("min_count = 5").contains("asks for 4 and gets none"), "4 is usual");
    assert!(told_of("count = 2\nmax_count = 9\nmin_count = 3").contains("asks for 2"));
    assert!(told_of("count = 0").contains("unless a request names a count"));
    assert!(told_of("max_count = 0").contains("nothing is ever offered"));
    for sound in ["min_count = 4", "count = 5\nmin_count = 5", "max_count = 9\nmin_count = 2"] {
        assert_eq!(told_of(sound), "");
    }
}

#[test]
fn a_value_of_another_shape_is_answered_with_the_right_one() {
    let advice = |text: &str, place: &str, word: &str| one_fault(text, place, &[word]);
    let key = |line: &str| policy(&format!("kind = \"exclude\"\n{line}"));
    advice(&key("item_ids = [85123]"), "4:13", "ids stand in a list and in quotes");
    advice(&key("item_ids = [\n  \"A\",\n  85123]"), "6:3", "ids stand in a list");
    advice(&key("item_ids = \"85123A\""), "4:12", "ids stand in a list");
    advice(&key("valid_from = \"2026-01-01\""), "4:14", "without quotes");
    advice(&key("when = true"), "4:8", "an expression stands in quotes");
    advice(&key("owner = 3"), "4:9", "a text stands in quotes");
    let single = "[policy]\nname = \"p\"\nkind = \"exclude\"\n";
    assert!(told(single)[0].contains("[[policy]]"), "{:?}", told(single));
}

#[test]
fn the_end_of_the_calendar_is_a_date() {
    for end in ["9999-12-31", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z"] {
        let text = policy(&format!("kind = \"exclude\"\nitem_ids = [\"A\"]\nvalid_until = {end}"));
        let set = read(&text).0.unwrap_or_else(|| panic!("{:?}", told(&text)));
        assert!(set.policies[0].valid_until > Some(Timestamp(250_000_000_000_000_000)));
    }
}

#[test]
fn terms_can_be_taken_as_of_a_moment() {
    let text = policy(
        "kind = \"hide\"\nitem_ids = [\"A\"]\nvalid_from = 2026-12-01\nvalid_until = 2026-12-24",
    );
    let set = read(&text).0.expect("sound");
    let day = |text: &str| Timestamp::parse_rfc3339(&format!("{text}T12:00:00Z")).expect("a time");
    let acts = |as_of: Option<&str>, now: &str, asked: &str| {
        let set = set.clone().as_of(as_of.map(day), day(now));
        set.policies[0].is_at(3) && set.policies[0].is_valid_at(Some(day(asked))) == Truth::True
    };
    assert_eq!(set.policies[0].is_valid_at(Some(day("2011-11-11"))), Truth::False);
    assert!(acts(None, "2026-11-23", "2011-11-11"), "it will be in force");
    assert!(!acts(None, "2026-12-25", "2026-12-05"), "it is over");
    assert!(acts(Some("2026-12-05"), "2026-12-25", "2011-11-11"));
    assert!(!acts(Some("2026-11-30"), "2026-12-25", "2011-11-11"));
}

#[test]
fn every_fault_is_told_at_once() {
    let text =
        policy("kind = \"hide\"\nitems = \"item.x < 3\"\nwhen = \"cart.y == 1\"\nfactor = 2.0");
    assert_eq!(told(&text).len(), 3, "{:#?}", told(&text));
}

#[test]
fn pins_that_contradict_each_other_are_told() {
    let pin = |name: &str, more: &str| {
        format!("[[policy]]\nname = \"{name}\"\nkind = \"pin\"\nitem_ids = [\"{name}\"]\n{more}\n")
    };
    let both = |one: &str, two: &str| pin("a", one) + &pin("b", two);
    let faults = told(&both("", ""));
    assert!(faults.len() == 1 && faults[0].starts_with("error: p.toml:7:8: \"a\""), "{faults:?}");
    let faults = told(&both("", "when = \"cart.lines > 2\""));
    assert!(faults.len() == 1 && faults[0].starts_with("warning"), "{faults:?}");
    assert!(told(&both("", "position = 2")).is_empty());
    assert!(told(&both("placements = [\"cart\"]", "placements = [\"home\"]")).is_empty());
    assert!(told(&both("valid_until = 2026-02-01", "valid_from = 2026-02-01")).is_empty());
    assert_eq!(told(&both("valid_until = 2026-02-02", "valid_from = 2026-02-01")).len(), 1);
}

#[test]
fn a_file_out_of_all_bounds_is_refused() {
    let many: String = (0..MAX_POLICIES + 1)
        .map(|at| format!("[[policy]]\nname = 'p{at}'\nkind = 'hide'\nitems = 'item.price < 1'\n"))
        .collect();
    assert!(told(&many)[0].contains("limit is 2000"));
    assert!(told(&" ".repeat(MAX_FILE_BYTES + 1))[0].contains("limit"));
    assert!(told("policy = 3")[0].contains("p.toml:1:10"));
    assert!(told("a = \u{0}")[0].starts_with("error"));
}

#[test]
fn what_closes_for_all_guests_is_warned_of() {
    let owned = |when: &str| policy(&format!("kind = \"exclude\"\nwhen = \"{when}\""));
    let told_of = |when: &str| told(&owned(when));
    assert!(told_of("customer.bought has item.id")[0].contains("guests"));
    assert!(told_of("customer.known and customer.bought has item.id").is_empty());
    for when in ["customer.segment == 'vip'", "customer.age < 18", "not customer.consent"] {
        assert!(told_of(when)[0].contains("all guests"), "{when}");
        assert!(told_of(&format!("customer.known and {when}")).is_empty());
    }
    assert!(told_of("customer.segment is known and customer.segment == 'vip'").is_empty());
    assert!(told_of("cart.lines > 3").is_empty());
    let include = policy("kind = \"include\"\nitem_ids = [\"A\"]\nwhen = \"customer.age > 17\"");
    assert!(told(&include)[0].contains("nothing is offered to any"));
    let demand = "kind = \"eligibility\"\nwhen = \"customer.age > 17\"";
    assert!(told(&policy(demand))[0].contains("nothing at all is offered"), "it names no items");
    let of_some = policy(&format!("{demand}\nitems = \"item.price > 3\""));
    assert!(told(&of_some).is_empty(), "that is what a demand is for");
}

#[test]
fn hours_that_no_clock_shows_are_warned_of() {
    let told_of = |when: &str| told(&policy(&format!("kind = \"exclude\"\nwhen = \"{when}\"")));
    for when in ["context.hour == 25", "14 < context.month", "context.day in [0, 32]"] {
        assert!(told_of(when)[0].contains("lies between"), "{when}: {:?}", told_of(when));
    }
    for when in ["context.hour < 24", "context.month in [1, 12]", "context.day <= 31"] {
        assert!(told_of(when).is_empty(), "{when}: {:?}", told_of(when));
    }
}

#[test]
fn a_term_has_both_of_an_hour_that_comes_twice_and_none_that_is_left_out() {
    let text = |from: &str, until: &str| {
        format!(
            "time_zone = \"Europe/Berlin\"\n{}valid_from = {from}\nvalid_until = {until}\n",
            policy("kind = \"exclude\"\nitems = \"item.price > 3\"")
        )
    };
    let set = read(&text("2026-10-25T02:30:00", "2026-10-25T02:30:00")).0.expect("sound");
    let (from, until) = (set.policies[0].valid_from.unwrap(), set.policies[0].valid_until.unwrap());
    assert_eq!(from.to_string(), "2026-10-25T00:30:00Z");
    assert_eq!(until.0 - from.0, 3_600_000_000);
    let gap = text("2026-03-29T02:30:00", "2026-10-25T02:30:00");
    assert!(told(&gap).iter().any(|told| told.contains("the clocks leave")), "{:?}", told(&gap));
    // A date is the first moment of the day, whatever the clocks do in it.
    assert!(told(&text("2026-03-29", "2026-10-25")).is_empty());
}

#[test]
fn what_asks_too_much_of_each_candidate_is_refused() {
    let part = |n: usize| format!("item.orders * {n} == cart.lines + {n}");
    let of = |n_policies: usize, n_parts: usize| -> String {
        let when: Vec<String> = (0..n_parts).map(part).collect();
        let one = |at: usize| {
            format!(
                "[[policy]]\nname = \"p{at}\"\nkind = \"exclude\"\nwhen = \"{}\"\n",
                when.join(" or ")
            )
        };
        (0..n_policies).map(one).collect()
    };
    let found = |text: &str| {
        let set = read(text).0.expect("what was kept stays in force");
        let found = crate::review::review_at(&set, Timestamp(0));
        let is_error = found.iter().any(Diagnostic::is_error);
        (found.first().map(|found| found.message.clone()).unwrap_or_default(), is_error)
    };
    assert_eq!(found(&of(10, 5)), (String::new(), false));
    let (slow, is_error) = found(&of(20, 5));
    assert!(slow.contains("slows every decision") && !is_error);
    assert!(found(&of(100, 10)).1, "{:?}", found(&of(100, 10)));
    // What names one side alone is asked once, however much of it there is.
    let apart = of(500, 1).replace(" == cart.lines", " == item.stock");
    assert_eq!(found(&apart), (String::new(), false));
}

#[test]
fn caps_and_rests_are_read_with_the_place_of_each_fault() {
    let text = |rest: &str| format!("[[policy]]\nname = \"p\"\n{rest}\n");
    let sound = text(
        "kind = \"cap\"\nat_most = 3\nwithin = \"7 days\"\nper = \"category\"\n\
         counted = \"seen\"\nrelations = [\"upgrade\"]\nchannels = [\"push\"]",
    );
    let set = read(&sound).0.unwrap_or_else(|| panic!("{:#?}", told(&sound)));
    let rule = set.policies[0].contact.as_ref().expect("a rule");
    assert_eq!((rule.at_most, rule.relations, rule.channels.len()), (3, Some(2), 1));
    assert_eq!((rule.per, rule.counted), (crate::Per::Category, crate::Counted::Seen));
    let cap = |rest: &str| text(&format!("kind = \"cap\"\n{rest}"));
    one_fault(&cap("within = \"7 days\""), "2:8", &["`at_most` is missing"]);
    one_fault(&cap("at_most = 0\nwithin = \"7 days\""), "4:11", &["between 1", "exclude"]);
    one_fault(&cap("at_most = 1"), "2:8", &["`within` is missing", "7 days"]);
    one_fault(&cap("at_most = 1\nwithin = \"soon\""), "5:10", &["no time between", "hours"]);
    let per = "at_most = 1\nwithin = \"1 day\"\nper = \"categori\"";
    one_fault(&cap(per), "6:7", &["`per` cannot be", "did you mean"]);
    let after = "at_most = 1\nwithin = \"1 day\"\nafter = \"purchase\"";
    one_fault(&cap(after), "6:9", &["`after` means nothing for cap"]);
    let of_item = "at_most = 1\nwithin = \"1 day\"\nwhen = \"item.price < 3\"";
    one_fault(&cap(of_item), "6:8", &["asks about items"]);
    let rest = |rest: &str| text(&format!("kind = \"rest\"\n{rest}"));
    one_fault(&rest("for = \"1 day\""), "2:8", &["`after` is missing"]);
    one_fault(&rest("after = \"view\"\nfor = \"1 day\""), "4:9", &["dismissal, purchase"]);
    one_fault(&text("kind = \"exclude\"\nitem_ids = [\"A\"]\nat_most = 2"), "5:11", &["at_most"]);
    one_fault("dismissed_rest_days = 4000", "1:23", &["at most 400 days", "30"]);
    let set = read("dismissed_rest_days = 0").0.expect("sound");
    assert_eq!((set.dismissed_rest_us(), set.is_empty()), (0, false));
    assert_eq!(PolicySet::default().dismissed_rest_us(), 30 * events::time::DAY_US);
}

#[test]
fn a_placement_tells_what_an_interruption_costs_and_how_much_is_new() {
    let placement = |rest: &str| format!("[[placement]]\nname = \"checkout\"\n{rest}\n");
    let rule = |rest: &str| {
        let text = placement(rest);
        read(&text).0.unwrap_or_else(|| panic!("{:#?}", told(&text))).placements[4].clone()
    };
    let cost = |rest: &str| rule(rest).interruption_cost.expect("a cost");
    assert_eq!(cost("interruption_cost = 1").amount, Amount::from_units(1).expect("one"));
    let told = cost("interruption_cost = \"0.25 EUR\"");
    assert_eq!(
        (told.amount.0, told.currency.map(|c| c.to_string())),
        (250_000, Some("EUR".into()))
    );
    assert_eq!(rule("new_share = 0.5").new_share, Some(0.5));
    let valued = rule("value = 'margin'\nvalue_currency = 'EUR'");
    let currency = valued.value_currency.map(|currency| currency.to_string());
    assert_eq!((valued.value, currency.as_deref()), (Some(crate::Value::Margin), Some("EUR")));
    one_fault(&placement("value = 'profit'"), "3:9", &["margin"]);
    one_fault(&placement("value = 'price'\nvalue_currency = 'nuts'"), "4:18", &["currency"]);
    for (bad, words) in [
        ("interruption_cost = -1", "0 or more"),
        ("interruption_cost = \"a lot\"", "0 or more"),
        ("interruption_cost = \"1 EURO\"", "0 or more"),
    ] {
        one_fault(&placement(bad), "3:21", &[words]);
    }
    one_fault(&placement("new_share = 1.5"), "3:13", &["between 0 and 1"]);
}

#[test]
fn variety_is_asked_for_within_bounds() {
    let placement = |rest: &str| format!("[[placement]]\nname = 'home'\n{rest}\n");
    let (set, found) = read(&placement("diversity = 0.3\nexplore = 0.05\nexplore_places = 2"));
    assert!(found.is_empty(), "{found:?}");
    let rule = set.expect("sound").placements[0].clone();
    assert_eq!((rule.diversity, rule.explore), (Some(0.3), Some(0.05)));
    assert_eq!(rule.explore_places, Some(2));
    assert!(told(&placement("explore = 0.0\ndiversity = 1.0")).is_empty());
    for (rest, part) in [
        ("diversity = 1.5", "between 0 and 1"),
        ("diversity = nan", "between 0 and 1"),
        ("explore = 0.6", "between 0 and 0.5"),
        ("explore = -0.1", "between 0 and 0.5"),
        ("explore = 0.001", "below 0.01"),
        ("explore_places = 0", "1 to 10 places"),
        ("explore_places = 11", "1 to 10 places"),
    ] {
        let faults = told(&placement(rest));
        assert!(faults.len() == 1 && faults[0].contains(part), "{rest}: {faults:?}");
        assert!(faults[0].starts_with("error: p.toml:3:"), "{faults:?}");
    }
}

#[test]
fn learning_from_outcomes_keeps_a_share_for_the_incumbent() {
    let placement = |rest: &str| format!("[[placement]]\nname = 'home'\n{rest}\n");
    let learns = "learn_from_outcomes = true\n";
    let (set, found) = read(&placement(&format!("{learns}incumbent_share = 0.25")));
    assert!(found.is_empty(), "{found:?}");
    let rule = set.expect("sound").placements[0].clone();
    assert!(rule.learns_from_outcomes());
    assert_eq!(rule.incumbent_share(), 0.25);
    let usual = read(&placement(learns)).0.expect("sound").placements[0].clone();
    assert!((usual.incumbent_share() - 0.1).abs() < 1e-6);
    assert!(!crate::PlacementRule::default().learns_from_outcomes());
    for (rest, part) in [
        ("learn_from_outcomes = true\nincumbent_share = 0.05", "between 0.1 and 0.9"),
        ("learn_from_outcomes = true\nincumbent_share = 1.0", "between 0.1 and 0.9"),
        ("learn_from_outcomes = 1", "invalid type"),
        ("learn_from_outcomes = false\nincumbent_share = 0.5", "while nothing is learned"),
        ("incumbent_share = 0.5", "while nothing is learned"),
    ] {
        let faults = told(&placement(rest));
        assert!(faults.len() == 1 && faults[0].contains(part), "{rest}: {faults:?}");
    }
}

#[test]
fn a_placement_may_be_for_responders() {
    let placement = |rest: &str| format!("[[placement]]\nname = 'home'\n{rest}\n");
    let text = placement("spend_on = 'responders'\nleast_uplift = '0.50 EUR'");
    let (set, found) = read(&text);
    assert!(found.is_empty(), "{found:?}");
    let rule = set.expect("sound").placements[0].clone();
    assert!(rule.spends_on_responders());
    assert_eq!(rule.least_uplift.map(|cost| cost.amount.0), Some(500_000));
    let all = read(&placement("spend_on = 'all'")).0.expect("sound").placements[0].clone();
    assert!(!all.spends_on_responders() && !crate::PlacementRule::default().spends_on_responders());
    for (rest, part) in [
        ("spend_on = 'buyers'", "not spent on"),
        ("spend_on = 'responders'\nleast_uplift = -1", "no amount of money"),
        ("least_uplift = 1", "while offers are spent on all"),
        ("spend_on = 'all'\nleast_uplift = 1", "while offers are spent on all"),
    ] {
        let faults = told(&placement(rest));
        assert!(faults.len() == 1 && faults[0].contains(part), "{rest}: {faults:?}");
    }
}

#[test]
fn bundles_are_read_with_their_prices() {
    use crate::BundlePrice;
    let text = "[[bundle]]\nname = 'menu'\nitem_ids = ['a', 'b']\ndiscount_percent = 12.5\n\
                when = \"context.location == 'station'\"\nplacements = ['kiosk']\n\
                valid_until = 2027-01-01\nowner = 'mia'\n\
                [[bundle]]\nname = 'b'\nitem_ids = ['a', 'c']\nprice = '9.90 EUR'\n";
    let (set, found) = read(text);
    let bundles = set.unwrap_or_else(|| panic!("{found:#?}")).bundles;
    assert_eq!(bundles[0].price, BundlePrice::Off(125_000));
    assert_eq!(bundles[0].placements, 1 << 8);
    assert!(bundles[0].when.is_some() && bundles[0].valid_until.is_some());
    let euro = events::Currency::parse("EUR");
    assert_eq!(bundles[1].price, BundlePrice::Fixed(Amount(9_900_000), euro));
    let bundle = |rest: &str| format!("[[bundle]]\nname = 'x'\n{rest}\n");
    let two = "item_ids = ['a', 'b']\n";
    for (rest, part) in [
        ("item_ids = ['a']\nprice = 1".to_owned(), "2 to 10 items"),
        ("item_ids = ['a', 'a']\nprice = 1".to_owned(), "twice"),
        (two.to_owned(), "what does the bundle cost"),
        (format!("{two}price = 1\ndiscount_percent = 5"), "not both"),
        (format!("{two}price = 0"), "above 0"),
        (format!("{two}price = -3"), "above 0"),
        (format!("{two}price = 'much'"), "no amount"),
        (format!("{two}discount_percent = 0"), "above 0 and at most 90"),
        (format!("{two}discount_percent = 95"), "at most 90"),
        (format!("{two}discount_percent = nan"), "at most 90"),
        (format!("{two}price = 1\nwhen = \"item.price > 3\""), "asks about items"),
        (format!("{two}price = 1\nplacements = ['porch']"), "no placement"),
        (
            format!("{two}price = 1\nvalid_from = 2027-01-02\nvalid_until = 2027-01-01"),
            "ends before",
        ),
        (format!("{two}price = 1\ncolor = 'red'"), "unknown field"),
    ] {
        let faults = told(&bundle(&rest));
        assert!(faults.len() == 1 && faults[0].contains(part), "{rest}: {faults:?}");
        assert!(faults[0].starts_with("error: p.toml:"), "{faults:?}");
    }
    let twice = bundle(&format!("{two}price = 1")).repeat(2);
    assert!(told(&twice)[0].contains("two bundles have the name"));
}

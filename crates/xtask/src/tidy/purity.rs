//! The inside is pure: no clock, no chance but a seed, no wire format in domain types.

use super::finding::Finding;
use super::source::Source;

/// Reads of the wall or process clock.
const CLOCK: [&str; 5] =
    ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "Utc::now"];
/// Chance that no seed repeats.
const CHANCE: [&str; 6] =
    ["thread_rng", "ThreadRng", "rand::rng", "rand::random", "from_os_rng", "from_entropy"];
/// Where the clock may be read.
const WITH_CLOCK: [&str; 4] =
    ["crates/cli/", "crates/xtask/", "crates/service/src/clock.rs", "crates/service/src/clock/"];

/// Where a wire or file format is defined, and so serde derives may stand.
const WITH_SERDE: [(&str, &str); 15] = [
    ("crates/cli/", "configuration and --json output"),
    ("crates/evaluate/", "the JSON lines of the protocols"),
    ("crates/events/src/import/", "foreign JSON shapes"),
    ("crates/history/", "manifest and log records"),
    ("crates/experiment/src/definition.rs", "the file of an experiment"),
    ("crates/experiment/src/history.rs", "the log of experiments"),
    ("crates/experiment/src/told.rs", "what machines are told of experiments"),
    ("crates/policy/src/file.rs", "the policy file"),
    ("crates/policy/src/file/placement.rs", "the policy file"),
    ("crates/policy/src/file/bundle.rs", "the policy file"),
    ("crates/policy/src/directory.rs", "the log of policy versions"),
    ("crates/proof/", "the JSON of reports and results, and records of decisions"),
    ("crates/service/", "the HTTP wire format"),
    ("crates/snapshot/", "provenance in the snapshot's head"),
    ("crates/xtask/", "benchmark results"),
];

pub(crate) fn check_clock_and_chance(source: &Source<'_>) -> Vec<Finding> {
    let may = WITH_CLOCK.iter().any(|prefix| source.path.starts_with(prefix));
    if may {
        return Vec::new();
    }
    let clock = CLOCK.map(|word| (word, "Take the time as an argument; cli and service own it."));
    let chance = CHANCE.map(|word| (word, "Take a seed, and use a ChaCha generator."));
    let mut findings = Vec::new();
    for (word, mend) in clock.into_iter().chain(chance) {
        for at in source.find_word(word).into_iter().filter(|&at| !source.is_test_at(at)) {
            let line = source.line_at(at);
            findings.push(Finding::new(source.path, line, format!("`{word}` in pure code"), mend));
        }
    }
    findings
}

pub(crate) fn check_serde_derives(source: &Source<'_>) -> Vec<Finding> {
    if WITH_SERDE.iter().any(|(prefix, _)| source.path.starts_with(prefix)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for at in source.find_word("derive") {
        let list = source.code[at..].split(')').next().unwrap_or_default();
        let is_serde = list.contains("Serialize") || list.contains("Deserialize");
        if is_serde && !source.is_test_at(at) {
            let mend = "Convert to a wire type at the edge, where the format is defined.";
            let what = "serde derive on a domain type";
            findings.push(Finding::new(source.path, source.line_at(at), what, mend));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::told;

    const CODE: &str = "\
use std::time::Instant; // Instant::now
fn f() { let t = Instant::now(); }
fn g() { let r = rand::rng(); my_thread_rng(); }
#[cfg(test)]
mod tests { fn h() { SystemTime::now(); } }
";

    #[test]
    fn clock_and_chance_are_found_in_production_code() {
        let check = |path| told(&check_clock_and_chance(&Source::new(path, CODE)));
        let expected = ["2: `Instant::now` in pure code", "3: `rand::rng` in pure code"];
        assert_eq!(check("crates/learn/src/a.rs"), expected);
        assert_eq!(check("crates/service/src/clocks.rs"), expected);
        assert!(check("crates/cli/src/a.rs").is_empty());
        assert!(check("crates/service/src/clock.rs").is_empty());
        assert!(check("crates/learn/benches/a.rs").is_empty());
    }

    #[test]
    fn serde_derives_stay_where_formats_are_defined() {
        let text = "#[derive(Clone, Serialize)]\nstruct A;\n#[derive(Clone)]\nstruct B;\n\
                    #[derive(\n    serde::Deserialize,\n)]\nstruct C;\n";
        let check = |path| told(&check_serde_derives(&Source::new(path, text)));
        let expected = ["1: serde derive on a domain type", "5: serde derive on a domain type"];
        assert_eq!(check("crates/decide/src/a.rs"), expected);
        assert_eq!(check("crates/events/src/event.rs"), expected);
        assert!(check("crates/events/src/import/ga4.rs").is_empty());
        assert!(check("crates/service/src/wire.rs").is_empty());
    }
}

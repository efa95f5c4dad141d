//! On whom offers are not to be spent, where policies ask for it.

use crate::clock;
use crate::commands::policy::policy_dir;
use crate::show;
use experiment::{ExperimentDir, Phase};
use history::Store;
use learn::{CheckedParams, Learned};
use measure::bootstrap::Interval;
use proof::responders::{self, Told};
use snapshot::UpliftTable;

/// What stands in the provenance.
const NAME: &str = "uplift";

/// Adds what offers bring of each customer; nothing where no policy asks for it. That it cannot be
/// told, or not be read, is no reason to learn nothing: it is said, and offers are spent on all.
pub(super) async fn add(
    store: &Store,
    learned: &mut Learned,
    params: &CheckedParams,
) -> anyhow::Result<()> {
    if !is_asked(store).await? {
        return Ok(());
    }
    let memory_bytes = params.memory_limit_bytes.min(proof::DEFAULT_MEMORY_BYTES);
    let tell = &mut |_: &'static str, _, _| {};
    let words = match responders::learn(store, clock::now(), memory_bytes, tell).await {
        Ok(Ok(told)) => {
            let words = told_words(&told);
            let Told { of_customer, currency, .. } = told;
            UpliftTable { of_customer, currency }.write(&mut learned.writer);
            words
        }
        Ok(Err(why)) => format!("{why}; offers are spent on all"),
        Err(error) => {
            let words = format!("not learned, offers are spent on all: {error}");
            show::note(format!("who responds was {words}"));
            words
        }
    };
    learned.provenance.parameters.insert(NAME.into(), words);
    learned.writer.set_provenance(&learned.provenance);
    Ok(())
}

/// The policies in force, or those that a variant brings, have a placement that is for responders.
async fn is_asked(store: &Store) -> anyhow::Result<bool> {
    let policies = policy_dir(store).await?;
    let experiments = ExperimentDir::in_dir(store.dir()).all()?;
    let of_variants = experiments
        .iter()
        .filter(|experiment| experiment.phase != Phase::Stopped)
        .flat_map(|experiment| &experiment.definition.variants)
        .filter_map(|variant| variant.policy_version);
    for version in of_variants.chain(policies.current()?) {
        // One that cannot be read asks for nothing; who serves by it says why.
        if policies.load(version).is_ok_and(|set| set.spends_on_responders()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What bears it out, in a line.
fn told_words(told: &Told) -> String {
    let evidence = &told.evidence;
    let of = |effect: Option<Interval>| {
        effect.map_or("nobody".to_owned(), |Interval { mean, low, high }| {
            format!("{mean:+.2} each ({low:+.2} to {high:+.2})")
        })
    };
    let [n_known, n_unmoved] = told.counts().map(show::count);
    let among = if told.is_of_always_offered { " always" } else { "" };
    let Interval { mean, low, high } = evidence.qini;
    format!(
        "{n_unmoved} of {n_known} customers are not expected to respond; learned of {} who were\
         {among} offered something and {} who were held out (Qini {mean:.3}, {low:.3} to \
         {high:.3}); of those not learned from, offers brought {} where it was expected and {} \
         where not",
        show::count(evidence.n_treated),
        show::count(evidence.n_control),
        of(evidence.rest),
        of(evidence.left_out),
    )
}

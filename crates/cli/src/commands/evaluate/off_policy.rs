//! `alongside evaluate off-policy`: what would another policy have earned?

use crate::show;
use anyhow::Context;
use clap::Args;
use evaluate::off_policy::{METHODS, PolicyOutcome, judge, judge_folder};
use evaluate::policy_log::{LogColumns, LogNames, Policy, PolicyLog};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct OffPolicyArgs {
    /// Log of impressions: item, reward, the chance with which the item was chosen, and a position
    /// if there are several. Or a folder of pairs `random_NAME` and `bts_NAME`: each of the two
    /// policies is then judged by the other's log, and shown beside what it really earned.
    // The id is that of the global option whose name this is: here it names a log.
    #[arg(id = "data_dir", long = "data", value_name = "FILE|DIR", required = true)]
    data: PathBuf,
    /// Judge the policy that made this log, by its mean chances [default: all items alike].
    #[arg(long, value_name = "FILE")]
    policy_from: Option<PathBuf>,
    /// Judge the policy that always takes this action, such as the arm 0 of an export of decisions.
    #[arg(long, value_name = "ACTION", conflicts_with = "policy_from")]
    always: Option<String>,
    /// Column of the item.
    #[arg(long, value_name = "COLUMN", default_value = "item_id")]
    item: String,
    /// Column of the position.
    #[arg(long, value_name = "COLUMN", default_value = "position")]
    position: String,
    /// Column of the reward: a click, or an amount.
    #[arg(long, value_name = "COLUMN", default_value = "click")]
    reward: String,
    /// Column of the chance.
    #[arg(long, value_name = "COLUMN", default_value = "propensity_score")]
    propensity: String,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(super) fn off_policy(args: &OffPolicyArgs) -> anyhow::Result<()> {
    let columns = LogColumns {
        item: args.item.clone(),
        position: args.position.clone(),
        reward: args.reward.clone(),
        propensity: args.propensity.clone(),
        ..LogColumns::default()
    };
    let outcomes = if args.data.is_dir() {
        anyhow::ensure!(
            args.policy_from.is_none() && args.always.is_none(),
            "--policy-from and --always go with one log, not a folder"
        );
        judge_folder(&args.data, &columns)?
    } else {
        vec![judge_one(args, &columns)?]
    };
    for outcome in &outcomes {
        if args.output.json {
            outcome.to_json().into_iter().try_for_each(show::line)?;
        } else {
            print(outcome)?;
        }
    }
    Ok(())
}

fn judge_one(args: &OffPolicyArgs, columns: &LogColumns) -> anyhow::Result<PolicyOutcome> {
    let mut names = LogNames::default();
    let log = PolicyLog::read(&args.data, columns, &mut names)?;
    if let Some(action) = &args.always {
        let policy = Policy::always(&names, action);
        let policy = policy.with_context(|| {
            format!("the log never took the action `{action}` of the column {}", args.item)
        })?;
        return Ok(judge(&format!("always:{action}"), &log, &policy, None));
    }
    let Some(other) = &args.policy_from else {
        return Ok(judge("uniform", &log, &Policy::uniform(&names), None));
    };
    let other_log = PolicyLog::read(other, columns, &mut names)?;
    let name = other.file_stem().map_or("policy".into(), |stem| stem.to_string_lossy());
    Ok(judge(&name, &log, &Policy::of_log(&other_log, &names), Some(&other_log)))
}

fn print(outcome: &PolicyOutcome) -> anyhow::Result<()> {
    let weights = &outcome.weights;
    show::line(format!(
        "\n{}: {} decisions logged, worth {} of this policy's own ({:.1} of the rewarded); \
         weights: mean {:.2}, largest {:.1}{}",
        outcome.case,
        show::count(weights.n as u64),
        show::count(weights.effective.round() as u64),
        weights.effective_rewards,
        weights.mean,
        weights.largest,
        if outcome.is_approximate {
            "; approximate: mean chances by item and position"
        } else {
            ""
        },
    ))?;
    let mut table = show::table(&["method", "mean reward", "95 %", "standard error"], &[1, 2, 3]);
    let cells = |name: &str, value: f64, low: f64, high: f64, error: f64| {
        [
            name.to_owned(),
            format!("{value:.5}"),
            format!("{low:.5} to {high:.5}"),
            format!("{error:.5}"),
        ]
    };
    for (method, found) in METHODS.into_iter().zip(outcome.estimates().into_iter().flatten()) {
        let row = cells(method, found.value, found.low, found.high, found.standard_error);
        show::row(&mut table, &row);
    }
    if let Some(seen) = &outcome.observed {
        show::row(
            &mut table,
            &cells("observed", seen.mean, seen.low, seen.high, seen.standard_error),
        );
    }
    show::line(table)?;
    match &outcome.result {
        Ok(found) if found.shrinkage.is_finite() => show::line(format!(
            "Go by dr. dr_shrunk: weights w became λw/(w² + λ), λ = {:.2e}; no surer than dr.",
            found.shrinkage
        )),
        Ok(_) => show::line("Go by dr. dr_shrunk: nothing was gained by shrinking weights."),
        Err(why) => show::line(format!("Cannot know: {why}.")),
    }
}

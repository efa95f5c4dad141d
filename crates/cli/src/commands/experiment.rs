//! `alongside experiment`: what is compared with what, since when, and what came of it.

mod text;

use super::policy::SignedArgs;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::{Args, Subcommand};
use decide::Placement;
use experiment::{Definition, ExperimentDir, Phase, Signature, told, told_whole};
use history::{OpenMode, Store};
use policy::PolicyDir;
use serde_json::json;
use service::variants;
use snapshot::SnapshotDir;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ExperimentArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    output: crate::args::Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Keep the definition in a file (docs/experiments.md); nothing runs yet.
    Create {
        file: PathBuf,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// Let it run; a running server follows within a second.
    Start {
        name: String,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// Widen it to a share of its layer, in percent; who is in stays in.
    Widen {
        name: String,
        percent: f64,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// End it, or one of its variants.
    Stop {
        name: String,
        #[arg(long)]
        variant: Option<String>,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// End it, and serve everybody as this variant from now on.
    Winner {
        name: String,
        variant: String,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// All experiments.
    List,
    /// One experiment, and who did what to it when.
    Show { name: String },
    /// What each variant earned more than the first, with intervals that hold at every look.
    Results { name: String },
    /// Look at the guardrails of all that run, and stop what surely harms; `serve` does it too.
    Guard,
    /// Go on from what the log holds, after part of it was lost for good.
    AcceptLoss,
}

fn signature(args: SignedArgs) -> Signature {
    Signature { at: clock::now(), by: args.who(), note: args.note }
}

pub(crate) async fn run(dir: &Path, args: ExperimentArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        Store::is_at(dir),
        "{} holds no store: name the folder of the shop with --data-dir",
        dir.display()
    );
    let json = args.output.json;
    let experiments = ExperimentDir::in_dir(dir);
    let store = Store::open(dir, OpenMode::ReadWrite).await?;
    if matches!(args.action, Action::AcceptLoss) {
        let n_changes = experiments.log()?.len() as u64;
        store.accept_experiment_changes(n_changes).await?;
        return show::line(format!("The log is taken as it is, with {n_changes} changes."));
    }
    experiment::check_length(experiments.log()?.len() as u64, store.experiment_changes().await?)?;
    act(dir, &store, &experiments, args.action, json).await?;
    store.remember_experiment_changes(experiments.log()?.len() as u64).await?;
    Ok(())
}

async fn act(
    dir: &Path,
    store: &Store,
    experiments: &ExperimentDir,
    action: Action,
    json: bool,
) -> anyhow::Result<()> {
    match action {
        Action::Create { file, signed } => {
            let definition = read(dir, &file)?;
            let name = definition.name.clone();
            experiments.create(definition, &signature(signed))?;
            tell(experiments, &name, json)
        }
        Action::Start { name, signed } => {
            let mut definition = experiments.find(&name)?.definition;
            variants::resolve(&mut definition, &PolicyDir::in_dir(dir), &snapshots(dir))
                .with_context(|| format!("{name} cannot start: it needs what is not there"))?;
            experiments.start(&name, &signature(signed))?;
            tell(experiments, &name, json)
        }
        Action::Widen { name, percent, signed } => {
            experiments.widen(&name, percent, &signature(signed))?;
            tell(experiments, &name, json)
        }
        Action::Stop { name, variant, signed } => {
            experiments.stop(&name, variant.as_deref(), &signature(signed))?;
            tell(experiments, &name, json)
        }
        Action::Winner { name, variant, signed } => {
            let asked = (name.as_str(), variant.as_str());
            let snapshot =
                variants::name_winner(experiments, &snapshots(dir), asked, &signature(signed))?;
            if let Some(id) = snapshot {
                show::note(format!(
                    "snapshot {id} is in force, at all placements, until `alongside learn` runs \
                     again: learn as it was learned from now on"
                ));
            }
            tell(experiments, &name, json)
        }
        Action::List => list(experiments, json),
        Action::Show { name } => show_one(experiments, &name, json),
        Action::Results { name } => {
            let experiment = experiments.find(&name)?;
            let results = proof::results::of(store, &experiment, clock::now()).await?;
            if json { show::line(results.to_json()) } else { text::print(&results) }
        }
        Action::Guard => {
            let stopped = proof::guard::look(store, experiments, clock::now()).await?;
            if json {
                return show::line(json!({ "stopped": stopped }));
            }
            if stopped.is_empty() {
                return show::line("No variant that runs surely does harm.");
            }
            stopped.into_iter().try_for_each(show::line)
        }
        Action::AcceptLoss => Ok(()),
    }
}

fn read(dir: &Path, file: &Path) -> anyhow::Result<Definition> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("could not read {}", file.display()))?;
    let mut definition = Definition::read(&text, &Placement::ALL.map(Placement::as_str))
        .with_context(|| format!("{} defines no experiment", file.display()))?;
    variants::resolve(&mut definition, &PolicyDir::in_dir(dir), &snapshots(dir))
        .with_context(|| format!("{} names what is not there", file.display()))?;
    Ok(definition)
}

fn snapshots(dir: &Path) -> SnapshotDir {
    SnapshotDir::new(dir.join("snapshots"))
}

fn tell(experiments: &ExperimentDir, name: &str, json: bool) -> anyhow::Result<()> {
    let experiment = experiments.find(name)?;
    if json {
        return show::line(told(&experiment));
    }
    show::line(match &experiment.phase {
        Phase::Created => {
            format!("{name} was created; `alongside experiment start {name}` lets it run")
        }
        Phase::Running => {
            let layer = &experiment.definition.layer;
            format!("{name} runs with {} % of layer {layer}", experiment.share())
        }
        Phase::Stopped => format!("{name} is stopped"),
        Phase::Won(winner) => format!("{name} is stopped; everybody is served as {winner}"),
    })
}

fn list(experiments: &ExperimentDir, json: bool) -> anyhow::Result<()> {
    let all = experiments.all()?;
    if json {
        return all.iter().map(told).try_for_each(show::line);
    }
    if all.is_empty() {
        return show::line("No experiments: `alongside experiment create FILE` makes one.");
    }
    let heads = ["experiment", "state", "layer", "share", "placements", "variants", "since"];
    let mut table = show::table(&heads, &[3]);
    for experiment in &all {
        let definition = &experiment.definition;
        let names: Vec<&str> = definition.variants.iter().map(|v| v.name.as_str()).collect();
        let placements = match definition.placements.is_empty() {
            true => "all".to_owned(),
            false => definition.placements.join(", "),
        };
        let since = experiment.started_at.map(|at| at.to_string()).unwrap_or_default();
        show::row(
            &mut table,
            &[
                definition.name.clone(),
                experiment.phase.as_str().to_owned(),
                definition.layer.clone(),
                format!("{} %", experiment.share()),
                placements,
                names.join(", "),
                since,
            ],
        );
    }
    show::line(table)
}

fn show_one(experiments: &ExperimentDir, name: &str, json: bool) -> anyhow::Result<()> {
    let experiment = experiments.find(name)?;
    let log = experiments.log()?;
    let own = log.iter().filter(|change| change.name == name);
    if json {
        return show::line(told_whole(&experiment, &log));
    }
    tell(experiments, name, false)?;
    let mut table = show::table(&["when", "what", "who", "why"], &[]);
    for change in own {
        let when = events::Timestamp(change.at_us).to_string();
        let what = change.action.as_str().to_owned();
        show::row(&mut table, &[when, what, change.by.clone(), change.note.clone()]);
    }
    show::line(table)
}

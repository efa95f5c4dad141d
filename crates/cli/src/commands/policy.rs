//! `alongside policy`: check, apply, look at and take back what merchandisers and compliance rule.

mod simulate;

use super::recommend::load_world;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::{Args, Subcommand};
use decide::Items;
use history::{OpenMode, Store};
use policy::directory::Signature;
use policy::{Diagnostic, PolicyDir, PolicySet, PolicyTable, difference, review};
use serde_json::json;
use snapshot::SnapshotDir;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    output: crate::args::Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read a policy file and tell every fault with its place; nothing is changed.
    Check { file: PathBuf },
    /// Check a policy file and put it in force; a running server follows within a second.
    Apply {
        file: PathBuf,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// What was in force when, and who put it there, by which key of the API.
    #[command(visible_alias = "log")]
    List,
    /// The file of a version [default: the one in force].
    Show { version: Option<u64> },
    /// How two versions differ [default: the one in force from the one that it took the place of].
    Diff { from: Option<u64>, to: Option<u64> },
    /// Put an earlier version in force again [default: the one before].
    Rollback {
        version: Option<u64>,
        #[command(flatten)]
        signed: SignedArgs,
    },
    /// Replay past orders under a policy file and under the policies in force, and tell what
    /// changes; nothing is changed.
    Simulate(simulate::SimulateArgs),
}

/// For the log of changes.
#[derive(Debug, Args)]
pub(crate) struct SignedArgs {
    /// Who does it.
    #[arg(long, env = "USER", default_value = "", value_name = "NAME")]
    pub(crate) by: String,
    /// Why.
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) note: String,
}

impl SignedArgs {
    /// Under cron and in containers nobody says who it is.
    pub(crate) fn who(&self) -> String {
        let is_told = !self.by.trim().is_empty();
        if is_told { self.by.clone() } else { "unknown".to_owned() }
    }

    fn signature(self) -> Signature {
        Signature { at: clock::now(), by: self.who(), note: self.note, key_id: None }
    }
}

pub(crate) async fn run(dir: &Path, args: PolicyArgs) -> anyhow::Result<()> {
    let json = args.output.json;
    let policies = match Store::is_at(dir) {
        true => policy_dir(&Store::open(dir, OpenMode::ReadOnly).await?).await?,
        false => PolicyDir::in_dir(dir),
    };
    match args.action {
        Action::Check { file } => check(dir, &file, json).await,
        Action::Apply { file, signed } => apply(dir, &policies, &file, signed, json).await,
        Action::List => list(&policies, json),
        Action::Show { version } => show_one(&policies, version, json),
        Action::Diff { from, to } => diff(&policies, from, to, json),
        Action::Rollback { version, signed } => {
            let version = policies.rollback(version, &signed.signature())?;
            tell_version(version, json)
        }
        Action::Simulate(args) => simulate::run(dir, args, json).await,
    }
}

/// A file with all that can be said of it.
pub(crate) struct Checked {
    pub(crate) text: String,
    pub(crate) set: Option<PolicySet>,
    found: Vec<Diagnostic>,
}

impl Checked {
    fn n_errors(&self) -> usize {
        self.found.iter().filter(|diagnostic| diagnostic.is_error()).count()
    }

    fn tell(&self, file: &Path) {
        let file = file.display().to_string();
        self.found.iter().for_each(|found| show::note(found.render(&file, &self.text)));
    }

    /// The policies, or the refusal; all faults are told before.
    pub(crate) fn sound(&mut self, file: &Path) -> anyhow::Result<PolicySet> {
        self.tell(file);
        let n_errors = self.n_errors();
        anyhow::ensure!(
            n_errors == 0,
            "{} has {n_errors} error{}; nothing was changed",
            file.display(),
            if n_errors == 1 { "" } else { "s" }
        );
        self.set.take().context("the file was not read")
    }
}

/// By itself, and against the catalog where there is one.
pub(crate) async fn read(dir: &Path, file: &Path) -> anyhow::Result<Checked> {
    let bytes =
        std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    let text = String::from_utf8(bytes)
        .ok()
        .with_context(|| format!("{} is not UTF-8: save it as such", file.display()))?;
    let (set, mut found) = PolicySet::read(&text);
    if let Some(set) = &set {
        found.extend(review::review_at(set, clock::now()));
        found.extend(against_catalog(dir, set).await?);
    }
    found.sort_by_key(|found| (found.severity, found.span.start, found.message.clone()));
    found.dedup();
    Ok(Checked { text, set, found })
}

async fn against_catalog(dir: &Path, set: &PolicySet) -> anyhow::Result<Vec<Diagnostic>> {
    if !Store::is_at(dir) {
        return Ok(Vec::new());
    }
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    if SnapshotDir::new(store.snapshots_dir()).current_id()?.is_none() {
        show::note("note: nothing was learned yet, so the catalog was not looked at");
        return Ok(Vec::new());
    }
    let world = load_world(&store, set.asks_item_attributes()).await?;
    let items = Items(&world);
    let table = PolicyTable::compile(Arc::new(set.clone()), 0, &items);
    Ok(review::review_items(&table, &items, &world.catalog.attribute_names(), clock::now()))
}

async fn check(dir: &Path, file: &Path, json: bool) -> anyhow::Result<()> {
    let mut checked = read(dir, file).await?;
    if json {
        let told = |found: &Diagnostic| {
            let (line, column) = found.place(&checked.text);
            json!({
                "severity": if found.is_error() { "error" } else { "warning" },
                "line": line, "column": column, "message": found.message, "mend": found.mend,
            })
        };
        let told: Vec<_> = checked.found.iter().map(told).collect();
        show::line(json!({"sound": checked.n_errors() == 0, "found": told}))?;
    }
    let n_warnings = checked.found.len() - checked.n_errors();
    let set = checked.sound(file)?;
    if json {
        return Ok(());
    }
    let (n, n_bundles) = (set.policies.len(), set.bundles.len());
    let bundles = if n_bundles == 0 { String::new() } else { format!(", {n_bundles} bundles") };
    let warnings = format!("no errors, {n_warnings} warnings");
    show::line(format!("{}: {n} policies{bundles}, {warnings}", file.display()))
}

async fn apply(
    dir: &Path,
    policies: &PolicyDir,
    file: &Path,
    signed: SignedArgs,
    json: bool,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        Store::is_at(dir),
        "{} holds no store: name the folder of the shop with --data-dir",
        dir.display()
    );
    let mut checked = read(dir, file).await?;
    checked.sound(file)?;
    // A damaged log does not tell; what is applied now mends it.
    let before = match policies.current() {
        Ok(Some(version)) => policies.text(version).unwrap_or_default(),
        _ => String::new(),
    };
    match policies.apply(&checked.text, &signed.signature())? {
        Some(version) => {
            let store = Store::open(dir, OpenMode::ReadWrite).await?;
            store.remember_policy_version(version).await?;
            store.close().await;
            if !json {
                for line in difference::lines(&before, &checked.text) {
                    show::note(line);
                }
            }
            tell_version(version, json)
        }
        None if json => show::line(json!({"version": policies.current()?, "changed": false})),
        None => show::line("These policies are in force already; nothing was changed."),
    }
}

fn tell_version(version: u64, json: bool) -> anyhow::Result<()> {
    if json {
        return show::line(json!({"version": version, "changed": true}));
    }
    show::line(format!("policy version {version} is in force"))
}

fn list(policies: &PolicyDir, json: bool) -> anyhow::Result<()> {
    let log = policies.log()?;
    let mut table = show::table(&["version", "when", "what", "who", "why", ""], &[0]);
    for (at, change) in log.iter().enumerate() {
        let when = events::Timestamp(change.at_us).to_string();
        let is_in_force = at + 1 == log.len();
        if json {
            show::line(json!({
                "version": change.version, "at": when, "kind": change.kind.as_str(),
                "by": change.by, "key": change.key_id, "note": change.note,
                "in_force": is_in_force,
            }))?;
            continue;
        }
        let mark = if is_in_force { "in force" } else { "" };
        let by = match &change.key_id {
            Some(key_id) => format!("{} ({key_id})", change.by),
            None => change.by.clone(),
        };
        let cells = [&change.version.to_string(), &when, change.kind.as_str(), &by];
        let mut cells: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        cells.extend([change.note.clone(), mark.to_owned()]);
        show::row(&mut table, &cells);
    }
    match (json, log.is_empty()) {
        (true, _) => Ok(()),
        (_, true) => show::line("No policies: `alongside policy apply FILE` puts some in force."),
        _ => show::line(table),
    }
}

/// The version asked for, or the one in force.
fn or_current(policies: &PolicyDir, version: Option<u64>) -> anyhow::Result<u64> {
    let current = || policies.current().map_err(anyhow::Error::from);
    version
        .map_or_else(current, |version| Ok(Some(version)))?
        .context("no policies are in force; `alongside policy apply FILE` puts some there")
}

fn show_one(policies: &PolicyDir, version: Option<u64>, json: bool) -> anyhow::Result<()> {
    let version = or_current(policies, version)?;
    let text = policies.text(version)?;
    match json {
        true => show::line(json!({"version": version, "text": text})),
        false => show::line(text.trim_end()),
    }
}

fn diff(
    policies: &PolicyDir,
    from: Option<u64>,
    to: Option<u64>,
    json: bool,
) -> anyhow::Result<()> {
    let to = or_current(policies, to)?;
    let from = match from {
        Some(from) => from,
        None => policies.before(to)?.unwrap_or(0),
    };
    let before = if from == 0 { String::new() } else { policies.text(from)? };
    let lines = difference::lines(&before, &policies.text(to)?);
    if json {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        return show::line(json!({"from": from, "to": to, "lines": lines}));
    }
    if lines.is_empty() {
        return show::line(format!("versions {from} and {to} are the same"));
    }
    lines.into_iter().try_for_each(show::line)
}

/// The policies of a store, which remembers that there were some.
pub(crate) async fn policy_dir(store: &Store) -> anyhow::Result<PolicyDir> {
    Ok(PolicyDir::in_dir(store.dir()).knowing(store.policy_version().await?))
}

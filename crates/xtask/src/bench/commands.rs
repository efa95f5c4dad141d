//! The seam: how our binary is called. Each command prints one JSON object as its last line of
//! standard output; the names of its fields stand here and nowhere else.
//!
//! | command | fields |
//! |---|---|
//! | `pairs FILE --json` | `n_pairs`, `sum_counts` |
//! | `bench ease FILE --lambda L` | `n_items`, `fit_s`, `sum_weights`, others are shown |
//! | `import orders FILE --data DIR --json` | any |
//! | `learn --data DIR` | any |
//! | `learn --data DIR --json` | `bytes`, `provenance` with `n_baskets`, `n_items` |
//! | `simulate orders FILE --items N --rows N` | any |
//! | `bench decide --data DIR` | numbers, shown as they are |
//! | `bench policies --data DIR` | numbers, shown as they are |
//! | `bench log --data DIR --events N` | any |
//! | `report --data DIR --memory MIB --json` | any |
//! | `bench events --data DIR` | numbers, shown as they are |
//! | `bench requests --data DIR --case CASE --count N` | instead: N request bodies, one a line |
//! | `simulate study --runs N --json` | an object a line and world: numbers, shown as they are |
//! | `serve --data DIR --listen ADDRESS` | serves until it is ended |
//! | `bench bare-server --listen ADDRESS --body FILE` | likewise, always the same bytes |

use std::path::Path;
use std::process::Command;

/// All benchmarks run with two threads, as the peers do.
pub(crate) const THREADS: &str = "2";

fn ours(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).env("RAYON_NUM_THREADS", THREADS);
    command
}

pub(crate) fn pairs(program: &Path, file: &Path) -> Command {
    let mut command = ours(program, &["pairs", "--json"]);
    command.arg(file);
    command
}

pub(crate) fn ease(program: &Path, file: &Path, ridge: &str) -> Command {
    let mut command = ours(program, &["bench", "ease", "--lambda", ridge]);
    command.arg(file);
    command
}

pub(crate) fn made_up_log(program: &Path, data: &Path, n_events: u64) -> Command {
    let mut command = ours(program, &["bench", "log", "--events", &n_events.to_string()]);
    command.arg("--data").arg(data);
    command
}

pub(crate) fn report(program: &Path, data: &Path, memory_mib: u64) -> Command {
    let mut command = ours(program, &["report", "--json", "--memory", &memory_mib.to_string()]);
    command.arg("--data").arg(data);
    command
}

pub(crate) fn import_orders(program: &Path, file: &Path, data: &Path) -> Command {
    let mut command = ours(program, &["import", "orders", "--json", "--data"]);
    command.arg(data).arg(file);
    command
}

pub(crate) fn learn(program: &Path, data: &Path) -> Command {
    let mut command = ours(program, &["learn", "--data"]);
    command.arg(data);
    command
}

pub(crate) fn learn_json(program: &Path, data: &Path) -> Command {
    let mut command = learn(program, data);
    command.arg("--json");
    command
}

pub(crate) fn simulate(program: &Path, file: &Path, n_items: u32, n_rows: u32) -> Command {
    let mut command = ours(program, &["simulate", "orders"]);
    command.arg(file).args(["--items", &n_items.to_string(), "--rows", &n_rows.to_string()]);
    command
}

/// `bench NAME --data DIR`.
pub(crate) fn on_data(program: &Path, name: &str, data: &Path) -> Command {
    let mut command = ours(program, &["bench", name, "--data"]);
    command.arg(data);
    command
}

pub(crate) fn requests(program: &Path, data: &Path, case: &str, count: u32) -> Command {
    let mut command = on_data(program, "requests", data);
    command.args(["--case", case, "--count", &count.to_string()]);
    command
}

pub(crate) fn study(program: &Path, world: &str, n_runs: u64) -> Command {
    let mut command = ours(program, &["simulate", "study", "--json", "--world", world]);
    command.args(["--runs", &n_runs.to_string()]);
    command
}

pub(crate) fn serve(program: &Path, data: &Path, address: &str) -> Command {
    let mut command = ours(program, &["serve", "--listen", address, "--data"]);
    command.arg(data);
    command
}

pub(crate) fn bare_server(program: &Path, body: &Path, address: &str) -> Command {
    let mut command = ours(program, &["bench", "bare-server", "--listen", address, "--body"]);
    command.arg(body);
    command
}

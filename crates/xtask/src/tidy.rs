//! `cargo xtask tidy`: the rules of the house, each a pure function from text to findings.
//!
//! The rules that read text come first, since they take a second; then rustfmt, clippy and the
//! documentation. All findings are told at once.

mod finding;
mod graph;
mod manifests;
mod names;
mod purity;
mod ratchet;
mod sizes;
mod source;
mod words;

use std::time::Instant;

use anyhow::{Context, Result, bail};

pub(crate) use finding::Finding;
use source::Source;

use crate::workspace::{TextFile, Workspace};

const MAP: &str = "ARCHITECTURE.md";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let is_fast = match args {
        [] => false,
        [flag] if flag == "--fast" => true,
        _ => bail!("tidy takes --fast or nothing, not {args:?}"),
    };
    let started = Instant::now();
    let findings = read_and_judge(workspace)?;
    for finding in &findings {
        println!("{finding}");
    }
    println!("{} findings in text, {:.1} s", findings.len(), started.elapsed().as_secs_f64());
    let mut failed = Vec::new();
    if !findings.is_empty() {
        failed.push("rules in text");
    }
    let mut left_out = Vec::new();
    for check in if is_fast { &CHECKS[..1] } else { &CHECKS[..] } {
        if !check.is_installed(workspace) {
            left_out.push(check.args[0]);
        } else if !check.passes(workspace)? {
            failed.push(check.name);
        }
    }
    for tool in left_out {
        println!("tidy: LEFT OUT: cargo {tool} is not installed (rustup component add {tool})");
    }
    if failed.is_empty() {
        println!("tidy: ok, {:.0} s", started.elapsed().as_secs_f64());
    } else {
        println!("tidy: FAILED: {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

fn read_and_judge(workspace: &Workspace) -> Result<Vec<Finding>> {
    let files = workspace.text_files()?;
    let sources: Vec<Source<'_>> = files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .map(|file| Source::new(&file.path, &file.text))
        .collect();
    let mut findings = judge_texts(&files, &sources);
    let edges = graph::Graph::from_metadata(&workspace.metadata()?)?;
    let map = files.iter().find(|file| file.path == MAP);
    findings.extend(graph::compare_with_map(&edges, map.map(|file| file.text.as_str())));
    findings.extend(graph::check_outside_crates(&edges));
    findings.extend(manifests::check_unused(&edges, &sources));
    findings.extend(ratchet::judge(workspace, sizes::measure(&sources))?);
    findings.sort();
    Ok(findings)
}

fn judge_texts(files: &[TextFile], sources: &[Source<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        findings.extend(words::check_machine_paths(file));
        findings.extend(words::check_todo(file));
        findings.extend(names::check_path(&file.path));
        if file.path.ends_with("Cargo.toml") {
            findings.extend(manifests::check_reasons(file));
        }
        if file.path == MAP {
            findings.extend(sizes::check_map_length(file));
        }
    }
    for source in sources {
        findings.extend(sizes::check_width(source));
        findings.extend(names::check_modules(source));
        findings.extend(names::check_head(source));
        findings.extend(purity::check_clock_and_chance(source));
        findings.extend(purity::check_serde_derives(source));
        findings.extend(words::check_idle_matches(source));
        findings.extend(words::check_ignored_tests(source));
    }
    findings
}

/// A check that a tool of the Rust distribution makes.
struct Check {
    name: &'static str,
    args: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

const CHECKS: [Check; 3] = [
    Check { name: "format (mend it with: cargo fmt)", args: &["fmt", "--check"], env: &[] },
    Check {
        name: "clippy",
        args: &[
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
        env: &[],
    },
    Check {
        name: "documentation",
        args: &["doc", "--no-deps", "--workspace", "--release", "--quiet"],
        env: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

impl Check {
    /// A toolchain may come without rustfmt and clippy; the rules in text hold all the same.
    fn is_installed(&self, workspace: &Workspace) -> bool {
        if self.args[0] == "doc" {
            // Part of cargo itself.
            return true;
        }
        let output = workspace.cargo().args([self.args[0], "--version"]).output();
        output.is_ok_and(|output| output.status.success())
    }

    fn passes(&self, workspace: &Workspace) -> Result<bool> {
        println!("cargo {} …", self.args.join(" "));
        let mut command = workspace.cargo();
        command.args(self.args).envs(self.env.iter().copied());
        let status = command.status().with_context(|| format!("cannot run {}", self.name))?;
        Ok(status.success())
    }
}

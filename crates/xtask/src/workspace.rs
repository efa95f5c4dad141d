//! Where the project lies, what belongs to it, and how cargo is called in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

/// A text file of the project.
pub(crate) struct TextFile {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Workspace {
    /// Two folders above this crate: known when it was built, so it works from any folder. A moved
    /// checkout is found by cargo's variable, which `cargo xtask` sets.
    pub(crate) fn find() -> Workspace {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.ancestors().nth(2).unwrap_or(&here).to_path_buf();
        Workspace { root }
    }

    pub(crate) fn cargo(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// The folder that cargo builds into.
    pub(crate) fn target_dir(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }

    /// The public data sets: `ALONGSIDE_TEST_DATA`, or the folder beside the project.
    pub(crate) fn test_data(&self) -> Option<PathBuf> {
        if let Some(named) = std::env::var_os("ALONGSIDE_TEST_DATA").filter(|v| !v.is_empty()) {
            return Some(PathBuf::from(named));
        }
        let beside = self.root.join("../shared/data");
        beside.is_dir().then(|| beside.canonicalize().unwrap_or(beside))
    }

    /// `cargo metadata` without dependencies' own data: needs no network.
    pub(crate) fn metadata(&self) -> Result<Value> {
        let output = self
            .cargo()
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", output.status);
        }
        serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")
    }

    /// All text files that git knows or would add. Without git (an unpacked archive): all files
    /// but those of `target` and hidden folders other than `.ci` and `.cargo`.
    pub(crate) fn text_files(&self) -> Result<Vec<TextFile>> {
        let mut paths = match self.git_files() {
            Some(paths) => paths,
            None => self.walk()?,
        };
        paths.sort_unstable();
        paths.dedup();
        let mut files = Vec::new();
        for path in paths {
            // Deleted but not yet staged: nothing to read.
            let Ok(bytes) = std::fs::read(self.root.join(&path)) else { continue };
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(TextFile { path, text });
            }
        }
        Ok(files)
    }

    /// The text of a file in a commit, when git and the commit have it.
    pub(crate) fn at_commit(&self, commit: &str, path: &str) -> Option<String> {
        let output = self.git(&["show", &format!("{commit}:./{path}")])?;
        String::from_utf8(output).ok()
    }

    /// The commit that is checked out, short; `unknown` without git.
    pub(crate) fn commit(&self) -> String {
        self.git(&["rev-parse", "--short", "HEAD"])
            .and_then(|output| String::from_utf8(output).ok())
            .map_or_else(|| "unknown".into(), |text| text.trim().to_owned())
    }

    fn git_files(&self) -> Option<Vec<String>> {
        let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let output = String::from_utf8(self.git(&args)?).ok()?;
        Some(output.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
    }

    fn git(&self, args: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("git")
            .current_dir(&self.root)
            .args(args)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then_some(output.stdout)
    }

    fn walk(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let full = self.root.join(&folder);
            let entries =
                std::fs::read_dir(&full).with_context(|| format!("cannot list {full:?}"))?;
            for entry in entries {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    if !is_skipped(&path) {
                        folders.push(path);
                    }
                } else {
                    found.push(path.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        Ok(found)
    }
}

fn is_skipped(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_top = folder.components().count() == 1;
    (is_top && name == "target")
        || (name.starts_with('.') && !matches!(name.as_ref(), ".ci" | ".cargo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_the_files_are_found_by_walking() {
        let folder = tempfile::tempdir().unwrap();
        for path in [".ci/run", ".hidden/x", "crates/a/src/lib.rs", "target/debris", "README.md"] {
            let full = folder.path().join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, "text").unwrap();
        }
        std::fs::write(folder.path().join("picture"), [0xff, 0xfe, 0x00]).unwrap();
        let workspace = Workspace { root: folder.path().to_path_buf() };
        let mut walked = workspace.walk().unwrap();
        walked.sort();
        assert_eq!(walked, [".ci/run", "README.md", "crates/a/src/lib.rs", "picture"]);
        let texts: Vec<String> =
            workspace.text_files().unwrap().into_iter().map(|file| file.path).collect();
        assert!(texts.contains(&"README.md".to_owned()) && !texts.contains(&"picture".to_owned()));
    }

    #[test]
    fn this_workspace_is_found() {
        let workspace = Workspace::find();
        let manifest = std::fs::read_to_string(workspace.root.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }
}

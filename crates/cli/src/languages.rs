//! Sentences of reasons beside those in the program: `languages/*.toml` of the data directory.

use anyhow::Context;
use decide::{Language, Languages};
use std::path::{Path, PathBuf};

/// Folder of the data directory.
const FOLDER: &str = "languages";

/// The languages of the program and those of the data directory, which come first by their tags.
pub(crate) fn read(dir: &Path) -> anyhow::Result<Languages> {
    let mut languages = Languages::default();
    let folder = dir.join(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(languages),
        Err(error) => {
            return Err(error).with_context(|| format!("could not read {}", folder.display()));
        }
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("could not read {}", path.display()))?;
        let language = Language::read(&text).with_context(|| {
            format!("{} holds no sentences of a language; see docs/languages.md", path.display())
        })?;
        languages.add(language);
    }
    Ok(languages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_data_directory_are_read_and_faults_named() {
        let dir = tempfile::tempdir().unwrap();
        let tags = |languages: Languages| languages.tags().collect::<Vec<_>>().join(" ");
        assert_eq!(tags(read(dir.path()).unwrap()), "en de");
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        let german = include_str!("../../decide/languages/de.toml");
        let danish = german.replace("tag = \"de\"", "tag = \"da\"");
        std::fs::write(folder.join("da.toml"), danish).unwrap();
        std::fs::write(folder.join("notes.txt"), "no language").unwrap();
        assert_eq!(tags(read(dir.path()).unwrap()), "en de da");
        std::fs::write(folder.join("xx.toml"), "tag = 1").unwrap();
        let error = format!("{:#}", read(dir.path()).unwrap_err());
        assert!(error.contains("xx.toml") && error.contains("`tag`"), "{error}");
    }
}

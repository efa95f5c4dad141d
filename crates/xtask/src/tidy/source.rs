//! A Rust file, split into code, comments and test regions without parsing it.
//!
//! One pass over the bytes knows line and nested block comments, strings with escapes, raw and
//! byte strings, and tells character literals from lifetimes. In [`Source::code`] the inside of
//! comments and literals is blank, in [`Source::comments`] all but comments is; both keep every
//! line break and byte offset, so that what is found in one can be pointed at in the file.

use std::ops::Range;

pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) code: String,
    pub(crate) comments: String,
    /// Byte ranges of items under `#[cfg(test)]`.
    pub(crate) test_regions: Vec<Range<usize>>,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) first_line: usize,
    pub(crate) n_lines: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Source<'a> {
        let (code, comments) = split(text);
        let test_regions = find_test_regions(&code);
        Source { path, text, code, comments, test_regions }
    }

    /// 1-based line of a byte offset.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count()
    }

    /// The crate's folder name; empty for a file that belongs to none.
    pub(crate) fn crate_name(&self) -> &str {
        self.path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or("")
    }

    /// A file that only tests, benchmarks or shows.
    pub(crate) fn is_test_file(&self) -> bool {
        self.path
            .split('/')
            .any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples" | "build.rs"))
    }

    pub(crate) fn is_test_at(&self, offset: usize) -> bool {
        self.is_test_file() || self.test_regions.iter().any(|region| region.contains(&offset))
    }

    /// Offsets of `word` in code, where no letter, digit or underscore touches it.
    pub(crate) fn find_word(&self, word: &str) -> Vec<usize> {
        find_word(&self.code, word)
    }

    pub(crate) fn functions(&self) -> Vec<Function> {
        let bytes = self.code.as_bytes();
        let mut found = Vec::new();
        for at in self.find_word("fn") {
            let after = self.code[at + 2..].trim_start();
            let name: String =
                after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.is_empty() {
                // A function pointer type, or a macro's `fn $name`.
                continue;
            }
            if let Some(body) = find_body(bytes, at) {
                let first_line = self.line_at(at);
                let n_lines = self.line_at(body.end - 1) - first_line + 1;
                found.push(Function { name, first_line, n_lines });
            }
        }
        found
    }

    pub(crate) fn n_lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Lines under `#[cfg(test)]`.
    pub(crate) fn n_test_lines(&self) -> usize {
        let line_count =
            |region: &Range<usize>| self.line_at(region.end - 1) - self.line_at(region.start) + 1;
        self.test_regions.iter().map(line_count).sum()
    }
}

pub(crate) fn find_word(code: &str, word: &str) -> Vec<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|&at| at == 0 || !is_part(bytes[at - 1]) || !is_part(word.as_bytes()[0]))
        .filter(|&at| bytes.get(at + word.len()).is_none_or(|&after| !is_part(after)))
        .collect()
}

/// From `start`, the braces of the item there; `None` when a `;` ends it first.
fn find_body(code: &[u8], start: usize) -> Option<Range<usize>> {
    let mut depth = 0_i32;
    for at in start..code.len() {
        match code[at] {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some(at..matching_brace(code, at)),
            _ => {}
        }
    }
    None
}

/// One past the brace that closes the one at `open`; the end of the file when nothing does.
fn matching_brace(code: &[u8], open: usize) -> usize {
    let mut depth = 0_i32;
    for (at, &byte) in code.iter().enumerate().skip(open) {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

fn find_test_regions(code: &str) -> Vec<Range<usize>> {
    let mut regions: Vec<Range<usize>> = Vec::new();
    for (start, _) in code.match_indices("#[cfg(") {
        let Some(close) = code[start..].find(")]") else { continue };
        let condition = &code[start..start + close];
        let is_test = !find_word(condition, "test").is_empty() && !condition.contains("not(");
        let is_inside = regions.last().is_some_and(|last| last.contains(&start));
        if !is_test || is_inside {
            continue;
        }
        let item = start + close + 2;
        let end = match find_body(code.as_bytes(), item) {
            Some(body) => body.end,
            None => code[item..].find(';').map_or(code.len(), |semicolon| item + semicolon + 1),
        };
        regions.push(start..end);
    }
    regions
}

/// Code with comments and literals blanked, and comments with all else blanked.
fn split(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut comments = blank(bytes);
    let mut at = 0;
    while at < bytes.len() {
        let (end, is_comment) = match literal_or_comment(bytes, at) {
            Some(found) => found,
            None => {
                at += 1;
                continue;
            }
        };
        if is_comment {
            comments[at..end].copy_from_slice(&bytes[at..end]);
            code[at..end].copy_from_slice(&blank(&bytes[at..end]));
        } else {
            // The quotes stay, so that an empty literal still stands where one stood.
            let inside = at + 1..(end - 1).max(at + 1);
            code[inside.clone()].copy_from_slice(&blank(&bytes[inside]));
        }
        at = end;
    }
    let to_text = |bytes| String::from_utf8(bytes).expect("whole characters were blanked");
    (to_text(code), to_text(comments))
}

fn blank(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|&byte| if byte == b'\n' { b'\n' } else { b' ' }).collect()
}

/// The end of the literal or comment that begins at `at`, and whether it is a comment.
fn literal_or_comment(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        return Some((at + length, true));
    }
    if rest.starts_with(b"/*") {
        return Some((at + block_comment_length(rest), true));
    }
    match rest[0] {
        b'"' => Some((at + string_length(rest), false)),
        b'r' if !continues_word(bytes, at) => Some((at + raw_string_length(rest)?, false)),
        b'\'' => Some((at + char_length(rest)?, false)),
        _ => None,
    }
}

/// Is the byte at `at` the tail of an identifier? (`b` and `c` before `r"` are prefixes.)
fn continues_word(bytes: &[u8], at: usize) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match at.checked_sub(1).map(|before| bytes[before]) {
        Some(b'b' | b'c') => at >= 2 && is_part(bytes[at - 2]),
        Some(before) => is_part(before),
        None => false,
    }
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`; `None` for `r#type` and for a plain `r`.
fn raw_string_length(rest: &[u8]) -> Option<usize> {
    let n_hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = 1 + n_hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', n_hashes)).collect();
    let inside = &rest[open + 1..];
    let length = inside.windows(close.len()).position(|window| window == close);
    Some(length.map_or(rest.len(), |length| open + 1 + length + close.len()))
}

/// `'x'`, `'\n'`, `'\u{1F600}'`; `None` for a lifetime.
fn char_length(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        // The escaped character itself may be a quote: look behind it.
        let close = rest.get(3..)?.iter().position(|&byte| byte == b'\'')?;
        return Some(3 + close + 1);
    }
    let first = *rest.get(1)?;
    let width = match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

#[cfg(test)]
mod tests;

//! Characters of an expression → tokens with their places.

use events::Amount;
use std::ops::Range;

/// The longest expression. A list of ids is the only reason for more than a line.
pub(crate) const MAX_EXPRESSION_BYTES: usize = 32_768;

/// What is wrong with an expression, and where in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) mend: String,
}

impl Fault {
    pub(crate) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) -> Fault {
        Fault { span, message: message.into(), mend: mend.into() }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(Box<str>),
    Text(Box<str>),
    Number(Amount),
    Symbol(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) span: Range<usize>,
}

/// Longer ones first.
const SYMBOLS: [&str; 15] =
    ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-", "*"];

/// What other languages write, and what is written here.
const FOREIGN: [(&str, &str); 7] = [
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("!", "write `not`"),
    ("=", "compare with `==`"),
    ("/", "there is no division: multiply the other side"),
    ("{", "a list stands in brackets: ['a', 'b']"),
    ("?", "conditions are joined by `and`, `or` and `not`"),
];

/// All tokens, the last one [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Lexeme>, Fault> {
    if MAX_EXPRESSION_BYTES < text.len() {
        return Err(Fault::new(
            0..text.len(),
            format!("the expression has {} bytes", text.len()),
            format!("the limit is {MAX_EXPRESSION_BYTES}: use a category or an attribute"),
        ));
    }
    let mut lexemes = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, n_bytes) = match first {
            '\'' | '"' => text_token(text, at, first)?,
            '0'..='9' => number_token(text, at)?,
            'a'..='z' | 'A'..='Z' | '_' => {
                let n = text[at..].bytes().take_while(|&byte| is_name(byte)).count();
                (Token::Name(text[at..at + n].into()), n)
            }
            _ => symbol_token(text, at, first)?,
        };
        lexemes.push(Lexeme { token, span: at..at + n_bytes });
        at += n_bytes;
    }
    lexemes.push(Lexeme { token: Token::End, span: text.len()..text.len() });
    Ok(lexemes)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A quote inside a text is written twice.
fn text_token(text: &str, from: usize, quote: char) -> Result<(Token, usize), Fault> {
    let mut value = String::new();
    let mut rest = text[from + 1..].char_indices().peekable();
    while let Some((at, letter)) = rest.next() {
        if letter != quote {
            value.push(letter);
        } else if rest.peek().is_some_and(|&(_, next)| next == quote) {
            value.push(quote);
            rest.next();
        } else {
            return Ok((Token::Text(value.into()), at + 2));
        }
    }
    let mend = format!("close it with {quote}; a quote inside a text is written twice");
    Err(Fault::new(from..text.len(), "the text has no end", mend))
}

fn number_token(text: &str, from: usize) -> Result<(Token, usize), Fault> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'%');
    let mut n = text[from..].bytes().take_while(|byte| is_part(byte)).count();
    let whole = &text[from..from + n];
    let span = from..from + n;
    if whole.contains('%') {
        let mend = "write the share as a number: 0.25 for 25 %";
        return Err(Fault::new(span, "there is no percent sign here", mend));
    }
    let digits = whole.replace('_', "");
    if text[from + n..].starts_with(|next: char| next.is_ascii_alphabetic()) {
        n += text[from + n..].bytes().take_while(|&byte| is_name(byte)).count();
        let mend = "a text stands in quotes: 'abc'";
        return Err(Fault::new(from..from + n, "this is neither a number nor a name", mend));
    }
    match Amount::parse(&digits, b'.') {
        Ok(number) if digits.matches('.').count() < 2 => Ok((Token::Number(number), n)),
        Ok(_) => Err(Fault::new(span, "two points in one number", "write 1234.50")),
        Err(error) => Err(Fault::new(span, error.to_string(), "write 1234.50")),
    }
}

fn symbol_token(text: &str, from: usize, first: char) -> Result<(Token, usize), Fault> {
    let rest = &text[from..];
    if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
        return Ok((Token::Symbol(symbol), symbol.len()));
    }
    let foreign = FOREIGN.into_iter().find(|(symbol, _)| rest.starts_with(symbol));
    let (symbol, mend) = match foreign {
        Some((symbol, mend)) => (symbol.to_owned(), mend),
        None => (first.to_string(), "names have letters, digits and _; texts stand in quotes"),
    };
    let message = format!("`{symbol}` is no sign of this language");
    Err(Fault::new(from..from + symbol.len(), message, mend))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let word = |lexeme: &Lexeme| match &lexeme.token {
            Token::Name(name) => name.to_string(),
            Token::Text(text) => format!("«{text}»"),
            Token::Number(number) => format!("#{number}"),
            Token::Symbol(symbol) => (*symbol).to_owned(),
            Token::End => "end".to_owned(),
        };
        match tokens(text) {
            Ok(lexemes) => lexemes.iter().map(word).collect::<Vec<_>>().join(" "),
            Err(fault) => format!("{:?} {}; {}", fault.span, fault.message, fault.mend),
        }
    }

    #[test]
    fn words_texts_and_numbers() {
        assert_eq!(
            shown("item.price<=1_000.50 and x in ['it''s', \"Tür\"]"),
            "item . price <= #1000.5 and x in [ «it's» , «Tür» ] end"
        );
        assert_eq!(shown(""), "end");
    }

    #[test]
    fn what_other_languages_write_is_mended() {
        assert!(shown("a && b").starts_with("2..4 `&&`"), "{}", shown("a && b"));
        assert!(shown("a = 1").contains("=="));
        assert!(shown("a < 25%").contains("0.25"));
        assert!(shown("a == 'x").starts_with("5..7 the text has no end"));
        assert!(shown("a == 12abc").starts_with("5..10 "));
        assert!(shown("a == 1.2.3").starts_with("5..10 "));
        assert!(shown("a == ü").starts_with("5..7 "));
        assert!(shown("a == 1.2345678").contains("six decimals"));
        assert!(shown(&"x".repeat(MAX_EXPRESSION_BYTES + 1)).contains("limit"));
    }
}

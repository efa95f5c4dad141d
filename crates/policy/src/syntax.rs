//! Tokens → a tree. Bounded in depth and size, so that no expression can be built to be slow.
//!
//! ```text
//! or      := and { "or" and }
//! and     := not { "and" not }
//! not     := "not" not | compare
//! compare := sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in" | "under" | "has"
//!                  | "contains" | "starts_with") sum | "is" ["not"] "known" ]
//! sum     := product { ("+" | "-") product }
//! product := leaf { "*" leaf }
//! leaf    := number | text | "true" | "false" | name { "." (name | text) } | "(" or ")" | list
//! list    := "[" [ leaf { "," leaf } ] "]"
//! ```

use crate::token::{Fault, Lexeme, Token, tokens};
use events::Amount;
use std::ops::Range;

/// Parentheses within parentheses.
pub(crate) const MAX_DEPTH: usize = 24;
/// Parts of one expression, entries of lists left out.
pub(crate) const MAX_NODES: usize = 400;
pub(crate) const MAX_LIST: usize = 4_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    And,
    Or,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Under,
    Has,
    Contains,
    StartsWith,
    Add,
    Subtract,
    Multiply,
}

impl Op {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Op::And => "and",
            Op::Or => "or",
            Op::Equal => "==",
            Op::Unequal => "!=",
            Op::Less => "<",
            Op::LessOrEqual => "<=",
            Op::Greater => ">",
            Op::GreaterOrEqual => ">=",
            Op::In => "in",
            Op::NotIn => "not in",
            Op::Under => "under",
            Op::Has => "has",
            Op::Contains => "contains",
            Op::StartsWith => "starts_with",
            Op::Add => "+",
            Op::Subtract => "-",
            Op::Multiply => "*",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Number(Amount),
    Text(Box<str>),
    Truth(bool),
    /// `item.price`: its parts.
    Path(Vec<Box<str>>),
    List(Vec<Expr>),
    Not(Box<Expr>),
    Known {
        path: Box<Expr>,
        is_known: bool,
    },
    Binary {
        op: Op,
        left: Box<Expr>,
        right: Box<Expr>,
    },
}

pub(crate) fn parse(text: &str) -> Result<Expr, Fault> {
    let mut parser = Parser { lexemes: tokens(text)?, at: 0, depth: 0, n_nodes: 0 };
    if parser.peek() == &Token::End {
        let mend = "leave the key out, or write a condition such as item.price < 10";
        return Err(Fault::new(0..text.len(), "the expression is empty", mend));
    }
    let expr = parser.or()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.fault("the expression should end here", "join conditions by `and`, `or`")),
    }
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    depth: usize,
    n_nodes: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.lexemes[self.at].token
    }

    fn span(&self) -> Range<usize> {
        self.lexemes[self.at].span.clone()
    }

    fn fault(&self, message: &str, mend: &str) -> Fault {
        Fault::new(self.span(), message, mend)
    }

    /// Never beyond the end: it stays there.
    fn step(&mut self) -> Lexeme {
        let lexeme = self.lexemes[self.at].clone();
        self.at = (self.at + 1).min(self.lexemes.len() - 1);
        lexeme
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = matches!(self.peek(), Token::Name(name) if **name == *word);
        if is_there {
            self.step();
        }
        is_there
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let is_there = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        if is_there {
            self.step();
        }
        is_there
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Parser) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.depth += 1;
        if MAX_DEPTH < self.depth {
            let message = format!("more than {MAX_DEPTH} levels of parentheses or `not`");
            return Err(self.fault(&message, "split it into several policies"));
        }
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn node(&mut self, kind: ExprKind, span: Range<usize>) -> Result<Expr, Fault> {
        self.n_nodes += 1;
        if MAX_NODES < self.n_nodes {
            let message = format!("the expression has more than {MAX_NODES} parts");
            return Err(Fault::new(span, message, "use a list (`in [..]`), or several policies"));
        }
        Ok(Expr { kind, span })
    }

    fn binary(&mut self, op: Op, left: Expr, right: Expr) -> Result<Expr, Fault> {
        let span = left.span.start..right.span.end;
        self.node(ExprKind::Binary { op, left: left.into(), right: right.into() }, span)
    }

    fn or(&mut self) -> Result<Expr, Fault> {
        let mut left = self.and()?;
        while self.takes_word("or") {
            let right = self.and()?;
            left = self.binary(Op::Or, left, right)?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Fault> {
        let mut left = self.not()?;
        while self.takes_word("and") {
            let right = self.not()?;
            left = self.binary(Op::And, left, right)?;
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, Fault> {
        let from = self.span().start;
        if !self.takes_word("not") {
            return self.compare();
        }
        let inner = self.deeper(Parser::not)?;
        let span = from..inner.span.end;
        self.node(ExprKind::Not(inner.into()), span)
    }

    fn compare(&mut self) -> Result<Expr, Fault> {
        let left = self.sum()?;
        if self.takes_word("is") {
            let is_known = !self.takes_word("not");
            let end = self.span().end;
            if !self.takes_word("known") {
                return Err(self.fault("`is` asks whether something is known", "write `is known`"));
            }
            let span = left.span.start..end;
            return self.node(ExprKind::Known { path: left.into(), is_known }, span);
        }
        let Some(op) = self.comparison()? else { return Ok(left) };
        let right = self.sum()?;
        let compared = self.binary(op, left, right)?;
        if self.clone_comparison() {
            let mend = "write `10 < item.price and item.price < 20`";
            return Err(self.fault("comparisons cannot be chained", mend));
        }
        Ok(compared)
    }

    fn clone_comparison(&self) -> bool {
        matches!(self.peek(), Token::Symbol("==" | "!=" | "<" | "<=" | ">" | ">="))
    }

    fn comparison(&mut self) -> Result<Option<Op>, Fault> {
        let op = match self.peek() {
            Token::Symbol("==") => Op::Equal,
            Token::Symbol("!=") => Op::Unequal,
            Token::Symbol("<") => Op::Less,
            Token::Symbol("<=") => Op::LessOrEqual,
            Token::Symbol(">") => Op::Greater,
            Token::Symbol(">=") => Op::GreaterOrEqual,
            Token::Name(name) => match &**name {
                "in" => Op::In,
                "under" => Op::Under,
                "has" => Op::Has,
                "contains" => Op::Contains,
                "starts_with" => Op::StartsWith,
                "not" => {
                    self.step();
                    if !self.takes_word("in") {
                        let mend = "write `not in [..]`, or put `not` before the condition";
                        return Err(self.fault("`in` is missing after `not`", mend));
                    }
                    return Ok(Some(Op::NotIn));
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.step();
        Ok(Some(op))
    }

    fn sum(&mut self) -> Result<Expr, Fault> {
        let mut left = self.product()?;
        loop {
            let op = match self.peek() {
                Token::Symbol("+") => Op::Add,
                Token::Symbol("-") => Op::Subtract,
                _ => return Ok(left),
            };
            self.step();
            let right = self.product()?;
            left = self.binary(op, left, right)?;
        }
    }

    fn product(&mut self) -> Result<Expr, Fault> {
        let mut left = self.leaf()?;
        while self.takes("*") {
            let right = self.leaf()?;
            left = self.binary(Op::Multiply, left, right)?;
        }
        Ok(left)
    }

    fn leaf(&mut self) -> Result<Expr, Fault> {
        let lexeme = self.step();
        let span = lexeme.span.clone();
        match lexeme.token {
            Token::Number(number) => self.node(ExprKind::Number(number), span),
            Token::Text(text) => self.node(ExprKind::Text(text), span),
            Token::Symbol("-") => match self.step() {
                Lexeme { token: Token::Number(number), span: end } => {
                    self.node(ExprKind::Number(Amount(-number.0)), span.start..end.end)
                }
                other => Err(Fault::new(
                    other.span,
                    "a minus sign here wants a number after it",
                    "write -5, or `0 - item.price`",
                )),
            },
            Token::Symbol("(") => {
                let inner = self.deeper(Parser::or)?;
                if !self.takes(")") {
                    return Err(self.fault("a parenthesis is not closed", "write `)` here"));
                }
                Ok(inner)
            }
            Token::Symbol("[") => self.list(span.start),
            Token::Name(name) => self.named(name, span),
            Token::End => Err(Fault::new(
                span,
                "the expression breaks off",
                "a value or a condition is missing at its end",
            )),
            Token::Symbol(symbol) => Err(Fault::new(
                span,
                format!("`{symbol}` where a value should stand"),
                "a value is a field (item.price), a number, or a text in quotes",
            )),
        }
    }

    fn named(&mut self, name: Box<str>, mut span: Range<usize>) -> Result<Expr, Fault> {
        match &*name {
            "true" | "false" => return self.node(ExprKind::Truth(&*name == "true"), span),
            "and" | "or" | "in" | "under" | "has" | "contains" | "starts_with" | "is" => {
                let message = format!("`{name}` where a value should stand");
                return Err(Fault::new(span, message, "something is missing before it"));
            }
            _ => {}
        }
        let mut parts = vec![name];
        while self.takes(".") {
            let lexeme = self.step();
            span.end = lexeme.span.end;
            match lexeme.token {
                Token::Name(part) | Token::Text(part) => parts.push(part),
                _ => {
                    let mend = "write a name, or in quotes: item.attr.'frame size'";
                    return Err(Fault::new(lexeme.span, "a name is missing after the point", mend));
                }
            }
        }
        self.node(ExprKind::Path(parts), span)
    }

    fn list(&mut self, from: usize) -> Result<Expr, Fault> {
        let mut entries = Vec::new();
        loop {
            let end = self.span().end;
            if self.takes("]") {
                return self.node(ExprKind::List(entries), from..end);
            }
            if MAX_LIST <= entries.len() {
                let message = format!("the list has more than {MAX_LIST} entries");
                return Err(self.fault(&message, "give the items an attribute, and ask for it"));
            }
            // Entries do not count as parts: a long list is looked up, not walked.
            let n_nodes = self.n_nodes;
            entries.push(self.deeper(Parser::leaf)?);
            self.n_nodes = n_nodes;
            if !self.takes(",") && self.peek() != &Token::Symbol("]") {
                return Err(self.fault("the list is not closed", "write `,` or `]` here"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with all its parentheses.
    fn shown(expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Number(number) => number.to_string(),
            ExprKind::Text(text) => format!("'{text}'"),
            ExprKind::Truth(truth) => truth.to_string(),
            ExprKind::Path(parts) => parts.join("."),
            ExprKind::List(list) => {
                format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
            ExprKind::Not(inner) => format!("not {}", shown(inner)),
            ExprKind::Known { path, is_known } => format!("known({}) {is_known}", shown(path)),
            ExprKind::Binary { op, left, right } => {
                format!("({} {} {})", shown(left), op.as_str(), shown(right))
            }
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(shown(&parse(text).expect(text)), expected);
    }

    fn fault(text: &str) -> String {
        let fault = parse(text).expect_err(text);
        format!("{:?} {}; {}", fault.span, fault.message, fault.mend)
    }

    #[test]
    fn binds_as_people_read() {
        check("a or b and not c == 1", "(a or (b and not (c == 1)))");
        check("a.b < 1 + 2 * 3 - x", "(a.b < ((1 + (2 * 3)) - x))");
        check("(a or b) and c in ['x', 2]", "((a or b) and (c in ['x', 2]))");
        check("a not in [1,] or b is not known", "((a not in [1]) or known(b) false)");
        check("item.attr.'frame size' == -5", "(item.attr.frame size == -5)");
    }

    #[test]
    fn faults_say_where() {
        assert!(fault("  ").contains("empty"));
        assert!(fault("a ==").starts_with("4..4 the expression breaks off"));
        assert!(fault("a == == b").starts_with("5..7 `==` where a value"));
        assert!(fault("(a and b").starts_with("8..8 a parenthesis"));
        assert!(fault("a b").starts_with("2..3 the expression should end"));
        assert!(fault("a in ['x' 'y']").starts_with("10..13 the list"));
        assert!(fault("1 < a < 3").starts_with("6..7 comparisons"));
        assert!(fault("a is nice").contains("is known"));
        assert!(fault("a. == 1").contains("name is missing"));
        assert!(fault("and a").contains("missing before"));
    }

    #[test]
    fn an_expression_built_to_be_slow_is_refused() {
        let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(fault(&deep).contains("levels"));
        assert!(fault(&format!("{}a", "not ".repeat(5_000))).contains("levels"));
        assert!(fault(&vec!["a"; 3_000].join(" or ")).contains("parts"));
        assert!(fault(&format!("a in [{}]", "1,".repeat(MAX_LIST + 1))).contains("entries"));
        assert!(fault(&format!("a in {}", "[".repeat(9_000))).contains("levels"));
        assert!(parse(&format!("a in [{}]", "1,".repeat(MAX_LIST))).is_ok());
    }
}

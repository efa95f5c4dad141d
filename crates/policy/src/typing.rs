//! A tree → a typed condition, or the place where the types do not fit.

use crate::field::{Field, Type};
use crate::nearest::nearest;
use crate::predicate::{Number, Predicate, Relation, Text};
use crate::syntax::{Expr, ExprKind, Op, parse};
use crate::token::Fault;
use events::{Amount, Currency};
use hashbrown::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// Reads an expression whole.
pub(crate) fn condition(text: &str) -> Result<Predicate, Fault> {
    truth(&parse(text)?)
}

type Typed<T> = Result<T, Fault>;

fn truth(expr: &Expr) -> Typed<Predicate> {
    match &expr.kind {
        ExprKind::Truth(truth) => Ok(Predicate::Constant(*truth)),
        ExprKind::Not(inner) => Ok(Predicate::Not(truth(inner)?.into())),
        ExprKind::Known { path, is_known } => {
            let known = Predicate::Known(field_of(path, "`is known` asks of a field")?);
            Ok(if *is_known { known } else { Predicate::Not(known.into()) })
        }
        ExprKind::Path(parts) => {
            let field = Field::find(parts, &expr.span)?;
            match field.value_type() {
                Type::Truth => Ok(Predicate::Is(field)),
                other => Err(Fault::new(
                    expr.span.clone(),
                    format!("`{}` is {}, not a condition", field.name(), other.told()),
                    format!("compare it: {} == …, or `is known`", field.name()),
                )),
            }
        }
        ExprKind::Binary { op, left, right } => binary(*op, left, right, &expr.span),
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::List(_) => Err(Fault::new(
            expr.span.clone(),
            "this is a value, not a condition",
            "compare a field with it: item.price < 10",
        )),
    }
}

fn binary(op: Op, left: &Expr, right: &Expr, span: &Range<usize>) -> Typed<Predicate> {
    match op {
        Op::And => {
            let mut parts = Vec::new();
            flatten(Op::And, left, &mut parts)?;
            flatten(Op::And, right, &mut parts)?;
            Ok(Predicate::And(parts))
        }
        Op::Or => {
            let mut parts = Vec::new();
            flatten(Op::Or, left, &mut parts)?;
            flatten(Op::Or, right, &mut parts)?;
            Ok(Predicate::Or(parts))
        }
        Op::Equal => equal(left, right),
        Op::Unequal => Ok(Predicate::Not(equal(left, right)?.into())),
        Op::Less => ordered(Relation::Less, left, right),
        Op::LessOrEqual => ordered(Relation::LessOrEqual, left, right),
        Op::Greater => ordered(Relation::Less, right, left),
        Op::GreaterOrEqual => ordered(Relation::LessOrEqual, right, left),
        Op::In => one_of(left, right),
        Op::NotIn => Ok(Predicate::Not(one_of(left, right)?.into())),
        Op::Under => under(left, right),
        Op::Has => has(left, right),
        Op::Contains | Op::StartsWith => contains(op, left, right),
        Op::Add | Op::Subtract | Op::Multiply => Err(Fault::new(
            span.clone(),
            "this is a number, not a condition",
            "compare it: item.price + 5 < cart.total",
        )),
    }
}

/// Chains of one operator lie flat, so that they are asked without depth.
fn flatten(op: Op, expr: &Expr, parts: &mut Vec<Predicate>) -> Typed<()> {
    match &expr.kind {
        ExprKind::Binary { op: inner, left, right } if *inner == op => {
            flatten(op, left, parts)?;
            flatten(op, right, parts)
        }
        _ => {
            parts.push(truth(expr)?);
            Ok(())
        }
    }
}

/// A value with its type; literals fit themselves to the other side.
enum Value {
    Number(Number, NumberKind),
    Text(Box<str>),
    Truth(bool),
    Field(Field, Type),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NumberKind {
    /// A number that was written, or an attribute: fits money and counts.
    Any,
    Plain,
    Money,
}

fn value(expr: &Expr) -> Typed<Value> {
    match &expr.kind {
        ExprKind::Number(amount) => Ok(Value::Number(Number::Constant(*amount), NumberKind::Any)),
        ExprKind::Text(text) => Ok(Value::Text(text.clone())),
        ExprKind::Truth(truth) => Ok(Value::Truth(*truth)),
        ExprKind::Path(parts) => {
            let field = Field::find(parts, &expr.span)?;
            let value_type = field.value_type();
            Ok(match value_type {
                Type::Number => Value::Number(Number::Field(field), NumberKind::Plain),
                Type::Money => Value::Number(Number::Field(field), NumberKind::Money),
                _ => Value::Field(field, value_type),
            })
        }
        ExprKind::Binary { op: Op::Add | Op::Subtract | Op::Multiply, .. } => {
            let (number, kind) = number(expr)?;
            Ok(Value::Number(number, kind))
        }
        ExprKind::List(_) => Err(Fault::new(
            expr.span.clone(),
            "a list cannot be compared",
            "ask with `in`: item.id in ['a', 'b']",
        )),
        ExprKind::Not(_) | ExprKind::Known { .. } | ExprKind::Binary { .. } => Err(Fault::new(
            expr.span.clone(),
            "this is a condition, not a value",
            "put parentheses around the comparison, and join by `and`, `or`",
        )),
    }
}

fn number(expr: &Expr) -> Typed<(Number, NumberKind)> {
    if let ExprKind::Binary { op, left, right } = &expr.kind {
        let ((left, one), (right, two)) = (number(left)?, number(right)?);
        let sides = (Box::new(left), Box::new(right));
        return match op {
            Op::Add => Ok((Number::Add(sides.0, sides.1), same(one, two, &expr.span)?)),
            Op::Subtract => Ok((Number::Subtract(sides.0, sides.1), same(one, two, &expr.span)?)),
            Op::Multiply if one == NumberKind::Money && two == NumberKind::Money => {
                let mend = "multiply money by a number: 0.3 * cart.total";
                Err(Fault::new(expr.span.clone(), "money times money is nothing", mend))
            }
            Op::Multiply => {
                let is_money = one == NumberKind::Money || two == NumberKind::Money;
                let is_any = one == NumberKind::Any && two == NumberKind::Any;
                let kind = match (is_money, is_any) {
                    (true, _) => NumberKind::Money,
                    (_, true) => NumberKind::Any,
                    _ => NumberKind::Plain,
                };
                Ok((Number::Multiply(sides.0, sides.1), kind))
            }
            _ => Err(not_a_number(expr, "a condition")),
        };
    }
    match value(expr)? {
        Value::Number(number, kind) => Ok((number, kind)),
        Value::Field(field, Type::Attribute) => Ok((Number::Field(field), NumberKind::Any)),
        Value::Field(_, other) => Err(not_a_number(expr, other.told())),
        Value::Text(_) => Err(not_a_number(expr, "a text")),
        Value::Truth(_) => Err(not_a_number(expr, "true or false")),
    }
}

fn not_a_number(expr: &Expr, told: &str) -> Fault {
    let message = format!("this is {told}, and a number is wanted");
    Fault::new(expr.span.clone(), message, "write a number without quotes: 12.50")
}

fn same(one: NumberKind, two: NumberKind, span: &Range<usize>) -> Typed<NumberKind> {
    match (one, two) {
        (NumberKind::Any, other) | (other, NumberKind::Any) => Ok(other),
        (one, two) if one == two => Ok(one),
        _ => Err(Fault::new(
            span.clone(),
            "one side is an amount of money, the other a count",
            "compare money with money, or with a number that you write",
        )),
    }
}

fn ordered(relation: Relation, left: &Expr, right: &Expr) -> Typed<Predicate> {
    let span = left.span.start.min(right.span.start)..left.span.end.max(right.span.end);
    let ((left, one), (right, two)) = (number(left)?, number(right)?);
    same(one, two, &span)?;
    Ok(Predicate::Numbers { relation, left, right })
}

fn equal(left: &Expr, right: &Expr) -> Typed<Predicate> {
    let is_numeric = |value: &Value| matches!(value, Value::Number(..));
    let (one, two) = (value(left)?, value(right)?);
    if is_numeric(&one) || is_numeric(&two) {
        return ordered(Relation::Equal, left, right);
    }
    let span = left.span.start..right.span.end;
    match (one, two) {
        (Value::Field(field, Type::Truth), Value::Truth(truth))
        | (Value::Truth(truth), Value::Field(field, Type::Truth)) => {
            let is = Predicate::Is(field);
            Ok(if truth { is } else { Predicate::Not(is.into()) })
        }
        (Value::Field(field, value_type), Value::Text(text))
        | (Value::Text(text), Value::Field(field, value_type)) => {
            let at = if matches!(left.kind, ExprKind::Text(_)) { left } else { right };
            equal_to_text(field, value_type, text, &at.span)
        }
        (Value::Field(left, Type::Currency), Value::Field(right, Type::Currency)) => {
            Ok(Predicate::SameCurrency { left, right })
        }
        (Value::Field(left, one), Value::Field(right, two)) if is_text(one) && is_text(two) => {
            Ok(Predicate::Texts { left: Text::Field(left), right: Text::Field(right) })
        }
        (one, two) => Err(Fault::new(
            span,
            format!("{} is compared with {}", told(&one), told(&two)),
            "both sides must be of one type",
        )),
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Number(..) => "a number".to_owned(),
        Value::Text(text) => format!("the text '{text}'"),
        Value::Truth(truth) => truth.to_string(),
        Value::Field(field, value_type) => format!("`{}`, {},", field.name(), value_type.told()),
    }
}

fn is_text(value_type: Type) -> bool {
    matches!(value_type, Type::Text | Type::Word(_) | Type::Attribute | Type::Category)
}

fn equal_to_text(
    field: Field,
    value_type: Type,
    text: Box<str>,
    span: &Range<usize>,
) -> Typed<Predicate> {
    match value_type {
        Type::Currency => Ok(Predicate::Currency { field, among: vec![currency(&text, span)?] }),
        Type::Items | Type::Categories | Type::Values | Type::Truth => Err(Fault::new(
            span.clone(),
            format!("`{}` is {}, not a text", field.name(), value_type.told()),
            match value_type {
                Type::Truth => format!("write `{}` or `not {}`", field.name(), field.name()),
                _ => format!("ask with `has`: {} has '{text}'", field.name()),
            },
        )),
        _ => {
            check_word(value_type, &text, span)?;
            Ok(Predicate::Texts { left: Text::Field(field), right: Text::Constant(text) })
        }
    }
}

fn currency(text: &str, span: &Range<usize>) -> Typed<Currency> {
    Currency::parse(text).ok_or_else(|| {
        let message = format!("'{text}' is no currency");
        Fault::new(span.clone(), message, "a currency has three letters: 'EUR'")
    })
}

/// Words of a fixed set are checked now, or a slip of the pen would never match.
fn check_word(value_type: Type, text: &str, span: &Range<usize>) -> Typed<()> {
    let Type::Word(words) = value_type else { return Ok(()) };
    if words.contains(&text) {
        return Ok(());
    }
    let mend = match nearest(text, words.iter().copied()) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("there are {}", words.join(", ")),
    };
    Err(Fault::new(span.clone(), format!("there is no '{text}' here"), mend))
}

fn entries(list: &Expr) -> Typed<&[Expr]> {
    match &list.kind {
        ExprKind::List(entries) if entries.is_empty() => Err(Fault::new(
            list.span.clone(),
            "the list is empty, so this never holds",
            "name at least one entry",
        )),
        ExprKind::List(entries) => Ok(entries),
        _ => Err(Fault::new(
            list.span.clone(),
            "a list is wanted here",
            "write it in brackets: ['a', 'b']",
        )),
    }
}

fn text_entry(entry: &Expr) -> Typed<&str> {
    match &entry.kind {
        ExprKind::Text(text) => Ok(text),
        _ => Err(Fault::new(entry.span.clone(), "a text is wanted here", "put it in quotes: 'a'")),
    }
}

fn one_of(left: &Expr, list: &Expr) -> Typed<Predicate> {
    let entries = entries(list)?;
    let is_number = |entry: &Expr| matches!(entry.kind, ExprKind::Number(_));
    if entries.iter().all(is_number) {
        let (number, _) = number(left)?;
        let mut sorted: Vec<Amount> = entries.iter().filter_map(amount_of).collect();
        sorted.sort_unstable();
        return Ok(Predicate::OneOfNumbers { number, sorted: Arc::new(sorted) });
    }
    match value(left)? {
        Value::Field(field, Type::Currency) => {
            let read = |entry| currency(text_entry(entry)?, &entry.span);
            let among = entries.iter().map(read).collect::<Typed<_>>()?;
            Ok(Predicate::Currency { field, among })
        }
        Value::Field(field, value_type) if is_text(value_type) => {
            let read = |entry: &Expr| {
                let text = text_entry(entry)?;
                check_word(value_type, text, &entry.span)?;
                Ok(Box::from(text))
            };
            let set: HashSet<Box<str>> = entries.iter().map(read).collect::<Typed<_>>()?;
            Ok(Predicate::OneOf { text: Text::Field(field), set: Arc::new(set) })
        }
        other => Err(Fault::new(
            left.span.clone(),
            format!("{} cannot be one of these texts", told(&other)),
            "a number is sought among numbers, a text among texts in quotes",
        )),
    }
}

fn amount_of(entry: &Expr) -> Option<Amount> {
    match entry.kind {
        ExprKind::Number(amount) => Some(amount),
        _ => None,
    }
}

/// A text, or a list of them.
fn texts_of(expr: &Expr) -> Typed<Vec<Box<str>>> {
    match &expr.kind {
        ExprKind::Text(text) => Ok(vec![text.clone()]),
        _ => entries(expr)?.iter().map(|entry| text_entry(entry).map(Box::from)).collect(),
    }
}

fn under(left: &Expr, right: &Expr) -> Typed<Predicate> {
    let field = field_of(left, "`under` asks of a category")?;
    match field.value_type() {
        Type::Category | Type::Categories => {
            Ok(Predicate::Under { field, paths: Arc::new(texts_of(right)?) })
        }
        other => Err(Fault::new(
            left.span.clone(),
            format!("`{}` is {}, and has nothing below it", field.name(), other.told()),
            "`under` goes with item.category, cart.categories and context.category",
        )),
    }
}

fn has(left: &Expr, right: &Expr) -> Typed<Predicate> {
    let list = field_of(left, "`has` asks of a list")?;
    match list.value_type() {
        Type::Categories => Ok(Predicate::Under { field: list, paths: Arc::new(texts_of(right)?) }),
        Type::Items | Type::Values => match &right.kind {
            ExprKind::Text(id) => Ok(Predicate::Has { list, id: Text::Constant(id.clone()) }),
            ExprKind::List(_) => {
                let ids = texts_of(right)?.into_iter().collect();
                Ok(Predicate::HasAny { list, ids: Arc::new(ids) })
            }
            _ => {
                let id = field_of(right, "an item id is wanted here")?;
                match id.value_type() {
                    Type::Text | Type::Attribute => {
                        Ok(Predicate::Has { list, id: Text::Field(id) })
                    }
                    other => Err(Fault::new(
                        right.span.clone(),
                        format!("`{}` is {}, not an item id", id.name(), other.told()),
                        match list.value_type() {
                            Type::Values => format!("write {} has item.attr.…", list.name()),
                            _ => format!("write {} has item.id", list.name()),
                        },
                    )),
                }
            }
        },
        other => Err(Fault::new(
            left.span.clone(),
            format!("`{}` is {}, not a list", list.name(), other.told()),
            "`has` goes with cart.items, cart.categories, customer.bought, customer.holdings, \
             anchor.attr.…",
        )),
    }
}

fn contains(op: Op, left: &Expr, right: &Expr) -> Typed<Predicate> {
    let field = field_of(left, "this asks of a text")?;
    if !is_text(field.value_type()) {
        return Err(Fault::new(
            left.span.clone(),
            format!("`{}` is {}, not a text", field.name(), field.value_type().told()),
            format!("`{}` goes with texts: item.title, item.attr.…", op.as_str()),
        ));
    }
    let part = Box::<str>::from(text_entry(right)?);
    Ok(Predicate::Contains { text: Text::Field(field), part, at_start: op == Op::StartsWith })
}

fn field_of(expr: &Expr, wanted: &str) -> Typed<Field> {
    match &expr.kind {
        ExprKind::Path(parts) => Field::find(parts, &expr.span),
        _ => Err(Fault::new(expr.span.clone(), wanted, "name a field, such as item.category")),
    }
}

#[cfg(test)]
mod tests;

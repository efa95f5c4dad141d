//! The report as one page without anything from elsewhere.

use crate::findings::{Estimate, Findings};
use crate::words::{
    EVENT_HEADS, METRIC_HEADS, PLACEMENT_HEADS, RELATION_HEADS, SEGMENT_HEADS, event_rows,
    metric_rows, notes, number, placement_cells, relation_cells, segment_cells,
};
use std::fmt::Write;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:68rem;\
padding:0 1rem;color:#1d2430;background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;\
margin-top:2rem}p.lead{font-size:1.25rem}table{border-collapse:collapse;width:100%}\
th,td{padding:.4rem .6rem;text-align:right;border-bottom:1px solid #d9dee6;\
font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left}\
div.table-wrap{overflow-x:auto}ul{padding-left:1.2rem;color:#4a5568}\
svg{width:100%;max-width:36rem;height:auto}\
@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#12161d}\
th,td{border-color:#2c3442}ul{color:#a8b3c4}}";

/// A page of its own, without anything from elsewhere.
pub fn write(findings: &Findings) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>What the offers earned</title><style>{STYLE}\
         </style><h1>What the offers earned</h1>{}</html>",
        body(findings)
    )
}

/// What stands below the heading, for any page to hold. Texts are escaped.
pub fn body(findings: &Findings) -> String {
    let mut page = String::new();
    for (at, sentence) in findings.sentences.iter().enumerate() {
        let class = if at == 0 { " class=\"lead\"" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(page, "<p{class}>{}</p>", escaped(sentence));
    }
    if let Some(earned) = &findings.incremental_revenue {
        page.push_str(&chart(earned, findings.attributed_kept.unwrap_or_default()));
    }
    let rows = metric_rows(&findings.metrics).into_iter().map(|row| row.to_vec());
    table(&mut page, "In both arms", &METRIC_HEADS, rows);
    let rows = findings.placements.iter().map(|place| placement_cells(place).to_vec());
    table(&mut page, "By placement", &PLACEMENT_HEADS, rows);
    let rows = findings.relations.iter().map(|one| relation_cells(one).to_vec());
    table(&mut page, "By relation", &RELATION_HEADS, rows);
    let rows = findings.segments.iter().map(|one| segment_cells(one).to_vec());
    table(&mut page, "By customers", &SEGMENT_HEADS, rows);
    let rows = event_rows(&findings.doubts).into_iter().map(|row| row.to_vec());
    table(&mut page, "Events", &EVENT_HEADS, rows);
    page.push_str("<h2>How it was measured</h2><ul class=\"quiet\">");
    for note in notes(findings) {
        let _ = write!(page, "<li>{}</li>", escaped(&note));
    }
    let _ = write!(
        page,
        "</ul><p class=\"quiet\">{} to {}</p>",
        escaped(findings.from.as_deref().unwrap_or("–")),
        escaped(&findings.to)
    );
    page
}

fn table(page: &mut String, title: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = write!(
        page,
        "<h2>{title}</h2><div class=\"table-wrap\" role=\"region\" aria-label=\"{title}\" \
         tabindex=\"0\"><table class=\"figures-table\"><tr>"
    );
    for head in heads {
        let _ = write!(page, "<th scope=\"col\">{}</th>", escaped(head));
    }
    page.push_str("</tr>");
    for row in rows {
        page.push_str("<tr>");
        for cell in row {
            let _ = write!(page, "<td>{}</td>", escaped(&cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table></div>");
}

/// The interval of what was earned on one line with zero and what a usual report would claim.
fn chart(earned: &Estimate, attributed: f64) -> String {
    let marks = [earned.low, earned.high, attributed, 0.0];
    let low = marks.iter().copied().fold(f64::INFINITY, f64::min);
    let high = marks.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = if high > low { high - low } else { 1.0 };
    let x = |value: f64| 20.0 + 360.0 * (value - low) / width;
    let (from, to, at) = (x(earned.low), x(earned.high), x(earned.value));
    let (zero, claimed) = (x(0.0), x(attributed));
    // A label keeps clear of the edges; its mark does not move.
    let label = |at: f64| at.clamp(110.0, 290.0);
    let (earned_label, claimed_label) = (label(at), label(claimed));
    format!(
        "<svg class=\"interval\" viewBox=\"0 0 400 110\" role=\"img\" \
         aria-label=\"Earned {} ({} to {}); bought from offers {}\"><line \
         x1=\"{zero:.1}\" y1=\"10\" x2=\"{zero:.1}\" y2=\"80\" \
         stroke=\"#8a94a6\" stroke-dasharray=\"4 4\"/><text \
         x=\"{zero:.1}\" y=\"100\" text-anchor=\"middle\" \
         font-size=\"14\" fill=\"currentColor\">0</text><line x1=\"{from:.1}\" y1=\"35\" \
         x2=\"{to:.1}\" y2=\"35\" stroke=\"#1f7a4d\" stroke-width=\"6\" stroke-linecap=\"round\"/>\
         <circle cx=\"{at:.1}\" cy=\"35\" r=\"8\" fill=\"#1f7a4d\"/><text \
         x=\"{earned_label:.1}\" y=\"22\" \
         text-anchor=\"middle\" font-size=\"14\" fill=\"currentColor\">earned {}</text>\
         <circle cx=\"{claimed:.1}\" cy=\"65\" r=\"7\" fill=\"none\" stroke=\"#b4690e\" \
         stroke-width=\"3\"/><text x=\"{claimed_label:.1}\" y=\"90\" text-anchor=\"middle\" \
         font-size=\"14\" fill=\"currentColor\">bought from offers {}</text></svg>",
        number(earned.value),
        number(earned.low),
        number(earned.high),
        number(attributed),
        number(earned.value),
        number(attributed),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! Pictures for items that have none: drawn from the words of the title, the same for the same
//! title, with nothing of the title's text in them.
//!
//! The last word that names a thing gives the shape ("… T-LIGHT HOLDER" a candle, "JUMBO BAG …" a
//! bag), colors and patterns give the fill, another thing in the title becomes a small emblem.

mod glyph;
mod shapes;
mod tone;

use super::card::is_shown;
use crate::extract::PathIn;
use crate::state::AppState;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use glyph::glyph_of;
use shapes::Glyph;
use std::fmt::Write;
use tone::{Pattern, Tone, pattern_of, tone_of};

/// `/art/ITEM_ID`. Drawn in microseconds, so only the browser keeps it.
pub(super) async fn picture(State(state): State<AppState>, PathIn(item_id): PathIn) -> Response {
    let served = state.inner.served.load();
    let world = &served.world;
    let Some(item) = world.item_idx(&item_id).filter(|&item| is_shown(world, item)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, "image/svg+xml"),
        (CACHE_CONTROL, "public, max-age=3600"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'none'"),
    ];
    (headers, draw(world.title(item), world.item_id(item))).into_response()
}

/// The picture of a title; the id tells items of the same title apart by their background.
pub(crate) fn draw(title: &str, item_id: &str) -> String {
    let words: Vec<String> = title
        .split(|char: char| !char.is_alphanumeric() && char != '-')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let hash = rapidhash::v3::rapidhash_v3(format!("{title}\0{item_id}").as_bytes());
    let things: Vec<Glyph> = words.iter().rev().filter_map(|word| glyph_of(word)).collect();
    let thing = things.iter().find(|glyph| !glyph.is_emblem());
    let main = thing.or(things.first()).copied().unwrap_or(Glyph::Parcel);
    let mut marks = things.iter().copied().filter(|other| *other != main && other.is_emblem());
    let emblem = marks.next().filter(|_| main.bears_emblem());
    let tone = words.iter().find_map(|word| tone_of(word)).unwrap_or_else(|| Tone::any(hash));
    let pattern = words.iter().find_map(|word| pattern_of(word));
    compose(hash, main, emblem, tone, pattern)
}

fn compose(
    hash: u64,
    main: Glyph,
    emblem: Option<Glyph>,
    tone: Tone,
    pattern: Option<Pattern>,
) -> String {
    let ground = tone.ground(hash);
    let mut svg = String::with_capacity(2_048);
    svg.push_str("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 200 200\"><defs>");
    let _ = write!(
        svg,
        "<radialGradient id=\"g\" cx=\".5\" cy=\".38\" r=\".75\"><stop stop-color=\"{}\"/>\
         <stop offset=\"1\" stop-color=\"{}\"/></radialGradient>",
        ground.css(3),
        ground.css(-5),
    );
    let fill = match pattern {
        Some(pattern) => {
            svg.push_str(&pattern.definition(&tone.css(0), &tone.contrast()));
            "url(#p)".to_owned()
        }
        None => tone.css(0),
    };
    let _ = write!(
        svg,
        "</defs><rect width=\"200\" height=\"200\" fill=\"url(#g)\"/>\
         <ellipse cx=\"100\" cy=\"161\" rx=\"46\" ry=\"6\" fill=\"{}\" opacity=\".55\"/>\
         <g transform=\"translate(40 40) scale(1.2)\">{}</g>",
        ground.css(-16),
        glyph::paint(main, &fill, &tone.css(-14), &tone.css(12)),
    );
    if let Some(emblem) = emblem {
        let color = tone.contrast();
        let _ = write!(
            svg,
            "<g transform=\"translate(84 98) scale(.32)\">{}</g>",
            glyph::paint(emblem, &color, &color, &color),
        );
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_title_gives_the_same_picture_and_none_of_its_text() {
        let title = "<script>RED \"HEART\" & BAG</script>";
        let picture = draw(title, "1");
        assert_eq!(picture, draw(title, "1"));
        assert!(!picture.contains("script") && !picture.contains("RED"));
        assert_ne!(draw("JUMBO BAG RED RETROSPOT", "1"), draw("WHITE METAL LANTERN", "1"));
    }

    #[test]
    fn every_shape_and_odd_title_is_well_formed() {
        let titles = ["", "🎁", "T-LIGHT", "x".repeat(5_000).leak(), "BLUE POLKADOT STRIPE"];
        let drawn = titles.iter().map(|title| draw(title, "A"));
        let each = Glyph::ALL
            .iter()
            .map(|&glyph| compose(7, glyph, Some(Glyph::Heart), Tone::any(9), Some(Pattern::Dots)));
        for svg in drawn.chain(each) {
            let opened = svg.matches('<').count() - svg.matches("</").count();
            let closed = svg.matches("</").count() + svg.matches("/>").count();
            assert_eq!(opened, closed, "{svg}");
            assert!(!svg.contains('{') && svg.len() < 8_000, "{svg}");
        }
    }
}

//! Colors and patterns named in titles.

/// A color: hue in degrees, saturation and lightness in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tone {
    hue: u16,
    saturation: i16,
    lightness: i16,
}

const fn tone(hue: u16, saturation: i16, lightness: i16) -> Tone {
    Tone { hue, saturation, lightness }
}

/// Soft colors for titles that name none.
const ANY: [Tone; 8] = [
    tone(12, 52, 60),
    tone(34, 58, 58),
    tone(152, 30, 48),
    tone(196, 40, 50),
    tone(222, 38, 58),
    tone(268, 30, 60),
    tone(338, 46, 62),
    tone(172, 34, 44),
];

pub(super) fn tone_of(word: &str) -> Option<Tone> {
    Some(match word {
        "white" | "porcelain" => tone(40, 20, 97),
        "ivory" | "cream" | "vanilla" => tone(42, 50, 88),
        "red" | "scarlet" | "poppy" | "christmas" => tone(2, 62, 52),
        "pink" | "rose" | "fairy" => tone(340, 58, 70),
        "blue" | "navy" | "denim" => tone(214, 46, 50),
        "sky" | "skyblue" | "aqua" => tone(196, 52, 64),
        "turquoise" | "teal" => tone(178, 44, 46),
        "green" | "leaf" | "ivy" => tone(134, 32, 44),
        "mint" | "sage" => tone(148, 28, 66),
        "yellow" | "lemon" => tone(46, 82, 60),
        "orange" | "amber" | "tangerine" => tone(26, 80, 58),
        "purple" | "violet" | "lavender" | "lilac" | "amethyst" => tone(270, 34, 58),
        "black" | "ebony" | "chalkboard" | "blackboard" => tone(230, 8, 24),
        "grey" | "gray" | "slate" => tone(220, 8, 56),
        "silver" | "zinc" | "metal" | "steel" | "chrome" | "glass" => tone(210, 12, 74),
        "gold" | "golden" | "brass" | "antique" => tone(42, 52, 54),
        "copper" | "bronze" => tone(20, 46, 50),
        "brown" | "chocolate" | "coffee" | "wood" | "wooden" | "wicker" => tone(26, 36, 42),
        "natural" | "jute" | "hessian" | "straw" => tone(36, 36, 66),
        _ => return None,
    })
}

impl Tone {
    pub(super) fn any(hash: u64) -> Tone {
        ANY[(hash % ANY.len() as u64) as usize]
    }

    /// The color, lighter or darker by some percent.
    pub(super) fn css(self, lighter: i16) -> String {
        let lightness = (self.lightness + lighter).clamp(8, 99);
        format!("hsl({} {}% {lightness}%)", self.hue, self.saturation)
    }

    /// The soft ground that the thing stands on; darker under a pale thing, so that it stands out.
    pub(super) fn ground(self, hash: u64) -> Tone {
        let is_pale = 80 <= self.lightness || self.saturation < 14;
        let turn = [0, 24, 40, 186, 200, 330][(hash >> 8) as usize % 6];
        match is_pale {
            true => tone([152, 200, 222, 22, 338, 262][(hash >> 8) as usize % 6], 24, 78),
            false => tone((self.hue + turn) % 360, 34, 91),
        }
    }

    /// For marks on the thing: white on dark, dark on pale.
    pub(super) fn contrast(self) -> String {
        if 72 <= self.lightness {
            tone(self.hue, self.saturation.max(30), 44).css(0)
        } else {
            "hsl(40 40% 97%)".to_owned()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Dots,
    Stripes,
    Checks,
    Blossoms,
}

pub(super) fn pattern_of(word: &str) -> Option<Pattern> {
    Some(match word {
        "polkadot" | "polkadots" | "spot" | "spots" | "spotty" | "retrospot" | "dotcomgiftshop"
        | "dolly" | "confetti" => Pattern::Dots,
        "stripe" | "stripes" | "striped" | "stripey" | "circus" => Pattern::Stripes,
        "check" | "checked" | "gingham" | "tartan" | "union" | "jack" => Pattern::Checks,
        "floral" | "flower" | "flowers" | "paisley" | "rosie" | "daisy" | "blossom" | "vintage"
        | "suki" | "regency" => Pattern::Blossoms,
        _ => return None,
    })
}

impl Pattern {
    pub(super) fn definition(self, ground: &str, mark: &str) -> String {
        let marks = match self {
            Pattern::Dots => format!(
                "<circle cx=\"4\" cy=\"4\" r=\"2.1\" fill=\"{mark}\"/>\
                 <circle cx=\"10\" cy=\"10\" r=\"2.1\" fill=\"{mark}\"/>"
            ),
            Pattern::Stripes => {
                format!("<rect x=\"0\" width=\"4\" height=\"12\" fill=\"{mark}\" opacity=\".75\"/>")
            }
            Pattern::Checks => format!(
                "<rect width=\"6\" height=\"12\" fill=\"{mark}\" opacity=\".4\"/>\
                 <rect width=\"12\" height=\"6\" fill=\"{mark}\" opacity=\".4\"/>"
            ),
            Pattern::Blossoms => format!(
                "<g fill=\"{mark}\" opacity=\".8\"><circle cx=\"6\" cy=\"3.6\" r=\"1.5\"/>\
                 <circle cx=\"8.4\" cy=\"6\" r=\"1.5\"/><circle cx=\"6\" cy=\"8.4\" r=\"1.5\"/>\
                 <circle cx=\"3.6\" cy=\"6\" r=\"1.5\"/></g>"
            ),
        };
        format!(
            "<pattern id=\"p\" width=\"12\" height=\"12\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"12\" height=\"12\" fill=\"{ground}\"/>{marks}</pattern>"
        )
    }
}

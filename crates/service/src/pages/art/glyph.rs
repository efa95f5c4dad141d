//! Which thing a word names, and how it is painted.

use super::shapes::Glyph;

/// The thing that a word names, in small letters.
pub(super) fn glyph_of(word: &str) -> Option<Glyph> {
    use Glyph::*;
    let singular = word.strip_suffix('s').filter(|word| word.len() > 2).unwrap_or(word);
    Some(match singular {
        "heart" | "love" | "sweetheart" => Heart,
        "star" | "snowflake" | "sparkle" => Star,
        "bag" | "purse" | "handbag" | "tote" | "shopper" | "wallet" | "rucksack" => Bag,
        "mug" | "cup" | "teacup" | "coffee" => Mug,
        "teapot" | "kettle" | "jug" | "milk" => Teapot,
        "candle" | "t-light" | "t-lights" | "tealight" | "incense" | "candlestick" => Candle,
        "lantern" => Lantern,
        "lamp" | "light" | "lampshade" | "chandelier" | "torch" => Lamp,
        "clock" | "watch" | "timer" => Clock,
        "tin" | "caddy" | "canister" | "bin" | "bucket" | "pot" => Tin,
        "jar" | "jam" | "vase" | "terrarium" => Jar,
        "bottle" | "flask" | "atomiser" | "soap" | "perfume" => Bottle,
        "plate" | "tray" | "coaster" | "dish" => Plate,
        "bowl" | "basin" => Bowl,
        "cutlery" | "spoon" | "fork" | "knife" | "spatula" | "whisk" | "utensil" => Cutlery,
        "cake" | "cupcake" | "baking" | "muffin" | "fairy" => Cake,
        "cakestand" | "tier" => CakeStand,
        "case" | "cases" | "mould" => CakeCase,
        "bunting" | "garland" | "flag" | "chain" | "streamer" => Bunting,
        "frame" | "picture" | "photo" | "wall" | "art" | "poster" => Frame,
        "card" | "wrap" | "envelope" | "paper" | "tissue" | "napkin" | "sticker" | "postcard" => {
            Card
        }
        "book" | "notebook" | "journal" | "diary" | "passport" | "album" | "recipe" => Book,
        "pencil" | "pen" | "crayon" | "chalk" | "brush" | "sharpener" => Pencil,
        "sign" | "plaque" | "chalkboard" | "blackboard" | "board" | "memo" => Sign,
        "cushion" | "pillow" | "quilt" | "pad" | "beanbag" => Cushion,
        "towel" | "apron" | "blanket" | "cloth" | "glove" | "throw" | "tablecloth" => Towel,
        "umbrella" | "parasol" => Umbrella,
        "bird" | "owl" | "dove" | "chick" | "hen" | "duck" | "robin" | "parrot" | "feather" => Bird,
        "cat" | "kitten" | "dog" | "rabbit" | "bunny" | "reindeer" | "fox" | "dinosaur" => Cat,
        "flower" | "rose" | "daisy" | "poppy" | "lily" | "tulip" | "bouquet" | "wreath" => Flower,
        "tree" | "leaf" | "fern" | "seed" | "herb" | "garden" => Tree,
        "ring" | "earring" | "bangle" | "bracelet" => Ring,
        "necklace" | "pendant" | "bead" | "charm" | "brooch" | "keyring" | "keychain" => Necklace,
        "hook" | "hanger" | "rack" | "knob" | "doorstop" | "key" => Hook,
        "drawer" | "cabinet" | "chest" | "shelf" | "cupboard" | "sideboard" => Drawers,
        "basket" | "hamper" | "crate" | "trug" => Basket,
        "doormat" | "mat" | "rug" | "placemat" => Mat,
        "ball" | "bauble" | "balloon" | "marble" => Ball,
        "doll" | "soldier" | "angel" | "girl" | "boy" | "toy" | "puppet" | "gnome" => Doll,
        "mirror" => Mirror,
        "ribbon" | "bow" | "tape" | "string" | "lace" | "sewing" | "button" => Ribbon,
        "watering" | "can" => WateringCan,
        "egg" | "easter" => Egg,
        "butterfly" | "dragonfly" | "bee" | "ladybird" => Butterfly,
        "house" | "cottage" | "birdhouse" | "home" | "shed" | "cabin" | "door" => House,
        "box" | "gift" | "parcel" => Parcel,
        _ => return None,
    })
}

impl Glyph {
    /// Does it read as a small mark on something else?
    pub(super) fn is_emblem(self) -> bool {
        use Glyph::*;
        matches!(self, Heart | Star | Flower | Bird | Butterfly | Tree | Cat)
    }

    /// Has it a face that a small mark fits on?
    pub(super) fn bears_emblem(self) -> bool {
        use Glyph::*;
        matches!(
            self,
            Bag | Mug | Candle | Tin | Jar | Plate | Bowl | Book | Cushion | Towel | Drawers | Ball
        )
    }
}

/// The shape in three colors.
pub(super) fn paint(glyph: Glyph, a: &str, b: &str, c: &str) -> String {
    let shape = glyph.shape();
    let mut svg = String::with_capacity(shape.len() + 200);
    let mut rest = shape;
    // Colors stand in the shapes as "A", "B" and "C": one capital within quotes.
    while let Some(at) = rest.find('"') {
        let (head, tail) = rest.split_at(at + 1);
        svg.push_str(head);
        rest = tail;
        for (mark, color) in [("A\"", a), ("B\"", b), ("C\"", c)] {
            if tail.starts_with(mark) {
                svg.push_str(color);
                rest = &tail[1..];
            }
        }
    }
    svg.push_str(rest);
    svg
}

//! The things that can be drawn: one list of names and files.

/// `Name "file"` of each thing, in a box of 100 by 100.
macro_rules! glyphs {
    ($($name:ident $file:literal,)+) => {
        /// A thing that a title may name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Glyph {
            $($name,)+
        }

        impl Glyph {
            #[cfg(test)]
            pub(super) const ALL: &[Glyph] = &[$(Glyph::$name,)+];

            /// The drawing: `A` is the fill, `B` a darker, `C` a lighter tone.
            pub(super) const fn shape(self) -> &'static str {
                match self {
                    $(Glyph::$name => {
                        include_str!(concat!("../../../assets/glyphs/", $file, ".svg"))
                    })+
                }
            }
        }
    };
}

glyphs! {
    Parcel "parcel",
    Heart "heart",
    Star "star",
    Bag "bag",
    Mug "mug",
    Teapot "teapot",
    Candle "candle",
    Lantern "lantern",
    Lamp "lamp",
    Clock "clock",
    Tin "tin",
    Jar "jar",
    Bottle "bottle",
    Plate "plate",
    Bowl "bowl",
    Cutlery "cutlery",
    Cake "cake",
    CakeStand "cake_stand",
    CakeCase "cake_case",
    Bunting "bunting",
    Frame "frame",
    Card "card",
    Book "book",
    Pencil "pencil",
    Sign "sign",
    Cushion "cushion",
    Towel "towel",
    Umbrella "umbrella",
    Bird "bird",
    Cat "cat",
    Flower "flower",
    Tree "tree",
    Ring "ring",
    Necklace "necklace",
    Hook "hook",
    Drawers "drawers",
    Basket "basket",
    Mat "mat",
    Ball "ball",
    Doll "doll",
    Mirror "mirror",
    Ribbon "ribbon",
    WateringCan "watering_can",
    Egg "egg",
    Butterfly "butterfly",
    House "house",
}

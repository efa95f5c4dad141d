//! The drawings themselves.

use super::glyph::Glyph;

pub(super) const fn of(glyph: Glyph) -> &'static str {
    match glyph {
        Glyph::Parcel => concat!(
            r##"<rect x="14" y="38" width="72" height="58" rx="5" fill="A"/>"##,
            r##"<rect x="9" y="28" width="82" height="18" rx="4" fill="B"/>"##,
            r##"<rect x="44" y="28" width="12" height="68" fill="C"/>"##,
            r##"<path d="M50 28C38 6 20 12 26 22c4 6 16 6 24 6zM50 28C62 6 80 12 74 22c-4 6-16 6-24 6z" fill="none" stroke="C" stroke-width="6"/>"##
        ),
        Glyph::Heart => {
            r##"<path d="M50 92C10 62 4 44 8 30 13 12 38 8 50 30 62 8 87 12 92 30c4 14-2 32-42 62z" fill="A"/><path d="M22 28c5-7 13-7 17-2" fill="none" stroke="C" stroke-width="5" stroke-linecap="round"/>"##
        }
        Glyph::Star => {
            r##"<path d="M50 6l13 29 31 4-23 22 6 32-27-16-27 16 6-32L6 39l31-4z" fill="A"/><path d="M50 6l13 29 31 4-44 18z" fill="C" opacity=".5"/>"##
        }
        Glyph::Bag => concat!(
            r##"<path d="M34 36V26a16 16 0 0 1 32 0v10" fill="none" stroke="B" stroke-width="6"/>"##,
            r##"<path d="M18 34h64l8 54a8 8 0 0 1-8 8H18a8 8 0 0 1-8-8z" fill="A"/>"##,
            r##"<path d="M18 34h64l1 9H17z" fill="B"/>"##
        ),
        Glyph::Mug => concat!(
            r##"<path d="M70 42h10a14 14 0 0 1 0 30H68" fill="none" stroke="B" stroke-width="8"/>"##,
            r##"<path d="M16 28h58v52a16 16 0 0 1-16 16H32a16 16 0 0 1-16-16z" fill="A"/>"##,
            r##"<ellipse cx="45" cy="28" rx="29" ry="7" fill="B"/>"##,
            r##"<path d="M36 14q-5-6 0-12M52 14q-5-6 0-12" fill="none" stroke="C" stroke-width="4" stroke-linecap="round"/>"##
        ),
        Glyph::Teapot => concat!(
            r##"<path d="M76 50q18-4 18-18l-6-2q-2 10-16 10z" fill="B"/><path d="M22 48q-18 0-14 18 3 12 20 10" fill="none" stroke="B" stroke-width="7"/>"##,
            r##"<path d="M22 44h54q8 14 4 30a28 22 0 0 1-62 0q-4-16 4-30z" fill="A"/>"##,
            r##"<path d="M26 44q23-22 46 0z" fill="B"/><circle cx="49" cy="28" r="6" fill="C"/>"##
        ),
        Glyph::Candle => concat!(
            r##"<path d="M50 6q13 16 4 25-8 4-11-4Q42 17 50 6z" fill="hsl(38 92% 62%)"/><rect x="48.5" y="30" width="3" height="10" fill="hsl(30 20% 30%)"/>"##,
            r##"<rect x="28" y="40" width="44" height="48" rx="5" fill="A"/><ellipse cx="50" cy="41" rx="22" ry="5" fill="C"/>"##,
            r##"<path d="M18 84h64l-6 12H24z" fill="B"/>"##
        ),
        Glyph::Lantern => concat!(
            r##"<circle cx="50" cy="10" r="7" fill="none" stroke="B" stroke-width="4"/><path d="M28 30L50 15l22 15z" fill="B"/>"##,
            r##"<rect x="24" y="30" width="52" height="58" rx="4" fill="A"/><rect x="32" y="38" width="36" height="42" rx="3" fill="hsl(44 90% 86%)"/>"##,
            r##"<path d="M50 46q9 11 3 19-6 3-8-3-2-8 5-16z" fill="hsl(36 92% 58%)"/><rect x="46" y="64" width="8" height="16" fill="hsl(40 40% 97%)"/>"##,
            r##"<rect x="48.5" y="38" width="3" height="42" fill="A" opacity=".35"/><rect x="19" y="86" width="62" height="9" rx="3" fill="B"/>"##
        ),
        Glyph::Lamp => concat!(
            r##"<path d="M34 10h32l16 42H18z" fill="A"/><path d="M18 52h64l1 4H17z" fill="C"/>"##,
            r##"<rect x="46" y="56" width="8" height="30" fill="B"/><ellipse cx="50" cy="90" rx="24" ry="7" fill="B"/>"##
        ),
        Glyph::Clock => concat!(
            r##"<circle cx="26" cy="18" r="11" fill="B"/><circle cx="74" cy="18" r="11" fill="B"/><path d="M26 82l-8 14M74 82l8 14" stroke="B" stroke-width="7" stroke-linecap="round"/>"##,
            r##"<circle cx="50" cy="54" r="38" fill="A"/><circle cx="50" cy="54" r="28" fill="hsl(40 40% 97%)"/>"##,
            r##"<path d="M50 54V36M50 54l13 8" stroke="hsl(220 14% 26%)" stroke-width="5" stroke-linecap="round"/><circle cx="50" cy="54" r="3.5" fill="hsl(220 14% 26%)"/>"##
        ),
        Glyph::Tin => concat!(
            r##"<path d="M18 34h64v52q0 10-32 10T18 86z" fill="A"/><ellipse cx="50" cy="34" rx="32" ry="9" fill="B"/>"##,
            r##"<path d="M16 22h68v12q0 8-34 8T16 34z" fill="B"/><ellipse cx="50" cy="22" rx="34" ry="9" fill="C"/><circle cx="50" cy="17" r="5" fill="B"/>"##
        ),
        Glyph::Jar => concat!(
            r##"<rect x="28" y="8" width="44" height="16" rx="4" fill="B"/><path d="M28 28h44q10 6 10 18v38a12 12 0 0 1-12 12H30a12 12 0 0 1-12-12V46q0-12 10-18z" fill="A"/>"##,
            r##"<rect x="30" y="52" width="40" height="26" rx="4" fill="hsl(40 40% 97%)" opacity=".85"/><path d="M38 62h24M38 69h16" stroke="B" stroke-width="3" stroke-linecap="round"/>"##
        ),
        Glyph::Bottle => concat!(
            r##"<rect x="40" y="4" width="20" height="12" rx="3" fill="B"/><path d="M42 16h16v16q18 8 18 26v28a10 10 0 0 1-10 10H34a10 10 0 0 1-10-10V58q0-18 18-26z" fill="A"/>"##,
            r##"<rect x="32" y="58" width="36" height="24" rx="3" fill="C"/>"##
        ),
        Glyph::Plate => {
            r##"<circle cx="50" cy="52" r="44" fill="A"/><circle cx="50" cy="52" r="29" fill="C"/><circle cx="50" cy="52" r="29" fill="none" stroke="B" stroke-width="2.5"/>"##
        }
        Glyph::Bowl => concat!(
            r##"<path d="M6 46h88q-2 38-30 44v6H36v-6Q8 84 6 46z" fill="A"/><ellipse cx="50" cy="46" rx="44" ry="10" fill="B"/><ellipse cx="50" cy="47" rx="36" ry="6.5" fill="C"/>"##
        ),
        Glyph::Cutlery => concat!(
            r##"<path d="M20 6v24q0 10 8 12v48q0 6 5 6t5-6V42q8-2 8-12V6h-5v22h-5V6h-6v22h-5V6z" fill="A"/>"##,
            r##"<ellipse cx="68" cy="24" rx="13" ry="19" fill="A"/><ellipse cx="66" cy="22" rx="8" ry="13" fill="C"/><path d="M64 42h8v48q0 6-4 6t-4-6z" fill="B"/>"##
        ),
        Glyph::Cake => concat!(
            r##"<path d="M24 58h52l-7 34a5 5 0 0 1-5 4H36a5 5 0 0 1-5-4z" fill="B"/><path d="M38 60l3 34M50 60v34M62 60l-3 34" stroke="C" stroke-width="3"/>"##,
            r##"<path d="M18 58q-4-14 10-18 2-18 22-18t22 18q14 4 10 18 0 4-5 4H23q-5 0-5-4z" fill="A"/><circle cx="50" cy="16" r="8" fill="hsl(352 66% 54%)"/>"##
        ),
        Glyph::CakeStand => concat!(
            r##"<rect x="48" y="8" width="4" height="84" fill="B"/><circle cx="50" cy="9" r="6" fill="none" stroke="B" stroke-width="4"/>"##,
            r##"<ellipse cx="50" cy="30" rx="20" ry="6" fill="A"/><ellipse cx="50" cy="55" rx="31" ry="8" fill="A"/><ellipse cx="50" cy="83" rx="42" ry="10" fill="A"/>"##,
            r##"<ellipse cx="50" cy="28.5" rx="14" ry="3" fill="C"/><ellipse cx="50" cy="53" rx="24" ry="4.5" fill="C"/><ellipse cx="50" cy="80.5" rx="34" ry="6" fill="C"/>"##
        ),
        Glyph::CakeCase => concat!(
            r##"<path d="M10 36h80L76 88q-1 6-8 6H32q-7 0-8-6z" fill="A"/><path d="M24 38l8 54M38 38l4 55M50 38v55M62 38l-4 55M76 38l-8 54" stroke="B" stroke-width="3"/>"##,
            r##"<path d="M8 36q5-8 10 0 5-8 11 0 5-8 10 0 6-8 11 0 5-8 11 0 5-8 10 0 6-8 11 0 5-8 10 0v5H8z" fill="C"/>"##
        ),
        Glyph::Bunting => concat!(
            r##"<path d="M2 24q48 26 96 0" fill="none" stroke="B" stroke-width="3"/>"##,
            r##"<path d="M8 28l22 8-15 32z" fill="A"/><path d="M36 38l26 0-13 36z" fill="C"/><path d="M69 36l23-8-8 40z" fill="B"/>"##
        ),
        Glyph::Frame => concat!(
            r##"<rect x="12" y="8" width="76" height="84" rx="4" fill="B"/><rect x="19" y="15" width="62" height="70" fill="A"/><rect x="29" y="25" width="42" height="50" fill="hsl(200 44% 88%)"/>"##,
            r##"<path d="M29 75V62l13-15 12 13 8-8 9 10v13z" fill="hsl(148 28% 56%)"/><circle cx="60" cy="37" r="5" fill="hsl(44 86% 64%)"/>"##
        ),
        Glyph::Card => concat!(
            r##"<rect x="20" y="10" width="60" height="80" rx="4" fill="C" transform="rotate(8 50 50)"/><rect x="18" y="12" width="60" height="80" rx="4" fill="A"/>"##,
            r##"<rect x="26" y="20" width="44" height="64" rx="2" fill="none" stroke="B" stroke-width="2.5"/><path d="M48 64C32 52 34 40 41 40q5 0 7 6 2-6 7-6c7 0 9 12-7 24z" fill="B"/>"##
        ),
        Glyph::Book => concat!(
            r##"<path d="M16 14a8 8 0 0 1 8-8h58v82H26a10 10 0 0 0-10 8z" fill="A"/><path d="M16 94a10 8 0 0 1 10-8h56v8H26q-6 0-6 2h62" fill="C"/><rect x="26" y="6" width="6" height="80" fill="B"/>"##,
            r##"<rect x="42" y="22" width="30" height="18" rx="2" fill="C"/>"##
        ),
        Glyph::Pencil => concat!(
            r##"<g transform="rotate(38 50 50)"><rect x="40" y="0" width="20" height="12" rx="4" fill="hsl(350 50% 70%)"/><rect x="40" y="11" width="20" height="8" fill="hsl(210 10% 74%)"/>"##,
            r##"<rect x="40" y="19" width="20" height="58" fill="A"/><rect x="46.5" y="19" width="7" height="58" fill="C"/><path d="M40 77h20L50 98z" fill="hsl(36 50% 78%)"/><path d="M46.5 90.500h7L50 98z" fill="B"/></g>"##
        ),
        Glyph::Sign => concat!(
            r##"<path d="M26 40L50 10l24 30" fill="none" stroke="B" stroke-width="3.5"/><circle cx="50" cy="10" r="4" fill="B"/><rect x="8" y="38" width="84" height="50" rx="5" fill="A"/>"##,
            r##"<rect x="14" y="44" width="72" height="38" rx="3" fill="none" stroke="C" stroke-width="2.5"/><path d="M26 57h48M34 69h32" stroke="C" stroke-width="5" stroke-linecap="round"/>"##
        ),
        Glyph::Cushion => {
            r##"<path d="M12 14q38 10 76 0 6 0 4 6-8 30 0 60 2 8-6 8-36-9-72 0-8 0-6-8 8-30 0-60-2-6 4-6z" fill="A"/><circle cx="50" cy="51" r="5" fill="B"/><path d="M50 51l-14-9M50 51l14-9M50 51l-12 12M50 51l12 12" stroke="B" stroke-width="2"/>"##
        }
        Glyph::Towel => concat!(
            r##"<rect x="8" y="10" width="84" height="7" rx="3.5" fill="B"/><path d="M22 13h56v80H22z" fill="A"/><path d="M22 70h56v7H22zM22 81h56v4H22z" fill="C"/><path d="M22 13h56v8H22z" fill="B" opacity=".45"/>"##
        ),
        Glyph::Umbrella => concat!(
            r##"<path d="M50 8v72q0 12-10 12t-10-10" fill="none" stroke="B" stroke-width="5" stroke-linecap="round"/><path d="M4 52Q8 12 50 12t46 40q-8-8-15 0-8-9-16 0-7-9-15 0-8-9-15 0-8-9-16 0-7-8-15 0z" fill="A"/>"##,
            r##"<path d="M50 12q-15 14-15 40 8-9 15 0 7-9 15 0 0-26-15-40z" fill="C" opacity=".55"/>"##
        ),
        Glyph::Bird => concat!(
            r##"<path d="M12 46q16-34 44-22 6-12 20-8 10 4 10 14l10 5-11 5q0 40-38 42-22 0-28-18L2 72q0-16 10-26z" fill="A"/>"##,
            r##"<path d="M34 44q20-6 30 8-10 18-28 14-6-10-2-22z" fill="B"/><circle cx="74" cy="29" r="3.5" fill="hsl(220 20% 20%)"/><path d="M48 82v14M60 80v16" stroke="hsl(30 60% 50%)" stroke-width="4" stroke-linecap="round"/>"##
        ),
        Glyph::Cat => concat!(
            r##"<path d="M22 40L18 8l20 14h24L82 8l-4 32q8 12 4 28-8 24-32 24T18 68q-4-16 4-28z" fill="A"/><path d="M24 16l10 10-8 8zM76 16L66 26l8 8z" fill="C"/>"##,
            r##"<circle cx="37" cy="52" r="4.5" fill="hsl(220 16% 22%)"/><circle cx="63" cy="52" r="4.5" fill="hsl(220 16% 22%)"/><path d="M46 64h8l-4 5zM50 69q-6 8-11 3M50 69q6 8 11 3" fill="B" stroke="B" stroke-width="2.5" stroke-linecap="round"/>"##
        ),
        Glyph::Flower => concat!(
            r##"<path d="M50 50q4 24 0 48M50 84Q34 82 30 68q18 0 20 16zM50 76q14 0 20-14-18-2-20 14z" fill="hsl(130 30% 46%)" stroke="hsl(130 30% 46%)" stroke-width="3"/>"##,
            r##"<g fill="A"><circle cx="50" cy="17" r="13"/><circle cx="69" cy="31" r="13"/><circle cx="62" cy="53" r="13"/><circle cx="38" cy="53" r="13"/><circle cx="31" cy="31" r="13"/></g><circle cx="50" cy="37" r="11" fill="hsl(44 86% 62%)"/>"##
        ),
        Glyph::Tree => {
            r##"<rect x="44" y="78" width="12" height="18" fill="hsl(26 36% 42%)"/><path d="M50 4l22 28H60l20 26H66l20 24H14l20-24H20l20-26H28z" fill="A"/><path d="M50 4l22 28H60l20 26H66l20 24H50z" fill="B" opacity=".35"/>"##
        }
        Glyph::Ring => {
            r##"<circle cx="50" cy="62" r="30" fill="none" stroke="A" stroke-width="9"/><path d="M34 20l8-12h16l8 12-16 17z" fill="C"/><path d="M34 20h32L50 37z" fill="B" opacity=".5"/>"##
        }
        Glyph::Necklace => concat!(
            r##"<path d="M12 8q4 56 38 58Q84 64 88 8" fill="none" stroke="B" stroke-width="3.5" stroke-dasharray="1 6" stroke-linecap="round"/>"##,
            r##"<path d="M50 94C32 82 32 66 41 65q7 0 9 8 2-8 9-8c9 1 9 17-9 29z" fill="A"/>"##
        ),
        Glyph::Hook => concat!(
            r##"<rect x="18" y="10" width="64" height="28" rx="8" fill="A"/><circle cx="30" cy="24" r="3" fill="C"/><circle cx="70" cy="24" r="3" fill="C"/>"##,
            r##"<path d="M50 38v34a14 14 0 0 0 28 0v-8" fill="none" stroke="B" stroke-width="8" stroke-linecap="round"/><circle cx="78" cy="60" r="6" fill="B"/>"##
        ),
        Glyph::Drawers => concat!(
            r##"<rect x="12" y="8" width="76" height="82" rx="5" fill="A"/><path d="M20 90v7M80 90v7" stroke="B" stroke-width="7"/>"##,
            r##"<g fill="C"><rect x="20" y="16" width="60" height="19" rx="2"/><rect x="20" y="40" width="60" height="19" rx="2"/><rect x="20" y="64" width="60" height="19" rx="2"/></g><g fill="B"><circle cx="50" cy="25.5" r="4"/><circle cx="50" cy="49.5" r="4"/><circle cx="50" cy="73.5" r="4"/></g>"##
        ),
        Glyph::Basket => concat!(
            r##"<path d="M22 46Q24 8 50 8t28 38" fill="none" stroke="B" stroke-width="6"/><path d="M8 44h84l-10 46a7 7 0 0 1-7 6H25a7 7 0 0 1-7-6z" fill="A"/>"##,
            r##"<path d="M12 58h76M15 72h70M18 85h64M32 46l4 48M50 46v48M68 46l-4 48" stroke="B" stroke-width="2.5"/><rect x="5" y="40" width="90" height="9" rx="4" fill="B"/>"##
        ),
        Glyph::Mat => {
            r##"<path d="M8 32h84v44H8z" fill="A"/><rect x="15" y="39" width="70" height="30" fill="none" stroke="C" stroke-width="3"/><path d="M8 34v40M4 36v36M92 34v40M96 36v36" stroke="B" stroke-width="3" stroke-dasharray="3 3"/><path d="M30 54h40" stroke="C" stroke-width="6" stroke-linecap="round"/>"##
        }
        Glyph::Ball => {
            r##"<path d="M50 18V6q0-4 5-4" fill="none" stroke="B" stroke-width="3" stroke-linecap="round"/><rect x="42" y="14" width="16" height="10" rx="2" fill="B"/><circle cx="50" cy="58" r="36" fill="A"/><path d="M16 50q34 14 68 0M16 66q34 14 68 0" fill="none" stroke="C" stroke-width="4"/><circle cx="37" cy="42" r="6" fill="C" opacity=".8"/>"##
        }
        Glyph::Doll => concat!(
            r##"<path d="M50 40L22 92q28 8 56 0z" fill="A"/><path d="M38 54L18 66M62 54l20 12" stroke="hsl(28 56% 80%)" stroke-width="7" stroke-linecap="round"/>"##,
            r##"<circle cx="50" cy="26" r="18" fill="hsl(28 56% 82%)"/><path d="M31 26q0-22 19-22t19 22q-8-10-19-10t-19 10z" fill="B"/><circle cx="44" cy="28" r="2.2" fill="hsl(220 16% 24%)"/><circle cx="56" cy="28" r="2.2" fill="hsl(220 16% 24%)"/><path d="M45 35q5 4 10 0" fill="none" stroke="hsl(350 50% 54%)" stroke-width="2.5" stroke-linecap="round"/>"##
        ),
        Glyph::Mirror => {
            r##"<ellipse cx="50" cy="42" rx="34" ry="38" fill="A"/><ellipse cx="50" cy="42" rx="25" ry="29" fill="hsl(200 40% 92%)"/><path d="M38 54l22-26M46 60l18-21" stroke="hsl(200 40% 99%)" stroke-width="4" stroke-linecap="round"/><path d="M42 78h16l4 18H38z" fill="B"/>"##
        }
        Glyph::Ribbon => {
            r##"<path d="M46 54L22 96l14-4 6 8 16-44zM54 54l24 42-14-4-6 8-16-44z" fill="B"/><path d="M50 44Q18 8 8 26t6 32q16 8 36-10zM50 44q32-36 42-18t-6 32q-16 8-36-10z" fill="A"/><rect x="40" y="34" width="20" height="22" rx="6" fill="C"/>"##
        }
        Glyph::WateringCan => {
            r##"<path d="M30 40Q28 12 52 12t24 30" fill="none" stroke="B" stroke-width="6"/><path d="M34 42h50v44a8 8 0 0 1-8 8H42a8 8 0 0 1-8-8z" fill="A"/><path d="M36 68L14 38l5-4 17 18z" fill="B"/><path d="M6 40l18-13-3-5L2 34z" fill="C"/><ellipse cx="59" cy="42" rx="25" ry="6" fill="C"/>"##
        }
        Glyph::Egg => {
            r##"<path d="M50 6c20 0 34 32 34 54a34 36 0 0 1-68 0C16 38 30 6 50 6z" fill="A"/><path d="M19 46l10 8 11-8 10 8 11-8 10 8 10-8M17 64l12 8 11-8 10 8 11-8 10 8 12-8" fill="none" stroke="C" stroke-width="4.5"/>"##
        }
        Glyph::Butterfly => {
            r##"<path d="M48 46Q22 4 6 20q-8 26 40 34-34 6-26 28 14 14 28-24zM52 46Q78 4 94 20q8 26-40 34 34 6 26 28-14 14-28-24z" fill="A"/><circle cx="24" cy="32" r="6" fill="C"/><circle cx="76" cy="32" r="6" fill="C"/><rect x="47" y="34" width="6" height="46" rx="3" fill="B"/><path d="M49 36q-4-14-12-18M51 36q4-14 12-18" fill="none" stroke="B" stroke-width="2.5"/>"##
        }
        Glyph::House => {
            r##"<path d="M14 46h72v50H14z" fill="A"/><path d="M4 50L50 8l46 42z" fill="B"/><rect x="42" y="66" width="18" height="30" rx="2" fill="C"/><rect x="22" y="58" width="14" height="14" rx="1.5" fill="hsl(44 90% 84%)"/><rect x="66" y="58" width="14" height="14" rx="1.5" fill="hsl(44 90% 84%)"/>"##
        }
    }
}

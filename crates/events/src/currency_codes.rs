//! The codes of ISO 4217: what three letters may stand beside a price or in a column of currencies.

use crate::Currency;

/// In use, funds and metals left out.
const CURRENT: &str = "\
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF \
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN \
    MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD \
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH \
    UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// Withdrawn since 2005: histories name them.
const WITHDRAWN: &str = "\
    ANG AZM BGN BYR CSD CUC CYP EEK GHC GWP HRK LTL LVL MGF MRO MTL MZM ROL SDD SIT SKK SLL SRG \
    STD TMM TRL VEB VEF VED XCU ZMK ZWD ZWL ZWR";

const N_WORDS: usize = (26 * 26 * 26_usize).div_ceil(64);

/// A bit for each three letters.
const KNOWN: [u64; N_WORDS] = with_codes(with_codes([0; N_WORDS], CURRENT), WITHDRAWN);

const fn with_codes(mut bits: [u64; N_WORDS], codes: &str) -> [u64; N_WORDS] {
    let bytes = codes.as_bytes();
    let mut at = 0;
    while at + 3 <= bytes.len() {
        let bit = place([bytes[at], bytes[at + 1], bytes[at + 2]]);
        bits[bit / 64] |= 1 << (bit % 64);
        at += 4;
    }
    bits
}

const fn place(letters: [u8; 3]) -> usize {
    let [a, b, c] = letters;
    ((a - b'A') as usize * 26 + (b - b'A') as usize) * 26 + (c - b'A') as usize
}

impl Currency {
    /// A code that ISO 4217 lists or has withdrawn since 2005; any other three letters are a word.
    pub fn is_known(self) -> bool {
        let letters = self.as_str().as_bytes().try_into().expect("a code has three letters");
        let bit = place(letters);
        KNOWN[bit / 64] >> (bit % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_the_lists() {
        let listed =
            |code: &str| CURRENT.split(' ').chain(WITHDRAWN.split(' ')).any(|known| known == code);
        let letters = || b'A'..=b'Z';
        let all =
            letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let mut n_known = 0;
        for code in all {
            let code = std::str::from_utf8(&code).unwrap();
            let is_known = Currency::parse(code).unwrap().is_known();
            assert_eq!(is_known, listed(code), "{code}");
            n_known += usize::from(is_known);
        }
        assert_eq!(n_known, (CURRENT.len() + WITHDRAWN.len() + 2) / 4, "each code stands once");
        for word in ["TBD", "NET", "PCS", "INF", "XXX"] {
            assert!(!listed(word), "{word}");
        }
    }
}

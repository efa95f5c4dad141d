use super::*;

#[test]
fn who_was_spared_is_read_from_the_record() {
    let spared = br#"{"offers":[],"spend":{"uplift":-1.5,"least":0,"left_out":true}}"#;
    assert!(is_spared(spared));
    let offered = br#"{"offers":[],"spend":{"uplift":-1.5,"least":0,"left_out":false}}"#;
    let quoted = br#"{"offers":[{"item_id":"\"left_out\":true"}],"note":{"left_out":true}}"#;
    let others: [&[u8]; 4] = [offered, quoted, b"{}", b"\"left_out\":true"];
    for other in others {
        assert!(!is_spared(other), "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn counts_tell_known_and_unmoved() {
    let nobody = measure::bootstrap::Interval { mean: 0.1, low: 0.05, high: 0.2 };
    let evidence = Evidence {
        n_treated: 900,
        n_control: 300,
        qini: nobody,
        uplift_at: nobody,
        n_left_out: 40,
        left_out: None,
        rest: None,
    };
    let of_customer = [Some(3), None, Some(0), Some(-2)];
    let of_customer = of_customer.map(|micros| micros.map(Amount)).to_vec();
    let told = Told { evidence, of_customer, currency: None, is_of_always_offered: false };
    assert_eq!(told.counts(), [3, 2]);
}

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

const CSV: Framing = Framing::Delimited(Dialect { delimiter: b',', terminator: b'\n' });

fn pieces(text: &[u8], framing: Framing) -> Vec<Piece> {
    let mut chunker = Chunker::new(Box::new(Cursor::new(text.to_vec())), framing);
    let mut pieces = Vec::new();
    while let Some(piece) = chunker.next_piece().unwrap() {
        pieces.push(piece);
    }
    pieces
}

/// Hands out a few bytes at a time, as pipes do.
struct Drops(Cursor<Vec<u8>>);

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(1_021);
        self.0.read(&mut buffer[..n])
    }
}

/// One line without an end, longer than any memory should be asked for.
struct Endless {
    n_left: u64,
    tail: &'static [u8],
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.n_left == 0 {
            return self.tail.read(buffer);
        }
        let n = buffer.len().min(self.n_left as usize);
        buffer[..n].fill(b'x');
        self.n_left -= n as u64;
        Ok(n)
    }
}

#[test]
fn small_files_are_one_piece_without_their_mark() {
    let pieces = pieces(b"\xef\xbb\xbfa,b\n1,2", CSV);
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].bytes, b"a,b\n1,2");
    assert!(pieces[0].is_first);
}

#[test]
fn pieces_join_to_the_file_and_begin_at_records() {
    let mut text = Vec::new();
    for row in 0..200_000 {
        text.extend_from_slice(format!("{row},\"two\nlines, {row}\",x\n").as_bytes());
    }
    let pieces = pieces(&text, CSV);
    assert!(pieces.len() > 2);
    assert_eq!(pieces.iter().flat_map(|piece| &piece.bytes).copied().collect::<Vec<_>>(), text);
    let mut n_lines = 0;
    for piece in &pieces {
        assert_eq!(piece.first_line, n_lines + 1);
        assert!(piece.bytes[0].is_ascii_digit());
        n_lines += piece.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    }

    let mut drops = Chunker::new(Box::new(Drops(Cursor::new(text))), CSV);
    for piece in pieces {
        let other = drops.next_piece().unwrap().unwrap();
        assert!(other.bytes == piece.bytes, "pieces depend on how the reader hands out bytes");
    }
}

#[test]
fn a_line_of_a_gigabyte_is_one_reject_in_little_memory() {
    let endless = Endless { n_left: 1 << 30, tail: b"\na,b\n" };
    let mut chunker = Chunker::new(Box::new(endless), CSV);
    let piece = chunker.next_piece().unwrap().unwrap();
    assert_eq!(piece.fault, Some(PieceFault::TooLong { n_bytes: 1 << 30 }));
    assert_eq!(piece.bytes.len(), MAX_RAW_BYTES);
    assert!(chunker.buffer.capacity() < 8 << 20, "{}", chunker.buffer.capacity());
    let rest = chunker.next_piece().unwrap().unwrap();
    assert_eq!((rest.bytes.as_slice(), rest.first_line), (&b"a,b\n"[..], 2));
    assert!(chunker.next_piece().unwrap().is_none());
}

#[test]
fn a_quote_that_is_never_closed_costs_one_line() {
    let mut text = b"a,b\n1,\"open\n".to_vec();
    for row in 0..300_000 {
        text.extend_from_slice(format!("{row},plain\n").as_bytes());
    }
    let pieces = pieces(&text, CSV);
    assert_eq!(pieces[0].bytes, b"a,b\n");
    assert_eq!(pieces[1].fault, Some(PieceFault::UnclosedQuote));
    assert_eq!((pieces[1].bytes.as_slice(), pieces[1].first_line), (&b"1,\"open\n"[..], 2));
    assert!(pieces[2].bytes.starts_with(b"0,plain\n1,plain\n"));
    assert_eq!(pieces[2].first_line, 3);
    let n_bytes: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
    assert_eq!(n_bytes, text.len());
}

#[test]
fn an_open_quote_at_the_end_costs_one_line_too() {
    let pieces = pieces(b"a,b\n1,\"x\n2,y\n3,z\n", CSV);
    let shown: Vec<_> = pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes)).collect();
    assert_eq!(shown, ["a,b\n", "1,\"x\n", "2,y\n3,z\n"]);
}

#[test]
fn json_lines_are_cut_at_line_ends_whatever_their_quotes() {
    let pieces = pieces(b"{\"a\":\"\\\"\"}\n{}\n", Framing::Lines);
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].fault, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing is lost and nothing is added, whatever the bytes.
    #[test]
    fn every_byte_is_in_one_piece(bytes in prop::collection::vec(
        prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(0), any::<u8>()], 0..300)
    ) {
        let mark = usize::from(bytes.starts_with(b"\xef\xbb\xbf")) * 3;
        for framing in [CSV, Framing::Lines] {
            let joined: Vec<u8> =
                pieces(&bytes, framing).iter().flat_map(|piece| piece.bytes.clone()).collect();
            prop_assert_eq!(&joined[..], &bytes[mark..]);
        }
    }
}

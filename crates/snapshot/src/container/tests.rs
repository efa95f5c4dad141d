use super::*;
use crate::fixture::full_writer;
use crate::{Snapshot, SnapshotWriter};
use proptest::prelude::*;

fn fault_of(bytes: &[u8]) -> Error {
    Container::from_bytes(bytes).expect_err("damage must be refused")
}

#[test]
fn a_file_cut_anywhere_is_corrupt() {
    let bytes = full_writer().to_bytes();
    for len in (0..bytes.len()).step_by(64).chain([1, 63, bytes.len() - 1]) {
        let fault = fault_of(&bytes[..len]);
        assert!(matches!(fault, Error::Corrupt { .. }), "{len} bytes: {fault}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(fault_of(&longer), Error::Corrupt { .. }));
}

#[test]
fn every_single_changed_byte_is_found() {
    let bytes = full_writer().to_bytes();
    for at in 0..bytes.len() {
        for bit in [1_u8, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let fault = fault_of(&changed);
            let is_format = (8..12).contains(&at) && matches!(fault, Error::FormatTooNew { .. });
            let is_corrupt = matches!(fault, Error::Corrupt { .. });
            assert!(is_corrupt || is_format, "byte {at}, bit {bit}: {fault}");
        }
    }
}

#[test]
fn foreign_files_and_later_formats_are_told_apart() {
    let mut bytes = full_writer().to_bytes();
    bytes[8..12].copy_from_slice(&(FORMAT + 1).to_le_bytes());
    match fault_of(&bytes) {
        Error::FormatTooNew { found, supported, .. } => assert_eq!((found, supported), (2, 1)),
        other => panic!("{other}"),
    }
    bytes[..8].copy_from_slice(b"PAR1PAR1");
    let text = fault_of(&bytes).to_string();
    assert!(text.contains("ALONGSNP") && text.contains("alongside learn"), "{text}");
}

#[test]
fn a_section_is_read_only_as_what_was_written() {
    let mut writer = SnapshotWriter::default();
    writer.add("wide", &[1_u64, 2]);
    writer.add("none", &[0_u8; 0]);
    let container = Container::from_bytes(&writer.to_bytes()).unwrap();
    let wide = container.section::<u64>("wide").unwrap();
    assert_eq!(container.view(&wide), [1, 2]);
    assert!(matches!(container.section::<u32>("wide"), Err(Error::Corrupt { .. })));
    let absent = container.section::<u64>("none").unwrap();
    assert_eq!(container.view(&absent), [0_u64; 0]);
    assert_eq!(container.sections().collect::<Vec<_>>(), [("wide", 16)]);
}

#[test]
fn a_mapped_file_reads_like_one_held_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.snapshot");
    full_writer().write_file(&path).unwrap();
    let mapped = Container::open(&path).unwrap();
    let held = Container::from_bytes(&full_writer().to_bytes()).unwrap();
    assert_eq!(&*mapped.map, &*held.map);
    assert_eq!(mapped.content_id(), held.content_id());
    std::fs::write(&path, b"ALONGSNP").unwrap();
    assert!(matches!(Container::open(&path), Err(Error::Corrupt { .. })));
    let absent = dir.path().join("absent");
    assert!(matches!(Container::open(&absent), Err(Error::Io { .. })));
}

/// A file whose header and table check out, whatever the entries say.
fn file_with_table(body: &[u8], entries: &[(u8, u32, u64, u64)]) -> Vec<u8> {
    let mut bytes = vec![0_u8; HEADER_LEN];
    bytes.extend_from_slice(body);
    let table_offset = bytes.len() as u64;
    for &(name, item_bytes, offset, len) in entries {
        let mut entry = [0_u8; ENTRY_LEN];
        entry[0] = name;
        entry[32..36].copy_from_slice(&item_bytes.to_le_bytes());
        entry[40..48].copy_from_slice(&offset.to_le_bytes());
        entry[48..56].copy_from_slice(&len.to_le_bytes());
        let end = offset.checked_add(len).unwrap_or_default() as usize;
        let checksum = bytes.get(offset as usize..end).map_or(0, xxh3_64);
        entry[56..].copy_from_slice(&checksum.to_le_bytes());
        bytes.extend_from_slice(&entry);
    }
    let table_checksum = xxh3_64(&bytes[table_offset as usize..]);
    let file_len = bytes.len() as u64;
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[12..16].copy_from_slice(&(entries.len() as u32).to_le_bytes());
    bytes[16..24].copy_from_slice(&table_offset.to_le_bytes());
    bytes[24..32].copy_from_slice(&file_len.to_le_bytes());
    bytes[32..40].copy_from_slice(&table_checksum.to_le_bytes());
    bytes
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Container::from_bytes(&bytes).is_err());
        if bytes.len() >= 64 {
            bytes[..8].copy_from_slice(MAGIC);
            bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
            let len = bytes.len() as u64;
            bytes[24..32].copy_from_slice(&len.to_le_bytes());
            prop_assert!(Container::from_bytes(&bytes).is_err());
        }
    }

    /// Whatever passes lies within the file and can be read; nothing panics.
    #[test]
    fn arbitrary_tables_never_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        entries in prop::collection::vec(
            (any::<u8>(), 0_u32..20, prop_oneof![0_u64..8, any::<u64>()], 0_u64..200), 0..5),
    ) {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(name, size, offset, len)| (name, size, offset.wrapping_mul(64), len))
            .collect();
        let bytes = file_with_table(&body, &entries);
        if let Ok(container) = Container::from_bytes(&bytes) {
            for (name, len) in container.sections() {
                if let Ok(section) = container.section::<u32>(name) {
                    prop_assert!(container.view(&section).len() * 4 <= len.max(bytes.len()));
                }
            }
        }
        // No provenance can be among one-letter names: never a snapshot.
        prop_assert!(Container::from_bytes(&bytes).and_then(Snapshot::from_container).is_err());
    }
}

use super::*;
use crate::Provenance;
use crate::fixture::full_writer;

fn writer(seed: u64) -> SnapshotWriter {
    SnapshotWriter::new(&Provenance { seed, ..Provenance::default() })
}

fn dir_with(n: u64) -> (tempfile::TempDir, SnapshotDir, Vec<Entry>) {
    let temp = tempfile::tempdir().unwrap();
    let dir = SnapshotDir::new(temp.path().join("snapshots"));
    let entries =
        (0..n).map(|at| dir.publish(&writer(at), &format!("2026010{at}T000000Z")).unwrap());
    let entries = entries.collect();
    (temp, dir, entries)
}

fn current(dir: &SnapshotDir) -> Option<String> {
    let marked: Vec<String> = dir
        .list()
        .unwrap()
        .into_iter()
        .filter(|entry| entry.is_current)
        .map(|entry| entry.id)
        .collect();
    assert!(marked.len() <= 1);
    marked.into_iter().next()
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_learning() {
    let folder = tempfile::tempdir().unwrap();
    let fine = SnapshotDir::new(folder.path().join("snapshots"));
    fine.check_writable().unwrap();
    assert_eq!(std::fs::read_dir(fine.path()).unwrap().count(), 0, "nothing stays");
    // Rights do not hold an administrator back, a folder in the place of the probe does.
    std::fs::create_dir(fine.path().join(format!("probe-{}", std::process::id()))).unwrap();
    let refusal = fine.check_writable().unwrap_err();
    assert!(matches!(refusal, Error::NotWritable { .. }), "{refusal}");
}

#[test]
fn nothing_published_is_said_so() {
    let (_temp, dir, _) = dir_with(0);
    assert_eq!(dir.list().unwrap(), []);
    assert_eq!(dir.current_id().unwrap(), None);
    assert!(matches!(dir.open_current(), Err(Error::None { .. })));
    assert!(matches!(dir.rollback(None), Err(Error::Unknown { .. })));
    assert_eq!(dir.prune(1, &[]).unwrap(), 0);
}

#[test]
fn the_newest_is_in_force_and_the_same_content_has_the_same_name() {
    let (_temp, dir, entries) = dir_with(3);
    assert_eq!(current(&dir).as_ref(), Some(&entries[2].id));
    assert_eq!(dir.open_current().unwrap().provenance().seed, 2);
    let ids: Vec<String> = dir.list().unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>());
    let again = dir.publish(&writer(2), "20260102T000000Z").unwrap();
    assert_eq!(again.id, entries[2].id);
    assert_eq!(dir.list().unwrap().len(), 3);
    assert_eq!(full_writer().to_bytes(), full_writer().to_bytes());
}

#[test]
fn rollback_goes_one_back_or_to_the_named_one() {
    let (_temp, dir, entries) = dir_with(3);
    assert_eq!(dir.rollback(None).unwrap().id, entries[1].id);
    assert_eq!(dir.rollback(None).unwrap().id, entries[0].id);
    assert!(matches!(dir.rollback(None), Err(Error::Unknown { .. })));
    assert_eq!(dir.open_current().unwrap().provenance().seed, 0);
    let named = dir.rollback(Some("20260102")).unwrap();
    assert!(named.is_current);
    assert_eq!(current(&dir), Some(named.id));
    assert!(matches!(dir.rollback(Some("2026")), Err(Error::Ambiguous { .. })));
    assert!(matches!(dir.rollback(Some("1999")), Err(Error::Unknown { .. })));
    assert_eq!(current(&dir).as_ref(), Some(&entries[2].id));
}

#[test]
fn a_damaged_snapshot_is_not_put_in_force() {
    let (_temp, dir, entries) = dir_with(2);
    let mut bytes = fs::read(&entries[0].path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&entries[0].path, bytes).unwrap();
    assert!(matches!(dir.rollback(None), Err(Error::Corrupt { .. })));
    assert_eq!(current(&dir).as_ref(), Some(&entries[1].id));
    assert_eq!(dir.open_current().unwrap().provenance().seed, 1);
}

#[test]
fn an_inconsistent_snapshot_is_not_published_and_leaves_nothing_behind() {
    let (_temp, dir, entries) = dir_with(1);
    let mut bad = writer(7);
    bad.add(crate::tables::names::POPULAR, &[5_u32]);
    assert!(matches!(dir.publish(&bad, "20260109T000000Z"), Err(Error::Corrupt { .. })));
    assert_eq!(current(&dir).as_ref(), Some(&entries[0].id));
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the snapshot and `current`: {names:?}");
}

#[test]
fn what_a_crash_left_is_neither_listed_nor_in_the_way() {
    let (_temp, dir, entries) = dir_with(1);
    // A crash while writing, and one between the rename of the snapshot and that of `current`.
    fs::write(dir.path().join(format!("partial-{}", std::process::id())), b"half").unwrap();
    fs::write(dir.path().join(format!("current-{}", std::process::id())), b"20").unwrap();
    writer(9).write_file(&dir.path().join("20260108T000000Z-00.snapshot")).unwrap();
    assert_eq!(current(&dir).as_ref(), Some(&entries[0].id));
    assert_eq!(dir.list().unwrap().len(), 2);
    let next = dir.publish(&writer(3), "20260109T000000Z").unwrap();
    assert_eq!(current(&dir), Some(next.id));
}

#[test]
fn what_is_published_aside_is_there_and_not_in_force() {
    let (_temp, dir, entries) = dir_with(2);
    let aside = dir.publish_aside(&writer(9), "20260108T000000Z").unwrap();
    assert!(!aside.is_current && current(&dir).as_ref() == Some(&entries[1].id));
    assert_eq!(dir.prune(1, &[entries[0].id.clone()]).unwrap(), 0, "one is needed, one in force");
    let newer = dir.publish(&writer(10), "20260109T000000Z").unwrap();
    assert_eq!(dir.rollback(None).unwrap().id, entries[1].id, "not what was never in force");
    std::fs::remove_file(newer.path).unwrap();
    let fault = dir.find("2026010").unwrap_err().to_string();
    assert!(fault.contains("several") && fault.contains(&aside.id), "{fault}");
    assert_eq!(dir.list().unwrap().len(), 3);
    dir.rollback(Some(&aside.id)).unwrap();
    assert_eq!(dir.prune(1, &[entries[0].id.clone()]).unwrap(), 1);
    let ids: Vec<String> = dir.list().unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [entries[0].id.clone(), aside.id]);
}

#[test]
fn prune_keeps_the_newest_and_the_one_in_force() {
    let (_temp, dir, entries) = dir_with(5);
    dir.rollback(Some(&entries[1].id)).unwrap();
    assert_eq!(dir.prune(2, &[]).unwrap(), 2);
    let ids: Vec<String> = dir.list().unwrap().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [1, 3, 4].map(|at: usize| entries[at].id.clone()));
    // At least one stays, whatever is asked.
    assert_eq!(dir.prune(0, &[]).unwrap(), 1);
    assert_eq!(current(&dir).as_ref(), Some(&entries[1].id));
}

use super::*;
use crate::testing::snapshot;
use events::Amount;
use score::World;

fn priced(item_id: &str, price: i64) -> ItemRecord {
    let price = Some(Amount(price * 1_000_000));
    ItemRecord { item_id: item_id.to_owned(), price, ..ItemRecord::default() }
}

fn world() -> World {
    World::of(Arc::new(snapshot()))
}

fn price_of(world: &World, item_id: &str) -> Option<i64> {
    let item = world.item_idx(item_id).expect("a known item");
    world.catalog.state(item).price().map(|price| price.0 / 1_000_000)
}

#[test]
fn every_moment_of_an_epoch_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = ChronicleDir::in_dir(folder.path());
    let chronicle = Chronicle::new(Some(dir.clone()));
    let mut told = Told::default();
    told.items(&[priced("A", 1)]);
    let mark = chronicle.begin("e1", "s", &told).expect("a writable folder");
    chronicle.change(&mark, &Entry::items(&[priced("A", 2)]), || {});
    let mut new = Told::default();
    new.items(&[priced("NEW", 9)]);
    let later = chronicle.follow(&mark, &new).expect("still open");
    let at = |n| world_at(&dir, ("e1", n), "s", world()).map(|(world, _)| world);
    assert_eq!(price_of(&at(0).unwrap(), "A"), Some(3));
    assert_eq!([1, 2].map(|n| price_of(&at(n).unwrap(), "A")), [Some(1), Some(2)]);
    assert!(at(2).unwrap().item_idx("NEW").is_none());
    assert_eq!(price_of(&at(3).unwrap(), "NEW"), Some(9));
    assert_eq!(
        (settled(Some(&mark), || 7), settled(Some(&later), || 7)),
        ((7, Some(2)), (7, Some(3)))
    );
    assert_eq!(at(4).unwrap_err(), Lost::BrokenOff { n_found: 3 });
    assert_eq!(world_at(&dir, ("e2", 0), "s", world()).unwrap_err(), Lost::Gone);
    assert_eq!(world_at(&dir, ("../e1", 0), "s", world()).unwrap_err(), Lost::Gone);
    assert_eq!(world_at(&dir, ("e1", 0), "t", world()).unwrap_err(), Lost::OtherSnapshot);
}

#[test]
fn a_file_that_broke_off_tells_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let dir = ChronicleDir::in_dir(folder.path());
    let chronicle = Chronicle::new(Some(dir.clone()));
    let mark = chronicle.begin("e1", "s", &Told::default()).unwrap();
    for price in 1..=3 {
        chronicle.change(&mark, &Entry::items(&[priced("A", price)]), || {});
    }
    let path = dir.file_of("e1").unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let at = |n| world_at(&dir, ("e1", n), "s", world()).map(|(world, _)| price_of(&world, "A"));
    assert_eq!((at(2), at(3)), (Ok(Some(2)), Err(Lost::BrokenOff { n_found: 2 })));
    std::fs::write(&path, b"no chronicle").unwrap();
    assert_eq!(at(0), Err(Lost::BrokenOff { n_found: 0 }));
}

#[test]
fn what_changed_under_a_decision_is_decided_anew() {
    let folder = tempfile::tempdir().unwrap();
    let chronicle = Chronicle::new(Some(ChronicleDir::in_dir(folder.path())));
    let mark = chronicle.begin("e1", "s", &Told::default()).unwrap();
    let mut n_asked = 0;
    let mut change_at = |changes: &[i32]| {
        n_asked = 0;
        settled(Some(&mark), || {
            n_asked += 1;
            if changes.contains(&n_asked) {
                chronicle.change(&mark, &Entry::items(&[priced("A", 1)]), || {});
            }
            n_asked
        })
    };
    assert_eq!(change_at(&[]), (1, Some(0)));
    assert_eq!(change_at(&[1]), (2, Some(1)));
    assert_eq!(change_at(&[1, 2, 3, 4]), (4, None), "it never came to rest");
    assert_eq!(settled(None, || 5), (5, None));
}

#[test]
fn a_chronicle_that_cannot_be_written_says_so_in_every_record() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("live"), b"a file where a folder should be").unwrap();
    let chronicle = Chronicle::new(Some(ChronicleDir::in_dir(folder.path())));
    assert!(chronicle.begin("e1", "s", &Told::default()).is_none());
    let mark = LiveMark::at("e1".into(), 4);
    let mut is_changed = false;
    chronicle.change(&mark, &Entry::items(&[priced("A", 1)]), || is_changed = true);
    assert!(is_changed, "the change itself happens");
    assert_eq!(settled(Some(&mark), || 1), (1, None));
}

#[test]
fn epochs_go_when_they_ended_before_and_the_last_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = ChronicleDir::in_dir(folder.path());
    assert_eq!(dir.forget_before(Timestamp(1)).unwrap(), 0, "there is no folder");
    let chronicle = Chronicle::new(Some(dir.clone()));
    let ids = IdSource::new(3);
    let names: Vec<String> =
        (1..=3).map(|hour| ids.next(Timestamp(hour * 3_600_000_000)).as_str().to_owned()).collect();
    for name in &names {
        chronicle.begin(name, "s", &Told::default()).unwrap();
    }
    assert_eq!(dir.forget_before(Timestamp(2 * 3_600_000_000)).unwrap(), 0);
    assert_eq!(dir.forget_before(Timestamp(2 * 3_600_000_000 + 1_000)).unwrap(), 1);
    let is_there = |name: &String| dir.file_of(name).unwrap().exists();
    assert_eq!(names.iter().map(is_there).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(dir.forget_before(Timestamp(i64::MAX)).unwrap(), 1);
    assert!(is_there(&names[2]));
}

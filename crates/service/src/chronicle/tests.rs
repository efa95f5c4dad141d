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
    let lost = EpochFile { name: "e1".into(), path: "e1".into(), open: Mutex::new(None) };
    let mark = LiveMark::at(Arc::new(lost), 4);
    let mut is_changed = false;
    chronicle.change(&mark, &Entry::items(&[priced("A", 1)]), || is_changed = true);
    assert!(is_changed, "the change itself happens");
    assert_eq!(settled(Some(&mark), || 1), (1, None));
}

/// Names of epochs that began at so many hours, none of them open, with the time of the last touch.
fn ended_epochs(chronicle: &Chronicle, hours: [i64; 3], touched: Timestamp) -> Vec<String> {
    let ids = IdSource::new(3);
    let names = hours.map(|hour| ids.next(Timestamp(hour * HOUR_US)).as_str().to_owned());
    for name in &names {
        let _mark = chronicle.begin(name, "s", &Told::default()).unwrap();
        chronicle.touch(touched);
    }
    names.to_vec()
}

const HOUR_US: i64 = 3_600_000_000;

#[test]
fn epochs_go_when_they_ended_before_and_the_last_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = ChronicleDir::in_dir(folder.path());
    let chronicle = Chronicle::new(Some(dir.clone()));
    assert_eq!(chronicle.forget_before(Timestamp(1)).unwrap(), 0, "there is no folder");
    let names = ended_epochs(&chronicle, [31, 32, 33], Timestamp(0));
    assert_eq!(chronicle.forget_before(Timestamp(32 * HOUR_US)).unwrap(), 0);
    assert_eq!(chronicle.forget_before(Timestamp(32 * HOUR_US + 1_000)).unwrap(), 1);
    let is_there = |name: &String| dir.file_of(name).unwrap().exists();
    assert_eq!(names.iter().map(is_there).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(chronicle.forget_before(Timestamp(i64::MAX)).unwrap(), 1);
    assert!(is_there(&names[2]));
}

#[test]
fn an_epoch_lasts_beyond_the_beginning_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let chronicle = Chronicle::new(Some(ChronicleDir::in_dir(folder.path())));
    ended_epochs(&chronicle, [31, 32, 33], Timestamp(40 * HOUR_US));
    let before = |hour| chronicle.forget_before(Timestamp(hour * HOUR_US)).unwrap();
    // Touched at hour 40; who was killed may have gone on for a day.
    assert_eq!(before(64), 0);
    assert_eq!(before(65), 2);
    let ids = IdSource::new(4);
    let open = |hour| {
        let name = ids.next(Timestamp(hour * HOUR_US));
        chronicle.begin(name.as_str(), "s", &Told::default()).unwrap()
    };
    let (first, second) = (open(1), open(2));
    chronicle.touch(Timestamp(0));
    assert_eq!(before(1_000), 0, "two are open, and the last one stays");
    chronicle.change(&first, &Entry::items(&[priced("A", 1)]), || {});
    assert_eq!(settled(Some(&first), || 1), (1, Some(1)));
    assert_eq!(settled(Some(&second), || 1), (1, Some(0)), "each world has an epoch of its own");
}

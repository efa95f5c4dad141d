//! What was held out since when.

use events::Timestamp;
use history::HoldoutPeriod;
use sqlx::Connection;

use crate::shop::Shop;

fn period(since: i64, share: f64) -> HoldoutPeriod {
    HoldoutPeriod { since: Timestamp(since), share }
}

#[tokio::test]
async fn a_share_is_kept_with_its_time_and_the_same_again_is_no_change() {
    let shop = Shop::new().await;
    assert_eq!(shop.store.holdout_periods().await.unwrap(), []);
    assert_eq!(shop.store.holdout_share().await.unwrap(), None);
    for (share, at) in [(0.5, 100), (0.5, 200), (0.05, 300), (0.05, 350), (0.5, 400)] {
        shop.store.set_holdout_share(share, Timestamp(at)).await.unwrap();
    }
    let expected = [period(i64::MIN, 0.5), period(300, 0.05), period(400, 0.5)];
    assert_eq!(shop.store.holdout_periods().await.unwrap(), expected);
    assert_eq!(shop.store.holdout_share().await.unwrap(), Some(0.5));
}

/// As a program of before this version left it.
#[tokio::test]
async fn a_share_told_without_a_time_counts_from_the_beginning() {
    let shop = Shop::new().await;
    let file = format!("sqlite://{}", shop.dir.path().join("alongside.db").display());
    let mut old = sqlx::SqliteConnection::connect(&file).await.unwrap();
    let sql = "INSERT INTO counter (name, value) VALUES ('holdout_ppm', 200000)";
    sqlx::query(sql).execute(&mut old).await.unwrap();
    old.close().await.unwrap();
    assert_eq!(shop.store.holdout_periods().await.unwrap(), [period(i64::MIN, 0.2)]);
    shop.store.set_holdout_share(0.2, Timestamp(50)).await.unwrap();
    assert_eq!(shop.store.holdout_periods().await.unwrap(), [period(i64::MIN, 0.2)]);
    shop.store.set_holdout_share(0.1, Timestamp(90)).await.unwrap();
    let expected = [period(i64::MIN, 0.2), period(90, 0.1)];
    assert_eq!(shop.store.holdout_periods().await.unwrap(), expected);
}

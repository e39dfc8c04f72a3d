//! Leases and wear against the vectors, and the source documents' store that loses and rewrites everything.

use std::fs;
use std::path::Path;

use tollgate::Duration;
use tollgate::journal::{Keeping, Wear};

use crate::support::*;

/// The rows of a vector, without the heading.
fn rows(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/golden").join(name);
    let text = fs::read_to_string(&path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn number(field: &str) -> u64 {
    field.parse().unwrap()
}

#[test]
fn leases_cost_what_the_simulation_says() {
    for row in rows("ref_lease_sim.csv") {
        let [q, charges, crashes, spent, accounted, over, writes] = [0, 1, 2, 3, 4, 5, 6].map(|at| number(&row[at]));
        let crash_after: Vec<u64> = match crashes {
            0 => vec![],
            1 => vec![1],
            3 => vec![250, 251, 252],
            99 => (1..100).map(|at| at * 10).collect(),
            other => panic!("{other}"),
        };
        let keeping = Keeping::Lease { micros: micros(q) };
        let mut keeper = open(Small::new(1024), keeping).unwrap();
        let mut records = 0;
        for id in 1..=charges {
            assert!(charge(&mut keeper, id, 1));
            if crash_after.contains(&id) {
                records += u64::from(keeper.records());
                keeper = open(keeper.into_flash(), keeping).unwrap();
            }
        }
        assert_eq!(used(&keeper), micros(accounted), "{row:?}");
        assert_eq!((spent + over, records + u64::from(keeper.records())), (accounted, writes), "{row:?}");
        assert_eq!((crashes * q, row[8].as_str()), (number(&row[7]), "True"));
        assert!(over <= crashes * (q - 1), "{row:?}");
    }
}

#[test]
fn the_smallest_lease_for_ten_years_is_that_of_the_table() {
    for row in rows("ref_flash_wear.csv") {
        let [page, record, pages, endurance, per_page, lifetime] = [0, 1, 2, 3, 4, 5].map(|at| number(&row[at]));
        let every = match row[6].as_str() {
            "0.05" => Duration::from_secs(20),
            "1" => Duration::from_secs(1),
            "10" => Duration::from_millis(100),
            other => panic!("{other}"),
        };
        let wear = Wear {
            page_bytes: u32::try_from(page).unwrap(),
            record_bytes: u32::try_from(record).unwrap(),
            pages: u16::try_from(pages).unwrap(),
            endurance: u32::try_from(endurance).unwrap(),
            overhead: 1,
        };
        let charges = Wear::charges(Duration::from_secs(315_576_000), every);
        assert_eq!(u64::from(wear.records_per_page()), per_page, "{row:?}");
        assert_eq!((wear.lifetime_records(), charges), (lifetime, number(&row[7])), "{row:?}");
        assert_eq!(wear.least_lease(charges), number(&row[8]), "{row:?}");
    }
}

#[test]
fn a_save_cut_at_any_byte_recovers_where_the_source_document_lost_everything() {
    // Row 40: four of five cuts of the file of source document 002 ended in JSONDecodeError.
    let lost = rows("g09e_crash_mid_save_seed002.csv").iter().filter(|row| row[2].contains("JSONDecodeError")).count();
    assert_eq!(lost, 4);
    for cut in 0..1_500 {
        let mut keeper = open(Small::new(1024), lease(0)).unwrap();
        keeper.flash_mut().cut_after(cut);
        let granted = (1..=40).filter(|id| charge(&mut keeper, *id, 1)).count() as u64;
        let keeper = open(reboot(keeper.into_flash()), lease(0)).unwrap();
        let over = used(&keeper) - micros(granted);
        assert!(over == 0 || over == micros(1), "cut {cut}: {over}");
    }
}

#[test]
fn a_thousand_charges_write_kilobytes_and_not_a_hundred_megabytes() {
    // Row 41: 121.7 MB for 1 000 records in source document 002.
    let seed = rows("g09f_write_amplification_seed002.csv");
    assert_eq!(seed.last().unwrap()[2], "121659500");
    for (q, most) in [(0, 70), (100, 2)] {
        for row in &seed {
            let [charges, file, written] = [0, 1, 2].map(|at| number(&row[at]));
            let mut keeper = open(Small::new(1024), lease(q)).unwrap();
            let before = keeper.flash_mut().bytes_written();
            assert!((1..=charges).all(|id| charge(&mut keeper, id, 1)));
            let ours = keeper.flash_mut().bytes_written() - before;
            assert!(ours <= 128 + most * charges && ours < file && file <= written, "{ours} of {row:?}");
            assert!(u64::from(keeper.records()) <= charges.div_ceil(u64::from(q.max(1))));
        }
    }
}

use std::{fs::File, io::Read, path::Path};

use super::*;

fn curve(points: &[(u64, i64)]) -> Vec<Drain> {
    let drain = |(timestamp, dollars): &(u64, i64)| Drain {
        timestamp: *timestamp,
        value: Usd::dollars(*dollars),
    };
    points.iter().map(drain).collect()
}

#[test]
fn what_comes_after_the_stop_is_saved() {
    let curve = curve(&[(100, 10), (112, 20), (100, 30), (200, 40)]);
    for (delay, saved, basis_points) in
        [(0, 60, 6_000), (11, 60, 6_000), (12, 40, 4_000), (99, 40, 4_000), (100, 0, 0)]
    {
        let found = loss_saved(&curve, 100, delay);
        assert_eq!((found.saved, found.total), (Usd::dollars(saved), Usd::dollars(100)), "{delay}");
        assert_eq!(found.basis_points(), Some(basis_points), "{delay}");
    }
    assert_eq!(loss_saved(&curve, 50, 0).basis_points(), Some(10_000), "an alert before it all");
    assert_eq!(loss_saved(&curve, u64::MAX, 1).basis_points(), Some(0));
    assert_eq!(loss_saved(&[], 0, 0).basis_points(), None);
}

/// The figures for Nomad: all routes, and the Moonbeam route alone, whose books hold the request of every payout.
#[test]
fn nomad_at_the_response_delays_asked_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("PORTCULLIS_SHARED").map_or(root.join("../shared"), Into::into);
    let path = shared.join("data/bridges/nomad/drains.csv.gz");
    let Ok(file) = File::open(&path) else {
        println!(
            "SKIPPED: no {}; set PORTCULLIS_SHARED to the folder that holds `data`",
            path.display()
        );
        return;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let column = |name: &str| names.iter().position(|other| *other == name).unwrap();
    let (time, value, route) =
        (column("timestamp"), column("usd_approx"), column("origin_and_nonce"));
    let (mut all, mut moonbeam) = (Vec::new(), Vec::new());
    for row in lines {
        let (whole, cents) = row[value].split_once('.').unwrap();
        let cents: i128 = format!("{whole}{cents}").parse().unwrap();
        let drain = Drain { timestamp: row[time].parse().unwrap(), value: Usd(cents * 10_000) };
        all.push(drain);
        if row[route].starts_with("0x6265616d") {
            moonbeam.push(drain);
        }
    }
    assert_eq!((all.len(), moonbeam.len()), (1_175, 382));
    // The detector's first alarm is the block of the first forged payout.
    let alert = all.iter().map(|drain| drain.timestamp).min().unwrap();
    for (delay, expected) in [
        (12, [9_270, 9_124]),
        (60, [9_148, 8_978]),
        (300, [9_148, 8_978]),
        (1_800, [8_758, 8_510]),
        (3_600, [8_545, 8_255]),
    ] {
        let saved = [&all, &moonbeam].map(|curve| loss_saved(curve, alert, delay));
        println!(
            "stop after {delay:>5} s saves {} of {} dollars, Moonbeam alone {} of {}",
            saved[0].saved, saved[0].total, saved[1].saved, saved[1].total
        );
        let points = saved.map(|share| share.basis_points().unwrap());
        assert_eq!(points, expected, "basis points at {delay} s");
    }
}

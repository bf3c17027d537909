//! The process of the fetcher is lost at every await of every kind of job, and what it was doing
//! comes again. Nothing is lost, doubled or left.

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::SignedDuration;

use super::jobs::{CASES, Case, TRANSACTIONS};
use super::say;
use crate::invocation::{How, Worked};
use crate::parallel::run_all;
use crate::random::Random;
use crate::system::Setup;
use crate::world::World;
use crate::{invariants, settled};

/// Cases that share the awaits of a job; each loses the process at every so many-th.
const LANES: u64 = 8;

/// Enough time to finish interrupted work, but too little for the weekly recheck, which would hide
/// an omission.
const REST: SignedDuration = SignedDuration::from_hours(5);

#[test]
fn a_process_may_be_lost_at_every_await_of_every_job() {
    let cases: Vec<(usize, u64)> = (0..CASES.len())
        .flat_map(|job| (0..LANES).map(move |lane| (job, lane)))
        .collect();
    let points = Mutex::new(BTreeMap::new());
    let lose = async |&(job, lane): &(usize, u64)| {
        let case = &CASES[job];
        for wait in (1 + lane..).step_by(LANES as usize) {
            if !lose_at(case, wait).await {
                return;
            }
            *points.lock().unwrap().entry(case.job).or_insert(0) += 1;
        }
    };
    let failed = run_all(&cases, lose, |_, _| {});
    let points: BTreeMap<&str, u64> = points.into_inner().unwrap();
    for (job, count) in &points {
        say(&format!("{job}: the process was lost at {count} awaits"));
    }
    for failure in failed.iter().take(3) {
        println!("{}\n", failure.why);
    }
    let jobs: Vec<&str> = failed.iter().map(|it| CASES[it.case.0].job).collect();
    assert!(jobs.is_empty(), "not survived: {jobs:?}");
    assert_eq!(points.len(), CASES.len());
}

/// Loses the process when it waits for the so many-th time. Says whether it waited so often.
async fn lose_at(case: &Case, wait: u64) -> bool {
    let mut world = World::new(Setup {
        page_size: 10,
        body_mode: case.job == "link_proven",
        ..Setup::plain(wait)
    })
    .await;
    case.prepare(&mut world, TRANSACTIONS).await;
    world.note(&format!("{} is lost at await {wait}", case.job));
    let how = How {
        lost_at: Some(wait),
        ..How::USUAL
    };
    let worked = world.work(how, &mut Random::new(wait)).await;
    invariants::check(&mut world).await;
    world.deliver_all().await;
    world.rest(REST).await;
    settled::check(&mut world).await;
    worked == Worked::Lost
}

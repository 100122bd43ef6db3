//! Tests of the breaker.

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn windowed() -> Breaker {
    Breaker::new(Policy {
        faults: 3,
        window: Some(at(10)),
        pause: at(5),
        longest_pause: at(5),
        probe_retry: at(1),
        people: 2,
    })
}

fn in_a_row() -> Breaker {
    Breaker::new(Policy {
        faults: 3,
        window: None,
        pause: at(1),
        longest_pause: at(8),
        probe_retry: at(1),
        people: 2,
    })
}

fn fault(breaker: &Breaker, now: u64) -> Change {
    breaker.admit(at(now), None).unwrap().failed(at(now))
}

fn opened(breaker: Breaker) -> Breaker {
    for _ in 0..3 {
        let _ = fault(&breaker, 0);
    }
    assert!(breaker.is_open());
    breaker
}

#[test]
fn opens_after_faults_within_the_window() {
    let breaker = windowed();
    assert_eq!(fault(&breaker, 0), Change::None);
    assert_eq!(fault(&breaker, 1), Change::None);
    // The first is too old by now.
    assert_eq!(fault(&breaker, 11), Change::None);
    assert_eq!(
        breaker.admit(at(11), None).unwrap().succeeded(at(0)),
        Change::None,
        "a success does not take faults back"
    );
    assert_eq!(fault(&breaker, 11), Change::Opened);
    assert_eq!(breaker.admit(at(12), None).unwrap_err(), at(4));
    assert!(breaker.is_open());
}

#[test]
fn opens_after_faults_in_a_row_only() {
    let breaker = in_a_row();
    for _ in 0..5 {
        assert_eq!(fault(&breaker, 0), Change::None);
        assert_eq!(fault(&breaker, 0), Change::None);
        assert_eq!(
            breaker.admit(at(0), None).unwrap().succeeded(at(0)),
            Change::None
        );
    }
    assert!(!breaker.is_open());
    opened(breaker);
}

#[test]
fn one_probe_at_a_time_decides() {
    let breaker = opened(windowed());
    let probe = breaker.admit(at(5), None).unwrap();
    assert_eq!(breaker.admit(at(5), None).unwrap_err(), at(1));
    assert_eq!(probe.failed(at(5)), Change::None);
    assert_eq!(breaker.admit(at(6), None).unwrap_err(), at(4));
    let probe = breaker.admit(at(10), None).unwrap();
    assert_eq!(probe.succeeded(at(0)), Change::Closed);
    // And the count starts again.
    assert_eq!(fault(&breaker, 10), Change::None);
    assert_eq!(fault(&breaker, 10), Change::None);
    assert_eq!(fault(&breaker, 10), Change::Opened);
}

#[test]
fn waits_longer_after_each_failed_probe_up_to_a_limit() {
    let breaker = opened(in_a_row());
    let mut now = 0;
    for expected in [1, 2, 4, 8, 8] {
        assert_eq!(breaker.admit(at(now), None).unwrap_err(), at(expected));
        now += expected;
        assert_eq!(fault(&breaker, now), Change::None);
    }
}

#[test]
fn a_cancelled_probe_is_followed_by_another() {
    for breaker in [opened(windowed()), opened(in_a_row())] {
        drop(breaker.admit(at(5), None).unwrap());
        let probe = breaker.admit(at(5), None).unwrap();
        assert_eq!(probe.succeeded(at(0)), Change::Closed);
    }
}

#[test]
fn a_late_success_closes_it_only_where_faults_count_in_a_row() {
    for (breaker, closes) in [(windowed(), false), (in_a_row(), true)] {
        let late = breaker.admit(at(0), None).unwrap();
        let breaker = &breaker;
        for _ in 0..3 {
            let _ = fault(breaker, 0);
        }
        let change = late.succeeded(at(0));
        assert_eq!(change == Change::Closed, closes);
        assert_eq!(breaker.is_open(), !closes);
    }
}

/// A call of `who` that has a fault of its own, or passes well.
fn call(breaker: &Breaker, now: u64, who: u64, well: bool) -> Option<Change> {
    let pass = breaker.admit(at(now), Some(who)).ok()?;
    Some(match well {
        true => pass.succeeded(at(now)),
        false => pass.failed_for_one(at(now)),
    })
}

#[test]
fn one_persons_faults_cost_that_person_alone() {
    for breaker in [windowed(), in_a_row()] {
        assert_eq!(call(&breaker, 0, 1, true), Some(Change::None));
        for _ in 0..3 {
            assert_eq!(call(&breaker, 0, 2, false), Some(Change::None));
        }
        assert_eq!(call(&breaker, 0, 2, false), None, "has to pause");
        assert_eq!(call(&breaker, 0, 1, true), Some(Change::None));
        assert!(!breaker.is_open());
    }
}

#[test]
fn the_pause_of_a_person_grows_and_ends_with_a_success() {
    let breaker = in_a_row();
    for _ in 0..3 {
        call(&breaker, 0, 1, false);
    }
    let mut now = 0;
    for pause in [1, 2, 4, 8, 8] {
        let refused = breaker.admit(at(now), Some(1)).unwrap_err();
        assert_eq!(refused, at(pause));
        now += pause;
        call(&breaker, now, 1, false);
    }
    assert_eq!(call(&breaker, now + 8, 1, true), Some(Change::None));
    call(&breaker, now + 8, 1, false);
    assert_eq!(call(&breaker, now + 8, 1, true), Some(Change::None));
}

#[test]
fn it_opens_if_most_people_fail_and_not_if_most_do_not() {
    let breaker = in_a_row();
    for who in 0..3 {
        call(&breaker, 0, who, true);
    }
    // Two of three, and enough faults.
    call(&breaker, 1, 0, false);
    call(&breaker, 1, 0, false);
    assert!(!breaker.is_open());
    assert_eq!(call(&breaker, 1, 1, false), Some(Change::Opened));
    assert_eq!(call(&breaker, 1, 0, false), None);

    let breaker = in_a_row();
    for who in 0..5 {
        call(&breaker, 0, who, true);
    }
    for _ in 0..4 {
        call(&breaker, 1, 0, false);
        call(&breaker, 1, 1, false);
    }
    assert!(!breaker.is_open());
    // Who has not called for a while does not count.
    call(&breaker, 20, 0, false);
    assert_eq!(call(&breaker, 20, 1, false), Some(Change::Opened));
}

#[test]
fn whoever_does_not_fail_passes_and_closes_it_for_all() {
    let breaker = in_a_row();
    for who in [0, 1, 0] {
        call(&breaker, 0, who, false);
    }
    assert!(breaker.is_open());
    assert_eq!(call(&breaker, 0, 0, true), None);
    assert!(breaker.admit(at(0), None).is_err());
    assert_eq!(call(&breaker, 0, 7, false), Some(Change::None));
    assert_eq!(call(&breaker, 0, 7, true), None);
    assert_eq!(call(&breaker, 0, 8, true), Some(Change::Closed));
    assert_eq!(call(&breaker, 0, 0, true), Some(Change::None));
}

#[test]
fn a_probe_that_fails_for_one_person_does_not_keep_the_others_out() {
    let breaker = opened(in_a_row());
    assert_eq!(call(&breaker, 0, 8, true), None, "it is down for all");
    assert_eq!(call(&breaker, 1, 7, false), Some(Change::None));
    assert_eq!(call(&breaker, 1, 7, false), None);
    assert_eq!(call(&breaker, 1, 8, true), Some(Change::Closed));
}

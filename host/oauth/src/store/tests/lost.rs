//! A Redis that loses its data: restarted without persistence, flushed, evicted, a failover to an empty replica.

use super::*;

#[tokio::test]
async fn a_redis_that_lost_its_data_gets_back_what_a_server_knows() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let clock = clock();
    let (one, two) = (redis.store(&clock), redis.store(&clock));
    let ended: Vec<FamilyId> = (0..1_500).map(|_| FamilyId::random()).collect();
    let client = |name: &str| ClientId::parse(name).unwrap().key();
    for family in &ended {
        one.end_family(family, TTL).await.unwrap();
    }
    for name in ["hostile", "mended"] {
        one.set_blocked(&client(name), Some(1)).await.unwrap();
    }
    for store in [&one, &two] {
        store.refresh_ended().await.unwrap();
        assert_eq!(store.client_standing(&client("mended")), Standing::Ended);
    }
    one.set_blocked(&client("mended"), None).await.unwrap();
    two.refresh_ended().await.unwrap();
    assert_eq!(two.client_standing(&client("mended")), Standing::Live);
    // One that has not heard of the end yet.
    let late = redis.store(&clock);

    redis.flush().await;
    two.refresh_ended().await.unwrap();
    let three = redis.store(&clock);
    for store in [&late, &two, &three] {
        store.refresh_ended().await.unwrap();
        for family in &ended {
            assert_eq!(store.standing(family), Standing::Ended);
        }
        assert_eq!(store.client_standing(&client("hostile")), Standing::Ended);
        assert_eq!(store.client_standing(&client("mended")), Standing::Live);
    }
    // What ends is put back only for as long as it counts.
    clock.advance(TTL);
    two.refresh_ended().await.unwrap();
    assert_eq!(two.standing(&ended[0]), Standing::Live);
}

/// An end that could not be written is written later, and is one here all the while.
#[tokio::test]
async fn an_end_that_redis_did_not_take_is_written_when_it_can_be() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let clock = clock();
    let (one, family) = (redis.store(&clock), FamilyId::random());
    one.refresh_ended().await.unwrap();
    redis.run(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let full = one.claim_refresh(&family, 0, LEASE, TTL).await;
    assert!(full.is_err(), "{full:?}");
    redis.run(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert!(one.end_family(&family, TTL).await.is_err());
    assert_eq!(one.standing(&family), Standing::Ended);
    redis.run(&["REPLICAOF", "NO", "ONE"]).await;
    redis.run(&["CONFIG", "SET", "maxmemory", "0"]).await;
    one.refresh_ended().await.unwrap();
    let next = redis.store(&clock);
    next.refresh_ended().await.unwrap();
    assert_eq!(next.standing(&family), Standing::Ended);
}

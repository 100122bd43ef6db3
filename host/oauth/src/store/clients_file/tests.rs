//! Tests of the file of clients.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use super::*;
use crate::{
    store::clients::{note, set_blocked},
    types::ClientKey,
};

fn client(number: usize, last_sign_in: u64) -> ListedClient {
    ListedClient {
        id: format!("client-{number}"),
        kind: "registered".to_owned(),
        name: "a \"name\"\n and more".to_owned(),
        last_sign_in: Some(last_sign_in),
        ..ListedClient::default()
    }
}

#[test]
fn what_is_written_is_read_and_two_processes_lose_nothing() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("state/deeper");
    let (server, operator) = (ClientsFile::new(&directory), ClientsFile::new(&directory));
    assert_eq!(server.read().unwrap(), []);
    assert_eq!(server.stamp(), None);
    server.change(|all| note(all, client(1, 10))).unwrap();
    let before = server.stamp();
    let key = ClientKey::from_store("client-1".to_owned());
    operator
        .change(|all| set_blocked(all, &key, Some(20)))
        .unwrap();
    assert_ne!(server.stamp(), before, "the server sees that it changed");
    server.change(|all| note(all, client(1, 30))).unwrap();
    let all = operator.read().unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].blocked_at, all[0].last_sign_in),
        (Some(20), Some(30))
    );
    let mode = fs::metadata(server.0.path()).unwrap().mode() & 0o7777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_list_that_is_damaged_or_open_to_others_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    let file = ClientsFile::new(root.path());
    file.change(|all| note(all, client(1, 10))).unwrap();
    let good = fs::read(file.0.path()).unwrap();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for damaged in [&good[..at], &flipped] {
            fs::write(file.0.path(), damaged).unwrap();
            let refused = file.read();
            assert!(
                matches!(refused, Err(StateFileError::Damaged { .. })),
                "{at}"
            );
            assert!(file.change(|_| {}).is_err(), "it is not overwritten");
        }
    }
    fs::write(file.0.path(), &good).unwrap();
    assert_eq!(file.read().unwrap().len(), 1);
    fs::set_permissions(file.0.path(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        file.read(),
        Err(StateFileError::Loose { mode: 0o640, .. })
    ));
}

#[test]
fn the_list_is_bounded_and_keeps_blocked_and_recent_clients() {
    let root = tempfile::tempdir().unwrap();
    let file = ClientsFile::new(root.path());
    let first = ClientKey::from_store("client-0".to_owned());
    let all = file
        .change(|all| {
            all.extend((0..MAX_LISTED + 3).map(|number| client(number, number as u64)));
            set_blocked(all, &first, Some(1));
        })
        .unwrap();
    assert_eq!(all.len(), MAX_LISTED);
    let ids: Vec<&str> = all.iter().map(|client| client.id.as_str()).collect();
    assert!(ids.contains(&"client-0"), "it is blocked");
    assert!(!ids.contains(&"client-1") && !ids.contains(&"client-2"));
    let full = file.change(|all| {
        for listed in all.iter_mut() {
            listed.blocked_at = Some(1);
        }
        all.push(ListedClient {
            blocked_at: Some(1),
            ..client(9_999, 1)
        });
    });
    assert!(matches!(full, Err(ClientsFileError::Full)));
}

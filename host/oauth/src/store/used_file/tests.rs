//! Tests of the file of used refresh tokens.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use super::*;

const NOW: UnixMillis = UnixMillis(1_000);

fn used(generation: u64, expires: u64) -> Used {
    Used {
        generation,
        grace: UnixMillis(1_060),
        expires: UnixMillis(expires),
    }
}

#[test]
fn what_was_used_is_known_to_the_next_process_until_it_expires() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (FamilyId::random(), FamilyId::random());
    let (file, other) = (UsedFile::new(root.path()), UsedFile::new(root.path()));
    assert_eq!(file.tidy(NOW).unwrap(), AllUsed::new());
    file.append(&one, &used(1, 2_000), NOW).unwrap();
    other.append(&two, &used(4, 3_000), NOW).unwrap();
    // In any order: the newest counts.
    file.append(&one, &used(3, 2_000), NOW).unwrap();
    file.append(&one, &used(2, 2_000), NOW).unwrap();
    let all = AllUsed::from([(one, used(3, 2_000)), (two.clone(), used(4, 3_000))]);
    assert_eq!(file.read().unwrap(), all);
    let before = fs::metadata(file.0.path()).unwrap().len();
    assert_eq!(other.tidy(NOW).unwrap(), all);
    assert!(fs::metadata(file.0.path()).unwrap().len() < before);
    let left = AllUsed::from([(two, used(4, 3_000))]);
    assert_eq!(file.tidy(UnixMillis(2_000)).unwrap(), left);
    let mode = fs::metadata(file.0.path()).unwrap().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "no draft");
}

#[test]
fn a_list_that_is_damaged_or_open_to_others_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    let file = UsedFile::new(root.path());
    file.append(&FamilyId::random(), &used(1, 2_000), NOW)
        .unwrap();
    let good = fs::read(file.0.path()).unwrap();
    for at in 0..good.len() - 1 {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        fs::write(file.0.path(), damaged).unwrap();
        let refused = file.read();
        assert!(
            matches!(refused, Err(StateFileError::Damaged { .. })),
            "{at}: {refused:?}"
        );
    }
    fs::write(file.0.path(), &good).unwrap();
    fs::set_permissions(file.0.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let refused = file.read();
    assert!(matches!(
        refused,
        Err(StateFileError::Loose { mode: 0o644, .. })
    ));
}

#[test]
fn a_line_that_was_cut_off_costs_itself_alone() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (FamilyId::random(), FamilyId::random());
    let file = UsedFile::new(root.path());
    file.append(&one, &used(1, 2_000), NOW).unwrap();
    let begin = fs::read(file.0.path()).unwrap();
    file.append(&two, &used(1, 2_000), NOW).unwrap();
    let whole = fs::read(file.0.path()).unwrap();
    for length in begin.len()..whole.len() {
        fs::write(file.0.path(), &whole[..length]).unwrap();
        let only = AllUsed::from([(one.clone(), used(1, 2_000))]);
        assert_eq!(file.read().unwrap(), only, "{length}");
        file.append(&two, &used(2, 2_000), NOW).unwrap();
        assert_eq!(file.read().unwrap().len(), 2, "{length}");
    }
}

#[test]
fn what_is_new_is_read_once_also_from_a_file_that_was_replaced() {
    let root = tempfile::tempdir().unwrap();
    let file = UsedFile::new(root.path());
    let families: [FamilyId; 3] = std::array::from_fn(|_| FamilyId::random());
    let mut read = Mark::default();
    assert_eq!(file.news(&mut read).unwrap(), AllUsed::new(), "no file");
    file.append(&families[0], &used(1, 2_000), NOW).unwrap();
    let first = AllUsed::from([(families[0].clone(), used(1, 2_000))]);
    assert_eq!(file.news(&mut read).unwrap(), first);
    assert_eq!(file.news(&mut read).unwrap(), AllUsed::new());
    // A line that is being written is read when it is whole.
    let whole = line(&families[1], &used(2, 2_000));
    let (begun, rest) = whole.split_at(30);
    let append = |text: &str| {
        let open = OpenOptions::new().append(true).open(file.0.path());
        open.unwrap().write_all(text.as_bytes()).unwrap();
    };
    append(begun);
    assert_eq!(file.news(&mut read).unwrap(), AllUsed::new());
    append(rest);
    let second = AllUsed::from([(families[1].clone(), used(2, 2_000))]);
    assert_eq!(file.news(&mut read).unwrap(), second);
    file.append(&families[2], &used(3, 2_000), NOW).unwrap();
    file.tidy(NOW).unwrap();
    assert_eq!(file.news(&mut read).unwrap().len(), 3);
    append("nonsense\n");
    assert!(file.news(&mut read).is_err());
}

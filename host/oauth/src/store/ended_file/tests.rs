//! Tests of the file of ended sign-ins.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::state_file::is_ours;

const NOW: UnixMillis = UnixMillis(1_000);

fn ended(families: &[(&FamilyId, u64)]) -> Ended {
    families
        .iter()
        .map(|(family, until)| ((*family).clone(), UnixMillis(*until)))
        .collect()
}

#[test]
fn what_ended_is_known_to_the_next_process_until_it_expires() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("state/oauth");
    let (one, two, three) = (FamilyId::random(), FamilyId::random(), FamilyId::random());
    let (file, known) = EndedFile::open(&directory, NOW).unwrap();
    assert!(known.is_empty());
    file.add(&ended(&[(&one, 2_000), (&two, 3_000)]), NOW)
        .unwrap();
    let (other, known) = EndedFile::open(&directory, NOW).unwrap();
    assert_eq!(known, ended(&[(&one, 2_000), (&two, 3_000)]));
    // Two processes at once: neither loses what the other wrote.
    other.add(&ended(&[(&three, 4_000)]), NOW).unwrap();
    file.add(&ended(&[(&one, 2_000)]), NOW).unwrap();
    let (_, known) = EndedFile::open(&directory, UnixMillis(2_000)).unwrap();
    assert_eq!(known, ended(&[(&two, 3_000), (&three, 4_000)]));
    let mode = fs::metadata(file.0.path()).unwrap().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    assert_eq!(
        fs::read_dir(&directory).unwrap().count(),
        1,
        "no draft is left"
    );
}

#[test]
fn a_file_that_is_damaged_is_never_read_as_empty() {
    let root = tempfile::tempdir().unwrap();
    let (file, _) = EndedFile::open(root.path(), NOW).unwrap();
    file.add(&ended(&[(&FamilyId::random(), 2_000)]), NOW)
        .unwrap();
    let good = fs::read(file.0.path()).unwrap();
    let mut damages: Vec<Vec<u8>> = (0..good.len()).map(|at| good[..at].to_vec()).collect();
    damages.extend((0..good.len()).map(|at| {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        damaged
    }));
    damages.push([&good[..], b"x 1\n"].concat());
    damages.push(b"\xff\xfe".to_vec());
    for damaged in damages {
        fs::write(file.0.path(), &damaged).unwrap();
        let refused = EndedFile::open(root.path(), NOW).err();
        assert!(
            matches!(
                refused,
                Some(EndedFileError::File(StateFileError::Damaged { .. }))
            ),
            "{refused:?}: {damaged:?}"
        );
        assert!(file.add(&Ended::new(), NOW).is_err());
        assert_eq!(fs::read(file.0.path()).unwrap(), damaged, "left for a look");
    }
    fs::write(file.0.path(), &good).unwrap();
    fs::set_permissions(file.0.path(), fs::Permissions::from_mode(0o620)).unwrap();
    let refused = EndedFile::open(root.path(), NOW).err().unwrap().to_string();
    assert!(refused.contains("0620"), "{refused}");
}

#[test]
fn a_place_where_no_file_can_be_made_is_told_apart_from_one_that_cannot_be_read() {
    let root = tempfile::tempdir().unwrap();
    let not_a_directory = root.path().join("file");
    fs::write(&not_a_directory, "").unwrap();
    let refused = EndedFile::open(&not_a_directory.join("state"), NOW).err();
    assert!(refused.is_some());
    let absent = Path::new("/proc/self/nothing/state");
    let refused = EndedFile::open(absent, NOW).err();
    assert!(
        matches!(refused, Some(EndedFileError::New { .. })),
        "{refused:?}"
    );
    let (file, _) = EndedFile::open(root.path(), NOW).unwrap();
    fs::remove_file(file.0.path()).unwrap();
    fs::create_dir(file.0.path()).unwrap();
    let refused = EndedFile::open(root.path(), NOW).err();
    assert!(
        matches!(
            refused,
            Some(EndedFileError::File(
                StateFileError::Io { .. } | StateFileError::Loose { .. }
            ))
        ),
        "{refused:?}"
    );
}

#[test]
fn a_directory_in_which_everybody_may_write_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("state");
    EndedFile::open(&place, NOW).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&place), 0o700);
    for (loose, is_refused) in [
        (0o777, true),
        (0o1777, true),
        (0o2775, false),
        (0o755, false),
    ] {
        fs::set_permissions(&place, fs::Permissions::from_mode(loose)).unwrap();
        let opened = EndedFile::open(&place, NOW);
        assert_eq!(opened.is_err(), is_refused, "{loose:o}");
        if let Err(error) = opened {
            let text = error.to_string();
            let named = place.display().to_string();
            assert!(text.contains(&format!("{loose:04o}")), "{text}");
            assert!(
                text.contains(&named) && text.contains("OAUTH_STATE_DIR"),
                "{text}"
            );
        }
    }
}

#[test]
fn what_belongs_to_another_user_is_not_ours() {
    let own = rustix::process::geteuid().as_raw();
    assert!(is_ours(own) && is_ours(0));
    assert!(!is_ours(own + 1));
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let (file, _) = EndedFile::open(root.path(), NOW).unwrap();
    fs::remove_file(file.0.path()).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, file.0.path(), fifo, mode, 0).unwrap();
    let refused = EndedFile::open(root.path(), NOW).err().unwrap().to_string();
    assert!(refused.contains("it is not a file"), "{refused}");
    assert!(!fs::symlink_metadata(file.0.path()).unwrap().is_file());
    fs::remove_file(file.0.path()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", file.0.path()).unwrap();
    let refused = EndedFile::open(root.path(), NOW).err().unwrap().to_string();
    assert!(refused.contains("it is not a file"), "{refused}");
}

#[test]
fn the_file_is_bounded_by_what_is_kept_in_memory() {
    let root = tempfile::tempdir().unwrap();
    let (file, _) = EndedFile::open(root.path(), NOW).unwrap();
    let many: Ended = (0..MAX_FAMILIES as u64 + 10)
        .map(|number| (FamilyId::random(), UnixMillis(2_000 + number)))
        .collect();
    let kept = file.add(&many, NOW).unwrap();
    assert_eq!(kept.len(), MAX_FAMILIES);
    assert!(
        kept.values().all(|until| until.0 >= 2_010),
        "the oldest make room"
    );
    assert!(fs::metadata(file.0.path()).unwrap().len() < ABOUT.max_bytes);
    assert_eq!(
        EndedFile::open(root.path(), NOW).unwrap().1.len(),
        MAX_FAMILIES
    );
}

#[test]
fn a_place_where_others_may_put_another_directory_is_found() {
    let root = tempfile::tempdir().unwrap();
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let parent = root.path().join("parent");
    let directory = parent.join("between/state");
    fs::create_dir_all(&directory).unwrap();
    let link = root.path().join("link");
    std::os::unix::fs::symlink(&directory, &link).unwrap();
    for (mode, is_loose) in [
        (0o700, false),
        (0o775, false),
        (0o1777, false),
        (0o777, true),
    ] {
        set(&parent, mode);
        for path in [&directory, &link] {
            let found = state_file::loose_parent(path).map(|(path, mode, _)| (path, mode));
            let expected = is_loose.then(|| (fs::canonicalize(&parent).unwrap(), mode));
            assert_eq!(found, expected, "{mode:o} {}", path.display());
        }
    }
    // The place of a link counts as well.
    set(&parent, 0o700);
    set(root.path(), 0o777);
    assert!(state_file::loose_parent(&link).is_some());
    set(root.path(), 0o700);
}

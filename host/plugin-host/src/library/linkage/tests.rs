use std::fs;

use super::*;

/// A shared library that every machine with a toolchain has.
fn some_library() -> Vec<u8> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let path = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .find(|path| path.contains("/libgcc_s"))
        .unwrap();
    fs::read(path).unwrap()
}

/// The library with the tag of its own name (`DT_SONAME`), changed to `tag`: the name keeps its place.
fn with_its_name_as(tag: u32) -> Vec<u8> {
    let mut bytes = some_library();
    let memory = Memory::of(&bytes).unwrap();
    let section = memory.from(memory.dynamic.0).unwrap();
    let at = section
        .chunks_exact(16)
        .position(|entry| entry[..8] == u64::from(elf::DT_SONAME).to_ne_bytes())
        .unwrap();
    let start = section.as_ptr() as usize - bytes.as_ptr() as usize + at * 16;
    bytes[start..start + 8].copy_from_slice(&u64::from(tag).to_ne_bytes());
    bytes
}

#[test]
fn a_library_of_the_system_passes() {
    let links = read(&some_library()).unwrap();
    assert!(
        links.needed.iter().any(|name| name.starts_with("libc.so")),
        "{links:?}"
    );
    assert!(
        links.search_paths.is_empty() && links.others.is_empty(),
        "{links:?}"
    );
    check(&some_library(), &SystemFolders::of_this_system()).unwrap();
}

#[test]
fn every_entry_that_leads_elsewhere_is_refused() {
    let system = SystemFolders::of_this_system();
    for tag in [elf::DT_RPATH, elf::DT_RUNPATH] {
        let error = check(&with_its_name_as(tag), &system).unwrap_err();
        assert!(matches!(error, LinkError::SearchPath { .. }), "{error}");
    }
    for tag in [
        elf::DT_AUXILIARY,
        elf::DT_FILTER,
        elf::DT_AUDIT,
        elf::DT_DEPAUDIT,
        elf::DT_CONFIG,
    ] {
        let error = check(&with_its_name_as(tag), &system).unwrap_err();
        assert!(matches!(error, LinkError::Loads { .. }), "{error}");
    }
    check(&with_its_name_as(elf::DT_NEEDED), &system).unwrap();
    let error = check(&with_its_name_as(elf::DT_STRTAB), &system).unwrap_err();
    assert!(matches!(error, LinkError::Damaged(_)), "{error}");
}

#[test]
fn entries_are_judged_by_where_they_lead() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("lib");
    fs::create_dir_all(folder.join("more")).unwrap();
    let system = SystemFolders::for_test(&folder);
    let inside = |name: &str| folder.join(name).display().to_string();
    search_path("RUNPATH", &inside("more"), &system).unwrap();
    search_path("RUNPATH", &inside("not-there"), &system).unwrap();
    for entry in ["", "lib", "/nowhere", &inside("../elsewhere"), "/"] {
        let error = search_path("RUNPATH", entry, &system).unwrap_err();
        assert!(
            matches!(error, LinkError::SearchPath { .. }),
            "{entry}: {error}"
        );
    }
    for entry in ["$ORIGIN", "${ORIGIN}/lib", "/usr/$LIB"] {
        let error = search_path("RUNPATH", entry, &system).unwrap_err();
        assert!(
            matches!(error, LinkError::Origin { .. }),
            "{entry}: {error}"
        );
        let error = needed(entry, &[], &system).unwrap_err();
        assert!(
            matches!(error, LinkError::Origin { .. }),
            "{entry}: {error}"
        );
    }
    let error = needed("libabsent.so", &[], &system).unwrap_err();
    assert!(matches!(error, LinkError::NotFound { .. }), "{error}");
    for name in ["./libx.so", "/tmp/libx.so", "lib/libx.so"] {
        let error = needed(name, &[], &system).unwrap_err();
        assert!(
            matches!(error, LinkError::OutsideSystem { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_library_of_the_system_that_others_may_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("libx.so");
    fs::write(&file, "").unwrap();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&file, 0o644);
    let system = SystemFolders::for_test(dir.path());
    needed("libx.so", &[], &system).unwrap();
    mode(&file, 0o666);
    let error = needed("libx.so", &[], &system).unwrap_err();
    assert!(matches!(error, LinkError::Untrusted { .. }), "{error}");
    mode(&file, 0o644);
    mode(dir.path(), 0o777);
    let error = needed("libx.so", &[], &system).unwrap_err();
    assert!(matches!(error, LinkError::Untrusted { .. }), "{error}");
    let folder = dir.path().display().to_string();
    let error = search_path("RPATH", &folder, &system).unwrap_err();
    assert!(matches!(error, LinkError::Untrusted { .. }), "{error}");
}

#[test]
fn segments_that_are_mapped_over_each_other_are_refused() {
    let mut bytes = some_library();
    // The second loaded segment is moved to where the first one is.
    let table = usize::try_from(u64::from_ne_bytes(bytes[32..40].try_into().unwrap())).unwrap();
    let count = usize::from(u16::from_ne_bytes(bytes[56..58].try_into().unwrap()));
    let loads: Vec<usize> = (0..count)
        .map(|at| table + at * 56)
        .filter(|at| bytes[*at..*at + 4] == elf::PT_LOAD.to_ne_bytes())
        .collect();
    bytes[loads[1] + 16..loads[1] + 24].fill(0);
    let error = read(&bytes).unwrap_err();
    assert!(error.to_string().contains("overlap"), "{error}");
}

proptest::proptest! {
    /// Any bytes get an answer.
    #[test]
    fn never_panics(flips in proptest::collection::vec((0_usize..8_192, 0_u8..=255), 1..20)) {
        let mut bytes = some_library();
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _ = read(&bytes);
    }
}

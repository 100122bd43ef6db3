use super::*;

const GOOD: &str = "k1.ada.1900000000.0123456789abcdef";

fn tokens(name: &str) -> Vec<String> {
    let groups = groups(GOOD, Some("k1.berta.1900000000.fedcba9876543210"));
    let group = groups.into_iter().find(|group| group.name.contains(name));
    let mutations = group.expect("a group").mutations;
    mutations.into_iter().map(|one| one.token).collect()
}

#[test]
fn each_byte_is_changed_and_stays_of_its_kind() {
    let changed = tokens("a byte changed");
    for at in 0..GOOD.len() {
        let differs = |token: &&String| {
            let pairs = token.bytes().zip(GOOD.bytes());
            let places: Vec<_> = pairs.enumerate().filter(|(_, (a, b))| a != b).collect();
            places.len() == 1 && places[0].0 == at
        };
        assert!(changed.iter().any(|token| differs(&token)), "{at}");
    }
    assert!(changed.contains(&"k1.ada.6900000000.0123456789abcdef".to_owned()));
}

#[test]
fn cut_to_every_length_swapped_and_mixed() {
    let cut = tokens("cut short");
    for kept in 1..GOOD.len() {
        assert!(cut.contains(&GOOD[..kept].to_owned()), "{kept}");
    }
    let rebuilt = tokens("parts changed");
    for token in [
        "k1.berta.1900000000.0123456789abcdef",
        "k1.ada.1900000000.fedcba9876543210",
        "k1.ada.1900000000.01234567",
        "k1.ada.1900000000.",
        "k1.ada.0123456789abcdef.1900000000",
        "k1.ada.1900000000",
    ] {
        assert!(rebuilt.contains(&token.to_owned()), "{token}");
    }
    assert!(tokens("odd tokens").contains(&"k1.x".to_owned()));
}

#[test]
fn other_spellings_are_told_from_other_tokens() {
    let token = "notary.bm90YXJ5Cg.QUJDREVGRw";
    let spellings: Vec<String> = groups(token, None)
        .into_iter()
        .flat_map(|group| group.mutations)
        .filter(|mutation| mutation.spelling)
        .map(|mutation| mutation.token)
        .collect();
    assert!(spellings.contains(&"notary.bm90YXJ5Cg.QUJDREVGRx".to_owned()));
    assert!(spellings.contains(&format!("{token}=")));
    assert!(!spellings.contains(&format!("{token}x")));
    let cased = recased(GOOD);
    assert!(cased.contains(&(
        "part 4 in the other case".to_owned(),
        "k1.ada.1900000000.0123456789ABCDEF".to_owned(),
        true
    )));
    assert!(cased.contains(&(
        "part 2 in the other case".to_owned(),
        "k1.ADA.1900000000.0123456789abcdef".to_owned(),
        false
    )));
    assert!(!spellings.contains(&"notary.bm90YXJ5Cg.qujdrevgrW".to_owned()));
}

#[test]
fn nothing_is_the_good_token_itself() {
    for token in [
        GOOD,
        "a",
        "",
        "opaque",
        "a.b.c",
        "\u{e4}.\u{f6}.\u{fc}",
        "0123abcd",
    ] {
        for group in groups(token, Some("k1.berta.1900000000.fedcba9876543210")) {
            for mutation in group.mutations {
                assert_ne!(mutation.token, token, "{}", mutation.what);
            }
        }
        assert_ne!(unseen(token, 2), token);
    }
}

#[test]
fn a_long_token_is_sampled() {
    let token = format!(
        "{}.{}.{}",
        "a".repeat(400),
        "b".repeat(2_000),
        "c".repeat(342)
    );
    for group in groups(&token, None) {
        let count = group.mutations.len();
        assert!(count <= 2 * MAX_POSITIONS, "{}: {count}", group.name);
    }
}

#[test]
fn one_form_is_told_from_another() {
    let jwt = |claims: &str, signature: &str| format!("e30.{}.{signature}", BASE64.encode(claims));
    let of_ours = jwt(r#"{"iss":"https://a","sub":"ada"}"#, "AAAA");
    for (good, bad, same) in [
        (GOOD, "k1.ada.1900000000.fedcba9876543210", true),
        (GOOD, "k2.ada.1900000000.0123456789abcdef", false),
        (GOOD, "check-bad", false),
        ("check-good", "check-bad", false),
        ("5f0c5f0c5f0c", "000000000000", false),
        (
            &of_ours,
            &jwt(r#"{"iss":"https://a","sub":"eve"}"#, "BBBB"),
            true,
        ),
        (
            &of_ours,
            &jwt(r#"{"iss":"https://b","sub":"ada"}"#, "AAAA"),
            false,
        ),
    ] {
        assert_eq!(have_one_form(good, bad), same, "{good} {bad}");
    }
}

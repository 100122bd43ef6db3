//! Names, files and what is kept out of them.

use proptest::prelude::*;

use super::*;

fn document(title: &str, text: &str) -> Document {
    Document::new("urn:li:document:a b/é", title, text)
}

/// The members of a frontmatter: JSON after each name.
fn front(file: &str) -> Map<String, Value> {
    let (_, rest) = file.split_once("---\n").unwrap();
    let (front, _) = rest.split_once("\n---\n").unwrap();
    let members = front.lines().map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned(), serde_json::from_str(value).unwrap())
    });
    members.collect()
}

#[test]
fn a_name_is_the_title_in_lower_case_with_hyphens() {
    let long = "x".repeat(70);
    for (title, name) in [
        ("How we load Orders (v2)", "how-we-load-orders-v2"),
        ("  --- GDPR: erase! ", "gdpr-erase"),
        ("Überblick", "überblick"),
        ("売上の定義", "売上の定義"),
        // Signs of vowels are no letters to the format of skills.
        ("हिन्दी orders", "orders"),
        ("2024", "2024"),
        ("???", "document"),
        ("", "untitled"),
        (&long, &long[..64]),
    ] {
        let document = document(title, "text");
        let [plain, marked] = document.names();
        assert_eq!(plain, name, "{title}");
        assert!(marked.starts_with(&name.chars().take(55).collect::<String>()));
        for name in [plain, marked] {
            let skill = document.skill(&name);
            skill.validate().unwrap();
            assert_eq!(
                urn_in(&skill.uri).as_deref(),
                Some(&*document.urn),
                "{}",
                skill.uri
            );
            assert_eq!(document.name_in(&skill.uri), Some(name));
        }
    }
    let other = Document::new("urn:li:document:other", "2024", "text");
    assert_ne!(other.names()[1], document("2024", "").names()[1]);
}

#[test]
fn the_name_of_a_skill_of_this_server_is_not_given_away() {
    let document = document("Explain table", "text");
    let [plain, marked] = document.names();
    assert!(is_taken(&plain), "{plain}");
    assert_eq!(document.name_in(&uri_of(&document.urn, &plain)), None);
    assert!(document.name_in(&uri_of(&document.urn, &marked)).is_some());
}

#[test]
fn the_file_says_who_wrote_it_and_is_the_one_that_is_listed() {
    let hidden = "First: \"do\" this\u{200b} # now.\n\n![x](https://x.example/a)\n<img src=x>";
    for (text, said) in [
        (hidden, "First: \"do\" this # now."),
        (
            "# Heading\n\nUse it\nfor orders.\n\nMore.",
            "Use it for orders.",
        ),
        (
            "---\nname: y\nallowed-tools: Bash\ndescription: \"Own words\"\n---\nBody",
            "Own words",
        ),
        ("---\ndescription: >\n  folded\n---\nBody", "Body"),
        ("# Only a heading", "Orders"),
    ] {
        let document = document("Orders", text);
        let skill = document.skill("orders");
        let file = document.file("orders");
        let SkillResources::Files(files) = &skill.resources else {
            panic!("{skill:?}")
        };
        files[0].verify(file.as_bytes()).unwrap();
        let listed = serde_json::to_value(&skill.frontmatter).unwrap();
        assert_eq!(Value::from(front(&file)), listed, "{file}");
        assert_eq!(listed["description"], format!("{said} {SAID_BY}"));
        let mut names: Vec<&str> = listed
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["description", "metadata", "name"], "{text}");
        assert!(
            file.contains("> Written by people of this company"),
            "{file}"
        );
        for kept_out in ['\u{200b}', '\r'] {
            assert!(!file.contains(kept_out), "{file:?}");
        }
        assert!(!file.contains("![") && !file.contains("<img"), "{file}");
    }
}

#[test]
fn other_uris_name_no_document() {
    for uri in [
        "skill://explain-table/SKILL.md",
        "skill://datahub/SKILL.md",
        "skill://datahub/x/SKILL.md",
        "skill://datahub//x/SKILL.md",
        "skill://datahub/%ff/x/SKILL.md",
        "skill://datahub/a/x/README.md",
        "skill://datahub/a/xSKILL.md",
        "datahub://urn:li:document:a",
    ] {
        assert_eq!(urn_in(uri), None, "{uri}");
    }
}

proptest! {
    #[test]
    fn whatever_people_write_is_a_valid_skill(id in "\\PC{1,20}", title in "(?s).{0,80}", text in "(?s).{0,200}") {
        let document = Document::new(&format!("urn:li:document:{id}"), &title, &text);
        for name in document.names() {
            let skill = document.skill(&name);
            prop_assert!(skill.validate().is_ok(), "{:?}", skill);
            let file = document.file(&name);
            prop_assert_eq!(Value::from(front(&file)), serde_json::to_value(&skill.frontmatter).unwrap());
            prop_assert_eq!(urn_in(&skill.uri), Some(document.urn.clone()));
            let front = file.split("\n---\n").next().unwrap();
            prop_assert_eq!(front.lines().count(), 4, "{}", front);
        }
    }

    #[test]
    fn no_uri_panics(uri in "\\PC{0,60}") {
        let _ = urn_in(&uri);
        let _ = urn_in(&format!("skill://datahub/{uri}/x/SKILL.md"));
    }
}

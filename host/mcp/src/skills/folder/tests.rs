//! What is a skill, under which name, and what is said of the rest.

use super::*;

const FOLDER: &str = "urn:li:document:skills";

fn document(id: &str, title: &str) -> Value {
    json!({"urn": format!("urn:li:document:{id}"), "info": {
        "title": title, "status": {"state": "PUBLISHED"}, "contents": {"text": "Do this."},
        "parentDocument": {"document": {"urn": FOLDER}},
    }})
}

#[test]
fn only_published_documents_in_the_folder_are_skills() {
    assert!(read_as_skill(&document("a", "A"), FOLDER).is_ok());
    for (pointer, value) in [
        ("/info/status/state", json!("UNPUBLISHED")),
        ("/info/status", Value::Null),
        (
            "/info/parentDocument/document/urn",
            json!("urn:li:document:other"),
        ),
        ("/info/parentDocument", Value::Null),
        ("/info", Value::Null),
        ("/urn", Value::Null),
    ] {
        let mut other = document("a", "A");
        *other.pointer_mut(pointer).unwrap() = value;
        assert_eq!(read_as_skill(&other, FOLDER), Err(None), "{pointer}");
    }
    for (text, why) in [
        (" \u{200b}\n".to_owned(), "is empty"),
        ("x".repeat(MAX_TEXT_BYTES + 1), "has 65537 bytes"),
    ] {
        let mut other = document("a", "A");
        other["info"]["contents"]["text"] = json!(text);
        let told = read_as_skill(&other, FOLDER).unwrap_err().unwrap();
        assert!(told.starts_with(why), "{told}");
    }
}

#[test]
fn no_two_skills_have_one_name() {
    let all: Vec<Document> = [
        ("a", "Orders"),
        ("b", "orders!"),
        ("c", "Explain table"),
        ("d", "X"),
    ]
    .map(|(id, title)| read_as_skill(&document(id, title), FOLDER).unwrap())
    .into();
    let mut found = Found::default();
    name(&all, &mut found);
    let names: Vec<&str> = found.skills.iter().map(Skill::name).collect();
    assert!(
        names[0].starts_with("orders-") && names[1].starts_with("orders-"),
        "{names:?}"
    );
    assert!(names[2].starts_with("explain-table-"), "{names:?}");
    assert_eq!(names[3], "x");
    assert_ne!(names[0], names[1]);
    assert_eq!(found.notes.len(), 3, "{:?}", found.notes);
    assert!(
        found.notes[0].contains("another skill is `orders`"),
        "{:?}",
        found.notes
    );
}

#[test]
fn a_folder_is_a_document_that_no_agent_writes_to() {
    assert_eq!(check(FOLDER), Ok(()));
    for other in [
        "",
        "skills",
        "urn:li:document:",
        "urn:li:tag:a",
        "urn:li:document:a b",
    ] {
        assert_eq!(check(other), Err("not the urn of a document"), "{other}");
    }
    for agents in ["__system_shared_documents", "agent-docs-user-ada"] {
        let why = check(&format!("urn:li:document:{agents}")).unwrap_err();
        assert!(why.contains("agents"), "{why}");
    }
}

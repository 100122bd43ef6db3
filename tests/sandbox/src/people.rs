//! The people of the sandbox: the same four at the identity provider and at DataHub.

/// A person who can sign in at the embedded identity provider.
///
/// DataHub decides what the person may do: a suspended person can still sign in, and is refused by
/// DataHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The login name, and the `sub` of the person's tokens; DataHub's `urn:li:corpuser:<username>`.
    pub username: String,
    /// The password for the login page. Not a secret: it is in the source and in the sandbox's
    /// output.
    pub password: String,
    /// The name that people read.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// The `groups` claim.
    pub groups: Vec<String>,
}

impl Person {
    /// A person whose password is the username followed by `-password`.
    pub fn new(username: &str, name: &str, groups: &[&str]) -> Self {
        Self {
            username: username.to_owned(),
            password: format!("{username}-password"),
            name: name.to_owned(),
            email: format!("{username}@lanternandloom.example"),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
        }
    }
}

/// The people of the sandbox: `admin`, `editor`, `viewer` (may not write) and `suspended` (DataHub
/// answers 401).
pub fn demo() -> Vec<Person> {
    vec![
        Person::new("admin", "Ada Marsh", &["data-platform"]),
        Person::new("editor", "Edwin Okoro", &["analytics"]),
        Person::new("viewer", "Vera Lindqvist", &["store-operations"]),
        Person::new("suspended", "Silas Penn", &[]),
    ]
}

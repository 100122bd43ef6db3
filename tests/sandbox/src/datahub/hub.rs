//! The state of the embedded DataHub: the present catalog, tokens, switches.
//!
//! The only place that changes the catalog. A write has exclusive access to the catalog, and the
//! next request sees all of its changes at once.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};

use super::StartError;
use super::auth::Authenticator;
use super::catalog::Catalog;
use super::controls::{Controls, Written};
use super::engine::Engine;
use super::error::ApiError;
use super::options::{Kind, Options, Person};
use super::record::Change;
use super::time::now_millis;
use super::tokens::Tokens;

/// DataHub's own actor.
pub(crate) const SYSTEM: &str = "urn:li:corpuser:__datahub_system";

/// The built-in ownership types of every DataHub: id, name, description.
const OWNERSHIP_TYPES: &[(&str, &str, &str)] = &[
    (
        "__system__technical_owner",
        "Technical Owner",
        "Involved in the production of the asset.",
    ),
    (
        "__system__business_owner",
        "Business Owner",
        "Principle stakeholders of the asset.",
    ),
    (
        "__system__data_steward",
        "Data Steward",
        "Involved in governance of the asset.",
    ),
    ("__system__none", "None", "No ownership type specified."),
];

/// The state of the embedded DataHub; see the module.
#[derive(Debug)]
pub(crate) struct Hub {
    catalog: RwLock<Arc<Catalog>>,
    writing: Mutex<()>,
    kinds: HashMap<String, Kind>,
    people: Vec<Person>,
    pub(crate) tokens: Tokens,
    pub(crate) auth: Authenticator,
    pub(crate) controls: Controls,
    pub(crate) version: String,
    pub(crate) server_env: String,
    /// The schema, if parts of it are hidden.
    pub(crate) engine: Option<Engine>,
}

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    /// `urn:li:corpuser:<name>`.
    pub(crate) urn: String,
    /// The actor's role.
    pub(crate) kind: Kind,
}

impl Hub {
    pub(crate) fn new(options: Options) -> Result<Self, StartError> {
        let mut catalog = options.catalog;
        add_builtin(&mut catalog, &options.people);
        let tokens = Tokens::new();
        for person in &options.people {
            let signed = tokens.mint_for_person(&mut catalog, &person.username);
            signed.map_err(|source| StartError::Token {
                username: person.username.clone(),
                source,
            })?;
        }
        Ok(Self {
            catalog: RwLock::new(Arc::new(catalog)),
            writing: Mutex::new(()),
            kinds: options
                .people
                .iter()
                .map(|p| (corpuser(&p.username), p.kind))
                .collect(),
            people: options.people,
            tokens,
            auth: Authenticator::new(options.trusted_issuers, options.authentication)?,
            controls: Controls::default(),
            version: options.version,
            server_env: options.server_env,
            engine: match options.hidden.as_slice() {
                [] => None,
                hidden => Some(Engine::without(hidden).map_err(StartError::Schema)?),
            },
        })
    }

    /// A snapshot of the present catalog.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read())
    }

    /// The actor with its role; one without an account may read.
    pub(crate) fn actor(&self, urn: String) -> Actor {
        let kind = self.kinds.get(&urn).copied().unwrap_or(Kind::Viewer);
        Actor { urn, kind }
    }

    /// Replaces the catalog, and adds the people and their tokens to the new one.
    pub(crate) fn replace_catalog(&self, mut next: Catalog) {
        let _writing = self.writing.lock();
        add_builtin(&mut next, &self.people);
        for record in self.catalog().records() {
            if &*record.entity_type == "dataHubAccessToken" {
                for (aspect, present) in record.aspects() {
                    next.put(change(&record.urn, aspect, present.value.clone(), SYSTEM));
                }
            }
        }
        *self.catalog.write() = Arc::new(next);
    }

    /// Runs a write. Its changes take effect if it succeeds, and are dropped if it fails.
    pub(crate) fn write<T>(
        &self,
        actor: &str,
        write: impl FnOnce(&mut Writer) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let _writing = self.writing.lock();
        let catalog = Catalog::clone(&self.catalog.read());
        let mut writer = Writer {
            catalog,
            actor: actor.to_owned(),
            written: Vec::new(),
        };
        let answer = write(&mut writer)?;
        let Writer {
            catalog, written, ..
        } = writer;
        *self.catalog.write() = Arc::new(catalog);
        for (urn, aspect) in written {
            self.controls.record_write(Written {
                actor: actor.to_owned(),
                urn,
                aspect,
            });
        }
        Ok(answer)
    }
}

/// The catalog while it is written.
pub(crate) struct Writer {
    pub(crate) catalog: Catalog,
    pub(crate) actor: String,
    written: Vec<(String, String)>,
}

impl Writer {
    /// Sets an aspect.
    pub(crate) fn put(&mut self, urn: &str, aspect: &str, value: Value) {
        self.put_with_system(urn, aspect, value, Value::Null);
    }

    /// Sets an aspect, with the system metadata that came with it.
    pub(crate) fn put_with_system(&mut self, urn: &str, aspect: &str, value: Value, system: Value) {
        let system = match system {
            Value::Null => json!({ "lastObserved": now_millis() }),
            given => given,
        };
        self.catalog.put(Change {
            system,
            ..change(urn, aspect, value, &self.actor)
        });
        self.written.push((urn.to_owned(), aspect.to_owned()));
    }

    /// Removes an aspect.
    pub(crate) fn remove_aspect(&mut self, urn: &str, aspect: &str) {
        self.catalog.remove_aspect(urn, aspect);
        self.written.push((urn.to_owned(), aspect.to_owned()));
    }

    /// Removes an entity.
    pub(crate) fn remove(&mut self, urn: &str) {
        self.catalog.remove(urn);
        self.written.push((urn.to_owned(), "*".to_owned()));
    }

    /// The present value of an aspect; null if there is none.
    pub(crate) fn aspect(&self, urn: &str, aspect: &str) -> Value {
        self.catalog
            .aspect(urn, aspect)
            .cloned()
            .unwrap_or_default()
    }

    /// The audit stamp of this write.
    pub(crate) fn stamp(&self) -> Value {
        json!({ "time": now_millis(), "actor": self.actor })
    }
}

/// The urn of a person.
pub(crate) fn corpuser(username: &str) -> String {
    format!("urn:li:corpuser:{username}")
}

/// A change made now.
pub(crate) fn change(urn: &str, aspect: &str, value: Value, actor: &str) -> Change {
    Change {
        urn: urn.to_owned(),
        aspect: aspect.to_owned(),
        value,
        system: Value::Null,
        time: now_millis(),
        actor: actor.to_owned(),
    }
}

/// Adds accounts, groups and ownership types that the catalog lacks.
fn add_builtin(catalog: &mut Catalog, people: &[Person]) {
    let mut add = |urn: &str, aspect: &str, value: Value| {
        if catalog.aspect(urn, aspect).is_none() {
            catalog.put(change(urn, aspect, value, SYSTEM));
        }
    };
    for person in people {
        let urn = corpuser(&person.username);
        let groups: Vec<_> = person
            .groups
            .iter()
            .map(|group| format!("urn:li:corpGroup:{group}"))
            .collect();
        add(&urn, "corpUserKey", json!({ "username": person.username }));
        let info = json!({
            "active": !person.suspended,
            "displayName": person.display_name,
            "fullName": person.display_name,
            "email": person.email,
            "system": false,
            "customProperties": {},
        });
        add(&urn, "corpUserInfo", info);
        for (group, name) in groups.iter().zip(&person.groups) {
            let info = json!({
                "displayName": name, "email": null, "admins": [], "members": [], "groups": [],
            });
            add(group, "corpGroupInfo", info);
            add(group, "corpGroupKey", json!({ "name": name }));
        }
        add(&urn, "groupMembership", json!({ "groups": groups }));
        add(
            &urn,
            "roleMembership",
            json!({ "roles": [person.kind.role()] }),
        );
        if person.suspended {
            let stamp = json!({ "time": now_millis(), "actor": SYSTEM });
            add(
                &urn,
                "corpUserStatus",
                json!({ "status": "SUSPENDED", "lastModified": stamp }),
            );
        }
    }
    for (id, name, description) in OWNERSHIP_TYPES {
        let stamp = json!({ "time": now_millis(), "actor": SYSTEM });
        let info = json!({
            "name": name, "description": description, "created": stamp, "lastModified": stamp,
        });
        add(
            &format!("urn:li:ownershipType:{id}"),
            "ownershipTypeInfo",
            info,
        );
    }
}

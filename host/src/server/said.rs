//! What the log keeps of a message: its method, the name that it calls, and its client's own name.
//! Read while the message is checked, so that a call that is refused afterwards is named, too.

use std::{borrow::Cow, cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use telemetry::Message;

use super::json_values::values;

/// The member of `_meta` that names the client where there is no `initialize`.
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// The longest text that is kept, in characters. The log shows fewer.
const MAX_TEXT_CHARS: usize = 256;
/// The methods of MCP that clients call. Another one is copied.
const METHODS: &[&str] = &[
    "tools/call",
    "tools/list",
    "initialize",
    "notifications/initialized",
    "notifications/cancelled",
    "ping",
    "server/discover",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
];

/// The method as the log keeps it.
pub(super) fn method(name: &str) -> Cow<'static, str> {
    match METHODS.iter().find(|known| **known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(beginning(name)),
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

/// Reads a value and counts what is in it; keeps it if it is a text.
pub(super) struct Text<'a>(pub(super) &'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        values(self.0).visit_str(text)?;
        Ok(Some(beginning(text)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        values(self.0).visit_bool(value).map(|()| None)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        values(self.0).visit_i64(value).map(|()| None)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        values(self.0).visit_u64(value).map(|()| None)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        values(self.0).visit_f64(value).map(|()| None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        values(self.0).visit_unit().map(|()| None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        values(self.0).visit_seq(items).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        values(self.0).visit_map(members).map(|()| None)
    }
}

/// The object that is read.
#[derive(Debug, Clone, Copy)]
enum Object {
    Params,
    Meta,
    ClientInfo,
}

/// Reads `params`, counts what is in it, and keeps the names in it.
pub(super) struct Params<'a> {
    count: &'a Cell<usize>,
    said: &'a mut Message,
    object: Object,
}

impl<'a> Params<'a> {
    pub(super) fn new(count: &'a Cell<usize>, said: &'a mut Message) -> Self {
        Self {
            count,
            said,
            object: Object::Params,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Params<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Params<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        values(self.count).one()?;
        let (mut name, mut version) = (None, None);
        while let Some(member) = members.next_key::<Cow<'_, str>>()? {
            let object = match (self.object, &*member) {
                (Object::Params | Object::ClientInfo, "name") => {
                    name = members.next_value_seed(Text(self.count))?;
                    continue;
                }
                (Object::ClientInfo, "version") => {
                    version = members.next_value_seed(Text(self.count))?;
                    continue;
                }
                (Object::Params, "_meta") => Object::Meta,
                (Object::Params, "clientInfo") | (Object::Meta, CLIENT_INFO) => Object::ClientInfo,
                _ => {
                    members.next_value_seed(values(self.count))?;
                    continue;
                }
            };
            members.next_value_seed(Params {
                count: self.count,
                said: self.said,
                object,
            })?;
        }
        match self.object {
            Object::Params => self.said.name = name,
            Object::Meta => {}
            Object::ClientInfo => {
                let version = version.map_or(String::new(), |version| format!("/{version}"));
                self.said.client_info = name.map(|name| name + &version);
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        values(self.count).visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        values(self.count).visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        values(self.count).visit_u64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        values(self.count).visit_f64(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        values(self.count).visit_str(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        values(self.count).visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        values(self.count).visit_seq(items)
    }
}

//! `get_me`: the caller, as DataHub identifies them.

use datahub::Tree;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    clean::cleaned,
    context::ToolContext,
    documents,
    error::ToolError,
    tool::{Definition, Effect, Tool},
};

pub(super) struct GetMe;

#[derive(Debug, Deserialize)]
pub(super) struct Args {}

impl Tool for GetMe {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "get_me",
            title: "Who am I",
            description: "The person on whose behalf DataHub is asked: urn, name, groups and \
                platform privileges. Use the urn in filters such as owner = urn:li:corpuser:...",
            params: Vec::new(),
            output: json!({}),
            effect: Effect::Reads,
            enabled: |settings| settings.user,
        }
    }

    async fn call(&self, context: &ToolContext, _args: Args) -> Result<Value, ToolError> {
        let me = context.ask_and(&documents::GET_ME, Value::Null, &|data| {
            person(data.get("me"))
        });
        let unknown = || ToolError::NotFound("DataHub does not say who you are".to_owned());
        me.await?.ok_or_else(unknown)
    }
}

/// The person with the privileges that are granted; none if DataHub names nobody.
fn person(me: &Tree<'_>) -> Option<Value> {
    let user = me.get("corpUser");
    if user.is_null() {
        return None;
    }
    let privileges = me.get("platformPrivileges").members().iter();
    let granted = privileges.filter(|(_, granted)| *granted == Tree::Bool(true));
    let privileges = granted.map(|(name, _)| Value::from(name.as_ref()));
    let person = [
        ("corpUser".to_owned(), cleaned(user)),
        ("privileges".to_owned(), privileges.collect()),
    ];
    let data = Value::Object(Map::from_iter(person));
    Some(Value::Object(Map::from_iter([("data".to_owned(), data)])))
}

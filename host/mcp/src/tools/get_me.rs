//! `get_me`: the caller, as DataHub identifies them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
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
        let mut me = context
            .ask_for(&documents::GET_ME, Value::Null, "me")
            .await?;
        let privileges: Vec<String> = me["platformPrivileges"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, granted)| **granted == true)
            .map(|(name, _)| name.clone())
            .collect();
        let mut user = fields::take(&mut me, &["corpUser"]);
        if user.is_null() {
            return Err(ToolError::NotFound(
                "DataHub does not say who you are".to_owned(),
            ));
        }
        clean(&mut user);
        Ok(json!({"data": {"corpUser": user, "privileges": privileges}}))
    }
}

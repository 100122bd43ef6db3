//! `list_incidents`: the incidents of an asset, open and resolved ones.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{entity, people, window};
use crate::{
    answer_shape::not_understood,
    args::{choice, integer, text},
    budget,
    clean::clean,
    context::ToolContext,
    documents,
    error::ToolError,
    fields,
    tool::{Definition, Effect, Tool},
};

/// The kinds of entities on which incidents are raised.
pub(super) const KINDS: &[&str] = &["dataset", "dashboard", "chart", "dataFlow", "dataJob"];

pub(super) struct ListIncidents;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    urn: String,
    state: Option<String>,
    start: i64,
    count: i64,
}

impl Tool for ListIncidents {
    type Args = Args;

    fn definition(&self) -> Definition {
        Definition {
            name: "list_incidents",
            title: "List incidents",
            description: "Incidents of an asset: what is wrong, state, stage, who is at it, and \
                what was said when it was resolved.",
            params: vec![
                text("urn", "A dataset, dashboard, chart or pipeline.").required(),
                choice("state", &["ACTIVE", "RESOLVED"], "Both if left out."),
                integer("start", 0, 10_000, "").default(0),
                integer("count", 1, 100, "").default(20),
            ],
            output: json!({
                "total": {"type": "integer"},
                "incidents": {"type": "array", "items": {"type": "object"}}
            }),
            effect: Effect::Reads,
            enabled: |_| true,
        }
    }

    async fn call(&self, context: &ToolContext, args: Args) -> Result<Value, ToolError> {
        entity::of_kind(&args.urn, KINDS)?;
        let count = window::within(context, "start", args.start, args.count)?;
        let variables = json!({
            "urn": args.urn, "state": args.state, "start": args.start, "count": count,
        });
        let mut asset = context
            .ask_for(&documents::INCIDENTS, variables, "entity")
            .await?;
        entity::existing(&asset, &args.urn)?;
        let total = asset["incidents"]["total"].as_i64();
        let (Some(total), Value::Array(mut incidents)) =
            (total, fields::take(&mut asset, &["incidents", "incidents"]))
        else {
            return Err(not_understood().into());
        };
        for incident in &mut incidents {
            people::shorten(incident);
            clean(incident);
            budget::cut_texts(incident, context.settings.description_chars);
        }
        let limit = context.settings.response_tokens;
        budget::fit(&mut incidents, limit - limit / 8);
        let next = args.start + i64::try_from(incidents.len()).unwrap_or(i64::MAX);
        let mut answer = json!({"urn": args.urn, "total": total, "incidents": incidents});
        if let Some(more) = window::more("start", args.start, next, total) {
            answer["next"] = json!(more);
        }
        Ok(answer)
    }
}

//! Access tokens: made and revoked by the person, or by one who manages everybody's.

use serde_json::json;

use super::{Call, Done, exists};
use crate::datahub::error::ApiError;
use crate::datahub::options::Kind;
use crate::datahub::resolvers::Cx;
use crate::datahub::tokens::Request;

const HOUR_MILLIS: u64 = 3600 * 1000;
const DAY_MILLIS: u64 = 24 * HOUR_MILLIS;

/// Runs the mutation if it is one of this file; none otherwise.
pub(super) fn field(cx: &Cx, call: &Call<'_>) -> Option<Done> {
    Some(match call.field {
        "createAccessToken" => create(cx, call),
        "revokeAccessToken" => revoke(cx, &call.arguments.text("tokenId")),
        _ => return None,
    })
}

fn create(cx: &Cx, call: &Call<'_>) -> Done {
    let actor = call.text("actorUrn");
    if actor != cx.actor.urn && cx.actor.kind != Kind::Admin {
        return Err(ApiError::unauthorized());
    }
    let days = match call.text("duration").as_str() {
        "ONE_HOUR" => Some(HOUR_MILLIS),
        "ONE_DAY" => Some(DAY_MILLIS),
        "ONE_WEEK" => Some(7 * DAY_MILLIS),
        "ONE_MONTH" => Some(30 * DAY_MILLIS),
        "THREE_MONTHS" => Some(90 * DAY_MILLIS),
        "SIX_MONTHS" => Some(180 * DAY_MILLIS),
        "ONE_YEAR" => Some(365 * DAY_MILLIS),
        _ => None,
    };
    let (name, description) = (call.text("name"), call.opt("description"));
    let minted = cx.hub.tokens.mint(&Request {
        kind: &call.text("type"),
        actor: &actor,
        owner: &cx.actor.urn,
        name: &name,
        description: description.as_deref(),
        lifetime: days,
    });
    let minted = minted
        .map_err(|_| ApiError::server(format!("Failed to create new token with name {name}")))?;
    cx.hub.write(&cx.actor.urn, |writer| {
        writer.put(&minted.urn, "dataHubAccessTokenInfo", minted.info);
        Ok(())
    })?;
    Ok(json!({ "accessToken": minted.token, "metadata": minted.urn }))
}

fn revoke(cx: &Cx, id: &str) -> Done {
    let urn = format!("urn:li:dataHubAccessToken:{id}");
    cx.hub.write(&cx.actor.urn, |writer| {
        if !exists(writer, &urn) {
            return Err(ApiError::bad_request("Token does not exist"));
        }
        let owner = writer.aspect(&urn, "dataHubAccessTokenInfo")["ownerUrn"].clone();
        if owner != cx.actor.urn.as_str() && cx.actor.kind != Kind::Admin {
            return Err(ApiError::unauthorized());
        }
        writer.remove(&urn);
        Ok(json!(true))
    })
}

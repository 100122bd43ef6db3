//! Entities as MCP resources: `datahub://{urn}`, read as the caller, with completion of urns from
//! the catalog.

use rmcp::model::{
    CacheScope, CompleteResult, CompletionInfo, ReadResourceResult, ResourceContents,
    ResourceTemplate,
};
use serde_json::json;

use super::{
    budget, context::ToolContext, error::ToolError, fields, hidden, tools, untrusted, urn,
};

/// The prefix of a resource's URI; the urn follows, percent-encoded or not.
const SCHEME: &str = "datahub://";
/// The tool that gives out what a resource holds: who may not call it reads no resource.
pub(super) const READ_BY: &str = "get_entities";
/// The tool that gives out what a completion lists.
pub(super) const COMPLETED_BY: &str = "search";
/// The number of suggestions in a completion.
const SUGGESTIONS: usize = 10;

/// The resource templates of this server.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("datahub://{urn}", "entity")
            .with_title("An entity of the catalog")
            .with_description("Everything get_entities says about one entity, by its urn")
            .with_mime_type("application/json"),
    ]
}

/// The urn that a resource's URI names.
pub(super) fn urn_of(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix(SCHEME)?;
    let decoded = decode(rest)?;
    urn::kind(&decoded).map(|_| urn::spelled(&decoded))
}

/// Decodes percent-encoding; `None` if the result is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads the entity behind `uri`.
pub(super) async fn read(
    context: &ToolContext,
    uri: &str,
) -> Result<ReadResourceResult, ToolError> {
    let urn = urn_of(uri).ok_or_else(|| {
        ToolError::Arguments(format!(
            "resources are named datahub://<urn>, as datahub://urn:li:tag:PII, not `{}`",
            uri.chars().take(100).collect::<String>()
        ))
    })?;
    let mut entity = tools::get_entities::one(context, &urn).await?;
    if let Some(error) = entity["error"].as_str() {
        return Err(ToolError::NotFound(error.to_owned()));
    }
    let warnings = context.take_warnings();
    if !warnings.is_empty() {
        fields::set(&mut entity, "warnings", warnings);
    }
    untrusted::prepare(&mut entity);
    budget::force(&mut entity, context.settings.response_tokens);
    let contents =
        ResourceContents::text(entity.to_string(), uri).with_mime_type("application/json");
    Ok(ReadResourceResult::new(vec![contents]).with_cache_scope(CacheScope::Private))
}

/// Urns of entities whose names begin with `typed`.
pub(super) async fn complete(context: &ToolContext, typed: &str) -> CompleteResult {
    let typed = typed.trim();
    let mut urns: Vec<String> = Vec::new();
    if !typed.is_empty() {
        let input = json!({"input": {"query": typed, "limit": SUGGESTIONS}});
        let document = &crate::documents::AUTOCOMPLETE;
        // A failed completion is answered with an empty one, because no person waits for its error.
        let found = context
            .ask_for(document, input, "autoCompleteForMultiple")
            .await;
        let found = found.unwrap_or_default();
        for kind in found["suggestions"].as_array().into_iter().flatten() {
            for entity in kind["entities"].as_array().into_iter().flatten() {
                if let Some(urn) = entity["urn"].as_str()
                    && !urns.iter().any(|known| known == urn)
                {
                    urns.push(hidden::visible(urn).into_owned());
                }
            }
        }
    }
    let more = urns.len() > CompletionInfo::MAX_VALUES;
    urns.truncate(CompletionInfo::MAX_VALUES);
    let completion = CompletionInfo::new(urns).map(|mut completion| {
        completion.has_more = Some(more);
        completion
    });
    CompleteResult::new(completion.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_name_urns_encoded_or_not() {
        let urn = "urn:li:dataset:(urn:li:dataPlatform:hive,a b,PROD)";
        assert_eq!(urn_of(&format!("datahub://{urn}")).as_deref(), Some(urn));
        let encoded =
            "datahub://urn%3Ali%3Adataset%3A%28urn%3Ali%3AdataPlatform%3Ahive%2Ca%20b%2CPROD%29";
        assert_eq!(urn_of(encoded).as_deref(), Some(urn));
        for bad in [
            "datahub://",
            "datahub://PII",
            "http://urn:li:tag:a",
            "datahub://%zz",
            "datahub://%ff",
        ] {
            assert_eq!(urn_of(bad), None, "{bad}");
        }
    }
}

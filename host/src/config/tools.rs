//! Settings of the tools.

use mcp::{AllowList, Settings, ToolScopes};

use super::{reader::Reader, table as t};

pub(super) fn read(reader: &mut Reader<'_>) -> Settings {
    let scopes = reader.text(&t::TOOL_SCOPES).unwrap_or_default();
    let scopes = ToolScopes::parse(&scopes).unwrap_or_else(|why| {
        reader.wrong(
            &t::TOOL_SCOPES,
            &format!("not a list of scopes: {why}"),
            "set it to a list such as `write=datahub:write`",
        );
        ToolScopes::default()
    });
    let tools = reader.text(&t::TOOLS).unwrap_or_default();
    let tools = AllowList::parse(&tools).unwrap_or_else(|why| {
        reader.wrong(
            &t::TOOLS,
            &format!("not a list of tools: {why}"),
            "set it to a list such as `search,get_*`",
        );
        AllowList::default()
    });
    let skills_folder = reader.text(&t::SKILLS_FOLDER);
    let skills_folder = skills_folder.filter(|urn| !urn.is_empty());
    if let Some(urn) = &skills_folder
        && let Err(why) = mcp::check_skills_folder(urn)
    {
        reader.wrong(
            &t::SKILLS_FOLDER,
            why,
            "set it to the urn of a document such as `urn:li:document:skills`",
        );
    }
    Settings {
        tools,
        mutations: reader.switch(&t::TOOLS_IS_MUTATION_ENABLED),
        user: reader.switch(&t::TOOLS_IS_USER_ENABLED),
        data_quality: reader.switch(&t::DATA_QUALITY_TOOLS_ENABLED),
        semantic_search: reader.switch(&t::SEMANTIC_SEARCH_ENABLED),
        documents: !reader.switch(&t::DATAHUB_MCP_DOCUMENT_TOOLS_DISABLED),
        save_document: reader.switch(&t::SAVE_DOCUMENT_TOOL_ENABLED),
        document_folder: reader
            .text(&t::SAVE_DOCUMENT_PARENT_TITLE)
            .unwrap_or_default(),
        documents_by_user: reader.switch(&t::SAVE_DOCUMENT_ORGANIZE_BY_USER),
        restrict_document_updates: reader.switch(&t::SAVE_DOCUMENT_RESTRICT_UPDATES),
        skills_folder,
        default_view: !reader.switch(&t::DATAHUB_MCP_DISABLE_DEFAULT_VIEW),
        response_tokens: reader.size(&t::TOOL_RESPONSE_TOKEN_LIMIT, 1_000..=10_000_000),
        schema_tokens: reader.size(&t::ENTITY_SCHEMA_TOKEN_BUDGET, 100..=10_000_000),
        description_chars: reader.size(&t::DESCRIPTION_LENGTH_LIMIT, 100..=10_000_000),
        scopes,
    }
}

//! The settings that enable tools and limit their answers.

use super::{AllowList, ToolScopes};

/// The settings of [`McpServer::new`](super::McpServer::new). Plain, validated values, each with
/// the name of its environment variable.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `TOOLS`: of the tools that the other settings enable, those that are offered. Default all.
    pub tools: AllowList,
    /// `TOOLS_IS_MUTATION_ENABLED`: the tools that write. Default false.
    pub mutations: bool,
    /// `TOOLS_IS_USER_ENABLED`: `get_me`. Default true.
    pub user: bool,
    /// `DATA_QUALITY_TOOLS_ENABLED`: assertions, profiles and incidents. Default false.
    pub data_quality: bool,
    /// `SEMANTIC_SEARCH_ENABLED`: search by meaning, where DataHub supports it. Default false.
    pub semantic_search: bool,
    /// Opposite of `DATAHUB_MCP_DOCUMENT_TOOLS_DISABLED`: search and grep in documents.
    /// Default true.
    pub documents: bool,
    /// `SAVE_DOCUMENT_TOOL_ENABLED`: `save_document`, if `mutations` is on as well. Default true.
    pub save_document: bool,
    /// `SAVE_DOCUMENT_PARENT_TITLE`: the title of the folder that it saves to. Default `Shared`.
    pub document_folder: String,
    /// `SAVE_DOCUMENT_ORGANIZE_BY_USER`: a folder for each person below that. Default false.
    pub documents_by_user: bool,
    /// `SAVE_DOCUMENT_RESTRICT_UPDATES`: only documents in that folder may be overwritten. Default
    /// true.
    pub restrict_document_updates: bool,
    /// `SKILLS_FOLDER`: the urn of the document below which a company keeps skills. Default none.
    pub skills_folder: Option<String>,
    /// Opposite of `DATAHUB_MCP_DISABLE_DEFAULT_VIEW`: a person's default view narrows searches.
    /// Default true.
    pub default_view: bool,
    /// `TOOL_RESPONSE_TOKEN_LIMIT`: the limit on an answer, in tokens. Default 80,000.
    pub response_tokens: usize,
    /// `ENTITY_SCHEMA_TOKEN_BUDGET`: the part of that which the columns of one entity may take.
    /// Default 16,000.
    pub schema_tokens: usize,
    /// `DESCRIPTION_LENGTH_LIMIT`: the length to which a description is cut, in characters.
    /// Default 5,000.
    pub description_chars: usize,
    /// `TOOL_SCOPES`: the scopes that a token needs for a tool. Default none.
    pub scopes: ToolScopes,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tools: AllowList::default(),
            mutations: false,
            user: true,
            data_quality: false,
            semantic_search: false,
            documents: true,
            save_document: true,
            document_folder: "Shared".to_owned(),
            documents_by_user: false,
            restrict_document_updates: true,
            skills_folder: None,
            default_view: true,
            response_tokens: 80_000,
            schema_tokens: 16_000,
            description_chars: 5_000,
            scopes: ToolScopes::default(),
        }
    }
}

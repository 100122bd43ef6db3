//! The methods of the skills: those of this server, and those that the company keeps in DataHub.

use rmcp::{
    ErrorData, RoleServer,
    model::{CacheScope, GetSkillResult, ListSkillsResult, MetaObject, ReadResourceResult},
    service::RequestContext,
};

use super::{LIST_TTL_MS, McpServer, internal, not_given};
use crate::{
    access::Access,
    context::ToolContext,
    error::ToolError,
    outcome, panics,
    skills::{
        self,
        folder::{self, Found, Listed},
    },
};

/// The member of `_meta` with what a person should know of skills that are not listed.
const NOTES: &str = "io.github.datahub-mcp/notes";
/// The time for which a client may keep a list of which DataHub gave only a part.
const PARTIAL_TTL_MS: u64 = 10_000;

impl McpServer {
    /// The skills that the caller may use.
    pub(super) async fn skills(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        let caller = self.caller(&context).map_err(internal)?;
        let access = self.access(&caller);
        let mut skills = skills::list(|tools| access.admits(tools));
        let found = match self.folder(&access) {
            None => Found::default(),
            Some(folder) => {
                let asked = self.tool_context(caller.clone(), None);
                until_cancelled(&context, "skills/list", folder::list(&asked, folder)).await?
            }
        };
        skills.extend(found.skills);
        let ttl = if found.is_partial {
            PARTIAL_TTL_MS
        } else {
            LIST_TTL_MS
        };
        let mut list = ListSkillsResult::with_all_items(skills)
            .with_ttl_ms(ttl)
            .with_cache_scope(CacheScope::Private);
        if !found.notes.is_empty() {
            let mut meta = MetaObject::new();
            meta.insert(NOTES.to_owned(), found.notes.into());
            list.meta = Some(meta);
        }
        Ok(list)
    }

    /// The entry of one skill.
    pub(super) async fn skill(
        &self,
        uri: String,
        context: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        let found = async {
            let caller = self.caller(&context)?;
            if let Some(job) = skills::of(&uri) {
                self.access(&caller).check(job.tools)?;
                return Ok(skills::skill(job));
            }
            let asked = self.tool_context(caller, None);
            Ok(self.document(&uri, &asked).await?.skill())
        };
        let skill = until_cancelled(&context, "skills/get", found).await?;
        Ok(GetSkillResult::new(skill)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    /// The file of one skill.
    pub(super) async fn read_skill(
        &self,
        uri: &str,
        context: &RequestContext<RoleServer>,
    ) -> Result<ReadResourceResult, ToolError> {
        let caller = self.caller(context)?;
        if let Some(job) = skills::of(uri) {
            self.access(&caller).check(job.tools)?;
            return Ok(skills::read(job));
        }
        let asked = self.tool_context(caller, None);
        Ok(self.document(uri, &asked).await?.read())
    }

    /// The folder of the company's skills, for somebody who may use the tools that give out what is in it.
    fn folder(&self, access: &Access<'_>) -> Option<&str> {
        let folder = self.inner.settings.skills_folder.as_deref()?;
        access.admits(folder::TOOLS).then_some(folder)
    }

    /// The document of a company's skill.
    async fn document(&self, uri: &str, asked: &ToolContext) -> Result<Listed, ToolError> {
        let Some(folder) = &self.inner.settings.skills_folder else {
            return Err(ToolError::NotFound(format!("there is no skill {uri:.200}")));
        };
        self.access(&asked.caller).check(folder::TOOLS)?;
        folder::one(asked, folder, uri).await
    }
}

/// What the work gives, unless the client takes its request back; noted for the log.
async fn until_cancelled<T>(
    context: &RequestContext<RoleServer>,
    method: &'static str,
    work: impl Future<Output = Result<T, ToolError>>,
) -> Result<T, ErrorData> {
    let result = tokio::select! {
        result = panics::catch(method, work) => result,
        () = context.ct.cancelled() => Err(ToolError::Cancelled),
    };
    if result.is_ok() {
        outcome::note(&outcome::notes(context), &result);
    }
    result.map_err(|error| not_given(context, error))
}

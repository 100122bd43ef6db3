//! Skills: the jobs of the [prompts](crate::prompts) as files that an agent loads by itself when a task
//! calls for one (the extension `io.modelcontextprotocol/skills`, SEP-2640). Each is one `SKILL.md`, which
//! is read as a resource; its digest says that it is the one that was listed. Beside them are those that a
//! company keeps in a [`folder`] of its DataHub.

mod file;
pub(super) mod folder;

use rmcp::model::{
    CacheScope, ReadResourceResult, ResourceContents, Skill, SkillFrontmatter, SkillResource,
    SkillResources, skill_name_from_uri,
};

use crate::prompts;

/// The file that every skill has.
const FILE: &str = "SKILL.md";

/// The skills of somebody who may use the tools that `admits` admits.
pub(super) fn list(admits: impl Fn(&[&str]) -> bool) -> Vec<Skill> {
    let jobs = prompts::JOBS.iter();
    jobs.filter(|job| admits(job.tools)).map(skill).collect()
}

/// True for a URI of the scheme of skills, whether or not there is such a skill.
pub(super) fn is_one(uri: &str) -> bool {
    uri.starts_with("skill://")
}

/// The job of the skill whose file this is.
pub(super) fn of(uri: &str) -> Option<&'static prompts::Job> {
    let name = skill_name_from_uri(uri)?;
    let job = prompts::JOBS.iter().find(|job| name_of(job) == name)?;
    (uri_of(job) == uri).then_some(job)
}

pub(super) fn skill(job: &prompts::Job) -> Skill {
    let frontmatter = SkillFrontmatter::new(name_of(job), description_of(job));
    let file = SkillResource::from_bytes(uri_of(job), text_of(job).as_bytes());
    Skill::new(uri_of(job), frontmatter, SkillResources::Files(vec![file]))
}

/// The file, as a resource.
pub(super) fn read(job: &prompts::Job) -> ReadResourceResult {
    let text = ResourceContents::text(text_of(job), uri_of(job)).with_mime_type("text/markdown");
    ReadResourceResult::new(vec![text]).with_cache_scope(CacheScope::Private)
}

fn name_of(job: &prompts::Job) -> String {
    job.name.replace('_', "-")
}

fn uri_of(job: &prompts::Job) -> String {
    format!("skill://{}/{FILE}", name_of(job))
}

/// A plain scalar of YAML: no colon is followed by a space.
fn description_of(job: &prompts::Job) -> String {
    format!("{}, by the tools of the DataHub catalog", job.description)
}

fn text_of(job: &prompts::Job) -> String {
    format!(
        "---\nname: {}\ndescription: {}\n---\n\n# {}\n\n{}\n",
        name_of(job),
        description_of(job),
        job.title,
        job.text.replace("{value}", "what the person asked for")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_skill_is_as_the_extension_asks() {
        let skills = list(|_| true);
        assert_eq!(skills.len(), prompts::JOBS.len());
        for skill in &skills {
            skill.validate().unwrap();
            let job = of(&skill.uri).unwrap();
            let text = text_of(job);
            let SkillResources::Files(files) = &skill.resources else {
                panic!("{skill:?}")
            };
            files[0].verify(text.as_bytes()).unwrap();
            let (_, rest) = text.split_once("---\n").unwrap();
            let (front, body) = rest.split_once("\n---\n").unwrap();
            let front: Vec<_> = front.lines().map(|l| l.split_once(": ").unwrap()).collect();
            assert_eq!(
                front,
                [
                    ("name", skill.frontmatter.name.as_str()),
                    ("description", skill.frontmatter.description.as_str())
                ]
            );
            assert!(
                front
                    .iter()
                    .all(|(_, value)| !value.contains(": ") && !value.contains('#'))
            );
            assert!(!body.contains("{value}"), "{body}");
        }
        for other in [
            "skill://none/SKILL.md",
            "skill://a/find-trusted-data/SKILL.md",
            "x",
        ] {
            assert!(of(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_skill_is_there_only_with_all_its_tools() {
        assert!(list(|tools| !tools.contains(&"search")).len() < prompts::JOBS.len());
        assert!(list(|_| false).is_empty());
    }
}

//! The urns that a wrong call may have meant: where an error is about a name in the place of a urn, or about
//! a urn that names nothing, DataHub is asked for what is named like it.

use datahub::DataHubError;
use foundation::suggest;
use serde_json::json;

use super::{hits::named_value, said::is_said_by};
use crate::{context::ToolContext, documents, error::ToolError, filter, urn};

/// The tool that gives out what is near.
pub(crate) const FOUND_BY: &str = "search";
/// The number of entities that are looked at.
const LOOKED_AT: usize = 50;
/// The number of urns that are named.
const NAMED: usize = 3;

/// The error, with the urns that the call may have meant.
pub(crate) async fn explained(context: &ToolContext, error: ToolError) -> ToolError {
    let text = match &error {
        ToolError::Arguments(text) | ToolError::NotFound(text) => text.clone(),
        ToolError::DataHub(
            DataHubError::BadRequest { message } | DataHubError::NotFound { message },
        ) => message.clone(),
        _ => return error,
    };
    let Some(meant) = Meant::by(&text) else {
        return error;
    };
    let near = meant.near(context).await;
    if near.is_empty() {
        return error;
    }
    let text = error.to_string();
    let text = format!(
        "{}. Did you mean {}?",
        text.trim_end_matches('.'),
        near.join(" or ")
    );
    match error {
        ToolError::Arguments(_) => ToolError::Arguments(text),
        _ => ToolError::NotFound(text),
    }
}

/// A word of a call that should have been, or been part of, a urn.
#[derive(Debug, PartialEq, Eq)]
struct Meant {
    /// The name, without what is around it in a urn.
    word: String,
    /// The urn, if it was one.
    urn: Option<String>,
    /// The kind of entity, where it is known.
    kind: Option<String>,
}

impl Meant {
    /// Reads what an error is about.
    fn by(error: &str) -> Option<Self> {
        let kind = || {
            let (_, rest) = error.split_once("urn:li:")?;
            Some(rest.split_once(':')?.0.to_owned())
        };
        let quoted = |before: &str, quote: char| {
            let (_, rest) = error.split_once(before)?;
            Some(rest.split_once(quote)?.0.to_owned())
        };
        if error.contains("not exist") {
            let urn = first_urn(error)?;
            let kind = urn::kind(urn)?.to_owned();
            return Some(Self {
                word: word_of(urn).to_owned(),
                urn: Some(urn.to_owned()),
                kind: Some(kind),
            });
        }
        let word = match error.contains("is not a urn") {
            true if error.starts_with('`') => quoted("`", '`'),
            true => error
                .split_once(" is not a urn")
                .map(|(word, _)| word.to_owned()),
            false => quoted(":..., not '", '\''),
        }?;
        let word = word.trim().to_owned();
        (!word.is_empty()).then(|| Self {
            word,
            urn: None,
            kind: kind(),
        })
    }

    /// The urns of what is named so, or nearly so; with their names, unless they say them.
    async fn near(&self, context: &ToolContext) -> Vec<String> {
        let types = self.kind.as_deref().and_then(types_of);
        let found = self.search(context, &self.word, types.as_ref()).await;
        let near = self.among(&found);
        if !near.is_empty() {
            return near;
        }
        match types {
            // Nothing is spelled like it: what is there at all.
            Some(types) => self.among(&self.search(context, "*", Some(&types)).await),
            None => Vec::new(),
        }
    }

    async fn search(
        &self,
        context: &ToolContext,
        words: &str,
        types: Option<&Vec<String>>,
    ) -> Vec<(String, String)> {
        let plain: String = words
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || "*_".contains(c) {
                    c
                } else {
                    ' '
                }
            })
            .collect();
        let mut input = json!({
            "query": plain.trim(), "start": 0, "count": LOOKED_AT,
            "searchFlags": {"skipHighlighting": true, "skipAggregates": true},
        });
        if let Some(types) = types {
            input["types"] = json!(types);
        }
        // The error stands by itself; without an answer it is all that there is to say.
        let found = context
            .ask_for(
                &documents::SEARCH,
                json!({"input": input}),
                "searchAcrossEntities",
            )
            .await
            .unwrap_or_default();
        let hits = found["searchResults"].as_array();
        hits.into_iter()
            .flatten()
            .filter_map(|hit| {
                let urn = hit["entity"]["urn"].as_str()?.to_owned();
                let name = named_value(hit).unwrap_or(word_of(&urn)).to_owned();
                Some((urn, name))
            })
            .collect()
    }

    fn among(&self, found: &[(String, String)]) -> Vec<String> {
        // An asset of the same platform is meant rather than one of another.
        let place = |urn: &str| urn.split_once(',').map(|(place, _)| place.to_lowercase());
        let here = self.urn.as_deref().and_then(place);
        let mut found: Vec<&(String, String)> = found.iter().collect();
        found.sort_by_key(|(urn, _)| here.is_some() && place(urn) != here);
        let same = |(urn, name): &&(String, String)| {
            is_said_by(&format!(":{}", self.word), name)
                || is_said_by(&format!(":{}", self.word), word_of(urn))
        };
        let mut near: Vec<&(String, String)> = found.iter().copied().filter(same).collect();
        if near.is_empty() {
            let words = found
                .iter()
                .flat_map(|(urn, name)| [name.as_str(), word_of(urn)]);
            for word in suggest::names(&self.word, words, NAMED) {
                let found = found
                    .iter()
                    .find(|(urn, name)| name == word || word_of(urn) == word);
                near.extend(found.filter(|one| !near.contains(*one)));
            }
        }
        let shown = near.into_iter().take(NAMED).map(|(urn, name)| {
            match is_said_by(urn, name) || word_of(urn).eq_ignore_ascii_case(name) {
                true => urn.clone(),
                false => format!("{urn} ({name})"),
            }
        });
        shown.collect()
    }
}

/// The names that GraphQL has for this kind.
fn types_of(kind: &str) -> Option<Vec<String>> {
    filter::compile(Some(&format!("type = {kind}"))).ok()?.types
}

/// The first urn in a text: it ends at a space, or where its parentheses do.
fn first_urn(text: &str) -> Option<&str> {
    let text = &text[text.find("urn:li:")?..];
    let mut depth = 0_usize;
    let end = text.char_indices().find_map(|(at, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0 && (c.is_whitespace() || ",;`'\"".contains(c))).then_some(at)
    });
    let urn = &text[..end.unwrap_or(text.len())];
    Some(urn.trim_end_matches(['.', ',', ':']))
}

/// The part of a urn that people know: the last of a path, without platform and environment.
fn word_of(urn: &str) -> &str {
    let Some(inner) = urn.strip_suffix(')') else {
        return urn.rsplit(':').next().unwrap_or(urn);
    };
    let mut parts = inner.rsplit(',');
    let last = parts.next().unwrap_or(inner);
    // The environment stands behind the name of a dataset, however its kind is spelled.
    let kind = urn::kind(urn).map(str::to_ascii_lowercase);
    let name = match (kind.as_deref(), parts.next()) {
        (Some("dataset"), Some(name)) => name,
        _ => last,
    };
    name.rsplit(['.', '/']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(error: &str) -> (String, Option<String>) {
        let meant = Meant::by(error).unwrap();
        (meant.word, meant.kind)
    }

    #[test]
    fn an_error_says_what_was_meant() {
        let table = "urn:li:dataset:(urn:li:dataPlatform:hive,shop.sales.ordres,PROD)";
        for (error, word, kind) in [
            (format!("{table} does not exist in this catalog"), "ordres", Some("dataset")),
            (format!("Failed to update {table}. {table} does not exist."), "ordres", Some("dataset")),
            (
                "Failed to validate label with urn urn:li:tag:PII. Urn does not exist.".to_owned(),
                "PII",
                Some("tag"),
            ),
            (
                "`Net Revenue` is not a urn; urns look like urn:li:glossaryTerm:...; find it".to_owned(),
                "Net Revenue",
                Some("glossaryTerm"),
            ),
            ("fct_orders is not a urn; urns look like urn:li:dataset:(...)".to_owned(), "fct_orders", Some("dataset")),
            (
                "filter, position 0: 'owner' takes urn:li:corpuser:... or urn:li:corpGroup:..., not 'ada'; find".to_owned(),
                "ada",
                Some("corpuser"),
            ),
        ] {
            assert_eq!(meant(&error), (word.to_owned(), kind.map(str::to_owned)), "{error}");
        }
        for other in [
            "`count` must be a whole number",
            "",
            "the folder does not exist",
            "`` is not a urn",
        ] {
            assert_eq!(Meant::by(other), None, "{other}");
        }
    }

    #[test]
    fn the_word_of_a_urn_is_what_people_call_it() {
        for (urn, word) in [
            ("urn:li:tag:pii", "pii"),
            (
                "urn:li:dataset:(urn:li:dataPlatform:s3,bucket/folder/file,DEV)",
                "file",
            ),
            ("urn:li:dashboard:(looker,dashboards.53)", "53"),
            ("urn:li:dataSet:(urn:li:dataPlatform:hive,a.b,PROD)", "b"),
            (
                "urn:li:dataJob:(urn:li:dataFlow:(airflow,f,prod),load_orders)",
                "load_orders",
            ),
        ] {
            assert_eq!(word_of(urn), word);
        }
    }

    #[test]
    fn the_same_name_goes_before_a_near_one_and_the_same_platform_before_another() {
        let one = |platform: &str, name: &str| {
            let urn = format!("urn:li:dataset:(urn:li:dataPlatform:{platform},m.{name},PROD)");
            (urn, name.to_uppercase())
        };
        let found = [
            one("dbt", "orders"),
            one("snowflake", "orders"),
            one("snowflake", "orders_x"),
        ];
        let missing = "urn:li:dataset:(urn:li:dataPlatform:snowflake,a.Orders,PROD) does not exist";
        let near = Meant::by(missing).unwrap().among(&found);
        assert_eq!(near, [found[1].0.clone(), found[0].0.clone()]);
        let missing = "urn:li:tag:certifed does not exist";
        let found = [("urn:li:tag:5".to_owned(), "Certified".to_owned())];
        assert_eq!(
            Meant::by(missing).unwrap().among(&found),
            ["urn:li:tag:5 (Certified)"]
        );
    }
}

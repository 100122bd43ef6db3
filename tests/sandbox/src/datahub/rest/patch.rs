//! JSON patches of aspects in DataHub's form: a list inside an aspect is addressed by the keys of
//! its items (`/upstreams/urn:li:dataset:...`), not by their indexes.

use serde_json::{Map, Value, json};

use super::super::error::ApiError;

/// Separates the members of a key that lies deeper in an item.
const NESTED_KEY: char = '\u{241f}';

/// The keys of the lists that patches address, where the patch does not name them.
const KEYS: &[(&str, &[&str])] = &[
    ("tags", &["tag"]),
    ("terms", &["urn"]),
    ("owners", &["owner", "type", "typeUrn"]),
    ("upstreams", &["dataset"]),
    ("inputDatasetEdges", &["destinationUrn"]),
    ("outputDatasetEdges", &["destinationUrn"]),
    ("inputDatajobEdges", &["destinationUrn"]),
    ("chartEdges", &["destinationUrn"]),
    ("datasetEdges", &["destinationUrn"]),
    ("inputEdges", &["destinationUrn"]),
    ("dashboards", &["destinationUrn"]),
    ("assets", &["destinationUrn"]),
    ("properties", &["propertyUrn"]),
    ("editableSchemaFieldInfo", &["fieldPath"]),
    ("elements", &["url"]),
    ("relatedAssets", &["asset"]),
    ("relatedDocuments", &["document"]),
];

/// One step of a patch.
struct Step<'a> {
    removes: bool,
    path: Vec<String>,
    value: &'a Value,
}

/// Applies a patch, `[{op, path, value}]` or `{"patch": [...], "arrayPrimaryKeys": {...}}`.
pub(super) fn apply(aspect: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let steps = patch
        .as_array()
        .or_else(|| patch.get("patch").and_then(Value::as_array));
    let steps =
        steps.ok_or_else(|| ApiError::bad_request("A patch must be a list of operations"))?;
    let named = patch.get("arrayPrimaryKeys").and_then(Value::as_object);
    if !aspect.is_object() {
        *aspect = json!({});
    }
    for step in steps {
        let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
        let removes = match text("op") {
            "add" | "replace" => false,
            "remove" => true,
            other => {
                return Err(ApiError::bad_request(format!(
                    "Patch operation {other} is not taken"
                )));
            }
        };
        let path: Vec<String> = text("path")
            .split('/')
            .skip(1)
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect();
        let step = Step {
            removes,
            path,
            value: step.get("value").unwrap_or(&Value::Null),
        };
        if step
            .path
            .first()
            .is_some_and(|first| first == "fineGrainedLineages")
        {
            fine_grained(aspect, &step)?;
        } else {
            descend(aspect, &step, 0, named);
        }
    }
    Ok(())
}

fn keys_of(list: &str, named: Option<&Map<String, Value>>) -> Vec<String> {
    let given = named
        .and_then(|named| named.get(list))
        .and_then(Value::as_array);
    if let Some(given) = given {
        return given
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
    }
    let known = KEYS
        .iter()
        .find(|(name, _)| *name == list)
        .map_or(&[][..], |(_, keys)| keys);
    known.iter().map(|key| (*key).to_owned()).collect()
}

/// The value of a key in an item; a key may be a path.
fn key_value<'a>(item: &'a Value, key: &str) -> &'a str {
    let found = key
        .split(NESTED_KEY)
        .try_fold(item, |item, name| item.get(name));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// Walks from `at`, one member of the path at a time, and changes the value at its end.
fn descend(here: &mut Value, step: &Step<'_>, at: usize, named: Option<&Map<String, Value>>) {
    let Some(name) = step.path.get(at) else {
        return;
    };
    let last = at + 1 == step.path.len();
    if here.is_null() {
        *here = json!({});
    }
    let Some(map) = here.as_object_mut() else {
        return;
    };
    if last {
        if step.removes {
            map.remove(name);
        } else {
            map.insert(name.clone(), step.value.clone());
        }
        return;
    }
    let keys = keys_of(name, named);
    let is_list = map.get(name).is_some_and(Value::is_array) || !keys.is_empty();
    let next = map.entry(name.clone()).or_insert(Value::Null);
    if !is_list {
        descend(next, step, at + 1, named);
        return;
    }
    if !next.is_array() {
        *next = json!([]);
    }
    if let Some(items) = next.as_array_mut() {
        in_list(items, step, at + 1, &keys, named);
    }
}

fn in_list(
    items: &mut Vec<Value>,
    step: &Step<'_>,
    at: usize,
    keys: &[String],
    named: Option<&Map<String, Value>>,
) {
    let rest = &step.path[at..];
    let given = &rest[..keys.len().min(rest.len()).max(1)];
    let fits = |item: &Value| match item {
        Value::String(text) => given.first() == Some(text),
        item => keys
            .iter()
            .zip(given)
            .all(|(key, wanted)| key_value(item, key) == wanted),
    };
    let ends = given.len() == rest.len();
    if ends && step.removes {
        items.retain(|item| !fits(item));
        return;
    }
    let place = items.iter().position(fits);
    if ends {
        match place {
            Some(place) => items[place] = step.value.clone(),
            None => items.push(step.value.clone()),
        }
        return;
    }
    let place = place.unwrap_or_else(|| {
        let plain = keys
            .iter()
            .filter(|key| !key.contains(NESTED_KEY))
            .zip(given);
        items.push(Value::Object(
            plain
                .map(|(key, part)| (key.clone(), json!(part)))
                .collect(),
        ));
        items.len() - 1
    });
    if let Some(item) = items.get_mut(place) {
        descend(item, step, at + given.len(), named);
    }
}

/// Column lineage is addressed by operation, downstream column, query and upstream column.
fn fine_grained(aspect: &mut Value, step: &Step<'_>) -> Result<(), ApiError> {
    let [list, operation, downstream, query, upstream] = step.path.as_slice() else {
        if step.path.len() == 1 {
            aspect["fineGrainedLineages"] = step.value.clone();
            return Ok(());
        }
        return Err(ApiError::bad_request(
            "A patch of column lineage has five parts in its path",
        ));
    };
    if !aspect[list.as_str()].is_array() {
        aspect[list.as_str()] = json!([]);
    }
    let Some(items) = aspect[list.as_str()].as_array_mut() else {
        return Ok(());
    };
    let is = |value: Option<&Value>, wanted: &str| {
        value.and_then(Value::as_str).unwrap_or("NONE") == wanted
    };
    let place = items.iter().position(|item| {
        item["downstreams"] == json!([downstream])
            && is(item.get("transformOperation"), operation)
            && is(item.get("query"), query)
    });
    let place = place.unwrap_or_else(|| {
        let named = |text: &str| {
            if text == "NONE" {
                Value::Null
            } else {
                json!(text)
            }
        };
        items.push(json!({
            "upstreamType": "FIELD_SET", "downstreamType": "FIELD", "upstreams": [],
            "downstreams": [downstream], "transformOperation": named(operation),
            "query": named(query),
            "confidenceScore": step.value.get("confidenceScore").cloned().unwrap_or(json!(1.0)),
        }));
        items.len() - 1
    });
    let Some(upstreams) = items
        .get_mut(place)
        .and_then(|item| item["upstreams"].as_array_mut())
    else {
        return Ok(());
    };
    upstreams.retain(|known| known != upstream.as_str());
    if !step.removes {
        upstreams.push(json!(upstream));
    }
    items.retain(|item| {
        item["upstreams"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(mut aspect: Value, patch: Value) -> Value {
        apply(&mut aspect, &patch).unwrap();
        aspect
    }

    #[test]
    fn lists_are_addressed_by_their_keys() {
        let add =
            json!([{"op": "add", "path": "/tags/urn:li:tag:b", "value": {"tag": "urn:li:tag:b"}}]);
        let both = patched(json!({"tags": [{"tag": "urn:li:tag:a"}]}), add.clone());
        assert_eq!(both["tags"].as_array().unwrap().len(), 2);
        assert_eq!(patched(both.clone(), add), both);
        let gone = patched(
            both,
            json!([{"op": "remove", "path": "/tags/urn:li:tag:a"}]),
        );
        assert_eq!(gone, json!({"tags": [{"tag": "urn:li:tag:b"}]}));
    }

    #[test]
    fn paths_go_through_lists_and_make_what_is_missing() {
        let patch = json!([
            {"op": "add", "path": "/editableSchemaFieldInfo/a~1b/globalTags/tags/urn:li:tag:x",
             "value": {"tag": "urn:li:tag:x"}},
            {"op": "add", "path": "/customProperties/k", "value": "v"}]);
        assert_eq!(
            patched(Value::Null, patch),
            json!({
            "editableSchemaFieldInfo": [
                {"fieldPath": "a/b", "globalTags": {"tags": [{"tag": "urn:li:tag:x"}]}}],
            "customProperties": {"k": "v"}})
        );
    }

    #[test]
    fn keys_may_be_named_and_nested() {
        let patch = json!({
            "arrayPrimaryKeys": {"tags": ["attribution\u{241f}source", "tag"]},
            "patch": [{"op": "remove", "path": "/tags/urn:li:x:s/urn:li:tag:a"}]});
        let tags = json!({"tags": [{"tag": "urn:li:tag:a"},
            {"tag": "urn:li:tag:a", "attribution": {"source": "urn:li:x:s"}}]});
        assert_eq!(
            patched(tags, patch),
            json!({"tags": [{"tag": "urn:li:tag:a"}]})
        );
    }

    #[test]
    fn column_lineage_is_gathered_by_its_downstream() {
        let path = |up: &str| format!("/fineGrainedLineages/NONE/down/NONE/{up}");
        let add =
            |up: &str| json!({"op": "add", "path": path(up), "value": {"confidenceScore": 1.0}});
        let both = patched(json!({}), json!([add("a"), add("b")]));
        assert_eq!(
            both["fineGrainedLineages"][0]["upstreams"],
            json!(["a", "b"])
        );
        let remove = |up: &str| json!({"op": "remove", "path": path(up)});
        let none = patched(both, json!([remove("a"), remove("b")]));
        assert_eq!(none["fineGrainedLineages"], json!([]));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        assert!(apply(&mut json!({}), &json!("x")).is_err());
        assert!(apply(&mut json!({}), &json!([{"op": "move", "path": "/a"}])).is_err());
    }
}

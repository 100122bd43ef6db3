//! Mutations through HTTP: what is written is read at once, and what DataHub refuses is refused.

use serde_json::{Value, json};

use super::super::engine::ENGINE;
use super::super::{Catalog, Running};
use super::{ask, data, start};

const ORDERS: &str = "urn:li:dataset:(urn:li:dataPlatform:hive,orders,PROD)";

fn catalog() -> Catalog {
    let aspect = |urn: &str, name: &str, value: Value| json!({"entityUrn": urn, "aspectName": name, "aspect": {"json": value}});
    let file = json!([
        aspect(ORDERS, "datasetProperties", json!({"name": "orders"})),
        aspect("urn:li:tag:pii", "tagProperties", json!({"name": "PII"})),
        aspect(
            "urn:li:glossaryTerm:t",
            "glossaryTermInfo",
            json!({"name": "T", "definition": "d"})
        ),
        aspect(
            "urn:li:domain:sales",
            "domainProperties",
            json!({"name": "Sales"})
        ),
        aspect(
            "urn:li:structuredProperty:sla",
            "propertyDefinition",
            json!({
            "qualifiedName": "sla", "valueType": "urn:li:dataType:datahub.number", "cardinality": "SINGLE",
            "entityTypes": ["urn:li:entityType:datahub.dataset"],
            "allowedValues": [{"value": {"double": 1.0}}, {"value": {"double": 2.0}}]})
        ),
    ]);
    Catalog::load_str("test", &file.to_string()).unwrap()
}

/// Runs a mutation as a person; returns the whole answer.
async fn run(hub: &Running, who: &str, field: &str, kind: &str, input: Value) -> Value {
    let object = if matches!(
        field,
        "upsertStructuredProperties" | "removeStructuredProperties"
    ) {
        "{ properties { structuredProperty { urn } values { ... on NumberValue { numberValue } } } }"
    } else if field == "createAccessToken" {
        "{ accessToken metadata { id urn } }"
    } else {
        ""
    };
    let query = format!("mutation m($input: {kind}!) {{ {field}(input: $input) {object} }}");
    let (status, body) = ask(hub, who, &query, json!({ "input": input })).await;
    assert_eq!(status, 200);
    serde_json::from_str(&body).unwrap()
}

async fn entity(hub: &Running, fields: &str) -> Value {
    let query = format!("query e($urn: String!) {{ dataset(urn: $urn) {{ {fields} }} }}");
    data(hub, &query, json!({ "urn": ORDERS })).await["dataset"].clone()
}

#[tokio::test]
async fn tags_and_terms_are_added_to_tables_and_columns_and_taken_off() {
    let hub = start(catalog()).await;
    let resources = json!([{"resourceUrn": ORDERS},
        {"resourceUrn": ORDERS, "subResource": "id", "subResourceType": "DATASET_FIELD"}]);
    let input = json!({"tagUrns": ["urn:li:tag:pii"], "resources": resources});
    let done = run(
        &hub,
        "editor",
        "batchAddTags",
        "BatchAddTagsInput",
        input.clone(),
    )
    .await;
    assert_eq!(done["data"]["batchAddTags"], true);
    let terms = json!({"termUrns": ["urn:li:glossaryTerm:t"], "resources": resources});
    run(&hub, "editor", "batchAddTerms", "BatchAddTermsInput", terms).await;
    let fields = "tags { tags { tag { urn } } } glossaryTerms { terms { term { urn } } }
        editableSchemaMetadata { editableSchemaFieldInfo { fieldPath tags { tags { tag { urn } } } } }";
    let got = entity(&hub, fields).await;
    assert_eq!(got["tags"]["tags"][0]["tag"]["urn"], "urn:li:tag:pii");
    assert_eq!(
        got["glossaryTerms"]["terms"][0]["term"]["urn"],
        "urn:li:glossaryTerm:t"
    );
    let column = &got["editableSchemaMetadata"]["editableSchemaFieldInfo"][0];
    assert_eq!(column["tags"]["tags"][0]["tag"]["urn"], "urn:li:tag:pii");
    run(
        &hub,
        "editor",
        "batchRemoveTags",
        "BatchRemoveTagsInput",
        input,
    )
    .await;
    assert_eq!(
        entity(&hub, "tags { tags { tag { urn } } }").await["tags"]["tags"],
        json!([])
    );
    let writes = hub.controls().writes();
    assert_eq!(writes[0].actor, "urn:li:corpuser:editor");
    assert!(
        writes
            .iter()
            .any(|w| w.urn == ORDERS && w.aspect == "editableSchemaMetadata")
    );
}

#[tokio::test]
async fn readers_are_refused_with_datahubs_words() {
    let hub = start(catalog()).await;
    let input = json!({"tagUrns": ["urn:li:tag:pii"], "resources": [{"resourceUrn": ORDERS}]});
    let refused = run(&hub, "viewer", "batchAddTags", "BatchAddTagsInput", input).await;
    let error = &refused["errors"][0];
    assert_eq!(
        error["extensions"],
        json!({"code": 403, "type": "UNAUTHORIZED",
        "classification": "DataFetchingException"})
    );
    assert_eq!(
        error["message"],
        "Unauthorized to perform this action. Please contact your DataHub administrator."
    );
    assert_eq!(refused["data"]["batchAddTags"], Value::Null);
    assert!(hub.controls().writes().is_empty());
}

#[tokio::test]
async fn nothing_is_written_where_one_thing_is_wrong() {
    let hub = start(catalog()).await;
    let resources = json!([{"resourceUrn": ORDERS}, {"resourceUrn": "urn:li:dataset:(urn:li:dataPlatform:hive,no,PROD)"}]);
    let input = json!({"tagUrns": ["urn:li:tag:pii"], "resources": resources});
    let refused = run(&hub, "editor", "batchAddTags", "BatchAddTagsInput", input).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], 400);
    let input = json!({"tagUrns": ["urn:li:tag:none"], "resources": [{"resourceUrn": ORDERS}]});
    let refused = run(&hub, "editor", "batchAddTags", "BatchAddTagsInput", input).await;
    assert_eq!(
        refused["errors"][0]["message"],
        "Failed to validate label with urn urn:li:tag:none. Urn does not exist."
    );
    assert_eq!(
        entity(&hub, "tags { tags { tag { urn } } }").await["tags"],
        Value::Null
    );
}

#[tokio::test]
async fn domains_descriptions_and_owners_are_seen_by_the_next_search() {
    let hub = start(catalog()).await;
    let domain =
        json!({"domainUrn": "urn:li:domain:sales", "resources": [{"resourceUrn": ORDERS}]});
    run(
        &hub,
        "editor",
        "batchSetDomain",
        "BatchSetDomainInput",
        domain,
    )
    .await;
    let text = json!({"description": "Peculiar wording", "resourceUrn": ORDERS});
    run(
        &hub,
        "editor",
        "updateDescription",
        "DescriptionUpdateInput",
        text,
    )
    .await;
    let owners = json!({"resources": [{"resourceUrn": ORDERS}], "owners": [{
        "ownerUrn": "urn:li:corpuser:viewer", "ownerEntityType": "CORP_USER",
        "ownershipTypeUrn": "urn:li:ownershipType:__system__data_steward"}]});
    run(
        &hub,
        "editor",
        "batchAddOwners",
        "BatchAddOwnersInput",
        owners,
    )
    .await;
    let query =
        "query s($input: SearchAcrossEntitiesInput!) { searchAcrossEntities(input: $input) {
        total searchResults { entity { urn } } } }";
    let filters = json!([{"and": [
        {"field": "domains", "values": ["urn:li:domain:sales"]},
        {"field": "owners", "values": ["urn:li:corpuser:viewer"]}]}]);
    let input = json!({"input": {"query": "peculiar", "orFilters": filters}});
    let found = data(&hub, query, input).await;
    assert_eq!(
        found["searchAcrossEntities"]["searchResults"][0]["entity"]["urn"],
        ORDERS
    );
    let got = entity(
        &hub,
        "ownership { owners { ownershipType { info { name } } } }",
    )
    .await;
    assert_eq!(
        got["ownership"]["owners"][0]["ownershipType"]["info"]["name"],
        "Data Steward"
    );
}

#[tokio::test]
async fn structured_properties_are_checked_against_their_definition() {
    let hub = start(catalog()).await;
    let with = |values: Value| {
        json!({"assetUrn": ORDERS, "structuredPropertyInputParams": [
        {"structuredPropertyUrn": "urn:li:structuredProperty:sla", "values": values}]})
    };
    let kind = "UpsertStructuredPropertiesInput";
    let field = "upsertStructuredProperties";
    let done = run(
        &hub,
        "editor",
        field,
        kind,
        with(json!([{"numberValue": 2}])),
    )
    .await;
    assert_eq!(
        done["data"][field]["properties"][0]["values"][0]["numberValue"], 2.0,
        "{done}"
    );
    for wrong in [
        json!([{"numberValue": 3}]),
        json!([{"stringValue": "x"}]),
        json!([{"numberValue": 1}, {"numberValue": 2}]),
    ] {
        let refused = run(&hub, "editor", field, kind, with(wrong)).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], 400);
    }
    let input =
        json!({"assetUrn": ORDERS, "structuredPropertyUrns": ["urn:li:structuredProperty:sla"]});
    let done = run(
        &hub,
        "editor",
        "removeStructuredProperties",
        "RemoveStructuredPropertiesInput",
        input,
    )
    .await;
    assert_eq!(
        done["data"]["removeStructuredProperties"]["properties"],
        json!([])
    );
}

#[tokio::test]
async fn an_incident_makes_a_table_unhealthy_until_it_is_resolved() {
    let hub = start(catalog()).await;
    let input =
        json!({"type": "OPERATIONAL", "title": "Late", "resourceUrn": ORDERS, "priority": "HIGH"});
    let raised = run(&hub, "editor", "raiseIncident", "RaiseIncidentInput", input).await;
    let urn = raised["data"]["raiseIncident"].as_str().unwrap().to_owned();
    let fields = "health { type status } incidents(state: ACTIVE) { total incidents { urn title priority } }";
    let got = entity(&hub, fields).await;
    assert_eq!(got["incidents"]["incidents"][0]["priority"], "HIGH");
    assert_eq!(
        got["health"][0],
        json!({"type": "INCIDENTS", "status": "FAIL"})
    );
    let resolve = "mutation r($urn: String!) { updateIncidentStatus(urn: $urn, input: {state: RESOLVED, message: \"done\"}) }";
    data(&hub, resolve, json!({ "urn": urn })).await;
    let got = entity(&hub, fields).await;
    assert_eq!(got["incidents"]["total"], 0);
    assert_eq!(got["health"][0]["status"], "PASS");
}

#[tokio::test]
async fn documents_are_written_searched_and_moved() {
    let hub = start(catalog()).await;
    let input = json!({"id": "how", "title": "How to", "subType": "FAQ", "contents": {"text": "Use the gold table"},
        "relatedAssets": [ORDERS]});
    let made = run(
        &hub,
        "editor",
        "createDocument",
        "CreateDocumentInput",
        input.clone(),
    )
    .await;
    assert_eq!(
        made["data"]["createDocument"], "urn:li:document:how",
        "{made}"
    );
    let again = run(
        &hub,
        "editor",
        "createDocument",
        "CreateDocumentInput",
        input,
    )
    .await;
    assert_eq!(again["errors"][0]["extensions"]["code"], 409);
    let search = "query d($input: SearchDocumentsInput!) { searchDocuments(input: $input) { total
        documents { urn subType info { title contents { text } relatedAssets { asset { urn } } } changeHistory { changeType } } } }";
    let found = data(&hub, search, json!({"input": {"query": "gold"}})).await;
    let document = &found["searchDocuments"]["documents"][0];
    assert_eq!(document["info"]["relatedAssets"][0]["asset"]["urn"], ORDERS);
    let changed =
        json!({"urn": "urn:li:document:how", "contents": {"text": "Use the silver table"}});
    run(
        &hub,
        "editor",
        "updateDocumentContents",
        "UpdateDocumentContentsInput",
        changed,
    )
    .await;
    let found = data(&hub, search, json!({"input": {"query": "silver"}})).await;
    let document = &found["searchDocuments"]["documents"][0];
    assert_eq!(document["changeHistory"][0]["changeType"], "TEXT_CHANGED");
    assert_eq!(
        entity(&hub, "relatedDocuments(input: {}) { total }").await["relatedDocuments"]["total"],
        1
    );
}

#[tokio::test]
async fn an_admin_makes_tokens_for_others_and_revokes_them() {
    let hub = start(catalog()).await;
    let input = json!({"type": "PERSONAL", "actorUrn": "urn:li:corpuser:viewer", "duration": "ONE_HOUR", "name": "x"});
    let refused = run(
        &hub,
        "editor",
        "createAccessToken",
        "CreateAccessTokenInput",
        input.clone(),
    )
    .await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], 403);
    let made = run(
        &hub,
        "admin",
        "createAccessToken",
        "CreateAccessTokenInput",
        input,
    )
    .await;
    let token = made["data"]["createAccessToken"]["accessToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let id = made["data"]["createAccessToken"]["metadata"]["id"].clone();
    let me = "{ me { corpUser { urn } } }";
    let (status, body) = ask(&hub, &token, me, json!({})).await;
    assert!(
        status == 200 && body.contains("urn:li:corpuser:viewer"),
        "{body}"
    );
    let revoke = "mutation r($id: String!) { revokeAccessToken(tokenId: $id) }";
    let (_, body) = ask(&hub, "admin", revoke, json!({ "id": id })).await;
    assert!(body.contains("true"), "{body}");
    assert_eq!(ask(&hub, &token, me, json!({})).await.0, 401);
}

#[tokio::test]
async fn whoever_is_suspended_is_out_at_once() {
    let hub = start(catalog()).await;
    let me = "{ me { corpUser { urn } } }";
    assert_eq!(ask(&hub, "editor", me, json!({})).await.0, 200);
    let suspend =
        "mutation { updateUserStatus(urn: \"urn:li:corpuser:editor\", status: SUSPENDED) }";
    assert_eq!(ask(&hub, "admin", suspend, json!({})).await.0, 200);
    assert_eq!(ask(&hub, "editor", me, json!({})).await.0, 401);
}

#[tokio::test]
async fn a_view_narrows_a_search() {
    let hub = start(catalog()).await;
    let make =
        "mutation v($input: CreateViewInput!) { createView(input: $input) { urn name definition {
        entityTypes filter { operator filters { field values } } } } }";
    let input = json!({"viewType": "PERSONAL", "name": "Tags", "definition": {
        "entityTypes": ["TAG"], "filter": {"operator": "AND", "filters": []}}});
    let made = data(&hub, make, json!({ "input": input })).await;
    let urn = made["createView"]["urn"].clone();
    let query = "query s($input: SearchAcrossEntitiesInput!) { searchAcrossEntities(input: $input) { total } }";
    let found = data(
        &hub,
        query,
        json!({"input": {"query": "*", "viewUrn": urn}}),
    )
    .await;
    assert_eq!(found["searchAcrossEntities"]["total"], 1);
    let set = "mutation d($v: String) { updateCorpUserViewsSettings(input: {defaultView: $v}) }";
    data(&hub, set, json!({ "v": urn })).await;
    let me = data(
        &hub,
        "{ me { corpUser { settings { views { defaultView { urn } } } } } }",
        json!({}),
    )
    .await;
    assert_eq!(
        me["me"]["corpUser"]["settings"]["views"]["defaultView"]["urn"],
        urn
    );
}

#[tokio::test]
async fn lineage_drawn_by_hand_is_walked() {
    let hub = start(catalog()).await;
    let other = "urn:li:dataset:(urn:li:dataPlatform:hive,orders,DEV)";
    let more = json!([{"entityUrn": other, "aspectName": "status", "aspect": {"json": {"removed": false}}}]);
    let mut all = catalog();
    all.add_str("more", &more.to_string()).unwrap();
    hub.replace_catalog(all);
    let edge = json!({"edgesToAdd": [{"upstreamUrn": other, "downstreamUrn": ORDERS}], "edgesToRemove": []});
    run(&hub, "editor", "updateLineage", "UpdateLineageInput", edge).await;
    let got = entity(
        &hub,
        "lineage(input: {direction: UPSTREAM}) { total relationships { isManual entity { urn } } }",
    )
    .await;
    assert_eq!(
        got["lineage"]["relationships"][0],
        json!({"isManual": true, "entity": {"urn": other}})
    );
}

#[tokio::test]
async fn a_dataset_is_described_as_a_whole() {
    let hub = start(catalog()).await;
    let update = "mutation d($urn: String!, $input: DatasetUpdateInput!) { updateDataset(urn: $urn, input: $input) {
        editableProperties { description } tags { tags { tag { urn } } } } }";
    let input = json!({"editableProperties": {"description": "All orders"},
        "tags": {"tags": [{"tag": {"urn": "urn:li:tag:pii", "name": "PII"}}]}});
    let done = data(&hub, update, json!({"urn": ORDERS, "input": input})).await;
    assert_eq!(
        done["updateDataset"]["editableProperties"]["description"],
        "All orders"
    );
    assert_eq!(
        entity(&hub, "editableProperties { name }").await["editableProperties"]["name"],
        Value::Null
    );
    assert_eq!(
        done["updateDataset"]["tags"]["tags"][0]["tag"]["urn"],
        "urn:li:tag:pii"
    );
}

/// A value of a type that passes validation.
fn value(ty: &apollo_compiler::ast::Type) -> Value {
    use apollo_compiler::schema::ExtendedType;
    if ty.is_list() {
        return json!([]);
    }
    match ENGINE.schema.types.get(ty.inner_named_type()).unwrap() {
        ExtendedType::InputObject(input) => {
            let needed = input.fields.iter().filter(|(_, field)| field.is_required());
            Value::Object(
                needed
                    .map(|(name, field)| (name.to_string(), value(&field.ty)))
                    .collect(),
            )
        }
        ExtendedType::Enum(all) => json!(all.values.keys().next().unwrap().as_str()),
        _ => match ty.inner_named_type().as_str() {
            "Boolean" => json!(false),
            "Int" | "Long" | "Float" => json!(1),
            _ => json!("urn:li:tag:x"),
        },
    }
}

#[tokio::test]
async fn every_mutation_of_the_schema_is_answered() {
    let hub = start(catalog()).await;
    for (name, field) in &ENGINE.schema.get_object("Mutation").unwrap().fields {
        let needed: Vec<_> = field
            .arguments
            .iter()
            .filter(|argument| argument.is_required())
            .collect();
        let declared: Vec<_> = needed
            .iter()
            .map(|a| format!("${}: {}", a.name, a.ty))
            .collect();
        let passed: Vec<_> = needed
            .iter()
            .map(|a| format!("{0}: ${0}", a.name))
            .collect();
        let inner = field.ty.inner_named_type();
        let selected = if ENGINE.schema.get_object(inner).is_some() {
            "{ __typename }"
        } else {
            ""
        };
        let query = format!(
            "mutation m({}) {{ {name}({}) {selected} }}",
            declared.join(", "),
            passed.join(", ")
        );
        let variables: Value = Value::Object(
            needed
                .iter()
                .map(|a| (a.name.to_string(), value(&a.ty)))
                .collect(),
        );
        let (status, body) = ask(&hub, "admin", &query, variables).await;
        assert!(
            status == 200 && !body.contains("not answered"),
            "{name}: {body}"
        );
        assert!(!body.contains("ValidationError"), "{query}: {body}");
    }
}

//! The tools that make the vocabulary of a catalog: glossary terms and nodes, data products and what is in
//! them. Each is tried against the embedded DataHub, and what it wrote is read back.

use serde_json::{Value, json};

use crate::shop_world::{ORDERS, ShopWorld};

const REVENUE: &str = "urn:li:dataProduct:revenue";
const STOCK: &str =
    "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.fct_stock_daily,PROD)";

async fn entity(world: &ShopWorld, urn: &str) -> Value {
    world.ok("get_entities", json!({"urns": urn})).await
}

fn urn(answer: &Value) -> String {
    answer["urn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn terms_and_nodes_are_created_described_and_linked() {
    let world = ShopWorld::start().await;
    let node = json!({"kind": "node", "name": "Returns", "description": "What comes back."});
    let node = urn(&world.ok("create_glossary_term", node).await);
    assert!(node.starts_with("urn:li:glossaryNode:"), "{node}");
    let term = json!({"name": "Refund share", "description": "Draft.", "parent_node": node, "id": "refund-share"});
    let term = urn(&world.ok("create_glossary_term", term).await);
    assert_eq!(term, "urn:li:glossaryTerm:refund-share");
    let text = "Refunds by gross revenue.";
    for urn in [&term, &node] {
        let described = json!({"entity_urn": urn, "description": text});
        world.ok("update_description", described).await;
        assert_eq!(entity(&world, urn).await["description"], text);
    }
    let read = entity(&world, &term).await;
    assert_eq!(
        read["parentNodes"],
        json!([{"urn": node, "name": "Returns"}]),
        "{read}"
    );
    let linked = json!({"term_urns": term, "entity_urns": ORDERS});
    world.ok("add_terms", linked).await;
    let terms = entity(&world, ORDERS).await["glossaryTerms"].to_string();
    assert!(terms.contains(&term), "{terms}");

    for (arguments, words) in [
        (
            json!({"name": "net revenue"}),
            "urn:li:glossaryTerm:net-revenue",
        ),
        (json!({"name": "Returns", "kind": "node"}), node.as_str()),
        (
            json!({"name": "X", "parent_node": "urn:li:glossaryNode:none"}),
            "does not exist",
        ),
        (
            json!({"name": "X", "parent_node": term}),
            "kind glossaryTerm",
        ),
        (json!({"name": "X", "kind": "group"}), "one of term, node"),
        (json!({"name": " "}), "`name` is empty"),
    ] {
        let error = world.error("create_glossary_term", arguments.clone()).await;
        assert!(error.contains(words), "{arguments}: {error}");
    }
}

#[tokio::test]
async fn data_products_are_created_filled_and_emptied() {
    let world = ShopWorld::start().await;
    let new = json!({"name": "Stock", "domain_urn": "urn:li:domain:supply-chain", "description": "What is where."});
    let product = urn(&world.ok("create_data_product", new.clone()).await);
    let read = entity(&world, &product).await;
    assert_eq!(read["name"], "Stock");
    assert_eq!(
        read["domain"]["domain"]["urn"],
        "urn:li:domain:supply-chain"
    );
    assert_eq!(read["owners"][0]["urn"], "urn:li:corpuser:editor");
    let again = world.error("create_data_product", new).await;
    assert!(again.contains(&product), "{again}");

    let both = json!({"data_product_urn": product, "entity_urns": [STOCK, ORDERS]});
    let added = world.ok("add_to_data_product", both.clone()).await;
    let message = added["message"].as_str().unwrap();
    assert!(
        message.contains(&format!("{ORDERS} was in {REVENUE}")),
        "{message}"
    );
    assert!(!message.contains(&format!("{STOCK} was")), "{message}");
    assert_eq!(
        entity(&world, ORDERS).await["dataProducts"][0]["urn"],
        product
    );
    // Once more changes nothing.
    let added = world.ok("add_to_data_product", both.clone()).await;
    assert!(
        !added["message"].as_str().unwrap().contains("was in"),
        "{added}"
    );

    let of = |product: &str, urn: &str| json!({"data_product_urn": product, "entity_urns": urn});
    let error = world
        .error("remove_from_data_product", of(REVENUE, ORDERS))
        .await;
    assert!(error.contains(&format!("but in {product}")), "{error}");
    assert_eq!(
        entity(&world, ORDERS).await["dataProducts"][0]["urn"],
        product
    );
    world.ok("remove_from_data_product", both).await;
    for urn in [STOCK, ORDERS] {
        assert_eq!(entity(&world, urn).await["dataProducts"], Value::Null);
    }
    let error = world
        .error("remove_from_data_product", of(&product, STOCK))
        .await;
    assert!(error.contains("in no data product"), "{error}");
    for (tool, arguments, words) in [
        (
            "create_data_product",
            json!({"name": "X", "domain_urn": "urn:li:domain:none"}),
            "does not exist",
        ),
        (
            "create_data_product",
            json!({"name": "X", "domain_urn": "sales"}),
            "is not a urn",
        ),
        (
            "add_to_data_product",
            of("urn:li:dataProduct:none", STOCK),
            "does not exist",
        ),
        (
            "add_to_data_product",
            of("urn:li:domain:sales", STOCK),
            "one of kind dataProduct",
        ),
        (
            "add_to_data_product",
            of(
                REVENUE,
                "urn:li:dataset:(urn:li:dataPlatform:hive,none,PROD)",
            ),
            "does not exist",
        ),
    ] {
        let error = world.error(tool, arguments.clone()).await;
        assert!(error.contains(words), "{tool} {arguments}: {error}");
    }
}

#[tokio::test]
async fn whoever_may_not_write_makes_nothing() {
    let world = ShopWorld::start().await;
    for (tool, arguments) in [
        ("create_glossary_term", json!({"name": "Z"})),
        (
            "create_data_product",
            json!({"name": "Z", "domain_urn": "urn:li:domain:sales"}),
        ),
        (
            "add_to_data_product",
            json!({"data_product_urn": REVENUE, "entity_urns": STOCK}),
        ),
        (
            "remove_from_data_product",
            json!({"data_product_urn": REVENUE, "entity_urns": ORDERS}),
        ),
    ] {
        let reply = world.call("viewer", tool, arguments).await;
        assert!(reply.is_tool_error(), "{tool}: {}", reply.text);
    }
    assert_eq!(
        entity(&world, ORDERS).await["dataProducts"][0]["urn"],
        REVENUE
    );
    let off = ShopWorld::with(
        |_| {},
        |server| server.env("TOOLS_IS_MUTATION_ENABLED", "false"),
    )
    .await;
    let reply = off
        .call("editor", "create_data_product", json!({"name": "Z"}))
        .await;
    assert!(reply.text.contains("switched off"), "{}", reply.text);
}

#[tokio::test]
async fn lineage_of_this_minute_is_asked_for_by_a_flag() {
    let world = ShopWorld::start().await;
    let plain = json!({"urn": ORDERS, "upstream": false});
    let mut fresh = plain.clone();
    fresh["skip_cache"] = json!(true);
    assert_eq!(
        world.ok("get_lineage", plain).await,
        world.ok("get_lineage", fresh).await
    );
}

/// What people wrote is named, shows no image, and is bounded in lists.
#[tokio::test]
async fn what_people_wrote_is_marked_and_fetches_nothing() {
    let world = ShopWorld::start().await;
    let text = format!(
        "![x](https://x.example/?q=1) <img src=//x.example> {}",
        "long ".repeat(100)
    );
    let described = json!({"entity_urn": STOCK, "description": text});
    world.ok("update_description", described).await;
    let read = entity(&world, STOCK).await;
    let shown = read["description"].as_str().unwrap();
    assert!(
        shown.starts_with("[x](https://x.example/?q=1) &lt;img src"),
        "{shown}"
    );
    let marked = read["writtenByPeople"].to_string();
    assert!(marked.contains("description"), "{marked}");
    let hits = world
        .ok(
            "search",
            json!({"query": "fct_stock_daily", "num_results": 1}),
        )
        .await;
    let hit = &hits["searchResults"][0]["entity"];
    assert!(
        hit["description"].as_str().unwrap().chars().count() <= 130,
        "{hit}"
    );
    assert_eq!(hits["writtenByPeople"], json!(["description"]));
    // A write is answered in words of this server.
    let done = world
        .ok(
            "add_tags",
            json!({"tag_urns": "urn:li:tag:daily", "entity_urns": STOCK}),
        )
        .await;
    assert_eq!(done["writtenByPeople"], Value::Null);
}

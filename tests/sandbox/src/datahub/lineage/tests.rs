//! Tests of degrees, paths and both directions.

use serde_json::{Value, json};

use super::super::catalog::Catalog;
use super::{Direction, Graph};

fn table(name: &str) -> String {
    format!("urn:li:dataset:(urn:li:dataPlatform:hive,{name},PROD)")
}

fn column(of: &str, name: &str) -> String {
    format!("urn:li:schemaField:({},{name})", table(of))
}

fn upstreams(of: &str, from: &[&str], fine: &Value) -> Value {
    let upstreams: Vec<_> = from
        .iter()
        .map(|f| json!({"dataset": table(f), "type": "TRANSFORMED"}))
        .collect();
    json!({
        "entityType": "dataset", "entityUrn": table(of), "changeType": "UPSERT",
        "aspectName": "upstreamLineage",
        "aspect": {"json": {"upstreams": upstreams, "fineGrainedLineages": fine}}
    })
}

/// `a -> b -> d`, `a -> c -> d`, `a -> d`'s neighbour `e`, and a cycle `e -> a`.
fn diamond() -> Catalog {
    let fine = json!([{"upstreams": [column("a", "x")], "downstreams": [column("b", "y")]}]);
    let file = json!([
        upstreams("b", &["a"], &fine),
        upstreams("c", &["a"], &json!([])),
        upstreams("d", &["b", "c"], &json!([])),
        upstreams("e", &["d"], &json!([])),
        upstreams("a", &["e"], &json!([])),
    ]);
    Catalog::load_str("test", &file.to_string()).unwrap()
}

fn reached(graph: &Graph, from: &str, direction: Direction, max: usize) -> Vec<(String, usize)> {
    let walk = graph.walk(from, direction, max);
    walk.reached
        .iter()
        .map(|r| (r.urn.to_string(), r.degree))
        .collect()
}

#[test]
fn a_degree_is_the_shortest_distance() {
    let catalog = diamond();
    let down = reached(catalog.graph(), &table("a"), Direction::Downstream, 100);
    let expected = [("b", 1), ("c", 1), ("d", 2), ("e", 3)].map(|(name, d)| (table(name), d));
    assert_eq!(down, expected);
    let up = reached(catalog.graph(), &table("d"), Direction::Upstream, 1);
    assert_eq!(up, [(table("b"), 1), (table("c"), 1)]);
}

#[test]
fn every_shortest_path_is_given() {
    let catalog = diamond();
    let walk = catalog
        .graph()
        .walk(&table("a"), Direction::Downstream, 100);
    let mut paths: Vec<Vec<String>> = walk
        .paths(&table("d"))
        .into_iter()
        .map(|path| path.iter().map(ToString::to_string).collect())
        .collect();
    paths.sort();
    let through = |name: &str| vec![table("a"), table(name), table("d")];
    assert_eq!(paths, [through("b"), through("c")]);
}

#[test]
fn columns_have_a_lineage_of_their_own() {
    let catalog = diamond();
    let up = reached(catalog.graph(), &column("b", "y"), Direction::Upstream, 9);
    assert_eq!(up, [(column("a", "x"), 1)]);
    assert!(reached(catalog.graph(), &column("b", "z"), Direction::Upstream, 9).is_empty());
}

#[test]
fn a_job_stands_between_its_inputs_and_outputs() {
    let job = "urn:li:dataJob:(urn:li:dataFlow:(airflow,shop,PROD),load)";
    let file = json!([{
        "entityType": "dataJob", "entityUrn": job, "changeType": "UPSERT",
        "aspectName": "dataJobInputOutput",
        "aspect": {"json": {
            "inputDatasets": [table("a")], "outputDatasets": [],
            "outputDatasetEdges": [{"destinationUrn": table("b")}]}}
    }]);
    let catalog = Catalog::load_str("test", &file.to_string()).unwrap();
    let down = reached(catalog.graph(), &table("a"), Direction::Downstream, 9);
    assert_eq!(down, [(job.to_owned(), 1), (table("b"), 2)]);
}

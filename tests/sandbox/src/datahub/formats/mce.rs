//! Metadata change events, the older format: a snapshot of several aspects, each tagged with the
//! name of its class.

use serde_json::Value;

use super::super::kinds::urn_type;
use super::super::record::Change;
use super::{LOADER, observed, without_avro_prefix};

/// Classes whose aspect has another name than the class.
const RENAMED: &[(&str, &str)] = &[
    (
        "CaveatsAndRecommendations",
        "mlModelCaveatsAndRecommendations",
    ),
    ("EthicalConsiderations", "mlModelEthicalConsiderations"),
    ("EvaluationData", "mlModelEvaluationData"),
    ("Metrics", "mlModelMetrics"),
    ("QuantitativeAnalyses", "mlModelQuantitativeAnalyses"),
    ("TrainingData", "mlModelTrainingData"),
];

/// Reads one snapshot.
pub(crate) fn changes(mut entry: Value) -> Result<Vec<Change>, String> {
    let system = entry
        .get_mut("systemMetadata")
        .map(Value::take)
        .unwrap_or_default();
    let snapshot = entry
        .get_mut("proposedSnapshot")
        .map(Value::take)
        .unwrap_or_default();
    let (_, mut snapshot) = tagged(snapshot).ok_or("`proposedSnapshot` is not a tagged union")?;
    let urn = snapshot
        .get("urn")
        .and_then(Value::as_str)
        .ok_or("snapshot without `urn`")?;
    let urn = urn.to_owned();
    if urn_type(&urn).is_none() {
        return Err(format!("`{urn}` is not a urn"));
    }
    let aspects = match snapshot.get_mut("aspects").map(Value::take) {
        Some(Value::Array(aspects)) => aspects,
        _ => return Err(format!("the snapshot of `{urn}` has no `aspects`")),
    };
    let mut changes = Vec::with_capacity(aspects.len());
    for aspect in aspects {
        let (class, value) =
            tagged(aspect).ok_or(format!("an aspect of `{urn}` is not a tagged union"))?;
        changes.push(Change {
            urn: urn.clone(),
            aspect: aspect_name(&class),
            value: without_avro_prefix(value),
            time: observed(&system),
            system: system.clone(),
            actor: LOADER.to_owned(),
        });
    }
    Ok(changes)
}

/// The tag and the value of `{"class": value}`.
fn tagged(value: Value) -> Option<(String, Value)> {
    match value {
        Value::Object(map) if map.len() == 1 => map.into_iter().next(),
        _ => None,
    }
}

/// `com.linkedin.pegasus2avro.identity.CorpUserInfo` is the aspect `corpUserInfo`.
fn aspect_name(class: &str) -> String {
    let class = class.rsplit('.').next().unwrap_or(class);
    if let Some((_, aspect)) = RENAMED.iter().find(|(name, _)| *name == class) {
        return (*aspect).to_owned();
    }
    // An abbreviation at the start is lowered as a whole: MLModelProperties is mlModelProperties.
    let upper = class.bytes().take_while(u8::is_ascii_uppercase).count();
    let lowered = if upper > 1 { upper - 1 } else { upper };
    let (head, tail) = class.split_at(lowered);
    head.to_ascii_lowercase() + tail
}

#[cfg(test)]
mod tests {
    use super::aspect_name;

    #[test]
    fn classes_become_aspect_names() {
        let name = |class: &str| aspect_name(&format!("com.linkedin.pegasus2avro.x.{class}"));
        assert_eq!(name("CorpUserInfo"), "corpUserInfo");
        assert_eq!(name("MLModelProperties"), "mlModelProperties");
        assert_eq!(name("Status"), "status");
        assert_eq!(name("TrainingData"), "mlModelTrainingData");
    }
}

//! Structured properties in filters: their type decides how they are compared
//! (`StructuredPropertyUtils` below entity-registry/src/main/java/com/linkedin/metadata/models).

use super::super::catalog::Catalog;
use super::super::error::ApiError;
use super::super::index::{Kind, PROPERTIES};

/// The field of a structured property, and its kind; the kind is missing where the property has no
/// definition, because DataHub then indexes no value.
pub(super) struct Property {
    pub(super) field: String,
    pub(super) kind: Option<Kind>,
}

impl Property {
    /// The property that a field names; none if it names none.
    pub(super) fn of(catalog: &Catalog, field: &str) -> Result<Option<Self>, ApiError> {
        let Some(rest) = field.strip_prefix(PROPERTIES) else {
            return Ok(None);
        };
        let Some(id) = rest.strip_prefix('.') else {
            return Ok(None);
        };
        let id = id.replace(".keyword", "").replace(".delimited", "");
        let urn = format!("urn:li:structuredProperty:{id}");
        let found = catalog.get(&urn);
        if found.is_some_and(|record| record.removed()) {
            return Err(ApiError::bad_request(format!(
                "Cannot filter on deleted Structured Property [{urn}]"
            )));
        }
        let of_type = found.and_then(|record| record.text("propertyDefinition", &["valueType"]));
        let kind = of_type.and_then(|of_type| match of_type.rsplit([':', '.']).next()? {
            "string" | "rich_text" => Some(Kind::Text),
            "number" => Some(Kind::Double),
            "date" => Some(Kind::Date),
            "urn" => Some(Kind::Keyword),
            _ => None,
        });
        Ok(Some(Self {
            field: format!("{PROPERTIES}.{id}"),
            kind,
        }))
    }
}

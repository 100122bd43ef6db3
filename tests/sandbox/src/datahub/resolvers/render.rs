//! Renders JSON as GraphQL values, as the schema requires.

use std::sync::Arc;

use apollo_compiler::resolvers::{FieldError, ResolvedValue};
use apollo_compiler::response::JsonValue;
use apollo_compiler::schema::{ExtendedType, Type};
use apollo_compiler::{Name, Schema};
use serde_json::{Map, Value, json};

use super::{Cx, EntityNode, Node, Shape};

/// The context of a value: the request, and the entity that it belongs to.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) cx: &'a Cx,
    pub(crate) schema: &'a Schema,
    pub(crate) owner: Option<Arc<str>>,
}

/// Object types of two fields that stand for a JSON map.
const ENTRY_TYPES: &[&str] = &["CustomPropertiesEntry", "StringMapEntry", "IntMapEntry"];

impl<'a> Scope<'a> {
    /// Renders one value.
    pub(crate) fn render(
        &self,
        ty: &'a Type,
        shape: Shape<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        match ty {
            Type::List(inner) | Type::NonNullList(inner) => Ok(self.list(ty, inner, shape)),
            Type::Named(name) | Type::NonNullNamed(name) => Ok(self.named(name, shape)),
        }
    }

    fn list(&self, ty: &Type, inner: &'a Type, shape: Shape<'a>) -> ResolvedValue<'a> {
        let entries = ENTRY_TYPES.contains(&inner.inner_named_type().as_str());
        let shape = match shape {
            shape if entries && shape.value().is_object() => Shape::Own(map_entries(shape.value())),
            shape => shape,
        };
        let scope = self.clone();
        match shape {
            Shape::Ref(Value::Array(items)) => {
                let items = items
                    .iter()
                    .map(move |item| scope.render(inner, Shape::Ref(item)));
                ResolvedValue::List(Box::new(items))
            }
            Shape::Own(Value::Array(items)) => {
                let items = items
                    .into_iter()
                    .map(move |item| scope.render(inner, Shape::Own(item)));
                ResolvedValue::List(Box::new(items))
            }
            _ if ty.is_non_null() => ResolvedValue::list([]),
            _ => ResolvedValue::null(),
        }
    }

    fn named(&self, name: &'a Name, shape: Shape<'a>) -> ResolvedValue<'a> {
        if shape.value().is_null() {
            return ResolvedValue::null();
        }
        match self.schema.types.get(name) {
            Some(ExtendedType::Enum(definition)) => match shape.value().as_str() {
                Some(text) if definition.values.contains_key(text) => ResolvedValue::leaf(text),
                _ => ResolvedValue::null(),
            },
            Some(ExtendedType::Scalar(_)) | None => {
                ResolvedValue::Leaf(scalar(name, shape.value()))
            }
            Some(ExtendedType::InputObject(_)) => ResolvedValue::null(),
            Some(definition) => self.object(name, definition, shape),
        }
    }

    fn object(
        &self,
        name: &'a Name,
        definition: &'a ExtendedType,
        shape: Shape<'a>,
    ) -> ResolvedValue<'a> {
        match shape.value() {
            Value::String(urn) => {
                let entity = EntityNode::of(self.cx, urn)
                    .filter(|entity| is_a(self.schema, definition, entity.kind.graphql));
                ResolvedValue::nullable_object(entity.map(Node::Entity))
            }
            Value::Object(map) => {
                let type_name = match definition {
                    ExtendedType::Object(_) => Some(name.as_str()),
                    _ => map
                        .get("__typename")
                        .and_then(Value::as_str)
                        .and_then(|tag| self.schema.types.get_key_value(tag))
                        .map(|(name, _)| name.as_str()),
                };
                let node = type_name.map(|type_name| Node::Object {
                    cx: self.cx,
                    type_name,
                    value: shape,
                    owner: self.owner.clone(),
                });
                ResolvedValue::nullable_object(node)
            }
            _ => ResolvedValue::null(),
        }
    }
}

/// True if the object type is this type, or a member of it.
fn is_a(schema: &Schema, definition: &ExtendedType, object: &str) -> bool {
    match definition {
        ExtendedType::Object(definition) => definition.name == object,
        ExtendedType::Union(definition) => definition.members.contains(object),
        ExtendedType::Interface(definition) => schema
            .get_object(object)
            .is_some_and(|object| object.implements_interfaces.contains(&definition.name)),
        _ => false,
    }
}

/// `{"a": 1}` as `[{"key": "a", "value": 1}]`.
fn map_entries(map: &Value) -> Value {
    let entries = map.as_object().into_iter().flat_map(Map::iter);
    entries
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

fn scalar(name: &str, value: &Value) -> JsonValue {
    match name {
        "String" | "ID" => match value {
            Value::String(text) => text.as_str().into(),
            other => other.to_string().into(),
        },
        "Int" => whole(value)
            .and_then(|n| i32::try_from(n).ok())
            .map_or(JsonValue::Null, Into::into),
        "Long" => whole(value).map_or(JsonValue::Null, Into::into),
        "Float" => {
            let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            number.map_or(JsonValue::Null, Into::into)
        }
        "Boolean" => value.as_bool().map_or(JsonValue::Null, Into::into),
        _ => JsonValue::Null,
    }
}

/// A whole number, also if it is given as text or with a decimal point.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked before"
)]
fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| {
            value
                .as_f64()
                .filter(|n| n.abs() < 9.0e18)
                .map(|n| n as i64)
        })
        .or_else(|| value.as_str()?.parse().ok())
}

//! From aspects to GraphQL objects, without one resolver for each field.
//!
//! A resolver returns JSON ([`Shape`]): the part of an aspect that a field stands for. The schema
//! decides how it is rendered: a urn where an entity is expected becomes that entity, a map where
//! entries are expected becomes entries, and so on ([`render`]). Code exists only for what differs
//! from the aspect by name or form: [`entity`] for entities, [`objects`] for what lies inside
//! aspects, [`query`] and [`super::mutations`] for the roots.

pub(crate) mod arguments;
mod documents;
mod entity;
mod governance;
mod hierarchy;
mod objects;
mod people;
mod properties;
mod quality;
mod query;
mod relationships;
pub(crate) mod render;
mod searching;
mod stats;

use std::cell::RefCell;
use std::sync::Arc;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use serde_json::Value;

use super::catalog::Catalog;
use super::error::ApiError;
use super::hub::{Actor, Hub};
use super::kinds::EntityKind;
use super::mutations;
use super::record::Record;
use arguments::Arguments;
pub(crate) use properties::editable_aspect;

/// The context of one request: the caller, and a snapshot of the catalog.
pub(crate) struct Cx {
    pub(crate) hub: Arc<Hub>,
    pub(crate) actor: Actor,
    catalog: RefCell<Arc<Catalog>>,
    errors: RefCell<Vec<ApiError>>,
}

impl Cx {
    /// The prefix of the number of an error in the text that GraphQL's executor passes on.
    pub(crate) const ERROR_MARK: char = '\u{1}';

    pub(crate) fn new(hub: Arc<Hub>, actor: Actor) -> Self {
        let catalog = hub.catalog();
        Self {
            hub,
            actor,
            catalog: RefCell::new(catalog),
            errors: RefCell::default(),
        }
    }

    /// The snapshot that this request reads.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.borrow())
    }

    /// Takes a new snapshot of the catalog, after a write of this request.
    pub(crate) fn refresh(&self) {
        *self.catalog.borrow_mut() = self.hub.catalog();
    }

    /// The error with this number.
    pub(crate) fn error(&self, number: usize) -> Option<ApiError> {
        self.errors.borrow().get(number).cloned()
    }

    fn fail(&self, error: ApiError) -> FieldError {
        let mut errors = self.errors.borrow_mut();
        errors.push(error);
        FieldError {
            message: format!("{}{}", Self::ERROR_MARK, errors.len() - 1),
        }
    }
}

/// JSON for the answer: borrowed, if it is part of an aspect unchanged.
#[derive(Debug, Clone)]
pub(crate) enum Shape<'a> {
    Ref(&'a Value),
    Own(Value),
}

impl<'a> Shape<'a> {
    /// Null.
    pub(crate) const NULL: Self = Self::Own(Value::Null);

    /// Borrowed JSON, or null.
    pub(crate) fn opt(value: Option<&'a Value>) -> Self {
        value.map_or(Self::NULL, Self::Ref)
    }

    /// The JSON itself.
    pub(crate) fn value(&self) -> &Value {
        match self {
            Self::Ref(value) => value,
            Self::Own(value) => value,
        }
    }
}

impl<T: Into<Value>> From<T> for Shape<'_> {
    fn from(value: T) -> Self {
        Self::Own(value.into())
    }
}

/// The result of a resolver.
pub(crate) type Resolved<'a> = Result<Shape<'a>, ApiError>;

/// An entity under its urn, whether it is in the catalog or not.
pub(crate) struct EntityNode<'a> {
    pub(crate) cx: &'a Cx,
    pub(crate) urn: Arc<str>,
    pub(crate) kind: &'static EntityKind,
    /// None for a stub.
    pub(crate) record: Option<Arc<Record>>,
}

impl<'a> EntityNode<'a> {
    /// The entity of a urn; none if the urn is malformed or its type is not in GraphQL.
    pub(crate) fn of(cx: &'a Cx, urn: &str) -> Option<Self> {
        let kind = EntityKind::of_urn(urn)?;
        match cx.catalog().get(urn) {
            Some(record) => {
                let record = Arc::clone(record);
                Some(Self {
                    cx,
                    urn: Arc::clone(&record.urn),
                    kind,
                    record: Some(record),
                })
            }
            None if kind.needs_aspects() => None,
            None => Some(Self {
                cx,
                urn: urn.into(),
                kind,
                record: None,
            }),
        }
    }

    /// The present value of an aspect.
    pub(crate) fn aspect(&self, name: &str) -> Option<&Value> {
        self.record.as_ref()?.aspect(name)
    }

    /// A text inside an aspect.
    pub(crate) fn text(&self, aspect: &str, name: &str) -> Option<&str> {
        self.record.as_ref()?.text(aspect, &[name])
    }
}

/// A GraphQL object.
pub(crate) enum Node<'a> {
    /// `Query` or `Mutation`.
    Root { cx: &'a Cx, name: &'static str },
    /// An entity.
    Entity(EntityNode<'a>),
    /// A part of an aspect, or an answer such as a page of search results.
    Object {
        cx: &'a Cx,
        type_name: &'a str,
        value: Shape<'a>,
        owner: Option<Arc<str>>,
    },
}

impl<'a> Node<'a> {
    /// The root of a query or of a mutation.
    pub(crate) fn root(cx: &'a Cx, name: &'static str) -> Self {
        Self::Root { cx, name }
    }

    fn cx(&self) -> &'a Cx {
        match self {
            Self::Root { cx, .. } | Self::Object { cx, .. } => cx,
            Self::Entity(entity) => entity.cx,
        }
    }

    fn owner(&self) -> Option<Arc<str>> {
        match self {
            Self::Root { .. } => None,
            Self::Entity(entity) => Some(Arc::clone(&entity.urn)),
            Self::Object { owner, .. } => owner.clone(),
        }
    }
}

impl ObjectValue for Node<'_> {
    fn type_name(&self) -> &str {
        match self {
            Self::Root { name, .. } => name,
            Self::Entity(entity) => entity.kind.graphql,
            Self::Object { type_name, .. } => type_name,
        }
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let (cx, name) = (self.cx(), info.field_name());
        if let Some(message) = cx.hub.controls.failing_field(self.type_name(), name) {
            return Err(cx.fail(ApiError::server(message)));
        }
        let arguments = Arguments::new(info);
        let shape = match self {
            Self::Root {
                name: "Mutation", ..
            } => {
                let answer = mutations::field(cx, name, &arguments);
                cx.refresh();
                answer
            }
            Self::Root { .. } => query::field(cx, name, &arguments),
            Self::Entity(entity) => entity::field(entity, name, &arguments),
            Self::Object {
                type_name,
                value,
                owner,
                ..
            } => Ok(objects::field(
                type_name,
                name,
                value.value(),
                owner.as_deref(),
            )),
        };
        let shape = shape.map_err(|error| cx.fail(error))?;
        let scope = render::Scope {
            cx,
            schema: info.schema(),
            owner: self.owner(),
        };
        scope.render(&info.field_definition().ty, shape)
    }
}

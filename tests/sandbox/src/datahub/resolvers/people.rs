//! People and groups, and the caller's privileges.

use serde_json::{Value, json};

use super::super::kinds::urn_parts;
use super::super::options::Kind;
use super::{Cx, EntityNode, Shape};

/// Fields of `CorpUser` that are not plain aspects.
pub(crate) fn user<'a>(node: &'a EntityNode<'a>, field: &str) -> Option<Shape<'a>> {
    Some(match field {
        "username" => {
            let named = node.text("corpUserKey", "username").map(str::to_owned);
            named.unwrap_or_else(|| id(&node.urn)).into()
        }
        "properties" | "info" => Shape::opt(node.aspect("corpUserInfo")),
        "editableProperties" | "editableInfo" => Shape::opt(node.aspect("corpUserEditableInfo")),
        "status" => node
            .text("corpUserStatus", "status")
            .map_or(Shape::NULL, Into::into),
        "isNativeUser" => node.aspect("corpUserCredentials").is_some().into(),
        "settings" => {
            let view = node.aspect("corpUserSettings").and_then(|s| s.get("views"));
            match view.and_then(|views| views.get("defaultView")) {
                Some(view) => json!({ "views": { "defaultView": view } }).into(),
                None => Shape::NULL,
            }
        }
        _ => return None,
    })
}

/// Fields of `CorpGroup` that are not plain aspects.
pub(crate) fn group<'a>(node: &'a EntityNode<'a>, field: &str) -> Option<Shape<'a>> {
    Some(match field {
        "name" => {
            let named = node.text("corpGroupKey", "name").map(str::to_owned);
            named.unwrap_or_else(|| id(&node.urn)).into()
        }
        "properties" | "info" => Shape::opt(node.aspect("corpGroupInfo")),
        "editableProperties" => Shape::opt(node.aspect("corpGroupEditableInfo")),
        _ => return None,
    })
}

fn id(urn: &str) -> String {
    urn_parts(urn)
        .first()
        .map_or_else(String::new, |part| (*part).to_owned())
}

/// The answer of `me`.
pub(crate) fn me(cx: &Cx) -> Value {
    let admin = cx.actor.kind == Kind::Admin;
    let editor = cx.actor.kind != Kind::Viewer;
    json!({
        "corpUser": cx.actor.urn,
        "platformPrivileges": {
            "viewAnalytics": editor,
            "managePolicies": admin,
            "manageIdentities": admin,
            "generatePersonalAccessTokens": editor,
            "createDomains": editor,
            "createLogicalModels": editor,
            "manageDomains": editor,
            "manageIngestion": admin,
            "manageSecrets": admin,
            "manageTokens": admin,
            "viewTests": editor,
            "manageTests": admin,
            "manageGlossaries": editor,
            "manageDocuments": editor,
            "manageUserCredentials": admin,
            "createTags": editor,
            "manageTags": editor,
            "viewManageTags": editor,
            "manageGlobalViews": admin,
            "manageGlobalSettings": admin,
            "manageOwnershipTypes": editor,
            "manageGlobalAnnouncements": admin,
            "createBusinessAttributes": false,
            "manageBusinessAttributes": false,
            "manageStructuredProperties": editor,
            "viewStructuredPropertiesPage": true,
            "manageApplications": false,
            "manageFeatures": false,
            "manageHomePageTemplates": false,
            "manageServiceAccounts": admin,
        },
    })
}

//! The version of the DataHub server: read from `/config` once a minute, never with a token.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use arc_swap::ArcSwapOption;
use serde_json::Value;

use super::version::{Since, Version};

/// The facts about a DataHub that `/config` reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// The version; `None` if the server reports none that can be parsed.
    pub version: Option<Version>,
    /// True for DataHub Cloud, which numbers its versions differently.
    pub cloud: bool,
}

impl ServerInfo {
    /// Reads the answer of `/config`; `None` if it is not a JSON object.
    pub fn read(body: &[u8]) -> Option<Self> {
        let config: Value = serde_json::from_slice(body).ok()?;
        let config = config.as_object()?;
        let version = config
            .get("versions")
            .and_then(|versions| versions.get("acryldata/datahub"))
            .and_then(|datahub| datahub.get("version"))
            .and_then(Value::as_str)
            .and_then(Version::parse);
        let environment = config
            .get("datahub")
            .and_then(|datahub| datahub.get("serverEnv"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let cloud = !matches!(environment, "" | "core");
        Some(Self { version, cloud })
    }

    /// True if `body` has a member that every DataHub has in its answer of `/config`.
    pub fn is_datahub(body: &[u8]) -> bool {
        serde_json::from_slice::<Value>(body).is_ok_and(|config| {
            let members = ["versions", "noCode", "datahub"];
            members.iter().any(|member| config.get(member).is_some())
        })
    }

    /// True if the server supports it. One that reports no version is assumed to be new: if it is
    /// not, its answer says so.
    pub fn has(&self, since: Since) -> bool {
        let needed = if self.cloud { since.cloud } else { since.core };
        self.version.is_none_or(|version| version >= needed)
    }
}

/// The state of a DataHub as `/ready` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// True if it answers.
    pub reachable: bool,
    /// True if what answers does not look like DataHub.
    pub is_stranger: bool,
    /// Its version, if known.
    pub version: Option<Version>,
}

/// The last answer of `/config` and when it came.
#[derive(Debug, Default)]
pub(super) struct ServerCache {
    known: ArcSwapOption<(Instant, ServerInfo)>,
    /// The time of the last request; held while one call asks, and the others use the known answer.
    pub(super) last_try: tokio::sync::Mutex<Option<Instant>>,
    /// True while all that answered does not look like DataHub.
    pub(super) is_stranger: AtomicBool,
    /// The last result of `/health`; held while one call asks.
    pub(super) probe: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl ServerCache {
    pub(super) fn known(&self) -> Option<Arc<(Instant, ServerInfo)>> {
        self.known.load_full()
    }

    pub(super) fn remember(&self, now: Instant, info: ServerInfo) {
        self.known.store(Some(Arc::new((now, info))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_open_source_from_cloud_and_gates_by_version() {
        let body = br#"{"versions":{"acryldata/datahub":{"version":"v1.3.0"}},"datahub":{"serverEnv":"core"}}"#;
        let info = ServerInfo::read(body).unwrap();
        assert_eq!(
            info,
            ServerInfo {
                version: Some(Version::new(1, 3, 0)),
                cloud: false
            }
        );
        assert!(!info.has(Since::DOCUMENTS) && info.has(Since::ALWAYS));

        let body = br#"{"versions":{"acryldata/datahub":{"version":"v0.3.17"}},"datahub":{"serverEnv":"prod"}}"#;
        assert!(ServerInfo::read(body).unwrap().has(Since::DOCUMENTS));
        assert!(
            ServerInfo::read(b"{}").unwrap().has(Since::DOCUMENTS),
            "unknown is new"
        );
        assert_eq!(ServerInfo::read(b"<html>"), None);
    }
}

//! Settings of the connection to DataHub.

use std::net::SocketAddr;

use datahub::Settings;
use outbound::Network;
use secrecy::SecretString;

use super::{reader::Reader, table as t};

pub(super) fn read(reader: &mut Reader<'_>, network: &Network) -> Option<Settings> {
    let gms_url = reader.http_url(&t::DATAHUB_GMS_URL, "http://localhost:8080");
    if !reader.is_set(&t::DATAHUB_GMS_URL) {
        reader.missing(
            &t::DATAHUB_GMS_URL,
            "is not set",
            "set it to DataHub's URL, such as `http://localhost:8080`",
        );
    }
    let connect_timeout = reader.millis(&t::DATAHUB_MCP_GMS_CONNECT_TIMEOUT_MS, 1..=60_000);
    let call_timeout = reader.seconds(&t::DATAHUB_MCP_GMS_TIMEOUT_SECS, 1..=600);
    let max_response_bytes = reader.size(&t::DATAHUB_MCP_GMS_MAX_RESPONSE_BYTES, 65_536..=1 << 30);
    let max_in_flight = reader.size(&t::DATAHUB_MCP_GMS_MAX_IN_FLIGHT, 1..=65_536);
    let breaker_failures = reader.small(&t::DATAHUB_MCP_GMS_BREAKER_FAILURES, 1..=1_000);
    let breaker_pause = reader.millis(&t::DATAHUB_MCP_GMS_BREAKER_PAUSE_MS, 10..=60_000);
    let version_ttl = reader.seconds(&t::DATAHUB_MCP_GMS_VERSION_TTL_SECS, 1..=86_400);
    Some(Settings {
        connect_timeout,
        call_timeout,
        max_response_bytes,
        max_in_flight,
        breaker_failures,
        breaker_pause,
        version_ttl,
        network: network.clone(),
        ..Settings::at(gms_url?)
    })
}

/// The token for requests that have none: everybody who can reach the server has its rights.
pub(super) fn shared_token(
    reader: &mut Reader<'_>,
    address: Option<SocketAddr>,
) -> Option<SecretString> {
    let allowed = reader.switch(&t::ALLOW_SHARED_TOKEN);
    let token = reader.secret(&t::DATAHUB_GMS_TOKEN)?;
    if let Some(address) = address
        && !address.ip().is_loopback()
        && !allowed
    {
        reader.wrong(
            &t::DATAHUB_GMS_TOKEN,
            &format!(
                "would serve everybody who can reach {}, without signing in",
                address.ip()
            ),
            "unset it, listen on 127.0.0.1, or set `ALLOW_SHARED_TOKEN=true` if that is intended",
        );
    }
    Some(token)
}

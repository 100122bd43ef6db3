//! The one way out: every HTTP connection that the server, its sign-in proxy and its validators
//! open is made here.
//!
//! An rlib below `host` and `plugins/common`. It knows neither of them, no plugin interface and no
//! setting of the command line, and it never reads the environment: what the operator set comes in
//! as values, so that a validator in a process with an empty environment obeys the same rule.
//!
//! | file | owns |
//! | --- | --- |
//! | `client` | the only `reqwest` builder: time-outs, no cookies, no `Referer`, redirects within the origin |
//! | `network` | what the operator set: proxies and certificate authorities |
//! | `proxy` | the choice of a proxy for a URL |
//! | `authorities` | the certificates that are trusted |
//! | `body` | the cap on what is read of an answer |
//! | `addresses` | the table of networks and who may be asked (SSRF) |
//! | `issuer` | what an issuer is, byte for byte, and the rule about plain HTTP |
//! | `discovery` | the places of a provider's document, and when it is believed |
//! | `freshness` | `Cache-Control` and `Retry-After` |
//!
//! # The rule
//! 1. A proxy is the one that is set, else that of `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`;
//!    never for a host in `NO_PROXY`, never for this machine.
//! 2. Trusted are the system's authorities and those of the bundle that is set, else of
//!    `SSL_CERT_FILE`. A bundle that cannot be used is an error at the start.
//! 3. Every exchange ends in time and every answer has a largest size. Cookies are not kept.
//!    A redirect is followed within its origin only, and never with credentials.
//! 4. An issuer is compared byte for byte with the one that is configured, wherever its document
//!    was found. A document counts only if it names that issuer.
//! 5. Plain HTTP is for this machine, and elsewhere only with the one switch.
//!
//! # Known attacks
//! - *A document leads inside* (SSRF): `addresses` refuses URLs and resolved names that lead to
//!   this machine or to a cloud's metadata service. `reqwest` connects to what the resolver of this
//!   crate returned and to nothing else, so there is no second look-up to answer differently.
//! - *A redirect carries a secret away*: requests with credentials follow none.
//! - *A provider poses as another* (mix-up): the issuer in the document must be the configured one.
#![forbid(unsafe_code)]

mod addresses;
mod authorities;
mod body;
mod client;
mod discovery;
mod freshness;
mod issuer;
mod network;
mod proxy;
#[cfg(test)]
mod testing;
mod text;

pub use self::{
    addresses::{AddressRule, Looked, Lookup, Scope, SystemLookup, is_loopback, is_public, scope},
    authorities::{Authorities, AuthoritiesError},
    body::{BodyError, read},
    client::{Answer, Client, Error, Profile},
    discovery::{DOCUMENT_LIFETIME, DiscoveryError, Document, Source, discover, places},
    freshness::{Lifetime, MAX_RETRY_AFTER, retry_after},
    issuer::{Admission, Issuer, IssuerRule, TENANT, check_scheme, is_guid},
    network::Network,
    proxy::{Choice, Proxies, ProxyError, ProxyUrl},
    text::{quoted, shown},
};

//! The one way out: every HTTP connection that the server, its sign-in proxy and its validators
//! open is made here.
//!
//! An rlib below `host` and `plugins/common`. It depends on neither of them, on no plugin interface
//! and on no command-line setting, and it never reads the environment: the operator's settings are
//! passed in as values, so that a validator in a process with an empty environment obeys the same
//! rules.
//!
//! | file | owns |
//! | --- | --- |
//! | `client` | the only `reqwest` builder: time-outs, no cookies, no `Referer`, redirects within the origin |
//! | `network` | the operator's settings: proxies and certificate authorities |
//! | `proxy` | the choice of a proxy for a URL |
//! | `authorities` | the trusted certificates |
//! | `body` | the limit on the size of a response body |
//! | `addresses` | the table of networks and the addresses that may be contacted (SSRF) |
//! | `issuer` | the comparison of issuers, byte for byte, and the rule for plain HTTP |
//! | `discovery` | the places of a provider's document, and the checks before it is used |
//! | `freshness` | `Cache-Control` and `Retry-After` |
//!
//! # The rules
//! 1. The proxy is the one that is set, else that of `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`;
//!    it is never used for a host in `NO_PROXY` or for this machine.
//! 2. The system's authorities are trusted, and those of the bundle that is set, else of
//!    `SSL_CERT_FILE`. An unusable bundle is an error at the start.
//! 3. Every exchange has a time limit and every response a size limit. Cookies are not kept.
//!    A redirect is followed within its origin only, and never with credentials.
//! 4. An issuer is compared byte for byte with the configured one, wherever its document was found.
//!    A document counts only if it names that issuer.
//! 5. Plain HTTP is accepted for this machine, and elsewhere only with the one switch.
//!
//! # Known attacks
//! - *A document leads inside* (SSRF): `addresses` refuses URLs and resolved names that lead to
//!   this machine or to a cloud's metadata service. `reqwest` connects only to addresses that the
//!   resolver of this crate returned, so there is no second look-up that could answer differently.
//! - *A redirect carries a secret away*: requests with credentials follow no redirect.
//! - *A provider poses as another* (mix-up): the issuer in the document must be the configured one.
#![forbid(unsafe_code)]

mod addresses;
mod authorities;
mod body;
mod certificate;
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
    body::{BodyError, read, read_into},
    certificate::tls_trouble,
    client::{Answer, Client, Error, Profile},
    discovery::{DOCUMENT_LIFETIME, DiscoveryError, Document, Source, discover, places},
    freshness::{Lifetime, MAX_RETRY_AFTER, retry_after},
    issuer::{Admission, Issuer, IssuerRule, TENANT, check_scheme, is_guid},
    network::Network,
    proxy::{Choice, Proxies, ProxyError, ProxyUrl},
    text::{quoted, shown},
};

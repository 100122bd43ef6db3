//! Version 1.1 of the API: its root module and the host's functions, which are what differs from
//! [`super::abi_v1_0`].

use std::sync::{Arc, OnceLock};

use abi_stable::{
    library::{LibHeader, LibraryError as AbiError},
    prefix_type::PrefixTypeTrait,
    std_types::RString,
};
use plugin_api::v1_1;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{
    BadLibrary, Factory, Failure, Instance, Library, abi_v1_0,
    abi_version::{AbiVersion, Number},
};

/// This version, for the list of those that the host knows.
pub(crate) const VERSION: AbiVersion = AbiVersion {
    number: Number { major: 1, minor: 1 },
    load,
};

/// The library behind `header`, if it fits this version.
fn load(header: &'static LibHeader) -> Result<Arc<dyn Library>, AbiError> {
    let root = header.init_root_module::<v1_1::PluginRef>()?;
    Ok(Arc::new(Loaded { root }))
}

struct Loaded {
    root: v1_1::PluginRef,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Library({})", VERSION.number)
    }
}

impl Library for Loaded {
    fn abi_version(&self) -> String {
        VERSION.number.to_string()
    }

    fn info(&self) -> Result<Map<String, Value>, BadLibrary> {
        abi_v1_0::info((self.root.info_json())())
    }

    fn factories(&self) -> Result<Vec<Factory>, BadLibrary> {
        abi_v1_0::factories((self.root.factories())())
    }

    fn create(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<Arc<dyn Instance>, Failure> {
        let config = v1_1::Secret::new(config.expose_secret());
        abi_v1_0::instance((self.root.create())(
            id.into(),
            factory.into(),
            config,
            host(),
        ))
    }
}

/// The functions that the host gives to its plugins.
fn host() -> v1_1::HostRef {
    static HOST: OnceLock<v1_1::HostRef> = OnceLock::new();
    *HOST.get_or_init(|| {
        let host = v1_1::Host {
            log_enabled: abi_v1_0::log_enabled,
            log: abi_v1_0::log,
            info_json,
        };
        host.leak_into_prefix()
    })
}

extern "C" fn info_json() -> RString {
    super::HOST_INFO.into()
}

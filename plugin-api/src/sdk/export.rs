//! The expansion of [`export_token_validators!`](crate::export_token_validators): the symbol that
//! the host looks up, and the functions behind it.

use std::{collections::HashSet, sync::OnceLock};

use abi_stable::std_types::{RResult, RResult::RErr, RString, RVec};
use serde_json::json;

use super::{Failure, Needs, TokenValidator, config, guard, panic_hook, shim};
use crate::newest::{self, Factory, HostRef, Secret, ValidatorBox};

/// One validator of a library. Created by the export macro.
#[doc(hidden)]
pub struct FactoryEntry {
    name: &'static str,
    schema: fn() -> String,
    needs: fn() -> Needs,
    create: fn(RString, &Secret, HostRef) -> RResult<ValidatorBox, newest::Failure>,
}

impl FactoryEntry {
    /// The factory of `V` under `name`. An invalid name does not compile.
    pub const fn of<V: TokenValidator>(name: &'static str) -> Self {
        assert!(
            is_name(name),
            "a factory's name is 1 to 64 ASCII letters, digits, `_` and `-`"
        );
        Self {
            name,
            schema: || config::schema::<V::Config>().to_string(),
            needs: V::needs,
            create: shim::create::<V>,
        }
    }
}

const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' || bytes[at] == b'-') {
            return false;
        }
        at += 1;
    }
    0 < at && at <= 64
}

/// The description of a library. Created by the export macro.
#[doc(hidden)]
pub struct Library {
    /// The name of the vendor's crate.
    pub name: &'static str,
    /// The version of the vendor's crate.
    pub version: &'static str,
    /// Its validators.
    pub factories: &'static [FactoryEntry],
}

impl Library {
    /// See [`newest::Plugin::info_json`].
    pub fn info_json(&self) -> RString {
        let mut info = json!({
            "name": self.name,
            "version": self.version,
            "api": major_and_minor(newest::VERSION),
            "sdk": env!("CARGO_PKG_VERSION"),
            "rustc": env!("PLUGIN_API_RUSTC"),
            "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
        });
        if let Some(needs) = self.needs() {
            info["needs"] = needs;
        }
        info.to_string().into()
    }

    /// What all validators of the library need together; `None` for the default. A declaration that
    /// panics counts as the default.
    fn needs(&self) -> Option<serde_json::Value> {
        let all = self.factories.iter();
        all.map(|factory| guard::catch(factory.needs).unwrap_or_default())
            .reduce(Needs::and)
            .unwrap_or_default()
            .to_json()
    }

    /// See [`newest::Plugin::factories`]. A factory whose schema panics is left out.
    pub fn factories(&self) -> RVec<Factory> {
        static SCHEMAS: OnceLock<Vec<Option<String>>> = OnceLock::new();
        let schemas = SCHEMAS.get_or_init(|| {
            self.factories
                .iter()
                .map(|factory| guard::catch(factory.schema).ok())
                .collect()
        });
        let mut seen = HashSet::new();
        self.factories
            .iter()
            .zip(schemas)
            .filter(|(factory, _)| seen.insert(factory.name))
            .filter_map(|(factory, schema)| {
                Some(Factory {
                    name: factory.name.into(),
                    schema_json: schema.as_deref()?.into(),
                    ext_json: RString::new(),
                })
            })
            .collect()
    }

    /// See [`newest::Plugin::create`].
    pub fn create(
        &self,
        plugin_id: RString,
        factory: &str,
        config_json: &Secret,
        host: HostRef,
    ) -> RResult<ValidatorBox, newest::Failure> {
        panic_hook::install();
        match self
            .factories
            .iter()
            .find(|candidate| candidate.name == factory)
        {
            Some(factory) => (factory.create)(plugin_id, config_json, host),
            None => RErr(Failure::misconfigured(format!("there is no factory `{factory}`")).into()),
        }
    }
}

fn major_and_minor(version: &str) -> &str {
    version.rsplit_once('.').map_or(version, |(start, _)| start)
}

/// The items that the macro's code uses, so that a vendor's crate need not depend on `abi_stable`.
#[doc(hidden)]
pub mod reexports {
    pub use abi_stable::{
        library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
        prefix_type::PrefixTypeTrait,
        std_types::{RResult, RString, RVec},
    };
}

/// Exports the validators of a crate as a plugin library: `"name" => Type`, separated by commas.
///
/// The crate is a `cdylib`, uses the macro once, and its profile keeps `panic = "unwind"`.
///
/// ```standalone_crate
/// use plugin_api::sdk::{Failure, Identity, NoOptions, Request, TokenValidator};
///
/// struct Notary;
///
/// impl TokenValidator for Notary {
///     type Config = NoOptions;
///
///     fn create(_: NoOptions) -> Result<Self, Failure> {
///         Ok(Self)
///     }
///
///     async fn validate(&self, request: Request) -> Result<Identity, Failure> {
///         match request.token.expose().strip_prefix("notarised-") {
///             Some(person) => Ok(Identity::new(person).resolved_token(request.token.expose())),
///             None => Err(Failure::not_mine("has no notary's prefix")),
///         }
///     }
/// }
///
/// plugin_api::export_token_validators! { "notary" => Notary }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_token_validators {
    ($($name:literal => $validator:ty),+ $(,)?) => {
        #[cfg(panic = "abort")]
        ::core::compile_error!(
            "a token validator cannot be built with `panic = \"abort\"`: a panic would end the \
             host. Set `panic = \"unwind\"` in the profile"
        );

        const _: () = {
            use $crate::sdk::export::{FactoryEntry, Library, reexports as __r};
            use $crate::newest as __v;

            static LIBRARY: Library = Library {
                name: ::core::env!("CARGO_PKG_NAME"),
                version: ::core::env!("CARGO_PKG_VERSION"),
                factories: &[$(FactoryEntry::of::<$validator>($name)),+],
            };

            extern "C" fn info_json() -> __r::RString {
                LIBRARY.info_json()
            }

            extern "C" fn factories() -> __r::RVec<__v::Factory> {
                LIBRARY.factories()
            }

            extern "C" fn create(
                plugin_id: __r::RString,
                factory: __r::RString,
                config_json: __v::Secret,
                host: __v::HostRef,
            ) -> __r::RResult<__v::ValidatorBox, __v::Failure> {
                LIBRARY.create(plugin_id, factory.as_str(), &config_json, host)
            }

            fn root_module() -> __v::PluginRef {
                use __r::PrefixTypeTrait as _;
                __v::Plugin { info_json, factories, create }.leak_into_prefix()
            }

            extern "C" fn load() -> __r::RootModuleResult {
                __r::__call_root_module_loader(root_module)
            }

            // The code that abi_stable's own export macro generates, for every edition and without
            // a dependency on abi_stable.
            //
            // SAFETY: nothing else has a reason to define this name, which is the one that the host
            // looks up; `load` returns the `PluginRef` that the header is made for.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static HEADER: __r::LibHeader = unsafe {
                __r::LibHeader::from_constructor::<__v::PluginRef>(
                    load,
                    __r::CheckTypeLayout::Yes,
                )
            };
        };
    };
}

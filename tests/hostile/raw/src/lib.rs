//! Test-only validators written against the bare ABI, for misbehaviour that the SDK does not allow.
//! Named in tests as `hostile_raw:FACTORY`. `good-SUBJECT` is accepted as SUBJECT by
//! `try_validate`; for every other token the factory does the following:
//!
//! | factory | what it does |
//! | --- | --- |
//! | `good` | rejects |
//! | `unknown_kind` | fails with a kind that is not part of the ABI |
//! | `zero_kind` | fails with kind 0 |
//! | `broken_claims` | accepts with claims that are not JSON |
//! | `array_claims` | accepts with claims that are JSON, but not an object |
//! | `not_utf8` | accepts with a subject that is not UTF-8 |
//! | `never_wakes` | never answers, and does not keep the waker |
//! | `wakes_for_ever` | never answers, and wakes the caller on each poll |
//! | `extensions`, `array_extensions` | answers with extensions that are an object, or are none |
#![expect(
    unsafe_code,
    reason = "the export of a library and broken text are made by hand"
)]

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use plugin_api::{
    abi_stable::{
        library::{__call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult},
        prefix_type::PrefixTypeTrait as _,
        sabi_trait::TD_Opaque,
        std_types::{
            ROption::{self, RNone, RSome},
            RResult::{self, RErr, ROk},
            RString, RVec,
        },
    },
    async_ffi::{FfiFuture, FutureExt as _},
    v1_0::{
        Accepted, Factory, FailKind, Failure, HostRef, Outcome, Plugin, PluginRef, Request, Secret,
        Validator, Validator_TO, ValidatorBox,
    },
};

#[derive(Clone, Copy)]
enum What {
    Good,
    UnknownKind,
    ZeroKind,
    BrokenClaims,
    ArrayClaims,
    NotUtf8,
    Extensions,
    ArrayExtensions,
    NeverWakes,
    WakesForEver,
}

const FACTORIES: [(&str, What); 10] = [
    ("good", What::Good),
    ("unknown_kind", What::UnknownKind),
    ("zero_kind", What::ZeroKind),
    ("broken_claims", What::BrokenClaims),
    ("array_claims", What::ArrayClaims),
    ("not_utf8", What::NotUtf8),
    ("extensions", What::Extensions),
    ("array_extensions", What::ArrayExtensions),
    ("never_wakes", What::NeverWakes),
    ("wakes_for_ever", What::WakesForEver),
];

struct Raw(What);

fn accepted(subject: impl Into<RString>, token: &Secret) -> Accepted {
    Accepted {
        subject: subject.into(),
        scopes: RVec::new(),
        expires_at: RNone,
        cache_ttl_s: RNone,
        resolved_token: RSome(token.clone()),
        claims_json: RString::new(),
        ext_json: RString::new(),
    }
}

fn failure(kind: FailKind, log_detail: &str) -> Failure {
    Failure {
        kind,
        retry_after_ms: RNone,
        oauth_error: RString::new(),
        log_detail: log_detail.into(),
        ext_json: RString::new(),
    }
}

struct Never {
    wakes: bool,
}

impl Future for Never {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if self.wakes {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Validator for Raw {
    fn try_validate(&self, request: &Request) -> ROption<Outcome> {
        match request.token.expose().strip_prefix("good-") {
            Some(subject) => RSome(ROk(accepted(subject, &request.token))),
            None => RNone,
        }
    }

    fn validate(&self, request: Request) -> FfiFuture<Outcome> {
        let person = accepted("raw", &request.token);
        let outcome: Outcome = match self.0 {
            What::Good => RErr(failure(FailKind::REJECTED, "not good")),
            What::UnknownKind => RErr(failure(FailKind(4711), "of a kind to come")),
            What::ZeroKind => RErr(failure(FailKind(0), "of no kind")),
            What::BrokenClaims => ROk(Accepted {
                claims_json: "{\"a\":".into(),
                ..person
            }),
            What::ArrayClaims => ROk(Accepted {
                claims_json: "[1, 2]".into(),
                ..person
            }),
            What::Extensions => ROk(Accepted {
                ext_json: r#"{"assurance": "high"}"#.into(),
                ..person
            }),
            What::ArrayExtensions => ROk(Accepted {
                ext_json: "[1, 2]".into(),
                ..person
            }),
            What::NotUtf8 => {
                let bytes = RVec::from(b"a\xff\xfeb".to_vec());
                // SAFETY: none, on purpose: the host must not trust that text is UTF-8.
                let subject = unsafe { RString::from_utf8_unchecked(bytes) };
                ROk(Accepted { subject, ..person })
            }
            What::NeverWakes => return Never { wakes: false }.into_ffi(),
            What::WakesForEver => return Never { wakes: true }.into_ffi(),
        };
        std::future::ready(outcome).into_ffi()
    }

    fn health(&self) -> FfiFuture<RResult<(), Failure>> {
        std::future::ready(ROk(())).into_ffi()
    }

    fn shutdown(&self) -> FfiFuture<()> {
        std::future::ready(()).into_ffi()
    }
}

extern "C" fn info_json() -> RString {
    concat!(
        r#"{"name": "hostile_raw", "version": ""#,
        env!("CARGO_PKG_VERSION"),
        r#"", "api": "1.0", "sdk": "none", "rustc": "unknown", "profile": "debug"}"#
    )
    .into()
}

extern "C" fn factories() -> RVec<Factory> {
    FACTORIES
        .iter()
        .map(|(name, _)| Factory {
            name: (*name).into(),
            schema_json: r#"{"type": "object", "properties": {}}"#.into(),
            ext_json: RString::new(),
        })
        .collect()
}

extern "C" fn create(
    _plugin_id: RString,
    factory: RString,
    _config_json: Secret,
    _host: HostRef,
) -> RResult<ValidatorBox, Failure> {
    match FACTORIES.iter().find(|(name, _)| *name == factory.as_str()) {
        Some((_, what)) => ROk(Validator_TO::from_value(Raw(*what), TD_Opaque)),
        None => RErr(failure(FailKind::MISCONFIGURED, "there is no such factory")),
    }
}

fn root_module() -> PluginRef {
    Plugin {
        info_json,
        factories,
        create,
    }
    .leak_into_prefix()
}

extern "C" fn load() -> RootModuleResult {
    __call_root_module_loader(root_module)
}

// SAFETY: nothing else defines this name; `load` returns the type that the header is made for.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
pub static HEADER: LibHeader =
    unsafe { LibHeader::from_constructor::<PluginRef>(load, CheckTypeLayout::Yes) };

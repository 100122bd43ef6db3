//! Version 1.0 of the API: translates between the frozen types of the boundary and the host's own.
//!
//! Copies a plugin's data and checks every byte before treating it as text: a plugin may have made
//! a string that is not valid UTF-8.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::Duration,
};

use abi_stable::{
    library::{LibHeader, LibraryError as AbiError},
    prefix_type::PrefixTypeTrait,
    std_types::{ROption, RResult, RStr, RString, RVec},
};
use plugin_api::v1_0;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{
    Accepted, Answer, BadLibrary, Call, Factory, Failure, FailureKind, Instance, Library,
    MAX_FACTORIES, MAX_SCHEMA_BYTES, MAX_TEXT_BYTES, Question,
    abi_version::{AbiVersion, Number},
    plugin_log,
};
use crate::boundary;

/// More scopes than any token has.
const MAX_SCOPES: usize = 1_024;

/// This version, for the list of those that the host knows.
pub(crate) const VERSION: AbiVersion = AbiVersion {
    number: Number { major: 1, minor: 0 },
    load,
};

/// The library behind `header`, if it fits this version.
fn load(header: &'static LibHeader) -> Result<Arc<dyn Library>, AbiError> {
    let root = header.init_root_module::<v1_0::PluginRef>()?;
    Ok(Arc::new(Loaded { root }))
}

struct Loaded {
    root: v1_0::PluginRef,
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
        info((self.root.info_json())())
    }

    fn factories(&self) -> Result<Vec<Factory>, BadLibrary> {
        factories((self.root.factories())())
    }

    fn create(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<Arc<dyn Instance>, Failure> {
        let config = v1_0::Secret::new(config.expose_secret());
        instance((self.root.create())(
            id.into(),
            factory.into(),
            config,
            host(),
        ))
    }
}

/// Reads a library's own description.
pub(super) fn info(json: RString) -> Result<Map<String, Value>, BadLibrary> {
    let json = text(json, MAX_TEXT_BYTES)
        .map_err(|what| BadLibrary(format!("its description is {what}")))?;
    serde_json::from_str(&json)
        .map_err(|_| BadLibrary("its description is not a JSON object".to_owned()))
}

/// Reads the description of a library's factories.
pub(super) fn factories(list: RVec<v1_0::Factory>) -> Result<Vec<Factory>, BadLibrary> {
    if list.len() > MAX_FACTORIES {
        return Err(BadLibrary(format!("it has {} factories", list.len())));
    }
    let list = list.into_iter().map(|factory| {
        let bad = |what| BadLibrary(format!("the description of a factory is {what}"));
        let name = text(factory.name, MAX_TEXT_BYTES).map_err(bad)?;
        let schema = text(factory.schema_json, MAX_SCHEMA_BYTES).map_err(bad)?;
        boundary::factory(name, &schema)
    });
    boundary::factories(list.collect::<Result<_, _>>()?)
}

/// Takes the validator that a library made, or the reason that it made none.
pub(super) fn instance(
    made: RResult<v1_0::ValidatorBox, v1_0::Failure>,
) -> Result<Arc<dyn Instance>, Failure> {
    match made {
        RResult::ROk(validator) => Ok(Arc::new(Made { validator })),
        RResult::RErr(failure) => Err(taken_over(failure)),
    }
}

struct Made {
    validator: v1_0::ValidatorBox,
}

fn request(question: &Question) -> v1_0::Request {
    v1_0::Request {
        token: v1_0::Secret::new(question.token.expose_secret()),
        request_id: RString::from(&*question.request_id),
        deadline_ms: u64::try_from(question.deadline.as_millis()).unwrap_or(u64::MAX),
        ext_json: RString::new(),
    }
}

impl Instance for Made {
    fn try_validate(&self, question: &Question) -> Option<Answer> {
        match self.validator.try_validate(&request(question)) {
            ROption::RSome(outcome) => Some(answer(outcome)),
            ROption::RNone => None,
        }
    }

    fn validate(&self, question: Question) -> Call<Answer> {
        let call = self.validator.validate(request(&question));
        Box::pin(async move { answer(call.await) })
    }

    fn health(&self) -> Call<Result<(), Failure>> {
        let call = self.validator.health();
        Box::pin(async move {
            match call.await {
                RResult::ROk(()) => Ok(()),
                RResult::RErr(failure) => Err(taken_over(failure)),
            }
        })
    }

    fn shutdown(&self) -> Call<()> {
        Box::pin(self.validator.shutdown())
    }
}

fn answer(outcome: v1_0::Outcome) -> Answer {
    match outcome {
        RResult::ROk(accepted) => match accepted_of(accepted) {
            Ok(accepted) => Answer::Accepted(accepted),
            Err(what) => Answer::Nonsense(what.into()),
        },
        RResult::RErr(failure) => Answer::Failed(taken_over(failure)),
    }
}

fn accepted_of(accepted: v1_0::Accepted) -> Result<Accepted, &'static str> {
    if accepted.scopes.len() > MAX_SCOPES {
        return Err("too many scopes");
    }
    let resolved_token = match accepted.resolved_token {
        ROption::RSome(token) => Some(secret(&token)?),
        ROption::RNone => None,
    };
    Ok(Accepted {
        subject: text(accepted.subject, MAX_TEXT_BYTES)?,
        scopes: accepted
            .scopes
            .into_iter()
            .map(|scope| text(scope, MAX_TEXT_BYTES))
            .collect::<Result<_, _>>()?,
        expires_at: accepted.expires_at.into_option(),
        cache_ttl_s: accepted.cache_ttl_s.into_option(),
        resolved_token,
        // One byte over the limit, so that the check of answers sees that it is too long.
        claims_json: text(accepted.claims_json, MAX_TEXT_BYTES)?,
        ext_json: text(accepted.ext_json, MAX_TEXT_BYTES)?,
    })
}

fn taken_over(failure: v1_0::Failure) -> Failure {
    let or_note =
        |taken: Result<String, &'static str>| taken.unwrap_or_else(|what| what.to_owned());
    Failure {
        kind: FailureKind::of(failure.kind.0),
        retry_after: failure
            .retry_after_ms
            .into_option()
            .map(Duration::from_millis),
        oauth_error: or_note(text(failure.oauth_error, MAX_TEXT_BYTES)),
        log_detail: or_note(text(failure.log_detail, MAX_TEXT_BYTES)),
        ext_json: or_note(text(failure.ext_json, MAX_TEXT_BYTES)),
    }
}

fn text(text: RString, limit: usize) -> Result<String, &'static str> {
    if text.len() > limit {
        return Err("text that is too long");
    }
    let bytes: RVec<u8> = text.into_bytes();
    String::from_utf8(bytes.into_vec()).map_err(|_| "text that is not UTF-8")
}

fn secret(token: &v1_0::Secret) -> Result<SecretString, &'static str> {
    let bytes = token.expose().as_bytes();
    if bytes.len() > MAX_TEXT_BYTES {
        return Err("a token that is too long");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "a token that is not UTF-8")?;
    Ok(SecretString::from(text))
}

/// The functions that the host gives to its plugins.
fn host() -> v1_0::HostRef {
    static HOST: OnceLock<v1_0::HostRef> = OnceLock::new();
    *HOST.get_or_init(|| v1_0::Host { log_enabled, log }.leak_into_prefix())
}

pub(super) extern "C" fn log_enabled(_: RStr<'_>, level: v1_0::LogLevel, _: RStr<'_>) -> bool {
    // A subscriber may panic; that must not unwind into the plugin.
    catch_unwind(|| plugin_log::enabled(plugin_log::level(level.0))).unwrap_or(false)
}

pub(super) extern "C" fn log(record: &v1_0::LogRecord<'_>) {
    let write = AssertUnwindSafe(|| {
        let text = |text: RStr<'_>| {
            let bytes = text.as_rslice().as_slice();
            let end = bytes.len().min(MAX_TEXT_BYTES);
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        plugin_log::write(plugin_log::Record {
            plugin: &text(record.plugin_id),
            request_id: &text(record.request_id),
            level: plugin_log::level(record.level.0),
            target: &text(record.target),
            message: &text(record.message),
            fields: &text(record.fields),
        });
    });
    // If the log panics, there is nothing left to do.
    let _ = catch_unwind(write);
}

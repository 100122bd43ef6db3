//! The adapter for plugins of the C header, version 1: presents them like any other plugin.
//!
//! Keeps the promises that the header makes to a plugin: borrowed values live for the call, a
//! validator is destroyed once and only after each of its calls was completed, and never from
//! within a completion.
#![expect(
    unsafe_code,
    reason = "calls functions of a C table, whose contract is the header"
)]

use std::{
    future::Future,
    pin::Pin,
    ptr::{self, NonNull},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread,
};

use libloading::os::unix::{Library as Dl, Symbol};
use plugin_api::c_v1;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::{
    Answer, BadLibrary, Call, Factory, Failure, FailureKind, Instance, Library, MAX_FACTORIES,
    MAX_SCHEMA_BYTES, MAX_TEXT_BYTES, Question,
    c_v1_calls::{self, Finish},
};
use crate::boundary;

/// The symbol that a C plugin exports, without the terminating NUL.
pub(crate) const ENTRY: &str = "datahub_mcp_token_validator_v1";

/// The library behind the entry of `library`, which is never closed.
///
/// # Errors
/// A description of the fault in its table.
pub(crate) fn load(library: &Dl) -> Result<Arc<dyn Library>, BadLibrary> {
    let bad = |reason: &str| BadLibrary(reason.to_owned());
    // SAFETY: a library that exports this name has a function of this type there: that is the
    // contract of the name.
    let entry: Symbol<c_v1::Entry> = unsafe { library.get(c_v1::ENTRY_NAME_WITH_NUL) }
        .map_err(|_| bad("its entry function cannot be found"))?;
    // SAFETY: as the header says: called once, before everything else.
    let table = unsafe { entry() };
    if table.is_null() || !table.is_aligned() {
        return Err(bad("its entry function refuses to be loaded"));
    }
    // SAFETY: not null, aligned; every version of the table starts with its size and version.
    let (size, version) = unsafe {
        (
            (&raw const (*table).size).read(),
            (&raw const (*table).version).read(),
        )
    };
    if version == 0 || version > c_v1::VERSION {
        return Err(BadLibrary(format!(
            "expected `TV_VERSION` 1 to {}, found {version}: build it with this server's \
             token_validator.h, or update the server",
            c_v1::VERSION
        )));
    }
    if size < size_of::<c_v1::Plugin>() {
        return Err(BadLibrary(format!(
            "expected a table of {} bytes, found {size}: set `size` to sizeof(tv_plugin)",
            size_of::<c_v1::Plugin>()
        )));
    }
    // SAFETY: it has at least the size that we read, and the header promises that it lives for
    // ever.
    let table: &'static c_v1::Plugin = unsafe { &*table };
    let (Some(create), Some(validate), Some(destroy)) =
        (table.create, table.validate, table.destroy)
    else {
        return Err(bad("its table lacks `create`, `validate` or `destroy`"));
    };
    Ok(Arc::new(CLibrary {
        table,
        version,
        create,
        functions: Functions {
            table,
            validate,
            destroy,
        },
    }))
}

type Create = unsafe extern "C" fn(
    c_v1::Str,
    c_v1::Str,
    c_v1::Str,
    *const c_v1::Host,
    c_v1::Complete,
    *mut std::ffi::c_void,
) -> *mut c_v1::RawValidator;
type Validate = unsafe extern "C" fn(
    *mut c_v1::RawValidator,
    u64,
    *const c_v1::Request,
    c_v1::Complete,
    *mut std::ffi::c_void,
);

#[derive(Debug, Clone, Copy)]
struct Functions {
    table: &'static c_v1::Plugin,
    validate: Validate,
    destroy: unsafe extern "C" fn(*mut c_v1::RawValidator),
}

#[derive(Debug)]
struct CLibrary {
    table: &'static c_v1::Plugin,
    /// The `TV_VERSION` that it was built with.
    version: u32,
    create: Create,
    functions: Functions,
}

impl Library for CLibrary {
    fn abi_version(&self) -> String {
        // `TV_VERSION` 1 is the header of API 1.0.
        format!("C 1.{}", self.version.saturating_sub(1))
    }

    fn info(&self) -> Result<Map<String, Value>, BadLibrary> {
        // SAFETY: the header promises that the text lives for ever.
        let json = unsafe { c_v1_calls::copy(self.table.info_json, MAX_TEXT_BYTES) }
            .map_err(|what| BadLibrary(format!("its description is {what}")))?;
        if json.is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_str(&json)
            .map_err(|_| BadLibrary("its description is not a JSON object".to_owned()))
    }

    fn factories(&self) -> Result<Vec<Factory>, BadLibrary> {
        let (first, len) = (self.table.factories, self.table.factories_len);
        if len > MAX_FACTORIES {
            return Err(BadLibrary(format!("it has {len} factories")));
        }
        if first.is_null() || !first.is_aligned() || len == 0 {
            return Err(BadLibrary("it has no factories".to_owned()));
        }
        // SAFETY: not null, aligned, at least one; every version starts with its size.
        let stride = unsafe { (&raw const (*first).size).read() };
        if stride < size_of::<c_v1::Factory>() || stride % align_of::<c_v1::Factory>() != 0 {
            return Err(BadLibrary("its factories have a wrong size".to_owned()));
        }
        let list = (0..len).map(|at| {
            // SAFETY: the header promises `len` of them, each of the size that it states, for ever.
            let factory = unsafe { &*first.byte_add(at * stride) };
            let bad = |what| BadLibrary(format!("the description of a factory is {what}"));
            // SAFETY: the texts live for ever too.
            let (name, schema) = unsafe {
                (
                    c_v1_calls::copy(factory.name, MAX_TEXT_BYTES).map_err(bad)?,
                    c_v1_calls::copy(factory.schema_json, MAX_SCHEMA_BYTES).map_err(bad)?,
                )
            };
            boundary::factory(name, &schema)
        });
        boundary::factories(list.collect::<Result<_, _>>()?)
    }

    fn create(
        &self,
        id: &str,
        factory: &str,
        config: &SecretString,
    ) -> Result<Arc<dyn Instance>, Failure> {
        let (finish, mut failure) = answer_channel(None);
        let number = c_v1_calls::begin(finish);
        // SAFETY: the texts live for the call, the host's table for ever.
        let validator = unsafe {
            (self.create)(
                c_v1::Str::lend(id),
                c_v1::Str::lend(factory),
                c_v1::Str::lend(config.expose_secret()),
                &raw const c_v1_calls::HOST,
                c_v1_calls::complete,
                ptr::without_provenance_mut(number),
            )
        };
        c_v1_calls::withdraw(number);
        match (NonNull::new(validator), failure.try_recv()) {
            (Some(validator), _) => Ok(Arc::new(Made(Arc::new(Handle {
                validator,
                functions: self.functions,
                next_call: AtomicU64::new(1),
            })))),
            (None, Ok(Answer::Failed(failure))) => Err(failure),
            (None, _) => Err(Failure::new(
                FailureKind::Internal,
                "`create` failed without a reason",
            )),
        }
    }
}

/// A validator of the plugin. Shared by the calls in flight and destroyed when the last of them
/// is dropped.
struct Handle {
    validator: NonNull<c_v1::RawValidator>,
    functions: Functions,
    next_call: AtomicU64,
}

// SAFETY: the header promises that every function may be called from any thread, several at once.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        struct Last(NonNull<c_v1::RawValidator>);
        // SAFETY: as for `Handle`; it goes to one other thread.
        unsafe impl Send for Last {}

        let (last, destroy) = (Last(self.validator), self.functions.destroy);
        // On a thread of its own: the last call may be completed by a thread of the plugin, which
        // may hold locks of the plugin. If no thread can be started, the validator is leaked.
        let spawned = thread::Builder::new()
            .name("destroy validator".to_owned())
            .spawn(move || {
                let last = last;
                // SAFETY: every call was completed, nothing else holds the pointer, and this runs
                // once.
                unsafe { destroy(last.0.as_ptr()) };
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "a validator could not be freed");
        }
    }
}

/// A channel for one answer; `handle` lives until the plugin has completed the call.
fn answer_channel(handle: Option<Arc<Handle>>) -> (Finish, oneshot::Receiver<Answer>) {
    let (sender, receiver) = oneshot::channel();
    let finish = move |answer| {
        // If the call was cancelled, nothing waits for it.
        let _ = sender.send(answer);
        drop(handle);
    };
    (Box::new(finish), receiver)
}

struct Made(Arc<Handle>);

impl Made {
    fn with_request<R>(question: &Question, call: impl FnOnce(&c_v1::Request) -> R) -> R {
        call(&c_v1::Request {
            size: size_of::<c_v1::Request>(),
            token: c_v1::Str::lend(question.token.expose_secret()),
            request_id: c_v1::Str::lend(&question.request_id),
            deadline_ms: u64::try_from(question.deadline.as_millis()).unwrap_or(u64::MAX),
            ext_json: c_v1::Str::EMPTY,
        })
    }

    /// Calls `health` or `shutdown`, which have the same signature.
    fn simple(
        &self,
        function: Option<
            unsafe extern "C" fn(*mut c_v1::RawValidator, c_v1::Complete, *mut std::ffi::c_void),
        >,
    ) -> Option<oneshot::Receiver<Answer>> {
        let function = function?;
        let (finish, receiver) = answer_channel(Some(Arc::clone(&self.0)));
        let number = c_v1_calls::begin(finish);
        let validator = self.0.validator.as_ptr();
        // SAFETY: the validator is alive: we hold it, and so does the registered call.
        unsafe {
            function(
                validator,
                c_v1_calls::complete,
                ptr::without_provenance_mut(number),
            )
        };
        Some(receiver)
    }
}

impl Instance for Made {
    fn try_validate(&self, question: &Question) -> Option<Answer> {
        let try_validate = self.0.functions.table.try_validate?;
        let (finish, mut receiver) = answer_channel(None);
        let number = c_v1_calls::begin(finish);
        let said = Self::with_request(question, |request| {
            let ctx = ptr::without_provenance_mut(number);
            // SAFETY: the validator is alive and the request lives for the call.
            unsafe {
                try_validate(
                    self.0.validator.as_ptr(),
                    request,
                    c_v1_calls::complete,
                    ctx,
                )
            }
        });
        c_v1_calls::withdraw(number);
        match (said, receiver.try_recv()) {
            (0, Err(_)) => None,
            (said, Ok(answer)) => {
                if said == 0 {
                    // An answer all the same, and a fault of the plugin that `plugins check` tells.
                    c_v1_calls::contradicted();
                }
                Some(answer)
            }
            (_, Err(_)) => Some(Answer::Nonsense("no outcome of `try_validate`".into())),
        }
    }

    fn validate(&self, question: Question) -> Call<Answer> {
        let handle = Arc::clone(&self.0);
        let id = handle.next_call.fetch_add(1, Ordering::Relaxed);
        let (finish, receiver) = answer_channel(Some(Arc::clone(&handle)));
        let number = c_v1_calls::begin(finish);
        Self::with_request(&question, |request| {
            let ctx = ptr::without_provenance_mut(number);
            let validate = handle.functions.validate;
            // SAFETY: the validator is alive: we hold it, and so does the registered call. The
            // request lives for the call.
            unsafe {
                validate(
                    handle.validator.as_ptr(),
                    id,
                    request,
                    c_v1_calls::complete,
                    ctx,
                )
            };
        });
        Box::pin(Waiting {
            handle,
            id,
            receiver,
            done: false,
        })
    }

    fn health(&self) -> Call<Result<(), Failure>> {
        let receiver = self.simple(self.0.functions.table.health);
        Box::pin(async move {
            match receiver {
                None => Ok(()),
                Some(receiver) => match receiver.await {
                    Ok(Answer::Accepted(_)) => Ok(()),
                    Ok(Answer::Failed(failure)) => Err(failure),
                    Ok(Answer::Nonsense(what)) => Err(Failure::new(FailureKind::Internal, what)),
                    Err(_) => Err(Failure::new(
                        FailureKind::Internal,
                        "no outcome of `health`",
                    )),
                },
            }
        })
    }

    fn shutdown(&self) -> Call<()> {
        let receiver = self.simple(self.0.functions.table.shutdown);
        Box::pin(async move {
            if let Some(receiver) = receiver {
                // Completed or not: there is nothing left to do.
                let _ = receiver.await;
            }
        })
    }
}

/// A call in flight; it is cancelled if this is dropped before its end.
struct Waiting {
    handle: Arc<Handle>,
    id: u64,
    receiver: oneshot::Receiver<Answer>,
    done: bool,
}

impl Future for Waiting {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let received = Pin::new(&mut self.receiver).poll(context);
        received.map(|answer| {
            self.done = true;
            answer.unwrap_or(Answer::Nonsense("no outcome of `validate`".into()))
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.done
            && let Some(cancel) = self.handle.functions.table.cancel
        {
            // SAFETY: the validator is alive: we hold it.
            unsafe { cancel(self.handle.validator.as_ptr(), self.id) };
        }
    }
}

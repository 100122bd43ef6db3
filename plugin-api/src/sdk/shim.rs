//! The adapter from a vendor's validator to the boundary: each call is guarded, scoped and runs
//! within the plugin's runtime.

use std::{mem::ManuallyDrop, sync::Arc};

use super::{
    Failure, TokenValidator, config, convert, guard, log, runtime,
    scope::{Instance, Scope},
};
use crate::newest::{self, HostRef, Outcome, Secret, Validator, Validator_TO, ValidatorBox};
use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{
        ROption, RResult,
        RResult::{RErr, ROk},
        RString,
    },
};
use async_ffi::{FfiFuture, FutureExt as _};

/// Creates a validator of type `V` for the host.
pub(crate) fn create<V: TokenValidator>(
    plugin_id: RString,
    config_json: &Secret,
    host: HostRef,
) -> RResult<ValidatorBox, newest::Failure> {
    let instance = Arc::new(Instance {
        id: plugin_id.into(),
        host,
    });
    log::install(&instance);
    let scope = Scope {
        instance: &instance,
        request_id: "",
    };
    let made = guard::catch(|| {
        scope.run(|| {
            let runtime = runtime::Shared::get().map_err(|error| {
                Failure::internal(format!("the plugin's runtime cannot be started: {error}"))
            })?;
            let entered = runtime.handle().enter();
            let config = config::parse(config_json.expose())?;
            let validator = V::create(config)?;
            drop(entered);
            Ok::<_, Failure>((validator, runtime))
        })
    });
    match made {
        Ok(Ok((validator, runtime))) => {
            let validator = ManuallyDrop::new(validator);
            let shim = Shim(Arc::new(Inner {
                validator,
                instance,
                runtime,
            }));
            ROk(Validator_TO::from_value(shim, TD_Opaque))
        }
        Ok(Err(failure)) => RErr(failure.into()),
        Err(panicked) => RErr(newest::Failure::panicked("create", &panicked)),
    }
}

/// The host's handle of a validator, which calls in progress share with it.
struct Shim<V: TokenValidator>(Arc<Inner<V>>);

struct Inner<V: TokenValidator> {
    // Dropped within a guard.
    validator: ManuallyDrop<V>,
    instance: Arc<Instance>,
    runtime: Arc<runtime::Shared>,
}

impl<V: TokenValidator> Drop for Inner<V> {
    fn drop(&mut self) {
        let scope = Scope {
            instance: &self.instance,
            request_id: "",
        };
        let validator = &mut self.validator;
        let runtime = self.runtime.handle();
        let dropped = guard::catch(|| {
            scope.run(|| {
                let _entered = runtime.enter();
                // SAFETY: this is the only place that drops the validator, it runs once, and
                // nothing uses the field after it.
                unsafe { ManuallyDrop::drop(validator) };
            });
        });
        if let Err(panicked) = dropped {
            scope.run(|| tracing::error!(%panicked, "dropping a validator panicked"));
        }
    }
}

impl<V: TokenValidator> Shim<V> {
    /// Starts `call` on the plugin's runtime. If starting it panics, that is the answer.
    fn start<T, F>(
        &self,
        request_id: String,
        on_panic: fn(&guard::Panicked) -> T,
        call: impl FnOnce(Arc<Inner<V>>) -> F,
    ) -> FfiFuture<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let inner = &self.0;
        let started = guard::catch(|| {
            let instance = Arc::clone(&inner.instance);
            let call = call(Arc::clone(inner));
            runtime::spawn(inner.runtime.handle(), call, instance, request_id, on_panic)
        });
        started.unwrap_or_else(|panicked| std::future::ready(on_panic(&panicked)).into_ffi())
    }
}

impl<V: TokenValidator> Validator for Shim<V> {
    fn try_validate(&self, request: &newest::Request) -> ROption<Outcome> {
        let inner = &*self.0;
        let scope = Scope {
            instance: &inner.instance,
            request_id: request.request_id.as_str(),
        };
        let answer = guard::catch(|| {
            scope.run(|| {
                let _entered = inner.runtime.handle().enter();
                convert::with_borrowed(request, |request| inner.validator.try_validate(request))
            })
        });
        match answer {
            Ok(answer) => answer.map(convert::outcome).into(),
            Err(panicked) => {
                ROption::RSome(RErr(newest::Failure::panicked("try_validate", &panicked)))
            }
        }
    }

    fn validate(&self, request: newest::Request) -> FfiFuture<Outcome> {
        self.start(
            request.request_id.as_str().to_owned(),
            |panicked| RErr(newest::Failure::panicked("validate", panicked)),
            |inner| async move { convert::outcome(inner.validator.validate(request.into()).await) },
        )
    }

    fn health(&self) -> FfiFuture<RResult<(), newest::Failure>> {
        self.start(
            String::new(),
            |panicked| RErr(newest::Failure::panicked("health", panicked)),
            |inner| async move {
                RResult::from(inner.validator.health().await).map_err(newest::Failure::from)
            },
        )
    }

    fn shutdown(&self) -> FfiFuture<()> {
        self.start(
            String::new(),
            |panicked| tracing::error!(%panicked, "shutting down a validator panicked"),
            |inner| async move { inner.validator.shutdown().await },
        )
    }
}

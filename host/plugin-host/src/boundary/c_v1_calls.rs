//! Calls of C plugins that wait for completion, and the host functions that such a plugin gets.
//!
//! A plugin gets a number as `ctx`, never a pointer: completing a call twice, late, or with an
//! invented number finds no call and does no harm.
#![expect(
    unsafe_code,
    reason = "a plugin hands over pointers, and the header says how long they live"
)]

use std::{
    borrow::Cow,
    collections::HashMap,
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use plugin_api::c_v1;
use secrecy::SecretString;

use super::{Accepted, Answer, Failure, FailureKind, MAX_TEXT_BYTES, plugin_log};

/// More scopes than any token has.
const MAX_SCOPES: usize = 1_024;

/// Takes the answer of one call.
pub(crate) type Finish = Box<dyn FnOnce(Answer) + Send>;

#[derive(Default)]
struct Pending {
    next: usize,
    calls: HashMap<usize, Finish>,
}

static PENDING: LazyLock<Mutex<Pending>> = LazyLock::new(Mutex::default);
/// Completions of calls that do not wait for any: a second one, or with an invented number.
static STRAY: AtomicUsize = AtomicUsize::new(0);
/// Calls of `try_validate` that completed and returned that they had not.
static CONTRADICTED: AtomicUsize = AtomicUsize::new(0);

/// The number of calls that wait for completion.
pub(crate) fn pending() -> usize {
    PENDING.lock().calls.len()
}

/// The number of completions so far that belonged to no call.
pub(crate) fn stray() -> usize {
    STRAY.load(Ordering::Relaxed)
}

/// The number of calls of `try_validate` so far that completed and returned 0.
pub(crate) fn contradictions() -> usize {
    CONTRADICTED.load(Ordering::Relaxed)
}

/// Counts a call of `try_validate` that completed and returned 0.
pub(crate) fn contradicted() {
    CONTRADICTED.fetch_add(1, Ordering::Relaxed);
}

/// Registers a call; the number goes to the plugin as `ctx`.
pub(crate) fn begin(finish: Finish) -> usize {
    let mut pending = PENDING.lock();
    pending.next += 1;
    let number = pending.next;
    pending.calls.insert(number, finish);
    number
}

/// Withdraws a call that the plugin will not complete.
pub(crate) fn withdraw(number: usize) {
    let finish = PENDING.lock().calls.remove(&number);
    drop(finish);
}

/// `tv_complete` of the host.
pub(crate) unsafe extern "C" fn complete(ctx: *mut c_void, outcome: *const c_v1::Outcome) {
    let finish = PENDING.lock().calls.remove(&ctx.addr());
    let Some(finish) = finish else {
        STRAY.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let taken = AssertUnwindSafe(|| {
        // SAFETY: the header promises that the outcome and what it points to live for this call.
        let answer = unsafe { answer(outcome) };
        finish(answer);
    });
    // Must not unwind into the plugin. The call is lost then, and its caller sees that.
    let _ = catch_unwind(taken);
}

/// Copies an answer.
///
/// # Safety
/// `outcome` is null or points to a `tv_outcome` that, with all it points to, lives for the call.
unsafe fn answer(outcome: *const c_v1::Outcome) -> Answer {
    if outcome.is_null() || !outcome.is_aligned() {
        return Answer::Nonsense("no outcome".into());
    }
    // SAFETY: not null, aligned; every version of the struct starts with its size.
    let size = unsafe { (&raw const (*outcome).size).read() };
    if size < size_of::<c_v1::Outcome>() {
        return Answer::Nonsense("an outcome that is too small".into());
    }
    // SAFETY: it has at least the size that we read.
    let outcome = unsafe { &*outcome };
    let text = |text| {
        // SAFETY: the caller's promise.
        unsafe { copy(text, MAX_TEXT_BYTES) }
    };
    let has = |bit: u32, value: u64| (outcome.has & bit != 0).then_some(value);
    if outcome.kind != c_v1::ACCEPTED {
        let or_note = |taken: Result<String, &'static str>| taken.unwrap_or_else(str::to_owned);
        let retry_after = has(c_v1::HAS_RETRY_AFTER, outcome.retry_after_ms);
        return Answer::Failed(Failure {
            kind: FailureKind::of(outcome.kind),
            retry_after: retry_after.map(Duration::from_millis),
            oauth_error: or_note(text(outcome.oauth_error)),
            log_detail: or_note(text(outcome.log_detail)),
            ext_json: or_note(text(outcome.ext_json)),
        });
    }
    let accepted = || {
        let token = text(outcome.resolved_token)?;
        Ok(Accepted {
            subject: text(outcome.subject)?,
            // SAFETY: the caller's promise.
            scopes: unsafe { scopes(outcome) }?,
            expires_at: has(c_v1::HAS_EXPIRES_AT, outcome.expires_at),
            cache_ttl_s: has(c_v1::HAS_CACHE_TTL, outcome.cache_ttl_s),
            resolved_token: (!token.is_empty()).then(|| SecretString::from(token)),
            claims_json: text(outcome.claims_json)?,
            ext_json: text(outcome.ext_json)?,
        })
    };
    match accepted() {
        Ok(accepted) => Answer::Accepted(accepted),
        Err(what) => Answer::Nonsense(Cow::Borrowed(what)),
    }
}

/// # Safety
/// As [`answer`].
unsafe fn scopes(outcome: &c_v1::Outcome) -> Result<Vec<String>, &'static str> {
    if outcome.scopes_len == 0 || outcome.scopes.is_null() {
        return Ok(Vec::new());
    }
    if outcome.scopes_len > MAX_SCOPES || !outcome.scopes.is_aligned() {
        return Err("too many scopes");
    }
    // SAFETY: not null, aligned, and the header promises that many.
    let scopes = unsafe { std::slice::from_raw_parts(outcome.scopes, outcome.scopes_len) };
    // SAFETY: the caller's promise.
    scopes
        .iter()
        .map(|scope| unsafe { copy(*scope, MAX_TEXT_BYTES) })
        .collect()
}

/// Copies a text.
///
/// # Safety
/// `text` points to as many bytes as it says, and they live for the call.
pub(crate) unsafe fn copy(text: c_v1::Str, limit: usize) -> Result<String, &'static str> {
    if text.len > limit {
        return Err("text that is too long");
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { text.bytes() };
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| "text that is not UTF-8")
}

/// The functions that the host offers to C plugins.
pub(crate) static HOST: c_v1::Host = c_v1::Host {
    size: size_of::<c_v1::Host>(),
    version: c_v1::VERSION,
    reserved: 0,
    log_enabled,
    log,
    info_json: c_v1::Str::lend(super::HOST_INFO),
};

unsafe extern "C" fn log_enabled(_: c_v1::Str, level: u32, _: c_v1::Str) -> u32 {
    catch_unwind(|| plugin_log::enabled(plugin_log::level(level))).map_or(0, u32::from)
}

unsafe extern "C" fn log(record: *const c_v1::LogRecord) {
    if record.is_null() || !record.is_aligned() {
        return;
    }
    // SAFETY: not null, aligned; every version of the struct starts with its size.
    if unsafe { (&raw const (*record).size).read() } < size_of::<c_v1::LogRecord>() {
        return;
    }
    // SAFETY: it has at least the size that we read, and lives for this call.
    let record = unsafe { &*record };
    let write = AssertUnwindSafe(|| {
        let text = |text: c_v1::Str| {
            let shown = c_v1::Str {
                ptr: text.ptr,
                len: text.len.min(MAX_TEXT_BYTES),
            };
            // SAFETY: the header promises that the text lives for this call; a part of it too.
            String::from_utf8_lossy(unsafe { shown.bytes() }).into_owned()
        };
        plugin_log::write(plugin_log::Record {
            plugin: &text(record.plugin_id),
            request_id: &text(record.request_id),
            level: plugin_log::level(record.level),
            target: &text(record.target),
            message: &text(record.message),
            fields: &text(record.fields),
        });
    });
    // Must not unwind into the plugin.
    let _ = catch_unwind(write);
}

#[cfg(test)]
mod tests {
    use std::{ptr, sync::Arc};

    use super::*;

    fn empty() -> c_v1::Outcome {
        c_v1::Outcome {
            size: size_of::<c_v1::Outcome>(),
            kind: c_v1::ACCEPTED,
            has: 0,
            subject: c_v1::Str::EMPTY,
            scopes: ptr::null(),
            scopes_len: 0,
            expires_at: 0,
            cache_ttl_s: 0,
            resolved_token: c_v1::Str::EMPTY,
            claims_json: c_v1::Str::EMPTY,
            retry_after_ms: 0,
            oauth_error: c_v1::Str::EMPTY,
            log_detail: c_v1::Str::EMPTY,
            ext_json: c_v1::Str::EMPTY,
        }
    }

    fn completed(outcome: *const c_v1::Outcome, times: usize) -> Vec<Answer> {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&answers);
        let number = begin(Box::new(move |answer| taken.lock().push(answer)));
        for _ in 0..times {
            // SAFETY: the outcome lives for the call.
            unsafe { complete(ptr::without_provenance_mut(number), outcome) };
        }
        std::mem::take(&mut *answers.lock())
    }

    #[test]
    fn an_answer_is_copied_whole() {
        let scopes = [c_v1::Str::lend("read"), c_v1::Str::lend("write")];
        let outcome = c_v1::Outcome {
            has: c_v1::HAS_EXPIRES_AT,
            subject: c_v1::Str::lend("ann"),
            scopes: scopes.as_ptr(),
            scopes_len: 2,
            expires_at: 7,
            cache_ttl_s: 9,
            resolved_token: c_v1::Str::lend("t"),
            ..empty()
        };
        let answers = completed(&raw const outcome, 1);
        let [Answer::Accepted(accepted)] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert_eq!(accepted.subject, "ann");
        assert_eq!(accepted.scopes, ["read", "write"]);
        assert_eq!((accepted.expires_at, accepted.cache_ttl_s), (Some(7), None));
        assert!(accepted.resolved_token.is_some());
    }

    #[test]
    fn a_call_is_completed_once_whatever_the_plugin_does() {
        let outcome = c_v1::Outcome { kind: 2, ..empty() };
        assert_eq!(completed(&raw const outcome, 3).len(), 1);
        // A number that was never issued.
        // SAFETY: the outcome lives for the call.
        unsafe { complete(ptr::without_provenance_mut(usize::MAX), &raw const outcome) };
    }

    #[test]
    fn nonsense_is_seen() {
        let small = c_v1::Outcome { size: 8, ..empty() };
        let bad = [0xff_u8, 0xfe];
        let not_text = c_v1::Outcome {
            subject: c_v1::Str {
                ptr: bad.as_ptr(),
                len: 2,
            },
            ..empty()
        };
        let huge = c_v1::Outcome {
            subject: c_v1::Str {
                ptr: bad.as_ptr(),
                len: usize::MAX,
            },
            ..empty()
        };
        let many = c_v1::Outcome {
            scopes: [c_v1::Str::EMPTY].as_ptr(),
            scopes_len: usize::MAX,
            ..empty()
        };
        for outcome in [
            ptr::null(),
            &raw const small,
            &raw const not_text,
            &raw const huge,
            &raw const many,
        ] {
            let answers = completed(outcome, 1);
            assert!(
                matches!(answers.as_slice(), [Answer::Nonsense(_)]),
                "{answers:?}"
            );
        }
        let unknown = c_v1::Outcome {
            kind: 4711,
            ..empty()
        };
        let answers = completed(&raw const unknown, 1);
        assert!(
            matches!(answers.as_slice(), [Answer::Failed(f)] if f.kind == FailureKind::Internal)
        );
    }
}

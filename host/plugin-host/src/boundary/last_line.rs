//! The last line of a server that a plugin inside it ended: the validator that was called, written
//! when the process crashes or exits on a thread of that validator.
//!
//! Also the end of a server that has plugins in it, whose exit handlers may hang.
#![expect(
    unsafe_code,
    reason = "signal handlers, exit handlers and an exit without them are functions of C"
)]

use std::{
    cell::Cell,
    collections::HashSet,
    ffi::{c_int, c_void},
    io::{self, Write},
    mem::MaybeUninit,
    process::ExitCode,
    ptr,
    sync::{
        LazyLock, Once,
        atomic::{AtomicPtr, Ordering},
    },
};

use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, siginfo_t};
use parking_lot::Mutex;

/// The signals of a crash, and their names.
const SIGNALS: [(c_int, &str); 6] = [
    (SIGABRT, "SIGABRT"),
    (SIGBUS, "SIGBUS"),
    (SIGFPE, "SIGFPE"),
    (SIGILL, "SIGILL"),
    (SIGSEGV, "SIGSEGV"),
    (SIGSYS, "SIGSYS"),
];

const ADVICE: &str =
    "; without `PLUGIN_ISOLATION=in-process` only its own process would have ended\n";

thread_local! {
    /// The validator that this thread runs. Needs no initialisation and has no destructor, so that a
    /// signal handler may read it.
    static VALIDATOR: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The libraries inside this process, for a crash on a thread that one of them started.
static LIBRARIES: AtomicPtr<&'static str> = AtomicPtr::new(ptr::null_mut());
static INSTALL: Once = Once::new();
/// Text that handlers may read at any time is never freed; each text is kept once.
static TEXTS: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
/// The handlers that were there before: the standard library's for stack overflows, for one.
static BEFORE: Mutex<[Option<libc::sigaction>; SIGNALS.len()]> =
    Mutex::new([const { None }; SIGNALS.len()]);

fn kept(text: String) -> &'static str {
    let mut texts = TEXTS.lock();
    match texts.get(text.as_str()) {
        Some(text) => text,
        None => {
            let text: &'static str = Box::leak(text.into_boxed_str());
            texts.insert(text);
            text
        }
    }
}

/// Marks this thread as one that runs nothing but the validator `name`.
pub(crate) fn runs(name: &str) {
    VALIDATOR.set(Some(kept(format!("validator `{name}`"))));
}

/// Names `library` among those inside this process, and installs the handlers.
pub(crate) fn inside(library: &str) {
    let before = LIBRARIES.load(Ordering::Acquire);
    // SAFETY: what was stored is a leaked box, or null.
    let before = unsafe { before.as_ref() };
    let text = match before {
        None => kept(library.to_owned()),
        Some(libraries) if libraries.split(", ").any(|one| one == library) => libraries,
        Some(libraries) => kept(format!("{libraries}, {library}")),
    };
    LIBRARIES.store(Box::leak(Box::new(text)), Ordering::Release);
    INSTALL.call_once(install);
}

fn install() {
    let mut before = BEFORE.lock();
    for (slot, (signal, _)) in before.iter_mut().zip(SIGNALS) {
        let mut old = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: an all-zero sigaction is valid; the handler has the signature of SA_SIGINFO and
        // calls nothing that is not async-signal-safe; `old` is read only if it was written.
        unsafe {
            let mut new: libc::sigaction = std::mem::zeroed();
            new.sa_sigaction = on_signal as *const () as usize;
            // The stack may be what overflowed.
            new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut new.sa_mask);
            if libc::sigaction(signal, &raw const new, old.as_mut_ptr()) == 0 {
                *slot = Some(old.assume_init());
            }
        }
    }
    // SAFETY: the handler has the signature that is asked for and stays.
    unsafe {
        libc::atexit(on_exit);
    }
}

extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    let at = SIGNALS.iter().position(|(number, _)| *number == signal);
    let Some(at) = at else { return };
    say_who();
    write(" crashed the server with ");
    write(SIGNALS[at].1);
    write(ADVICE);
    let before = BEFORE.try_lock().and_then(|before| before[at]);
    // SAFETY: sigaction and raise are async-signal-safe; the action was the kernel's own word, or is
    // all zero, which is the default action; `info` is the kernel's.
    unsafe {
        // A fault happens again when this returns, and meets the handler from before. A signal that
        // was sent, as by `abort`, does not, and that handler would swallow it.
        let sent = (*info).si_code <= 0;
        let before = before.filter(|_| !sent);
        let before = before.unwrap_or_else(|| std::mem::zeroed());
        libc::sigaction(signal, &raw const before, ptr::null_mut());
        if sent {
            libc::raise(signal);
        }
    }
}

extern "C" fn on_exit() {
    if VALIDATOR.get().is_some() {
        say_who();
        write(" ended the server by `exit`");
        write(ADVICE);
    }
}

/// Writes the beginning of the line.
fn say_who() {
    match VALIDATOR.get() {
        Some(validator) => {
            write("error: ");
            write(validator);
        }
        None => {
            write(
                "error: a thread that runs no validator, but may be of a library in this process (",
            );
            // SAFETY: what was stored is a leaked box, or null.
            if let Some(libraries) = unsafe { LIBRARIES.load(Ordering::Acquire).as_ref() } {
                write(libraries);
            }
            write("),");
        }
    }
}

fn write(text: &str) {
    // SAFETY: the buffer is valid for its length. If it cannot be written, nobody reads it.
    unsafe {
        libc::write(2, text.as_ptr().cast(), text.len());
    }
}

/// Ends the process with `status`. With plugins in it, without their exit handlers: they may hang,
/// and a thread that hangs in the dynamic linker holds a lock that an orderly exit takes.
pub fn leave(status: ExitCode) -> ExitCode {
    if !INSTALL.is_completed() {
        return status;
    }
    // Nobody reads what cannot be written.
    let _ = io::stdout().flush();
    let number = (0..=u8::MAX).find(|number| ExitCode::from(*number) == status);
    // SAFETY: has no preconditions.
    unsafe { libc::_exit(number.unwrap_or(1).into()) }
}

//! Reports a vendor's panics to the host's log, with their source location.
//!
//! Never includes text that was formatted at run time: the message of an `unwrap` on an error may
//! contain a token.

use std::{
    cell::RefCell,
    panic::{self, PanicHookInfo},
    sync::Once,
};

thread_local! {
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Replaces this library's panic hook. A plugin has a standard library of its own, so the host's
/// hook stays as it is.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(report)));
}

/// Takes the location of the last panic on this thread.
pub(crate) fn take_location() -> Option<String> {
    LOCATION
        .try_with(|location| location.try_borrow_mut().ok()?.take())
        .ok()
        .flatten()
}

fn report(info: &PanicHookInfo<'_>) {
    let location = info
        .location()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string);
    tracing::error!(target: "panic", %location, message = literal(info), "validator panicked");
    let _ = LOCATION.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(location);
        }
    });
}

/// The message, if it is a literal in the source.
fn literal<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    info.payload()
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("[text withheld]")
}

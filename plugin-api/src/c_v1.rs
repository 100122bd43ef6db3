//! The types of `include/token_validator.h` for the host, as its newest version has them.
//!
//! Owns layouts, nothing else; the header documents the meaning and the ownership of each field.
//! A test compiles the header and compares every offset. Frozen like [`crate::v1_0`]: a later version
//! adds fields at the end of a struct, whose `size` says what is there.
#![expect(unsafe_code, reason = "values from C are raw pointers")]

use std::{ffi::c_void, ptr, slice};

/// The symbol that a plugin exports, an [`Entry`].
pub const ENTRY_NAME_WITH_NUL: &[u8] = b"datahub_mcp_token_validator_v1\0";

/// The version of the header: 1 is API 1.0, 2 is API 1.1.
pub const VERSION: u32 = 2;

/// `TV_ACCEPTED`. The other kinds have the numbers of [`crate::v1_0::FailKind`].
pub const ACCEPTED: u32 = 0;

/// `TV_HAS_EXPIRES_AT`.
pub const HAS_EXPIRES_AT: u32 = 1;
/// `TV_HAS_CACHE_TTL`.
pub const HAS_CACHE_TTL: u32 = 2;
/// `TV_HAS_RETRY_AFTER`.
pub const HAS_RETRY_AFTER: u32 = 4;

/// The function behind [`ENTRY_NAME_WITH_NUL`].
pub type Entry = unsafe extern "C" fn() -> *const Plugin;

/// `tv_str`: borrowed text; that it is UTF-8 is promised, not checked.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Str {
    /// `len` bytes; may be null if `len` is 0.
    pub ptr: *const u8,
    /// The length in bytes.
    pub len: usize,
}

impl Str {
    /// The empty text.
    pub const EMPTY: Self = Self {
        ptr: ptr::null(),
        len: 0,
    };

    /// Lends `text`. The value must not be used after `text` is gone.
    pub const fn lend(text: &str) -> Self {
        Self {
            ptr: text.as_ptr(),
            len: text.len(),
        }
    }

    /// The bytes.
    ///
    /// # Safety
    /// `ptr` points to `len` bytes that live and do not change for `'a`, unless `len` is 0.
    pub const unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: promised by the caller; neither empty nor null.
        unsafe { slice::from_raw_parts(self.ptr, self.len) }
    }
}

/// `tv_request`.
#[repr(C)]
#[derive(Debug)]
pub struct Request {
    /// Size of the struct as its maker knows it, in bytes.
    pub size: usize,
    /// The bearer token.
    pub token: Str,
    /// The host's id of the HTTP request.
    pub request_id: Str,
    /// The time that the host waits for the answer, in milliseconds.
    pub deadline_ms: u64,
    /// Reserved for extensions.
    pub ext_json: Str,
}

/// `tv_outcome`.
#[repr(C)]
#[derive(Debug)]
pub struct Outcome {
    /// Size of the struct as its maker knows it, in bytes.
    pub size: usize,
    /// [`ACCEPTED`] or a number of [`crate::v1_0::FailKind`].
    pub kind: u32,
    /// The bits `HAS_...` of the optional numbers that are set.
    pub has: u32,
    /// The person that the token belongs to.
    pub subject: Str,
    /// `scopes_len` scopes; may be null if there are none.
    pub scopes: *const Str,
    /// Number of scopes.
    pub scopes_len: usize,
    /// The expiry of the token, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// The time for which the host may cache the answer, in seconds.
    pub cache_ttl_s: u64,
    /// The token that the host sends to DataHub.
    pub resolved_token: Str,
    /// Claims to keep.
    pub claims_json: Str,
    /// The time after which to try again, in milliseconds.
    pub retry_after_ms: u64,
    /// An error code of RFC 6750 section 3.1.
    pub oauth_error: Str,
    /// The text for the host's log.
    pub log_detail: Str,
    /// Reserved for extensions.
    pub ext_json: Str,
}

/// `tv_complete`.
pub type Complete = unsafe extern "C" fn(ctx: *mut c_void, outcome: *const Outcome);

/// `tv_log_record`.
#[repr(C)]
#[derive(Debug)]
pub struct LogRecord {
    /// Size of the struct as its maker knows it, in bytes.
    pub size: usize,
    /// The instance, as named in `create`.
    pub plugin_id: Str,
    /// The request that the record belongs to.
    pub request_id: Str,
    /// A number of [`crate::v1_0::LogLevel`].
    pub level: u32,
    /// 0.
    pub reserved: u32,
    /// The part of the plugin that logs.
    pub target: Str,
    /// The text.
    pub message: Str,
    /// `name=value name=value`.
    pub fields: Str,
}

/// `tv_host`.
#[repr(C)]
#[derive(Debug)]
pub struct Host {
    /// Size of the struct as its maker knows it, in bytes.
    pub size: usize,
    /// [`VERSION`].
    pub version: u32,
    /// 0.
    pub reserved: u32,
    /// Says whether such a record would be written: 0 or 1.
    pub log_enabled: unsafe extern "C" fn(plugin_id: Str, level: u32, target: Str) -> u32,
    /// Writes a record.
    pub log: unsafe extern "C" fn(record: *const LogRecord),
    /// Since version 2: the description of the host.
    pub info_json: Str,
}

// SAFETY: the text lives until the process ends and never changes.
unsafe impl Sync for Host {}

/// `tv_factory`.
#[repr(C)]
#[derive(Debug)]
pub struct Factory {
    /// Size of the struct as its maker knows it, in bytes.
    pub size: usize,
    /// Its name.
    pub name: Str,
    /// JSON Schema of its options.
    pub schema_json: Str,
    /// Reserved for extensions.
    pub ext_json: Str,
}

/// `tv_validator`: owned by the plugin, opaque to the host.
#[repr(C)]
#[derive(Debug)]
pub struct RawValidator {
    _opaque: [u8; 0],
}

/// `tv_plugin`. All functions are optional in this type, even those that the header requires: the
/// host checks for them.
#[repr(C)]
#[derive(Debug)]
pub struct Plugin {
    /// Size of the struct as its maker knows it, in bytes.
    pub size: usize,
    /// Version of the header that the plugin was built with.
    pub version: u32,
    /// 0.
    pub reserved: u32,
    /// The description of the library.
    pub info_json: Str,
    /// `factories_len` factories.
    pub factories: *const Factory,
    /// Number of factories.
    pub factories_len: usize,
    /// Creates a validator. Required.
    pub create: Option<
        unsafe extern "C" fn(
            plugin_id: Str,
            factory: Str,
            config_json: Str,
            host: *const Host,
            failed: Complete,
            ctx: *mut c_void,
        ) -> *mut RawValidator,
    >,
    /// Answers from memory.
    pub try_validate: Option<
        unsafe extern "C" fn(
            validator: *mut RawValidator,
            request: *const Request,
            complete: Complete,
            ctx: *mut c_void,
        ) -> u32,
    >,
    /// Starts a call. Required.
    pub validate: Option<
        unsafe extern "C" fn(
            validator: *mut RawValidator,
            call_id: u64,
            request: *const Request,
            complete: Complete,
            ctx: *mut c_void,
        ),
    >,
    /// Cancels a call.
    pub cancel: Option<unsafe extern "C" fn(validator: *mut RawValidator, call_id: u64)>,
    /// Says whether the validator could answer now.
    pub health: Option<
        unsafe extern "C" fn(validator: *mut RawValidator, complete: Complete, ctx: *mut c_void),
    >,
    /// Revokes tokens and flushes state.
    pub shutdown: Option<
        unsafe extern "C" fn(validator: *mut RawValidator, complete: Complete, ctx: *mut c_void),
    >,
    /// Frees the validator. Required.
    pub destroy: Option<unsafe extern "C" fn(validator: *mut RawValidator)>,
}

// SAFETY: the header promises that the table and everything it points to live until the process
// ends and never change; the functions may be called from any thread.
unsafe impl Send for Plugin {}
// SAFETY: as above.
unsafe impl Sync for Plugin {}

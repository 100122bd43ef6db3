//! The C header and `plugin_api::c_v1` are the same: every field in the same order, at the same
//! offset, of the same size, as gcc and rustc lay them out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper that fails fails the test"
)]

use std::{
    fmt::Write as _,
    mem::{align_of, offset_of, size_of},
    path::Path,
    process::Command,
};

use plugin_api::c_v1::{self, Factory, Host, LogRecord, Outcome, Plugin, Request, Str};

const HEADER: &str = include_str!("../include/token_validator.h");

/// One struct as both sides know it: its name in C, size, alignment, and its fields' offsets.
struct Layout {
    name: &'static str,
    size: usize,
    align: usize,
    fields: Vec<(&'static str, usize)>,
}

macro_rules! layout {
    ($c:literal, $rust:ty, $($field:ident),+) => {
        Layout {
            name: $c,
            size: size_of::<$rust>(),
            align: align_of::<$rust>(),
            fields: vec![$((stringify!($field), offset_of!($rust, $field))),+],
        }
    };
}

fn layouts() -> Vec<Layout> {
    vec![
        layout!("tv_str", Str, ptr, len),
        layout!(
            "tv_request",
            Request,
            size,
            token,
            request_id,
            deadline_ms,
            ext_json
        ),
        layout!(
            "tv_outcome",
            Outcome,
            size,
            kind,
            has,
            subject,
            scopes,
            scopes_len,
            expires_at,
            cache_ttl_s,
            resolved_token,
            claims_json,
            retry_after_ms,
            oauth_error,
            log_detail,
            ext_json
        ),
        layout!(
            "tv_log_record",
            LogRecord,
            size,
            plugin_id,
            request_id,
            level,
            reserved,
            target,
            message,
            fields
        ),
        layout!(
            "tv_host",
            Host,
            size,
            version,
            reserved,
            log_enabled,
            log,
            info_json
        ),
        layout!("tv_factory", Factory, size, name, schema_json, ext_json),
        layout!(
            "tv_plugin",
            Plugin,
            size,
            version,
            reserved,
            info_json,
            factories,
            factories_len,
            create,
            try_validate,
            validate,
            cancel,
            health,
            shutdown,
            destroy
        ),
    ]
}

/// The fields of `struct name`, as the text of the header declares them.
fn declared(name: &str) -> Vec<String> {
    let code = without_comments(HEADER);
    let start = code
        .find(&format!("typedef struct {name} {{"))
        .unwrap_or_else(|| panic!("{name}"));
    let body = &code[start..];
    let body = &body[body.find('{').unwrap() + 1..body.find('}').unwrap()];
    body.split(';')
        .map(str::trim)
        .filter(|field| !field.is_empty())
        .map(|field| {
            // A pointer to a function names itself in its first parentheses.
            let name = match field.find("(*") {
                Some(at) => &field[at + 2..field[at..].find(')').unwrap() + at],
                None => field.rsplit([' ', '*']).next().unwrap(),
            };
            name.to_owned()
        })
        .collect()
}

fn without_comments(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        code.push_str(&rest[..start]);
        rest = &rest[start + rest[start..].find("*/").unwrap() + 2..];
    }
    code + rest
}

fn compile(compiler: &str, args: &[&str], source: &Path, output: &Path) {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/include");
    let result = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-I", include])
        .args(args)
        .arg(source)
        .arg("-o")
        .arg(output)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(
        result.status.success(),
        "{}",
        String::from_utf8_lossy(&result.stderr)
    );
}

#[test]
fn the_header_declares_what_rust_declares() {
    for layout in layouts() {
        let rust: Vec<_> = layout
            .fields
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(declared(layout.name), rust, "{}", layout.name);
    }
    let structs = without_comments(HEADER).matches("typedef struct").count();
    // `tv_validator` is opaque.
    assert_eq!(structs, layouts().len() + 1);
}

#[test]
fn c_lays_out_what_rust_lays_out() {
    let mut program =
        String::from("#include <stdio.h>\n#include \"token_validator.h\"\nint main(void) {\n");
    let mut expected = String::new();
    for layout in layouts() {
        let name = layout.name;
        writeln!(
            program,
            "struct align_{name} {{ char c; {name} x; }};\n\
             printf(\"{name} %zu %zu\\n\", sizeof({name}), offsetof(struct align_{name}, x));"
        )
        .unwrap();
        writeln!(expected, "{name} {} {}", layout.size, layout.align).unwrap();
        for (field, offset) in &layout.fields {
            writeln!(
                program,
                "printf(\"{name}.{field} %zu\\n\", offsetof({name}, {field}));"
            )
            .unwrap();
            writeln!(expected, "{name}.{field} {offset}").unwrap();
        }
    }
    for (constant, value) in [
        ("TV_VERSION", c_v1::VERSION),
        ("TV_ACCEPTED", c_v1::ACCEPTED),
        ("TV_NOT_MINE", plugin_api::v1_0::FailKind::NOT_MINE.0),
        ("TV_REJECTED", plugin_api::v1_0::FailKind::REJECTED.0),
        ("TV_UNAVAILABLE", plugin_api::v1_0::FailKind::UNAVAILABLE.0),
        (
            "TV_MISCONFIGURED",
            plugin_api::v1_0::FailKind::MISCONFIGURED.0,
        ),
        ("TV_INTERNAL", plugin_api::v1_0::FailKind::INTERNAL.0),
        ("TV_PANICKED", plugin_api::v1_0::FailKind::PANICKED.0),
        ("TV_HAS_EXPIRES_AT", c_v1::HAS_EXPIRES_AT),
        ("TV_HAS_CACHE_TTL", c_v1::HAS_CACHE_TTL),
        ("TV_HAS_RETRY_AFTER", c_v1::HAS_RETRY_AFTER),
        ("TV_ERROR", plugin_api::v1_0::LogLevel::ERROR.0),
        ("TV_TRACE", plugin_api::v1_0::LogLevel::TRACE.0),
    ] {
        writeln!(program, "printf(\"{constant} %u\\n\", {constant});").unwrap();
        writeln!(expected, "{constant} {value}").unwrap();
    }
    program.push_str("return 0;\n}\n");

    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = dir.join("layout.c");
    let binary = dir.join("layout");
    std::fs::write(&source, program).unwrap();
    compile("cc", &["-std=c11"], &source, &binary);
    let output = Command::new(&binary).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn the_header_is_c99_and_cpp() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = dir.join("header.c");
    std::fs::write(
        &source,
        "#include \"token_validator.h\"\nint unused_unit;\n",
    )
    .unwrap();
    compile("cc", &["-std=c99", "-c"], &source, &dir.join("header99.o"));
    // A linker brings a C compiler along, but not always one for C++.
    if Command::new("c++").arg("--version").output().is_ok() {
        let args = ["-x", "c++", "-std=c++11", "-c"];
        compile("c++", &args, &source, &dir.join("headerpp.o"));
    }
}

/// What a plugin of the first header reads and writes has kept its place.
#[test]
fn the_first_version_is_a_part_of_this_one() {
    for (name, now, then) in [
        ("tv_host.log_enabled", offset_of!(Host, log_enabled), 16),
        ("tv_host.log", offset_of!(Host, log), 24),
        ("tv_host.info_json", offset_of!(Host, info_json), 32),
        ("tv_plugin", size_of::<Plugin>(), 104),
        ("tv_factory", size_of::<Factory>(), 56),
        ("tv_request", size_of::<Request>(), 64),
        ("tv_outcome", size_of::<Outcome>(), 152),
        ("tv_log_record", size_of::<LogRecord>(), 96),
    ] {
        assert_eq!(now, then, "{name}");
    }
}

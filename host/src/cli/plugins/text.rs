//! Reports about plugins as text for people.

use std::{fmt::Write, path::PathBuf};

use plugin_host::tools::{Attempt, CheckResult, FactoryReport, Inspection, Listed};

/// The number of exported symbols that are shown.
const MAX_EXPORTS: usize = 20;

// Writing to a string cannot fail; the results are dropped for that reason.

pub(super) fn list(directories: &[PathBuf], listed: &[Listed]) -> String {
    let mut out = String::new();
    if listed.is_empty() {
        let places: Vec<_> = directories
            .iter()
            .map(|dir| dir.display().to_string())
            .collect();
        let _ = writeln!(out, "no libraries in {}", places.join(", "));
    }
    for one in listed {
        let _ = writeln!(out, "{}", one.name);
        let _ = writeln!(out, "  file    {}", one.file.display());
        if let Some(size) = one.size {
            let _ = writeln!(out, "  size    {size}");
        }
        if let Some(sha256) = &one.sha256 {
            let _ = writeln!(out, "  sha256  {sha256}");
        }
        let verdict = one.problem.as_deref().unwrap_or("trusted, whole");
        let _ = writeln!(out, "  verdict {verdict}");
    }
    out
}

pub(super) fn inspection(report: &Inspection) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{name:<12}{value}");
        }
    };
    line("file", &report.file.display().to_string());
    line(
        "size",
        &report.size.map(|size| size.to_string()).unwrap_or_default(),
    );
    line("sha256", report.sha256.as_deref().unwrap_or_default());
    line("ownership", &report.ownership);
    line("name", report.name.as_deref().unwrap_or_default());
    line("version", report.version.as_deref().unwrap_or_default());
    line("plugin API", report.api.as_deref().unwrap_or_default());
    line("compiler", &report.compilers.join("; "));
    line("links", &report.needed.join(", "));
    let shown = report.exports.len().min(MAX_EXPORTS);
    let mut exports = report.exports[..shown].join(", ");
    if report.exports.len() > shown {
        let _ = write!(exports, " and {} more", report.exports.len() - shown);
    }
    line("exports", &exports);
    let tls = if report.static_tls {
        "static (few such libraries can be loaded)"
    } else {
        "dynamic"
    };
    line("TLS", &format!("{tls}, {} bytes", report.tls_bytes));
    line("sandbox", report.sandbox.as_deref().unwrap_or_default());
    for one in &report.factories {
        factory(&mut out, one);
    }
    match &report.because {
        None => out.push_str("would load: yes\n"),
        Some(reason) => {
            let _ = writeln!(out, "would load: no, {reason}");
        }
    }
    out
}

fn factory(out: &mut String, factory: &FactoryReport) {
    let _ = writeln!(out, "\nvalidator {}", factory.name);
    if factory.options.is_empty() {
        out.push_str("  takes no options\n");
    }
    for option in &factory.options {
        let mut notes = vec![option.r#type.clone()];
        if !option.choices.is_empty() {
            notes.push(format!("one of {}", option.choices.join(", ")));
        }
        if option.required {
            notes.push("required".to_owned());
        }
        if option.secret {
            notes.push("secret, `@/path/to/file` reads it from there".to_owned());
        }
        if let Some(default) = &option.default {
            notes.push(format!("default {default}"));
        }
        if let Some(env) = &option.env {
            notes.push(format!("set by {env}"));
        }
        let _ = writeln!(out, "  {} ({})", option.name, notes.join("; "));
        for text in option.description.iter().flat_map(|text| text.lines()) {
            let _ = writeln!(out, "      {text}");
        }
    }
    if let Some(needs) = &factory.needs {
        let _ = writeln!(out, "  needs {needs}");
    }
    out.push('\n');
}

pub(super) fn attempt(attempt: &Attempt) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{name:<12}{value}");
        }
    };
    line("validator", &attempt.validator);
    line("outcome", &attempt.outcome);
    line("detail", &attempt.detail);
    line("subject", attempt.subject.as_deref().unwrap_or_default());
    line("scopes", &attempt.scopes.join(" "));
    line(
        "expires",
        &attempt
            .expires_at
            .map(|at| at.to_string())
            .unwrap_or_default(),
    );
    line("extensions", &attempt.extensions);
    line("presented", &format!("sha256 {}...", attempt.token));
    if let Some(token) = &attempt.datahub_token {
        line("for DataHub", &format!("sha256 {token}..."));
    }
    line("took", &format!("{} us", attempt.us));
    line("health", &attempt.health);
    out
}

pub(super) fn check(check: &CheckResult) -> String {
    let dash = if check.detail.is_empty() { "" } else { ": " };
    format!("{:<5}{}{dash}{}\n", check.result, check.name, check.detail)
}

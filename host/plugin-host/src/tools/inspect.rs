//! `plugins inspect`: everything known about one file, and whether it would load.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    CHILD_LIMIT,
    describe::{self, Described},
    resolve,
};
use crate::{
    SandboxMode, Sha256Digest,
    boundary::description::Description,
    isolation::sandbox,
    library::{check, elf},
    options::{assemble::is_secret, schema::Schema},
};

/// The facts about a file.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub size: Option<usize>,
    /// Its SHA-256 checksum in hexadecimal digits.
    pub sha256: Option<String>,
    /// `trusted`, or who else could have written it.
    pub ownership: String,
    /// The name of the plugin, as it reports it.
    pub name: Option<String>,
    /// The version of the plugin, as it reports it.
    pub version: Option<String>,
    /// The version of the plugin API.
    pub api: Option<String>,
    /// Everything else in its description.
    pub info: Value,
    /// The compilers and linkers that left their name in the file.
    pub compilers: Vec<String>,
    /// The libraries that it needs.
    pub needed: Vec<String>,
    /// The symbols that it exports.
    pub exports: Vec<String>,
    /// True if it needs static space for its thread-local variables; few such libraries can be
    /// loaded.
    pub static_tls: bool,
    /// The size of its thread-local variables in bytes.
    pub tls_bytes: u64,
    /// The validators that it can make.
    pub factories: Vec<FactoryReport>,
    /// The sandbox in which it was loaded to describe itself.
    pub sandbox: Option<String>,
    /// True if the server would load it.
    pub would_load: bool,
    /// The reason it would not.
    pub because: Option<String>,
}

/// One validator that a library can make.
#[derive(Debug, Serialize)]
pub struct FactoryReport {
    /// Its name.
    pub name: String,
    /// Its options.
    pub options: Vec<OptionReport>,
    /// What its library declares that it uses of the system, in words; nothing if that is invalid.
    pub needs: Option<String>,
    /// The JSON Schema of its options.
    pub schema: Value,
}

/// One option of a validator.
#[derive(Debug, Serialize)]
pub struct OptionReport {
    /// Its name.
    pub name: String,
    /// Its type.
    pub r#type: String,
    /// Its allowed values, if it is one of several words.
    pub choices: Vec<String>,
    /// True if it must be set.
    pub required: bool,
    /// Its value if it is not set.
    pub default: Option<Value>,
    /// The environment variable that fills it.
    pub env: Option<String>,
    /// True if its value is never printed.
    pub secret: bool,
    /// Its purpose.
    pub description: Option<String>,
}

/// Examines `library`, a path or a name; a child process loads it, in the sandbox that `mode` asks for.
///
/// # Errors
/// If there is no such file.
pub fn inspect(
    directories: &[PathBuf],
    library: &str,
    mode: SandboxMode,
) -> Result<Inspection, String> {
    let found = resolve(directories, library).map_err(|error| error.to_string())?;
    let path = found.path();
    if let Err(error) = path.symlink_metadata() {
        return Err(format!("{}: {error}", path.display()));
    }
    let owned = check::owned(&found);
    let target = owned.as_ref().map_or_else(|_| path.clone(), Clone::clone);
    let content = check::read(&target).map(|(bytes, _)| bytes);
    let is_elf = content
        .as_ref()
        .is_ok_and(|bytes| elf::check(bytes).is_ok());
    let summary = match &content {
        Ok(bytes) if is_elf => elf::summary(bytes),
        _ => elf::Summary::default(),
    };
    let outcome = check::check(&found, None)
        .map_err(|error| error.to_string())
        .and_then(|_| {
            describe::ask_child(&path, mode, CHILD_LIMIT).map_err(|error| error.to_string())
        });
    let (description, sandbox, because) = match outcome {
        Ok(described) => {
            let Described {
                description,
                sandbox,
            } = described;
            let wrong = description
                .factories
                .iter()
                .find_map(|(_, schema)| sandbox::told_needs(&description.info, schema).err());
            (Some(description), Some(sandbox), wrong)
        }
        Err(reason) => (None, None, Some(reason)),
    };
    let said = |member: &str| {
        let info = &description.as_ref()?.info;
        info.get(member)?.as_str().map(str::to_owned)
    };
    Ok(Inspection {
        size: content.as_ref().ok().map(|bytes| bytes.len()),
        sha256: content
            .as_ref()
            .ok()
            .map(|bytes| Sha256Digest::of(bytes).to_string()),
        ownership: owned.map_or_else(|error| error.to_string(), |_| "trusted".to_owned()),
        name: said("name"),
        version: said("version"),
        api: description
            .as_ref()
            .map(|description| description.api.clone()),
        info: description
            .as_ref()
            .map_or(Value::Null, |d| Value::Object(d.info.clone())),
        compilers: summary.compilers,
        needed: summary.needed,
        exports: summary.exports,
        static_tls: summary.static_tls,
        tls_bytes: summary.tls_bytes,
        factories: description.map(factories).unwrap_or_default(),
        sandbox,
        would_load: because.is_none(),
        because,
        file: path,
    })
}

fn factories(description: Description) -> Vec<FactoryReport> {
    let Description {
        info, factories, ..
    } = description;
    let each = factories.into_iter();
    each.map(|factory| report(&info, factory)).collect()
}

fn report(info: &Map<String, Value>, (name, schema): (String, Value)) -> FactoryReport {
    let view = Schema::new(&schema);
    let required = view.required();
    let options = view
        .properties()
        .into_iter()
        .map(|(option, property)| {
            let text = |keyword: &str| {
                view.annotation(property, keyword)
                    .and_then(Value::as_str)
                    .map(str::to_owned)
            };
            let secret = is_secret(view, property);
            OptionReport {
                name: option.to_owned(),
                r#type: view.type_name(property),
                choices: view.choices(property),
                required: required.contains(&option),
                default: view
                    .annotation(property, "default")
                    .filter(|value| !secret && !value.is_null())
                    .cloned(),
                env: Some(view.variables(property).join(", ")).filter(|names| !names.is_empty()),
                secret,
                description: text("description"),
            }
        })
        .collect();
    FactoryReport {
        name,
        options,
        needs: sandbox::told_needs(info, &schema).ok(),
        schema,
    }
}

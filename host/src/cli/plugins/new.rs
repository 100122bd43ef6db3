//! `plugins new` and `plugins header`: the start of a plugin, from the templates that the tests build.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::ValueEnum;

/// The C header of the plugin API.
pub(super) const HEADER: &str = include_str!("../../../../plugin-api/include/token_validator.h");
/// The place of the header in the templates, as these lie in the repository.
const INCLUDE_IN_REPOSITORY: &str = "../../include";
/// The name that the templates have.
const TEMPLATE_NAME: &str = "my_validator";
/// The dependency of the template in Rust, as it lies in the repository.
const PATH_IN_REPOSITORY: &str = r#"path = "../..""#;
const REPOSITORY: &str = "https://github.com/datahub-mcp/datahub-mcp";
const MAX_NAME_BYTES: usize = 64;
/// Words that cargo refuses as the name of a package.
const RESERVED: [&str; 56] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "plugin_api",
];

/// The languages that have a template.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Language {
    /// With the SDK: async code, options from a type, guards around panics.
    Rust,
    /// With the C header, answers at once and from threads.
    C,
    /// With the C header, answers at once and from goroutines.
    Go,
}

macro_rules! template {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$((
            $file,
            include_str!(concat!("../../../../plugin-api/template/", $folder, "/", $file)),
        )),+]
    };
}

impl Language {
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => template!["rust":
                "Cargo.toml", "README.md", "src/lib.rs", ".gitignore", ".github/workflows/ci.yml"],
            Self::C => template!["c": "Makefile", "README.md", "my_validator.c", ".gitignore"],
            Self::Go => template!["go":
                "go.mod", "README.md", "validator.go", "bridge.c", "bridge.h", ".gitignore"],
        }
    }
}

/// Writes the project `name` in a new directory of that name, in `parent`. Returns the directory.
///
/// # Errors
/// If the name cannot be one, or the directory exists or cannot be written.
pub(super) fn project(
    language: Language,
    name: &str,
    plugin_api: Option<&Path>,
    parent: &Path,
) -> Result<PathBuf, String> {
    let identifier = identifier(name)?;
    let dependency = match plugin_api {
        Some(path) => by_path(path)?,
        None => by_git(),
    };
    let dir = parent.join(name);
    let failed = |path: &Path, error: &io::Error| format!("{}: {error}", path.display());
    // Fails where there is something already, so that nothing is overwritten.
    fs::create_dir(&dir).map_err(|error| failed(&dir, &error))?;
    let header = ("include/token_validator.h", HEADER);
    let header = (!matches!(language, Language::Rust)).then_some(header);
    for (file, text) in language.files().iter().copied().chain(header) {
        let path = dir.join(file.replace(TEMPLATE_NAME, &identifier));
        let text = text
            .replace(TEMPLATE_NAME, &identifier)
            .replace(PATH_IN_REPOSITORY, &dependency)
            .replace(INCLUDE_IN_REPOSITORY, "include");
        write(&path, &text).map_err(|error| failed(&path, &error))?;
    }
    Ok(dir)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

/// The name as an identifier of each of the languages.
fn identifier(name: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ok = name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| plain(byte) || byte == b'_' || byte == b'-');
    if !ok || RESERVED.contains(&name) {
        return Err(format!(
            "`{}` cannot be the name of a plugin: use 1 to {MAX_NAME_BYTES} lower-case letters, digits, `_` \
             and `-`, with a letter first, and no word of the language",
            name.escape_default()
        ));
    }
    Ok(name.replace('-', "_"))
}

fn by_path(path: &Path) -> Result<String, String> {
    let whole = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if !whole.join("Cargo.toml").is_file() {
        return Err(format!(
            "{}: has no Cargo.toml: name the folder `plugin-api` of a checkout",
            whole.display()
        ));
    }
    let text = whole
        .to_str()
        .filter(|text| !text.contains(['"', '\\', '\n']));
    text.map(|text| format!("path = \"{text}\""))
        .ok_or_else(|| format!("{}: the path cannot stand in a manifest", whole.display()))
}

fn by_git() -> String {
    format!("git = \"{REPOSITORY}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers_everywhere() {
        for (name, identifier_of) in [("my-validator", "my_validator"), ("notary2", "notary2")] {
            assert_eq!(identifier(name).as_deref(), Ok(identifier_of));
        }
        for bad in [
            "",
            "-x",
            "2nd",
            "../up",
            "Big",
            "a b",
            "fn",
            "std",
            &"x".repeat(65),
        ] {
            assert!(identifier(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_project_has_its_name_and_no_trace_of_the_repository() {
        for language in Language::value_variants() {
            let parent = tempfile::tempdir().unwrap();
            let dir = project(*language, "of-acme", None, parent.path()).unwrap();
            let mut files = Vec::new();
            let mut folders = vec![dir];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path);
                        continue;
                    }
                    let text = fs::read_to_string(&path).unwrap();
                    for trace in [TEMPLATE_NAME, INCLUDE_IN_REPOSITORY, PATH_IN_REPOSITORY] {
                        assert!(!text.contains(trace), "{}: {trace}", path.display());
                    }
                    files.push(text);
                }
            }
            assert!(
                files.iter().any(|text| text.contains("of_acme")),
                "{language:?}"
            );
            let again = project(*language, "of-acme", None, parent.path());
            assert!(again.unwrap_err().contains("of-acme"));
        }
    }
}

//! One entry of the settings table: names, help and default of a setting. The command line, the
//! environment, the error texts and the README's table are all made from these entries.

/// A setting: an environment variable and a flag of the same name.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The heading under which help and README list it.
    pub group: &'static str,
    /// The kind of value it takes, as shown in the help (`SECONDS`, `URL`).
    pub value: &'static str,
    /// The value if nothing is set.
    pub default: Option<&'static str>,
    /// Another environment variable that is read too.
    pub alias: Option<&'static str>,
    /// A secret: masked wherever it is printed, and also read from `<NAME>_FILE` or `@file`.
    pub secret: bool,
    /// May be given as `@file`: secrets, and long values.
    pub from_file: bool,
    doc: &'static [&'static str],
}

impl Setting {
    /// An entry of the table.
    pub(super) const fn new(
        name: &'static str,
        group: &'static str,
        value: &'static str,
        doc: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            group,
            value,
            default: None,
            alias: None,
            secret: false,
            from_file: false,
            doc,
        }
    }

    /// With a default.
    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// With another environment variable that means the same.
    pub(super) const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// A secret.
    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self.from_file = true;
        self
    }

    /// A value that may be too long for a variable.
    pub(super) const fn or_file(mut self) -> Self {
        self.from_file = true;
        self
    }

    /// The flag without its dashes: the name in lower case, without our own prefix.
    pub fn flag(&self) -> String {
        self.name
            .strip_prefix("DATAHUB_MCP_")
            .unwrap_or(self.name)
            .to_ascii_lowercase()
            .replace('_', "-")
    }

    /// The variable that names a file with the value.
    pub fn file_name(&self) -> Option<String> {
        self.from_file.then(|| format!("{}_FILE", self.name))
    }

    /// The description for help and README, in one paragraph.
    pub fn help(&self) -> String {
        let lines: Vec<&str> = self.doc.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }
}

/// Declares the settings as constants of their own and as one list, [`ALL`](super::table::ALL).
macro_rules! settings {
    ($( $group:literal { $( $(#[doc = $doc:literal])+ $name:ident: $value:literal $(, $with:ident($($arg:literal)?))*; )+ } )+) => {
        $( $(
            $(#[doc = $doc])+
            pub const $name: Setting = Setting::new(stringify!($name), $group, $value, &[$($doc),+])
                $(.$with($($arg)?))*;
        )+ )+

        /// Every setting, in the order of help and README.
        pub const ALL: &[&Setting] = &[$( $( &$name, )+ )+];
    };
}
pub(super) use settings;

//! The table of settings as documentation.

use std::fmt::Write;

use super::table;

/// All settings as Markdown: a table for each group.
pub fn reference() -> String {
    let mut text = String::new();
    let mut group = "";
    for setting in table::ALL {
        if setting.group != group {
            group = setting.group;
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n### {group}\n\n| variable, flag | default | description |\n| --- | --- | --- |\n"
            );
        }
        let alias = setting
            .alias
            .map(|alias| format!(" (or `{alias}`)"))
            .unwrap_or_default();
        let default = setting
            .default
            .map(|default| format!("`{default}`"))
            .unwrap_or_default();
        let secret = if setting.secret { " A secret." } else { "" };
        let _ = writeln!(
            text,
            "| `{}`{alias}<br>`--{} {}` | {default} | {}{secret} |",
            setting.name,
            setting.flag(),
            setting.value.replace('|', "\\|"),
            setting.help(),
        );
    }
    text.trim_start().to_owned()
}

//! The settings as flags of the command line.

use clap::{Arg, ArgAction, Command};

use super::table;

/// Adds a flag for every setting, to this command and all below it.
pub fn with_settings(command: Command) -> Command {
    add(command, false)
}

/// As [`with_settings`], and the help names none of them: for commands that need few.
pub fn with_hidden_settings(command: Command) -> Command {
    add(command, true)
}

fn add(command: Command, hidden: bool) -> Command {
    table::ALL.iter().fold(command, |command, setting| {
        let mut help = format!("{} [env: {}]", setting.help(), setting.name);
        if let Some(default) = setting.default {
            help.push_str(&format!(" [default: {default}]"));
        }
        command.arg(
            Arg::new(setting.name)
                .long(setting.flag())
                .value_name(setting.value)
                .help(help)
                .help_heading(setting.group)
                .global(true)
                .hide(hidden)
                // A short help must fit a screen.
                .hide_short_help(true)
                // A switch may stand alone.
                .num_args(if setting.value == "BOOLEAN" {
                    0..=1
                } else {
                    1..=1
                })
                .default_missing_value("true")
                .require_equals(false)
                .action(ArgAction::Set),
        )
    })
}

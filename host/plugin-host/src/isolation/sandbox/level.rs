//! The layers of the sandbox that a process reached.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One layer of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Layer {
    /// Limits of resources, and no core dumps.
    Limits,
    /// No program can give the process more rights.
    NoNewPrivs,
    /// Only named files can be opened.
    Landlock,
    /// Only declared TCP ports can be connected to.
    Ports,
    /// No capabilities, not even as root.
    Capabilities,
    /// System calls that no validator needs are refused.
    Seccomp,
}

impl Layer {
    /// The name in logs and metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::NoNewPrivs => "no_new_privs",
            Self::Landlock => "landlock",
            Self::Ports => "ports",
            Self::Capabilities => "capabilities",
            Self::Seccomp => "seccomp",
        }
    }
}

/// The layers that a process tried to set up; none if the sandbox is off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Level {
    layers: Vec<State>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    layer: Layer,
    reached: bool,
    /// The version of the layer, or the reason it is missing.
    detail: String,
}

impl Level {
    pub(super) fn add(&mut self, layer: Layer, result: Result<String, String>) {
        let reached = result.is_ok();
        let (Ok(detail) | Err(detail)) = result;
        self.layers.push(State {
            layer,
            reached,
            detail,
        });
    }

    /// Writes it to the log of the server, for the process in which `validator` is only tried.
    pub(crate) fn announce_trial(&self, validator: &str) {
        tracing::info!(validator, sandbox = %self, "a validator is tried in a process and its sandbox first, which then ends");
    }

    /// Writes it to the log and the metrics of the server, for the process of `validator`.
    pub(crate) fn announce(&self, validator: &str) {
        for (layer, reached) in self.layers() {
            let labels = [
                ("validator", validator.to_owned()),
                ("layer", layer.name().to_owned()),
            ];
            metrics::gauge!("datahub_mcp_plugin_sandbox_layer", &labels)
                .set(f64::from(u8::from(reached)));
        }
        if self.layers.is_empty() {
            tracing::warn!(
                validator,
                sandbox = "off",
                "the process of a validator has no sandbox"
            );
        } else if self.name() == "partial" {
            tracing::warn!(validator, sandbox = %self, "the process of a validator is in its sandbox, as far as the kernel goes");
        } else {
            tracing::info!(validator, sandbox = %self, "the process of a validator is in its sandbox");
        }
    }

    /// The level in one word: `complete`, `partial` or `off`.
    pub(crate) fn name(&self) -> &'static str {
        match self.missing() {
            _ if self.layers.is_empty() => "off",
            None => "complete",
            Some(_) => "partial",
        }
    }

    /// The layers, each with whether it was reached.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (Layer, bool)> + '_ {
        self.layers.iter().map(|state| (state.layer, state.reached))
    }

    /// The layers that are missing, with the reasons.
    pub(crate) fn missing(&self) -> Option<String> {
        let missing: Vec<String> = self
            .layers
            .iter()
            .filter(|state| !state.reached)
            .map(|state| format!("no {} ({})", state.layer.name(), state.detail))
            .collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let reached = self.layers.iter().filter(|state| state.reached);
        for (at, state) in reached.enumerate() {
            f.write_str(if at == 0 { ": " } else { ", " })?;
            f.write_str(state.layer.name())?;
            if !state.detail.is_empty() {
                write!(f, " {}", state.detail)?;
            }
        }
        match self.missing() {
            Some(missing) => write!(f, "; {missing}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_names_what_is_there_and_what_is_missing() {
        let mut level = Level::default();
        assert_eq!((level.name(), level.to_string().as_str()), ("off", "off"));
        level.add(Layer::Landlock, Ok("ABI 7".to_owned()));
        level.add(Layer::Seccomp, Ok(String::new()));
        assert_eq!(level.to_string(), "complete: landlock ABI 7, seccomp");
        level.add(Layer::Ports, Err("the kernel is too old".to_owned()));
        assert_eq!(
            level.to_string(),
            "partial: landlock ABI 7, seccomp; no ports (the kernel is too old)"
        );
    }
}

//! Test-only validators that misbehave.

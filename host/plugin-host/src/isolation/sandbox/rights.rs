//! Rights of the process as a whole.

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities, set_no_new_privs,
};

/// Lets no program give the process more rights. Seccomp and Landlock require it.
pub(super) fn never_gain() -> Result<String, String> {
    set_no_new_privs(true).map_err(|error| error.to_string())?;
    Ok(String::new())
}

/// Drops all capabilities: a server that runs as root does not lend that to its plugins.
pub(super) fn drop_all() -> Result<String, String> {
    // Kernels before 4.3 have no ambient set.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(|error| error.to_string())?;
    Ok("none".to_owned())
}

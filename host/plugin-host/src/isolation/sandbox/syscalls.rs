//! Seccomp: the system calls that no validator needs.
//!
//! A list of what is refused, because a vendor's runtime may need any of the others. What is newer
//! than the list is refused too: it answers as a kernel that does not have it, and code that is made
//! for several kernels does without.

use std::{collections::BTreeMap, env::consts::ARCH};

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads, sock_filter,
};

use super::{Network, Policy};

mod refused;

use refused::{ABSENT, ABSENT_WITHOUT_LANDLOCK, FIRST_UNKNOWN, REFUSED};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Installs the filters, in all threads. `landlock`: whether files are protected by it.
pub(super) fn filter(policy: &Policy, landlock: bool) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let arch = TargetArch::try_from(ARCH).map_err(|error| failed(&error))?;
    let refused = refused_calls(policy, landlock).map_err(|error| failed(&error))?;
    let mut absent: Rules = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    if !landlock {
        absent.extend(
            ABSENT_WITHOUT_LANDLOCK
                .iter()
                .map(|call| (*call, Vec::new())),
        );
    }
    for (rules, errno) in [(refused, libc::EPERM), (absent, libc::ENOSYS)] {
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::Errno(errno.cast_unsigned()),
            arch,
        );
        let program: BpfProgram = filter
            .and_then(TryInto::try_into)
            .map_err(|error| failed(&error))?;
        apply_filter_all_threads(&program).map_err(|error| failed(&error))?;
    }
    apply_filter_all_threads(&newer_ones()).map_err(|error| failed(&error))?;
    Ok(String::new())
}

/// A program that answers `ENOSYS` to every call from [`FIRST_UNKNOWN`] on, by which it also refuses
/// the second set of numbers of x86-64 processors (x32). The other programs check the architecture.
fn newer_ones() -> [sock_filter; 4] {
    let instruction = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    const LOAD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let absent = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    [
        // The number of the call is the first word of what a filter sees.
        instruction(LOAD, 0, 0, 0),
        instruction(JUMP_IF_AT_LEAST, FIRST_UNKNOWN, 0, 1),
        instruction(RETURN, absent, 0, 0),
        instruction(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
    ]
}

/// The calls that are refused: always, or by their arguments.
fn refused_calls(policy: &Policy, landlock: bool) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    if !policy.copies {
        rules.insert(libc::SYS_memfd_create, Vec::new());
    }
    let mut refuse = |call: c_long, conditions: Vec<SeccompCondition>| {
        let rule = SeccompRule::new(conditions)?;
        rules.entry(call).or_default().push(rule);
        Ok::<_, seccompiler::BackendError>(())
    };
    // Threads, but no processes.
    refuse(libc::SYS_clone, vec![without(0, libc::CLONE_THREAD)?])?;
    // Signals to this process, as `abort` sends them.
    let own = std::process::id();
    for call in [
        libc::SYS_kill,
        libc::SYS_tgkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
    ] {
        refuse(call, vec![not(0, own)?])?;
    }
    // Limits and priorities of this process or thread.
    for call in [
        libc::SYS_prlimit64,
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setscheduler,
    ] {
        refuse(call, vec![not(0, 0)?, not(0, own)?])?;
    }
    for option in [
        libc::PR_SET_PDEATHSIG,
        libc::PR_SET_DUMPABLE,
        libc::PR_SET_MM,
        libc::PR_SET_PTRACER,
    ] {
        refuse(libc::SYS_prctl, vec![is(0, option.cast_unsigned())?])?;
    }
    // Signals when a file is ready, which go to any process.
    for command in [libc::F_SETOWN, F_SETSIG, F_SETOWN_EX] {
        refuse(libc::SYS_fcntl, vec![is(1, command.cast_unsigned())?])?;
    }
    for command in [FIOSETOWN, SIOCSPGRP, TIOCSTI, TIOCLINUX, TIOCSETD] {
        refuse(libc::SYS_ioctl, vec![is(1, command)?])?;
    }
    // Memory that no limit counts.
    refuse(
        libc::SYS_mmap,
        vec![with(3, libc::MAP_SHARED | libc::MAP_ANONYMOUS)?],
    )?;
    sockets(&policy.network, &mut refuse)?;
    if !landlock {
        writing(&mut refuse)?;
    }
    Ok(rules)
}

/// Sockets: names and connections, but no local services, which may do what they are asked to with
/// the rights of others.
fn sockets(
    network: &Network,
    refuse: &mut impl FnMut(c_long, Vec<SeccompCondition>) -> Result<(), seccompiler::BackendError>,
) -> Result<(), seccompiler::BackendError> {
    let [inet, inet6, netlink] =
        [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK].map(i32::cast_unsigned);
    if *network == Network::None {
        refuse(libc::SYS_socket, vec![at_least(0, 0)?])?;
    }
    refuse(
        libc::SYS_socket,
        vec![not(0, inet)?, not(0, inet6)?, not(0, netlink)?],
    )?;
    // The list of addresses of this machine, and nothing else of the kernel.
    refuse(libc::SYS_socket, vec![is(0, netlink)?, not(2, 0)?])?;
    // No protocol that rules for TCP ports do not cover.
    let [tcp, udp] = [libc::IPPROTO_TCP, libc::IPPROTO_UDP].map(i32::cast_unsigned);
    for family in [inet, inet6] {
        let others = vec![is(0, family)?, not(2, 0)?, not(2, tcp)?, not(2, udp)?];
        refuse(libc::SYS_socket, others)?;
    }
    // A pair that is connected for good: a pair of datagram sockets sends to anybody.
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        let kind = kind.cast_unsigned();
        let mask = SeccompCmpOp::MaskedEq(0xf);
        let kind = SeccompCondition::new(1, SeccompCmpArgLen::Dword, mask, u64::from(kind))?;
        refuse(libc::SYS_socketpair, vec![kind])?;
    }
    // Connects without `connect`.
    for (call, flags) in [
        (libc::SYS_sendto, 3),
        (libc::SYS_sendmsg, 2),
        (libc::SYS_sendmmsg, 3),
    ] {
        refuse(call, vec![with(flags, libc::MSG_FASTOPEN)?])?;
    }
    Ok(())
}

/// Opening to write, where nothing else prevents it.
fn writing(
    refuse: &mut impl FnMut(c_long, Vec<SeccompCondition>) -> Result<(), seccompiler::BackendError>,
) -> Result<(), seccompiler::BackendError> {
    for flag in [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC] {
        refuse(libc::SYS_openat, vec![with(2, flag)?])?;
        #[cfg(target_arch = "x86_64")]
        refuse(libc::SYS_open, vec![with(1, flag)?])?;
    }
    Ok(())
}

const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;
const FIOSETOWN: u32 = 0x8901;
const SIOCSPGRP: u32 = 0x8902;
/// Types into the terminal of whoever started the server.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;
const TIOCSETD: u32 = 0x5423;

fn is(argument: u8, value: u32) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::Eq, value)
}

fn not(argument: u8, value: u32) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::Ne, value)
}

fn at_least(argument: u8, value: u32) -> Result<SeccompCondition, seccompiler::BackendError> {
    condition(argument, SeccompCmpOp::Ge, value)
}

/// All of the bits `flags` are set.
fn with(argument: u8, flags: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let flags = flags.cast_unsigned();
    condition(argument, SeccompCmpOp::MaskedEq(flags.into()), flags)
}

/// None of the bits `flags` is set.
fn without(argument: u8, flags: i32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let flags = flags.cast_unsigned();
    condition(argument, SeccompCmpOp::MaskedEq(flags.into()), 0)
}

/// The kernel takes 32 bits of each argument that is compared here.
fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    value: u32,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value.into())
}

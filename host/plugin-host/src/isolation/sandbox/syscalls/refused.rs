//! The lists of system calls.

use libc::{self as c, c_long};

/// The first number that this list does not know: `setxattrat` of Linux 6.13. Numbers are the same on all
/// processors from 424 on.
pub(super) const FIRST_UNKNOWN: u32 = 463;

/// Calls that answer as if the kernel did not have them, so that code does the same in an older way.
pub(super) const ABSENT: &[c_long] = &[
    // Its flags are behind a pointer, which a filter cannot follow; C libraries fall back to `clone`.
    c::SYS_clone3,
    // Does what it is asked to behind the filter's back.
    c::SYS_io_uring_setup,
    c::SYS_io_uring_enter,
    c::SYS_io_uring_register,
    // Memory that no limit counts and no tool sees.
    c::SYS_memfd_secret,
    // Changes a mode.
    452,
    // Mounts and security modules.
    457,
    458,
    460,
];

/// The same, where no Landlock looks at what is opened.
pub(super) const ABSENT_WITHOUT_LANDLOCK: &[c_long] = &[c::SYS_openat2];

/// Calls that are refused, on every processor.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const REFUSED: &[c_long] = COMMON;
/// Calls that are refused: those of every processor, and the older forms that this one also has.
#[cfg(target_arch = "x86_64")]
pub(super) const REFUSED: [c_long; COMMON.len() + OLDER.len()] = {
    let mut all = [0; COMMON.len() + OLDER.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < COMMON.len() {
            COMMON[at]
        } else {
            OLDER[at - COMMON.len()]
        };
        at += 1;
    }
    all
};

const COMMON: &[c_long] = &[
    // other programs
    c::SYS_execve,
    c::SYS_execveat,
    // other processes
    c::SYS_ptrace,
    c::SYS_process_vm_readv,
    c::SYS_process_vm_writev,
    c::SYS_process_madvise,
    c::SYS_process_mrelease,
    c::SYS_kcmp,
    c::SYS_pidfd_open,
    c::SYS_pidfd_getfd,
    c::SYS_pidfd_send_signal,
    c::SYS_tkill,
    c::SYS_setpriority,
    c::SYS_ioprio_set,
    c::SYS_migrate_pages,
    c::SYS_move_pages,
    c::SYS_setsid,
    c::SYS_setpgid,
    // servers: it is asked over the socket that it has
    c::SYS_bind,
    c::SYS_listen,
    // changes to files, also of what Landlock does not know: owners, modes, times, attributes
    c::SYS_fchmod,
    c::SYS_fchmodat,
    c::SYS_fchown,
    c::SYS_fchownat,
    c::SYS_utimensat,
    c::SYS_setxattr,
    c::SYS_lsetxattr,
    c::SYS_fsetxattr,
    c::SYS_removexattr,
    c::SYS_lremovexattr,
    c::SYS_fremovexattr,
    c::SYS_truncate,
    c::SYS_mkdirat,
    c::SYS_mknodat,
    c::SYS_unlinkat,
    c::SYS_renameat2,
    c::SYS_linkat,
    c::SYS_symlinkat,
    c::SYS_name_to_handle_at,
    c::SYS_open_by_handle_at,
    c::SYS_fanotify_init,
    c::SYS_fanotify_mark,
    // memory and messages that outlive the process
    c::SYS_shmget,
    c::SYS_shmat,
    c::SYS_shmctl,
    c::SYS_msgget,
    c::SYS_msgsnd,
    c::SYS_semget,
    c::SYS_mq_open,
    c::SYS_mq_unlink,
    // another view of the machine
    c::SYS_mount,
    c::SYS_umount2,
    c::SYS_pivot_root,
    c::SYS_chroot,
    c::SYS_setns,
    c::SYS_unshare,
    c::SYS_open_tree,
    c::SYS_move_mount,
    c::SYS_fsopen,
    c::SYS_fsconfig,
    c::SYS_fsmount,
    c::SYS_fspick,
    c::SYS_mount_setattr,
    // parts of the kernel that have been broken into, or are the administrator's
    c::SYS_add_key,
    c::SYS_request_key,
    c::SYS_keyctl,
    c::SYS_bpf,
    c::SYS_perf_event_open,
    c::SYS_userfaultfd,
    c::SYS_personality,
    c::SYS_clock_settime,
    c::SYS_clock_adjtime,
    c::SYS_adjtimex,
    c::SYS_settimeofday,
    c::SYS_swapon,
    c::SYS_swapoff,
    c::SYS_reboot,
    c::SYS_kexec_load,
    c::SYS_init_module,
    c::SYS_finit_module,
    c::SYS_delete_module,
    c::SYS_syslog,
    c::SYS_acct,
    c::SYS_quotactl,
    443, // quotactl_fd
    c::SYS_sethostname,
    c::SYS_setdomainname,
    c::SYS_vhangup,
    c::SYS_lookup_dcookie,
];

#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    c::SYS_fork,
    c::SYS_vfork,
    c::SYS_chmod,
    c::SYS_chown,
    c::SYS_lchown,
    c::SYS_utime,
    c::SYS_utimes,
    c::SYS_futimesat,
    c::SYS_creat,
    c::SYS_mkdir,
    c::SYS_rmdir,
    c::SYS_mknod,
    c::SYS_unlink,
    c::SYS_rename,
    c::SYS_renameat,
    c::SYS_link,
    c::SYS_symlink,
    c::SYS_kexec_file_load,
    c::SYS_modify_ldt,
    c::SYS_iopl,
    c::SYS_ioperm,
    c::SYS_ustat,
    c::SYS_sysfs,
    c::SYS__sysctl,
    c::SYS_uselib,
];

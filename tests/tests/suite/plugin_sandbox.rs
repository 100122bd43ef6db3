//! The sandbox of a plugin's process: a library tries to get out of it in every way, by the real
//! system calls, and gets nowhere; the server, other processes and other people notice nothing.
//!
//! Every attempt also runs without the sandbox, where it works: the proof that it is one.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::PermissionsExt as _,
            net::{SocketAddr, UnixDatagram, UnixListener},
        },
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use integration_tests::{
    Mcp, PluginDir, Server, ServerBuilder, StubDataHub, artifacts, artifacts::workspace_root,
    status,
};
use rustix::thread::{CapabilitySet, CapabilitySets};
use serde_json::{Value, json};

/// The conditions under which an attempt works where there is no sandbox.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    Always,
    /// Only root may.
    Root,
    /// Only some kernels and containers have it, or the process is kept from it without the sandbox, too.
    Kernel,
}

use Control::{Always, Kernel, Root};

/// Every attempt that the sandbox stops. `{name}` is a thing of the test, see [`World`].
const ATTEMPTS: &[(&str, &str, Control)] = &[
    ("read_file", "{secret}", Always),
    ("list_directory", "{dir}", Always),
    ("write_file", "{dir}/new", Always),
    ("truncate_file", "{spare}", Always),
    ("change_mode", "{secret}", Always),
    ("change_times", "{secret}", Always),
    ("change_attribute", "{secret}", Kernel),
    ("rename_file", "{secret}", Always),
    ("remove_file", "", Always),
    ("make_directory", "{dir}/made", Always),
    ("open_by_handle", "", Kernel),
    ("device", "", Always),
    ("shared_memory_file", "", Kernel),
    ("system_tree", "", Kernel),
    ("kernel_settings", "", Always),
    ("environment_of", "{victim}", Always),
    ("environment_of", "{server}", Kernel),
    ("command_of", "{victim}", Always),
    ("memory_of", "{victim}", Root),
    ("memory_of", "{server}", Kernel),
    ("memory_file_of", "{victim}", Root),
    ("trace", "{victim}", Root),
    ("signal_to", "{victim}", Always),
    ("signal_to", "{server}", Always),
    ("signal_to_thread", "{victim}", Always),
    ("signal_with_value", "{victim}", Always),
    ("signal_by_descriptor", "{victim}", Kernel),
    ("signal_by_file", "{victim}", Always),
    ("limits_of", "{victim}", Always),
    ("priority_of", "{victim}", Always),
    ("scheduler_of", "{victim}", Always),
    ("fork_once", "", Always),
    ("fork_bomb", "", Always),
    ("run_program", "", Always),
    ("spawn_program", "", Always),
    ("gain_rights", "", Kernel),
    ("capabilities", "", Kernel),
    ("dump_core", "", Kernel),
    ("outlive_the_server", "", Always),
    ("leave_the_group", "", Always),
    ("mounts", "", Always),
    ("mounts_in_the_new_way", "", Kernel),
    ("namespaces", "", Always),
    ("change_root", "", Always),
    ("keyrings", "", Kernel),
    ("clock_set", "", Always),
    ("programs_in_the_kernel", "", Kernel),
    ("counters", "", Kernel),
    ("page_faults", "", Kernel),
    ("rings", "", Kernel),
    ("persona", "", Always),
    ("modules", "", Kernel),
    ("terminal", "", Kernel),
    ("newer_calls", "", Kernel),
    ("other_numbers", "", Kernel),
    ("shared_memory", "", Always),
    ("memory_files", "", Always),
    ("system_v", "", Kernel),
    ("hoard", "512", Always),
    ("threads", "400", Always),
    ("serve", "", Always),
    ("listen_unbound", "", Always),
    ("local_service", "{socket}", Always),
    ("abstract_service", "{abstract}", Always),
    ("local_datagram", "{datagrams}", Always),
    ("kernel_events", "", Always),
];

/// Attempts of which the sandbox must stop what it stops also without Landlock.
const WITHOUT_LANDLOCK: [&str; 8] = [
    "write_file",
    "truncate_file",
    "change_mode",
    "make_directory",
    "fork_once",
    "run_program",
    "signal_to",
    "local_service",
];

/// A process without capabilities: the process of a validator has none either, so without the sandbox it may do
/// everything to this one. The calling thread loses its own.
fn victim() -> Child {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    rustix::thread::set_no_new_privs(true).unwrap();
    rustix::thread::set_capabilities(None, sets).unwrap();
    Command::new("sleep")
        .arg("600")
        .env("VICTIM_SECRET", "of somebody else")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the attempts aim at.
struct World {
    dir: tempfile::TempDir,
    victim: Child,
    listener: TcpListener,
    datagrams: UdpSocket,
    abstract_name: String,
    _services: (UnixListener, UnixListener, UnixDatagram),
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["secret", "spare"] {
            fs::write(at(name), "of somebody else").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let abstract_name = format!("escapes-{}", dir.path().display()).replace('/', "-");
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let services = (
            UnixListener::bind(at("socket")).unwrap(),
            UnixListener::bind_addr(&address).unwrap(),
            UnixDatagram::bind(at("datagrams")).unwrap(),
        );
        let victim = std::thread::spawn(victim).join().unwrap();
        Self {
            victim,
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            datagrams: UdpSocket::bind("127.0.0.1:0").unwrap(),
            abstract_name,
            _services: services,
            dir,
        }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    fn fill(&self, argument: &str, server: u32) -> String {
        argument
            .replace("{dir}", &self.dir.path().display().to_string())
            .replace("{secret}", &self.path("secret"))
            .replace("{spare}", &self.path("spare"))
            .replace("{socket}", &self.path("socket"))
            .replace("{datagrams}", &self.path("datagrams"))
            .replace("{abstract}", &self.abstract_name)
            .replace("{victim}", &self.victim.id().to_string())
            .replace("{server}", &server.to_string())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// The library, with `needs` in its description.
fn built(needs: &Value) -> PluginDir {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libescapes.so");
    let declared = match needs {
        Value::Null => String::new(),
        needs => format!(",\"needs\":{needs}"),
    };
    let text = format!("-DNEEDS={}", Value::String(declared));
    let root = workspace_root();
    let built = Command::new("cc")
        .args([
            "-std=gnu11",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fPIC",
            "-shared",
        ])
        .args(["-fvisibility=hidden", "-pthread", "-I"])
        .arg(root.join("plugin-api/include"))
        .arg(text)
        .arg(root.join("tests/hostile/escapes/escapes.c"))
        .arg("-o")
        .arg(&library)
        .status()
        .unwrap();
    assert!(built.success());
    PluginDir::with(&library).unwrap()
}

fn plain() -> &'static PluginDir {
    static PLAIN: OnceLock<PluginDir> = OnceLock::new();
    PLAIN.get_or_init(|| built(&Value::Null))
}

fn server(
    plugins: &PluginDir,
    datahub: &StubDataHub,
    mode: &str,
    options: &Value,
) -> ServerBuilder {
    // The control may use as much memory as there is.
    let memory = if mode == "off" { "0" } else { "256" };
    plugins
        .server(datahub, "escapes", options)
        .env("PLUGIN_ISOLATION", "process")
        .env("PLUGIN_SANDBOX", mode)
        .env("PLUGIN_MEMORY_MB", memory)
}

/// True if the attempt worked. It is answered in any case: its process does not die of it. An attempt that the
/// library does not know is a 503.
async fn works(mcp: &Mcp, name: &str, argument: &str) -> bool {
    match status(mcp, &format!("try~{name}~{argument}")).await {
        200 => true,
        401 => false,
        other => panic!("{name} {argument}: {other}"),
    }
}

#[tokio::test]
async fn nothing_gets_out_and_nobody_else_notices() {
    let datahub = StubDataHub::start().await.unwrap();
    let mut world = World::new();
    let free = server(plain(), &datahub, "off", &json!({}))
        .start()
        .unwrap();
    let kept = server(plain(), &datahub, "required", &json!({}))
        .start()
        .unwrap();
    let (free_mcp, mcp) = (free.mcp(), kept.mcp());
    let mut wrong = Vec::new();
    for (name, argument, control) in ATTEMPTS.iter().copied() {
        let argument = world.fill(argument, free.pid());
        let required = match control {
            Always => true,
            Root => rustix::process::geteuid().is_root(),
            Kernel => false,
        };
        if !works(&free_mcp, name, &argument).await && required {
            wrong.push(format!(
                "{name} {argument} does not work without the sandbox"
            ));
        }
        // The second server's own process is its target now.
        let argument = argument.replace(&free.pid().to_string(), &kept.pid().to_string());
        if works(&mcp, name, &argument).await {
            wrong.push(format!("{name} {argument} works in the sandbox"));
        }
        assert_eq!(
            status(&mcp, &format!("good-after-{name}")).await,
            200,
            "{name}"
        );
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), kept.output());
    assert!(world.victim.try_wait().unwrap().is_none());
    let secret = fs::metadata(world.path("secret")).unwrap();
    assert_eq!(
        (secret.len(), secret.permissions().mode() & 0o777),
        (16, 0o600)
    );
    let output = kept.output();
    assert!(output.contains("complete: "), "{output}");
    assert!(!output.contains("died"), "{output}");
    let (ended, output) = kept.stop().unwrap();
    assert!(ended.success(), "{output}");
}

#[tokio::test]
async fn what_the_server_inherited_ends_there() {
    let datahub = StubDataHub::start().await.unwrap();
    let world = World::new();
    let secret = world.path("secret");
    let script = format!(
        "exec 9<{secret}; exec {} serve",
        artifacts().server().display()
    );
    let server = Server::script(world.dir.path(), &script)
        .env("DATAHUB_GMS_URL", datahub.url())
        .env(
            "TOKEN_VALIDATOR_PLUGIN_DIR",
            plain().path().display().to_string(),
        )
        .env("TOKEN_VALIDATOR_FACTORY", "escapes")
        .env("PLUGIN_ISOLATION", "process")
        .start()
        .unwrap();
    let inherited = fs::read_link(format!("/proc/{}/fd/9", server.pid())).unwrap();
    assert_eq!(inherited, Path::new(&secret));
    assert!(!works(&server.mcp(), "inherited_descriptor", &secret).await);
}

#[tokio::test]
async fn the_network_is_what_a_library_declares() {
    let datahub = StubDataHub::start().await.unwrap();
    let world = World::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = other.local_addr().unwrap().port().to_string();
    let (port, udp) = (
        world.port().to_string(),
        world.datagrams.local_addr().unwrap().port().to_string(),
    );
    // What is declared; then whether these work: the declared port, another, a datagram, a name.
    for (needs, expected) in [
        (Value::Null, [true, true, true, true]),
        (json!({"network": true}), [true, true, true, true]),
        (
            json!({"network": [world.port()]}),
            [true, false, true, true],
        ),
        (json!({"network": false}), [false, false, false, true]),
    ] {
        let library = built(&needs);
        let server = server(&library, &datahub, "required", &json!({}))
            .start()
            .unwrap();
        let mcp = server.mcp();
        let found = [
            works(&mcp, "connect_to", &port).await,
            works(&mcp, "connect_to", &other).await,
            works(&mcp, "datagram", &udp).await,
            works(&mcp, "resolve", "").await,
        ];
        assert_eq!(found, expected, "{needs}");
        // Ways around the rules for ports.
        assert!(!works(&mcp, "fast_open", &other).await, "{needs}");
        assert!(!works(&mcp, "other_protocol", "").await, "{needs}");
        assert!(!works(&mcp, "raw_packets", "").await, "{needs}");
    }
}

#[tokio::test]
async fn files_are_those_that_an_option_names_and_public_ones_that_a_library_declares() {
    let datahub = StubDataHub::start().await.unwrap();
    let world = World::new();
    let secret = world.path("secret");
    let public = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile()
        .unwrap();
    let public = public.path().display().to_string();
    let library = built(&json!({"files": [public, secret]}));
    // Options; then whether the file of somebody else and the public one can be read.
    for (options, expected) in [
        (json!({}), [false, true]),
        (json!({"file": secret}), [true, true]),
    ] {
        let server = server(&library, &datahub, "required", &options)
            .start()
            .unwrap();
        let mcp = server.mcp();
        let found = [
            works(&mcp, "read_file", &secret).await,
            works(&mcp, "read_file", &public).await,
        ];
        assert_eq!(found, expected, "{options}\n{}", server.output());
        assert!(!works(&mcp, "change_mode", &secret).await, "{options}");
        assert!(!works(&mcp, "list_directory", "/etc").await, "{options}");
        if !expected[0] {
            let output = server.output();
            assert!(output.contains("not everybody can read it"), "{output}");
        }
    }
    let wrong = built(&json!({"network": "no"}));
    let refusal = server(&wrong, &datahub, "best-effort", &json!({})).refuse();
    refusal.unwrap().assert_says(&["needs", "`network`"]);
}

/// Runs `start` where the kernel has no Landlock, as far as it and its children can see.
fn without_landlock<T: Send + 'static>(start: impl FnOnce() -> T + Send + 'static) -> T {
    const CREATE_RULESET: i64 = 444;
    const ENOSYS: u32 = 38;
    let hidden = move || {
        let filter = seccompiler::SeccompFilter::new(
            [(CREATE_RULESET, Vec::new())].into(),
            seccompiler::SeccompAction::Allow,
            seccompiler::SeccompAction::Errno(ENOSYS),
            std::env::consts::ARCH.try_into().unwrap(),
        );
        let program: seccompiler::BpfProgram = filter.unwrap().try_into().unwrap();
        seccompiler::apply_filter(&program).unwrap();
        start()
    };
    std::thread::spawn(hidden).join().unwrap()
}

#[tokio::test]
async fn without_landlock_the_other_layers_hold_or_the_server_does_not_start() {
    let datahub = StubDataHub::start().await.unwrap();
    let world = World::new();
    let required = server(plain(), &datahub, "required", &json!({}));
    let refusal = without_landlock(|| required.refuse()).unwrap();
    refusal.assert_says(&["`PLUGIN_SANDBOX` is `required`", "no landlock"]);

    let best_effort = server(plain(), &datahub, "best-effort", &json!({}));
    let server = without_landlock(|| best_effort.start()).unwrap();
    let mcp = server.mcp();
    let output = server.output();
    assert!(
        output.contains("partial: ") && output.contains("no landlock"),
        "{output}"
    );
    for (name, argument, _) in ATTEMPTS.iter().copied() {
        if WITHOUT_LANDLOCK.contains(&name) {
            let argument = world.fill(argument, server.pid());
            assert!(!works(&mcp, name, &argument).await, "{name} {argument}");
        }
    }
    // The part that is missing: it is a control of the first test, too.
    assert!(works(&mcp, "read_file", &world.path("secret")).await);
    assert!(works(&mcp, "resolve", "").await);
}

"""Runs the Python server's own tests against this server: `integration.py tests|smoke http|stdio`.

Whoever fails is compared with `integration.yml`: each failure there has a reason, and each that is there occurs.
"""

import asyncio
import contextlib
import os
import pathlib
import re
import socket
import sys
import xml.etree.ElementTree as xml

import httpx
import yaml

import stack

HERE = pathlib.Path(__file__).parent
SOURCE = pathlib.Path(os.environ["SOURCE"])
LOGS = pathlib.Path(os.environ["LOGS"])


def environment(datahub):
    """Names of the Python server first on PATH, and nothing else of this machine's."""
    home = LOGS / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": f"{os.environ['LINKS']}:{os.environ['PATH']}",
        "HOME": str(home),
        "DATAHUB_GMS_URL": datahub.url,
        "DATAHUB_GMS_TOKEN": datahub.token,
        "DATAHUB_TELEMETRY_ENABLED": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        **stack.SWITCHES,
    }


async def run(arguments, env):
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=SOURCE, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await child.communicate()
    return said.decode(errors="replace")


async def tests(transport, datahub):
    """What failed and how many passed of their integration tests."""
    report = LOGS / f"integration-{transport}.xml"
    report.unlink(missing_ok=True)
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=60", f"--junitxml={report}"]
    env = environment(datahub)
    if transport == "http":
        env["MCP_TRANSPORT"] = "http"
    else:
        env["PYTHONPATH"] = str(HERE)
        arguments += ["-p", "over_stdio"]
    said = await run([*arguments, "tests/test_mcp_integration.py"], env)
    assert report.exists(), said
    cases = list(xml.parse(report).iter("testcase"))
    failed = {case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None}
    skipped = sum(case.find("skipped") is not None for case in cases)
    return failed, len(cases) - len(failed) - skipped, said


async def smoke(transport, datahub):
    """The same of their check of each tool."""
    env = environment(datahub)
    async with contextlib.AsyncExitStack() as running:
        if transport == "http":
            target = ["--url", await running.enter_async_context(http_server(env))]
        else:
            switches = [f"{name}={value}" for name, value in stack.SWITCHES.items()]
            target = ["--stdio-cmd", " ".join(["env", *switches, "mcp-server-datahub"])]
        said = await run(["scripts/smoke_check.py", "--all", *target], env)
    results = re.findall(r"\[(PASS|FAIL)\] (\S+)", said)
    assert results, said
    failed = {tool for verdict, tool in results if verdict == "FAIL"}
    return failed, len(results) - len(failed), said


@contextlib.asynccontextmanager
async def http_server(env):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {name: value for name, value in env.items() if name != "DATAHUB_GMS_TOKEN"}
    with open(LOGS / "integration-server.log", "w") as log:
        child = await asyncio.create_subprocess_exec(
            f"{os.environ['LINKS']}/mcp-server-datahub-http", env={**env, "FASTMCP_PORT": str(port)}, stdout=log, stderr=log
        )
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                for _ in range(stack.START_LIMIT * 10):
                    with contextlib.suppress(httpx.HTTPError):
                        if (await http.get(f"http://127.0.0.1:{port}/health")).is_success:
                            break
                    assert child.returncode is None, f"the server ended; see {log.name}"
                    await asyncio.sleep(0.1)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            await child.wait()


async def main(what, transport):
    known = {
        name: one["why"]
        for one in yaml.safe_load((HERE / "integration.yml").read_text())
        if what == one["suite"] and transport in one["transports"]
        for name in one["names"]
    }
    # Their tests name entities of this file; their check takes what it finds, which the sandbox's own catalog has.
    files = [SOURCE / "tests" / "addon_bootstrap_mce.json"] if what == "tests" else []
    async with stack.sandbox(files) as datahub:
        failed, passed, said = await {"tests": tests, "smoke": smoke}[what](transport, datahub)
    (LOGS / f"integration-{what}-{transport}.log").write_text(said)
    surprises = [f"fails: {name}" for name in sorted(failed - known.keys())]
    surprises += [f"passes, and is named as failing: {name}" for name in sorted(known.keys() - failed)]
    if surprises:
        sys.exit("\n".join([*surprises, f"see {LOGS}/integration-{what}-{transport}.log"]))
    print(f"{passed} pass, {len(failed)} fail for a reason")


asyncio.run(main(*sys.argv[1:]))

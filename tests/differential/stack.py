"""Starts a sandbox and, before its DataHub, the Python server; both as one person, both over MCP."""

import asyncio
import contextlib
import json
import os
import pathlib
import sys
import urllib.parse

import httpx
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

PERSON = "editor"
SWITCHES = {
    "TOOLS_IS_MUTATION_ENABLED": "true",
    "TOOLS_IS_USER_ENABLED": "true",
    "SAVE_DOCUMENT_TOOL_ENABLED": "true",
}
# Seconds; a debug build on a busy machine is slow.
START_LIMIT = 60


class DataHub:
    """The sandbox's DataHub, asked as the person."""

    def __init__(self, ready):
        self.ready = ready
        self.url = ready["gms_url"]
        self.token = ready["people"][PERSON]["datahub_token"]
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60, trust_env=False
        )

    def graphql(self, query, **variables):
        answer = self.http.post("/api/graphql", json={"query": query, "variables": variables})
        answer.raise_for_status()
        answer = answer.json()
        assert not answer.get("errors"), answer["errors"]
        return answer["data"]

    def aspects(self, urn):
        """Every aspect of an entity by its name; none where there is no such entity."""
        kind = urn.split(":")[2]
        answer = self.http.get(f"/openapi/v3/entity/{kind.lower()}/{urllib.parse.quote(urn, safe='')}")
        if answer.status_code == 404:
            return {}
        answer.raise_for_status()
        return {name: aspect["value"] for name, aspect in answer.json().items() if name != "urn"}


    def series(self, urn, name):
        """The newest values of an aspect that is a time series."""
        asked = {"urn": urn, "entity": urn.split(":")[2], "aspect": name, "limit": 1}
        answer = self.http.post("/aspects?action=getTimeseriesAspectValues", json=asked)
        answer.raise_for_status()
        return answer.json()["value"]["values"]


@contextlib.asynccontextmanager
async def sandbox(files):
    """A fresh sandbox with these metadata files, or with its own catalog."""
    arguments = ["--json", "--port", "0"] + (["--catalog", *files] if files else [])
    log = open(pathlib.Path(os.environ["LOGS"]) / "sandbox.log", "a")
    child = await asyncio.create_subprocess_exec(
        os.environ["SANDBOX"],
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        env={**os.environ, **SWITCHES},
        limit=1 << 20,
    )
    try:
        line = await asyncio.wait_for(child.stdout.readline(), START_LIMIT)
        if not line:
            sys.exit(f"the sandbox did not start; see {log.name}")
        yield DataHub(json.loads(line))
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()
        log.close()


@contextlib.asynccontextmanager
async def ours(datahub):
    headers = {"Authorization": f"Bearer {datahub.ready['people'][PERSON]['token']}"}
    async with streamablehttp_client(datahub.ready["mcp_url"], headers=headers) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            yield session


@contextlib.asynccontextmanager
async def theirs(datahub):
    home = pathlib.Path(os.environ["LOGS"]) / "home"
    home.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DATAHUB_GMS_URL": datahub.url,
        "DATAHUB_GMS_TOKEN": datahub.token,
        "DATAHUB_TELEMETRY_ENABLED": "false",
        **SWITCHES,
    }
    program = pathlib.Path(sys.executable).with_name("mcp-server-datahub")
    with open(pathlib.Path(os.environ["LOGS"]) / "python-server.log", "a") as log:
        server = StdioServerParameters(command=str(program), args=[], env=environment)
        async with stdio_client(server, errlog=log) as (read, write):
            async with ClientSession(read, write) as session:
                await session.initialize()
                yield session


async def call(session, tool, arguments):
    """The answer as JSON; none where the tool says that it failed, with what it said."""
    result = await session.call_tool(tool, arguments)
    text = "\n".join(part.text for part in result.content if part.type == "text")
    if result.isError:
        return None, text
    if result.structuredContent is not None:
        return result.structuredContent, text
    return json.loads(text), text

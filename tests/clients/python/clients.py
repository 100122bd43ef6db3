"""The official Python client: `clients.py token legacy|stateless|auto`, `clients.py sign-in`."""

import asyncio
import os
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

URL = os.environ["MCP_URL"]
ORDERS = "urn:li:dataset:(urn:li:dataPlatform:snowflake,lantern.marts.fct_orders,PROD)"
UPSTREAM = "urn:li:dataset:(urn:li:dataPlatform:dbt,lantern.marts.fct_orders,PROD)"
CALLBACK = "http://127.0.0.1:33419/callback"
METADATA = OAuthClientMetadata(
    client_name="sandbox test client (Python)",
    redirect_uris=[CALLBACK],
    grant_types=["authorization_code", "refresh_token"],
    response_types=["code"],
    token_endpoint_auth_method="none",
)
MODES = {"legacy": "legacy", "stateless": "2026-07-28", "auto": "auto"}


def text(result):
    parts = [part.text for part in result.content if part.type == "text"]
    assert not result.is_error, "\n".join(parts)
    return "\n".join(parts)


async def exercise(mode, http_client):
    """Lists the tools, calls `search` and `get_lineage`."""
    transport = streamable_http_client(URL, http_client=http_client)
    async with Client(transport, mode=MODES[mode]) as client:
        version = client.protocol_version
        assert (version == "2026-07-28") == (mode != "legacy"), f"negotiated {version}"
        tools = [tool.name for tool in (await client.list_tools()).tools]
        assert {"search", "get_lineage"} <= set(tools), tools
        found = text(await client.call_tool("search", {"query": "fct_orders"}))
        assert ORDERS in found, f"search did not find {ORDERS}: {found[:300]}"
        lineage = text(await client.call_tool("get_lineage", {"urn": ORDERS, "upstream": True}))
        assert UPSTREAM in lineage, f"lineage lacks {UPSTREAM}: {lineage[:300]}"
        return f"{version}: {len(tools)} tools, search and lineage answered"


async def token(mode):
    headers = {"Authorization": f"Bearer {os.environ['MCP_TOKEN']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        return await exercise(mode, http)


class Memory(TokenStorage):
    """What a client remembers between runs."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


class Person:
    """Opens the address in the headless browser and listens where it is sent to."""

    visits = 0
    landed = None

    async def redirect(self, url):
        self.visits += 1
        arrived = asyncio.get_running_loop().create_future()

        async def callback(reader, writer):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            await writer.drain()
            writer.close()
            if not arrived.done():
                arrived.set_result(request.split(b" ")[1].decode())

        server = await asyncio.start_server(callback, "127.0.0.1", urlsplit(CALLBACK).port)
        async with server:
            browser = await asyncio.create_subprocess_exec(
                "node", os.environ["BROWSER_SCRIPT"], url, env={**os.environ, "BROWSER_CALLBACK": CALLBACK}
            )
            assert await browser.wait() == 0, "the browser got stuck"
            self.landed = await asyncio.wait_for(arrived, 10)

    async def callback(self):
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.landed).query).items()}
        assert "error" not in query, query
        return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))


async def sign_in(mode):
    memory, person = Memory(), Person()

    auth = OAuthClientProvider(URL, METADATA, memory, person.redirect, person.callback)

    async def visit():
        async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
            return await exercise(mode, http)

    done = await visit()
    assert person.visits == 1, person.visits
    before = memory.tokens
    assert before.refresh_token, "no refresh token"
    # the access token has expired: the refresh token alone has to be enough
    auth.context.token_expiry_time = 1.0
    await visit()
    assert person.visits == 1, "the second visit went through the browser"
    assert memory.tokens.refresh_token != before.refresh_token, "the refresh token did not rotate"
    return f"{done}; second visit by refresh token"


if __name__ == "__main__":
    kind, mode = (*sys.argv[1:], "auto")[:2]
    print(asyncio.run({"token": token, "sign-in": sign_in}[kind](mode)))

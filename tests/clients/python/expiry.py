"""Parallel calls at the moment when the access token expires; started by `node/expiry.mjs`.

`expiry.py JITTERS SECONDS`: a sign-in for each list of delays (seconds, as JSON), and at the end a call of each
sign-in after so many seconds more.
"""

import asyncio
import json
import os
import sys
import time

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client

from clients import METADATA, URL, Memory, Person, text

LIMIT = 20


async def me(client):
    found = text(await client.call_tool("get_me", {}))
    assert f"urn:li:corpuser:{os.environ['IDP_USERNAME']}" in found, found


async def expired(memory, context):
    """Comes back as soon as the server refuses the access token and the client knows that it expired.

    This SDK refreshes by its own clock, and signs in again where a token is refused before.
    """
    until = time.monotonic() + LIMIT
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with httpx2.AsyncClient() as http:
        while True:
            headers = {
                "Authorization": f"Bearer {memory.tokens.access_token}",
                "Accept": "application/json, text/event-stream",
            }
            refused = (await http.post(URL, json=body, headers=headers)).status_code == 401
            if refused and not context.is_token_valid():
                return
            assert time.monotonic() < until, "the access token does not expire"
            await asyncio.sleep(0.02)


async def trial(delays, grace, first_round_over, all_over):
    memory, person = Memory(), Person()
    auth = OAuthClientProvider(URL, METADATA, memory, person.redirect, person.callback)
    async with httpx2.AsyncClient(auth=auth, timeout=30) as http:
        async with Client(streamable_http_client(URL, http_client=http)) as client:

            async def call(delay):
                await asyncio.sleep(delay)
                await me(client)

            async def calls(delays):
                await expired(memory, auth.context)
                await asyncio.gather(*map(call, delays))
                assert person.visits == 1, "the client signed in again"

            await calls(delays)
            await calls([0])
            first_round_over.set()
            await all_over.wait()
            if grace:
                await calls([0])


async def main(jitters, grace):
    all_over = asyncio.Event()
    async with asyncio.TaskGroup() as trials:
        for delays in jitters:
            over = asyncio.Event()
            running = trials.create_task(trial(delays, grace, over, all_over))
            waiting = asyncio.create_task(over.wait())
            # one sign-in after the other: they share the address that the browser comes back to
            await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        await asyncio.sleep(grace)
        all_over.set()


asyncio.run(main(json.loads(sys.argv[1]), float(sys.argv[2])))

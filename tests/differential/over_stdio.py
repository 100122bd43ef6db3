"""A pytest plugin for the Python server's tests: where a client is given the server as an object, it starts this
server over stdio instead."""

import os

import fastmcp
from fastmcp.client.transports import StdioTransport

CLIENT = fastmcp.Client
PASSED_ON = ("PATH", "HOME", "DATAHUB_GMS_URL", "DATAHUB_GMS_TOKEN", "TOOLS_IS_USER_ENABLED")


def client(target, *args, **kwargs):
    if isinstance(target, fastmcp.FastMCP):
        environment = {name: os.environ[name] for name in PASSED_ON}
        target = StdioTransport(command="mcp-server-datahub", args=[], env=environment, keep_alive=False)
    return CLIENT(target, *args, **kwargs)


fastmcp.Client = client

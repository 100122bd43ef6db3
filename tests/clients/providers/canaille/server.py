"""Canaille as a company's identity provider, in one file and in memory: `server.py PORT REDIRECT_URI`.

Prints one line of JSON when it listens. Ends with its standard input.
"""

import json
import logging
import os
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend

PORT, REDIRECT_URI = int(sys.argv[1]), sys.argv[2]
CONFIG = {
    "SECRET_KEY": "of a server that ends with the test",
    "SERVER_NAME": f"127.0.0.1:{PORT}",
    "PREFERRED_URL_SCHEME": "http",
    "CANAILLE": {"DATABASE": "memory"},
    # by default, clients on loopback skip the consent page
    "CANAILLE_OIDC": {"TRUSTED_DOMAINS": []},
}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def fill():
    """The person, and the client of the server's sign-in."""
    Backend.instance.save(
        models.User(
            user_name=os.environ["IDP_USERNAME"],
            family_name="Okoro",
            formatted_name="Edwin Okoro",
            emails=["editor@lanternandloom.example"],
            password=os.environ["IDP_PASSWORD"],
        )
    )
    client = models.Client(
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        client_name="DataHub",
        client_uri="https://mcp.example",
        redirect_uris=[REDIRECT_URI],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile", "email"],
        token_endpoint_auth_method="client_secret_basic",
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


logging.disable(logging.WARNING)
app = create_app(config=CONFIG)
with app.app_context(), Backend.instance.session():
    fill()
server = make_server("127.0.0.1", PORT, app, server_class=Server, handler_class=Quiet)
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
print(json.dumps({"issuer": f"http://127.0.0.1:{PORT}"}), flush=True)
server.serve_forever()

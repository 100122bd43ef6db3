"""django-oauth-toolkit as a company's authorization server, in one file and in memory.

Prints one line of JSON when it listens: the URL, the clients, and a token that lets a resource server
introspect. Ends with its standard input.
"""

import json
import sys
import threading
from datetime import timedelta
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

RESOURCE_SERVER = ("mcp-server", "of the server: 100 %")
JOB = ("nightly", "of-the-job")

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    # One connection, shared by the threads: an in-memory database is gone with its last one.
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    MIDDLEWARE=[],
    OAUTH2_PROVIDER={
        "SCOPES": {"read": "read", "introspection": "ask about tokens"},
        "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a server that ends with the test",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import get_access_token_model, get_application_model  # noqa: E402

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def fill():
    """The clients, a person, and the tokens that no client can ask for."""
    application, token = get_application_model(), get_access_token_model()
    ada = get_user_model().objects.create_user("ada", password="ada-password")
    clients = {}
    for (client_id, secret), grant in [(RESOURCE_SERVER, "client-credentials"), (JOB, "password")]:
        clients[client_id] = application.objects.create(
            client_id=client_id,
            client_secret=secret,
            client_type="confidential",
            authorization_grant_type=grant,
            name=client_id,
        )
    now = timezone.now()
    token.objects.create(
        user=ada, application=clients["nightly"], token="expired-token-of-ada", scope="read",
        expires=now - timedelta(minutes=1),
    )
    token.objects.create(
        application=clients["mcp-server"], token="bearer-of-the-resource-server",
        scope="introspection", expires=now + timedelta(hours=1),
    )


def main():
    call_command("migrate", verbosity=0)
    fill()
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    # One request after the other, on the thread that holds the database.
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()


main()

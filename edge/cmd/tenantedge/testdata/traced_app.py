"""A Django application for the test of traces. Its middleware makes a span within the
trace of the request and sends it to the collector, as OpenTelemetry's own does.

Its arguments are the file descriptor of a listening socket and the collector's URL.
"""
import json
import secrets
import socket
import sys
import time
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.conf import settings

settings.configure(SECRET_KEY="for tests alone", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[__name__ + ".traced"])

import django

django.setup()

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path


def traced(get_response):
    def middleware(request):
        began = time.time_ns()
        response = get_response(request)
        version, trace, parent, flags = request.headers["traceparent"].split("-")
        if flags == "01":
            span = {
                "traceId": trace, "spanId": secrets.token_hex(8), "parentSpanId": parent, "name": "django " + request.path, "kind": 2,
                "startTimeUnixNano": str(began), "endTimeUnixNano": str(time.time_ns()),
                "attributes": [{"key": "request", "value": {"stringValue": request.headers["x-request-id"]}}],
            }
            service = {"attributes": [{"key": "service.name", "value": {"stringValue": "django"}}]}
            body = json.dumps({"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": [span]}]}]}).encode()
            urllib.request.urlopen(urllib.request.Request(sys.argv[2] + "/v1/traces", body, {"Content-Type": "application/json"})).read()
        return response
    return middleware


urlpatterns = [path("v1/items", lambda request: HttpResponse(request.headers["x-schema"]))]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


server = WSGIServer(("127.0.0.1", 0), Quiet, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.server_name, server.server_port = "localhost", server.socket.getsockname()[1]
server.setup_environ()
server.set_app(get_wsgi_application())
server.serve_forever()

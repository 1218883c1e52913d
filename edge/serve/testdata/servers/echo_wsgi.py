"""Reports, as JSON, what a WSGI application gets of a request.

Servers load `app`; run as a program, this file is a CGI script with the same
answers. The files echo.* in this folder do the same in other languages:

    /early   413 before the body is read
    ?s=&b=   status s and body b, even if HTTP has no body for s;
             each ~ in b becomes a line end
    ?n=      a page of the tenant
    else     what the application got

Each request is recorded in the file $ECHO_LOG.
"""
import json
import os
import urllib.parse


def note(method, path):
    with open(os.environ["ECHO_LOG"], "a") as log:
        log.write(f"{method} {path}\n")


def got(environ):
    n = environ.get("CONTENT_LENGTH")
    body = environ["wsgi.input"]
    # Without a length, servers that accept chunks end the input themselves.
    if n:
        body = body.read(int(n))
    elif environ.get("wsgi.input_terminated") or "chunked" in environ.get("HTTP_TRANSFER_ENCODING", ""):
        body = body.read()
    else:
        body = b""
    return {
        "method": environ["REQUEST_METHOD"],
        "target": environ.get("RAW_URI", environ.get("REQUEST_URI", "")),
        "path": environ.get("PATH_INFO", ""),
        "script": environ.get("SCRIPT_NAME", ""),
        "scheme": environ["wsgi.url_scheme"],
        "client": environ.get("REMOTE_ADDR", ""),
        "headers": [[k[5:].replace("_", "-").lower(), v] for k, v in environ.items() if k.startswith("HTTP_")],
        "body": body.decode("latin-1"),
    }


def app(environ, start):
    note(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""))
    q = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""), encoding="latin-1")
    status, kind = "200 OK", "text/plain"
    if environ.get("PATH_INFO") == "/early":
        status, body = "413 Request Entity Too Large", "too large"
    elif "b" in q:
        status, body = q.get("s", [status])[0], q["b"][0].replace("~", "\r\n")
    elif "n" in q:
        got(environ)
        body = "page of " + environ.get("HTTP_TENANT", "-") + " " + q["n"][0]
    else:
        kind, body = "application/json", json.dumps(got(environ))
    body = body.encode("latin-1")
    headers = [("Content-Type", kind)]
    if status[:3] not in ("204", "304"):
        headers.append(("Content-Length", str(len(body))))
    start(status, headers)
    return [body]


application = app  # as mod_wsgi calls it

if __name__ == "__main__":
    from wsgiref.handlers import CGIHandler

    CGIHandler().run(app)

"""Reports what an ASGI application gets; see echo_wsgi.py. Websockets get the
tenant as the first message; further messages are echoed."""
import json
import urllib.parse

from echo_wsgi import note


async def read(receive):
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client closed the connection")
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def header(scope, name):
    return b", ".join(v for k, v in scope["headers"] if k == name).decode("latin-1")


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        return await websocket(scope, receive, send)
    note(scope["method"], scope["path"])
    q = urllib.parse.parse_qs(scope["query_string"].decode("latin-1"), encoding="latin-1")
    status, kind = 200, b"text/plain"
    if scope["path"] == "/early":
        status, body = 413, "too large"
    elif "b" in q:
        status, body = int(q.get("s", ["200"])[0].split()[0]), q["b"][0].replace("~", "\r\n")
    elif "n" in q:
        await read(receive)
        body = "page of " + (header(scope, b"tenant") or "-") + " " + q["n"][0]
    else:
        kind, body = b"application/json", json.dumps({
            "method": scope["method"],
            "target": scope.get("raw_path", b"").decode("latin-1"),
            "path": scope["path"],
            "script": scope.get("root_path", ""),
            "scheme": scope["scheme"],
            "client": (scope.get("client") or [""])[0],
            "headers": [[k.decode("latin-1").lower(), v.decode("latin-1")] for k, v in scope["headers"]],
            "body": (await read(receive)).decode("latin-1"),
        })
    body = body.encode("latin-1")
    headers = [(b"content-type", kind)]
    if status not in (204, 304):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def websocket(scope, receive, send):
    while True:
        message = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "tenant " + header(scope, b"tenant")})
        elif message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            return

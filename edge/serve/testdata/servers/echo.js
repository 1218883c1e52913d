// Reports what Node's http passes to an application; see echo_wsgi.py. In
// addition, /hints sends 103 first, and /trailer ends its answer with a trailer.
const fs = require("fs"), http = require("http"), crypto = require("crypto");

const server = http.createServer((request, response) => {
	const url = new URL("http://host" + (request.url.startsWith("/") ? request.url.replace(/^\/+/, "/") : "/"));
	const q = url.searchParams;
	fs.appendFileSync(process.env.ECHO_LOG, request.method + " " + url.pathname + "\n");
	const answer = (status, kind, text) => {
		const body = Buffer.from(text, "latin1");
		const headers = {"Content-Type": kind};
		if (url.pathname == "/trailer") {
			headers["Trailer"] = "X-Sum, Set-Cookie";
			response.addTrailers({"X-Sum": "1", "Set-Cookie": "a=b", "X-Accel-Redirect": "/x"});
		} else if (status != 204 && status != 304) {
			headers["Content-Length"] = body.length;
		}
		response.writeHead(status, headers);
		response.end(body);
	};
	if (url.pathname == "/early")
		return answer(413, "text/plain", "too large");
	if (q.has("b"))
		return answer(parseInt(q.get("s") || "200"), "text/plain", q.get("b").replaceAll("~", "\r\n"));
	if (url.pathname == "/hints")
		response.writeEarlyHints({link: "</style.css>; rel=preload"});
	const chunks = [];
	request.on("data", chunk => chunks.push(chunk));
	request.on("end", () => {
		if (q.has("n"))
			return answer(200, "text/plain", "page of " + (request.headers["tenant"] || "-") + " " + q.get("n"));
		const headers = [];
		for (let i = 0; i < request.rawHeaders.length; i += 2)
			headers.push([request.rawHeaders[i].toLowerCase(), request.rawHeaders[i + 1]]);
		answer(200, "application/json", JSON.stringify({
			method: request.method, target: request.url, path: "", script: "",
			scheme: "http", client: request.socket.remoteAddress, headers: headers,
			trailers: request.rawTrailers, body: Buffer.concat(chunks).toString("latin1"),
		}));
	});
});

// The test sends only messages of at most 125 bytes, in one frame.
server.on("upgrade", (request, socket) => {
	if (request.headers.upgrade.toLowerCase() != "websocket") {
		socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + request.headers.upgrade + "\r\n\r\nbytes of no tenant");
		return;
	}
	const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
		crypto.createHash("sha1").update(key).digest("base64") + "\r\n\r\n");
	const send = text => socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
	send(Buffer.from("tenant " + (request.headers["tenant"] || "")));
	socket.on("data", frame => {
		if ((frame[0] & 15) != 1)
			return socket.end();
		const mask = frame.subarray(2, 6);
		send(Buffer.from(frame.subarray(6, 6 + (frame[1] & 127)).map((c, i) => c ^ mask[i % 4])));
	});
	socket.on("error", () => {});
});

server.listen(process.argv[2], "127.0.0.1");

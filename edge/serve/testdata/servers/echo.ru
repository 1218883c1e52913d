# Reports what a Rack application gets; see echo_wsgi.py and echo.js.
require "json"
require "uri"

run(lambda do |env|
  path = env["PATH_INFO"]
  File.open(ENV["ECHO_LOG"], "a") { |log| log.write("#{env["REQUEST_METHOD"]} #{path}\n") }
  q = URI.decode_www_form(env["QUERY_STRING"]).to_h
  bytes = ->(text) { text.to_s.b.force_encoding("ISO-8859-1").encode("UTF-8") }
  status, kind = 200, "text/plain"
  if path == "/early"
    status, body = 413, "too large"
  elsif q["b"]
    status, body = (q["s"] || "200").to_i, q["b"].gsub("~", "\r\n")
  elsif q["n"]
    env["rack.input"].read
    body = "page of #{env["HTTP_TENANT"] || "-"} #{q["n"]}"
  else
    env["rack.early_hints"]&.call("Link" => "</style.css>; rel=preload") if path == "/hints"
    kind = "application/json"
    body = JSON.dump({
      method: env["REQUEST_METHOD"], target: bytes.(env["REQUEST_URI"]), path: bytes.(path), script: env["SCRIPT_NAME"],
      scheme: env["rack.url_scheme"], client: env["REMOTE_ADDR"],
      headers: env.select { |k, _| k.start_with?("HTTP_") }.map { |k, v| [bytes.(k[5..].tr("_", "-").downcase), bytes.(v)] },
      body: bytes.(env["rack.input"].read),
    })
  end
  headers = { "Content-Type" => kind }
  headers["Content-Length"] = body.bytesize.to_s unless [204, 304].include?(status)
  [status, headers, [body]]
end)

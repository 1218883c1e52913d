-- Asks tenantedge which tenant a request is for: the action lua.tenantedge of
-- haproxy.cfg.
local address = os.getenv("TENANTEDGE_DECIDE") -- the address of `decide`

-- Headers of one connection, and those of the answer that say nothing about the
-- request.
local skipped = {}
for _, name in ipairs({
	"connection", "content-length", "content-type", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
	"http2-settings", "cache-control", "date", "x-content-type-options", "expect",
}) do
	skipped[name] = true
end

-- fold returns the common form of the spellings that application servers read as the
-- same name.
local function fold(name)
	return (string.gsub(string.lower(name), "[^a-z0-9]", "-"))
end

-- target returns the target as the client sent it. HAProxy makes an absolute URL of
-- that of HTTP/2.
local function target(txn)
	local url = txn.f:url()
	if txn.f:req_ver() == "2.0" or txn.f:req_ver() == "3.0" then
		return txn.f:pathq()
	end
	return url
end

local function refuse(txn, status, location, body)
	local reply = txn:reply()
	reply:set_status(status)
	if location then
		reply:add_header("location", location)
	else
		reply:add_header("content-type", "text/plain; charset=utf-8")
		reply:add_header("cache-control", "no-store")
		reply:set_body(body or "")
	end
	txn:done(reply)
end

local function ask(txn)
	local sent = txn.http:req_get_headers()
	local headers = {}
	for name, values in pairs(sent) do
		if not skipped[name] then
			local list = {}
			for i = 0, #values do -- from 0
				if values[i] then
					list[#list + 1] = values[i]
				end
			end
			headers[name] = list
		end
	end
	headers["x-original-method"] = { txn.f:method() }
	headers["x-original-uri"] = { target(txn) }
	headers["x-original-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
	headers["x-original-for"] = { txn.f:src() }
	if sent["host"] then
		local hosts = {}
		for i = 0, #sent["host"] do
			hosts[#hosts + 1] = sent["host"][i]
		end
		headers["x-original-host"] = hosts
	end
	headers["host"] = { "tenantedge" }
	return core.httpclient():get({ url = "http://" .. address .. "/", headers = headers, timeout = 5000 })
end

core.register_action("tenantedge", { "http-req" }, function(txn)
	local ok, answer = pcall(ask, txn)
	if not ok or not answer or not answer.status or answer.status == 0 then
		core.log(core.err, "tenantedge does not answer: " .. tostring(answer))
		return refuse(txn, 503, nil, "503 Service Unavailable\n")
	end
	if answer.status ~= 200 then
		local location = answer.headers["location"]
		return refuse(txn, answer.status, location and location[0], answer.body)
	end
	-- Replace what the client sent under the names of the answer, in any spelling.
	local own = { ["tenantedge-proof"] = true, ["tenant"] = true, ["x-forwarded-prefix"] = true, ["cookie"] = true }
	for name in pairs(answer.headers) do
		if not skipped[name] then
			own[fold(name)] = true
		end
	end
	for name in pairs(txn.http:req_get_headers()) do
		if own[fold(name)] or string.find(fold(name), "^tenantedge%-") then
			txn.http:req_del_header(name)
		end
	end
	for name, values in pairs(answer.headers) do
		if not skipped[name] and values[0] ~= "" then
			txn.http:req_set_header(name, values[0])
		end
	end
	for _, name in ipairs({ "target", "host", "urlconf" }) do
		local values = answer.headers["tenantedge-" .. name]
		if values and values[0] ~= "" then
			txn:set_var("txn.tenantedge_" .. name, values[0])
		end
	end
end, 0)

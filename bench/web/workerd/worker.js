// A worker that routes by domain and folder as the default guest of tenantedge
// does: the same table, the same answers, the same checks of host names.
import table from "table.json";

// A Map has the cheapest lookups in V8. Rows are domain, folder, schema.
const rows = new Map();
for (const [domain, folder, schema] of table.rows) rows.set(domain + "/" + folder, schema);
const statics = new Map(table.statics);

// hostname returns the normalised host name, or null if it is invalid.
function hostname(host) {
  if (!host) return null;
  let name = host;
  const colon = name.lastIndexOf(":");
  if (colon >= 0) {
    if (!/^[0-9]{0,5}$/.test(name.slice(colon + 1))) return null;
    name = name.slice(0, colon);
  }
  if (name.endsWith(".")) name = name.slice(0, -1);
  name = name.toLowerCase();
  if (name.length === 0 || name.length > 253) return null;
  if (!/^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/.test(name)) return null;
  return name.startsWith("www.") ? name.slice(4) : name;
}

function refuse(status, text) {
  return new Response(text, { status });
}

export default {
  fetch(request) {
    const host = hostname(request.headers.get("host"));
    if (host === null) return refuse(400, "bad request");
    const url = request.url;
    let start = url.indexOf("/", 8);
    if (start < 0) start = url.length;
    let end = url.indexOf("?", start);
    if (end < 0) end = url.length;
    let path = url.slice(start, end) || "/";
    let schema = statics.get(host);
    if (schema === undefined) {
      const slash = path.indexOf("/", 1);
      const folder = slash < 0 ? path.slice(1) : path.slice(1, slash);
      if (folder !== "") {
        schema = rows.get(host + "/" + folder);
        if (schema !== undefined) path = slash < 0 ? "/" : path.slice(slash);
      }
      if (schema === undefined) schema = rows.get(host + "/");
      if (schema === undefined) return refuse(404, "no tenant");
    }
    if (path.includes("%")) {
      try {
        path = decodeURIComponent(path);
      } catch {
        return refuse(400, "bad request");
      }
    }
    return new Response(schema + " " + path, { headers: { "Content-Type": "text/plain" } });
  },
};

// A guest: it decides which tenant a request is for. There is no SDK for Zig: this file
// follows the contract, https://github.com/tenantedge/tenantedge/blob/main/guest/abi/abi.go.
const Text = []const u8;

// Fields of messages, and values of a decision's word.
const req_host = 2;
const rec_id = 0;
const rec_schema = 1;
const dec_schema = 0;
const dec_id = 1;
const dec_domain = 2;
const dec_reason = 11;
const dec_fields = 12;
const outcome_tenant: u32 = 1 | 1 << 8 | 200 << 16; // 1 << 8: a row of the directory
const outcome_missing: u32 = 3 | 404 << 16;

extern "tenantedge" fn tenant_by_reference(ref: [*]const u8, len: u32, out: [*]u8, cap: u32) i64;

// The head of the reply comes first, so that its fields can point to the request and
// the record in place.
const Memory = extern struct {
    word: u32,
    n: u32,
    fields: [dec_fields]extern struct { offset: u32, length: u32 },
    request: [65536]u8,
    record: [32768]u8, // a reply has 128 KiB at most
};
var memory: Memory = undefined;

// route finds the tenant by the first label of the host: acme.example.com is for the
// tenant acme. Requests for other hosts are refused with 404.
fn route(host: Text) void {
    const label = until(host, '.');
    const size = tenant_by_reference(label.ptr, @intCast(label.len), &memory.record, memory.record.len);
    if (size < 0 or size > memory.record.len) {
        memory.word = outcome_missing;
        const reason = "no tenant has that name";
        @memcpy(memory.record[0..reason.len], reason);
        put(dec_reason, memory.record[0..reason.len]);
        return;
    }
    const tenant = memory.record[0..@intCast(size)];
    memory.word = outcome_tenant;
    put(dec_schema, field(tenant, rec_schema));
    put(dec_id, field(tenant, rec_id));
    put(dec_domain, host);
}

export fn te_abi_version() u32 {
    return 1;
}

export fn te_buffer(size: u32) ?[*]u8 {
    return if (size <= memory.request.len) &memory.request else null;
}

// This guest ignores the configuration.
export fn te_configure(_: u32) u64 {
    const configured = "{\"name\":\"first label\",\"version\":\"1\"}";
    return reply(@intFromPtr(configured), configured.len);
}

export fn te_route(length: u32) u64 {
    memory.n = dec_fields;
    for (&memory.fields) |*f| f.* = .{ .offset = 0, .length = 0 };
    const request = memory.request[0..length];
    route(field(request, req_host));
    return reply(@intFromPtr(&memory), @sizeOf(Memory));
}

fn reply(at: usize, length: u32) u64 {
    return @as(u64, @intCast(at)) << 32 | length;
}

fn put(i: usize, text: Text) void {
    memory.fields[i] = .{ .offset = @intCast(@intFromPtr(text.ptr) - @intFromPtr(&memory)), .length = @intCast(text.len) };
}

// field returns field i of a message, empty if it is absent or outside of the message.
fn field(message: Text, i: usize) Text {
    if (message.len < 16 + 8 * i or i >= load(message, 4)) return message[0..0];
    const offset = load(message, 8 + 8 * i);
    const length = load(message, 12 + 8 * i);
    if (offset > message.len or length > message.len - offset) return message[0..0];
    return message[offset..][0..length];
}

fn load(message: Text, at: usize) u32 {
    return @as(u32, message[at]) | @as(u32, message[at + 1]) << 8 | @as(u32, message[at + 2]) << 16 | @as(u32, message[at + 3]) << 24;
}

fn until(text: Text, end: u8) Text {
    for (text, 0..) |byte, i| {
        if (byte == end) return text[0..i];
    }
    return text;
}

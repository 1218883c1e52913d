"""A process with a channel layer of channels_redis, driven by the Go tests.

Reads one JSON object a line: the first holds the layer's settings, others are
commands. Writes one JSON object a line: answers to commands, and what arrives.
"""

import asyncio
import json
import sys

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import RedisError


def say(**what):
    print(json.dumps(what), flush=True)


async def listen(layer, channel):
    while True:
        try:
            message = await layer.receive(channel)
        except (OSError, RedisError):
            await asyncio.sleep(0.05)  # like a client that reconnects
            continue
        say(got=message["type"], text=message.get("text"), binary=list(message.get("binary", b"")))


async def main():
    loop = asyncio.get_running_loop()

    async def read():
        line = await loop.run_in_executor(None, sys.stdin.readline)
        return json.loads(line) if line else None

    settings = await read()
    kind = settings.pop("layer")
    layer = {"core": RedisChannelLayer, "pubsub": RedisPubSubChannelLayer}[kind](**settings)
    channel = await layer.new_channel()
    tasks = [asyncio.ensure_future(listen(layer, channel))]
    say(channel=channel)
    while command := await read():
        op, name = command["op"], command.get("name")
        message = {"type": command.get("type"), "text": "hé😀", "binary": b"\x00\xff"}
        try:
            if op == "join":
                await layer.group_add(name, channel)
            elif op == "leave":
                await layer.group_discard(name, channel)
            elif op == "group_send":
                await layer.group_send(name, message)
            elif op == "send":
                await layer.send(name, message)
            elif op == "receive":
                tasks.append(asyncio.ensure_future(listen(layer, name)))
        except (OSError, RedisError) as e:
            say(failed=repr(e))
        else:
            say(done=op)


asyncio.run(main())

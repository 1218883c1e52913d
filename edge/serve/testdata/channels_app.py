"""A Django Channels application for the tests, served by daphne.

Its arguments are the file descriptor of a listening socket, the URL of Redis
and the prefix of the channel layer. Its websocket consumer joins the group chat
of the tenant that the edge names. It uses the name that edges have for the group.
"""
import json
import sys

from django.conf import settings

settings.configure(
    SECRET_KEY="for tests alone",
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [sys.argv[2]], "prefix": sys.argv[3]},
        }
    },
)

import django

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from daphne.server import Server
from django.urls import path


class Chat(AsyncWebsocketConsumer):
    async def connect(self):
        headers = dict(self.scope["headers"])
        self.schema = headers[b"tenant"].decode()
        if self.scope["url_route"]["kwargs"]["room"] == "closed":
            await self.close()  # before it is accepted: 403
            return
        # A tenant's group is <schema>.<group> on the wire.
        self.group = f"{self.schema}.chat"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept("chat" if "chat" in self.scope["subprotocols"] else None)
        await self.send(json.dumps({"path": self.scope["path"], "tenant": self.schema}))

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "bye":
            await self.close(4000)
        elif bytes_data is not None:
            await self.send(bytes_data=bytes_data)
        else:
            await self.channel_layer.group_send(self.group, {"type": "websocket.send", "text": text_data})

    async def disconnect(self, code):
        if hasattr(self, "group"):
            await self.channel_layer.group_send(self.group, {"type": "websocket.send", "text": f"left with {code}"})
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def websocket_send(self, event):
        await self.send(event["text"])


Server(
    URLRouter([path("relay/<str:room>/", Chat.as_asgi())]),
    endpoints=[f"fd:fileno={sys.argv[1]}"],
    signal_handlers=False,
).run()

"""The echo and the group of the benchmark in Django Channels."""

import os

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer  # noqa: F401
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path

settings.configure(
    SECRET_KEY="benchmark",
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": os.environ["LAYER"],
            "CONFIG": {"hosts": [os.environ["REDIS"]], "capacity": 100000},
        }
    },
)

import django  # noqa: E402

django.setup()


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data)


class Group(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("bench", self.channel_name)
        await self.accept()
        await self.send(text_data="x" * 64)

    async def disconnect(self, code):
        await self.channel_layer.group_discard("bench", self.channel_name)

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("bench", {"type": "bench.message", "text": text_data})

    async def bench_message(self, event):
        await self.send(text_data=event["text"])


application = ProtocolTypeRouter(
    {"websocket": URLRouter([path("ws/echo/", Echo.as_asgi()), path("ws/group/", Group.as_asgi())])}
)

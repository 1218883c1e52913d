"""A Django site with tenants in folders. It gets the tenant from a header, as with
HeadersRoutingMiddleware of django-pgschemas, and the folder from the edge."""
import asyncio
import json

from django.conf import settings

settings.configure(
    SECRET_KEY="test", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MEDIA_URL="/media/", STATIC_URL="/static/", LOGIN_URL="login",
    MIDDLEWARE=[__name__ + ".by_header", "django.middleware.common.CommonMiddleware"],
)

import django
from django.http import HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import path, reverse
from django.utils.decorators import sync_and_async_middleware

django.setup()


@sync_and_async_middleware
def by_header(get_response):
    if asyncio.iscoroutinefunction(get_response):
        async def middleware(request):
            request.tenant = request.headers.get("tenant")
            return await get_response(request)
    else:
        def middleware(request):
            request.tenant = request.headers.get("tenant")
            return get_response(request)
    return middleware


def page(request):
    return HttpResponse(json.dumps({
        "tenant": request.tenant, "path": request.path, "inner": request.path_info, "reverse": reverse("page"),
        "absolute": request.build_absolute_uri("x"), "file": FolderStorage(location="/nowhere").url("a b.txt"), "login": resolve_url(settings.LOGIN_URL),
    }), content_type="application/json")


urlpatterns = [
    path("page/", page, name="page"),
    path("go/", lambda request: redirect("page")),
    path("accounts/login/", page, name="login"),
]


# The documentation has the lines from here on.
from django.core.asgi import get_asgi_application
from django.core.files.storage import FileSystemStorage
from django.core.wsgi import get_wsgi_application
from django.urls import get_script_prefix

django_wsgi = get_wsgi_application()
django_asgi = get_asgi_application()


def application(environ, start_response):
    environ["SCRIPT_NAME"] = environ.get("HTTP_X_FORWARDED_PREFIX", "")
    return django_wsgi(environ, start_response)


async def asgi_application(scope, receive, send):
    if scope["type"] == "http":
        prefix = dict(scope["headers"]).get(b"x-forwarded-prefix", b"").decode("ascii")
        scope = {**scope, "root_path": prefix, "path": prefix + scope["path"]}
    await django_asgi(scope, receive, send)


class FolderStorage(FileSystemStorage):  # or TenantFileSystemStorage
    @property
    def base_url(self):
        folder = get_script_prefix()
        return folder + "media/" if folder != "/" else super().base_url

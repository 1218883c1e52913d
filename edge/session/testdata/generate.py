"""Writes sessions.json: sessions as Django itself writes them.

Run with Django 3.2 (Debian: apt-get install python3-django), whose signing
format is that of 5.2:

    /usr/bin/python3 generate.py > sessions.json
"""

import datetime
import json
import time
import warnings
from unittest import mock

import django
from django.conf import settings

warnings.simplefilter("ignore")
KEY = "django-insecure-4$k(t_0y!u&w+3@e=z9^q%2#h1x7v8m5n6b*r-jpc"
OLD = "an older key, rotated out"
settings.configure(SECRET_KEY=KEY, USE_TZ=True, DEFAULT_HASHING_ALGORITHM="sha256")

from django.contrib.sessions.backends import db, signed_cookies  # noqa: E402
from django.contrib.sessions.serializers import PickleSerializer  # noqa: E402
from django.core import signing  # noqa: E402

SIGNED = 1790000000  # 2026-09-21
COOKIE_SALT = "django.contrib.sessions.backends.signed_cookies"

CONTENTS = {
    "empty": {},
    "tenant": {"tenant": "t1"},
    "numeric tenant": {"tenant": 7},
    "no tenant": {"tenant": None},
    "login": {
        "_auth_user_id": "1",
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": "0" * 64,
        "tenant": "t2",
    },
    "text beyond ASCII": {"tenant": "bücher", "note": "😀 <&> \u2028 \" \\ \x00"},
    "nested": {"cart": [{"id": 1, "n": 2.5}, [], {}, True, False, None], "tenant": "t3"},
    "compressed": {"tenant": "t4", "wish list": ["the same thing again"] * 200},
    "expires in five minutes": {"tenant": "t5", "_session_expiry": 300},
    "expires with the browser": {"tenant": "t6", "_session_expiry": 0},
    "expires on a day": {"tenant": "t7", "_session_expiry": "2026-09-22T00:00:00+00:00"},
    "expires on a day, local time": {"tenant": "t8", "_session_expiry": "2026-09-21T20:00:00.250000-04:00"},
}


def main():
    cases = []

    def add(name, backend, value, content, **more):
        cases.append({"name": name, "backend": backend, "value": value, "content": content, **more})

    with mock.patch("time.time", return_value=SIGNED + 0.75):
        for name, content in CONTENTS.items():
            store = signed_cookies.SessionStore()
            store.update(content)
            add(name, "signed_cookies", store._get_session_key(), content)
            add(name, "db", db.SessionStore().encode(content), content)
        tenant = CONTENTS["tenant"]
        for backend, salt in (("signed_cookies", COOKIE_SALT), ("db", db.SessionStore().key_salt)):
            add("fallback key", backend, signing.dumps(tenant, key=OLD, salt=salt, compress=True), tenant)
            add("own salt", backend, signing.dumps(tenant, salt="shop.Sessions", compress=True), tenant, salt="shop.Sessions")
            add("unknown key", backend, signing.dumps(tenant, key="?", salt=salt, compress=True), None, invalid="forged")
            add("other salt", backend, signing.dumps(tenant, salt="elsewhere", compress=True), None, invalid="forged")
            add("SHA-1 of Django 3.0", backend,
                signing.TimestampSigner(salt=salt, algorithm="sha1").sign_object(tenant, compress=True),
                None, invalid="forged")
            add("without a time", backend, signing.Signer(salt=salt).sign_object(tenant), None, invalid="forged")
            for protocol in (0, 1, 2, 4):
                class Pickle(PickleSerializer):
                    def dumps(self, obj, protocol=protocol):
                        import pickle
                        return pickle.dumps(obj, protocol)
                add(f"pickle protocol {protocol}", backend,
                    signing.dumps(tenant, salt=salt, serializer=Pickle, compress=True), None, invalid="pickled")
            for odd in (["tenant"], "tenant", None, {"tenant": float("nan")}):
                add(f"JSON {json.dumps(odd)}", backend, signing.dumps(odd, salt=salt), None, invalid="unreadable")
            add("inflates beyond the bound", backend,
                signing.dumps({"tenant": " " * (1 << 21)}, salt=salt, compress=True), None, invalid="unreadable")
    json.dump(
        {"about": f"made by generate.py with Django {django.get_version()}", "key": KEY, "old": OLD,
         "signed": SIGNED, "cases": cases},
        fp=__import__("sys").stdout, indent=1)
    print()


main()

"""Writes django.json: what Django's FileSystemStorage does with names and files.

    PYTHONPATH=<Django 5.1 or 5.2> python3.12 observe.py > django.json

Random parts of names are written as seven question marks.
"""
import itertools, json, random, re, sys, tempfile, unicodedata

import django
from django.conf import settings

settings.configure(MEDIA_URL="/media/")
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.utils import crypto
import django.core.files.storage.base as base

rng = random.Random(20261122)
serial = itertools.count()


def marked(length):
    # Distinct, so that a second collision does not loop, and easy to find again.
    return "Zq%05d" % next(serial)


base.get_random_string = marked


def plain(x):
    if isinstance(x, str):
        return re.sub(r"_Zq\d{5}", "_???????", x)
    if isinstance(x, list):
        return [plain(i) for i in x]
    return x


def observed(f):
    try:
        return {"is": plain(f())}
    except SuspiciousFileOperation:
        return {"error": "suspicious"}
    except Exception as e:
        return {"error": type(e).__name__}


PIECES = ["a", "b.txt", "..", ".", "", "a b", "é", "日本", "x.tar.gz", ".hidden", ".hidden.txt", "a.", "a..b", "..a.b", "~", "%2e%2e",
          "\\", "a\\b", "..\\x", "\x00", "e\u0301", "a\tb", "\u00a0", "\x1c", "½", "²", "Ⅷ", "٣", "_", "-", "$", "😀", "a/", "'q'", "a\nb", " x ", "con", "\u200b", "\u2028x"]


def names(count):
    out = list(PIECES)
    for _ in range(count):
        out.append("".join(rng.choice(PIECES + ["/", "/", "/"]) for _ in range(rng.randint(1, 6))))
    return list(dict.fromkeys(out))


def ranges(keep):
    out = []
    for c in range(0x110000):
        if not keep(c):
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


storage = FileSystemStorage(tempfile.mkdtemp())
kept = re.compile(r"(?u)[-\w.]")
assigned = lambda c: unicodedata.category(chr(c)) not in ("Cn", "Cs")
doc = {
    "django": django.get_version(), "python": sys.version.split()[0], "unicode": unicodedata.unidata_version,
    "kept": ranges(lambda c: assigned(c) and kept.match(chr(c))),
    "dropped": ranges(lambda c: assigned(c) and not kept.match(chr(c))),
    "blank": [c for c in range(0x110000) if chr(c).isspace()],
    "valid_name": [[n, observed(lambda: storage.get_valid_name(n))] for n in names(400)],
    "generate_filename": [[n, observed(lambda: storage.generate_filename(n))] for n in names(600)],
    "sequences": [],
}

FILES = ["a.txt", "d/a.txt", "d//a.txt", "./a.txt", "d/./e/x.tar.gz", "noext", ".hidden", ".hidden.txt", "a.", "a..b", "é日本.txt", "d\\a.txt",
         "d/../a.txt", "../a.txt", "/a.txt", "//a.txt", "d/", "d", ".", "..", "", "a.txt/x", "a.txt/x/y", "d/..", "a\\..\\b", "d/e", "x.tar.gz",
         "nine.long", "averyveryverylongname.txt", "d/averyveryverylongname.txt", "n" * 260, "d/" + "m" * 250 + ".txt", "~x", "%2e%2e/x", "a b.txt", "d/e/"]


def run(steps):
    s = FileSystemStorage(tempfile.mkdtemp())
    return [observed(lambda: step(s, **x)) for x in steps]


def step(s, op, name=None, content=None, max_length=None, path=None):
    if op == "save":
        return s.save(name, ContentFile(content.encode()), max_length=max_length)
    if op == "exists":
        return s.exists(name)
    if op == "listdir":
        return [sorted(x) for x in s.listdir(path)]
    if op == "size":
        return s.size(name)
    if op == "delete":
        return s.delete(name)
    if op == "open":
        with s.open(name) as f:
            return f.read().decode()


for _ in range(260):
    few = rng.sample(FILES, 6)
    steps = []
    for _ in range(rng.randint(3, 12)):
        name, op = rng.choice(few), rng.choices(["save", "exists", "listdir", "size", "delete", "open"], [6, 2, 1, 1, 1, 1])[0]
        if op == "listdir":
            steps.append({"op": op, "path": rng.choice(["", ".", "d", "d/e", "..", "/", "a.txt", "missing", "d/.."])})
            continue
        if op == "size" and name in ("", ".", "d", "d/", "d/e", "d/e/", "d/.."):
            continue  # of a folder: the file system's own
        if op == "delete" and name in (".", "d/.."):
            continue  # the folder of all files, which ours does not delete
        x = {"op": op, "name": name}
        if op == "save":
            x["content"] = rng.choice(["", "x", "zwölf", "0123456789"])
            if rng.random() < 0.4:
                x["max_length"] = rng.choice([8, 9, 12, 14, 16, 20, 100])
        steps.append(x)
    if steps:
        doc["sequences"].append({"steps": steps, "results": run(steps)})

out = json.dumps(doc, ensure_ascii=True, separators=(",", ":"))
print(re.sub(r'(\[\[|\{"steps"|"(?:kept|dropped|blank|valid_name|generate_filename|sequences)")', r"\n\1", out))

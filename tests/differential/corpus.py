"""Requests to compare by: known traps, ordinary ones, and strategies and mutations of both."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit

from hypothesis import strategies as st

from tests.differential.peers import Case

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
RECORDED: Final = Path(__file__).parent / "requests"
"""Made by the vendors' own SDKs against a server on loopback, with invented data (November 2026:
stripe, PyGithub, requests, boto3, google-api-python-client, kubernetes, slack_sdk and others)."""


def form(body: str | bytes, kind: str = FORM, **more: str) -> Case:
    return _posted(body, kind, more)


def document(body: Any, kind: str = JSON, **more: str) -> Case:
    return _posted(body if isinstance(body, str | bytes) else json.dumps(body), kind, more)


def query(text: str) -> Case:
    return Case("GET", f"/public/x?{text}")


def at(path: str, method: str = "GET") -> Case:
    return Case(method, path)


def headed(name: str, value: str, case: Case | None = None) -> Case:
    case = case or document({"a": 1})
    return Case(case.method, case.target, (*case.headers, (name, value)), case.body)


def _posted(body: str | bytes, kind: str, more: Mapping[str, str]) -> Case:
    raw = body.encode() if isinstance(body, str) else body
    headers = [("Content-Type", kind)] if kind else []
    headers += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Case("POST", "/public/x", tuple(headers), raw)


def recorded(file: Path) -> Case:
    """One of `requests/`, with the address as its target."""
    said = json.loads(file.read_text())
    url = urlsplit(said["url"])
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    dropped = ("host", "content-length", "connection", "transfer-encoding", "expect")
    headers = tuple((n, v) for n, v in said["headers"].items() if n not in dropped)
    return Case(said["method"], target, headers, base64.b64decode(said.get("body_base64", "")))


def ordinary() -> list[Case]:
    """What agents send all day; every one of them must stay clear."""
    return [
        *(recorded(file) for file in sorted(RECORDED.glob("*.json"))),
        query("per_page=100&page=2&state=open&sort=created"),
        query("q=is%3Aopen+label%3Abug&labels=bug,ui&since=2026-01-01T00%3A00%3A00Z"),
        query("expand[]=data.customer&limit=3&created[gte]=1700000000&created[lt]=1800000000"),
        query("$filter=startswith(displayName,'A')&$select=id,mail&$top=5"),
        query("fields=items(id,summary),nextPageToken&alt=json&prettyPrint=false"),
        query("email=a.b%2Bc%40example.com&empty=&flag"),
        query("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261128T100000Z&X-Amz-Expires=60"),
        form("amount=1240000&currency=eur&destination=ba_1&metadata[invoice]=7&metadata[for]=ACME"),
        form("line_items[0][price]=p_1&line_items[0][quantity]=2&line_items[1][price]=p_2"),
        form("items[]=a&items[]=b&description=Two+words%2C+and+more"),
        form("To=%2B4915112345678&From=%2B4930123456&Body=Gr%C3%BC%C3%9Fe%20%F0%9F%91%8B"),
        form("Action=TerminateInstances&InstanceId.1=i-1&InstanceId.2=i-2&Version=2016-11-15"),
        form("grant_type=refresh_token&client_id=x&scope=a%20b", f"{FORM}; charset=utf-8"),
        document({"model": "m", "messages": [{"role": "user", "content": "Hi 👋"}], "n": 0.25}),
        document({"a": {"b": [1, 2.5, -3e10, True, None, "x\ny"]}, "e": {}, "l": []}),
        document({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}}),
        document(
            [{"op": "replace", "path": "/spec/replicas", "value": 3}], "application/json-patch+json"
        ),
        document(
            '{\n  "summary": "Lunch",\n  "at": "2026-11-28T12:00:00+01:00"\n}\n',
            f"{JSON}; charset=UTF-8",
        ),
        document({"A": 1, "b": "a=b&c=d;e", "c": "</script>", "d": "\u2028"}),
        at("/v1/charges/ch_1Abc-9"),
        at("/v1/users/kim%40example.com", "DELETE"),
        at("/v1/customers/Gr%C3%BC%C3%9Fe"),
        at("/admin/a/b.c/d_e-f~g", "POST"),
        at("/a/7:cancel/b", "PUT"),
        at("/repos/a/b/contents/.github/workflows/ci.yml", "PUT"),
    ]


ZIPPED: Final = gzip.compress(b'{"a":5}', mtime=0)

TRAPS: Final[Mapping[str, Case]] = {
    # Charsets
    "utf-7": document(
        '{"total":5,"m":"+ACI-+ACw-+ACI-total+ACI-+ADo-9+ACw-"}', f"{JSON}; charset=utf-7"
    ),
    "utf-16": document('{"a":1}'.encode("utf-16-le"), f"{JSON}; charset=utf-16le"),
    "utf-16, not said": document('{"a":1}'.encode("utf-16-le")),
    "utf-32, not said": document('{"a":1}'.encode("utf-32-be")),
    "latin-1": document('{"a":"\xe9"}'.encode("latin-1"), f"{JSON}; charset=iso-8859-1"),
    "latin-1 form": form("a=%E9", f"{FORM}; charset=iso-8859-1"),
    "latin-1 form, not said": form("a=%E9"),
    "charset twice": document('{"a":1}', f"{JSON}; charset=utf-8; charset=utf-7"),
    "charset in quotes": document('{"a":"ä"}', f'{JSON}; charset="utf-8"'),
    "charset in single quotes": document('{"a":"ä"}', f"{JSON}; charset='utf-8'"),
    "charset*": document('{"a":1}', f"{JSON}; charset*=utf-7''x"),
    "ebcdic": document('{"a":1}'.encode("cp037"), f"{JSON}; charset=cp037"),
    "_charset_": form("_charset_=iso-8859-1&a=%E9"),
    "_charset_, ASCII": form("_charset_=utf-7&a=b"),
    "utf8=": form("utf8=%26%2310003%3B&a=%C3%A9"),
    "BOM": document(b'\xef\xbb\xbf{"a":1}'),
    "BOM in a form": form(b"\xef\xbb\xbfa=1"),
    "BOM escaped": form("%EF%BB%BFa=1"),
    "overlong": form("a=%C0%AF"),
    "overlong JSON": document(b'{"a":"\xc0\xaf"}'),
    "surrogates as UTF-8": document(b'{"a":"\xed\xa0\x80"}'),
    "%u": form("a=%u0041"),
    "raw UTF-8 in a form": form("a=ä"),
    # Names
    "twice": form("a=1&a=2"),
    "twice in a query": query("a=1&a=2"),
    "letter case": form("a=1&A=2"),
    "dot and underscore": form("a_b=1&a.b=2"),
    "blank and underscore": form("a_b=1&a+b=2"),
    "leading blank": form("a_b=1&+a_b=2"),
    "bracket and underscore": form("a_b=1&a[b=2"),
    "open bracket": form("a[b=2"),
    "lone dot": form("a.b=1"),
    "closing bracket": form("a]=1"),
    "bracket first": form("[a]=1"),
    "text after brackets": form("a[b]c=1"),
    "brackets in brackets": form("a[b[c]]=1"),
    "escaped brackets": form("a%5Bb%5D=1"),
    "both brackets": form("a[b]=1&a%5Bb%5D=2"),
    "value and branch": form("a=1&a[b]=2"),
    "value and list": form("a[]=1&a=2"),
    "list and mapping": form("a[]=1&a[b]=2"),
    "list and index": form("a[]=1&a[0]=2"),
    "sparse index": form("a[5]=1"),
    "index order": form("a[1]=x&a[0]=y"),
    "index with zero": form("a[00]=x&a[0]=y"),
    "large index": form("a[100]=x"),
    "index and name": form("a[0]=x&a[b]=y"),
    "negative index": form("a[-1]=x"),
    "list of mappings": form("a[][b]=1&a[][c]=2"),
    "one mapping in a list": form("a[][b]=1"),
    "list in a list": form("a[][]=1"),
    "numbered list in a list": form("a[][0]=1"),
    "numbered list in a list further down": form("a[b][][0]=1"),
    "two lists in a list": form("a[][]=1&a[][]=2"),
    "deep": form("a[b][c][d][e][f][g][h]=1"),
    "five": form("a[b][c][d][e][f]=1"),
    "__proto__": form("__proto__[admin]=1"),
    "inner __proto__": form("a[__proto__][b]=1"),
    "constructor": form("constructor[prototype][b]=1"),
    "isPrototypeOf": form("isPrototypeOf=1&a=2"),
    "toLocaleString": query("toLocaleString=1"),
    "inner hasOwnProperty": form("a[hasOwnProperty]=1"),
    "length": form("a[length]=5"),
    "empty name": form("=1"),
    "only an empty name": form("="),
    "empty pairs": form("&&a=1&"),
    "no value": form("a&b=1"),
    "no value, twice": form("a&a"),
    "empty brackets alone": form("[]=1"),
    "semicolon": form("a=1;b=2"),
    "escaped semicolon": form("a=1%3Bb=2"),
    "NUL": form("a=1%00&b=2"),
    "NUL in a name": form("a%00b=1"),
    "plus and escapes": form("a=1+2%2B3%20"),
    "plus in a name": form("a+b=1"),
    "broken escape": form("a=100%"),
    "broken escape, two": form("a=%zz"),
    "broken at the end": form("a=%4"),
    "equals in a value": form("a=b=c"),
    "escaped ampersand": form("a=b%26c"),
    "escaped equals in a name": form("a%3Db=c"),
    "line breaks": form("a=1%0D%0Ab=2"),
    "control in a name": form("a%01=1"),
    "tab in a name": form("a%09b=1&a_b=2"),
    "del": form("a=%7F"),
    "a new line at the end": form("a=1\n"),
    "question mark": query("?a=1"),
    "hash escaped": query("a=%23b"),
    "1,001 fields": form("&".join(f"a{n}=1" for n in range(1001))),
    "1,001 of a list": form("&".join(f"a[]={n}" for n in range(1001))),
    "25 of a list": form("&".join(f"a[]={n}" for n in range(25))),
    "25 indexes": form("&".join(f"a[{n}]={n}" for n in range(25))),
    "JSON as a form": form('{"a":1}'),
    "JSON with = as a form": form('{"a":"b=c"}'),
    "JSON list as a form": form('["a=b"]'),
    "a form as JSON": document("a=1&b=2"),
    "query and body": Case("POST", "/public/x?amount=9", (("Content-Type", FORM),), b"amount=5"),
    "query and body, same": Case(
        "POST", "/public/x?amount=5", (("Content-Type", FORM),), b"amount=5"
    ),
    "query and body, alike": Case("POST", "/public/x?a.b=9", (("Content-Type", FORM),), b"a_b=5"),
    "query and body, branch": Case("POST", "/public/x?a[b]=9", (("Content-Type", FORM),), b"a=5"),
    "query and body, list": Case("POST", "/public/x?a[]=9", (("Content-Type", FORM),), b"a[]=5"),
    "query and body, nested": Case(
        "POST", "/public/x?a[b]=9", (("Content-Type", FORM),), b"a[c]=5"
    ),
    # JSON
    "name twice": document('{"a":1,"a":2}'),
    "name twice, escaped": document('{"a":1,"\\u0061":2}'),
    "inner name twice": document('{"x":{"a":1,"a":2}}'),
    "letter case in JSON": document('{"a":1,"A":2}'),
    "Kelvin": document('{"k":1,"\u212a":2}'),
    "long s": document('{"s":1,"\u017f":2}'),
    "JSON __proto__": document('{"__proto__":{"a":1}}'),
    "JSON constructor": document('{"constructor":{"prototype":{"a":1}}}'),
    "JSON constructor alone": document('{"constructor":"ACME Builders"}'),
    "2^53": document('{"a":9007199254740993}'),
    "2^53 - 1": document('{"a":9007199254740991}'),
    "2^53 as a double": document('{"a":9007199254740993.0}'),
    "1e400": document('{"a":1e400}'),
    "1e-400": document('{"a":1e-400}'),
    "many digits": document('{"a":0.1000000000000000055511151231257827}'),
    "17 digits": document('{"a":0.10000000000000001}'),
    "minus zero": document('{"a":-0}'),
    "minus zero point": document('{"a":-0.0}'),
    "exponent": document('{"a":1E+2,"b":1e2,"c":12.5e-1}'),
    "leading zero": document('{"a":01}'),
    "plus": document('{"a":+1}'),
    "hex": document('{"a":0x10}'),
    "point first": document('{"a":.5}'),
    "point last": document('{"a":5.}'),
    "NaN": document('{"a":NaN}'),
    "Infinity": document('{"a":-Infinity}'),
    "comma at the end": document('{"a":1,}'),
    "comment": document('{"a":1/*,"b":2*/}'),
    "line comment": document('{"a":1//\n}'),
    "comment first": document('/* x */{"a":1}'),
    "single quotes": document("{'a':1}"),
    "something after": document('{"a":1} {"a":2}'),
    "control in a text": document('{"a":"x\ny"}'),
    "tab in a text": document('{"a":"x\ty"}'),
    "bad escape": document('{"a":"\\x41"}'),
    "NUL escape": document('{"a":"x\\u0000y"}'),
    "NUL in a JSON name": document('{"\\u0000a":1}'),
    "half a pair": document('{"a":"\\ud800"}'),
    "turned pair": document('{"a":"\\udc00\\ud800"}'),
    "a pair": document('{"a":"\\ud83d\\udc4b"}'),
    "a scalar": document("5"),
    "a text": document('"a"'),
    "null": document("null"),
    "blanks around": document(' \t\r\n{"a":1}\n'),
    "other blank": document('\u00a0{"a":1}'),
    "form feed": document('\f{"a":1}'),
    "vertical tab after": document('{"a":1}\v'),
    "empty JSON": document(""),
    "blank JSON": document("   "),
    "deep JSON": document("[" * 70 + "]" * 70),
    "64 deep": document("[" * 64 + "]" * 64),
    "number names": document('{"0":"a","1":"b"}'),
    "number names, odd": document('{"1":"a","01":"b","-0":"c"}'),
    "empty JSON name": document('{"":1}'),
    "slash escape": document('{"a":"<\\/b>"}'),
    "text/json": document('{"a":1}', "text/json"),
    "+json": document('{"a":1}', "application/vnd.x+json"),
    "JSON, capitals": document('{"a":1}', "Application/JSON"),
    "JSON under text/plain": document('{"amount":5}', "text/plain"),
    "two readings under text/plain": document('{"a":1,"a":2}', "text/plain"),
    "JSON under no type": document('{"amount":5}', ""),
    "JSON under no type, with pairs": document('{"amount":"&to=mallory&"}', ""),
    "form under no type": form("a=1&b=2", ""),
    "form under text/plain": form("a=1&b=2", "text/plain"),
    "JSON under octet-stream": document('{"amount":5}', "application/octet-stream"),
    "JSON under a strange type": document('{"amount":5}', "application/x-amz-json-1.1"),
    "type with comma": document('{"a":1}', f"{JSON}, {FORM}"),
    "type with blank": document('{"a":1}', "application /json"),
    "type with parameter": document('{"a":1}', f'{JSON}; a="b;c"'),
    "type with broken quote": document('{"a":1}', f'{JSON}; a="b'),
    "type with empty parameter": document('{"a":1}', f"{JSON};"),
    "type with two semicolons": document('{"a":1}', f"{JSON};; charset=utf-8"),
    "boundary on a form": form("a=1", f"{FORM}; boundary=x"),
    "form, capitals": form("a=1", FORM.upper()),
    "two types": headed("Content-Type", FORM, document('{"a":1}')),
    "two types, same": headed("Content-Type", JSON, document('{"a":1}')),
    "type with underscore": headed("Content_Type", FORM, document('{"a":1}')),
    "gzip": headed("Content-Encoding", "gzip", document(ZIPPED)),
    "gzip twice": headed("Content-Encoding", "gzip", document(ZIPPED + ZIPPED)),
    "gzip, not": headed("Content-Encoding", "gzip", document('{"a":1}')),
    "deflate": headed("Content-Encoding", "deflate", document(ZIPPED)),
    "gzip, not said": document(ZIPPED),
    "gzip form": headed("Content-Encoding", "gzip", form(gzip.compress(b"a=1", mtime=0))),
    "identity": headed("Content-Encoding", "identity", document('{"a":1}')),
    # Methods and overrides
    "body on GET": Case("GET", "/public/x", (("Content-Type", FORM),), b"a=1"),
    "body on DELETE": Case("DELETE", "/v1/a/b", (("Content-Type", JSON),), b'{"a":1}'),
    "_method in a form": form("_method=DELETE&a=1"),
    "_method in a query": Case("POST", "/v1/a/b?_method=PUT"),
    "_method as a list": form("_method[]=DELETE"),
    "_METHOD": form("_METHOD=DELETE"),
    "override header": headed("X-HTTP-Method-Override", "DELETE"),
    "override header, underscore": headed("X_HTTP_Method_Override", "DELETE"),
    "forwarded host": headed("X-Forwarded-Host", "evil.example.net"),
    "forwarded": headed("Forwarded", "host=evil.example.net"),
    "forwarded prefix": headed("X-Forwarded-Prefix", "/admin"),
    "original URL": headed("X-Original-URL", "/admin/x"),
    "lower case method": Case("post", "/public/x"),
    # Paths
    "dots": at("/admin/../public/x"),
    "dots, one": at("/admin/./x"),
    "dots escaped": at("/public/%2e%2e/admin/x"),
    "dots half escaped": at("/public/.%2E/admin/x"),
    "dots at the end": at("/admin/x/.."),
    "three dots": at("/public/.../x"),
    "dots with parameters": at("/public/..;a=1/admin/x"),
    "two slashes": at("//admin/x"),
    "two slashes within": at("/public//x"),
    "two slashes at the end": at("/public/x//"),
    "encoded slash": at("/a/x%2Fy/b"),
    "encoded slash in a name": at("/admin%2Fx"),
    "encoded backslash": at("/public%5C..%5Cadmin"),
    "backslash": at("/public\\x"),
    "encoded name": at("/%61dmin/x"),
    "encoded name in a parameter": at("/v1/%61/y"),
    "twice encoded": at("/public/%252e%252e/admin"),
    "NUL in a path": at("/public/x%00"),
    "line break in a path": at("/v1/a%0Ab/c"),
    "semicolon in a path": at("/public;a=1/x"),
    "semicolon encoded": at("/public%3Ba/x"),
    "overlong dot": at("/public/%c0%ae%c0%ae/admin"),
    "not UTF-8": at("/v1/%E9/y"),
    "%u path": at("/v1/%u0041/y"),
    "broken path escape": at("/v1/100%/y"),
    "letter case of a path": at("/Admin/x"),
    "slash at the end": at("/a/7/b/"),
    "only a slash at the end": at("/admin/"),
    "no rest": at("/admin"),
    "plus in a path": at("/v1/a+b/c"),
    "blank in a path": at("/v1/a%20b/c"),
    "at sign": at("/v1/@me/c"),
    "colon": at("/v1/a:b/c"),
    "question mark encoded": at("/v1/a%3Fb/c"),
    "hash encoded": at("/v1/a%23b/c"),
    "star": at("/v1/*/c"),
    "full-width slash": at("/public%EF%BC%8Fx"),
    "full-width dots": at("/public/%EF%BC%8E%EF%BC%8E/admin"),
    "ideographic blank": at("/v1/%E3%80%80/y"),
    "blank at the end": at("/v1/x/y%20"),
    "dot at the end": at("/v1/x/y."),
    "reserved": at("/v1/a!$&'()*,=/c"),
    "pipe": at("/v1/a|b/c"),
    "tilde": at("/v1/~a/c"),
    "braces": at("/v1/{a}/c"),
    "caret": at("/v1/a^b/c"),
    "quotes": at('/v1/"a"/c'),
    "two question marks": at("/public/x?a=1?b=2"),
    "empty query": at("/public/x?"),
}


def words(text: str) -> list[str]:
    return text.split()


_words = st.sampled_from(
    [
        *words("a b A a_b a.b to amount 0 1 2 10 -1 x-y __proto__ constructor length _method"),
        *words("_charset_ SS k id"),
        *(
            "a b",
            "",
            "\xe4",
            "\xdf",
            "\u212a",
        ),
    ]
)
_texts = st.one_of(
    _words,
    st.sampled_from(
        [
            *words("1 1.0 -5 true null {} [] a=b a&b a;b %41 +"),
            *(" x ",),
        ]
    ),
    st.text(st.characters(codec="utf-8"), max_size=6),
)
_raw = st.sampled_from(
    [
        *words("& = ; + %20 %00 %2B %26 %3D %5B %5D [ ] [] % %u0041 %C3%A4 %E9 %C0%AF . %2E _"),
        *words('a b 1 0 # ? / %2F %EF%BB%BF %0A %0D %09 %7F %1B %E2%80%AE %F0%9F%91%8B { } "'),
        *words("' \\ , :"),
    ]
)


def _escaped(text: str) -> st.SearchStrategy[str]:
    """A text in one of the ways to write it."""
    plain = "".join(
        c
        if (c.isascii() and c.isalnum()) or c in "-._~[]*!"
        else "".join(f"%{b:02X}" for b in c.encode())
        for c in text
    )
    return st.sampled_from([plain, plain.replace("%20", "+"), plain.lower()])


@st.composite
def _names(draw: st.DrawFn) -> str:
    name = draw(_words)
    for _ in range(draw(st.integers(0, 3))):
        name += f"[{draw(_words)}]"
    return draw(_escaped(name))


@st.composite
def pairs(draw: st.DrawFn) -> str:
    """A query or form: pairs that are mostly sound, or pieces put together."""
    if draw(st.integers(0, 3)) == 0:
        return "".join(draw(st.lists(_raw, max_size=12)))
    found = []
    for _ in range(draw(st.integers(1, 5))):
        pair = draw(_names())
        if draw(st.integers(0, 5)):
            pair += "=" + draw(_texts.flatmap(_escaped))
        found.append(pair)
    return "&".join(found)


_numbers = st.one_of(
    st.integers(-(2**55), 2**55),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -0.0, 1e22, 1e-7, 5e-324, 1.7976931348623157e308, 2**53, 2**53 - 1, 0.1]),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, _texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_texts, inner, max_size=4)
    ),
    max_leaves=8,
)
_tokens = st.sampled_from(
    [
        *words('{ } [ ] , : "a" "A" "\\u0061" 1 1.0 1e2 -0 0.1 true null NaN /**/ //'),
        *words('"\\ud83d\\udc4b" 9e99 "\\u0000" "__proto__" 12345678901234567 1E400'),
        *words("0.30000000000000004 \" 'a'"),
        *(
            " ",
            "\n",
            "\t",
            "\x0c",
            "\xa0",
            "\ufeff",
            "\x00",
        ),
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """JSON: sound, sound with something inserted, or tokens put together."""
    way = draw(st.integers(0, 4))
    if way == 0:
        return "".join(draw(st.lists(_tokens, max_size=10))).encode()
    ascii_, gap = draw(st.booleans()), draw(st.sampled_from([None, 1]))
    text = json.dumps(draw(values), ensure_ascii=ascii_, indent=gap)
    if way == 1:
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(_tokens) + text[place:]
    return text.encode("utf-8", "surrogatepass")


_pieces = st.sampled_from(
    [
        *words("a b admin public v1 Admin . .. %2e %2F %5C ; ;x=1 %20 + %61 %C3%A4 %E9 %00 %25"),
        *words("%3A : @ ~ * ( ' 7 ... %EF%BC%8F %0A %7B { | %7C ^ [ ] %5B %3F %23 & = , ! $ -"),
        *words("_ %2C %40"),
        *("",),
    ]
)


@st.composite
def paths(draw: st.DrawFn) -> str:
    segments = draw(
        st.lists(
            st.one_of(
                st.sampled_from(["a", "b", "admin", "public", "v1", "x1"]),
                st.lists(_pieces, max_size=3).map("".join),
            ),
            min_size=1,
            max_size=5,
        )
    )
    return "/" + "/".join(segments)


_types = st.one_of(
    st.sampled_from([FORM, JSON]),
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(
                [
                    FORM,
                    JSON,
                    "text/json",
                    "text/plain",
                    "application/x+json",
                    "application/octet-stream",
                    "",
                ]
            ),
            st.sampled_from(
                [
                    "",
                    ";",
                    "; charset=utf-8",
                    ";charset=UTF8",
                    '; charset="utf-8"',
                    "; charset=utf-7",
                ]
            )
            | st.sampled_from(
                [
                    "; charset=latin1",
                    "; charset=utf-16",
                    "; x=y",
                    "; charset='utf-8'",
                    ", text/html",
                    " ",
                ]
            ),
        ),
    ),
)
_headers = st.sampled_from(
    [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Forwarded-Host", "evil.example.net"),
        ("Accept", "*/*"),
        ("X-Request-Id", "1"),
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "identity"),
        ("X-Forwarded-Proto", "https"),
        ("User-Agent", "x/1"),
        ("Content_Type", JSON),
        ("X-Original-URL", "/admin/x"),
        ("Accept", "application/xml"),
        ("Content-Language", "de"),
        ("Prefer", "return=minimal"),
        ("X-Method-Override", "PUT"),
        ("Forwarded", "host=e.net"),
    ]
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One request of any kind."""
    method = draw(st.sampled_from(["GET", "POST", "POST", "POST", "PUT", "PATCH", "DELETE"]))
    target = draw(st.one_of(st.just("/public/x"), paths()))
    if draw(st.booleans()):
        target += "?" + draw(pairs())
    headers = draw(st.lists(_headers, max_size=1))
    body = b""
    if method != "GET":
        kind = draw(_types)
        body = draw(
            st.one_of(pairs().map(str.encode), documents())
            if draw(st.integers(0, 9)) == 0
            else (documents() if "json" in kind else pairs().map(str.encode))
        )
        if kind.strip():
            headers = [("Content-Type", kind.strip()), *headers]
        if ("Content-Encoding", "gzip") in headers and draw(st.booleans()):
            body = gzip.compress(body, mtime=0)
    return Case(method, target, tuple(headers), body)


_SPLICES: Final = [
    *b"& = ; + % %00 %20 %2B %26 %3D %5B %5D [ ] [] %u0041 %C3%A4 %E9 %C0%AF . .. / // %2e".split(),
    *b"%2F %5C \\ _ a b A 1 0 # ? %EF%BB%BF %0A %0D { } \" ' , : \\u0000 \\ud800 \\u0061".split(),
    *b'true null 1e2 -0 1.0 e400 99999999999999999 "a":1, /**/ NaN __proto__ constructor'.split(),
    *b"_method= &a=1 &a[]=1 &a[b]=2 &a.b=3 a[0]=1& +ACI- ;charset=utf-7 toString [0] [1]".split(),
    *b".x ~ @ ! * ( %7C | ^ ` < ]= %5D= //x".split(),
    *("ä".encode(), "\ufeff".encode(), "\u212a".encode(), "\u017f".encode()),
    *(b"\n", b" ", b"\t", b"\0", b"\xff", b"\xc0\xaf", b"\xe9", b"\xed\xa0\x80", b"\r\n"),
]


def mutated(case: Case, random: Random) -> Case:
    """One to three small changes at any place."""
    for _ in range(random.randint(1, 3)):
        case = _changed(case, random)
    return case


def _changed(case: Case, random: Random) -> Case:
    method, target, headers, body = case.method, case.target, case.headers, case.body
    match random.randrange(12):
        case 0 | 1 | 2 | 3 if body:
            body = _bytes(body, random)
        case 4 | 5 | 6:
            target = "/" + _bytes(target[1:].encode("latin-1", "replace"), random).decode("latin-1")
        case 7:
            mark = "&" if "?" in target else "?"
            target += mark + random.choice(["a=1", "a[b]=2", "a.b=1", "_method=PUT", "x", "a[]=1"])
        case 8 if headers:
            at = random.randrange(len(headers))
            name, value = headers[at]
            if name.lower() == "content-type":
                value = _text(value, random)
            headers = (*headers[:at], (name, value), *headers[at + 1 :])
        case 9:
            extra = [
                ("X-HTTP-Method-Override", "PUT"),
                ("Content-Type", FORM),
                ("Content-Encoding", "gzip"),
            ]
            extra += [
                ("X-Forwarded-Host", "e.net"),
                ("Content_Type", JSON),
                ("Accept", "text/html"),
            ]
            headers = (*headers, random.choice(extra))
        case 10:
            method = random.choice(["GET", "POST", "PUT", "PATCH", "DELETE"])
        case _:
            if headers and random.random() < 0.3:
                at = random.randrange(len(headers))
                headers = headers[:at] + headers[at + 1 :]
            else:
                body = _bytes(body, random)
    return Case(method, target, headers, body)


def _bytes(text: bytes, random: Random) -> bytes:
    at = random.randint(0, len(text))
    match random.randrange(6):
        case 0:
            return text[:at] + text[at + random.randint(1, 3) :]
        case 1 if text:
            return text[:at] + bytes([random.randint(32, 126)]) + text[at + 1 :]
        case 2:
            end = min(len(text), at + random.randint(1, 12))
            return text[:end] + text[at:]
        case 3:
            return text[:at] + text[at:].swapcase()[:1] + text[at + 1 :]
    return text[:at] + random.choice(_SPLICES) + text[at:]


def _text(value: str, random: Random) -> str:
    changed = _bytes(value.encode("latin-1"), random)
    return bytes(b if 32 <= b < 127 else 63 for b in changed).decode().strip() or "x"

"""Requests that nobody sends in earnest.

In them ``{b}`` stands for the path of a service, ``{w}`` and ``{j}`` for a workflow's records and jobs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

_LONG = 40_000
_HUGE = ("9" * 18, "9" * 19, "9" * 25, "9" * 5000)

_LINES = (
    *(
        "",
        " ",
        "\0",
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET / HTTP/1.1 x",
        " GET / HTTP/1.1",
    ),
    *(
        "GET / HTTP/0.9",
        "GET / HTTP/2.0",
        "GET / HTTP/1.1\0",
        "GET / http/1.1",
        "GET / HTTP/1.01",
        "GET / HTTP/9.9",
    ),
    *(
        "G\u00cbT / HTTP/1.1",
        "GET /\u00e9 HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET /a b HTTP/1.1",
        "PRI * HTTP/2.0",
    ),
    *(
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "SSH-2.0-x",
        '{"a":1}',
        "CONNECT evil.example:443 HTTP/1.1",
    ),
    *(
        "TRACE {w} HTTP/1.1",
        "PATCH {w} HTTP/1.1",
        "PROPFIND {w} HTTP/1.1",
        "post {w} HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ),
    *("GET http://evil.example/ HTTP/1.1", "GET //evil.example/ HTTP/1.1", "X" * _LONG + " / HTTP/1.1"),
    *("GET /" + "a" * 70_000 + " HTTP/1.1", "GET /?" + "a=1&" * 20_000 + " HTTP/1.1"),
)
_PATHS = (
    *(
        "/",
        "/x",
        "/..",
        "{b}/..",
        "{b}/../../etc/passwd",
        "{b}/%2e%2e/workflows",
        "{b}//workflows",
        "{b}/workflows/",
    ),
    *(
        "{b}/user_data/0",
        "{b}/user_data/-1",
        "{b}/user_data/1e1",
        "{b}/user_data/1%00",
        "{b}/user_data/1%2F1",
    ),
    *(
        "{b}/user_data/%FF",
        "{b}/user_data/%ED%A0%80",
        "{b}/user_data/%C0%AE",
        "{b}/user_data/%",
        "{b}/user_data/%zz",
    ),
    *(
        "{b}/user_data/\u0661",
        "{b}/user_data/%D9%A1",
        "{b}/user_data/%EF%BC%91",
        "{b}/user_data/+1",
        "{b}/user_data/1_0",
    ),
    *("{b}/user_data/" + number for number in _HUGE),
    *(
        "{b}/user_data/1'--",
        "{b}/user_data/1%27%20OR%20%271",
        "{b}/user_data/1;DROP%20TABLE%20job",
        "{b}/user_data/$(id)",
    ),
    *(
        "{w}?limit=" + number
        for number in ("x", "-1", "1.5", "", "1e", "0x10", "1_0", "%D9%A1", "NaN", "9" * 5000)
    ),
    *("{w}?skip=" + number for number in ("x", "-1", "0.5", "%00", "1%200", "+1", "Infinity", "%FF", "--1")),
    *(
        "{j}?run_id=x",
        "{j}?interruptible=2",
        "{j}?run_id=1e-1",
        "{j}?run_id=%FF",
        "{j}?cancel_on_blocking_job_failure=",
    ),
)
_HOSTS = (
    *(
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "a@localhost",
        "localhost:80:80",
        "[::1",
    ),
    *(
        "localhost/",
        "0.0.0.0",
        "[::]",
        "localhost evil",
        "localhost,evil",
        "10.0.0.1",
        "2130706433",
        "0x7f000001",
    ),
    *(
        "127.1",
        "[::ffff:8.8.8.8]",
        "\u24db\u24de\u24d2alhost",
        "localhost\u3002",
        "xn--localhost",
        "localhost#",
        "localhost?",
    ),
)
_LENGTHS = (
    *("x", "-1", "+8", "8.0", "8e0", "0x8", " ", "", "8 8", "8,8,9", "8\0", "\u0668", "1_0", "8;", "8,"),
    *_HUGE,
)
_HEADERS = (
    *(
        "Host: localhost",
        "Host: evil.example",
        "NoColon",
        ": empty",
        " Folded: x",
        "Sp ace: x",
        "Space : x",
        "N\0l: x",
    ),
    *(
        "Nul: a\0b",
        "Line: a\rb",
        "Bell: \x07\r\n\x07",
        "\u00dcml\u00e4ut: x",
        "X: " + "y" * _LONG,
        "X: y\r\n" * 6000,
    ),
    *(
        "Content-Length: 9",
        "Content-Length : 8",
        "Content-Length: 8\r\nContent-Length: 9",
        "Transfer-Encoding: gzip",
    ),
    *(
        "Transfer-Encoding: x",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    ),
    *("Origin: http://evil.example", "Origin: null", "Origin: http://[bad", "Sec-Fetch-Site: cross-site"),
    *("Sec-Fetch-Site: same-site", "Origin: //", "Origin: \u00fe", "Expect: 100-continue\r\nHost: x"),
)
_KINDS = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
    "application/jsonp",
)
_CHUNKS = (
    *(
        "x\r\n",
        "-1\r\n",
        "+8\r\n",
        "0x8\r\n",
        "FFFFFFFFFFFFFFFFFFFFF\r\n",
        "8\n",
        '8 \r\n{"a": 1',
        '8\r\n{"a": 1}x\r\n',
    ),
    *(
        '8\r\n{"a": 1}',
        '8\r\n{"a": 1}\r\n',
        "8;" + "x" * 70_000 + "\r\n",
        "\r\n",
        '8\r\n{"a": 1}\r\n0\r\n',
        "1\r\n{\r\n" * 3,
    ),
    *(
        '8\r\n{"a": 1}\r\n0\r\nNo trailer\r\n\r\n',
        '\u0668\r\n{"a": 1}\r\n0\r\n\r\n',
        '00000000000000000000008\r\n{"a": 1}\r\n0\r\n\r\n',
    ),
)
_BODIES = (
    *(
        b"{",
        b"}",
        b"[]",
        b"1",
        b"null",
        b"true",
        b'"a"',
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1}}',
        b'{"a" 1}',
        b"{a: 1}",
    ),
    *(
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 01}',
        b'{"a": +1}',
        b'{"a": .5}',
        b'{"a": 1.}',
        b'{"a": 0x1}',
        b"\0",
    ),
    *(
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\xc0\xae"}',
        b'{"a": "\\x41"}',
        b'{"a": "\\u12"}',
        b'{"a": "\n"}',
    ),
    *(
        b'{"a": 1}\0',
        b'{"a": 1} {"a": 2}',
        b"\x1f\x8b\x08\0",
        b"{" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 100_000,
    ),
    *(
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'/**/{"a": 1}',
        b'{"a": tru}',
        "{\u201ca\u201d: 1}".encode(),
        b'{"a": 1',
    ),
)
_BOTH = (
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: CHUNKED",
    ),
    *(
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
    ),
    *(
        " Transfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
    ),
    *(
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
        "Transfer_Encoding: chunked",
    ),
    *(
        "Content-Length: 5",
        "Content-Length: 0",
        "Content-Length:\r\n 5",
        "Content-Length: 0x5",
        "Content-Length: 5, 6",
    ),
)


def told(
    method: str,
    path: str,
    *headers: str,
    body: bytes = b"",
    host: str = "localhost",
    length: bool = True,
    last: bool = True,
) -> bytes:
    more = [f"Content-Length: {len(body)}"] if length and (body or method == "POST") else []
    kind = (
        []
        if any(header.startswith("Content-Type") for header in headers)
        else ["Content-Type: application/json"]
    )
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        *kind,
        *more,
        *headers,
        *(["Connection: close"] if last else []),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


BODY = b'{"a": 1}'


def hostile() -> Iterator[bytes]:
    """Yield what has to be refused; ``{b}``, ``{w}`` and ``{j}`` stand for paths."""
    yield from (f"{line}\r\nHost: localhost\r\n\r\n".encode("utf-8", "replace") for line in _LINES)
    yield from (told("GET", path) for path in _PATHS)
    yield from (told("POST", path, body=BODY) for path in _PATHS if not path.startswith(("{w}", "{j}")))
    yield from (told(method, "{w}", body=BODY, host=host) for host in _HOSTS for method in ("GET", "POST"))
    yield from (told("POST", "{w}", f"Content-Length: {text}", body=BODY, length=False) for text in _LENGTHS)
    yield from (told("POST", "{w}", header, body=BODY) for header in _HEADERS)
    yield from (told("POST", "{w}", f"Content-Type: {kind}", body=BODY) for kind in _KINDS)
    chunked = "Transfer-Encoding: chunked"
    yield from (told("POST", "{w}", chunked, body=text.encode(), length=False) for text in _CHUNKS)
    for text in _CHUNKS:
        yield told("POST", "{w}", chunked, body=text.encode(), length=False, host="evil.example")
    yield from (told("POST", path, body=body) for path in ("{w}", "{j}") for body in _BODIES)


def smuggling(path: str) -> Iterator[bytes]:
    """Yield requests of two lengths, in whose body is a second request that must never be done."""
    within = told("POST", path, body=b'{"smuggled": true}')
    for header in _BOTH:
        for start in (b"", b"0\r\n\r\n", b"5\r\n{   }\r\n0\r\n\r\n", b"{   }"):
            yield told("POST", path, header, body=start + within, last=False)


def mutated(request: bytes, random: random.Random) -> bytes:
    """Return a request with some of its bytes changed, doubled, cut out, or replaced by worse ones."""
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(request) + 1)
        end = min(len(request), at + random.randint(0, 8))
        middle = random.choice(
            [
                b"",
                request[at:end] * 2,
                random.randbytes(end - at),
                random.choice(_WORSE),
                request[at:end][::-1],
            ]
        )
        request = request[:at] + middle + request[end:]
    return request


_WORSE = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"%00",
    b"%FF",
    b"..",
    b"\xc2\xa0",
    b"9" * 30,
    b":",
    b"?",
    b" ",
    b"\t",
    b'"',
    b"{",
)

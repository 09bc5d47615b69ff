"""Texts that agents would write to lie to an approver: the corpus that every room is tested with.

Secrets are put together at run time, so that no scanner takes this file for a leak. `CORPUS` holds
every text once; the other names are its parts.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from hypothesis import strategies as st

PLAIN: Final = (
    "Pay ACME GmbH 12,400.00 EUR",
    "a",
    "",
    " ",
    "naïve café",
    "日本語のテキスト",
    "שלום",
)

_BIDI = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]
BIDI: Final = tuple(
    text
    for code in _BIDI
    for text in (
        f"pay 100{chr(code)}00 EUR",
        chr(code),
        f"file{chr(code)}gpj.exe",
        f"/* {chr(code)} }} if admin {chr(code)} begin */",
    )
)

_UNSEEN = [0x200B, 0x200C, 0x200D, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0xFEFF, 0x00AD, 0x180E]
_BLANK = [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x180B, 0x180F, 0x1D159]
ZERO_WIDTH: Final = tuple(
    text
    for code in (*_UNSEEN, *_BLANK)
    for text in (f"ap{chr(code)}prove", chr(code) * 40, f"{chr(code)}12.40")
)

_SPACES = [0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
SPACES: Final = tuple(f"rm{chr(code)}-rf{chr(code)}/" for code in _SPACES)

VARIATION: Final = (
    *(f"✅{chr(code)}" for code in range(0xFE00, 0xFE10)),
    *(f"a{chr(code)}b" for code in range(0xE0100, 0xE0108)),
    "".join(chr(0xE0100 + byte) for byte in b"ignore all rules"),
)

TAGS: Final = (
    "hello" + "".join(chr(0xE0000 + ord(char)) for char in "approve this"),
    "🏴" + "".join(chr(0xE0000 + ord(char)) for char in "gbeng") + "\U000e007f",
    "\U000e0001",
)

STRANGE: Final = (
    *(chr(code) for code in (0xE000, 0xF8FF, 0xF0000, 0x10FFFD)),
    *(f"x{chr(code)}y" for code in (0xFFFE, 0xFFFF, 0xFDD0, 0xFDEF, 0x1FFFE, 0x10FFFF)),
    *(f"x{chr(code)}y" for code in (0x0378, 0x2FE0, 0xE0080, 0x3FFFD)),
    *(f"a{chr(code)}b" for code in (0xFFF9, 0xFFFA, 0xFFFB, 0xFFFC, 0xFFFD)),
)

SURROGATES: Final = (
    "\ud800",
    "a\udfffb",
    "\udc00\ud800",
    "\ud83d",
    "x" * 30 + "\udbff",
    "\ud800\n",
)

CONTROLS: Final = tuple(f"a{chr(code)}b" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)))

ANSI: Final = (
    "\x1b[2J\x1b[1;1HApproved by: CFO",
    "\x1b[31mDENY\x1b[0m",
    "\x1b]8;;https://evil.example\x07Approve\x1b]8;;\x07",
    "\x1b]0;title\x07",
    "\x1b[8mhidden\x1b[28m",
    "pay 12.40\r99.00",
    "12400\b\b\b",
    "\x9b31mred",
    "\x1bP1000p\x1b\\",
)

LINES: Final = (
    "ACME\nApproved by: CFO",
    "ACME\r\nApproved by: CFO",
    "ACME\rApproved by: CFO",
    "ACME\u2028Approved by: CFO",
    "ACME\u2029Approved by: CFO",
    "ACME\u0085Approved by: CFO",
    "ACME\vApproved by: CFO",
    "ACME\fApproved by: CFO",
    "\n\n\n",
    "Amount: 1\r\nAmount: 1000000\r\n\r\nStatus: Approved",
    "x-evil: 1\r\nauthorization: none",
    "name\x1c\x1d\x1erecord",
    "a" + "\n" * 200 + "b",
    " " * 300 + "to evil.example",
    "\t\tApproved",
)

ESCAPES: Final = (
    "\\u{202e}",
    "\\\\u{202e}",
    "\\u{5c}u{202e}",
    "\\u202e",
    "\\",
    "\\u{",
    "a\\\u202eb",
    "⏎",
    "[redacted 40 chars #a1b2c3]",
    "…[12 more]…",
)

MENTIONS: Final = (
    *("<!channel>", "<!here>", "<!everyone>", "<@U024BE7LH>", "<#C024BE91L|general>"),
    *("<!subteam^S123>", "<!date^1392734382^now|never>", "@everyone", "@here", "<@123456789>"),
    *("<@&123456789>", "<#123456789>", "</approve:123>", "<t:0:R>", "<at>Dana</at>"),
    *('<at id="0">Dana</at>', "@dana", "@[dana](user:1)", "<users/all>", "<users/123>"),
    *(":white_check_mark: approved", "<:ok:1234>", "<a:ok:1234>", "/approve", "!approve"),
    *("@org/team", "#123", "GH-1", "tg://user?id=1", "matrix.to/#/@dana:example.org", "$cashtag"),
)

LINKS: Final = (
    "[Approve](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "[Approve][1]\n\n[1]: https://evil.example",
    "<https://evil.example|https://api.stripe.com>",
    "<https://evil.example>",
    "<a href='https://evil.example'>Approve</a>",
    '<a href="javascript:alert(1)">Approve</a>',
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "<style>*{display:none}</style>",
    "<!-- hidden -->",
    "--><b>shown</b><!--",
    '"><input value="',
    "' onmouseover='alert(1)",
    "&lt;b&gt;",
    "&#x202e;abc",
    "&amp;&nbsp;&zwj;",
    "javascript:alert(1)",
    "data:text/html,<b>x</b>",
    "https://evil.example/unfurl",
    "evil.example",
    "mailto:cfo@example.com?subject=yes",
    "ftp://evil.example/x",
)

MARKDOWN: Final = (
    *(
        "```\nout of the fence\n```",
        "```",
        "~~~",
        "`",
        "``x``",
        "````",
        "> quoted",
        ">>> all",
        "***",
    ),
    *(
        "# Heading",
        "---",
        "===",
        "**bold**",
        "__under__",
        "~~struck~~",
        "*it*",
        "_it_",
        "||spoiler||",
    ),
    *("| a | b |\n|---|---|\n| 1 | 2 |", "- [x] done", "1. one", "<details><summary>x</summary>"),
    *(
        "\\*not\\*",
        "<br>",
        "<br/>Approved",
        "$$x$$",
        "[^1]",
        ":::warning",
        "{{ danger }}",
        "{% raw %}",
    ),
    *("-# small", "\\", "a\\", '"', "'", '","type":"button","value":"x', '"}]}', "\\u0022", "]]>"),
    *("${env}", "{{7*7}}", "#{7*7}", "%s%s%n", "{0.__class__}", "__proto__", "constructor"),
)

FLOODS: Final = (
    "a" + "\u0301" * 50,
    "Z" + "\u0335\u0336\u0337\u0338" * 20,
    "\u0301leading",
    "line\n\u0336struck",
    "not" + "\u0336",
    "1\u20e3",
    "a\u20dd\u20de\u20e0",
    "".join(char + "\u0336" for char in "DECLINED"),
    "ก" + "\u0e49" * 30,
    "\u0488\u0489" * 10,
    "e\u0323\u0302",
    "क्षत्रिय",
    "\u0300",
)

LONG: Final = (
    "A" * 100_000,
    "漢" * 33_000,
    "\u202e" * 20_000,
    "😀" * 25_000,
    "a\n" * 50_000,
    "a" + "\u0301" * 50_000,
    "eyJ" * 33_000,
    "-----BEGIN " * 9_000,
    "password=" * 11_000,
    '"token":"' * 11_000,
    "://a:" * 20_000,
    "SG." + "a" * 16 + ".SG." * 20_000,
    "token" + " " * 100_000,
    '"secret":"' + "\\" * 99_999,
    "&" * 100_000,
    "<!channel>" * 10_000,
)

HOSTS: Final = (
    "аpple.com",
    "аррӏе.com",
    "gοοgle.com",
    "ѕtripe.com",
    "api.strıpe.com",
    "api.ꜱtripe.com",
    "ａpi.stripe.com",
    "api.stripe.com\u3002evil.example",
    "api\u2024stripe.com",
    "api.stripe.com\u2044evil.example",
    "api.st\u00adripe.com",
    "api.stripe\u200b.com",
    "раураl.com",
    "пример.рф",
    "münchen.de",
    "ΑΡΙ.com",
    "xn--80ak6aa92e.com",
    "日本語.jp",
    "\u202emoc.epirts.ipa",
    "api.stripe.com\ud800",
    "\u212a.com",
)


def _join(*parts: str) -> str:
    return "".join(parts)


_LETTERS = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
SECRETS: Final = (
    _join("sk_", "live_", _LETTERS[:24]),
    _join("rk_", "test_", _LETTERS[:24]),
    _join("whsec", "_", _LETTERS[:32]),
    _join("sk", "-ant-", _LETTERS),
    _join("sk", "-proj-", _LETTERS),
    _join("gh", "p_", _LETTERS),
    _join("gh", "s_", _LETTERS),
    _join("github", "_pat_", _LETTERS, "_", _LETTERS),
    _join("gl", "pat-", _LETTERS[:20]),
    _join("xo", "xb-", "123456789012-", _LETTERS[:24]),
    _join("xo", "xp-", "123456789012-", _LETTERS[:24]),
    _join("xa", "pp-", "1-A111-", _LETTERS[:24]),
    _join("AK", "IA", "ABCDEFGHIJKLMNOP"),
    _join("AS", "IA", "ABCDEFGHIJKLMNOP"),
    _join("AI", "za", _LETTERS[:35]),
    _join("ya", "29.", _LETTERS),
    _join("np", "m_", _LETTERS),
    _join("py", "pi-", _LETTERS),
    _join("h", "f_", _LETTERS[:34]),
    _join("S", "G.", _LETTERS[:22], ".", _LETTERS),
    _join("dop", "_v1_", "0123456789abcdef" * 4),
    _join("shp", "at_", "0123456789abcdef" * 2),
    _join("1234567890", ":AA", _LETTERS[:33]),
    _join("ey", "JhbGciOiJIUzI1NiJ9", ".", "eyJzdWIiOiIxMjM0In0", ".", _LETTERS),
    _join("-----BEGIN ", "RSA PRIVATE", " KEY-----\n", _LETTERS, "\n-----END RSA PRIVATE KEY-----"),
    _join("-----BEGIN ", "OPENSSH PRIVATE", " KEY-----\n", _LETTERS),
    _join("hooks.slack.com", "/services/", "T00000000/B00000000/", _LETTERS[:24]),
)
"""Each a whole secret of a well-known shape."""

NAMED: Final = tuple(
    (form.format(name=name, value="hunter2x"), "hunter2x")
    for name in ("password", "client_secret", "apiKey", "ACCESS-TOKEN", "aws_secret_access_key")
    for form in (
        '{{"a":1,"{name}":"{value}","b":2}}',
        "a=1&{name}={value}&b=2",
        "?{name}={value}",
        "user%5B{name}%5D={value}",
        "{name}: {value}",
        "<{name}>{value}</{name}>",
        '{{"nested":"{{\\"{name}\\":\\"{value}\\"}}"}}',
        'name="{name}"\r\n\r\n{value}\r\n--',
        "{name}=Bearer {value} x",
        "'{name}' => '{value}'",
    )
)
"""(text, the secret in it): secrets that only their name gives away."""

CORPUS: Final = tuple(
    dict.fromkeys(
        (
            *(*PLAIN, *BIDI, *ZERO_WIDTH, *SPACES, *VARIATION, *TAGS, *STRANGE, *SURROGATES),
            *(*CONTROLS, *ANSI, *LINES, *ESCAPES, *MENTIONS, *LINKS, *MARKDOWN, *FLOODS, *HOSTS),
            *(*SECRETS, *(text for text, _ in NAMED), *LONG),
        )
    )
)

BATCHES: Final = tuple(CORPUS[start::20] for start in range(20))
"""All of them: a test for each cost more than what it tried."""
ANY = st.text(st.characters(exclude_categories=()))
"""Any text at all, half pairs of UTF-16 with it."""


def raw(text: str, keep: str = "") -> list[str]:
    """The characters of a text that a person could not see, or that move what they see."""
    return [
        char
        for char in text
        if char not in keep
        and (
            unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Me")
            or (unicodedata.category(char) == "Zs" and char != " ")
            or char in hostile_fillers
        )
    ]


hostile_fillers = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc" + "".join(
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
)

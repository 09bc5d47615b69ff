r"""Where secrets stand in text, addresses, headers and JSON; `text.redact` hides what is found.

Laws: pure; linear in its input (no expression repeats within a repeat, and none starts twice in one
run of characters); a value that does not count as a secret is shown, so in doubt it counts as one.

Four ways to know a secret:
- by its look: `spans` knows the vendors' prefixes, JWTs, private keys and card numbers (Luhn);
- by its address: webhook and bot addresses hold a credential in a fixed place of their path;
- by its name: `telling` names, and in a query also short ones (`sig`, `key`, `code`, `auth`) where
  the value looks like a credential;
- by its place in a document: `secret_paths` knows Kubernetes Secrets, docker's `auths`, sensitive
  Terraform variables and the like.

Shapes of tokens: the vendors' documentation, as collected in
https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns,
https://docs.gitlab.com/user/application_security/secret_detection/detected_secrets/ and
https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml (all read August 2026).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote

Span: TypeAlias = tuple[int, int]
"""Start and end of a secret in a text."""
Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices that lead to a value of a JSON document."""

MAX_DEPTH: Final = 100
"""Levels of a document that are looked at; what lies deeper is not valid where we take JSON."""


def spans(text: str, url_path: str | None = None) -> list[Span]:
    """The secrets of a text, in order, apart from each other.

    `url_path`: of the request whose body the text is; it can make the values of a document secret.
    Percent-encoding and JSON's escapes of ASCII characters are looked through.
    """
    found = list(_look(text))
    if _ENCODED.search(text):
        plain, places = _plain(text)
        found += [(places[start], places[end]) for start, end in _look(plain)]
    if _may_hold_document(text, url_path):
        found += _in_document(text, url_path)
    return merged(found)


def merged(found: Sequence[Span]) -> list[Span]:
    """Spans in order, with those that overlap or touch made one."""
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def suspect(text: str, url_path: str | None = None) -> bool:
    """May `spans` find something? Cheap; True for much that holds no secret."""
    folded, runs = text.lower(), _runs(text)
    return (
        _hints_name(folded)
        or any(hint in runs for hint, _ in _SHAPES)
        or ("://" in text and "@" in text)
        or any(hint in folded for hint, _ in _ADDRESSES)
        or _ENCODED.search(text) is not None
        or _DIGITS.search(text) is not None
        or _may_hold_document(text, url_path)
    )


def telling(name: str) -> bool:
    """Does the name of a field say that its value is a secret?

    `client_secret`, `apiKey`, `user[password]`, `DB_PASSWORD`; not `pageToken`, `ClientToken` (AWS:
    idempotency), `max_tokens`, `secretName`, `token_type`, `public_key`.
    """
    return _telling(name[-64:].lower().replace(" ", "_"))


def is_open(value: str) -> bool:
    """Is a value under a telling name no secret after all?

    Nothing, a literal, a mask, a placeholder of ours (`csk_placeholder_…`), a template variable
    (`{VAR}`, `${VAR}`, `{{var}}`, `<VAR>`, `$VAR`, `%VAR%`), or a reference to where a secret is
    kept (`op://`, `arn:aws:secretsmanager:`, `projects/…/secrets/…`). It is shown, so what only
    looks like one of these hides nothing.
    """
    bare = value.rstrip(")")  # `def login(password: str)`
    return bare.lower() in _LITERALS or any(map(_OPEN, (value, unquote(value), bare)))


def credential_header(name: str, value: str) -> bool:
    """Does this header exist for a credential (or an opaque session id) and nothing else?

    Yes for the names in `CREDENTIAL_HEADERS`; and by rule for a name that ends in an unmistakable
    word (`-api-key`, `-auth-token`, `-subscription-key`, …), if its value is one opaque word.
    """
    folded = name.lower()
    return folded in CREDENTIAL_HEADERS or (
        secret_header(folded)
        and _UNMISTAKABLE.search(folded) is not None
        and _WORD(value) is not None
    )


def secret_header(name: str) -> bool:
    """Is the value of this header hidden?

    The rule: the name is, or ends in `-` or `_` and, one of *key, apikey, token, secret, password,
    authorization, credential(s), signature, jwt*, or is `telling`; but no idempotency, cache,
    routing, partition or public key, no cursor (page, next, sync, continuation), no lock, change or
    version token, and not `Sec-WebSocket-Key` (a nonce, RFC 6455, 4.1). `X-…-Key-MD5`,
    `X-GitHub-Api-Version`, `X-Auth-Email`, `X-Snowflake-Authorization-Token-Type` do not end so.
    """
    folded = name.lower()
    if folded in CREDENTIAL_HEADERS or folded in STATE_HEADERS:
        return True
    named = _HEADER.search(folded) is not None or telling(folded)
    return named and _HARMLESS_HEADER.search(folded) is None


def secret_paths(tree: object, url_path: str | None = None) -> set[Path]:
    """The paths of the leaves of a parsed JSON document that are secrets by their name or place.

    A path is a tuple of keys and indices. `url_path`: of the request, where that is known: what is
    sent to `…/secrets/db` needs no `kind`. Values must still be looked at one by one (`spans`):
    this function does not judge by look. Known are
    - fields with a telling name, and the value of a pair of which the name tells
      (`{"name": "DB_PASSWORD", "value": …}`);
    - `data` and `stringData` of a Kubernetes Secret, also in lists, in merge and JSON patches and
      in kubectl's last-applied annotation
      (https://kubernetes.io/docs/concepts/configuration/secret/);
    - `auths` of a docker config
      (https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/);
    - values of variables marked `sensitive`, `is_secret` or `masked`, or of the type SecureString,
      secret, secret_text, encrypted or sensitive (Terraform Cloud
      https://developer.hashicorp.com/terraform/cloud-docs/api-docs/workspace-variables, AWS
      https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html,
      Cloudflare https://developers.cloudflare.com/api/resources/workers/, Vercel, Netlify, GitLab);
    - `{"secrets": {"NAME": "value"}}`;
    - the value of an Azure Key Vault secret, of a Vault KV secret and of a Google Secret Manager
      version, known by their addresses.
    """
    return {path for path, _ in _secret_leaves(tree, url_path)}


CREDENTIAL_HEADERS: Final = frozenset({
    "authorization", "proxy-authorization", "x-api-key", "api-key", "apikey", "x-apikey",
    "x-auth-token", "x-access-token", "x-auth-key", "x-api-token", "x-api-secret",
    # https://cloud.google.com/docs/authentication/api-keys-use
    "x-goog-api-key", "x-goog-iam-authorization-token",
    # https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
    "x-amz-security-token",
    # https://docs.gitlab.com/api/rest/authentication/
    "private-token", "job-token", "deploy-token", "x-gitlab-token",
    # https://developer.hashicorp.com/vault/api-docs, https://developer.hashicorp.com/consul/api-docs
    "x-vault-token", "x-consul-token", "x-nomad-token",
    # https://docs.datadoghq.com/api/latest/authentication/
    "dd-api-key", "dd-application-key",
    # https://shopify.dev/docs/api/admin-rest, https://www.figma.com/developers/api
    "x-shopify-access-token", "x-shopify-storefront-access-token", "x-figma-token", "circle-token",
    # https://learn.microsoft.com/azure/api-management/api-management-subscriptions
    "ocp-apim-subscription-key", "x-functions-key", "aeg-sas-key", "aeg-sas-token",
    "x-ms-copy-source-authorization",
    # https://docs.rapidapi.com/docs/keys, https://www.algolia.com/doc/rest-api/search/
    "x-rapidapi-key", "x-rapidapi-proxy-secret", "x-mashape-key", "x-algolia-api-key",
    # https://docs.parseplatform.org/rest/guide/
    "x-parse-rest-api-key", "x-parse-master-key", "x-parse-session-token",
    # https://developers.binance.com/docs/binance-spot-api-docs/rest-api
    "x-mbx-apikey",
    # https://postmarkapp.com/developer/api/overview, https://docs.honeycomb.io/api/
    "x-postmark-server-token", "x-postmark-account-token", "x-honeycomb-team", "x-sentry-token",
    "x-newrelic-api-key", "x-insert-key", "x-query-key", "x-license-key", "x-cisco-meraki-api-key",
    "x-redmine-api-key", "x-jfrog-art-api", "x-rollbar-access-token", "x-auth-user-service-key",
    "x-okta-session-token", "x-pm-api-key", "x-bugsnag-api-key",
    # An opaque id: https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
    "mcp-session-id",
})  # fmt: skip
"""Headers that carry a credential, or an opaque session id, and nothing else; in lower case."""
STATE_HEADERS: Final = frozenset(("cookie", "cookie2", "set-cookie", "set-cookie2"))
"""Headers that carry credentials among other things that a receiver may act on."""

_HEADER: Final = re.compile(
    r"(?:\A|[_-])(?:key|apikey|token|secret|password|passwd|authorization|credentials?|signature"
    r"|jwt)\Z"
)
_UNMISTAKABLE: Final = re.compile(
    r"(?:api[_-]?(?:key|token|secret)|(?:access|auth|session|service|server|account|bearer|client|"
    r"identity|id|app|application)[_-](?:key|token|secret)|subscription[_-]key|[_-]jwt)\Z"
)
_HARMLESS_HEADER: Final = re.compile(
    r"idempoten|sec-websocket-key|(?:public|cache|surrogate|request|routing|partition|sort|object|"
    r"dedup|deduplication|correlation|row|lookup|shard|message|hash|range|blob|translation|i18n)"
    r"[_-]?key\Z|(?:page|next|prev|previous|sync|continuation|pagination|cursor|resume|lock|change|"
    r"version|concurrency|etag|trace|request|delta|skip)[_-]?token\Z|\Ax-ms-session-token\Z"
)
_WORD: Final = re.compile(r"[A-Za-z0-9._~+/=:-]{8,4096}").fullmatch

_LITERALS: Final = frozenset({
    "", "null", "true", "false", "none", "undefined", "nil", "yes", "no", "on", "off", "str",
    "bytes", "int", "integer", "number", "object", "boolean", "any", "text", "include", "omit",
    "same-origin", "required", "optional", "string", "header", "bearer",
})  # fmt: skip
_OPEN: Final = re.compile(
    r"csk_placeholder_[A-Za-z0-9_.-]{1,80}"
    r"|\$?\{[A-Za-z_][\w .:-]{0,80}\}|\$?\{\{[^{}]{1,120}\}\}|<[A-Za-z_][\w .-]{0,80}>"
    r"|\$[A-Z_][A-Z0-9_]{0,80}|%[A-Z_][A-Z0-9_]{0,80}%"
    r"|\$[0-9]{1,3}|\?|%s|%\([A-Za-z_]\w{0,80}\)s"
    r"|\*{2,200}|[xX]{3,200}|[•●…]{1,200}|\.{3}|\[redacted[^\]]{0,40}\]"
    r"|op://[^\s]{1,200}|arn:aws[a-z-]{0,10}:(?:secretsmanager|ssm):[^\s]{1,300}"
    r"|projects/[^/\s]{1,80}/secrets/[^\s]{1,200}|@Microsoft\.KeyVault\([^\s]{1,300}\)"
).fullmatch

# In lower case, and each beginning with a letter: that lets the engine skip to candidates.
_NAMES: Final = (
    r"pass(?:word|wd|phrase|code)|pwd|secret(?:[_-]?(?:string|binary|value|token|key))?"
    r"|secret[_-]?access[_-]?key|client[_-]?secret|api[_-]?(?:key|secret)"
    r"|(?:access|private|signing|encryption|account|master|shared|subscription|consumer|auth|service"
    r"|integration|license|webhook|app|application)[_-]?key"
    r"|shared[_-]?access[_-]?(?:key|signature)|x-(?:amz|goog)-signature"
    r"|token(?<!(?:page|next|sync)[_-]token)(?<!(?:page|next|sync)token)"
    r"(?<!(?:prev|skip)[_-]token)(?<!(?:prev|skip)token)(?<!(?:start|delta)[_-]token)"
    r"(?<!(?:start|delta)token)(?<!(?:cursor|resume|change)[_-]token)"
    r"(?<!(?:cursor|resume|change)token)(?<!(?:continuation)[_-]token)(?<!continuationtoken)"
    r"(?<!pagination[_-]token)(?<!paginationtoken)(?<!idempotency[_-]token)"
    r"(?<!idempotencytoken)(?<!starting[_-]token)(?<!startingtoken)(?<!clienttoken)"
    r"(?<!request[_-]token)(?<!requesttoken)"
    r"|credentials?|authorization|cookie|session[_-]?id|client[_-]?assertion|encrypted[_-]?value"
    r"|\.?docker(?:config(?:json)?|cfg)|identity[_-]?token|jwt|sas[_-]?url"
    r"|cvc(?<![a-z]cvc)2?|cvv(?<![a-z]cvv)2?|otp(?<![a-z]otp)|card[_-]?(?:number|pin)"
    r"|(?:card[_-]?)?security[_-]?code"
    # The word for a password in other languages.
    r"|passwort|kennwort|mot[_-]?de[_-]?passe|contrase[nñ]a|senha|wachtwoord|пароль|密码|密碼|パスワード"
    r"|비밀번호"
)
_SECOND_WORDS: Final = frozenset(("key", "number", "code", "pin"))
_NAME: Final = re.compile(rf"(?:{_NAMES})\]?\Z")
_NAME_HINTS: Final = (
    "token", "secret", "pass", "pwd", "session", "credential", "authorization", "cookie", "cvc",
    "cvv", "otp", "assertion", "encrypted", "docker", "jwt", "signature", "card", "code", "key",
    "sig=", "auth=", "appid=", "policy=", "sas", "kennwort", "contrase", "senha", "wachtwoord",
    "пароль", "密码", "密碼", "パスワード", "비밀번호",
)  # fmt: skip
# A telling name as a value, or over a list: only a document tells what belongs to it.
_PAIR: Final = re.compile(r"\"(?:name|key)\"\s{0,8}:\s{0,8}\"([\w.-]{1,200})\"", re.IGNORECASE)
_LISTED: Final = re.compile(r"\"([\w.-]{1,200})\"\s{0,8}:\s{0,8}\[")
# A name and how it is tied to its value; each run of a name's characters is looked at once.
_FIELD: Final = re.compile(
    r"(?<![\w.-])([\w.-]++)(?:\]|%5d)?\\{0,4}[\"']?"
    r"(?:\s{0,8}(?:(=(?!>)|%3d)|(=>|[:>]))\s{0,8}|\r?\n\r?\n)"
)
# The value: quoted, quoted inside a quoted string, or bare; behind `=` with closing braces. A value
# that has begun always matches, so that nothing is scanned twice. It is no object and no list.
_VALUE: Final = (
    r"\"((?>(?:[^\"\\]|\\.)*))|'((?>(?:[^'\\]|\\.)*))|\\{1,4}\"((?>(?:[^\"\\]|\\(?!\"))*))"
    r"|(?![{\[](?:[\s\"'\\{\[}\]]|\Z))((?:(?:bearer|basic|token|bot)\s{1,8})?"
    r"(?:(?:[$%]?\{{1,2}[\w .:-]{0,80}\}{1,2}|<[a-z_][\w .-]{0,80}>)(?=[\s&,;\"'\\}\]]|\Z)"
)
_VALUE_OF_FORM: Final = re.compile(_VALUE + r"|[^\s&,;\"'<>\\]++))", re.DOTALL)
_VALUE_OF_FIELD: Final = re.compile(_VALUE + r"|[^\s&,;\"'<>\\}\]]++))", re.DOTALL)
_COUNTABLE: Final = re.compile(r"(?:token|secret|credentials?|cookie|session[_-]?id|key)\Z")
_SCHEME: Final = re.compile(r"(?i)(?:bearer|basic|token|bot|digest)\s{1,8}")

# Parameters of a query whose short names are telling only there, by what their value looks like.
_PARAMETER: Final = re.compile(
    r"[?&](?:"
    # Azure SAS https://learn.microsoft.com/azure/storage/common/storage-sas-overview, Logic Apps,
    # Power Automate https://learn.microsoft.com/azure/logic-apps/logic-apps-securing-a-logic-app
    r"sig=([^&#\s\"'<>\\]++)"
    # AWS v2, CloudFront, Google Cloud Storage v2, Aliyun: `Signature=` beside a key's name
    r"|signature=([^&#\s\"'<>\\]{8,}+)|policy=(ey[a-z0-9_~-]{30,}+)"
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    r"|x-(?:amz|goog)-credential=([a-z0-9]{8,}+)(?=/|%2f)|awsaccesskeyid=([^&#\s\"'<>\\]++)"
    r"|ossaccesskeyid=([^&#\s\"'<>\\]++)"
    # Azure Functions https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
    r"|(?:code|auth|assertion)="
    r"((?=[a-z_~=/+-]{0,64}[0-9])(?=[0-9_~=/+-]{0,64}[a-z])[a-z0-9_~=/+-]{20,}+)(?=[&#\s\"'<>\\]|\Z)"
    # Trello, Render and others: one word of letters and digits, or a UUID (WeCom)
    r"|(?:key|api|hapikey)=((?=[a-z_]{0,64}[0-9])(?=[0-9_]{0,64}[a-z])[a-z0-9_]{20,}+"
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?=[&#\s\"'<>\\]|\Z)"
    # https://openweathermap.org/appid
    r"|appid=([0-9a-f]{32})(?![0-9a-z])"
    r")"
)
# RFC 6749, 4.1.3 and RFC 7523, 2.1: what is exchanged for a token stands in a form.
_GRANT: Final = re.compile(
    r"(?:\A|[?&\n])(?:code|assertion|device_code|code_verifier)=([^&\s]{4,}+)"
)

_TAIL: Final = r"([^\s\"'<>?#&;,\\]+)"
_ADDRESSES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (hint, re.compile(pattern))
    for hint, pattern in (
        # https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
        ("hooks.slack", r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/"
            r"(?:[te][a-z0-9]{5,20}/)?" + _TAIL),
        # https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
        ("webhook.office.com", r"webhook\.office\.com/webhookb?\d?/" + _TAIL),
        ("outlook.office", r"outlook\.office(?:365)?\.com/webhookb?\d?/" + _TAIL),
        # https://discord.com/developers/docs/resources/webhook
        ("webhooks/", r"/webhooks/[0-9]{5,20}/([a-z0-9_-]{20,}+)"),
        ("interactions/", r"/interactions/[0-9]{5,20}/([a-z0-9_-]{20,}+)"),
        # https://core.telegram.org/bots/api#making-requests
        ("api.telegram.org",
            r"api\.telegram\.org(?::[0-9]{1,5})?/(?:file/)?bot" + _TAIL[:-2] + r"?)"),
        # https://docs.zapier.com, https://www.make.com/en/help/tools/webhooks
        ("hooks.zapier.com",
            r"hooks\.zapier\.com/hooks/(?:catch|standard)/(?:[0-9]{1,20}/)?" + _TAIL),
        (".make.com", r"hook\.[a-z0-9-]{0,20}\.?make\.com/" + _TAIL),
        (".integromat.com", r"hook\.[a-z0-9-]{0,20}\.?integromat\.com/" + _TAIL),
        # https://ifttt.com/maker_webhooks
        ("maker.ifttt.com", r"/with/key/" + _TAIL),
        # https://developers.mattermost.com/integrate/webhooks/incoming/, https://docs.rocket.chat
        ("/hooks/", r"/hooks/([a-z0-9]{16,}+(?:/[a-z0-9]{16,}+)?)"),
        # https://developer.pagerduty.com/docs/events-api-v1-overview
        ("pagerduty.com", r"pagerduty\.com/integration/" + _TAIL),
        ("webexapis.com", r"webexapis\.com/v1/webhooks/incoming/" + _TAIL),
        ("victorops.com", r"/integrations/generic/[0-9]{1,20}/alert/" + _TAIL),
        ("/open-apis/bot/", r"/open-apis/bot/(?:v[0-9]/)?hook/" + _TAIL),
        ("netlify.com", r"netlify\.com/build_hooks/" + _TAIL),
        ("vercel.com", r"vercel\.com/v1/integrations/deploy/" + _TAIL),
        ("deploy_hooks/", r"/deploy_hooks/" + _TAIL),
        ("hc-ping.com", r"hc-ping\.com/" + _TAIL),
        ("/api/webhook/", r"/api/webhook/([a-z0-9_-]{20,}+)"),
        ("datadoghq.", r"/v1/input/" + _TAIL),
        ("infura.io", r"infura\.io/(?:ws/)?v3/" + _TAIL),
        (".alchemy.com", r"\.alchemy\.com/v2/" + _TAIL),
        ("m.pipedream.net", r"(?<![a-z0-9])(e[a-z0-9]{12,30})\.m\.pipedream\.net"),
        # https://developer.pagerduty.com/docs/events-api-v2-overview: 32 characters
        ("routing_key", r"routing_key\"?\s{0,8}[:=]\s{0,8}\"?([a-z0-9]{32})(?![a-z0-9])"),
    )
)  # fmt: skip


# Long enough for the shortest token, or the beginning of a key that spans lines.
_RUN: Final = re.compile(r"[\w.:~/+=@-](?<![\w.:~/+=@-].)[\w.:~/+=@-]{13,}+|-----BEGIN")


# User name and password in an address, or a user name that is a key: Sentry's DSN,
# https://docs.sentry.io/concepts/key-terms/dsn-explainer/
_LOGIN: Final = re.compile(
    r"://([A-Za-z0-9_-]{20,256}(?::[^\s/@\"'?#]{0,200})?(?=@)"
    r"|[^\s/:@\"'?#]{0,100}:[^\s/@\"'?#]{1,200}(?=@))"
)


def _after(prefix: str, rest: str) -> str:
    """A shape that begins with plain text, and not within a word."""
    return rf"{prefix}(?<![A-Za-z0-9]{prefix}){rest}"


# What stands behind these prefixes. Tokens of several vendors look alike but for that.
_PREFIXED: Final = (
    ("sk_live_ sk_test_ rk_live_ rk_test_", r"[A-Za-z0-9]{10,}+"),
    ("whsec_", r"[A-Za-z0-9+/=]{16,}+"),
    ("sk- ya29. GOCSPX-", r"[A-Za-z0-9_-]{20,}+"),
    ("ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"[A-Za-z0-9_]{20,}+"),
    # https://docs.gitlab.com/security/tokens/#token-prefixes
    ("gl", r"(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_.=-]{16,}+"),
    ("GR1348941", r"[A-Za-z0-9_-]{16,}+"),
    ("xox", r"[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}+"),
    ("xapp- xwfp-", r"[A-Za-z0-9-]{10,}+"),
    ("AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("AIza pypi-", r"[A-Za-z0-9_-]{30,}+"),
    ("npm_ hf_ r8_ gsk_ ntn_", r"[A-Za-z0-9]{30,}+"),
    ("rubygems_", r"[a-f0-9]{40,}+"),
    ("dckr_", r"(?:pat|oat)_[A-Za-z0-9_-]{20,}+"),
    ("xai- secret_", r"[A-Za-z0-9]{40,}+"),
    ("pplx-", r"[A-Za-z0-9]{32,}+"),
    ("SG.", r"[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}+"),
    # https://www.twilio.com/docs/iam/api-keys: SK and 32 hexadecimal digits
    ("SK key-", r"[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("do", r"[opr]_v1_[0-9a-f]{40,}+"),
    ("shp", r"(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}"),
    ("lin_", r"(?:api|oauth)_[A-Za-z0-9]{30,}+"),
    ("fig", r"[dour]_[A-Za-z0-9_-]{30,}+"),
    ("AT", r"(?:ATT|CTT|BBT)[A-Za-z0-9_=-]{30,}+"),
    ("dapi", r"[a-f0-9]{32}(?:-[0-9])?"),
    ("v1.0-", r"[a-f0-9]{24}-[a-f0-9]{100,}+"),
    ("cf", r"(?:ut|at|k)_[A-Za-z0-9_-]{30,}+"),
    ("dp.", r"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{1,40}\.)?[A-Za-z0-9]{30,}+"),
    ("hv", r"[sbr]\.[A-Za-z0-9_-]{20,}+"),
    ("mfa.", r"[A-Za-z0-9_-]{60,}+"),
    ("NR", r"(?:AK|II|JS|RA|IQ)-[A-Za-z0-9_-]{19,}+"),
    ("gl", r"(?:sa|c)_[A-Za-z0-9_+/=]{30,}+"),
    ("sntry", r"[sua]_[A-Za-z0-9_+/=-]{30,}+"),
    ("pscale_", r"(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{30,}+"),
    ("sb", r"(?:p|_secret)_[A-Za-z0-9_-]{20,}+"),
    ("vc", r"[pirka]_[A-Za-z0-9]{24,}+"),
    ("rnd_", r"[A-Za-z0-9]{24,}+"),
    ("nf", r"[pcoub]_[A-Za-z0-9]{30,}+"),
    ("tskey-", r"[a-z]{1,12}-[A-Za-z0-9-]{10,}+"),
    ("pul-", r"[a-f0-9]{40}"),
    ("PMAK-", r"[a-f0-9]{24}-[a-f0-9]{34}"),
    ("EAA", r"[A-Za-z0-9]{60,}+"),
    ("EAAA", r"[A-Za-z0-9_-]{56,}+"),
    ("sq0", r"[a-z]{3}-[A-Za-z0-9_-]{22,}+"),
    ("pat", r"(?:[A-Za-z0-9]{14}\.[a-f0-9]{64}|-[a-z]{2}[0-9]-[0-9a-f-]{36})"),
    ("xkeysib-", r"[a-f0-9]{60,}+-[A-Za-z0-9]{16}"),
    ("ops_", r"eyJ[A-Za-z0-9+/=_-]{40,}+"),
    ("ABSK", r"[A-Za-z0-9+/=]{100,}+"),
    ("tfp_ phx_", r"[A-Za-z0-9_-]{40,}+"),
)
_OTHER_SHAPES: Final = (
    ("-----BEGIN", r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?>(?:(?!-----END)[\s\S])*)(?:-----END [A-Z0-9 ]{0,60}-----)?"),
    # PuTTY's format, https://tartarus.org/~simon/putty-snapshots/htmldoc/AppendixC.html
    ("PuTTY-User-Key-File-", r"Private-Lines:(?>(?:(?!Private-MAC)[\s\S]){0,20000})"
        r"(?:Private-MAC: ?[0-9a-f]{40,64})?"),
    ("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{40,}+"),
    ("eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+"
        r"(?:\.[A-Za-z0-9_-]++){0,2}"),
    ("1//", r"1//(?<![A-Za-z0-9:]1//)0[A-Za-z0-9_-]{30,}+"),
    (".atlasv1.", r"[A-Za-z0-9]{0,20}\.atlasv1\.[A-Za-z0-9_=-]{40,}+"),
    # https://core.telegram.org/bots/features#authorization; `bot` may stand before it
    (":", r"[0-9]{6,12}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    (":AA", r"[0-9]{6,12}:AA[A-Za-z0-9_-]{30,}+"),
    # https://discord.com/developers/docs/reference#authentication: id in base64, time, MAC
    (".", r"[MNO](?<![A-Za-z0-9_-][MNO])[A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}"
        r"\.[A-Za-z0-9_-]{27,}+"),
    ("Q~", r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
)  # fmt: skip
_SHAPES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    *((hint, re.compile(pattern)) for hint, pattern in _OTHER_SHAPES),
    *(
        (prefix, re.compile(_after(re.escape(prefix), rest)))
        for prefixes, rest in _PREFIXED
        for prefix in prefixes.split()
    ),
)
"""Each with a text that every match holds, and that is quick to look for."""

# ISO/IEC 7812: 13 to 19 digits, in one run or in the groups that cards print.
_DIGITS: Final = re.compile(r"[2-9](?<![\w.+-].)[0-9]{3}[ -]?[0-9]{4}")
_CARD: Final = re.compile(
    r"[2-9](?<![\w.+-].)(?:[0-9]{12,18}"
    r"|[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?"
    r"|[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})(?![\w-]|\.[0-9])"
)
# Prefixes and lengths: https://en.wikipedia.org/wiki/Payment_card_number (read August 2026).
_ISSUERS: Final = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720|220[0-4])[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|095|[689][0-9])[0-9]{11,16}|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|62[0-9]{2}|60[0-9]{2}|81[0-9]{2}|82[0-9]{2}|9792)[0-9]{12,15}"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3]|506[0-9])[0-9]{9,15}"
)
_IBAN_BEFORE: Final = re.compile(r"(?:\A|[^A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: [A-Z0-9]{4}){0,7} \Z")

_ENCODED: Final = re.compile(r"%[2-7][0-9A-Fa-f]|\\(?:u00[2-7][0-9A-Fa-f]|[/nrt])")
_ESCAPES: Final = {"/": "/", "n": "\n", "r": "\r", "t": "\t"}

_SECRET_KIND: Final = re.compile(
    r"kind\\{0,3}[\"']?\s{0,8}:\s{0,8}\\{0,3}[\"']?Secret(?:List)?(?![A-Za-z])"
)
_SECRET_URL: Final = re.compile(r"/secrets(?:/[^/?#]*)?(?:/status)?/?(?:[?#]|\Z)")
_VAULT_URL: Final = re.compile(
    r"/v1/(?:secret|kv|cubbyhole)(?:-?v?[0-9])?/|/secrets/[^/?#:]{1,255}:addVersion\Z"
)
_DOCUMENT_HINTS: Final = (
    "sensitive", "SecureString", "is_secret", "masked", "secret_text", '"auths"', '"secrets"',
    "encrypted",
)  # fmt: skip
_BLOCK: Final = re.compile(r"([ \t]*)(?:- )?(?:data|stringData)[ \t]*:[ \t]*(\S.*)?")
_ENTRY: Final = re.compile(r"[ \t]*[\"']?[\w.\-/]{1,253}[\"']?[ \t]*:[ \t]*")


def _runs(text: str) -> str:
    """Where tokens can be: looking for eighty prefixes in all of a text would take too long."""
    return "\n".join(_RUN.findall(text))


def _hints_name(folded: str) -> bool:
    for hint in _NAME_HINTS:  # noqa: SIM110 - `any` over a generator takes three times as long
        if hint in folded:
            return True
    return False


@lru_cache(maxsize=1024)
def _telling(name: str) -> bool:
    return _NAME.search(name) is not None


def split_scheme(value: str) -> tuple[str, str]:
    """`Bearer ` and what follows; no scheme is empty."""
    found = _SCHEME.match(value)
    return (found[0], value[found.end() :]) if found else ("", value)


def _look(text: str) -> Iterator[Span]:
    folded = text.lower()
    if len(folded) != len(text):  # U+0130 alone becomes two code points
        folded = text.replace("\u0130", "i").lower()
    if _hints_name(folded):
        yield from _named(text, folded)
    runs = _runs(text)
    for hint, shape in _SHAPES if runs else ():
        if hint in runs:
            for found in shape.finditer(text):
                yield found.span(found.lastindex or 0)
    if "://" in text and "@" in text:
        for found in _LOGIN.finditer(text):
            if not is_open(text[found.start(1) : found.end(1)].rpartition(":")[2]):
                yield found.span(1)
    for hint, shape in _ADDRESSES:
        if hint in folded:
            for found in shape.finditer(folded):
                if not is_open(text[found.start(1) : found.end(1)]):
                    yield found.span(1)
    if _DIGITS.search(text):
        yield from _cards(text)


def _named(text: str, folded: str) -> Iterator[Span]:
    at = 0
    while field := _FIELD.search(folded, at):
        at = field.end()
        name = field[1]
        if name in _SECOND_WORDS:  # "API key: …"
            name = folded[max(field.start() - 16, 0) : field.end(1)].replace(" ", "_")
        if not telling(name):
            continue
        value = (_VALUE_OF_FORM if field[2] else _VALUE_OF_FIELD).match(folded, at)
        if value is None:
            continue
        at = value.end()
        start, end = value.span(value.lastindex or 0)
        scheme, secret = split_scheme(text[start:end])
        # A number that JSON or YAML does not quote counts something, unless it is a code.
        counted = value.lastindex == 4 and field[3] == ":" and secret.isdigit() and len(secret) < 10
        if not is_open(secret) and not (counted and _COUNTABLE.search(name)):
            yield start + len(scheme), end
    if "=" in folded:
        for found in _PARAMETER.finditer(folded):
            span = found.span(found.lastindex or 0)
            if not is_open(text[span[0] : span[1]]):
                yield span
        if "grant_type=" in folded:
            for found in _GRANT.finditer(folded):
                yield found.span(1)


def _cards(text: str) -> Iterator[Span]:
    for found in _CARD.finditer(text):
        digits = found[0].replace(" ", "").replace("-", "")
        if _ISSUERS.fullmatch(digits) is None or not _luhn(digits):
            continue
        if _IBAN_BEFORE.search(text[max(found.start() - 48, 0) : found.start()]) is None:
            yield found.span()


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _plain(text: str) -> tuple[str, list[int]]:
    """The text without percent-encoding and JSON escapes of ASCII; where each character began.

    One more place than characters: the end. An encoded character twice over is decoded once.
    """
    pieces: list[str] = []
    places: list[int] = []
    done = 0
    for found in _ENCODED.finditer(text):
        start, end = found.span()
        code = found[0]
        if code[0] == "%":
            char = chr(int(code[1:], 16))
        elif code[1] == "u":
            char = chr(int(code[2:], 16))
        else:
            char = _ESCAPES[code[1]]
        pieces += (text[done:start], char)
        places += range(done, start + 1)
        done = end
    pieces.append(text[done:])
    places += range(done, len(text) + 1)
    return "".join(pieces), places


class _Leaf(NamedTuple):
    """A scalar of a document and where it stands in the text, quotes left out."""

    value: object
    span: Span


class _Members(list[tuple[str, Any]]):
    """An object of a document, with its members in order and repeated keys kept."""


def _members(node: object) -> Iterable[tuple[str, Any]] | None:
    if isinstance(node, _Members):
        return node
    return node.items() if isinstance(node, dict) else None


def _inside(node: object) -> Iterable[tuple[str | int, Any]]:
    if isinstance(node, list) and not isinstance(node, _Members):
        return enumerate(node)
    return _members(node) or ()


def _scalar(node: object) -> object:
    return node.value if isinstance(node, _Leaf) else node


def _member(node: object, *names: str) -> object:
    """The first scalar under one of these names; None without one."""
    for name, value in _members(node) or ():
        if name in names:
            return _scalar(value)
    return None


def _under(node: object, path: Path, *names: str) -> Iterator[tuple[Any, Path]]:
    """The members of an object that have one of these names, and where they stand."""
    for name, value in _members(node) or ():
        if name in names:
            yield value, (*path, name)


def _leaves(node: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Every string and number below, with its path; not deeper than `MAX_DEPTH`."""
    waiting: list[tuple[object, Path]] = [(node, path)]
    while waiting:
        node, path = waiting.pop()
        if isinstance(node, (dict, list)):
            if len(path) <= MAX_DEPTH:
                waiting += [(value, (*path, key)) for key, value in _inside(node)]
        elif _is_secret(_scalar(node)):
            yield path, node


def _is_secret(value: object) -> bool:
    if isinstance(value, str):
        return not is_open(value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _secret_leaves(tree: object, url_path: str | None) -> Iterator[tuple[Path, object]]:
    address = url_path or ""
    of_secret = _SECRET_URL.search(address) is not None
    if of_secret:
        yield from _data(tree, ())
        yield from _patched(tree)
        for value, at in _under(tree, (), "value"):
            yield from _leaves(value, at)
    if _VAULT_URL.search(address):
        yield from _leaves(tree, ())
    waiting: list[tuple[object, Path, str]] = [(tree, (), "")]
    while waiting:
        node, path, name = waiting.pop()
        members = _members(node)
        if len(path) > MAX_DEPTH:
            continue
        if members is not None:
            yield from _in_object(node, path)
            waiting += [(value, (*path, key), key) for key, value in members]
        elif isinstance(node, list):
            waiting += [(value, (*path, at), name) for at, value in enumerate(node)]
        else:
            value = _scalar(node)
            if name and telling(name) and isinstance(value, str) and not is_open(value):
                yield path, node
            elif isinstance(value, str) and _SECRET_KIND.search(value):
                yield path, node  # a manifest within a string


def _in_object(node: object, path: Path) -> Iterator[tuple[Path, object]]:
    """What an object says of its own members."""
    kind = _member(node, "kind")
    if kind == "Secret":
        yield from _data(node, path)
    elif kind == "SecretList":
        for items, at in _under(node, path, "items"):
            for place, item in enumerate(items if isinstance(items, list) else ()):
                yield from _data(item, (*at, place))
    called = _member(node, "name", "key", "Name", "Key")
    marks = ("sensitive", "is_secret", "masked", "Sensitive")
    if (
        (isinstance(called, str) and telling(called))
        or any(_member(node, mark) is True for mark in marks)
        or _member(node, "type", "Type") in _SECRET_TYPES
    ):
        for value, at in _under(node, path, "value", "values", "Value", "text", "string_value"):
            yield from _leaves(value, at)
    for value, at in _under(node, path, "auths"):
        for below, leaf in _leaves(value, at):
            if below[-1] in ("auth", "password", "identitytoken", "registrytoken"):
                yield below, leaf
    for value, at in _under(node, path, "secrets"):
        for inner, leaf in _members(value) or ():
            if isinstance(_scalar(leaf), str) and _is_secret(_scalar(leaf)):
                yield (*at, inner), leaf


_SECRET_TYPES: Final = ("SecureString", "secret_text", "secret", "encrypted", "sensitive")


def _data(node: object, path: Path) -> Iterator[tuple[Path, object]]:
    """The data of one Secret."""
    for value, at in _under(node, path, "data", "stringData"):
        yield from _leaves(value, at)
    for value, at in _under(node, path, "metadata"):
        for place, leaf in _leaves(value, at):
            if place[-1] == "kubectl.kubernetes.io/last-applied-configuration":
                yield place, leaf


def _patched(tree: object) -> Iterator[tuple[Path, object]]:
    """The values of a JSON patch (RFC 6902) of one Secret."""
    for place, step in enumerate(tree if isinstance(tree, list) else ()):
        where = _member(step, "path")
        if isinstance(where, str) and re.match(r"/(?:data|stringData)(?:/|\Z)|/?\Z", where):
            for value, at in _under(step, (place,), "value"):
                yield from _leaves(value, at)


def _may_hold_document(text: str, url_path: str | None) -> bool:
    if url_path and (_SECRET_URL.search(url_path) or _VAULT_URL.search(url_path)):
        return True
    if any(hint in text for hint in _DOCUMENT_HINTS) or _SECRET_KIND.search(text):
        return True
    paired = _PAIR.finditer(text) if '"' in text and ":" in text else ()
    listed = _LISTED.finditer(text) if "[" in text else ()
    return any(telling(found[1]) for found in (*paired, *listed))


def _in_document(text: str, url_path: str | None) -> Iterator[Span]:
    """The secrets of a JSON document, or of each line of one; else of what YAML says."""
    documents = _parsed(text)
    if documents:
        for document in documents:
            for _, leaf in _secret_leaves(document, url_path):
                if isinstance(leaf, _Leaf):
                    yield leaf.span
        return
    of_secret = bool(url_path and _SECRET_URL.search(url_path))
    if of_secret or _SECRET_KIND.search(text):
        yield from _blocks(text, of_secret=of_secret)
        if "\\n" in text:  # YAML within a string
            plain, places = _plain(text)
            for start, end in _blocks(plain, of_secret=of_secret):
                yield places[start], places[end]
        yield from _flows(text)


def _blocks(text: str, *, of_secret: bool) -> Iterator[Span]:
    """The values below `data:` and `stringData:` in the YAML documents that are Secrets."""
    at = 0
    for document in _DOCUMENT.split(text):
        if of_secret or _SECRET_KIND.search(document):
            for start, end in _block(document):
                yield at + start, at + end
        at += len(document)


def _block(text: str) -> Iterator[Span]:
    at, within = 0, -1
    for line in text.split("\n"):
        bare = line.strip()
        indent = len(line) - len(line.lstrip(" \t"))
        if within >= 0 and bare and (indent <= within or bare == "---"):
            within = -1
        if within < 0:
            found = _BLOCK.fullmatch(line.rstrip("\r"))
            if found:
                within = len(found[1])
                if found[2] and found[2][0] not in "#|>&!":
                    yield at + found.start(2), at + found.end(2)
        elif bare and bare[0] != "#":
            entry = _ENTRY.match(line)
            start = entry.end() if entry else indent
            value = line[start:].rstrip()
            if value not in ("|", "|-", "|+", ">", ">-", ">+", "{}", ""):
                yield at + start, at + start + len(value)
        at += len(line) + 1


_DOCUMENT: Final = re.compile(r"(?m)^(?=---)")
_FLOW: Final = re.compile(r"\"(?:data|stringData)\\{0,3}\"\s{0,8}:\s{0,8}\{")
_STRING: Final = re.compile(r"\"(?>(?:[^\"\\]|\\.)*)\"?", re.DOTALL)


def _flows(text: str) -> Iterator[Span]:
    """The values of `"data": {…}` in JSON that is cut off or has something around it."""
    done = 0
    for found in _FLOW.finditer(text):
        at = max(found.end(), done)
        while at < len(text) and text[at] != "}":
            if text[at] == '"' and (string := _STRING.match(text, at)):
                at = string.end()
                if text[at : at + 8].lstrip()[:1] != ":":
                    yield string.start() + 1, at - 1 if string[0].endswith('"') else at
            else:
                at += 1
        done = at


_TOKENS: Final = re.compile(
    r"[ \t\r\n]*+(?:(\"(?>(?:[^\"\\\x00-\x1f]|\\.)*)\")|([{}\[\],:])|([^\s{}\[\],:\"]++))"
)


def _parsed(text: str) -> list[object]:
    """The JSON document of a text, or those of its lines; nothing where it is not JSON throughout.

    Our own, because the standard library's does not say where a value stands. Linear, flat.
    """
    stripped = text.lstrip()
    if stripped[:1] not in ("{", "["):
        return []
    documents: list[object] = []
    stack: list[Any] = []
    keys: list[str] = []
    at, end, before = 0, len(text.rstrip()), ""
    while at < end:
        token = _TOKENS.match(text, at)
        if token is None:
            return []
        at = token.end()
        mark = token[2]
        if mark in ("{", "["):
            node: Any = _Members() if mark == "{" else []
        elif mark in ("}", "]"):
            if not stack or isinstance(stack[-1], _Members) is not (mark == "}"):
                return []
            stack.pop()
            keys.pop()
            before = mark
            continue
        elif mark is not None:
            if mark == ":" and before != "key":
                return []
            before = mark
            continue
        else:
            written, (start, stop) = token[1] or token[3], token.span(1 if token[1] else 3)
            plain = written[0] == '"' and "\\" not in written
            try:
                value = written[1:-1] if plain else json.loads(written)
            except ValueError:
                return []
            if written[0] == '"':
                if stack and isinstance(stack[-1], _Members) and before != ":":
                    keys[-1], before = value, "key"
                    continue
                start, stop = start + 1, stop - 1
            node = _Leaf(value, (start, stop))
        if not stack:
            documents.append(node)
        elif isinstance(stack[-1], _Members):
            if before != ":":
                return []
            stack[-1].append((keys[-1], node))
        else:
            stack[-1].append(node)
        before = "value"
        if isinstance(node, list):
            if len(stack) >= 2 * MAX_DEPTH:
                return []
            stack.append(node)
            keys.append("")
    return [] if stack else documents

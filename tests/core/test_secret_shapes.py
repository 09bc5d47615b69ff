"""Where secrets occur: each kind with values that no scanner takes for a leak, and what is none.

Everything here is invented and put together at run time.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals import secret_shapes
from approvals.secret_shapes import credential_header, secret_header, secret_paths, spans, telling
from approvals.text import redact, redact_address, redact_headers
from tests.harness import hostile
from tests.reading.work import linear

SALT = b"a salt of sixteen"
W = "Qz7LpW2vXk9RtB4mNc8HsY3gJd6FaE5uKi0o"
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


def j(*parts: str) -> str:
    return "".join(parts)


ADDRESSES = {
    "slack service": (
        j("https://hooks.slack.", "com/services/T0AB12CD3/B0AB12CD3/", W[:24]),
        W[:24],
    ),
    "slack workflow": (j("https://hooks.slack.", "com/workflows/T0AB12CD3/A1/99/", W[:20]), W[:20]),
    "slack trigger": (j("https://hooks.slack.", "com/triggers/E0AB12CD3/123/", W), W),
    "slack government": (
        j("https://hooks.slack-gov.", "com/services/T0AB12CD3/B1/", W[:24]),
        W[:24],
    ),
    "slack in capitals": (j("https://HOOKS.Slack.", "com/services/T0AB12CD3/B1/", W[:24]), W[:24]),
    "office": (f"https://acme.webhook.office.com/webhookb2/1@2/IncomingWebhook/{HEX}/3", HEX),
    "office, older": (f"https://outlook.office.com/webhook/1@2/IncomingWebhook/{HEX}/3", HEX),
    "logic apps": (f"https://prod-1.westeurope.logic.azure.com/w/1?api-version=1&sig={W}", W),
    "power automate": (f"https://x.api.powerplatform.com/invoke?sp=%2Frun&sv=1.0&sig={W}", W),
    "discord": (f"https://discord.com/api/webhooks/123456789012345678/{W}{W}", W),
    "discord, version": (f"https://discordapp.com/api/v10/webhooks/123456789012345678/{W}", W),
    "discord interaction": (f"https://discord.com/api/v10/interactions/12345678/{W}/callback", W),
    "telegram": (j("https://api.telegram.org/bot", "987654321:", W[:35], "/sendPhoto"), W[:35]),
    "telegram, encoded": (j("https://api.telegram.org/bot", "987654321%3A", W[:35], "/x"), W[:35]),
    "telegram, escaped": (j("https://api.telegram.org/%62ot", "987654321:", W[:35], "/x"), W[:35]),
    "telegram file": (
        j("https://api.telegram.org/file/bot", "98765432:", W[:35], "/a.jpg"),
        W[:35],
    ),
    "telegram, own server": (j("https://bots.example.com/bot", "98765432:", W[:35], "/x"), W[:35]),
    "google chat": (
        f"https://chat.googleapis.com/v1/spaces/A/messages?key=AIza{W}&token={HEX}",
        HEX,
    ),
    "zapier": (f"https://hooks.zapier.com/hooks/catch/123456/{W[:7]}/", W[:7]),
    "make": (f"https://hook.eu2.make.com/{W[:32]}", W[:32]),
    "ifttt": (f"https://maker.ifttt.com/trigger/door/with/key/{W}", W),
    "mattermost": ("https://chat.example.com/hooks/" + W[:26].lower(), W[:26].lower()),
    "rocket.chat": (f"https://chat.example.com/hooks/{HEX[:24]}/{W}", W),
    "pagerduty": (f"https://events.pagerduty.com/integration/{HEX}/enqueue", HEX),
    "opsgenie": (f"https://api.opsgenie.com/v1/json/prometheus?apiKey={W}", W),
    "gitlab trigger": (
        f"https://gitlab.example.com/api/v4/projects/1/trigger/pipeline?token={HEX}",
        HEX,
    ),
    "feishu": (f"https://open.feishu.cn/open-apis/bot/v2/hook/{HEX}", HEX),
    "sentry": (f"https://{HEX}@o1.ingest.sentry.io/2", HEX),
    "pypi": (j("https://__token__:", W, "@packages.example.com/legacy/"), W),
    "npm": (j("https://bot:", W[:12], "@npm.example.com/"), W[:12]),
    "git": (j("https://", W, "@git.example.com/acme/site.git"), W),
    "aws v4": (
        f"https://b.s3.amazonaws.com/k?X-Amz-Credential=FAKEKEYID0000000%2F2026&X-Amz-Signature={HEX}{HEX}",
        HEX,
    ),
    "aws v4, key id": (
        f"https://b.s3.amazonaws.com/k?X-Amz-Credential=FAKEKEYID0000000%2F2026%2Fus&X-Amz-Signature={HEX}",
        "FAKEKEYID0000000",
    ),
    "aws v4, session": (f"https://b.s3.amazonaws.com/k?X-Amz-Security-Token={W}%2F%2Bx", W),
    "aws v2": (
        f"https://b.s3.amazonaws.com/k?AWSAccessKeyId=FAKEKEYID0&Signature={W}%3D&Expires=1",
        W,
    ),
    "aws v2, key id": (
        "https://b.s3.amazonaws.com/k?AWSAccessKeyId=FAKEKEYID0&Expires=1",
        "FAKEKEYID0",
    ),
    "gcs v4": (
        f"https://storage.googleapis.com/b/o?X-Goog-Algorithm=G&X-Goog-Signature={HEX}",
        HEX,
    ),
    "gcs v2": (f"https://storage.googleapis.com/b/o?GoogleAccessId=a%40b&Signature={W}", W),
    "azure sas": (f"https://a.blob.core.windows.net/c/b?sv=2024&se=2026&sr=b&sp=r&sig={W}%3D", W),
    "azure function": (f"https://f.azurewebsites.net/api/run?code={W}{W[:18]}==", W),
    "cloudfront": (f"https://d1.cloudfront.net/a?Expires=1&Signature={W}__&Key-Pair-Id=K1", W),
    "api_key": ("https://api.example.com/x?api_key=hunter2x", "hunter2x"),
    "apikey": ("https://api.example.com/x?apikey=hunter2x", "hunter2x"),
    "key": (j("https://maps.googleapis.com/x?key=AI", "za", W[:35]), W[:35]),
    "key of 32": (f"https://api.trello.com/1/cards?key={HEX}&name=x", HEX),
    "access_token": ("https://graph.example.com/me?access_token=hunter2x", "hunter2x"),
    "auth": (f"https://x.firebaseio.example/a.json?auth={W}", W),
    "appid": (f"https://api.openweathermap.org/data/2.5/weather?q=Oslo&appid={HEX}", HEX),
    "subscription-key": ("https://x.azure-api.net/a?subscription-key=hunter2x", "hunter2x"),
    "infura": (f"https://mainnet.infura.io/v3/{HEX}", HEX),
}


@pytest.mark.parametrize(("address", "secret"), ADDRESSES.values(), ids=ADDRESSES)
def test_law_15_credentials_in_addresses_are_redacted(address: str, secret: str) -> None:
    found = redact(address, SALT)
    assert secret not in found.text
    assert "[redacted " in found.text
    inside = json.dumps({"text": f"see {address} now"}).replace("/", "\\/")
    assert secret not in redact(inside, SALT).text, "in a body, with PHP's slashes"
    split = re.fullmatch(r"(https)://([^/]+)(/[^?]*)?(\?.*)?", address)
    assert split is not None
    scheme, host, path, query = split.groups()
    parts = redact_address(host, path or "", query or "", SALT)
    assert secret not in "".join(part.text for part in parts)
    assert "".join(part.text for part in parts) == found.text.removeprefix(f"{scheme}://")


CONNECTIONS = {
    "postgres": ("postgres://app:hunter2x@db.example/x", "hunter2x"),
    "mongodb": ("mongodb+srv://app:hunter2x@c.example/x", "hunter2x"),
    "redis": ("redis://:hunter2x@cache.example:6379/0", "hunter2x"),
    "amqp": ("amqps://app:hunter2x@mq.example/v", "hunter2x"),
    "an odd password": ("postgres://application:s3cr!t-x@h/x", "s3cr!t-x"),
    "azure storage": (f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={W}==;E=1", W),
    "sql server": ("Server=db;User Id=sa;Password=hunter2x;Encrypt=yes", "hunter2x"),
    "odbc": ("Driver={ODBC};Server=db;Uid=sa;Pwd=hunter2x;", "hunter2x"),
    "service bus": (f"Endpoint=sb://a/;SharedAccessKeyName=Root;SharedAccessKey={W}=", W),
    "password with a brace": ("password=hun}ter2x&a=1", "ter2x"),
    "password that begins as a template": ("password={a}hunter2x&b=1", "hunter2x"),
}
FORMS = {
    "client secret": (f"grant_type=client_credentials&client_id=a&client_secret={W}", W),
    "code": ("grant_type=authorization_code&code=abc-def", "abc-def"),
    "refresh": ("grant_type=refresh_token&refresh_token=abc-def", "abc-def"),
    "assertion": ("grant_type=urn%3Ajwt-bearer&assertion=abc.def", "abc.def"),
    "client assertion": ("client_assertion=abc.def&a=1", "abc.def"),
    "id token": ('{"id_token": "abc.def"}', "abc.def"),
    "stripe account": ("account=1&api_key=hunter2x", "hunter2x"),
    "card": ("card[number]=4242424242424242&card[exp_year]=2030", "4242424242424242"),
    "card, blanks": ('{"note":"pay with 5555 5555 5555 4444 please"}', "5555 5555 5555 4444"),
    "card, dashes": ("number: 4000-0566-5566-5556", "4000-0566-5566-5556"),
    "card, after a line end": ('{"note":"card:\\n4242424242424242"}', "4242424242424242"),
    "card, amex": ("3782 822463 10005", "3782 822463 10005"),
    "card, diners": ("use 30569309025904", "30569309025904"),
    "card, 13 digits": ("use 4222222222222", "4222222222222"),
    "cvc": ('{"cvc": 314}', "314"),
    "cvc in a form": ("card%5Bcvc%5D=314&x=1", "314"),
    "escaped key": ('{"\\u0070assword": "hunter2x"}', "hunter2x"),
    "token after an escape": (j('{"note":"key\\n', "gh", "p_", W, '"}'), W),
    "token after a space": (j("note=key%20", "gh", "p_", W), W),
}


@pytest.mark.parametrize(
    ("text", "secret"), (CONNECTIONS | FORMS).values(), ids=CONNECTIONS | FORMS
)
def test_law_15_credentials_in_bodies_are_redacted(text: str, secret: str) -> None:
    found = redact(text, SALT)
    assert secret not in found.text
    assert "[redacted " in found.text


TOKENS = (
    *(j(kind, "_", W) for kind in ("ghp", "gho", "ghu", "ghs", "ghr", "github_pat", "npm", "hf")),
    *(j(kind, "-", W[:24]) for kind in ("glpat", "glrt", "gldt", "glptt", "xoxb-1", "xoxe-1")),
    *(j(kind, W) for kind in ("sk-", "sk-proj-", "sk-ant-api03-", "ya29.", "GOCSPX-", "pypi-")),
    *(j(kind, W) for kind in ("lin_api_", "ntn_", "figd_", "dckr_pat_", "glsa_", "hvs.", "hvb.")),
    *(j(kind, W) for kind in ("dp.pt.", "dp.st.prd.", "sntrys_", "sntryu_", "pscale_tkn_", "sbp_")),
    *(j(kind, W[:24]) for kind in ("vcp_", "rnd_", "NRAK-", "sq0atp-", "tskey-auth-")),
    *(j(kind, "_", mode, "_", W[:24]) for kind in ("sk", "rk") for mode in ("live", "test")),
    *(j("A", kind, "ABCDEFGHIJKLMNOP") for kind in ("KIA", "SIA")),
    *(j(kind, HEX) for kind in ("SK", "key-", "dapi", "shpat_", "shpss_")),
    j("dop", "_v1_", HEX, HEX),
    j("secret", "_", W, W[:8]),
    j("ATATT", "3x", W, W),
    j("S", "G.", W[:22], ".", W),
    j(W[:14], ".atlas", "v1.", W, W),
    j("987654321", ":AA", W[:33]),
    j("MTIzNDU2Nzg5MDEyMzQ1Njc4", ".", W[:6], ".", W[:27]),
    j("mfa", ".", W, W),
    j("AGE-SECRET-", "KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE"),
    j("abc", "8Q~", W[:34]),
    j("pat", W[:14], ".", HEX, HEX),
)


@pytest.mark.parametrize("token", TOKENS, ids=range(len(TOKENS)))
def test_law_15_tokens_of_known_vendors_are_redacted_wherever_they_stand(token: str) -> None:
    for form in ("{}", "a {} b", '{{"note":"x {}"}}', "note={}&b=1", "(see {})", "x\\n{}", "%20{}"):
        found = redact(form.format(token), SALT)
        assert token[-10:] not in found.text
        assert "[redacted " in found.text


def test_law_15_private_keys_are_redacted_whole() -> None:
    putty = j(
        "PuTTY-User-", "Key-File-3: ssh-rsa\nPublic-Lines: 1\nAAAA\nPrivate-", "Lines: 1\n", W
    )
    pem = j("-----BEGIN ", "EC PRIVATE", " KEY-----\\n", W, "\\n-----END EC PRIVATE KEY-----")
    for text in (putty, pem, f"xxxxxxxx{pem}", f"key={pem}"):
        assert W not in redact(text, SALT).text


HARMLESS = (
    "pageToken=abc&nextToken=def&syncToken=ghi&continuation=jkl&continuation_token=x&cursor=abc",
    '{"nextToken": "abc", "NextPageToken": "x", "ContinuationToken": "y", "startingToken": "z"}',
    '{"ClientToken": "idem-1", "ClientRequestToken": "idem-2", "idempotency_key": "abc"}',
    '{"max_tokens": 4096, "token_count": 12, "tokenizer": "x", "max_completion_tokens": 5}',
    '{"token_type": "bearer", "requested_token_type": "urn:x", "author": "dana", "authority": "x"}',
    '{"password_reset": true, "reset_password": false, "token": 5, "session_id": 17}',
    '{"secret_name": "db", "secretName": "db", "secretKeyRef": {"name": "db", "key": "url"}}',
    '{"volumes": [{"name": "a", "secret": {"secretName": "db"}}], "SecretId": "prod/db"}',
    '{"id": "6f1c2f0e-8f5d-4f64-9a53-1f0f3a7f9d10", "ulid": "01KC8M3N7Q9V6F2S0D4XJ5B1TZ"}',
    f'{{"sha": "{HEX}01020304", "digest": "sha256:{HEX}{HEX}", "etag": "W/\\"{HEX}\\""}}',
    '{"nonce": "abc123", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "iban": "x"}',
    "success_url=https%3A%2F%2Fshop.example.com%2Fok%3Fsession_id%3D%7BCHECKOUT_SESSION_ID%7D",
    '{"success_url": "https://shop.example.com/ok?session_id={CHECKOUT_SESSION_ID}"}',
    '{"token": "${TOKEN}", "password": "{{ db_password }}", "secret": "<YOUR_SECRET>"}',
    "token={TOKEN}&password=${DB_PASSWORD}&api_key={{key}}&secret=$SECRET&pwd=%PASSWORD%",
    "postgres://app:${DB_PASSWORD}@db.example/x and https://app:{{password}}@db.example/",
    "password: ${{ secrets.DB_PASSWORD }}",
    '{"password": "op://vault/db/password", "secret": "projects/1/secrets/db/versions/2"}',
    '{"credentials": "include", "password": "********"}',
    "IBAN: DE89 3704 0044 0532 0130 00 and FR1420041010050500013M02606",
    '{"iban": "DE89370400440532013000", "order": 1234567890123456, "at": 1767225600000}',
    '{"ratio": 0.4242424242424242, "phone": "+49 30 1234 5678", "ts": "1712345678.123456"}',
    "https://jira.example.com/issue?key=PROJ-123&code=SUMMER2026&auth=basic&sort=key",
    "https://api.example.com/files?key=reports/2026/january/summary.pdf&appid=480",
    "Best regards,\nsignature: Dana from accounting",
    "https://dana@git.example.com/site.git and dana@example.com",
    '{"phone": "+4915112345678"}',
    "UPDATE users SET password = $1 WHERE token = ?; def f(token: str, secret: bytes) -> None: ...",
    "kind: SecretStore\nspec:\n  data:\n    a: b\n",
    "curl https://hooks.slack.com/ and https://api.telegram.org/ and /hooks/list",
)


@pytest.mark.parametrize("text", HARMLESS, ids=range(len(HARMLESS)))
def test_what_is_no_secret_does_not_cost_the_tap(text: str) -> None:
    found = redact(text, SALT)
    assert found.text == text
    if text.startswith("{"):
        assert secret_paths(json.loads(text)) == set()


def test_card_numbers_need_an_issuer_and_a_check_digit() -> None:
    assert redact("4242424242424242", SALT).changed
    for text in ("4242424242424241", "1234567812345670", "42424242424242421", "x4242424242424242"):
        assert not redact(text, SALT).changed, text


HEADERS = (
    *("Ocp-Apim-Subscription-Key", "X-Api-Key", "X-RapidAPI-Key", "X-Auth-Key", "X-Figma-Token"),
    *("X-Algolia-API-Key", "X-Functions-Key", "X-Parse-REST-API-Key", "Api-Key", "DD-API-KEY"),
    *(
        "X-MBX-APIKEY",
        "X-Shopify-Access-Token",
        "X-Vault-Token",
        "X-Consul-Token",
        "X-Honeycomb-Team",
    ),
    *("X-Postmark-Server-Token", "X-Amz-Security-Token", "X-Acme-Api-Key", "acme_api_key"),
    *("X-Acme-Access-Token", "X-Acme-Subscription-Key", "Mcp-Session-Id", "PRIVATE-TOKEN"),
)


@pytest.mark.parametrize("name", HEADERS)
def test_headers_made_for_a_key_are_hidden_and_cost_no_tap(name: str) -> None:
    (shown,) = redact_headers([(name, W)], SALT)
    assert shown.value.startswith(f"[redacted {len(W)} chars #")
    assert not shown.hidden


@pytest.mark.parametrize(
    "name",
    ["X-Transfer-Token", "X-Acme-Secret", "X-Acme-Key", "X-Acme-Signature", "token", "Cookie"],
)
def test_headers_that_only_sound_like_a_key_are_hidden_and_cost_the_tap(name: str) -> None:
    (shown,) = redact_headers([(name, W)], SALT)
    assert W not in shown.value
    assert shown.hidden


def test_a_sentence_is_no_credential_whatever_its_header_is_called() -> None:
    (shown,) = redact_headers([("X-Acme-Api-Key", "pay evil 990000")], SALT)
    assert shown.hidden


@pytest.mark.parametrize(
    "name",
    [
        *("Idempotency-Key", "X-Idempotency-Key", "X-Request-Key", "Sec-WebSocket-Key"),
        *("X-Amz-Server-Side-Encryption-Customer-Key-MD5", "X-GitHub-Api-Version", "X-Auth-Email"),
        *("X-Snowflake-Authorization-Token-Type", "Surrogate-Key", "X-Continuation-Token"),
        *("Sync-Token", "Lock-Token", "X-Next-Page-Token", "x-ms-documentdb-partitionkey", "ETag"),
        *("X-Public-Key", "x-ms-session-token", "Authority", "X-Token-Type", "X-Keyboard"),
    ],
)
def test_headers_that_hold_no_secret_are_shown(name: str) -> None:
    assert not secret_header(name)
    (shown,) = redact_headers([(name, "0123-abc")], SALT)
    assert (shown.value, shown.hidden) == ("0123-abc", False)


SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "db", "labels": {"app": "x"}},
    "type": "Opaque",
    "data": {"URL": "c2VjcmV0LW9uZQ==", "b.pem": "c2VjcmV0LXR3bw=="},
    "stringData": {"note": "secret-three"},
}
K8S = "/api/v1/namespaces/prod/secrets"
DOCUMENTS: dict[str, tuple[Any, str | None, set[tuple[str | int, ...]]]] = {
    "secret": (SECRET, None, {("data", "URL"), ("data", "b.pem"), ("stringData", "note")}),
    "list": (
        {"kind": "List", "items": [SECRET, {"kind": "ConfigMap", "data": {"a": "b"}}]},
        None,
        {
            ("items", 0, "data", "URL"),
            ("items", 0, "data", "b.pem"),
            ("items", 0, "stringData", "note"),
        },
    ),
    "secret list": (
        {"kind": "SecretList", "items": [{"data": {"a": "b"}}]},
        None,
        {("items", 0, "data", "a")},
    ),
    "merge patch": ({"data": {"a": "b"}}, f"{K8S}/db", {("data", "a")}),
    "json patch": (
        [
            {"op": "replace", "path": "/data/a", "value": "b"},
            {"op": "add", "path": "/metadata/labels/x", "value": "y"},
            {"op": "add", "path": "/stringData", "value": {"c": "d"}},
        ],
        f"{K8S}/db",
        {(0, "value"), (2, "value", "c")},
    ),
    "last applied": (
        {
            "kind": "Secret",
            "metadata": {
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"b"}}'
                }
            },
        },
        None,
        {("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")},
    ),
    "no secret": (
        {"kind": "ConfigMap", "data": {"a": "b"}},
        "/api/v1/namespaces/x/configmaps",
        set(),
    ),
    "docker": (
        {"auths": {"ghcr.io": {"username": "dana", "auth": "ZGFuYTpodW50ZXIy", "email": "d@x"}}},
        None,
        {("auths", "ghcr.io", "auth")},
    ),
    "docker in a secret": (
        {"x": {".dockerconfigjson": "eyJh"}},
        None,
        {("x", ".dockerconfigjson")},
    ),
    "github actions": (
        {"encrypted_value": "abcd", "key_id": "12"},
        "/repos/a/b/actions/secrets/X",
        {("encrypted_value",)},
    ),
    "terraform": (
        {
            "data": {
                "type": "vars",
                "attributes": {"key": "db", "value": "hunter", "sensitive": True},
            }
        },
        None,
        {("data", "attributes", "value")},
    ),
    "terraform, open": (
        {"data": {"attributes": {"key": "region", "value": "eu", "sensitive": False}}},
        None,
        set(),
    ),
    "secrets manager": ({"SecretId": "db", "SecretString": "hunter"}, None, {("SecretString",)}),
    "ssm": (
        {"Name": "/db/x", "Type": "SecureString", "Value": "hunter"},
        None,
        {("Value",)},
    ),
    "ssm, open": ({"Name": "/db/x", "Type": "String", "Value": "eu"}, None, set()),
    "pair": (
        {"env": [{"name": "DB_PASSWORD", "value": "hunter"}, {"name": "REGION", "value": "eu"}]},
        None,
        {("env", 0, "value")},
    ),
    "doppler": ({"secrets": {"A": "hunter", "B": "${A}"}}, None, {("secrets", "A")}),
    "service account": ({"secrets": [{"name": "db"}]}, None, set()),
    "key vault": (
        {"value": "hunter", "attributes": {"enabled": True}},
        "/secrets/db",
        {("value",)},
    ),
    "vault": ({"data": {"a": "hunter"}}, "/v1/secret/data/db", {("data", "a")}),
    "google": (
        {"payload": {"data": "aHVudGVy"}},
        "/v1/projects/p/secrets/s:addVersion",
        {("payload", "data")},
    ),
    "manifest in a string": (
        {"yaml": "apiVersion: v1\nkind: Secret\ndata:\n  a: aHVudGVy\n"},
        None,
        {("yaml",)},
    ),
    "nested names": (
        {"a": [{"clientSecret": "hunter"}, {"x": ["y"]}]},
        None,
        {("a", 0, "clientSecret")},
    ),
}


def value_at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


@pytest.mark.parametrize(("tree", "url", "expected"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_law_15_secret_paths_of_documents(
    tree: Any, url: str | None, expected: set[tuple[str | int, ...]]
) -> None:
    assert secret_paths(tree, url) == expected
    for indent in (None, 2):
        text = json.dumps(tree, indent=indent)
        found = redact(text, SALT, url_path=url)
        assert found.changed == bool(expected)
        for path in expected:
            assert json.dumps(value_at(tree, path)) not in found.text
        assert json.loads(found.text), "what is left is the same document"


YAML = """apiVersion: v1
kind: Secret
metadata:
  name: db
data:
  URL: c2VjcmV0LW9uZQ==
  "b": 'c2VjcmV0LXR3bw=='
stringData:
  cert: |
    secret-three
    secret-four
  d: e
---
kind: ConfigMap
data:
  region: eu
"""


def test_law_15_the_data_of_a_secret_in_yaml_is_redacted() -> None:
    for text in (YAML, YAML.replace("\n", "\r\n"), json.dumps({"manifest": YAML}), f'"{YAML!r}"'):
        found = redact(text, SALT).text
        for secret in ("c2VjcmV0LW9uZQ", "c2VjcmV0LXR3bw", "secret-three", "secret-four"):
            assert secret not in found, text
    found = redact(YAML, SALT).text
    assert "region: eu" in found
    assert "name: db" in found


def test_law_15_a_secret_in_json_that_is_cut_off_is_redacted() -> None:
    text = json.dumps(SECRET)
    for end in range(text.index("c2VjcmV0LXR3bw") + 4, len(text)):
        found = redact(text[:end], SALT).text
        assert "c2VjcmV0LW9uZQ" not in found
        assert "c2VjcmV0LXR3" not in found
        assert "secret-thr" not in found
    lines = "\n".join(json.dumps(SECRET) for _ in range(3))
    assert "c2Vj" not in redact(lines, SALT).text


def test_a_repeated_key_hides_no_secret() -> None:
    text = '{"kind": "ConfigMap", "password": "hunter", "password": "hunter2", "kind": "Secret"}'
    assert "hunter" not in redact(text, SALT).text


def test_a_redaction_keeps_what_the_approver_judges() -> None:
    found = redact(json.dumps(SECRET), SALT).text
    assert '"name": "db"' in found
    assert '"URL": "[redacted 16 chars #' in found
    address = redact(ADDRESSES["slack service"][0], SALT).text
    assert address.startswith("https://hooks.slack.com/services/T0AB12CD3/[redacted ")
    assert redact(ADDRESSES["telegram"][0], SALT).text.endswith("]/sendPhoto")


def test_names_that_tell_and_names_that_do_not() -> None:
    for name in ("Password", "user[password]", "DB_PASSWORD", "apiKey", "AWS_SECRET_ACCESS_KEY"):
        assert telling(name), name
    for name in ("Amount", "pageToken", "passenger", "keyboard", "public_key", "secretName"):
        assert not telling(name), name
    assert credential_header("authorization", "Bearer x")


ANY = st.text(st.characters(exclude_categories=()))
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                '"',
                "\\",
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                "\n",
                " ",
                "kind",
                "Secret",
                "data",
                '"data":',
            ),
            *(
                "%3d",
                "%22",
                "\\u0022",
                "token",
                "=",
                "a",
                "4242 4242 4242 4242",
                "://",
                "@",
                "/hooks/",
            ),
            *(
                "hooks.slack.com/services/",
                "bot12345678:",
                "eyJ",
                ".",
                "sig=",
                "?",
                "&",
                "value",
                "İ",
            ),
        ]
    ),
    max_size=30,
).map("".join)


@given(ANY | PIECES, st.none() | st.sampled_from([K8S, "/v1/secret/x"]))
def test_spans_are_in_order_apart_and_inside(text: str, url: str | None) -> None:
    before = 0
    found = spans(text, url)
    for start, end in found:
        assert before <= start < end <= len(text)
        before = end + 1
    assert not found or secret_shapes.suspect(text, url)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["kind", "data", "a", "items", "token"]), inner, max_size=3
            )
        ),
        max_leaves=12,
    )
)
def test_what_is_redacted_in_text_is_what_secret_paths_names(tree: Any) -> None:
    """The same judgement for a parsed document and for its text."""
    text = json.dumps(tree)
    hidden = {text[start:end] for start, end in spans(text)}
    for path in secret_paths(tree):
        value = json.dumps(value_at(tree, path))
        assert any(value.strip('"') in piece for piece in hidden)


HOSTILE = {
    "names": "password=",
    "quotes": '"token":"',
    "secrets": '{"kind":"Secret","data":{',
    "kinds": "kind: Secret\n",
    "yaml": "kind: Secret\ndata:\n  a: b\n",
    "data": '"data":{"a":"',
    "brackets": "[",
    "objects": '{"a":',
    "cards": "4242 4242 ",
    "digits": "4",
    "percent": "%74",
    "escapes": "\\u0074",
    "slashes": "/hooks/",
    "slack": "hooks.slack.com/services/",
    "bots": "api.telegram.org/bot",
    "dots": "M.",
    "logins": "://a:",
    "at": "://" + "a" * 30 + "@",
    "queries": "?code=a1",
    "putty": "PuTTY-User-Key-File-Private-Lines:",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "jwt": "eyJ",
    "values": '"name":"password","value":',
    "patches": '{"sensitive":true,"value":"a"},',
    "colons": "1234567:",
    "templates": "token={{",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_law_27_hostile_text_costs_linear_time(piece: str) -> None:
    def grown(start: str, size: int) -> str:
        return start + (piece * size)[:size]

    for start in ("", "{", "kind: Secret\n"):
        linear(
            partial(grown, start),
            lambda text: redact(text, SALT, url_path=K8S),
        )


def test_the_corpus_is_redacted_without_an_error() -> None:
    for text in hostile.CORPUS:
        redact(text, SALT, url_path=K8S)

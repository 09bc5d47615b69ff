"""One write by a vendor's own SDK, with its default time-outs and retries: clients.py NAME URL."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any


def openai(url: str) -> Any:
    from openai import OpenAI

    client = OpenAI(base_url=url, api_key="k")
    return client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "hi"}]
    ).id


def anthropic(url: str) -> Any:
    from anthropic import Anthropic

    client = Anthropic(base_url=url, api_key="k")
    messages = [{"role": "user", "content": "hi"}]
    return client.messages.create(model="m", max_tokens=9, messages=messages).id


def pygithub(url: str) -> Any:
    from github import Auth, Github

    github = Github(base_url=url, auth=Auth.Token("k"))
    return github.get_repo("acme/site", lazy=True).create_issue(title="Broken").number


def slack_sdk(url: str) -> Any:
    from slack_sdk import WebClient

    client = WebClient(token="xoxb-k", base_url=url + "/")
    return client.chat_postMessage(channel="C1", text="hi")["ok"]


def google(url: str) -> Any:
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build

    options = {"api_endpoint": url}
    gmail = build("gmail", "v1", credentials=Credentials("k"), client_options=options)
    return gmail.users().messages().send(userId="me", body={"raw": "SGk"}).execute()["id"]


def boto3(url: str) -> Any:
    import boto3

    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "k"}
    client = boto3.client("dynamodb", endpoint_url=url, region_name="eu-central-1", **keys)
    answer = client.put_item(TableName="orders", Item={"id": {"S": "1"}})
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def stripe(url: str) -> Any:
    import stripe
    from stripe import StripeClient

    stripe.ca_bundle_path = os.environ["SSL_CERT_FILE"]  # it trusts its own bundle only
    client = StripeClient("sk_test_k", base_addresses={"api": url})
    return client.v1.refunds.create(params={"charge": "ch_1", "amount": 500}).id


def twilio(url: str) -> Any:
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Here(TwilioHttpClient):
        def request(self, method: str, uri: str, *args: Any, **named: Any) -> Any:
            return super().request(
                method, uri.replace("https://api.twilio.com", url), *args, **named
            )

    client = Client("AC1", "k", http_client=Here())
    return client.messages.create(to="+4915100", from_="+4915101", body="hi").sid


def kubernetes(url: str) -> Any:
    from kubernetes import client

    configuration = client.Configuration(host=url)
    configuration.proxy = os.environ["HTTPS_PROXY"]
    configuration.proxy_headers = _login()
    configuration.ssl_ca_cert = os.environ["SSL_CERT_FILE"]
    api = client.CoreV1Api(client.ApiClient(configuration))
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="x"), data={"a": "b"})
    return api.create_namespaced_config_map("prod", body).metadata.name


def _login() -> Any:
    from urllib.parse import urlsplit

    import urllib3

    place = urlsplit(os.environ["HTTPS_PROXY"])
    return urllib3.make_headers(proxy_basic_auth=f"{place.username}:{place.password}")


def requests(url: str) -> Any:
    import requests

    return requests.post(url, json={"a": 1}).status_code


def httpx(url: str) -> Any:
    import httpx

    return httpx.post(url, json={"a": 1}).status_code


def aiohttp(url: str) -> Any:
    import aiohttp

    async def main() -> int:
        async with (
            aiohttp.ClientSession(trust_env=True) as http,
            http.post(url, json={"a": 1}) as answer,
        ):
            return answer.status

    return asyncio.run(main())


if __name__ == "__main__":
    print(globals()[sys.argv[1]](sys.argv[2]))

"""What Flask, Django, Starlette and aiohttp made of a request; one process, a port each.

The first line on stdout is {name: port}; it ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from typing import Any

import uvicorn
from aiohttp import web
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path, re_path
from flask import Flask, jsonify
from flask import request as flasks
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from werkzeug.datastructures import MultiDict
from werkzeug.serving import WSGIRequestHandler, make_server

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def pairs(given: Any) -> dict[str, Any]:
    return {"pairs": [[name, value if isinstance(value, str) else "file"] for name, value in given]}


def document(body: bytes) -> dict[str, Any]:
    """What an application reads that does not look at Content-Type."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {"json": value} if isinstance(value, dict | list) else {}


flask = Flask("echo", static_folder=None)


@flask.route("/admin/<path:rest>", methods=METHODS, endpoint="admin")
@flask.route("/public/<path:rest>", methods=METHODS, endpoint="public")
@flask.route("/a/<id>/b", methods=METHODS, endpoint="b")
@flask.route("/v1/<x>/<y>", methods=METHODS, endpoint="v1")
def in_flask(**params: str) -> Any:
    form = flasks.form
    value = flasks.get_json(force=True, silent=True)
    return jsonify(
        method=flasks.method,
        host=flasks.host,
        route=flasks.endpoint or "none",
        params=list(params.values()),
        query=pairs(flasks.args.items(multi=True)),
        form=pairs(form.items(multi=True)),
        merged=pairs(MultiDict(flasks.values).items(multi=True)),
        **({"json": value} if isinstance(value, dict | list) else {}),
    )


@flask.errorhandler(404)
def nowhere(_: Exception) -> Any:
    return in_flask()


async def in_django(request: HttpRequest, *, route: str = "none", **params: str) -> JsonResponse:
    body = request.body
    listed = [(name, one) for name, all_ in request.GET.lists() for one in all_]
    fields = [(name, one) for name, all_ in request.POST.lists() for one in all_]
    return JsonResponse(
        {
            "method": request.method,
            "host": request.get_host(),
            "route": route,
            "params": list(params.values()),
            "query": pairs(listed),
            "form": pairs(fields),
            **document(body),
        }
    )


urlpatterns = [
    path("admin/<path:rest>", in_django, {"route": "admin"}),
    path("public/<path:rest>", in_django, {"route": "public"}),
    path("a/<str:id>/b", in_django, {"route": "b"}),
    path("v1/<str:x>/<str:y>", in_django, {"route": "v1"}),
    re_path(r"", in_django),
]


def in_starlette(route: str) -> Any:
    async def endpoint(request: Request) -> JSONResponse:
        body = await request.body()
        form = await request.form()
        return JSONResponse(
            {
                "method": request.method,
                "host": request.url.netloc,
                "route": route,
                "params": list(request.path_params.values()) if route != "none" else [],
                "query": pairs(request.query_params.multi_items()),
                "form": pairs(form.multi_items()),
                **document(body),
            }
        )

    return endpoint


starlette = Starlette(
    routes=[
        Route("/admin/{rest:path}", in_starlette("admin"), methods=METHODS),
        Route("/public/{rest:path}", in_starlette("public"), methods=METHODS),
        Route("/a/{id}/b", in_starlette("b"), methods=METHODS),
        Route("/v1/{x}/{y}", in_starlette("v1"), methods=METHODS),
        Route("/{rest:path}", in_starlette("none"), methods=METHODS),
    ]
)


def in_aiohttp(route: str) -> Any:
    async def endpoint(request: web.Request) -> web.Response:
        body = await request.read()
        return web.json_response(
            {
                "method": request.method,
                "host": request.host,
                "route": route,
                "params": list(request.match_info.values()) if route != "none" else [],
                "query": pairs(request.query.items()),
                "form": pairs((await request.post()).items()),
                **document(body),
            }
        )

    return endpoint


def an_aiohttp() -> web.Application:
    app = web.Application(client_max_size=10 * 1024**2)
    app.router.add_route("*", "/admin/{rest:.+}", in_aiohttp("admin"))
    app.router.add_route("*", "/public/{rest:.+}", in_aiohttp("public"))
    app.router.add_route("*", "/a/{id}/b", in_aiohttp("b"))
    app.router.add_route("*", "/v1/{x}/{y}", in_aiohttp("v1"))
    app.router.add_route("*", "/{rest:.*}", in_aiohttp("none"))
    return app


def listening() -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", 0))
    found.listen(128)
    return found


class Handler(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


async def main() -> None:
    logging.disable(logging.CRITICAL)
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="test",
        APPEND_SLASH=False,
        USE_X_FORWARDED_HOST=True,
        DATA_UPLOAD_MAX_MEMORY_SIZE=10 * 1024**2,
    )
    ports = {}
    running = []
    for name, app in {"django": get_asgi_application(), "starlette": starlette}.items():
        sock = listening()
        ports[name] = sock.getsockname()[1]
        config = uvicorn.Config(app, log_level="critical", lifespan="off", proxy_headers=True)
        server = uvicorn.Server(config)
        running.append(asyncio.create_task(server.serve(sockets=[sock])))
    runner = web.AppRunner(an_aiohttp(), access_log=None)
    await runner.setup()
    sock = listening()
    ports["aiohttp"] = sock.getsockname()[1]
    await web.SockSite(runner, sock).start()
    server = make_server("127.0.0.1", 0, flask, threaded=True, request_handler=Handler)
    ports["flask"] = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # the threads of werkzeug and uvicorn wait for clients


if __name__ == "__main__":
    asyncio.run(main())

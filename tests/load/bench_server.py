"""The web process with two bare routes beside it, for yardsticks on the same server with the same settings."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import redis
from flask import Flask

from entrypoints import wsgi
from entrypoints.launcher import web
from entrypoints.settings import Settings
from tests.load.bench_inventory import TEN_LINES

BARE_HOLD = "/bare/hold"
BARE_CONSTANT = "/bare/constant"


def bare_app(redis_url: str) -> Flask:
    """Flask and nothing else: one route that runs the ten-line script, one that answers a constant."""
    app = Flask("bare")
    client = redis.Redis.from_url(redis_url)
    script = client.script_load(TEN_LINES)

    @app.post(BARE_HOLD)
    def hold() -> dict[str, Any]:
        name = uuid4().hex
        word, left = client.evalsha(script, 2, "bare:stock", f"bare:hold:{name}", 2, name, 600_000)
        return {"id": name, "word": word.decode(), "left": left}

    @app.get(BARE_CONSTANT)
    def constant() -> dict[str, str]:
        return {"constant": "answer"}

    return app


class BothApps:
    """WSGI: /bare/… to the bare application, everything else to the real one."""

    def __init__(self, settings: Settings) -> None:
        self._real = wsgi.make_app(settings)
        self._bare = bare_app(settings.redis_url)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        app = self._bare if environ["PATH_INFO"].startswith("/bare/") else self._real
        return app(environ, start_response)


def __getattr__(name: str) -> BothApps:
    """Make ``app`` when the server's worker asks for it."""
    if name != "app":
        raise AttributeError(name)
    made = BothApps(Settings.from_environment())
    globals()["app"] = made
    return made


if __name__ == "__main__":
    web.APPLICATION = f"{__spec__.name}:app"
    web.serve(Settings.from_environment())

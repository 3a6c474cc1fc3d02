"""The web process: settings, logs, container, and the rooms that share one Flask application.

``app`` is what a WSGI server imports, once in each of its worker processes.
"""

import gc
import os
import shutil
from pathlib import Path

from flask import Flask

from entrypoints.settings import Settings

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def make_app(settings: Settings) -> Flask:
    """The whole web application: API, storefront and admin portal."""
    if settings.web_workers > 1:
        _share_metrics(settings.data_dir / "metrics")
    # prometheus_client decides at its import whether processes share their numbers, so it comes after that.
    from entrypoints.admin import blueprint as admin
    from entrypoints.container import build_container
    from entrypoints.http.app import create_app
    from entrypoints.launcher import logs

    logs.configure(settings)
    app = create_app(build_container(settings))
    app.register_blueprint(admin)
    # What is loaded now stays: the collector need not look at it again with every thousand requests.
    gc.collect()
    gc.freeze()
    return app


def _share_metrics(folder: Path) -> None:
    """One folder for all workers of this server, which is their parent; folders of servers that ended are removed."""
    mine = folder / str(os.getppid())
    mine.mkdir(parents=True, exist_ok=True)
    for other in folder.iterdir():
        if other.name.isdigit() and other != mine and not Path(f"/proc/{other.name}").exists():
            shutil.rmtree(other, ignore_errors=True)
    os.environ.setdefault(METRICS_VARIABLE, str(mine))


def __getattr__(name: str) -> Flask:
    """Make ``app`` when a server asks for it, and not when somebody only imports this module."""
    if name != "app":
        raise AttributeError(name)
    made = make_app(Settings.from_environment())
    globals()["app"] = made
    return made

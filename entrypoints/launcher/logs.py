"""Logs of a process: one line an event on standard error, JSON for machines or text for people."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog

from entrypoints.settings import Settings

_CHATTY = ("alembic", "stripe", "twilio.http_client", "urllib3", "huey")
"""Libraries that tell every call at INFO: their warnings are enough."""


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's records the same way, from LOG_LEVEL upwards.

    structlog writes by itself, and not by way of ``logging``: requests wait for their own line. Tracebacks are
    plain, because the richer ones print every local variable, and some of those are passwords.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        shared.append(structlog.processors.format_exc_info)
        structlog.configure(
            processors=[*shared, structlog.processors.JSONRenderer(serializer=_dump)],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
        renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        structlog.configure(
            processors=[*shared, renderer],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
    handler = logging.StreamHandler(sys.stderr)
    foreign: list[structlog.typing.Processor] = [
        *shared,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=foreign,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _dump(event: Any, **_options: Any) -> bytes:
    return orjson.dumps(event, default=str)

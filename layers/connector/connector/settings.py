"""The environment, read once into one frozen object.

Every variable is set by template.yaml; nothing else in the connector reads `os.environ`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from connector.errors import ConfigurationError

API_URL = "https://{slug}.commercelayer.io/api"
AUTH_URL = "https://auth.commercelayer.io/oauth/token"


# They are part of secret names, routes and event sources.
INSTANCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

# `orders.place`, or with what is included: `orders.place:customer+line_items.item`
_TOPIC = re.compile(
    r"([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)(?::([a-z][a-z0-9_.]*(?:\+[a-z][a-z0-9_.]*)*))?"
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A webhook that is to exist. `include` are paths, as in `include_resources`."""

    name: str
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the deployer decided.

    instances            names of the configured instances, in the order of the parameter
    secret_prefix        secrets are named `<prefix>/<instance>`
    api_url, auth_url    with `{slug}`, or literal for one instance only (a simulator)
    event_bus, table, claim_check_bucket     names; empty in functions that use none
    webhook_queue        URL of the queue of deliveries that the bus did not take
    max_webhook_bytes    larger deliveries are refused
    command_queue        URL of the queue of commands
    attempt_days         how long writes under a key are remembered
    webhook_topics       webhooks that the guardian keeps in existence
    webhook_base_url     where they call, without a slash at the end
    transfer_bucket      where files to be imported come to, and where reports and exports go
    import_chunk_size    rows of one import job
    import_slots         import jobs that we have running at a time in one organization
    exports              ARN of the state machine that exports
    export_window        records of one export job
    export_slots         export jobs that we have running at a time in one organization
    """

    instances: tuple[str, ...]
    secret_prefix: str = "commerce-layer"  # noqa: S105 - a name, not a secret
    api_url: str = API_URL
    auth_url: str = AUTH_URL
    event_bus: str = ""
    table: str = ""
    claim_check_bucket: str = ""
    webhook_queue: str = ""
    max_webhook_bytes: int = 1_000_000
    command_queue: str = ""
    attempt_days: int = 30
    webhook_topics: tuple[Topic, ...] = ()
    webhook_base_url: str = ""
    transfer_bucket: str = ""
    import_chunk_size: int = 2_000
    import_slots: int = 5
    exports: str = ""
    export_window: int = 5_000
    export_slots: int = 5

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        names = environment.get("INSTANCES", "default").split(",")
        settings = cls(
            instances=tuple(name.strip() for name in names if name.strip()),
            secret_prefix=environment.get("SECRET_PREFIX", "commerce-layer").strip("/"),
            api_url=(environment.get("COMMERCE_LAYER_API_URL") or API_URL).rstrip("/"),
            auth_url=environment.get("COMMERCE_LAYER_AUTH_URL") or AUTH_URL,
            event_bus=environment.get("EVENT_BUS", ""),
            table=environment.get("TABLE", ""),
            claim_check_bucket=environment.get("CLAIM_CHECK_BUCKET", ""),
            webhook_queue=environment.get("WEBHOOK_QUEUE", ""),
            max_webhook_bytes=int(environment.get("MAX_WEBHOOK_BYTES", "1000000")),
            command_queue=environment.get("COMMAND_QUEUE", ""),
            attempt_days=int(environment.get("ATTEMPT_DAYS", "30")),
            webhook_topics=_topics(environment.get("WEBHOOK_TOPICS", "")),
            webhook_base_url=environment.get("WEBHOOK_BASE_URL", "").rstrip("/"),
            transfer_bucket=environment.get("TRANSFER_BUCKET", ""),
            import_chunk_size=int(environment.get("IMPORT_CHUNK_SIZE", "2000")),
            import_slots=int(environment.get("IMPORT_SLOTS", "5")),
            exports=environment.get("EXPORTS", ""),
            export_window=int(environment.get("EXPORT_WINDOW", "5000")),
            export_slots=int(environment.get("EXPORT_SLOTS", "5")),
        )
        if not settings.instances:
            raise ConfigurationError("INSTANCES is empty: name at least one instance.")
        for name in settings.instances:
            if not INSTANCE_NAME.fullmatch(name):
                raise ConfigurationError(
                    f"INSTANCES: {name!r} is not a name. Names have 1 to 40 lower-case letters,"
                    " digits and hyphens, and begin with a letter or digit."
                )
        for url in filter(None, (settings.api_url, settings.auth_url, settings.webhook_base_url)):
            if not url.startswith(("https://", "http://")):
                raise ConfigurationError(f"{url!r} is not a URL: begin it with https://.")
        if len(settings.instances) > 1 and "{slug}" not in settings.api_url:
            raise ConfigurationError(
                "COMMERCE_LAYER_API_URL names one host but INSTANCES names several instances:"
                " put {slug} into the URL or configure one instance."
            )
        return settings


def _topics(text: str) -> tuple[Topic, ...]:
    topics: dict[str, Topic] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        match = _TOPIC.fullmatch(entry)
        if match is None:
            raise ConfigurationError(
                f"WEBHOOK_TOPICS: {entry[:80]!r} is not a topic. Write topics with commas between"
                " them, each with what its deliveries include, if anything:"
                " orders.place:customer+line_items.item,orders.approve"
            )
        if match[1] in topics:
            raise ConfigurationError(f"WEBHOOK_TOPICS: {match[1]} stands there twice.")
        topics[match[1]] = Topic(match[1], tuple(match[2].split("+")) if match[2] else ())
    return tuple(topics.values())


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings.of(os.environ)

"""The switches of the simulator, once, for the command line and for `Simulator(...)` alike."""

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any


def _switch(default: Any, help_text: str, *choices: str) -> Any:
    return field(default=default, metadata={"help": help_text, "choices": choices or None})


# What the simulator is built from.
FIXED = {"host", "port", "seed", "mode", "organizations", "log_size", "random_seed"}


@dataclass(slots=True, kw_only=True)
class Settings:
    """All but those of `FIXED` may also be changed while the simulator runs."""

    host: str = _switch("127.0.0.1", "address to listen on")
    port: int = _switch(0, "port to listen on; 0 takes a free one")
    seed: int = _switch(0, "make a coherent shop with that many orders and SKUs; 0 starts empty")
    mode: str = _switch("test", "mode of the plainly named clients", "test", "live")
    organizations: str = _switch(
        "demo",
        "slugs, separated by commas; each has a test and a live environment. For `demo` these are "
        "the clients demo-client, demo-read-only, demo-sales (secret demo-secret) in the mode of "
        "--mode, and demo-live-client, ... or demo-test-client, ... in the other one",
    )
    issuer: str = _switch("https://auth.commercelayer.io", "`iss` of the tokens")
    integration_lifetime: int = _switch(7_200, "seconds that an integration's token lives")
    sales_channel_lifetime: int = _switch(14_400, "seconds that a sales channel's token lives")
    reuse_tokens: bool = _switch(
        True, "give the same token again until 15 minutes before its end, as the real API does"
    )
    token_limit: int = _switch(30, "token requests a minute and IP; 0 for no limit")
    limits: str = _switch(
        "off",
        "rate limits of /api: exact sliding log, or coarser fixed windows of random phase",
        "off",
        "sliding",
        "window",
    )
    limit_scale: float = _switch(1.0, "multiplies every rate limit of /api")
    throttled_errors: str = _switch(
        "object",
        "shape of `errors` in a 429: as recorded live, or a JSON:API list",
        "object",
        "list",
    )
    job_speed: float = _switch(
        2_000.0,
        "records that an import, export or cleanup does in a second; 0 for as many as it can",
    )
    import_limit: int = _switch(
        10_000, "most inputs of an import; the documentation of old said 2000"
    )
    export_limit: int = _switch(
        5_000, "most records of an export; the documentation says 10000, official clients 5000"
    )
    cleanup_limit: int = _switch(10_000, "most records of a cleanup")
    clock_offset: float = _switch(0.0, "seconds that the simulator's clock is ahead of yours")
    latency: float = _switch(0.0, "seconds that every answer of /api and /oauth takes at least")
    meta: str = _switch(
        "legacy",
        "where `mode` and `organization_id` stand: in every record, or once a document",
        "legacy",
        "document",
    )
    webhook_timeout: float = _switch(5.0, "seconds that the receiver of a webhook has to answer")
    webhook_retry_pause: float = _switch(
        1.0,
        "seconds before a failed webhook is sent again; each of the 10 pauses is twice the one "
        "before. 0 sends it again at once",
    )
    events_kept: int = _switch(
        10_000, "how many events, and event callbacks, an environment remembers"
    )
    changes_kept: int = _switch(
        10_000, "how many changes an environment remembers for event_stores; 0 switches it off"
    )
    log_size: int = _switch(100_000, "how many requests the log remembers; 0 switches it off")
    random_seed: int = _switch(0, "for faults with a probability and for the window phases")

    def __post_init__(self) -> None:
        """Raises ValueError or TypeError that names the switch and what it takes."""
        for each in fields(self):
            choices, value = each.metadata["choices"], getattr(self, each.name)
            if choices and value not in choices:
                raise ValueError(f"{each.name} is one of {', '.join(choices)}, not {value!r}")
            kind = type(each.default)
            if not isinstance(value, (int, float) if kind is float else kind):
                raise TypeError(f"{each.name} is of type {kind.__name__}, not {value!r}")

        for slug, _ in self.environments():
            if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", slug):
                raise ValueError(
                    f"organizations: {slug!r} is no slug: lower-case letters, digits and hyphens"
                )

    def environments(self) -> list[tuple[str, str]]:
        """(slug, mode) pairs, the plainly named first."""
        modes = (self.mode, "live" if self.mode == "test" else "test")
        slugs = dict.fromkeys(slug.strip() for slug in self.organizations.split(","))
        return [(slug, mode) for slug in slugs for mode in modes]

    def change(self, **switches: Any) -> None:
        """All or none. Raises ValueError or TypeError as the constructor does."""
        if fixed := FIXED & switches.keys():
            raise ValueError(f"{', '.join(sorted(fixed))}: decided when the simulator starts")
        changed = Settings(**(asdict(self) | switches))
        for name in switches:
            setattr(self, name, getattr(changed, name))

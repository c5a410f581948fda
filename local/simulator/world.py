"""Everything that one simulator is made of, and how its parts know each other."""

from functools import partial

from local.simulator import seed
from local.simulator.auth import Authority
from local.simulator.background import Background
from local.simulator.behaviour import afterwards, due
from local.simulator.clock import Clock
from local.simulator.connections import Connections
from local.simulator.environment import Environment
from local.simulator.faults import Faults
from local.simulator.jobs.attachments import Attachments
from local.simulator.jobs.runner import Jobs
from local.simulator.limits import Limiter
from local.simulator.log import RequestLog
from local.simulator.settings import Settings
from local.simulator.store import Store
from local.simulator.webhooks.deliveries import Deliveries
from local.simulator.webhooks.sender import Sender


class World:
    """Shared by the server, the run-time switches under /_simulator and the Python handle."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.clock_offset)
        self.background = Background()
        self.environments = [
            Environment(slug, mode, self.clock, position)
            for position, (slug, mode) in enumerate(settings.environments())
        ]
        self.attachments = Attachments(self.clock, self.environments)
        sender = Sender()
        self.background.at_end(sender.close)
        for each in self.environments:
            Deliveries(each, settings, self.background, sender, self.attachments)
        self.authority = Authority(settings, self.clock, self.environments)
        self.limiter = Limiter(settings, self.clock)
        self.faults = Faults(settings.random_seed)
        self.jobs = Jobs(settings, self.background, self.faults)
        for each in self.environments:
            self.jobs.attend(each)
            each.chores.append(partial(due.do, each.store))
            each.listeners.append(partial(afterwards.hear, each.store))
        self.connections = Connections()
        self.requests = RequestLog(settings.log_size)
        if settings.seed:
            seed.shop(self.store, settings.seed)
            self.store.take_announced()

    @property
    def store(self) -> Store:
        """Of the first organization, in the mode of the switch."""
        return self.environments[0].store

    def environment(self, slug: str | None = None, mode: str | None = None) -> Environment:
        """The first one by default. Raises KeyError."""
        for each in self.environments:
            if slug in (None, each.slug) and mode in (None, each.mode):
                return each
        raise KeyError(f"there is no organization {slug} in {mode} mode")

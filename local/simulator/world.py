"""Everything that one simulator is made of, and how its parts know each other."""

from local.simulator import seed
from local.simulator.auth import Authority
from local.simulator.clock import Clock
from local.simulator.connections import Connections
from local.simulator.faults import Faults
from local.simulator.limits import Limiter
from local.simulator.log import RequestLog
from local.simulator.settings import Settings
from local.simulator.store import Store


class World:
    """Shared by the server, the run-time switches under /_simulator and the Python handle."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock(settings.clock_offset)
        self.store = Store(self.clock)
        self.authority = Authority(settings, self.clock, self.store)
        self.limiter = Limiter(settings, self.clock)
        self.faults = Faults(settings.random_seed)
        self.connections = Connections()
        self.requests = RequestLog(settings.log_size)
        if settings.seed:
            seed.shop(self.store, settings.seed)

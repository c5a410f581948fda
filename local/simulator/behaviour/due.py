"""What happens by itself when its time has come, by the simulator's clock."""

from local.simulator.behaviour import schedulers
from local.simulator.behaviour.goods import stock
from local.simulator.behaviour.ordering import renewals
from local.simulator.behaviour.people import anonymization
from local.simulator.store import Store


def do(store: Store) -> None:
    stock.expire(store)
    schedulers.tell(store)
    renewals.run_due(store)
    anonymization.carry_out_due(store)

"""What happens by itself when its time has come, by the simulator's clock."""

from local.simulator.behaviour import anonymization, schedulers, stock
from local.simulator.store import Store


def do(store: Store) -> None:
    stock.expire(store)
    schedulers.tell(store)
    anonymization.carry_out_due(store)

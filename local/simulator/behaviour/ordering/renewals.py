"""Subscriptions that run by themselves: each run is a recurring copy of the source order."""

from local.simulator.behaviour.ordering import copies, subscriptions
from local.simulator.clock import SECOND
from local.simulator.store import Record, Store

# Not an attribute of the API: the run that has been told of in advance.
_TOLD = "renewal_told_for"


def run_due(store: Store) -> None:
    now = store.clock.now()
    for each in store.having("order_subscriptions", "status", "active"):
        ends, at = each.get("expires_at"), each.get("next_run_at")
        if ends and ends <= now:
            store.change(each, {"status": "inactive", "next_run_at": None})
            store.announce(each, "deactivate")
        elif at and at <= now:
            _run(store, each)
        elif at and at - _notice(each) <= now and each.get(_TOLD) != at:
            store.change(each, {_TOLD: at}, updated_at=each.updated_at)
            store.announce(each, "renewal")


def _notice(subscription: Record) -> int:
    return (subscription.get("renewal_alert_period") or 1) * 3600 * SECOND


def _run(store: Store, subscription: Record) -> None:
    """A clock that was moved far on makes up for the runs in between by one."""
    copy = store.put(
        "recurring_order_copies",
        {"place_target_order": subscription.get("place_target_order") is not False},
        {
            "source_order": store.one(subscription, "source_order"),
            "order_subscription": subscription,
        },
    )
    store.announce(copy, "create")
    copies.run(store, copy)
    succeeded = copy.get("status") == "completed"
    values = {
        "last_run_at": store.clock.now(),
        "occurrencies": (subscription.get("occurrencies") or 0) + 1,
        "succeeded_on_last_run": succeeded,
        "errors_count": (subscription.get("errors_count") or 0) + (not succeeded),
    }
    store.change(subscription, values)
    store.change(subscription, subscriptions.next_run(store, subscription))
    store.announce(subscription, "last_run_succeeded" if succeeded else "last_run_failed")

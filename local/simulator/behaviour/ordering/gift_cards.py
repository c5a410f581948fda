"""Gift cards: found by code, paying for orders, bought with orders, charged by hand."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from local.simulator.behaviour.ordering import automatic
from local.simulator.behaviour.ordering.automatic import Wanted
from local.simulator.behaviour.transitions import Effect
from local.simulator.clock import printed
from local.simulator.errors import ApiError, validation
from local.simulator.store import Record, Store

# So many characters of a code are enough.
_LEAST = 8


def by_code(store: Store, code: str) -> Record | None:
    """By the whole code, or else by its beginning."""
    exact = store.find("gift_cards", "code", code)
    if exact or len(code) < _LEAST:
        return exact
    cards = store.all("gift_cards")
    return next((each for each in cards if (each.get("code") or "").startswith(code)), None)


def is_usable(store: Store, card: Record, currency: str | None) -> bool:
    expires = card.get("expires_at")
    return (
        card.get("status") == "active"
        and (card.get("balance_cents") or 0) > 0
        and (expires is None or expires > store.clock.now())
        and currency in (None, card.get("currency_code"))
    )


def apply(store: Store, order: Record, lines: list[Record], due: int) -> list[Record]:
    """The card of the order pays what it can of the amount that is `due` without it.

    What the order has taken from it already, before it was edited, is there for it too.
    """
    due -= sum(each.get("total_amount_cents") for each in lines if is_payment(each))
    code = order.get("gift_card_code")
    card = by_code(store, code) if code else None
    wanted = []
    if card and due > 0:
        held = _held(card, order)
        if held or is_usable(store, card, order.get("currency_code")):
            amount = min((card.get("balance_cents") or 0) + held, due)
            wanted.append(Wanted(card, -amount, f"Gift card {card.get('code')}"))
    return automatic.sync(store, order, lines, wanted, is_payment)


def _held(card: Record, order: Record) -> int:
    """What the order has taken from the card, less what it gave back."""
    uses = (card.get("usage_log") or {}).get(order.id, ())
    return -sum(int(each["amount_cents"]) for each in uses)


def is_payment(line: Record) -> bool:
    """Unlike a gift card that is bought."""
    return line.get("item_type") == "gift_cards" and (line.get("unit_amount_cents") or 0) < 0


def placed(store: Store, order: Record) -> None:
    """The card that pays is charged; those that are bought are purchased."""
    settle(store, order)
    for line in store.related(order, "line_items"):
        card = store.one(line, "gift_card")
        if card and not is_payment(line) and card.get("status") == "draft":
            store.change(card, {"status": "inactive"})
            store.announce(card, "purchase")


def settle(store: Store, order: Record) -> None:
    """Charge the card what the order takes from it now, after it was placed or edited."""
    code = order.get("gift_card_code")
    card = by_code(store, code) if code else None
    if card:
        lines = [each for each in store.related(order, "line_items") if is_payment(each)]
        wanted = -sum(each.get("total_amount_cents") for each in lines)
        _charge(store, card, order, wanted - _held(card, order))


def cancelled(store: Store, order: Record) -> None:
    """What a placed order took from a card is given back."""
    code = order.get("gift_card_code")
    card = by_code(store, code) if code else None
    if card:
        _charge(store, card, order, -_held(card, order))


def _charge(store: Store, card: Record, order: Record, amount: int) -> None:
    """A card that is used up is redeemed, and active again when something comes back."""
    if not amount:
        return
    _log(store, card, -amount, order, "use" if amount > 0 else "give_back")
    if amount > 0:
        store.announce(card, "use")
    used_up = card.get("single_use") if amount > 0 else False
    status = "redeemed" if used_up or not card.get("balance_cents") else "active"
    if status != card.get("status"):
        store.change(card, {"status": status})
        if status == "redeemed":
            store.announce(card, "redeem")


def _log(
    store: Store, card: Record, change: int, order: Record | None = None, action: str = ""
) -> None:
    at = printed(store.clock.now())
    balance = (card.get("balance_cents") or 0) + change
    entry = {"datetime": at, "balance_change_cents": change, "balance_cents": balance}
    values: dict[str, Any] = {
        "balance_cents": balance,
        "balance_log": [*(card.get("balance_log") or []), entry],
    }
    if order:
        usage = dict(card.get("usage_log") or {})
        used = {"datetime": at, "action": action, "amount_cents": change}
        usage[order.id] = [*usage.get(order.id, []), used]
        values["usage_log"] = usage
    store.change(card, values)


def plan(store: Store, card: Record, triggers: Mapping[str, Any]) -> list[Effect]:
    """Charge or recharge by hand. Raises ApiError 422."""
    if "_balance_change_cents" not in triggers:
        return []
    change = int(triggers["_balance_change_cents"])
    balance = (card.get("balance_cents") or 0) + change
    limit = card.get("balance_max_cents")
    if balance < 0:
        raise _refused("greater_than_or_equal_to", "leaves less than nothing on the card", change)
    if change > 0 and card.get("rechargeable") is False:
        raise _refused("invalid", "the gift card is not rechargeable", change)
    if change > 0 and limit is not None and balance > limit:
        raise _refused("less_than_or_equal_to", f"leaves more than {limit} on the card", change)
    return [partial(_log, store, card, change)]


def _refused(key: str, message: str, value: int) -> ApiError:
    pointer = "/data/attributes/_balance_change_cents"
    return ApiError(validation(pointer, key, message, value=value))

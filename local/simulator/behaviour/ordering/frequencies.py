"""How often a subscription runs: by name, or as a crontab expression of whole hours."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from local.simulator.clock import SECOND

_HOURS = {"hourly": 1, "daily": 24, "weekly": 7 * 24}
_MONTHS = {
    "monthly": 1,
    "two-month": 2,
    "three-month": 3,
    "four-month": 4,
    "six-month": 6,
    "yearly": 12,
}
_YEAR_OF_HOURS = 366 * 24


def after(frequency: str, stamp: int) -> int | None:
    """The next run after that moment, in microseconds; None for what nobody understands."""
    moment = datetime.fromtimestamp(stamp / SECOND, UTC)
    if frequency in _HOURS:
        return stamp + _HOURS[frequency] * 3600 * SECOND
    if frequency in _MONTHS:
        return round(_months_later(moment, _MONTHS[frequency]).timestamp() * SECOND)
    found = _by_crontab(frequency.split(), moment)
    return round(found.timestamp() * SECOND) if found else None


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _by_crontab(fields: list[str], moment: datetime) -> datetime | None:
    """minute hour day month weekday."""
    if len(fields) != 5 or not fields[0].isdigit() or int(fields[0]) > 59:
        return None
    at = moment.replace(minute=int(fields[0]), second=0, microsecond=0)
    try:
        for hours in range(_YEAR_OF_HOURS):
            each = at + timedelta(hours=hours)
            parts = (each.hour, each.day, each.month, each.isoweekday() % 7)
            wanted = zip(fields[1:], parts, strict=True)
            if each > moment and all(_meets(field, value) for field, value in wanted):
                return each
    except ValueError:
        return None
    return None


def _meets(field: str, value: int) -> bool:
    """`*`, `*/6`, `1-5`, `1,15`."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        first = 0 if span == "*" else int(low)
        last = 99 if span == "*" or (step and not high) else int(high or low)
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False

"""The plan of the guardian, carried out on a model of Commerce Layer: whatever was there before."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from connector.settings import Topic
from connector.webhook_secrets import MOST, Topics
from guardian.plan import Kind, Place, Webhook, plan, secrets, unknown_secrets

PLACE = Place("https://us.example", "default")
NAMES = ("orders.place", "orders.approve", "customers.create")
BASES = (
    "https://us.example/webhooks/default/",
    "https://us.example/webhooks/other/",
    "https://second.example/webhooks/default/",
    "https://erp.example/hook/",
)

names, includes = (
    st.sampled_from(NAMES),
    st.sampled_from([(), ("customer",), ("customer", "market")]),
)
declarations = st.lists(
    st.builds(Topic, names, includes), max_size=3, unique_by=lambda topic: topic.name
)
webhooks = st.lists(
    st.builds(
        Webhook,
        id=st.uuids().map(str),
        topic=names,
        address=st.builds(lambda base, path: base + path, st.sampled_from(BASES), names),
        include=includes,
        disabled=st.booleans(),
        circuit_open=st.booleans(),
        secret=st.sampled_from([None, *"abcdef"]),
        created_at=st.sampled_from(["1", "2"]),
    ),
    max_size=8,
    unique_by=lambda webhook: webhook.id,
)
stores = st.dictionaries(
    names, st.lists(st.sampled_from("abxyz"), min_size=1, max_size=2).map(tuple)
)


def carried_out(declared: list[Topic], there: list[Webhook]) -> list[Webhook]:
    """What Commerce Layer has after the plan, if it refuses nothing."""
    todo = plan(PLACE, declared, there)
    patches = {repair.webhook.id: repair.attributes for repair in todo.repairs}
    after = []
    for webhook in there:
        patch = patches.get(webhook.id, {})
        after.append(
            replace(
                webhook,
                include=tuple(patch.get("include_resources", webhook.include)),
                disabled=webhook.disabled and "_enable" not in patch,
                circuit_open=webhook.circuit_open and webhook not in todo.open,
            )
        )
    return after + [
        Webhook(f"new-{n}", topic.name, PLACE.address(topic.name), topic.include, secret=f"new-{n}")
        for n, topic in enumerate(todo.missing)
    ]


@given(declarations, webhooks)
def test_one_run_is_enough(declared: list[Topic], there: list[Webhook]) -> None:
    after = carried_out(declared, there)
    again = plan(PLACE, declared, after)
    assert (again.missing, again.repairs, again.open) == ((), (), ())
    for topic in declared:
        assert any(
            each.address == f"https://us.example/webhooks/default/{topic.name}"
            and set(each.include) == set(topic.include)
            and not each.disabled
            and not each.circuit_open
            for each in after
            if each.topic == topic.name
        )


@given(declarations, webhooks)
def test_what_is_not_ours_or_not_declared_stays_as_it_is(
    declared: list[Topic], there: list[Webhook]
) -> None:
    after = carried_out(declared, there)
    wanted = {topic.name for topic in declared}
    for webhook in there:
        if webhook.topic not in wanted or webhook.address != PLACE.address(webhook.topic):
            assert webhook in after
    assert {each.id for each in there} <= {each.id for each in after}, "nothing is deleted"


@given(declarations, webhooks)
def test_of_two_at_our_address_one_is_kept_and_the_other_named(
    declared: list[Topic], there: list[Webhook]
) -> None:
    todo = plan(PLACE, declared, there)
    for topic in declared:
        ours = [
            each.id for each in there
            if (each.topic, each.address) == (topic.name, PLACE.address(topic.name))
        ]  # fmt: skip
        duplicates = [
            each.webhook
            for each in todo.named
            if (each.kind, each.topic) == (Kind.DUPLICATE, topic.name)
        ]
        assert len(duplicates) == max(0, len(ours) - 1)
        assert set(duplicates) <= set(ours)


@given(declarations, webhooks, stores, st.booleans())
def test_what_commerce_layer_signs_with_is_accepted(
    declared: list[Topic], there: list[Webhook], stored: Topics, young: bool
) -> None:
    after = carried_out(declared, there)
    wanted = secrets(PLACE, declared, after, stored, young=young)
    assert all(1 <= len(set(each)) == len(each) <= MOST for each in wanted.values())
    unknown = {each.topic for each in unknown_secrets(PLACE, declared, after, wanted)}
    for topic in declared:
        ours = [e for e in after if e.topic == topic.name and PLACE.ours(e)]
        told = {each.secret for each in ours} - {None}
        kept = set(wanted.get(topic.name, ()))
        assert kept >= told or (len(kept) == MOST and kept <= told)
        assert (topic.name in unknown) == (not kept)
    assert secrets(PLACE, declared, after, wanted, young=young) == wanted, "then nothing is written"


@given(declarations, webhooks, stores)
def test_only_what_nobody_signs_with_is_dropped_and_not_at_once(
    declared: list[Topic], there: list[Webhook], stored: Topics
) -> None:
    for young in (True, False):
        wanted = secrets(PLACE, declared, there, stored, young=young)
        for topic, before in stored.items():
            lost = set(before) - set(wanted.get(topic, ()))
            signing = [e for e in there if e.topic == topic and PLACE.like_ours(e)]
            ours = {
                e.secret for e in signing if PLACE.ours(e) and topic in {d.name for d in declared}
            }
            room = MOST - len(ours - {None})
            if young:
                assert len(lost) <= max(0, len(set(before)) - room)
            elif room >= len(set(before)):
                assert not lost & {each.secret for each in signing}

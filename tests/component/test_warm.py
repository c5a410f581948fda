"""A warm container asks for its secret and its token once."""

from collections.abc import Callable
from typing import Any

from api.handler import handler
from connector import aws
from local.simulator import Simulator
from tests.component.http_api import event
from tests.conftest import LambdaContext


def test_a_thousand_warm_requests_cost_one_secret_and_one_token(
    point_to: Callable[[Simulator], Simulator],
) -> None:
    # Limits that are wide, and told in every answer: the pacer then has no reason to wait.
    with Simulator(seed=20, limits="sliding", limit_scale=100) as simulator:
        point_to(simulator)
        aws.forget()  # the client that is counted is the client that is used
        reads: list[str] = []

        def count(model: Any, **_: Any) -> None:
            reads.append(model.name)

        aws.client("secretsmanager").meta.events.register("before-call.secrets-manager", count)
        sku = simulator.store.all("skus")[0].id
        request = event("GET", f"/instances/default/api/skus/{sku}")
        statuses = {handler(request, LambdaContext())["statusCode"] for _ in range(1000)}
        tokens = [entry for entry in simulator.requests if entry.path == "/oauth/token"]
    assert statuses == {200}
    assert reads == ["GetSecretValue"]
    assert len(tokens) == 1

"""`python -m local.simulator`: runs the simulator until Ctrl-C."""

import argparse
from dataclasses import fields

from local.simulator.server import Simulator
from local.simulator.settings import Settings


def main() -> None:
    simulator = Simulator(**vars(_parser().parse_args()))
    print(f"Commerce Layer simulator, organizations {simulator.settings.organizations}")
    print(f"  API     {simulator.api_url}")
    print(f"  tokens  {simulator.auth_url}   client demo-client, secret demo-secret")
    print(f"  switch  {simulator.url}/_simulator   Ctrl-C stops it", flush=True)
    simulator.run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.simulator",
        description="An offline Commerce Layer: OAuth2 and the JSON:API over every resource.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for each in fields(Settings):
        default = 4010 if each.name == "port" else each.default
        action: dict[str, object] = {"type": type(default), "choices": each.metadata["choices"]}
        if isinstance(default, bool):
            action = {"action": argparse.BooleanOptionalAction}
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            default=default,
            help=each.metadata["help"],
            **action,  # type: ignore[arg-type]
        )
    return parser


if __name__ == "__main__":
    main()

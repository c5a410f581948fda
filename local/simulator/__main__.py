"""`python -m local.simulator`: runs the simulator until Ctrl-C."""

import argparse
import textwrap
from dataclasses import fields
from typing import Any

from local.simulator import control
from local.simulator.faults import KINDS
from local.simulator.server import Simulator
from local.simulator.settings import Settings

_FAULT_PARTS = {"method": str, "path": str, "probability": float, "times": int, "delay": float}


def main() -> None:
    parser = _parser()
    switches = vars(parser.parse_args())
    faults = switches.pop("fault")
    try:
        simulator = Simulator(**switches)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    for fault in faults:
        simulator.faults.add(**fault)
    slug = simulator.environment().slug
    print(f"Commerce Layer simulator, organizations {simulator.settings.organizations}")
    print(f"  API     {simulator.api_url}")
    print(f"  tokens  {simulator.auth_url}   client {slug}-client, secret {slug}-secret")
    print(f"  switch  {simulator.url}/_simulator   Ctrl-C stops it", flush=True)
    simulator.run()


def _fault(text: str) -> dict[str, Any]:
    """`reset_after,method=POST,path=/api/orders*,times=1` -> the parts of a rule."""
    kind, *parts = text.split(",")
    if kind not in KINDS:
        raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(KINDS)}")
    rule: dict[str, Any] = {"kind": kind}
    for part in parts:
        name, _, value = part.partition("=")
        if name not in _FAULT_PARTS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(_FAULT_PARTS)}")
        try:
            rule[name] = _FAULT_PARTS[name](value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{value!r} is no value for {name}") from None
    return rule


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.simulator",
        description="An offline Commerce Layer: OAuth2 and the JSON:API over every resource.",
        epilog=_epilog(),
        formatter_class=_Formatter,
    )
    for each in fields(Settings):
        default = 4010 if each.name == "port" else each.default
        action: dict[str, object] = {"type": type(default), "choices": each.metadata["choices"]}
        if isinstance(default, bool):
            action = {"action": argparse.BooleanOptionalAction}
        elif not each.metadata["choices"]:
            action["metavar"] = {int: "N", float: "N", str: "TEXT"}[type(default)]
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            default=default,
            help=each.metadata["help"],
            **action,  # type: ignore[arg-type]
        )
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="KIND[,method=…][,path=…][,probability=…][,times=…][,delay=…]",
        help="let requests go wrong, for example html,path=/api/skus*,probability=0.1; the kinds "
        "are below. May be repeated: the first that matches a request decides.",
    )
    return parser


def _epilog() -> str:
    faults = [f"  {kind:14} {text}" for kind, text in KINDS.items()]
    acts = [
        f"  {method:6} /_simulator/{name:18} {(act.__doc__ or '').strip().splitlines()[0]}"
        for (method, name), act in control.ACTS.items()
    ]
    hint = textwrap.fill(
        "While it runs, every switch above and more can be turned over HTTP, with JSON bodies:", 100
    )
    return "\n".join(["faults:", *faults, "", hint, *acts])


if __name__ == "__main__":
    main()

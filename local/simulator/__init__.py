"""An offline Commerce Layer: OAuth2 and the JSON:API over every resource of the catalog.

`python -m local.simulator` runs it alone; tests hold it in their hand:

    with Simulator(seed=50) as simulator:
        httpx.get(f"{simulator.api_url}/skus", headers=...)
"""

import sys
from pathlib import Path

# The catalog of resources lives in the layer. Lambda puts the layer on the path by itself; here
# nobody does, and the simulator must start by its module name alone.
_LAYER = str(Path(__file__).parents[2] / "layers" / "connector")
if _LAYER not in sys.path:
    sys.path.insert(0, _LAYER)

from local.simulator.server import Simulator  # noqa: E402 - needs the path above

__all__ = ["Simulator"]

"""May this document be written? Everything that the catalog and the rules beside it decide.

`document` looks at the shape of a body, `change` at what it would do to a record. What is refused
beyond the catalog stands in rules.toml.
"""

from local.simulator.validation.bodies import document
from local.simulator.validation.changes import change
from local.simulator.validation.drafts import Change
from local.simulator.validation.links import NATURAL_KEYS

__all__ = ["NATURAL_KEYS", "Change", "change", "document"]

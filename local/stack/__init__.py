"""The connector in a local AWS: MiniStack, and a real `sam deploy` of template.yaml into it."""

from local.stack.stack import Stack, Subscription, local_stack

__all__ = ["Stack", "Subscription", "local_stack"]

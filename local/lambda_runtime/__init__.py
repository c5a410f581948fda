"""Runs one built function as Lambda does: AWS's runtime interface emulator and client.

with LambdaRuntime("ApiFunction", stack.function("ApiFunction"), environment) as runtime:
    runtime.invoke(event).payload
"""

from local.lambda_runtime.runtime import Invocation, LambdaRuntime

__all__ = ["Invocation", "LambdaRuntime"]

"""Errors as the API words them: one exception, and a constructor for each documented case.

Codes and titles that Commerce Layer does not document are those of the Ruby gem
jsonapi-resources, whose behaviour the API shows elsewhere.
"""

import json
from typing import Any


class ApiError(Exception):
    """Answered as `{"errors": [...]}` with the status of the first error."""

    def __init__(self, *errors: dict[str, Any]) -> None:
        super().__init__(errors[0]["code"])
        self.errors = list(errors)

    @property
    def status(self) -> int:
        return int(self.errors[0]["status"])

    def body(self) -> bytes:
        return json.dumps({"errors": self.errors}).encode()


def error(status: int, code: str, title: str, detail: str, **rest: Any) -> dict[str, Any]:
    """One error object. `status` is a string here, unlike in the answers of /oauth."""
    return {"title": title, "detail": detail, "code": code, "status": str(status), **rest}


def bad_request(code: str, title: str, detail: str) -> ApiError:
    return ApiError(error(400, code, title, detail))


def param_not_allowed(name: str) -> ApiError:
    return bad_request("PARAM_NOT_ALLOWED", "Param not allowed", f"{name} is not allowed.")


def param_missing(name: str) -> ApiError:
    return bad_request(
        "PARAM_MISSING", "Missing Parameter", f"The required parameter, {name}, is missing."
    )


def filter_not_allowed(name: str) -> ApiError:
    return bad_request("FILTER_NOT_ALLOWED", "Filter not allowed", f"{name} is not allowed.")


def invalid_filter_value(name: str, value: str) -> ApiError:
    return bad_request(
        "INVALID_FILTER_VALUE",
        "Invalid filter value",
        f"{value} is not a valid value for {name}.",
    )


def record_not_found() -> ApiError:
    return ApiError(
        error(
            404,
            "RECORD_NOT_FOUND",
            "Record not found",
            "The requested resource was not found. Please double-check the resource id.",
        )
    )


def no_such_path(path: str) -> ApiError:
    return ApiError(error(404, "NOT_FOUND", "Not found", f"There is nothing at {path}."))


def method_not_allowed(method: str) -> ApiError:
    return ApiError(
        error(
            405,
            "METHOD_NOT_ALLOWED",
            "Method not allowed",
            f"{method} is not enabled for this resource.",
        )
    )


def invalid_token() -> ApiError:
    return ApiError(
        error(401, "INVALID_TOKEN", "Invalid token", "The access token you provided is invalid.")
    )


def access_denied() -> ApiError:
    return ApiError(
        error(
            401,
            "UNAUTHORIZED",
            "Access denied",
            "You are not authorized to perform this action on the requested resource.",
        )
    )


def locked() -> ApiError:
    return ApiError(
        error(
            423,
            "LOCKED",
            "Locked",
            "The record cannot be deleted: other records depend on it, or its state forbids it.",
        )
    )


def validation(pointer: str, key: str, message: str, **meta: Any) -> dict[str, Any]:
    """One 422 object. `key` is the name of the validation: blank, taken, inclusion, ..."""
    name = pointer.rpartition("/")[2]
    return error(
        422,
        "VALIDATION_ERROR",
        message,
        f"{name} - {message}",
        source={"pointer": pointer},
        meta={"error": key, **meta},
    )


def refused_transition(trigger: str, state: object) -> ApiError:
    return ApiError(
        validation(
            f"/data/attributes/{trigger}",
            "invalid_transition",
            f"cannot be done while the status is {state}",
            value=state,
        )
    )

"""Checks of arguments that backbones and heads share."""

from mmresnet.errors import UserTypeError, UserValueError


def positive_integer(owner: str, keyword: str, value: object) -> int:
    """Return ``value``, given as ``keyword`` to the class ``owner``.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is below 1.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserTypeError(f"{owner}: {keyword}={value!r} must be an integer.")
    if value < 1:
        raise UserValueError(f"{owner}: {keyword}={value} must be at least 1.")
    return value

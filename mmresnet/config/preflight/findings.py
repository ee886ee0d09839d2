"""What is found wrong in a config: collected, and reported together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mmresnet.errors import UserError

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """A mistake in a config.

    Attributes:
        where: The dotted path of the setting, as ``--cfg-options`` takes it; "" if there is none.
        what: What is wrong: what was given, and what is allowed.
        remedy: The nearest name, or what to do.
        severity: "error" where a run would fail, or not do what the setting says; else "warning".
    """

    where: str
    what: str
    remedy: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        text = " ".join(filter(None, (self.what, self.remedy)))
        return text if self.where in self.what else f"{self.where}: {text}"


class FoundErrors(UserError):
    """The errors of a config; of a single one the message is that of the error alone.

    Attributes:
        findings: The errors.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = list(findings)
        lines = [str(finding) for finding in self.findings]
        heading = f"The config has {len(lines)} errors:"
        super().__init__("\n  ".join([heading, *lines]) if len(lines) > 1 else lines[0])


@contextlib.contextmanager
def collecting(findings: list[Finding], where: str = "") -> Iterator[None]:
    """Turn a UserError, which ends the block, into a finding."""
    try:
        yield
    except FoundErrors as error:
        findings += error.findings
    except UserError as error:
        findings.append(Finding(where, str(error)))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Return the errors among ``findings``."""
    return [finding for finding in findings if finding.severity == "error"]


def warnings(findings: Iterable[Finding]) -> list[Finding]:
    """Return the warnings among ``findings``."""
    return [finding for finding in findings if finding.severity == "warning"]


def raise_errors(findings: Iterable[Finding]) -> None:
    """Raise the errors among ``findings`` together, if there are any.

    Raises:
        FoundErrors: with all of them.
    """
    found = {str(finding): finding for finding in errors(findings)}  # each once
    if found:
        raise FoundErrors(found.values())

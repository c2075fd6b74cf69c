"""Of an error it is known whether a certificate is behind it, however its causes hang together."""

import ssl

import pytest

from ordereats.chassis.certificates import why_refused


def refused(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_message = message
    return error


def test_the_reason_is_found_behind_other_errors() -> None:
    outer, between = ConnectionError("lost"), OSError("no session")
    outer.__cause__ = between
    between.__context__ = refused("certificate has expired")

    assert why_refused(outer) == "certificate has expired"


@pytest.mark.timeout(5)
def test_causes_that_go_round_have_an_end() -> None:
    """As libraries leave them, which raise what they have caught from what came of it."""
    one, other = ConnectionError("refused"), ConnectionResetError("reset")
    one.__cause__, other.__context__ = other, one

    assert why_refused(one) == ""

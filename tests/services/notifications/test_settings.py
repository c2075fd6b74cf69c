"""What notifications reads from the environment."""

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.services.notifications.settings import Server, Settings


def server(**variables: str) -> Server:
    read = Settings.read(Environment(variables)).server
    assert read is not None
    return read


def test_without_a_word_mail_is_kept() -> None:
    assert Settings.read(Environment({})).server is None


def test_a_server_is_where_it_was_said() -> None:
    read = server(SMTP_URL="smtp://me%40here:p%40ss%2F@mail.test:2525")

    assert (read.host, read.port, read.is_tls) == ("mail.test", 2525, False)
    assert (read.username, read.password) == ("me@here", "p@ss/")
    assert read.sender == "ordereats@mail.test"


@pytest.mark.parametrize(("scheme", "port"), [("smtp", 25), ("smtps", 465)])
def test_each_scheme_has_its_port(scheme: str, port: int) -> None:
    read = server(SMTP_URL=f"{scheme}://mail.test", SMTP_FROM="food@ordereats.test")

    assert (read.port, read.is_tls) == (port, scheme == "smtps")
    assert (read.username, read.password) == (None, None)
    assert read.sender == "food@ordereats.test"


@pytest.mark.parametrize(
    ("url", "must_encrypt"),
    [
        ("smtp://me:secret@mail.test", True),
        ("smtps://me:secret@mail.test", True),
        ("smtp://mail.test", False),
        ("smtp://me:secret@localhost:2525", False),
        ("smtp://me:secret@[::1]", False),
    ],
)
def test_a_password_crosses_no_network_in_the_open(url: str, *, must_encrypt: bool) -> None:
    assert server(SMTP_URL=url).must_encrypt is must_encrypt


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "mail.test"),
        ("SMTP_URL", "http://mail.test"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://me:canary@mail.test:99999"),
        ("SMTP_URL", "smtp://me:canary@mail.test:0"),
        ("SMTP_URL", "smtp://me:canary@mail.test/inbox"),
        ("SMTP_URL", "smtp://me:canary@mail.test?tls=1"),
        ("SMTP_URL", "smtp://me@mail.test"),
        ("SMTP_URL", "smtp://:canary@mail.test"),
        ("SMTP_FROM", "nobody"),
        ("SMTP_FROM", "me@here, you@there"),
        ("SMTP_FROM", "me@here\r\nBcc:all"),
        ("SMTP_TIMEOUT_S", "0"),
        ("SMTP_MAX_ATTEMPTS", "0"),
    ],
)
def test_what_can_not_be_right_is_refused_by_name_without_the_password(
    name: str, value: str
) -> None:
    with pytest.raises(Misconfigured, match=name) as error:
        Settings.read(Environment({"SMTP_URL": "smtp://mail.test", name: value}))

    assert "canary" not in str(error.value)

"""Each reader of the environment refuses by name what can't be right."""

from pathlib import Path

import pytest

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured

GREAT = "9" * 5000


def test_what_is_absent_or_empty_has_its_default() -> None:
    for environment in (Environment({}), Environment({"X": ""})):
        assert environment.text("X", "default") == "default"
        assert environment.optional("X") is None
        assert environment.whole("X", 7, least=1, most=9) == 7
        assert environment.seconds("X", 0.5, least=0, most=1) == 0.5
        assert environment.choice("X", "a", ("a", "b")) == "a"
        assert environment.url("X", ("http",)) is None
        assert environment.url("X", ("http",), "http://here") == "http://here"


def test_what_is_given_is_read() -> None:
    environment = Environment(
        {"TEXT": " as is ", "WHOLE": "12", "SECONDS": "1.5", "CHOICE": "b", "URL": "http://x:1/y"}
    )

    assert environment.text("TEXT", "") == environment.optional("TEXT") == " as is "
    assert environment.whole("WHOLE", 0, least=12, most=12) == 12
    assert environment.seconds("SECONDS", 0, least=1.5, most=1.5) == 1.5
    assert environment.choice("CHOICE", "a", ("a", "b")) == "b"
    assert environment.url("URL", ("http",)) == "http://x:1/y"


def test_a_value_may_stand_in_a_file(tmp_path: Path) -> None:
    secret, number = tmp_path / "secret", tmp_path / "number"
    secret.write_text("amqp://me:hunter2@broker/\n")
    number.write_text("7")
    environment = Environment({"URL_FILE": str(secret), "WHOLE_FILE": str(number)})

    assert environment.url("URL", ("amqp",)) == "amqp://me:hunter2@broker/"
    assert environment.whole("WHOLE", 1, least=1, most=9) == 7


def test_a_file_that_can_not_be_read_or_contradicts_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"^KEY_FILE can't be read: .*No such file"):
        Environment({"KEY_FILE": str(tmp_path / "absent")}).optional("KEY")
    with pytest.raises(Misconfigured, match=r"^KEY and KEY_FILE are both set") as refused:
        Environment({"KEY_FILE": "/there", "KEY": "hunter2"}).optional("KEY")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("given", ["0", "11", "-1", "1.0", "ten", "1e1", " 5", "٣", "²", GREAT])
def test_a_whole_number_out_of_bounds_is_refused(given: str) -> None:
    with pytest.raises(Misconfigured, match=r"^WORKERS must be a whole number from 1 to 10, not"):
        Environment({"WORKERS": given}).whole("WORKERS", 1, least=1, most=10)


@pytest.mark.parametrize("given", ["-0.1", "61", "nan", "inf", "-inf", "soon", "1s", "1e999"])
def test_a_duration_out_of_bounds_is_refused(given: str) -> None:
    with pytest.raises(
        Misconfigured, match=r"^PAUSE must be a number of seconds from 0 to 60, not"
    ):
        Environment({"PAUSE": given}).seconds("PAUSE", 1, least=0, most=60)


@pytest.mark.parametrize("given", ["JSON", "xml", "json "])
def test_another_word_is_refused(given: str) -> None:
    with pytest.raises(Misconfigured, match=r"^FORM must be one of json, console, not"):
        Environment({"FORM": given}).choice("FORM", "json", ("json", "console"))


@pytest.mark.parametrize(
    "given",
    [
        "localhost:5432",
        "ftp://me:hunter2@host/",
        "postgres://",
        "postgres:///database",
        "postgres://me:hunter2@",
        "postgres://me:hunter2@host:port/db",
        "postgres://me:hunter2@host:99999/db",
        "postgres://[::1/db",
        "/var/run/postgresql",
    ],
)
def test_an_address_that_can_not_be_one_is_refused_without_its_password(given: str) -> None:
    with pytest.raises(Misconfigured) as error:
        Environment({"DATABASE_URL": given}).url("DATABASE_URL", ("postgres", "postgresql"))

    said = "DATABASE_URL must be an address such as postgres://… or postgresql://…."
    assert str(error.value) == said


def test_a_default_that_can_not_be_right_is_refused_too() -> None:
    with pytest.raises(Misconfigured):
        Environment({}).url("X", ("http",), "nonsense")

"""Which RabbitMQ is started where there is more than one, and what is said of another's data."""

import shutil
from pathlib import Path

import pytest

from ordereats.chassis.errors import Misconfigured
from ordereats.topology.local.rabbitmq import RabbitMQ, installed_server


@pytest.fixture
def named_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a program that RABBITMQ_SERVER names, where none is installed."""
    true = shutil.which("true")
    assert true
    server = tmp_path / "bin" / "rabbitmq-server"
    server.parent.mkdir()
    server.symlink_to(true)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("RABBITMQ_SERVER", str(server))
    return server


def test_the_server_that_is_named_is_started_with_the_erlang_beside_it(
    named_server: Path, tmp_path: Path
) -> None:
    part = RabbitMQ(tmp_path / "rabbitmq").part(5672)

    assert part.command[-1] == str(named_server)
    assert part.env["PATH"].split(":")[0] == str(named_server.parent)


def test_a_server_that_is_not_there_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_SERVER", "/nowhere/rabbitmq-server")

    with pytest.raises(Misconfigured, match=r"RABBITMQ_SERVER .* '/nowhere/rabbitmq-server'"):
        installed_server()


@pytest.mark.parametrize(
    "ending",
    [
        '("{application_start_failure,rabbit,{failed_to_initialize_feature_flags_registry,{rabbit,"',
        "{{schema_integrity_check_failed,[{table_missing,rabbit_listener}]},{rabbit,start,[normal]}}",
    ],
    ids=["older", "newer"],
)
def test_data_of_another_version_are_refused_with_the_way_out(
    named_server: Path, tmp_path: Path, ending: str
) -> None:
    part = RabbitMQ(tmp_path / "rabbitmq").part(5672)

    sentence = part.explain(f"Kernel pid terminated (application_controller) {ending}")

    assert sentence.startswith(f"{tmp_path / 'rabbitmq' / 'mnesia'} was made by another version")
    assert str(named_server) in sentence


def test_any_other_end_is_left_to_its_log(named_server: Path, tmp_path: Path) -> None:
    part = RabbitMQ(tmp_path / "rabbitmq").part(5672)

    assert not part.explain("BOOT FAILED: Error during startup: {error,eaddrinuse}")
    assert named_server.exists()

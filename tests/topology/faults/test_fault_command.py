"""`ordereats fault`: what it says, also of what can't be."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ordereats.cli import main
from ordereats.cli.faults import KINDS
from ordereats.topology.faults.toxics import BlackHole, Latency, Toxic
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import Kind
from ordereats.topology.local.state import PartState, Phase, Running, State, born, write
from topology.faults.conftest import RunningProxy

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `ordereats fault …` in an empty home; its exit status and what it said."""
    monkeypatch.setenv("ORDEREATS_HOME", str(tmp_path))

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ordereats", "fault", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def up(folder: Path, parts: Sequence[PartState]) -> None:
    """Say that a platform with these parts runs here."""
    pid = os.getpid()
    since = born(pid)
    assert since
    home = Home(folder)
    home.state_file.parent.mkdir()
    running = Running(
        pid=pid, born=since, phase=Phase.UP, address="", topology="", broker="", parts=list(parts)
    )
    write(home.state_file, running)


def the_proxy(port: int) -> PartState:
    return PartState(
        name="faults",
        kind=Kind.FAULTS,
        pid=1,
        url=f"tcp://127.0.0.1:{port}",
        state=State.READY,
        restarts=0,
    )


@pytest.fixture
def told(proxy: RunningProxy, tmp_path: Path) -> RunningProxy:
    """Give a proxy that the command finds."""
    up(tmp_path, [the_proxy(proxy.port)])
    return proxy


def test_where_nothing_runs_it_says_how_to_have_it(say: Say) -> None:
    assert say("list") == (
        2,
        "OrderEats does not run here: `ordereats up --faults` starts it.\n",
    )


def test_where_it_runs_without_a_proxy_it_says_how_to_have_one(say: Say, tmp_path: Path) -> None:
    up(tmp_path, [])

    assert say("clear") == (
        2,
        "Nothing is between the parts here: `ordereats up --faults` puts a proxy there.\n",
    )


def test_a_proxy_that_was_killed_is_named(say: Say, tmp_path: Path) -> None:
    up(tmp_path, [the_proxy(9)])

    status, said = say("list")

    assert status == 2
    assert "`ordereats start faults`" in said


def test_what_is_added_is_listed_in_the_words_that_add_it_and_cleared(
    say: Say, told: RunningProxy
) -> None:
    assert say("list") == (0, "Nothing is wrong. Edges:\n  one  other\n")

    added = say("add", "one", "other", "latency", "--ms", "2000", "--direction", "upstream")
    assert added == (0, "one other  latency --direction upstream --ms 2000\n")
    say("add", "any", "other", "black-hole")
    listed = "one other  latency --direction upstream --ms 2000; black-hole\n"
    assert say("list") == (0, listed)
    toxics = told.all()[0].toxics
    assert say("clear", "one", "other") == (0, "Nothing is wrong any more with one other.\n")

    assert list(toxics) == [Latency(ms=2000, direction="upstream"), BlackHole()]  # type: ignore[arg-type]  # as text
    assert told.all()[0].toxics == []


def test_programs_read_the_list_as_json(say: Say, told: RunningProxy) -> None:
    told.add(Latency(ms=5))

    _, said = say("list", "--json")

    assert msgspec.json.decode(said) == [
        {
            "source": "one",
            "target": "other",
            "toxics": [
                {
                    "kind": "latency",
                    "share": 1.0,
                    "direction": "downstream",
                    "ms": 5,
                    "jitter_ms": 0,
                }
            ],
            "met": 0,
        }
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["one", "nobody", "down"], "There is no such edge; there are:\n  one  other"),
        (["one", "other", "gremlin"], "There is no fault gremlin; there are: latency, bandwidth"),
        (["one", "other", "latency"], "latency needs --ms: "),
        (["one", "other", "down", "--ms", "5"], "down takes no --ms; it takes --share, "),
        (["one", "other", "slicer", "--bytes", "0"], "--bytes can't be so for slicer: "),
        (["one", "other", "latency", "--ms", "-1"], "Invalid value for '--ms'"),
        (["one", "other", "down", "--direction", "up"], "Invalid value for '--direction'"),
    ],
)
def test_what_can_not_be_is_one_sentence_and_exit_status_2(
    say: Say, told: RunningProxy, words: list[str], says: str
) -> None:
    status, said = say("add", *words)

    assert status == 2
    assert says in said
    assert told.all()[0].toxics == []


def test_every_kind_of_toxic_is_explained() -> None:
    assert set(KINDS) == {each.__struct_config__.tag for each in get_args(Toxic)}

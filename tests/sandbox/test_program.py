"""The sandbox as a process: its address, its folder, its log and its end."""

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import pytest
import stripe

from ordereats.chassis.errors import Misconfigured
from ordereats.sandbox import app
from ordereats.sandbox.ledger import FILE
from ordereats.sandbox.program import serve
from ordereats.sandbox.schema import VERSION
from sandbox.conftest import Caller, Program


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_status_0_though_connections_are_open(
    program: Program, only_caller: Caller, how: signal.Signals
) -> None:
    await only_caller.charge()
    with socket.create_connection(("127.0.0.1", program.port)) as half_asked:
        half_asked.sendall(
            b"POST /v1/refunds HTTP/1.1\r\nAuthorization: Bearer sk_test_x\r\n"
            b"Content-Length: 9\r\n\r\n"
        )
        async with only_caller.http.get("/health") as response:
            assert response.status == 200

        began = time.monotonic()
        status = program.stop(how)

    assert status == 0
    assert time.monotonic() - began < 5  # about 1; a busy machine takes longer


async def test_a_request_under_way_is_answered_before_the_end(
    program: Program, only_caller: Caller
) -> None:
    await only_caller.behave(latencyMs=500)
    request = b"GET /v1/payment_intents HTTP/1.1\r\nAuthorization: Bearer sk_test_x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", program.port), timeout=5) as under_way:
        under_way.sendall(request)
        async with only_caller.http.get("/health"):
            pass  # answered after the other was read

        status = program.stop()

        assert under_way.recv(100).startswith(b"HTTP/1.1 200")
    assert status == 0
    assert program.errors.read_bytes() == b""


async def test_ledger_and_keys_survive_a_restart(program: Program, only_caller: Caller) -> None:
    intent = await only_caller.charge("order-7")
    before = await only_caller.ledger()
    program.stop()
    program.start()

    assert await only_caller.ledger() == before
    assert (await only_caller.charge("order-7")).id == intent.id
    captured = await only_caller.stripe.v1.payment_intents.capture_async(intent.id)
    assert captured.status == "succeeded"


async def test_the_log_has_one_line_a_request_and_nothing_of_what_was_in_it(
    program: Program, only_caller: Caller
) -> None:
    await only_caller.charge(
        "key-canary", metadata={"order_id": "meta-canary"}, description="canary"
    )
    with pytest.raises(stripe.CardError):
        await only_caller.charge(payment_method="pm_card_chargeDeclinedExpiredCard")
    await only_caller.ledger(orderId="query-canary")
    await only_caller.behave(cutAfterCharge=True)
    with pytest.raises(stripe.APIConnectionError):
        await only_caller.charge()

    program.stop()

    _listening, *lines = program.lines()
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/v1/payment_intents", 200),
        ("POST", "/v1/payment_intents", 402),
        ("GET", "/ledger", 200),
        ("PUT", "/sandbox/behaviour", 200),
        ("POST", "/v1/payment_intents", None),
    ]
    assert all(line["ms"] >= 0 and line["request_id"].startswith("req_") for line in lines)
    for secret in (b"canary", b"pm_card", b"sk_test"):
        assert secret not in program.log.read_bytes()
    assert program.errors.read_bytes() == b""


async def test_it_says_that_it_is_well(caller: Caller) -> None:
    for path in ("/health", "/health/live"):
        async with caller.http.get(path) as response:
            assert (response.status, await response.json()) == (200, {"status": "ok"})
    async with caller.http.get("/health/ready") as response:
        answer = await response.json()

    assert (response.status, answer["status"]) == (200, "ready")
    assert [(check["name"], check["status"]) for check in answer["checks"]] == [("ledger", "ready")]
    assert set(answer) == {"status", "checks"}  # it has no edges, and lets everyone in


def test_a_port_that_is_taken_is_one_clear_sentence(tmp_path: Path) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(Misconfigured, match=f"Can't listen on 127.0.0.1:{port}: Address"):
                serve(port=port, data=tmp_path)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"not a database at all, only some text", None])
def test_a_folder_that_can_not_be_used_is_one_clear_sentence(
    tmp_path: Path, content: bytes | None
) -> None:
    folder = tmp_path / "data"
    if content is None:
        folder.write_bytes(b"a file where the folder should be")
    else:
        folder.mkdir()
        (folder / FILE).write_bytes(content * 100)

    with pytest.raises(Misconfigured, match="can't be used"):
        app.create(folder)


def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as newer:
        newer.execute(f"pragma user_version = {VERSION + 1}")
    before = (tmp_path / FILE).read_bytes()

    with pytest.raises(Misconfigured, match="newer version"):
        app.create(tmp_path)

    assert (tmp_path / FILE).read_bytes() == before


def test_it_stands_alone() -> None:
    """No service, and nothing of the platform's databases or messages, comes with it."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import ordereats.sandbox.program, sys; print(*sys.modules)"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()

    ours = {name for name in loaded if name.startswith("ordereats.")}
    assert not [name for name in ours if name.startswith(("ordereats.services", "ordereats.web"))]
    assert not {"asyncpg", "aio_pika", "stripe", "aiohttp"} & set(loaded)


async def test_one_that_was_given_a_key_lets_in_no_other(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.told = {"STRIPE_API_KEY": "sk_test_hX8sQ1"}
    program.start()
    asked = {"sk_test_hX8sQ1": 200, "sk_test_anything": 401, "sk_live_hX8sQ1": 401}
    async with aiohttp.ClientSession(program.url) as http:
        for key, status in asked.items():
            headers = {"Authorization": f"Bearer {key}"}
            async with http.get("/v1/payment_intents", headers=headers) as response:
                assert response.status == status, key
    program.stop()


def test_a_key_for_real_money_is_no_sandboxs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_hX8sQ1")

    with pytest.raises(Misconfigured, match="STRIPE_API_KEY of a sandbox must begin") as refused:
        serve(port=0, data=tmp_path)

    assert "hX8sQ1" not in str(refused.value)

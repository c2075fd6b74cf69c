"""A certificate that has expired is named, once, is a detail of readiness, and heals by itself."""

import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import stripe
from structlog.testing import capture_logs

from ordereats.chassis.background import Background
from ordereats.chassis.certificates import Certificates
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.config import Environment
from ordereats.chassis.messaging.bus import BusState
from ordereats.chassis.messaging.rabbitmq import RabbitBus
from ordereats.contracts.ids import NotificationId
from ordereats.services.notifications.clients import NotTaken, Smtp
from ordereats.services.notifications.domain import Letter
from ordereats.services.notifications.settings import Settings as MailSettings
from ordereats.services.payments.clients import ProviderUncertainError, Stripe
from ordereats.services.payments.settings import Settings as PaymentsSettings
from ordereats.topology.local.part import Process
from sandbox.conftest import Program
from services.payments.test_domain import a_payment
from support.builders import until_true
from support.certificates import Certificate, a_certificate, showing

EXPIRED = "certificate has expired"


class Shown:
    """A server behind TLS whose certificate has expired, until it is renewed.

    Attributes:
        context: that shows it.
    """

    def __init__(self, folder: Path) -> None:
        self.expired = a_certificate(folder / "expired", ends_in=timedelta(days=-1))
        self.renewed = a_certificate(folder / "renewed", ends_in=timedelta(days=90))
        self.trusted = folder / "trusted"
        both = (self.expired, self.renewed)
        self.trusted.write_bytes(b"".join(each.file.read_bytes() for each in both))
        self.context = self.expired.context()

    def renew(self) -> None:
        self._show(self.renewed)

    def _show(self, certificate: Certificate) -> None:
        self.context.load_cert_chain(certificate.file, certificate.key)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Give a server's certificates, both from somebody whom this process trusts."""
    shown = Shown(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(shown.trusted))
    monkeypatch.setattr(stripe, "ca_bundle_path", str(shown.trusted))  # it brings its own
    return shown


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program.start()
    program.stop(signal.SIGKILL)


@asynccontextmanager
async def a_bus(url: str, certificates: Certificates) -> AsyncIterator[RabbitBus]:
    async with Background.open() as background:
        bus = RabbitBus(url, name="tests", background=background, certificates=certificates)
        await bus.start()
        yield bus
        await bus.close()


async def test_a_broker_whose_certificate_has_expired_is_named_and_is_back_when_it_is_renewed(
    shown: Shown, rabbitmq_server: Process
) -> None:
    certificates, parts = Certificates(), urlsplit(rabbitmq_server.url)
    with capture_logs() as logs:
        async with showing(shown.context, before=parts.port) as port:
            url = parts._replace(
                scheme="amqps", netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"
            )
            async with a_bus(url.geturl(), certificates) as bus:
                await until_true(certificates.check)
                assert await certificates.check() == f"broker: {EXPIRED}"
                assert bus.state is BusState.DOWN

                shown.renew()

                await until_true(lambda: _is(bus, BusState.UP), within_s=20)
                assert await certificates.check() == ""

    events = [each for each in logs if each["event"].startswith("certificate")]
    assert [each["event"] for each in events] == ["certificate_refused", "certificate_trusted"]
    assert events[0] == {
        "event": "certificate_refused",
        "log_level": "error",
        "peer": "broker",
        "reason": EXPIRED,
    }


async def test_a_provider_whose_certificate_has_expired_is_given_no_key_and_is_named(
    shown: Shown, sandbox: Program
) -> None:
    certificates = Certificates()
    async with showing(shown.context, before=sandbox.port) as port:
        told = {"STRIPE_API_BASE": f"https://127.0.0.1:{port}", "STRIPE_TIMEOUT_S": "5"}
        provider = Stripe(PaymentsSettings.read(Environment(told)), certificates)
        for _ in range(2):
            with pytest.raises(ProviderUncertainError):
                await provider.authorize(a_payment())
        assert await certificates.check() == f"provider: {EXPIRED}"

        shown.renew()

        await provider.authorize(a_payment())
        assert await certificates.check() == ""
        await provider.close()


async def test_a_mail_server_whose_certificate_has_expired_is_given_no_mail_and_is_named(
    shown: Shown,
) -> None:
    certificates = Certificates()
    async with showing(shown.context) as port:
        told = {"SMTP_URL": f"smtps://me:hX8sQ1@127.0.0.1:{port}", "SMTP_TIMEOUT_S": "5"}
        server = MailSettings.read(Environment(told)).server
        assert server is not None
        async with Smtp(server, certificates).line() as line:
            with pytest.raises(NotTaken, match="SMTPConnectError"):
                await line.offer(_a_letter())

    assert await certificates.check() == f"mail server: {EXPIRED}"


async def test_a_certificate_of_somebody_unknown_is_named_as_well_and_other_faults_are_not() -> (
    None
):
    certificates = Certificates()
    unknown = ssl.SSLCertVerificationError()
    unknown.verify_message = "self-signed certificate"

    certificates.failed("broker", ConnectionRefusedError())
    assert await certificates.check() == ""
    certificates.failed("broker", unknown)
    assert await certificates.check() == "broker: self-signed certificate"


def _a_letter() -> Letter:
    return Letter(
        id=NotificationId(1),
        to="hieu@test.com",
        subject="Your order",
        text="is on its way",
        created_at=SystemClock().now(),
        attempts=1,
        was_handed=False,
    )


async def _is(bus: RabbitBus, state: BusState) -> bool:
    return bus.state is state

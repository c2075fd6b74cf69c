"""Which of those that are asked over TLS show a certificate that is not trusted. It trusts nobody.

That a certificate has expired looks like any other outage, and is mended by another: so it is said
by name, once, and is a detail of readiness for as long as it lasts.
"""

import ssl

import structlog

log = structlog.get_logger(__name__)


class Certificates:
    """What is known of the certificates of a process' peers."""

    def __init__(self) -> None:
        self._refused: dict[str, str] = {}

    def failed(self, peer: str, error: BaseException) -> None:
        """Note that a connection could not be made, if that is for its certificate."""
        reason = why_refused(error)
        if reason and self._refused.get(peer) != reason:
            self._refused[peer] = reason
            log.error("certificate_refused", peer=peer, reason=reason)

    def worked(self, peer: str) -> None:
        """Note that one could be made."""
        if peer in self._refused:
            log.info("certificate_trusted", peer=peer, was=self._refused.pop(peer))

    async def check(self) -> str:
        """What is wrong, for readiness."""
        return "; ".join(f"{peer}: {reason}" for peer, reason in self._refused.items())


def why_refused(error: BaseException | None) -> str:
    """What is wrong with the certificate, in OpenSSL's words; empty if it is not that."""
    seen: set[int] = set()  # causes may go round: libraries raise anew what they have caught
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        # aiohttp has one of its own beside it, which is of that kind and says nothing of why.
        if isinstance(error, ssl.SSLCertVerificationError) and hasattr(error, "verify_message"):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""

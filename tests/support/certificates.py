"""Certificates made for a test, by openssl, and servers that show them."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_CONFIG = """
[ca]
default_ca = here
[here]
database = {folder}/index
rand_serial = yes
new_certs_dir = {folder}
default_md = sha256
policy = any
[any]
commonName = supplied
[names]
subjectAltName = IP:127.0.0.1, DNS:localhost
basicConstraints = CA:true
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One that vouches for itself; whoever is to trust it is given its file by SSL_CERT_FILE."""

    file: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server shows it with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def a_certificate(folder: Path, *, ends_in: timedelta) -> Certificate:
    """Make one for this machine that ended, or will end, so far from now."""
    folder.mkdir()
    key, request, file = folder / "key", folder / "request", folder / "certificate"
    (folder / "config").write_text(_CONFIG.format(folder=folder))
    (folder / "index").touch()
    end = datetime.now(UTC) + ends_in  # noqa: TID251  # what openssl and Python's ssl go by
    _openssl(
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={folder.name}"),
        *("-keyout", str(key), "-out", str(request)),
    )
    _openssl(
        *("ca", "-batch", "-selfsign", "-notext", "-config", str(folder / "config")),
        *("-in", str(request), "-keyfile", str(key), "-out", str(file), "-extensions", "names"),
        *("-startdate", "20200101000000Z", "-enddate", f"{end:%Y%m%d%H%M%SZ}"),
    )
    return Certificate(file, key)


@asynccontextmanager
async def showing(context: ssl.SSLContext, *, before: int | None = None) -> AsyncIterator[int]:
    """A server that shows a certificate, for the length of a block; its port.

    Args:
        context: with it. Another that is loaded into it is shown from then on.
        before: the port of a server that it passes all on to; without one it hangs up.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if before is not None:
            behind = await asyncio.open_connection("127.0.0.1", before)
            await asyncio.gather(_pass_on(reader, behind[1]), _pass_on(behind[0], writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, ssl_handshake_timeout=2)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    assert program is not None, "openssl is not installed"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

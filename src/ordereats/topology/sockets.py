"""Listening sockets: made here, or open already and handed over. It answers nobody."""

import os
import socket

from ordereats.chassis.errors import Misconfigured

BACKLOG = 2048


def bound(host: str, port: int) -> socket.socket:
    """A socket that has its address. It refuses connections until somebody listens on it.

    Raises:
        OSError: the address is taken, or none of this machine.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except BaseException:
        made.close()
        raise
    return made


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens here.

    Raises:
        Misconfigured: it can't.
    """
    try:
        made = bound(host, port)
        made.listen(BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"{host}:{port} can't be listened on ({error.strerror}): choose another with PORT."
        ) from None
    return made


def handed_over(descriptor: int) -> socket.socket:
    """The socket that this process was started with under that number.

    Raises:
        Misconfigured: there is none.
    """
    try:
        os.set_inheritable(descriptor, False)
        given = socket.socket(fileno=descriptor)
    except OSError as error:
        raise Misconfigured(f"--fd {descriptor} is no open socket ({error.strerror}).") from None
    if given.type != socket.SOCK_STREAM or given.family not in {socket.AF_INET, socket.AF_INET6}:
        given.detach()
        raise Misconfigured(f"--fd {descriptor} is no socket that TCP connections come to.")
    return given

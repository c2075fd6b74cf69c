"""Reads what stands in headers: whoever sent them may have written anything. Pure."""


def whole_number(said: str | None) -> int | None:
    """The number that a header says, if it is one without a sign; of its digits the first nine.

    As seconds or milliseconds that is more than anyone waits, and digits without end can cost
    nothing.
    """
    if said is None or not (said.isascii() and said.isdecimal()):
        return None
    return int(said[:9])

"""What docstrings say reaches those who never see the code: in the words of the wire."""

from ordereats.chassis.docstrings import told
from ordereats.contracts.wire import Answer


class Basket(Answer, frozen=True):
    """What `deliver_to` gets: `total_price = 2 * deliver_to`, or `sold_out`.

    A second paragraph.

    Attributes:
        total_price: of all; None where
            nobody knows. See `deliver_to`.
    """

    total_price: int | None
    deliver_to: str


class Mute(Basket, frozen=True):
    pass


def test_fields_have_their_names_on_the_wire() -> None:
    about, meanings = told(Basket)

    assert about == (
        "What `deliverTo` gets: `totalPrice = 2 * deliverTo`, or `sold_out`.\n\nA second paragraph."
    )
    assert meanings == {"totalPrice": "of all; `null` where nobody knows. See `deliverTo`."}


def test_what_is_said_of_its_base_is_not_said_of_it() -> None:
    assert told(Mute) == ("", {})

"""What a process is put together from depends on who else there is."""

from collections.abc import Sequence

import pytest

from support.builders import running


@pytest.mark.parametrize(("names", "counted_as"), [(["users"], "change"), (["all"], "read")])
async def test_the_priority_in_a_header_counts_only_where_a_neighbour_may_have_sent_it(
    database_url: str, names: Sequence[str], counted_as: str
) -> None:
    async with running(names, database_url) as group:
        await group.client.get("/users/1", X_Priority="change")
        limiter = (await group.client.get("/health/ready")).json()["limiter"]

    admitted = {each["priority"]: each["admitted"] for each in limiter["priorities"]}
    assert admitted[counted_as] == 1
    assert sum(admitted.values()) == 1

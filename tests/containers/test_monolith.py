"""The monolith in containers: it works, and when it is taken down nothing is left."""

from ordereats.topology import catalog
from support.containers.composed import MONOLITH
from support.containers.stack import Stack
from support.platform import walk


async def test_the_monolith_takes_the_first_walk_and_leaves_nothing(stack: Stack) -> None:
    engine = await stack.engine()
    listed = [
        ("ps", "--all", "--quiet"),
        ("volume", "ls", "--quiet"),
        ("network", "ls", "--quiet"),
    ]
    before = [await engine.docker(*each) for each in listed]
    monolith = await stack.project(MONOLITH)
    try:
        await monolith.start_all()

        answers = await walk(monolith)
        await monolith.until_status(1, "paid")

        assert [each.status for each in answers] == [201, 201, 201]
        ready = await monolith.get("/health/ready")
        assert ready.status == 200
        databases = (await monolith.inspected("ordereats"))["Config"]["Cmd"]
        assert databases == ["serve", catalog.ALL]
    finally:
        await monolith.down()
    assert [await engine.docker(*each) for each in listed] == before

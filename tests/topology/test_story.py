"""An order's story: one trace from the request to the effects elsewhere, and what databases say."""

import msgspec

from support.builders import Client, a_restaurant, a_user, an_order, running, until_true


async def test_x(database_url: str) -> None:
    async with running(["all"], database_url) as all_:
        await all_.client.post("/users", a_user())
        await all_.client.post("/restaurants", a_restaurant())
        placed = await all_.client.post("/orders", an_order())
        assert placed.status == 201
        import asyncio
        await asyncio.sleep(1.5)
        r = await all_.client.get("/ops/orders/1/story?subject=payment/1")
        print(r.status)
        st = r.json()
        for f in st["facts"]: print(f)
        t0 = None
        for sp in st["spans"]:
            print(sp["at"][17:26], sp["traceId"][:6], sp["spanId"][:6], (sp["parentId"] or "-")[:6], sp["service"], sp["kind"], sp["name"], sp["waitedMs"], sp["tookMs"], sp["error"], sp["orderId"], sp["status"], sp["attempt"])
        assert 0

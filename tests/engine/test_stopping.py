"""The writer's end: what was queued before it is written, however the threads take turns."""

import asyncio
import threading
from collections import deque

from gateway.engine.settings import put_setting
from tests.support.engine import opened, until


class _Looked(deque):
    """A queue after whose next empty look the writer's thread is held up until it is told to stop."""

    def __init__(self, is_stopping):
        super().__init__()
        self.looked = threading.Event()
        self._is_stopping = is_stopping

    def __len__(self):
        length = super().__len__()
        if length == 0 and not self.looked.is_set():
            self.looked.set()
            self._is_stopping.wait(60)
        return length


def test_what_is_queued_between_the_last_look_and_the_stop_is_written(database_url):
    async def main():
        is_stopping = threading.Event()
        async with opened(database_url) as store:
            queue = store.writer._queue = _Looked(is_stopping)
            store.writer._knocks.put(True)  # a knock whose write an earlier look has taken along
            await until(queue.looked.is_set)
            written = asyncio.create_task(store.write(lambda conn: put_setting(conn, "late", "x") or "written"))
            await until(lambda: bool(queue))
            closing = asyncio.create_task(asyncio.to_thread(store.close))
            await until(lambda: store.writer._stopping)
            is_stopping.set()
            await closing
            return await asyncio.wait_for(written, 20)

    assert asyncio.run(main()) == "written"

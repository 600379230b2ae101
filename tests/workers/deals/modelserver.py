"""An endpoint that speaks `/v1/chat/completions` on loopback, and gives the answers a test has laid out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

UseModel = Callable[[str], None]  # says at which address the model is


@dataclass
class ModelServer:
    """`answers` are used up in turn; then the last one stays. A text is what the model wrote, a number is a status."""

    answers: list[Any]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.keys.append(request.headers.get("Authorization"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        match answer:
            case (int(status), str(wait)):
                return web.Response(status=status, headers={"Retry-After": wait})
            case int(status):
                return web.Response(status=status, text="no")
            case "slow":
                await asyncio.sleep(20)
            case "endless":
                return await self._endless(request)
            case bytes():
                return web.Response(body=answer, content_type="application/json")
        return web.json_response(completion(answer))

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(40):
            await response.write(b"x" * 100_000)
        return response


def completion(text: Any) -> dict[str, Any]:
    written = text if isinstance(text, str) else json.dumps(text)
    return {
        "model": "stub-1",
        "choices": [{"message": {"role": "assistant", "content": written}}],
        "usage": {"total_tokens": 321},
    }


@asynccontextmanager
async def model_server(*answers: Any) -> AsyncIterator[ModelServer]:
    made = ModelServer(list(answers))
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield made
    finally:
        await runner.cleanup()

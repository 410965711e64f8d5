"""The tools of a FastMCP server, mounted at /mcp of another web application: its own path is /mcp/, and /mcp redirects there."""

import contextlib
import socket

import uvicorn
from fastmcp import Context, FastMCP
from starlette.applications import Starlette
from starlette.routing import Mount

mcp = FastMCP("mounted")


@mcp.tool
async def shout(text: str, ctx: Context) -> str:
    await ctx.report_progress(1, 1)
    return text.upper()


inner = mcp.http_app(path="/")


@contextlib.asynccontextmanager
async def lifespan(app):
    async with inner.lifespan(app):
        yield


listening = socket.socket()
listening.bind(("127.0.0.1", 0))
listening.listen()
print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
app = Starlette(routes=[Mount("/mcp", app=inner)], lifespan=lifespan)
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])

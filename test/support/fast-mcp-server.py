"""A server made with FastMCP, over stdio: one tool that reports progress, and one that fails with a traceback on stderr."""

import sys
import traceback

from fastmcp import Context, FastMCP

mcp = FastMCP("py")


@mcp.tool
async def shout(text: str, ctx: Context) -> str:
    await ctx.report_progress(1, 1)
    return text.upper()


@mcp.tool
def stumble() -> str:
    try:
        raise ValueError("no")
    except ValueError:
        traceback.print_exc(file=sys.stderr)
    return "up again"


mcp.run(transport="stdio")

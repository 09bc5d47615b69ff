"""Pydantic AI: an agent whose tools wait for a person. `python pydantic_ai_agent.py`."""

import asyncio

from countersign_client.frameworks.pydantic_ai import Countersign
from pydantic_ai import Agent

agent = Agent("openai:gpt-5", capabilities=[Countersign()], defer_model_check=True)


@agent.tool_plain
async def refund(invoice: str, cents: int) -> str:
    """Pay money back."""
    return f"paid {cents} for {invoice}"


async def main() -> None:
    print((await agent.run("Refund invoice 2291, 500 cents.")).output)


if __name__ == "__main__":
    asyncio.run(main())

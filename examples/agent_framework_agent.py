"""Microsoft Agent Framework: an agent whose tools wait for a person.

`pip install agent-framework-openai`, then `python agent_framework_agent.py`.
"""

import asyncio

from agent_framework import Agent, tool
from countersign_client.frameworks.agent_framework import Countersign


@tool
async def refund(invoice: str, cents: int) -> str:
    """Pay money back."""
    return f"paid {cents} for {invoice}"


async def main() -> None:
    from agent_framework.openai import OpenAIChatClient  # noqa: PLC0415 # the model, of your choice

    door = Countersign(session="refund-2291")
    agent = Agent(client=OpenAIChatClient(), name="payer", tools=[refund], middleware=[door])
    print(await agent.run("Refund invoice 2291, 500 cents."))


if __name__ == "__main__":
    asyncio.run(main())

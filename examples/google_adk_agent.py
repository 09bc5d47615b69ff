"""Google ADK: an agent whose tool waits for a person. `python google_adk_agent.py`."""

import asyncio

from countersign_client.frameworks.google_adk import Countersign
from google.adk.agents import Agent
from google.adk.runners import InMemoryRunner


async def refund(invoice: str, cents: int) -> dict[str, str]:
    """Pay money back."""
    return {"result": f"paid {cents} for {invoice}"}


agent = Agent(name="payer", model="gemini-2.5-flash", tools=[Countersign().tool(refund)])


async def main() -> None:
    runner = InMemoryRunner(agent=agent)
    await runner.run_debug("Refund invoice 2291, 500 cents.")


if __name__ == "__main__":
    asyncio.run(main())

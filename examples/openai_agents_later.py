"""OpenAI Agents SDK: a run that waits for a person, stored and taken up by another process.

`python openai_agents_later.py "Refund invoice 2291"`; run it again without words until it is done.
"""

import asyncio
import sys
from pathlib import Path

from agents import Agent, Runner, RunState, function_tool
from countersign_client.frameworks.openai_agents import Countersign

KEPT = Path("run.json")
door = Countersign(session="refund-2291", pause=True)


@function_tool
async def refund(invoice: str, cents: int) -> str:
    """Pay money back."""
    return f"paid {cents} for {invoice}"


async def main() -> None:
    agent = Agent(name="payer", tools=[door.tool(refund)])
    if len(sys.argv) > 1:
        result = await Runner.run(agent, sys.argv[1])
    else:
        state = await RunState.from_string(agent, KEPT.read_text())
        await door.answer(state, state.get_interruptions())
        result = await Runner.run(agent, state)
    if result.interruptions:
        state = result.to_state()
        await door.answer(state, result.interruptions, seconds=0)  # the cards go out
        KEPT.write_text(state.to_string())
        print("Waiting for a person.")
    else:
        print(result.final_output)


if __name__ == "__main__":
    asyncio.run(main())

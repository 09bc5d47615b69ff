"""CrewAI: an agent whose tool waits for a person. `python crewai_agent.py`."""

from countersign_client.frameworks.crewai import Countersign
from crewai import Agent
from crewai.tools import tool

door = Countersign()


@tool("refund")
def refund(invoice: str, cents: int) -> str:
    """Pay money back."""
    return f"paid {cents} for {invoice}"


def main() -> None:
    payer = Agent(
        role="payer", goal="Pay refunds", backstory="You keep the books.", llm="openai/gpt-5",
        tools=[door.tool(refund)],
    )  # fmt: skip
    print(payer.kickoff("Refund invoice 2291, 500 cents."))


if __name__ == "__main__":
    main()

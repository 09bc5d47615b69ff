"""LangChain: an agent whose tool waits for a person. `python langchain_agent.py`."""

import asyncio

from countersign_client.frameworks.langchain import Countersign
from langchain.agents import create_agent


async def refund(invoice: str, cents: int) -> str:
    """Pay money back."""
    return f"paid {cents} for {invoice}"


async def main() -> None:
    agent = create_agent("openai:gpt-5", [refund], middleware=[Countersign()])
    words = {"messages": [{"role": "user", "content": "Refund invoice 2291, 500 cents."}]}
    result = await agent.ainvoke(words, {"configurable": {"thread_id": "refund-2291"}})
    print(result["messages"][-1].content)


if __name__ == "__main__":
    asyncio.run(main())

"""Claude Agent SDK: a person decides where Claude Code would ask. `python claude_agent.py`."""

import asyncio
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient
from countersign_client.frameworks.claude_agent import Countersign


async def main() -> None:
    door = Countersign(session="cleanup", cwd=str(Path.cwd()))
    options = ClaudeAgentOptions(can_use_tool=door.can_use_tool, cwd=Path.cwd())
    async with ClaudeSDKClient(options) as agent:
        await agent.query("Remove the build folder.")
        async for message in agent.receive_response():
            print(message)


if __name__ == "__main__":
    asyncio.run(main())

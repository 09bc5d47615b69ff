"""`python -m countersign_client`: the command, also where its script is not on the path."""

from countersign_client.command import main

main()

"""`python -m approvals.cli` is the command `countersign`."""

from approvals.cli.commands import main

main()

"""`python -m serving.operations`."""

from serving.operations.command_line import main

main()

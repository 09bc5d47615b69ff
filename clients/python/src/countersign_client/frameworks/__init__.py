"""A door for each agent framework, over `gate.Gate`. Each module needs its framework installed.

In each, a tool runs only on a verified approval of its arguments as they are at that moment. With
`pause=True` the framework's own pause is used: the state can be stored, and the run taken up after
a restart. What is in that state decides nothing. `session` names the run where call ids are unique
only within one.
"""

"""Every command, one module a group: what it asks, what it prints, with which code it ends."""

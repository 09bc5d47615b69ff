"""Our own gateway: it holds an agent's requests and the credentials, and asks before it sends."""

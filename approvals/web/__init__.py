"""The edges a browser, a gateway or a platform talks to."""

"""What several channels share: HTTP, echoes of a message, OpenID keys, settings and previews."""

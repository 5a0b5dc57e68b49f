"""The browser page: static files that a voicert server hands out, plain ES modules without a build step."""

"""The server: a page, an OpenAI Realtime WebSocket, health and metrics around one engine."""

"""The Moshi family: duplex models of several streams with a depth transformer, in Kyutai's file layout."""

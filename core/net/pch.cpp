// Carrier of the precompiled header that the rooms with Asio share.

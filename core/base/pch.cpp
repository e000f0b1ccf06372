// Carrier of the precompiled header that the rooms without Asio share.

// Carrier of the precompiled header that the tests share.

"""Files behind URLs: fetched once, remembered in a ledger, kept by content; nothing that a server says is believed."""

"""The ledger in PostgreSQL: tables, engine and sessions, vectors. Rows only; decisions are `gateway.domain`'s."""

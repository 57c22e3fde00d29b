"""What Prometheus is told of the gateway: counts of each process (`measures`), the ledger now (`ledger`), and how both are served."""

"""Knative's JobSink on one machine: an event becomes a Job, a Job one process.

record   what is known of a Job, and what a restart makes of it: pure
folder   the records and their events on disk, as a cluster's etcd has them
runner   the processes
sink     the HTTP listener
"""

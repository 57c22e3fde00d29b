"""Knative's Broker and Trigger for one machine, durable in PostgreSQL. Start with `Broker` in service.py."""

from infra.local.broker.service import Broker
from infra.local.broker.spec import BrokerSpec, DeliverySpec, SinkRef, TriggerSpec, parse_broker, parse_trigger

__all__ = ["Broker", "BrokerSpec", "DeliverySpec", "SinkRef", "TriggerSpec", "parse_broker", "parse_trigger"]

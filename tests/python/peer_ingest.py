"""The peer of the benchmark: what a careful Python programmer would write with common packages.

Reads a topic to its end in batches, parses a batch with pyarrow's JSON reader into typed columns,
and appends it to a Delta table partitioned by day; a second thread writes while the first one reads
on. The consumer's offsets are committed after the batch is: each event at least once.

Usage: peer_ingest.py BROKERS TOPIC TABLE
Prints {"events": …, "seconds": …}.
"""

import io
import json
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from confluent_kafka import Consumer, KafkaError, TopicPartition
from deltalake import WriterProperties, write_deltalake

ROWS_PER_COMMIT = 500_000
MESSAGES_PER_CALL = 50_000

TEXT = (
    "event_id tenant_id user_id first_name last_name email phone_number device_token method mode result "
    "denial_reason result_code result_detail stage assurance server_name server_ip client_ip application "
    "client_app protocol authenticator_id sender attempt_id"
).split()
SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXT]
    + [("occurred_at", pa.timestamp("us", "UTC")), ("prompts", pa.int32())]
)


def consumer_of(brokers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "peer",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 5,
            "queued.min.messages": 200_000,
            "queued.max.messages.kbytes": 65_536,
            "fetch.message.max.bytes": 4_194_304,
        }
    )


def table_of(values: list[bytes]) -> pa.Table:
    parsed = pyarrow.json.read_json(
        io.BytesIO(b"\n".join(values)),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore"),
        read_options=pyarrow.json.ReadOptions(block_size=8 << 20),
    )
    return parsed.append_column("day", pc.cast(parsed["occurred_at"], pa.date32()))


def land(table: pa.Table, location: str, consumer: Consumer, offsets: list[TopicPartition]) -> None:
    properties = WriterProperties(compression="ZSTD", compression_level=1)
    write_deltalake(location, table, mode="append", partition_by=["day"], writer_properties=properties)
    consumer.commit(offsets=offsets, asynchronous=False)


def main() -> None:
    brokers, topic, location = sys.argv[1:]
    consumer = consumer_of(brokers)
    partitions = list(consumer.list_topics(topic, 30).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])

    start = time.monotonic()
    landing: Future | None = None
    events, unfinished, values, next_offsets = 0, len(partitions), [], {}
    with ThreadPoolExecutor(max_workers=1) as writer:
        while unfinished:
            for message in consumer.consume(MESSAGES_PER_CALL, 1.0):
                if message.error() is None:
                    values.append(message.value())
                    next_offsets[message.partition()] = message.offset() + 1
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    unfinished -= 1
                else:
                    raise RuntimeError(message.error())
            if len(values) >= ROWS_PER_COMMIT or (values and not unfinished):
                table = table_of(values)
                offsets = [TopicPartition(topic, *place) for place in next_offsets.items()]
                if landing:
                    landing.result()
                landing = writer.submit(land, table, location, consumer, offsets)
                events += len(values)
                values.clear()
        if landing:
            landing.result()
    print(json.dumps({"events": events, "seconds": round(time.monotonic() - start, 3)}))


main()

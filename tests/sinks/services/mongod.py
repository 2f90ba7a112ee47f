"""A real MongoDB: a replica set of one member, which asks for a password, as in production."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import tool
from tests.sinks.services.process import Service

Document = Mapping[str, Any]

_SET = "rs0"
_PATIENCE_MS = 2000


class Mongod(Service):
    """Its data stand in `folder` and outlast `kill`. The password has characters that an URI must escape."""

    username = "observer"
    password = "p@ss/w:rd%"

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1)
        self.address = f"{LOOPBACK}:{self.port}"
        who = ":".join(quote(one, safe="") for one in (self.username, self.password))
        self.uri = f"mongodb://{who}@{self.address}/?replicaSet={_SET}"
        data, key = folder / "data", folder / "key"
        data.mkdir()
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32))
        super().__init__(
            folder,
            [
                *(str(tool("mongod")), "--dbpath", str(data), "--bind_ip", LOOPBACK, "--port", str(self.port)),
                *("--replSet", _SET, "--keyFile", str(key), "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            ],
            self._is_primary,
        )
        self._client: MongoClient[dict[str, Any]] | None = None

    def arrived(self, database: str, collection: str, by: str = "") -> list[Document]:
        """The documents of a collection, without their ids, in the order in which they were inserted, or `by` a field.

        That is the order of the log of the replica set: the collection itself may have another after `kill`.
        """
        documents = self.client[database][collection].find(sort={by: 1} if by else None)
        stored = {one.pop("_id"): one for one in documents}
        if by:
            return list(stored.values())
        inserted = self.client.local["oplog.rs"].find({"op": "i", "ns": f"{database}.{collection}"})
        return [stored[one["o"]["_id"]] for one in inserted.sort("$natural", 1) if one["o"]["_id"] in stored]

    def collections(self, database: str) -> list[str]:
        """The names of its collections."""
        return sorted(self.client[database].list_collection_names())

    @property
    def client(self) -> MongoClient[dict[str, Any]]:
        """For whatever else a test asks of it."""
        if self._client is None:
            self._client = MongoClient(self.uri, serverSelectionTimeoutMS=30_000)
        return self._client

    def close(self) -> None:
        """Ends it for good."""
        if self._client is not None:
            self._client.close()
        super().close()

    def _is_primary(self) -> bool:
        """Whether it takes writes of the user; the set and the user are made when it runs for the first time."""
        try:
            return self._asked(self.username, self.password)
        except OperationFailure:
            return self._founded()
        except PyMongoError:
            return False

    def _asked(self, *credentials: str) -> bool:
        with self._direct(*credentials) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"]) and bool(client.admin.command("ping"))

    def _founded(self) -> bool:
        """Until there is a user, whoever connects from the same machine may make one."""
        with self._direct() as client:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                client.admin.command("createUser", self.username, pwd=self.password, roles=["root"])
            elif "setName" not in hello:
                members = [{"_id": 0, "host": self.address}]
                client.admin.command("replSetInitiate", {"_id": _SET, "members": members})
        return False

    def _direct(self, *credentials: str) -> MongoClient[dict[str, Any]]:
        known: Any = dict(zip(("username", "password"), credentials, strict=False))
        return MongoClient(LOOPBACK, self.port, directConnection=True, serverSelectionTimeoutMS=_PATIENCE_MS, **known)

from typing import Any

from schemas.samples_2_0 import bring_to_2_2


def brought(sample: dict[str, Any]) -> dict[str, Any]:
    bring_to_2_2(sample)
    return sample


def test_the_candidate_pair_of_a_transport_stands_by_itself() -> None:
    transport = {
        "peerConnectionId": "p",
        "label": "sfu",
        "packetsSent": 1,
        "candidatePairState": "succeeded",
        "candidatePairPacketsSent": 2,
        "candidatePairLastPacketReceivedTimestamp": 3,
        "candidatePairCurrentRoundTripTime": 0.05,
        "candidatePairAvailableOutgoingBitrate": 300000,
        "candidatePairRetransmissionSent": 4,
    }
    sample = brought({"pcTransports": [transport]})

    assert sample["iceCandidatePairs"] == [
        {
            "peerConnectionId": "p",
            "label": "sfu",
            "state": "succeeded",
            "packetsSent": 2,
            "lastPacketReceivedTimestamp": 3,
            "currentRoundTripTime": 0.05,
            "availableOutgoingBitrate": 300000,
        }
    ]


def test_messages_of_a_data_channel_are_counted_under_their_new_names() -> None:
    sample = brought({"dataChannels": [{"label": "chat", "messagesSent": 1, "messagesReceived": 2}]})

    assert sample["dataChannels"] == [{"label": "chat", "messageSent": 1, "messageReceived": 2}]


def test_new_names_are_not_overwritten() -> None:
    sample = brought({"dataChannels": [{"messagesSent": 1, "messageSent": 5}]})

    assert sample["dataChannels"] == [{"messageSent": 5}]


def test_a_sample_of_2_2_is_left_as_it_is() -> None:
    sample: dict[str, list[dict[str, Any]]] = {
        "pcTransports": [{"transportId": "t", "selectedCandidatePairId": "c"}],
        "dataChannels": [{"messageSent": 1}],
        "codecs": [{}],
    }

    assert brought({key: [dict(item) for item in items] for key, items in sample.items()}) == sample


def test_candidate_pairs_that_are_there_are_kept() -> None:
    sample = brought(
        {"pcTransports": [{"candidatePairState": "failed"}], "iceCandidatePairs": [{"state": "succeeded"}]}
    )

    assert sample["iceCandidatePairs"] == [{"state": "succeeded"}]


def test_what_has_another_shape_is_left_as_it_is() -> None:
    sample: dict[str, Any] = {"pcTransports": [None, 7, "x"], "dataChannels": ["x", None]}

    assert brought(dict(sample)) == sample
    assert brought({"pcTransports": 7, "dataChannels": {}}) == {"pcTransports": 7, "dataChannels": {}}

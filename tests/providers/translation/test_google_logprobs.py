from ai_gateway.providers.translation.google_logprobs import LEAST, logprobs_of


def test_chosen_tokens_have_those_beside_them() -> None:
    said = {
        "chosenCandidates": [{"token": "Hé", "logProbability": -0.5, "tokenId": 1}, {"token": "y"}],
        "topCandidates": [
            {"candidates": [{"token": "Hé", "logProbability": -0.5}, {"token": "Yo", "logProbability": -2}]}
        ],
    }
    assert logprobs_of(said) == {
        "content": [
            {
                "token": "Hé",
                "logprob": -0.5,
                "bytes": [72, 195, 169],
                "top_logprobs": [
                    {"token": "Hé", "logprob": -0.5, "bytes": [72, 195, 169]},
                    {"token": "Yo", "logprob": -2, "bytes": [89, 111]},
                ],
            },
            {"token": "y", "logprob": LEAST, "bytes": [121], "top_logprobs": []},
        ]
    }


def test_nothing_is_nothing() -> None:
    assert logprobs_of({}) is None
    assert logprobs_of({"chosenCandidates": "x"}) is None

from ai_gateway.providers.differences import OPENAIS_OWN, UNKNOWN_SERVER, Differences, OutputField, StreamUsage


def test_openais_own_models_take_the_newer_field_and_any_other_server_the_older() -> None:
    assert OPENAIS_OWN.output_field is OutputField.MAX_COMPLETION_TOKENS
    assert UNKNOWN_SERVER.output_field is OutputField.MAX_TOKENS


def test_of_a_server_that_nobody_described_nothing_is_said_to_be_missing() -> None:
    server = Differences()
    assert [server.unsupported, server.lacks, server.without, server.renamed] == [set(), set(), set(), ()]
    assert (server.stream_usage, server.most_choices) == (StreamUsage.ASKED, None)

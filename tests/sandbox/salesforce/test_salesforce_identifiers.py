from gateway.sandbox.salesforce.identifiers import IdFactory, full_id, suffix_of


def test_the_suffix_is_the_one_salesforce_computes():
    # From the Object Reference, "ID Field Type": 18-character ids of its own examples.
    assert full_id("001D000000IRt53") == "001D000000IRt53IAD"
    assert suffix_of("001D000000K0fXO") == "IAZ"


def test_a_wrong_suffix_is_no_id():
    assert full_id("001D000000IRt53IAA") is None


def test_text_that_is_no_id_is_refused():
    assert [full_id(text) for text in ("", "001", "001D000000IRt5!", "００1D000000IRt53", None, 5)] == [None] * 6


def test_new_ids_carry_the_prefix_and_a_valid_suffix():
    ids = IdFactory()

    made = [ids.new("a02") for _ in range(500)]

    assert len(set(made)) == 500
    assert made == sorted(made)
    assert all(full_id(one[:15]) == one and one.startswith("a02") for one in made)

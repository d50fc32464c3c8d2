from gateway.config.positions import Positions

TEXT = '''\
# comment with [brackets] = and "quotes
title = "x"
text = """
[not.a.table]
key = 1
"""
other = \'\'\'
[[no]]
\'\'\'
list = [
  { a = 1 }, # ]
  "]",
]

[a . "b c".d]   # note
x.y = 1
"q\\u0041" = 2

[[rows]]
v = 1
[rows.sub]
w = 1
[[rows]]
v = 2
[[rows.inner]]
z = 1
[[rows.inner]]
z = 2
inline = { p = 1, q = { r = 2 } }
'''


def test_every_key_has_its_line():
    lines = TEXT.splitlines()
    positions = Positions(TEXT)

    assert {
        path: lines[positions.line(path) - 1]
        for path in [
            ("title",), ("text",), ("other",), ("list",), ("a", "b c", "d"), ("a", "b c", "d", "x", "y"),
            ("a", "b c", "d", "qA"), ("rows", 0, "v"), ("rows", 0, "sub", "w"), ("rows", 1, "v"),
            ("rows", 1, "inner", 0, "z"), ("rows", 1, "inner", 1, "z"),
        ]
    } == {
        ("title",): 'title = "x"', ("text",): 'text = """', ("other",): "other = '''", ("list",): "list = [",
        ("a", "b c", "d"): '[a . "b c".d]   # note', ("a", "b c", "d", "x", "y"): "x.y = 1",
        ("a", "b c", "d", "qA"): '"q\\u0041" = 2', ("rows", 0, "v"): "v = 1", ("rows", 0, "sub", "w"): "w = 1",
        ("rows", 1, "v"): "v = 2", ("rows", 1, "inner", 0, "z"): "z = 1", ("rows", 1, "inner", 1, "z"): "z = 2",
    }  # fmt: skip


def test_a_key_within_a_line_takes_the_line_around_it():
    positions = Positions(TEXT)

    assert positions.line(("rows", 1, "inner", 1, "inline", "q", "r")) == TEXT.count("\n")
    assert positions.line(("list", 0, "a")) == 10
    assert positions.line(("nowhere", "at", "all")) is None


def test_windows_line_ends_count_once():
    positions = Positions("[a]\r\nb = 1\r\nc = 2\r\n")

    assert [positions.line(("a", key)) for key in "bc"] == [2, 3]

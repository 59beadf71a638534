# SPDX-License-Identifier: BSD-3-Clause
"""Documents: YAML's odd corners, JSON's, and the lines that errors name."""

import json

import pytest

from conftest import EXAMPLE


def described(weft, value):
    """What the description of a tenant is when the document has that text there."""
    r = weft.apply("tenants:\n- name: t\n  description: %s\n" % value)
    return r, (json.loads(weft("tenant", "show", "t", "--json").ok())["object"]["description"]
               if r.code == 0 else None)


@pytest.mark.parametrize("text,value", [
    ("no", "no"), ("yes", "yes"), ("off", "off"), ("NO", "NO"), ("'true'", "true"), ('"12"', "12"),
    ("12:30:45", "12:30:45"), ("2026-01-01", "2026-01-01"), ("1.2.3", "1.2.3"), ("!!str 12", "12"),
    ("! 12", "12"), ("0x", "0x"), ("-", None), ("1_000", "1_000"), ("'a: b # c'", "a: b # c"),
    ('"\\u20ac \\x41"', "\u20ac A"), (".", "."), ("null", None), ("~", None), ("", None), ("+", "+"),
    ("|\n    two\n    lines", None), (">-\n    two\n    lines", "two lines"), ("e5", "e5"),
    ("52:54:00:00:00:0b", "52:54:00:00:00:0b"), ("\u20ac", "\u20ac"),
])
def test_strings(weft, text, value):
    r, got = described(weft, text)
    if value is not None:
        assert got == value, r.err
    elif r.code == 0:
        assert got is None


@pytest.mark.parametrize("text", ["true", "12", "1.5", "0x1f", "-3", "1e5", "[a]", "{a: b}", "+7", "0o17"])
def test_what_is_no_string(weft, text):
    r, _ = described(weft, text)
    assert r.code == 1 and ": tenant t: description: must be a string" in r.err
    # A floating-point number does not know its line: the object's is named.
    assert "standard input:%d:" % (2 if text in ("1.5", "1e5") else 3) in r.err


@pytest.mark.parametrize("text,words", [
    ("tenants: [{name: a, name: b}]", ['line 1', '"name" is there twice']),
    ("tenants: []\ntenants: []", ["line 2", '"tenants" is there twice']),
    ("tenants:\n\t- name: a", ["line 2"]),
    ("tenants:\n- name: a\n   description: x", ["line 3"]),
    ("tenants: [{name: 010}]", ["line 1", "leading zero"]),
    ("tenants: [{name: 99999999999999999999}]", ["too large"]),
    ("tenants: [{<<: {name: a}}]", ["merge keys"]),
    ("tenants: [{? [a] : b}]", ["a key must be a string"]),
    ("tenants: [!widget {name: a}]", ["tag"]),
    ("tenants: [{name: !!int a}]", ["tag"]),
    ("tenants: [*a]", ['no anchor "a"']),
    ("tenants: &a [*a]", ['no anchor "a"']),
    ("tenants: []\n---\ntenants: []", ["line 2", "second document"]),
    ("tenants: [{name: 'a\0b'}]", ["line 1"]),
    ("", ["empty"]), ("# nothing\n", ["empty"]), ("---\n", ["empty"]), ("[]", ["not a document"]),
    ("hello", ["not a document"]), ("17", ["not a document"]),
    ("tenants: [" + "[" * 60, ["deeper than"]),
    ("tenants: [{name: 'a]", ["line 1"]), ("{", ["line "]), ("}", ["line 1"]), ("%X 1\n---\na: b", []),
])
def test_refused(weft, text, words):
    r = weft.apply(text)
    assert r.code == 1 and r.out == "", r.out
    for w in words:
        assert w in r.err, r.err
    assert json.loads(weft("tenant", "list", "--json").ok()) == []


def test_invalid_utf8(weft, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"tenants: [{name: a, description: \xff}]")
    r = weft("apply", "-f", str(path))
    assert r.code == 1 and "x.yaml: line 1" in r.err


def test_billion_laughs(weft):
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"] + [
        "a%d: &a%d [%s]" % (i, i, ",".join(["*a%d" % (i - 1)] * 10)) for i in range(1, 12)]
    r = weft.apply("\n".join(lines))
    assert r.code == 1 and "aliases make the document too large" in r.err


def test_anchors(weft):
    r = weft.apply("""
tenants:
- &t {name: a, description: &d "shared"}
- {name: b, description: *d}
networks: &none []
segments: *none
""")
    assert r.code == 0, r.err
    assert weft("tenant", "list").ok() == "NAME  DESCRIPTION\na     shared\nb     shared\n"


def test_booleans_of_yaml_1_1_are_no_booleans(filled):
    with open(EXAMPLE) as f:
        text = f.read()
    r = filled.apply(text.replace("queues: 2", "learn: no"))
    assert r.code == 1 and ": port red/vm1: learn: must be true or false" in r.err


@pytest.mark.parametrize("old,new,line_of,words", [
    ("device: red-c2", "devise: red-c2", "devise: red-c2", ["port red/c2", 'did you mean "device"']),
    ("[10.0.0.22, ", "[10.0.0.22, 10.0.0.999, ", "10.0.0.999", ["port blue/vm2", "addresses[1]"]),
    ("vni: 1002", "vni: 1001", "BLUE", ["segment blue/lan", "vni"]),
    ("name: vm2", "nmae: vm2", None, ["ports[4]"]),
    ("name: vm2", "name: c1", None, ["port blue/c1", "twice"]),
    ("queues: 2", "queues: two", "queues: two", ["port red/vm1", "queues"]),
    ("ports:", "portz:", "portz:", ['did you mean "ports"']),
    ("uplink: {kind: af_xdp, device: eth1}", "uplink: {kind: afxdp, device: eth1}", "afxdp",
     ["host h1", "uplink.kind"]),
])
def test_errors_name_the_line(weft, tmp_path, old, new, line_of, words):
    with open(EXAMPLE) as f:
        text = f.read().replace(old, new, 1)
    path = tmp_path / "doc.yaml"
    path.write_text(text)
    r = weft("apply", "-f", str(path))
    assert r.code == 1
    for w in words:
        assert w in r.err, r.err
    if line_of == "BLUE":
        number = 1 + text[:text.rindex("vni: 1001")].count("\n")
    elif line_of:
        number = 1 + text[:text.index(line_of)].count("\n")
    assert "%s:%s" % (path, number if line_of else "") in r.err, r.err


def test_json_documents(weft, tmp_path):
    good = {"tenants": [{"name": "a", "description": "\U0001F600 \u20ac \" \\ : {"}]}
    assert weft.apply(json.dumps(good)).code == 0
    assert json.loads(weft("export").ok())["tenants"] == good["tenants"]
    assert weft.apply(json.dumps(good, indent=1, ensure_ascii=False)).ok() == \
        "nothing to change; revision 1\n"
    path = tmp_path / "x.json"
    for text, words in [('{"tenants": [], "tenants": []}', ["twice"]),
                        ('{"tenants": [{"name": "a",\n"name": "b"}]}', ["line 2", "twice"]),
                        ('{"tenants": [\n{"name": "a"},]}', ["line 2"]), ("tenants: []", ["line 1"]),
                        ("", ["line 1"]), ('{"tenants": []} x', ["line 1"]), ("[]", ["not a document"])]:
        path.write_text(text)
        r = weft("apply", "-f", str(path))
        assert r.code == 1, text
        for w in words:
            assert w in r.err, (text, r.err)
    path.write_text('{"tenants": [\n{"name": "a"},\n{"name": "b",\n"colour": "red"}]}')
    assert "x.json:4: tenant b: colour" in weft("apply", "-f", str(path)).err


def test_yaml_in_flow_style_looks_like_json(weft):
    assert weft.apply("{tenants: [{name: a}], networks: [{tenant: a, name: n}]}").code == 0


def test_files_that_are_not_there(weft, tmp_path):
    r = weft("apply", "-f", str(tmp_path / "none.yaml"))
    assert r.code == 1 and "none.yaml: No such file" in r.err
    r = weft("apply", "-f", str(tmp_path))
    assert r.code == 1 and "Is a directory" in r.err


def test_large_document(weft):
    ports = [{"tenant": "t", "name": "p%d" % i, "segment": "s", "mac": "02:00:00:00:%02x:%02x" % (
        i >> 8, i & 255), "addresses": ["10.0.%d.%d" % (i >> 8, i & 255)]} for i in range(20000)]
    doc = {"tenants": [{"name": "t"}], "networks": [{"tenant": "t", "name": "n"}],
           "segments": [{"tenant": "t", "name": "s", "network": "n", "vni": 7}], "ports": ports}
    assert weft.apply(json.dumps(doc)).ok().endswith(
        "20003 created, 0 changed, 0 deleted; revision 1\n")
    assert weft.apply(weft("export").ok()).ok() == "nothing to change; revision 1\n"

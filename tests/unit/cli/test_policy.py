# SPDX-License-Identifier: BSD-3-Clause
"""Security groups, address sets and policies on the command line."""

import json
import os

import pytest

from conftest import ROOT

SECURITY = os.path.join(ROOT, "tools/examples/security.yaml")


@pytest.fixture
def shop(weft):
    weft("apply", "-f", SECURITY).ok()
    return weft


def rules(weft, name="shop/web", kind="security-group"):
    out = weft(kind, "rule", "list", name).ok()
    return [line.split("  ", 1)[1].strip() for line in out.splitlines()[1:]]


def test_example(shop):
    document = shop("export").ok()
    assert shop.apply(document).ok() == "nothing to change; revision 1\n"
    assert shop.apply(shop("export", "--full").ok()).ok() == "nothing to change; revision 1\n"
    assert json.loads(document)["networks"][0]["timeouts_s"] == {"tcp_established": 3600}
    assert rules(shop) == ["ingress tcp 80", "ingress tcp 443", "ingress icmp 8", "egress"]
    assert rules(shop, "shop/db") == ["ingress tcp 5432 from group web",
                                      "ingress from group db            replication",
                                      "egress to group db"]
    assert rules(shop, "block-list", "policy") == ["deny ingress from set operator/blocked log",
                                                   "reject egress to set operator/blocked"]
    assert "ingress tcp 5432 from group web; ingress from group db; egress to group db" in \
        shop("security-group", "show", "shop/db").ok()


def test_rules_in_words(shop):
    assert shop("security-group", "rule", "add", "shop/web", "ingress", "udp", "1000-2000", "from",
                "10.0.0.0/8", "log").ok() == "security-group shop/web updated; 5 rules; revision 2\n"
    shop("security-group", "rule", "add", "shop/web", "egress", "icmpv6", "1/4", "at", "1").ok()
    shop("security-group", "rule", "add", "shop/web", "from", "set", "offices", "proto", "136",
         "53", "ipv6", "ingress", "description=odd one").ok()
    assert rules(shop) == ["egress icmpv6 1/4", "ingress tcp 80", "ingress tcp 443",
                           "ingress icmp 8", "egress",
                           "ingress udp 1000-2000 from 10.0.0.0/8 log",
                           "ingress ipv6 proto 136 53 from set offices  odd one"]
    shop("security-group", "rule", "remove", "shop/web", "1").ok()
    shop("security-group", "rule", "remove", "shop/web", "ingress", "tcp", "443").ok()
    assert rules(shop)[:3] == ["ingress tcp 80", "ingress icmp 8", "egress"]
    shop("policy", "rule", "add", "no-mail", "deny", "egress", "tcp", "587", "at", "1").ok()
    assert rules(shop, "no-mail", "policy") == ["deny egress tcp 587", "reject egress tcp 25"]
    assert json.loads(shop("security-group", "rule", "list", "shop/db", "--json").ok())[0]["ports"] \
        == "5432"
    shop("security-group", "create", "shop/none", 'rules=[{"direction":"ingress","ports":8080,'
         '"protocol":"tcp"}]').ok()
    assert rules(shop, "shop/none") == ["ingress tcp 8080"]
    shop("security-group", "update", "shop/none", "rules=").ok()
    assert shop("security-group", "rule", "list", "shop/none").ok() == "no rules\n"


@pytest.mark.parametrize("words,expected", [
    (["add", "shop/web", "tcp", "80"], "ingress or egress"),
    (["add", "shop/web", "ingress", "tpc"], '"tpc"'),
    (["add", "shop/web", "ingress", "from"], '"from"'),
    (["add", "shop/web", "ingress", "at", "9"], "there are 4 rules"),
    (["add", "shop/web", "ingress", "tcp", "0"], "rules[4].ports"),
    (["add", "shop/web", "deny", "ingress"], "rules[4]"),
    (["add", "shop/web", "ingress", "from", "group", "gone"], 'no security-group "shop/gone"'),
    (["remove", "shop/web", "9"], "no such rule"),
    (["remove", "shop/web", "ingress", "tcp", "81"], "no such rule"),
    (["list", "shop/gone"], "does not exist"),
    (["eat", "shop/web"], "rule list NAME"),
    ([], "rule list NAME"),
])
def test_bad_rules(shop, words, expected):
    r = shop("security-group", "rule", *words)
    assert r.code in (1, 2) and expected in r.err, r.err


def test_address_set(shop):
    assert shop("address-set", "add", "shop/offices", "10.9.0.0/16", "192.0.2.1,10.200.0.0/16").ok() \
        == "address-set shop/offices changed; 4 prefixes; revision 2\n"
    assert shop("address-set", "add", "shop/offices", "192.0.2.1").ok() == \
        "address-set shop/offices is like that already; 4 prefixes; revision 2\n"
    assert shop("address-set", "remove", "shop/offices", "10.9.0.0/16", "--dry-run").ok() == \
        "address-set shop/offices would be changed (dry run); 4 prefixes; revision 2\n"
    shop("address-set", "remove", "shop/offices", "10.9.0.0/16", "10.200.0.0/16").ok()
    assert "192.0.2.1,203.0.113.0/25\n" in shop("address-set", "show", "shop/offices").ok()
    assert "prefixes[0]" in shop("address-set", "add", "shop/offices", "10.9.0.1/16").err
    assert "does not exist" in shop("address-set", "add", "shop/gone", "10.9.0.1").err
    assert shop("address-set", "add", "shop/offices").code == 2


def test_long_lists(shop):
    prefixes = ["10.%d.%d.0/24" % (i, k) for i in range(4) for k in range(100)]
    shop("address-set", "update", "shop/offices", "prefixes=" + ",".join(prefixes)).ok()
    assert "400 prefixes" in shop("address-set", "list", "tenant=shop").ok()
    document = json.loads(shop("export").ok())
    for s in document["address-sets"]:
        if s["name"] == "offices":
            s["prefixes"] = s["prefixes"][1:] + ["192.0.2.9"]
    for g in document["security-groups"]:
        if g["name"] == "web":
            g["rules"][0]["ports"] = 8080
    assert shop.apply(json.dumps(document), "--dry-run").ok() == """\
~ address-set shop/offices
    prefixes:
      - 10.0.0.0/24
      + 192.0.2.9
~ security-group shop/web
    rules:
      - ingress tcp 80
      + ingress tcp 8080
0 created, 2 changed, 0 deleted; dry run, nothing was changed; revision 2
"""


def test_help_and_completion(shop):
    text = shop("security-group", "--help").ok()
    assert "rule add|remove NAME RULE" in text and "rules[].remote_group" in text
    assert "ingress|egress" in shop("policy", "rule", "--help").ok()
    assert "prefixes" in shop("address-set", "add", "--help").ok()

    def complete(*words):
        return shop("complete", *words).ok().split()

    assert complete("address-set", "ad") == ["add"]
    assert complete("address-set", "add", "shop/") == ["shop/offices"]
    assert complete("security-group", "rule", "li") == ["list"]
    assert complete("security-group", "rule", "add", "shop/d") == ["shop/db"]
    assert complete("security-group", "rule", "add", "shop/db", "in") == ["ingress"]
    assert complete("policy", "rule", "add", "default", "de") == ["deny"]
    assert complete("port", "update", "shop/web1", "security_groups=shop/a") == \
        ["security_groups=shop/admin"]
    assert complete("network", "create", "shop/x", "timeouts_s.ic") == ["timeouts_s.icmp="]
    assert "tier=baseline" in complete("policy", "create", "x", "tier=")
